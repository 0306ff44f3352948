/*
 * rehearsal.c
 *		The engine inside the caller's transaction: see rehearsal.h.
 *
 * Owns the order of turns at a time, and of times. How a request is answered is
 * answerer.c's.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "pg/base/clock.h"
#include "pg/base/text.h"
#include "pg/engine/admit.h"
#include "pg/engine/turn.h"
#include "pg/ipc/notify.h"
#include "pg/store/origin.h"
#include "pg/test/case.h"
#include "pg/test/preview.h"
#include "pg/test/rehearsal.h"

/* More attempts of one message at one time are a test that never ends. */
#define ATTEMPTS_MAX 10000

struct MsgRehearsal
{
	MsgEngine engine; /* the first: the engine's take() knows it by this */
	MemoryContext context;
	MsgAnswerer answerer;
	MsgTestCase test; /* as it was */
	bool runs;		  /* its clock did, and does again */
	TimestampTz now;
	bool begun;	 /* a turn has been taken */
	bool looked; /* at what an account or a limit holds back: the same for a call */
	bool claims; /* the next turn is to make flights */
	const MsgCaseMessage *only; /* of the case, or NULL: all */
};

static void
see_own_writes(void)
{
	CommandCounterIncrement();
}

static const MsgXactOps host = {see_own_writes, see_own_writes};

static void
set_clock(MsgRehearsal *rehearsal, TimestampTz at)
{
	MsgTestCase test = rehearsal->test;

	test.clock = rehearsal->now = at;
	msgext_test_case_set(&test);
}

/* Does the provider get asked about it, some time? */
static bool
is_polled(const MsgRow *row)
{
	return row->state != MSG_QUEUED && row->next_attempt_at != 0 &&
		   !msgext_state_is_final(row->state);
}

static MsgUpstream *
upstream_of(MsgEngine *engine, const MsgRow *row)
{
	MsgUpstream *upstream = msgext_upstream_find(&engine->upstreams, row->server_oid);

	return upstream != NULL && upstream->server != NULL && !upstream->paused &&
				   row->origin == msgext_origin()
			   ? upstream
			   : NULL;
}

/* One message whose time has come; or, if forced, one whose time it is made. */
static void
take_queued(MsgRehearsal *rehearsal, MsgUpstream *upstream, MsgCaseMessage *message)
{
	MsgEngine *engine = &rehearsal->engine;
	MsgRow due = message->row;
	TimestampTz reminded = due.next_attempt_at;
	MsgAdmission result;

	if (reminded > rehearsal->now && rehearsal->only == message)
		due.next_attempt_at = rehearsal->now;
	result = reminded > rehearsal->now && rehearsal->only != message
				 ? msgext_admit_early(engine, upstream, &due)
				 : msgext_admit(engine, upstream, NULL, &due);
	if (result == MSG_ADMIT_STOP || result == MSG_ADMIT_WAITS)
		return;
	if (reminded != 0)
		msgext_reminder_remove_one(reminders_of(&engine->turn), upstream->oid,
								   MSG_REMINDER_SEND, reminded, due.id);
	message->stale = true;
}

/* As poll.c does, of one message. */
static void
take_polled(MsgRehearsal *rehearsal, MsgUpstream *upstream, MsgCaseMessage *message)
{
	MsgEngine *engine = &rehearsal->engine;
	const MsgRow *row = &message->row;
	MsgAccount *account = msgext_server_account(upstream->server, row->sender_oid,
												msgext_row_text(row, Anum_outbox_sender));
	TimestampTz until;
	MsgFlight *flight;

	if (account->error != NULL || msgext_refusal_holds(upstream, account) ||
		msgext_flights_find(&engine->flights, row->id) != NULL ||
		!msgext_batch_has_room(&engine->batches, &engine->flights, upstream, account,
							   row->id, MSG_FLIGHT_POLL) ||
		msgext_session_need(engine->sessions, &engine->flights, upstream, account,
							rehearsal->now, &until) != MSG_SESSION_READY)
		return;
	flight = msgext_batch_join(&engine->batches, &engine->flights, engine->sessions,
							   upstream, account, row, MSG_FLIGHT_POLL);
	flight->reminders[flight->n - 1].at = row->next_attempt_at;
	flight->reminders[flight->n - 1].id = row->id;
	message->stale = true;
}

