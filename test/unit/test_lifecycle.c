/*
 * test_lifecycle.c
 *		Which state may follow which, the backoff, and every row of the table of outcomes.
 */
#include "test.h"

#include <string.h>

#include "core/lengthof.h"
#include "core/lifecycle.h"

#define NOW INT64_C(1540512000000000)
#define SECOND INT64_C(1000000)

static void
test_names(void)
{
	MsgState state;
	int i;

	test_begin("lifecycle: names of states go both ways");
	for (i = 0; i < MSG_STATE_COUNT; i++)
		CHECK(msgext_state_parse(msgext_state_name((MsgState) i), &state) &&
			  state == (MsgState) i);
	CHECK_TEXT(msgext_state_name(MSG_UNDELIVERED), "undelivered");
	CHECK(!msgext_state_parse("Sent", &state));
	CHECK(!msgext_state_parse("", &state));
	test_end();

	test_begin("lifecycle: names of verdicts");
	CHECK_TEXT(msgext_verdict_name(MSG_VERDICT_ACCEPTED), "accepted");
	CHECK_TEXT(msgext_verdict_name(MSG_VERDICT_UNSURE), "unsure");
	test_end();
}

/* By row and column: "+" where a report moves a message. */
static void
test_order(void)
{
	static const struct
	{
		MsgState current;
		const char *moves; /* queued ... unknown, in the order of the enum */
		bool final;
	} rows[] = {
		/*                 q s a s d r u f r e c u */
		{MSG_QUEUED, "--+++++++++-", false},	 {MSG_SENDING, "--+++++++++-", false},
		{MSG_ACCEPTED, "---++++++++-", false},	 {MSG_SENT, "----+++++++-", false},
		{MSG_DELIVERED, "-----+------", true},	 {MSG_READ, "------------", true},
		{MSG_UNDELIVERED, "----++------", true}, {MSG_FAILED, "----++------", true},
		{MSG_REJECTED, "----++------", true},	 {MSG_EXPIRED, "----++------", true},
		{MSG_CANCELLED, "----++------", true},	 {MSG_UNKNOWN, "--+++++++++-", false}};
	size_t i;
	int reported;

	test_begin("lifecycle: which report moves which state");
	CHECK_INT((int64_t) lengthof(rows), MSG_STATE_COUNT);
	for (i = 0; i < lengthof(rows); i++)
	{
		for (reported = 0; reported < MSG_STATE_COUNT; reported++)
		{
			if (msgext_state_may_follow(rows[i].current, (MsgState) reported) !=
				(rows[i].moves[reported] == '+'))
				test_fail(__FILE__, __LINE__, "%s, then %s",
						  msgext_state_name(rows[i].current),
						  msgext_state_name((MsgState) reported));
		}
		CHECK_INT(msgext_state_is_final(rows[i].current), rows[i].final);
	}
	test_end();
}

static void
test_backoff(void)
{
	int64_t least = INT64_MAX;
	int64_t most = 0;
	uint64_t seed;
	int failures;

	test_begin("lifecycle: the backoff doubles up to its limit, within its upper half");
	for (failures = 0; failures < 80; failures++)
	{
		int64_t full = failures < 2	  ? 1000
					   : failures > 9 ? 300000
									  : 1000 << (failures - 1);

		if (full > 300000)
			full = 300000;
		for (seed = 0; seed < 200; seed++)
		{
			int64_t delay = msgext_backoff_ms(1000, 300000, failures, seed);

			if (delay < full / 2 || delay > full)
				test_fail(__FILE__, __LINE__, "%d failures: %lld", failures,
						  (long long) delay);
		}
	}
	test_end();

	test_begin("lifecycle: the jitter fills its range and repeats for the same seed");
	for (seed = 0; seed < 2000; seed++)
	{
		int64_t delay = msgext_backoff_ms(1000, 300000, 1, seed);

		CHECK_INT(msgext_backoff_ms(1000, 300000, 1, seed), delay);
		least = delay < least ? delay : least;
		most = delay > most ? delay : most;
	}
	CHECK(least < 510 && most > 990);
	test_end();

	test_begin("lifecycle: odd settings of the backoff");
	CHECK_INT(msgext_backoff_ms(0, 0, 5, 1), 1);
	CHECK(msgext_backoff_ms(5000, 1000, 3, 1) <= 1000);
	CHECK(msgext_backoff_ms(1000, INT64_MAX, 200, 7) > INT64_MAX / 4);
	test_end();
}