/* Those set aside go first, by their time; then new ones, by priority. */
static int
compare_due(const void *a, const void *b)
{
	const MsgRow *one = &(*(MsgCaseMessage *const *) a)->row;
	const MsgRow *two = &(*(MsgCaseMessage *const *) b)->row;

	if ((one->next_attempt_at == 0) != (two->next_attempt_at == 0))
		return one->next_attempt_at == 0 ? 1 : -1;
	if (one->next_attempt_at != two->next_attempt_at)
		return one->next_attempt_at < two->next_attempt_at ? -1 : 1;
	if (one->priority != two->priority)
		return one->priority < two->priority ? -1 : 1;
	return one->id < two->id ? -1 : one->id > two->id;
}

/* What waits for an account, or for a limit that has changed, is looked at too. */
static bool
is_looked_at(const MsgRehearsal *rehearsal, const MsgCaseMessage *message)
{
	const MsgRow *row = &message->row;

	if (rehearsal->only != NULL)
		return rehearsal->only == message;
	if (row->state == MSG_QUEUED)
		return row->next_attempt_at <= rehearsal->now ||
			   (!rehearsal->looked && !row->nulls[Anum_outbox_waiting - 1]);
	return is_polled(row) && row->next_attempt_at <= rehearsal->now;
}

/* The engine's take(), for the messages of the case alone. */
static void
take(MsgEngine *engine)
{
	MsgRehearsal *rehearsal = (MsgRehearsal *) engine;
	MsgAnswerer *answerer = &rehearsal->answerer;
	MsgCaseMessage **due = palloc(sizeof(MsgCaseMessage *) * (answerer->n + 1));
	dlist_iter iter;
	int n = 0;
	int i;

	if (!rehearsal->claims)
		return;
	msgext_turn_see_own_writes();
	msgext_answerer_refresh(answerer, outbox_of(&engine->turn));
	for (i = 0; i < answerer->n; i++)
		if (is_looked_at(rehearsal, &answerer->messages[i]))
			due[n++] = &answerer->messages[i];
	rehearsal->looked = true;
	qsort(due, n, sizeof(MsgCaseMessage *), compare_due);
	for (i = 0; i < n; i++)
	{
		MsgUpstream *upstream = upstream_of(engine, &due[i]->row);

		if (upstream == NULL)
			continue;
		if (due[i]->row.state == MSG_QUEUED)
			take_queued(rehearsal, upstream, due[i]);
		else if (upstream->server->poll || rehearsal->only != NULL)
			take_polled(rehearsal, upstream, due[i]);
		CHECK_FOR_INTERRUPTS();
	}

	/* A claim is for those who may look while a request is on the wire. */
	dlist_foreach(iter, &engine->flights.fresh) dlist_container(MsgFlight, node, iter.cur)
		->claim = NULL;
	if (engine->batches.open != NULL)
		pfree(engine->batches.open);
	engine->batches.open = NULL;
}

static int64
seed(const MsgEngine *engine, int64 message)
{
	const MsgRehearsal *rehearsal = (const MsgRehearsal *) engine;

	return msgext_answerer_find(&rehearsal->answerer, message)->n;
}