typedef struct Row
{
	const char *name;
	bool deduplicates;
	bool resend_unknown;
	int max_attempts;
	int64_t give_up_s;
	int failures;
	int64_t expires_s; /* from now; 0 = never */
	bool begun;
	bool maybe_sent;
	MsgVerdict verdict;
	bool inherent;
	int64_t retry_after_ms;

	MsgState state;
	int64_t least_ms; /* until the next attempt */
	int64_t most_ms;
	bool counted;
	MsgHold hold;
} Row;

static const Row rows[] = {
	{.name = "accepted",
	 .verdict = MSG_VERDICT_ACCEPTED,
	 .retry_after_ms = -1,
	 .state = MSG_ACCEPTED},
	{.name = "progress as answer to a send",
	 .verdict = MSG_VERDICT_PROGRESS,
	 .retry_after_ms = -1,
	 .state = MSG_ACCEPTED},
	{.name = "rejected",
	 .verdict = MSG_VERDICT_REJECTED,
	 .retry_after_ms = -1,
	 .state = MSG_REJECTED},

	{.name = "rejected, but an earlier attempt may have arrived",
	 .maybe_sent = true,
	 .verdict = MSG_VERDICT_REJECTED,
	 .retry_after_ms = -1,
	 .state = MSG_UNKNOWN},
	{.name = "rejected by what is in it, as it was before",
	 .maybe_sent = true,
	 .verdict = MSG_VERDICT_REJECTED,
	 .inherent = true,
	 .retry_after_ms = -1,
	 .state = MSG_REJECTED},

	{.name = "again, at once and never counted",
	 .max_attempts = 1,
	 .failures = 3,
	 .verdict = MSG_VERDICT_CONTINUE,
	 .retry_after_ms = -1,
	 .state = MSG_QUEUED},

	{.name = "retry",
	 .verdict = MSG_VERDICT_RETRY,
	 .retry_after_ms = -1,
	 .state = MSG_QUEUED,
	 .least_ms = 500,
	 .most_ms = 1000,
	 .counted = true},
	{.name = "retry, the fourth failure",
	 .failures = 3,
	 .verdict = MSG_VERDICT_RETRY,
	 .retry_after_ms = -1,
	 .state = MSG_QUEUED,
	 .least_ms = 4000,
	 .most_ms = 8000,
	 .counted = true},
	{.name = "retry when told",
	 .failures = 3,
	 .verdict = MSG_VERDICT_RETRY,
	 .retry_after_ms = 7000,
	 .state = MSG_QUEUED,
	 .least_ms = 7000,
	 .most_ms = 7000},
	{.name = "told to come back at once: a failure like any",
	 .verdict = MSG_VERDICT_RETRY,
	 .retry_after_ms = 0,
	 .state = MSG_QUEUED,
	 .least_ms = 500,
	 .most_ms = 1000,
	 .counted = true},
	{.name = "retry when told is not counted",
	 .max_attempts = 1,
	 .verdict = MSG_VERDICT_RETRY,
	 .retry_after_ms = 7000,
	 .state = MSG_QUEUED,
	 .least_ms = 7000,
	 .most_ms = 7000},
	{.name = "one attempt left",
	 .max_attempts = 5,
	 .failures = 3,
	 .verdict = MSG_VERDICT_RETRY,
	 .retry_after_ms = -1,
	 .state = MSG_QUEUED,
	 .least_ms = 4000,
	 .most_ms = 8000,
	 .counted = true},
	{.name = "attempts ran out",
	 .max_attempts = 5,
	 .failures = 4,
	 .verdict = MSG_VERDICT_RETRY,
	 .retry_after_ms = -1,
	 .state = MSG_FAILED,
	 .counted = true},
	{.name = "attempts ran out, but one may have arrived",
	 .max_attempts = 5,
	 .failures = 4,
	 .maybe_sent = true,
	 .verdict = MSG_VERDICT_RETRY,
	 .retry_after_ms = -1,
	 .state = MSG_UNKNOWN,
	 .counted = true},
	{.name = "given up",
	 .give_up_s = 3,
	 .failures = 3,
	 .verdict = MSG_VERDICT_RETRY,
	 .retry_after_ms = -1,
	 .state = MSG_FAILED,
	 .counted = true},
	{.name = "told to come back after it is given up",
	 .give_up_s = 3,
	 .verdict = MSG_VERDICT_RETRY,
	 .retry_after_ms = 3000,
	 .state = MSG_FAILED},
	{.name = "told to come back just before",
	 .give_up_s = 3,
	 .verdict = MSG_VERDICT_RETRY,
	 .retry_after_ms = 2999,
	 .state = MSG_QUEUED,
	 .least_ms = 2999,
	 .most_ms = 2999},
	{.name = "expires before the next attempt",
	 .expires_s = 3,
	 .failures = 3,
	 .verdict = MSG_VERDICT_RETRY,
	 .retry_after_ms = -1,
	 .state = MSG_EXPIRED,
	 .counted = true},
	{.name = "expires with a part of it sent",
	 .expires_s = 3,
	 .begun = true,
	 .verdict = MSG_VERDICT_CONTINUE,
	 .retry_after_ms = -1,
	 .state = MSG_QUEUED},
	{.name = "expires with a part of it sent before the next attempt",
	 .expires_s = 3,
	 .begun = true,
	 .verdict = MSG_VERDICT_RETRY,
	 .retry_after_ms = 3000,
	 .state = MSG_FAILED},
	{.name = "expires first, but may have arrived",
	 .expires_s = 3,
	 .maybe_sent = true,
	 .verdict = MSG_VERDICT_RETRY,
	 .retry_after_ms = 3000,
	 .state = MSG_UNKNOWN},
	{.name = "a time to wait beyond all time",
	 .give_up_s = 86400,
	 .verdict = MSG_VERDICT_RETRY,
	 .retry_after_ms = INT64_MAX,
	 .state = MSG_FAILED},

	{.name = "relogin",
	 .verdict = MSG_VERDICT_RELOGIN,
	 .retry_after_ms = -1,
	 .state = MSG_QUEUED},
	{.name = "pause",
	 .verdict = MSG_VERDICT_PAUSE,
	 .retry_after_ms = -1,
	 .state = MSG_QUEUED,
	 .hold = MSG_HOLD_SERVER},
	{.name = "pause of the account",
	 .verdict = MSG_VERDICT_PAUSE_ACCOUNT,
	 .retry_after_ms = -1,
	 .state = MSG_QUEUED,
	 .hold = MSG_HOLD_ACCOUNT},
	{.name = "pause of the account, and may have arrived before",
	 .maybe_sent = true,
	 .verdict = MSG_VERDICT_PAUSE_ACCOUNT,
	 .retry_after_ms = -1,
	 .state = MSG_QUEUED,
	 .hold = MSG_HOLD_ACCOUNT},

	{.name = "unsure, held",
	 .verdict = MSG_VERDICT_UNSURE,
	 .retry_after_ms = -1,
	 .state = MSG_UNKNOWN},
	{.name = "unsure, held although told to come back",
	 .verdict = MSG_VERDICT_UNSURE,
	 .retry_after_ms = 5000,
	 .state = MSG_UNKNOWN},
	{.name = "unsure, the provider deduplicates",
	 .deduplicates = true,
	 .verdict = MSG_VERDICT_UNSURE,
	 .retry_after_ms = -1,
	 .state = MSG_QUEUED,
	 .least_ms = 500,
	 .most_ms = 1000,
	 .counted = true},
	{.name = "unsure, resent by policy",
	 .resend_unknown = true,
	 .verdict = MSG_VERDICT_UNSURE,
	 .retry_after_ms = -1,
	 .state = MSG_QUEUED,
	 .least_ms = 500,
	 .most_ms = 1000,
	 .counted = true},
	{.name = "unsure, resent when told",
	 .deduplicates = true,
	 .verdict = MSG_VERDICT_UNSURE,
	 .retry_after_ms = 5000,
	 .state = MSG_QUEUED,
	 .least_ms = 5000,
	 .most_ms = 5000},
	{.name = "unsure to the last",
	 .deduplicates = true,
	 .max_attempts = 5,
	 .failures = 4,
	 .verdict = MSG_VERDICT_UNSURE,
	 .retry_after_ms = -1,
	 .state = MSG_UNKNOWN,
	 .counted = true},
	{.name = "unsure until it expires",
	 .deduplicates = true,
	 .expires_s = 3,
	 .verdict = MSG_VERDICT_UNSURE,
	 .retry_after_ms = 3000,
	 .state = MSG_UNKNOWN},
};