/* A turn; then what it has recorded is told. */
static void
take_turn(MsgRehearsal *rehearsal)
{
	MsgEngine *engine = &rehearsal->engine;
	MsgTurnPlan plan = {.records = true, .claims = true};
	MemoryContext before = CurrentMemoryContext;

	/* Who is paused, at the first one; later on, answers tell. */
	plan.news = rehearsal->begun ? 0 : MSG_NEWS_SERVER;
	rehearsal->begun = true;
	rehearsal->answerer.rules.now = rehearsal->now;
	rehearsal->answerer.turn++;
	(void) msgext_turn(engine, &plan);
	MemoryContextSwitchTo(before);
	msgext_case_see();
	msgext_answerer_note_states(&rehearsal->answerer);
	msgext_case_unsee();
	if (rehearsal->answerer.rules.error != NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("the provider cannot answer so: %s",
							   msgext_from_utf8(rehearsal->answerer.rules.error))));
}

/* What goes out again at once has its time in the next turn, a moment from now. */
static TimestampTz
next_at_once(const MsgRehearsal *rehearsal)
{
	const MsgAnswerer *answerer = &rehearsal->answerer;
	TimestampTz at = 0;
	int i;

	for (i = 0; i < answerer->n; i++)
	{
		const MsgCaseMessage *message = &answerer->messages[i];
		TimestampTz next = message->row.next_attempt_at;

		if (message->attempted_at != 0 && next > rehearsal->now &&
			next <= message->attempted_at + MSG_NEXT_TURN_US && (at == 0 || next < at))
			at = next;
	}
	return at;
}

static void
check_attempts(const MsgRehearsal *rehearsal)
{
	const MsgAnswerer *answerer = &rehearsal->answerer;
	int i;

	for (i = 0; i < answerer->n; i++)
		if (answerer->messages[i].attempts_now > ATTEMPTS_MAX)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("message %d is sent again and again at one time", i + 1)));
}

/* Who was set aside, or came to an end, without having been sent. */
static void
tell_of_the_others(MsgRehearsal *rehearsal)
{
	MsgAnswerer *answerer = &rehearsal->answerer;
	int i;

	for (i = 0; i < answerer->n; i++)
	{
		MsgCaseMessage *message = &answerer->messages[i];
		const char *waiting;
		bool ended;
		bool waits;

		if (!message->read_again)
			continue;
		waiting = msgext_row_text(&message->row, Anum_outbox_waiting);
		ended = message->row.state != message->told_state;
		waits = waiting != NULL && (message->told_waiting == NULL ||
									strcmp(waiting, message->told_waiting) != 0);
		if (!message->told_now && (ended || waits))
			msgext_answerer_tell(answerer, message, 0,
								 ended ? NULL : psprintf("waits: %s", waiting));
		message->told_state = message->row.state;
		message->told_waiting = waiting;
		message->read_again = false;
		message->told_now = false;
		message->attempted_at = 0;
		message->attempts_now = 0;
	}
}

/* Turns, until nothing more is due at the clock. */
static void
run_here(MsgRehearsal *rehearsal)
{
	TimestampTz clock = rehearsal->now;
	TimestampTz at;
	MemoryContext before = MemoryContextSwitchTo(rehearsal->context);

	rehearsal->claims = true;
	for (;;)
	{
		do
		{
			take_turn(rehearsal);
			check_attempts(rehearsal);
			if (rehearsal->only != NULL)
				rehearsal->claims = false;
		} while (rehearsal->engine.flights.count > 0);
		at = rehearsal->only != NULL ? 0 : next_at_once(rehearsal);
		if (at == 0)
			break;
		set_clock(rehearsal, at);
	}
	if (rehearsal->now != clock)
		set_clock(rehearsal, clock);
	tell_of_the_others(rehearsal);
	MemoryContextSwitchTo(before);
}

/* The first time behind the clock at which one of the messages is due, or 0. */
static TimestampTz
next_due(const MsgRehearsal *rehearsal)
{
	const MsgAnswerer *answerer = &rehearsal->answerer;
	TimestampTz at = 0;
	int i;

	for (i = 0; i < answerer->n; i++)
	{
		const MsgRow *row = &answerer->messages[i].row;

		if ((row->state == MSG_QUEUED || is_polled(row)) &&
			row->next_attempt_at > rehearsal->now &&
			(at == 0 || row->next_attempt_at < at))
			at = row->next_attempt_at;
	}
	return at;
}