static void
check_row(const Row *row)
{
	MsgPolicy policy = {.deduplicates = row->deduplicates,
						.resend_unknown = row->resend_unknown,
						.max_attempts = row->max_attempts,
						.retry_min_ms = 1000,
						.retry_max_ms = 300000,
						.give_up_ms = row->give_up_s * 1000};
	MsgHistory history = {.failures = row->failures,
						  .first_attempt_us = NOW,
						  .expires_us =
							  row->expires_s != 0 ? NOW + row->expires_s * SECOND : 0,
						  .maybe_sent = row->maybe_sent,
						  .begun = row->begun};
	int seed;

	test_begin("lifecycle: %s", row->name);
	for (seed = 0; seed < 50; seed++)
	{
		MsgDecision decision;

		history.seed = (uint64_t) seed;
		memset(&decision, 0xEE, sizeof(decision));
		msgext_lifecycle_decide(&policy, &history, row->verdict, row->inherent,
								row->retry_after_ms, NOW, &decision);
		CHECK_TEXT(msgext_state_name(decision.state), msgext_state_name(row->state));
		CHECK_INT(decision.counted, row->counted);
		CHECK_INT(decision.hold, row->hold);
		if (row->state == MSG_QUEUED)
			CHECK(decision.next_us >= NOW + row->least_ms * 1000 &&
				  decision.next_us <= NOW + row->most_ms * 1000);
		if (row->state == MSG_FAILED || row->state == MSG_EXPIRED ||
			(row->state == MSG_UNKNOWN && row->maybe_sent))
			CHECK(decision.note != NULL);
	}
	test_end();
}

/* What may be true of a message and its server beside the verdict, one at a time. */
typedef struct Setting
{
	const char *name;
	bool deduplicates;
	bool resend_unknown;
} Setting;

static const Setting settings[] = {{"held", false, false},
								   {"resent", false, true},
								   {"deduplicated", true, false},
								   {"deduplicated and resent", true, true}};

typedef struct Prospect
{
	const char *name;
	int max_attempts;
	int64_t give_up_s;
	int64_t expires_s;
	int64_t retry_after_ms;
} Prospect;

static const Prospect prospects[] = {{"goes on", 0, 0, 0, -1},
									 {"no attempt is left", 1, 0, 0, -1},
									 {"is given up", 0, 3, 0, 3000},
									 {"expires", 0, 0, 3, 3000}};

/*
 * Of every verdict the state that follows, by prospect, for each setting: Queued,
 * Accepted, Rejected, Failed, Expired, Unknown.
 */
static const struct
{
	MsgVerdict verdict;
	bool inherent;
	const char *first[4];	 /* nothing of it can have arrived before */
	const char *repeated[4]; /* an earlier attempt may have */
} table[] = {
	{MSG_VERDICT_ACCEPTED,
	 false,
	 {"AAAA", "AAAA", "AAAA", "AAAA"},
	 {"AAAA", "AAAA", "AAAA", "AAAA"}},
	{MSG_VERDICT_PROGRESS,
	 false,
	 {"AAAA", "AAAA", "AAAA", "AAAA"},
	 {"AAAA", "AAAA", "AAAA", "AAAA"}},
	{MSG_VERDICT_RETRY,
	 false,
	 {"QFFE", "QFFE", "QFFE", "QFFE"},
	 {"QUUU", "QUUU", "QUUU", "QUUU"}},
	{MSG_VERDICT_CONTINUE,
	 false,
	 {"QQQQ", "QQQQ", "QQQQ", "QQQQ"},
	 {"QQQQ", "QQQQ", "QQQQ", "QQQQ"}},
	{MSG_VERDICT_SPLIT,
	 false,
	 {"QQQQ", "QQQQ", "QQQQ", "QQQQ"},
	 {"QQQQ", "QQQQ", "QQQQ", "QQQQ"}},
	{MSG_VERDICT_REJECTED,
	 false,
	 {"RRRR", "RRRR", "RRRR", "RRRR"},
	 {"UUUU", "UUUU", "UUUU", "UUUU"}},
	{MSG_VERDICT_REJECTED,
	 true,
	 {"RRRR", "RRRR", "RRRR", "RRRR"},
	 {"RRRR", "RRRR", "RRRR", "RRRR"}},
	{MSG_VERDICT_RELOGIN,
	 false,
	 {"QQQQ", "QQQQ", "QQQQ", "QQQQ"},
	 {"QQQQ", "QQQQ", "QQQQ", "QQQQ"}},
	{MSG_VERDICT_PAUSE,
	 false,
	 {"QQQQ", "QQQQ", "QQQQ", "QQQQ"},
	 {"QQQQ", "QQQQ", "QQQQ", "QQQQ"}},
	{MSG_VERDICT_PAUSE_ACCOUNT,
	 false,
	 {"QQQQ", "QQQQ", "QQQQ", "QQQQ"},
	 {"QQQQ", "QQQQ", "QQQQ", "QQQQ"}},
	{MSG_VERDICT_UNSURE,
	 false,
	 {"UUUU", "QUUU", "QUUU", "QUUU"},
	 {"UUUU", "QUUU", "QUUU", "QUUU"}},
};