MsgRehearsal *
msgext_rehearsal_begin(void)
{
	const MsgTestCase *test;
	MemoryContext before;
	MemoryContext context;
	MsgRehearsal *rehearsal;

	PreventCommandIfReadOnly("msgext_test");
	test = msgext_case();
	context = AllocSetContextCreate(CurrentMemoryContext, "msgext rehearsal",
									ALLOCSET_DEFAULT_SIZES);
	before = MemoryContextSwitchTo(context);
	rehearsal = palloc0(sizeof(MsgRehearsal));
	rehearsal->context = context;
	rehearsal->test = *test;
	rehearsal->runs = test->clock == 0;
	msgext_engine_init(&rehearsal->engine, context, &host);
	rehearsal->engine.take = take;
	rehearsal->engine.seed = seed;
	rehearsal->engine.peer = &rehearsal->answerer.peer;
	msgext_sessions_grant(rehearsal->engine.sessions, &msgext_preview_login);
	set_clock(rehearsal, msgext_clock());
	msgext_answerer_init(&rehearsal->answerer, context, &rehearsal->engine);
	MemoryContextSwitchTo(before);
	return rehearsal;
}

void
msgext_rehearsal_end(MsgRehearsal *rehearsal)
{
	msgext_engine_release(&rehearsal->engine);
}

void
msgext_rehearsal_run(MsgRehearsal *rehearsal)
{
	run_here(rehearsal);
}

void
msgext_rehearsal_advance(MsgRehearsal *rehearsal, TimestampTz until)
{
	TimestampTz at;

	rehearsal->runs = false;
	run_here(rehearsal);
	while ((at = next_due(rehearsal)) != 0 && at <= until)
	{
		CHECK_FOR_INTERRUPTS();
		set_clock(rehearsal, at);
		run_here(rehearsal);
	}
	set_clock(rehearsal, until);
}

void
msgext_rehearsal_answer(MsgRehearsal *rehearsal, int n, const MsgScripted *answer)
{
	MsgCaseMessage *message = msgext_answerer_message(&rehearsal->answerer, n);
	const char *waiting;

	if (message->row.state != MSG_QUEUED)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("message %d is not queued", n),
						errdetail("It is %s.", msgext_state_name(message->row.state))));
	rehearsal->only = message;
	rehearsal->answerer.rules.forced = answer;
	run_here(rehearsal);
	if (rehearsal->answerer.entries != NIL)
		return;
	waiting = msgext_row_text(&message->row, Anum_outbox_waiting);
	ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					errmsg("message %d may not leave now", n),
					errdetail("It is %s%s%s.", msgext_state_name(message->row.state),
							  waiting != NULL ? ", and waits: "
											  : ", and its server cannot be used",
							  waiting != NULL ? waiting : "")));
}

void
msgext_rehearsal_ask(MsgRehearsal *rehearsal, int n, MsgState state, const char *channel)
{
	MsgCaseMessage *message = msgext_answerer_message(&rehearsal->answerer, n);

	if (!is_polled(&message->row))
		ereport(
			ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("nobody asks for the status of message %d", n),
			 errdetail("It is %s; a provider that does not push tells only whom asks.",
					   msgext_state_name(message->row.state))));
	rehearsal->only = message;
	rehearsal->answerer.rules.told = true;
	rehearsal->answerer.rules.told_state = state;
	rehearsal->answerer.rules.told_channel = channel;
	run_here(rehearsal);
}

List *
msgext_rehearsal_finish(MsgRehearsal *rehearsal)
{
	msgext_case_see();
	msgext_answerer_finish(&rehearsal->answerer);
	msgext_case_unsee();
	if (rehearsal->runs)
		msgext_test_case_set(&rehearsal->test);
	return rehearsal->answerer.happenings;
}