static char
letter(MsgState state)
{
	return (char) (msgext_state_name(state)[0] - 'a' + 'A');
}

/* Every row of table, for a message that was sent before or not. */
static void
check_table(size_t row, bool repeated)
{
	size_t i;
	size_t j;

	test_begin("lifecycle: %s%s, %s", msgext_verdict_name(table[row].verdict),
			   table[row].inherent ? " by what is in it" : "",
			   repeated ? "of a repeat" : "of a first attempt");
	for (i = 0; i < 4; i++)
	{
		for (j = 0; j < 4; j++)
		{
			const Prospect *prospect = &prospects[j];
			char expected = (repeated ? table[row].repeated : table[row].first)[i][j];
			MsgPolicy policy = {.deduplicates = settings[i].deduplicates,
								.resend_unknown = settings[i].resend_unknown,
								.max_attempts = prospect->max_attempts,
								.retry_min_ms = 1000,
								.retry_max_ms = 300000,
								.give_up_ms = prospect->give_up_s * 1000};
			MsgHistory history = {.first_attempt_us = NOW, .maybe_sent = repeated};
			MsgDecision decision;

			if (prospect->expires_s != 0)
				history.expires_us = NOW + prospect->expires_s * SECOND;
			msgext_lifecycle_decide(&policy, &history, table[row].verdict,
									table[row].inherent, prospect->retry_after_ms, NOW,
									&decision);
			if (letter(decision.state) != expected)
				test_fail(__FILE__, __LINE__, "%s, %s: %s", settings[i].name,
						  prospect->name, msgext_state_name(decision.state));
		}
	}
	test_end();
}

void
test_lifecycle(void)
{
	size_t i;

	test_names();
	test_order();
	test_backoff();
	for (i = 0; i < lengthof(rows); i++)
		check_row(&rows[i]);
	for (i = 0; i < lengthof(table); i++)
	{
		check_table(i, false);
		check_table(i, true);
	}
}
