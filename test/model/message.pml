/*
 * message.pml
 *		Two messages on their way: claim, send, record, callback, retry, cancel, crash and
 *		recovery, in every order. docs/model.md says what is modelled and what is not.
 *
 * Owns the rules of the engine as far as they concern more than one process, and the
 * invariants. Every rule that matters has a broken variant beside it (BREAK_...), which
 * run.sh builds and which must be found to fail.
 *
 * Set from outside: CANCELS, RETRIES, REPORTS (which messages a person cancels or retries
 * and the provider reports on: a mask, 1 = the first, 3 = both), CRASHES, POLICIES (a mask),
 * ONLY (the one invariant that is looked at; 0 = all) and at most one BREAK_ variant.
 */

#ifndef CANCELS
#define CANCELS 1
#endif
#ifndef RETRIES
#define RETRIES 1
#endif
#ifndef REPORTS
#define REPORTS 1
#endif
#ifndef CRASHES
#define CRASHES 2
#endif
#ifndef POLICIES
#define POLICIES 7
#endif
#ifndef ONLY
#define ONLY 0
#endif

/* The invariants. */
#define STUCK 1		/* no end, no next step */
#define DOUBLED 2	/* taken twice, and the database does not say that it may be */
#define BACKWARDS 3 /* a state that may not follow */
#define UNTRUE 4	/* accepted, and the provider has it not; ended, and it has or gets it */
#define DURABLE 5	/* a request is out whose claim is not on disk */
#define UNHEARD 6	/* a report that nobody will ever apply */
#define NEVER(what, fault) assert(!((ONLY == 0 || ONLY == what) && (fault)))

#define MASK(who, m) (((who) >> (m)) & 1)

/* States. FAILED stands for failed, rejected and expired: it says that nothing was taken. */
mtype = { NONE, QUEUED, ACCEPTED, DELIVERED, UNDELIVERED, FAILED, CANCELLED, UNKNOWN };

/* What becomes of a repeat: the provider knows our key; on_unknown 'hold' and 'resend'. */
mtype = { DEDUPLICATES, HOLD, RESEND };

/*
 * A request: it may be on the wire; the provider has taken its message; it only asks for a
 * status; it was never made (BREAK_LAUNCH). And what else it comes to than to be taken.
 */
mtype = { AWAY, OUT, TAKEN, STATUS, LOST };
mtype = { BUSY, REFUSED, UNSURE, CUT };

/* A turn; and what it makes of a message it looks at: claim it, drop what led to it (it is
 * none), or set it aside, for another transaction holds its row. */
mtype = { IDLE, OPEN };
mtype = { CLAIM, DROP, ASIDE };

/* What led to a message: the lane, or a reminder of the time in its row, or of another. */
mtype = { LANE, REMINDER, STALE };

/* A transaction of a person's or of the web tier's. */
mtype = { BEGIN, CHANGED, FENCED, HELD, LOOKED, WRITTEN, ALONE, FOUND, APPLIED, DONE };

/* A callback's row. */
mtype = { UNMATCHED, MATCHED };

/* The database, as it is seen, and as far as it is on disk. */
typedef Row {
	mtype state = NONE;
	byte attempts;
	byte failures;
	bool maybe_sent;
	bool timed;	   /* next_attempt_at is set */
	bool reminder; /* a reminder of that time is in "due" */
	bool stale;	   /* one of another time is */
	bool passed;   /* by the lane, as far as that is written down */
	bool told;	   /* the timeline says that it may have been taken, or did not arrive */
	bool known;	   /* its reference is there */
	mtype callback = NONE
};
typedef Claim { byte attempt[2] };
Row row[2];
Row disk[2];
Claim claim[2];
Claim disk_claim[2];

/* The dispatcher's memory. */
bool running;	   /* if not, there is none */
bool inherited[2]; /* this claim is one of the dispatcher before */
mtype turn = IDLE;
mtype request[2] = AWAY;
byte attempt[2];
bool recording[2];
mtype outcome[2] = NONE;
mtype take[2] = NONE;
mtype way[2] = NONE;
bool passed[2];
bool matching[2]; /* in this turn a report is applied to it */
bool rematch[2];

/* The network and the provider. */
mtype policy = HOLD;
byte late[2];	/* requests that nobody waits for, and that may still arrive */
byte ledger[2]; /* how often it was taken; 2 = twice or more */
mtype report[2] = NONE;

/* People and the web tier. */
mtype cancel[2] = BEGIN;
mtype push[2] = BEGIN;
bool retried[2];
byte crashes;

/* ------------------------------------------------------------------------------------- */

/* Somebody else's transaction has changed the row and has not ended. */
#define LOCKED(m) \
	(cancel[m] == CHANGED || cancel[m] == FENCED || cancel[m] == HELD || push[m] == APPLIED)
#define LOCKED_BY_TURN(m) (turn == OPEN && (recording[m] || matching[m]))
#define REFERENCE_IN_PROGRESS(m) (turn == OPEN && recording[m] && outcome[m] == TAKEN)
#define PUSH_IN_PROGRESS(m) \
	(push[m] == WRITTEN || push[m] == ALONE || push[m] == FOUND || push[m] == APPLIED)
#define MAY_MATCH(m) (row[m].callback == UNMATCHED || PUSH_IN_PROGRESS(m))
#define CLAIMED(c, m, n) (c[0].attempt[m] == (n) || c[1].attempt[m] == (n))
#define NO_CLAIM(k) (claim[k].attempt[0] == 0 && claim[k].attempt[1] == 0)
#define SENDING(m) (request[m] == OUT || request[m] == TAKEN)
#define LEFT(m, k) (inherited[k] && claim[k].attempt[m] != 0 && FENCE(m, claim[k].attempt[m]))

inline copy_row(to, from)
{
	to.state = from.state;
	to.attempts = from.attempts;
	to.failures = from.failures;
	to.maybe_sent = from.maybe_sent;
	to.timed = from.timed;
	to.reminder = from.reminder;
	to.stale = from.stale;
	to.passed = from.passed;
	to.told = from.told;
	to.known = from.known;
	to.callback = from.callback
}

inline forget_row(to)
{
	to.state = NONE;
	to.attempts = 0;
	to.failures = 0;
	to.maybe_sent = false;
	to.timed = false;
	to.reminder = false;
	to.stale = false;
	to.passed = false;
	to.told = false;
	to.known = false;
	to.callback = NONE
}

#define COPY_CLAIMS(to, from) \
	to[0].attempt[0] = from[0].attempt[0]; \
	to[0].attempt[1] = from[0].attempt[1]; \
	to[1].attempt[0] = from[1].attempt[0]; \
	to[1].attempt[1] = from[1].attempt[1]

/*
 * The log is written in order: a crash leaves the database as it was seen at some time.
 * That time is guessed when it comes, in front of the first commit that will be lost: from
 * then on nothing reaches the disk, and the cluster crashes before something has to. Every
 * way to lose commits is one of these.
 */
bool losing;

inline commit_later()
{
	if
	:: true
	:: crashes < CRASHES && !losing ->
		d_step {
			copy_row(disk[0], row[0]);
			copy_row(disk[1], row[1]);
			COPY_CLAIMS(disk_claim, claim);
			losing = true
		}
	fi
}

inline restore()
{
	copy_row(row[0], disk[0]);
	copy_row(row[1], disk[1]);
	COPY_CLAIMS(claim, disk_claim);
	forget_row(disk[0]);
	forget_row(disk[1]);
	disk_claim[0].attempt[0] = 0;
	disk_claim[0].attempt[1] = 0;
	disk_claim[1].attempt[0] = 0;
	disk_claim[1].attempt[1] = 0;
	losing = false
}

/*
 * To a lane, a message that was claimed, has a time or is not queued is none: it passes it
 * and nothing follows. So that it has, or has not, makes no difference, and one of both is
 * enough.
 */
inline pass(m)
{
	row[m].passed = true;
	passed[m] = running
}

/* No reminder stands for the time in the row any more. */
inline untime(m)
{
	row[m].stale = row[m].stale || row[m].reminder;
	row[m].reminder = false;
	row[m].timed = false
}

inline set_time(m)
{
	untime(m);
	pass(m);
	row[m].timed = true;
	row[m].reminder = true
}

/* What an answer makes of the state: from queued alone. */
inline set_state(m, to)
{
	NEVER(BACKWARDS, row[m].state != QUEUED);
	untime(m);
	pass(m);
	row[m].state = to
}

inline repeat(m)
{
	row[m].failures = row[m].failures + 1;
	if
	:: row[m].failures < 2 -> set_time(m)
	:: else ->
		if
		:: row[m].maybe_sent -> set_state(m, UNKNOWN)
		:: else -> set_state(m, FAILED)
		fi
	fi
}

#ifdef BREAK_ATTEMPT
#define FENCE(m, n) (true)
#else
#define FENCE(m, n) (row[m].state == QUEUED && row[m].attempts + 1 == (n))
#endif

/* msgext_lifecycle_decide() and what record.c makes of it. */
inline record(m, n, result)
{
	if
	:: FENCE(m, n) ->
		row[m].attempts = n;
		if
		:: result == TAKEN ->
			set_state(m, ACCEPTED);
			row[m].known = true
		:: result == BUSY -> repeat(m)
		:: result == REFUSED ->
#ifdef BREAK_REFUSAL
			set_state(m, FAILED)
#else
			if
			:: row[m].maybe_sent -> set_state(m, UNKNOWN)
			:: else -> set_state(m, FAILED)
			fi
#endif
		:: result == UNSURE || result == CUT ->
			row[m].told = true;
			row[m].maybe_sent = true;
			if
			:: policy == HOLD -> set_state(m, UNKNOWN)
			:: else -> repeat(m)
			fi
		fi
	:: else
	fi
}

/* The cascade: proof of delivery beats every other end, an end beats progress. */
inline apply_report(m, word)
{
	if
	:: word == DELIVERED && row[m].state != DELIVERED ->
		untime(m);
		pass(m);
		row[m].state = DELIVERED
	:: word == UNDELIVERED &&
	   (row[m].state == QUEUED || row[m].state == UNKNOWN || row[m].state == ACCEPTED) ->
		untime(m);
		pass(m);
		row[m].told = true;
		row[m].state = UNDELIVERED
	:: else
	fi
}

/* If it is left, and nobody holds its row. */
inline settle(m, k)
{
	if
	:: LEFT(m, k) && !LOCKED(m) ->
#ifdef BREAK_SETTLE
		/* Sent again, as if it had not been out. */
		row[m].attempts = claim[k].attempt[m];
		repeat(m)
#else
		record(m, claim[k].attempt[m], UNSURE)
#endif
	:: else
	fi
}

/* One transaction, beside the turns. */
#define SETTLING(k) \
	:: atomic { \
		running && turn == IDLE && inherited[k] && \
		(!LEFT(0, k) || !LOCKED(0) || !LEFT(1, k) || !LOCKED(1)) -> \
		commit_later(); \
		d_step { \
			settle(0, k); \
			settle(1, k); \
			if \
			:: !LEFT(0, k) && !LEFT(1, k) -> \
				claim[k].attempt[0] = 0; \
				claim[k].attempt[1] = 0; \
				inherited[k] = false \
			:: else \
			fi \
		} }

/* A claim's row goes with the last of its messages. */
inline remove_claim_if_done(k)
{
#ifdef BREAK_BATCH
	if
	:: !inherited[k] &&
	   ((claim[k].attempt[0] != 0 && recording[0] && attempt[0] == claim[k].attempt[0]) ||
		(claim[k].attempt[1] != 0 && recording[1] && attempt[1] == claim[k].attempt[1]))
#else
	if
	:: !inherited[k] &&
	   !(claim[k].attempt[0] != 0 && request[0] != AWAY && !recording[0] &&
		 attempt[0] == claim[k].attempt[0]) &&
	   !(claim[k].attempt[1] != 0 && request[1] != AWAY && !recording[1] &&
		 attempt[1] == claim[k].attempt[1])
#endif
		->
		claim[k].attempt[0] = 0;
		claim[k].attempt[1] = 0
	:: else
	fi
}

inline land(m)
{
	if
	:: recording[m] ->
		if
		:: request[m] != STATUS -> record(m, attempt[m], outcome[m])
		:: else -> apply_report(m, report[m])
		fi
	:: else
	fi;
	if
	:: matching[m] ->
		apply_report(m, report[m]);
		row[m].callback = MATCHED
	:: else
	fi
}

inline forget_request(m)
{
	if
	:: recording[m] ->
		late[m] = (outcome[m] == CUT -> late[m] + 1 : late[m]);
		request[m] = AWAY;
		attempt[m] = 0
	:: else
	fi
}

inline follow(m, k)
{
	if
	:: take[m] == CLAIM ->
		pass(m);
		claim[k].attempt[m] = row[m].attempts + 1;
		attempt[m] = row[m].attempts + 1;
#ifdef BREAK_LAUNCH
		/* An ERROR while the request is encoded. */
		request[m] = LOST
#else
		request[m] = OUT
#endif
	:: else
	fi;
	if
	:: take[m] != NONE && way[m] == LANE ->
		passed[m] = true;
		row[m].stale = row[m].stale || take[m] == ASIDE
#ifdef BREAK_REMINDER
	:: take[m] == ASIDE && way[m] == REMINDER ->
		row[m].reminder = false;
		row[m].stale = true
	:: take[m] != ASIDE && take[m] != NONE && way[m] == REMINDER -> row[m].reminder = false
	:: take[m] != ASIDE && take[m] != NONE && way[m] == STALE -> row[m].stale = false
#else
	/* Set aside: it stays due. */
	:: take[m] != NONE && take[m] != ASIDE && way[m] == REMINDER -> row[m].reminder = false
	:: take[m] != NONE && take[m] != ASIDE && way[m] == STALE -> row[m].stale = false
#endif
	:: else
	fi
}

inline follow_lane(m)
{
	passed[m] = passed[m] || way[m] == LANE
}

inline end_turn()
{
	turn = IDLE;
	recording[0] = false;
	recording[1] = false;
	outcome[0] = NONE;
	outcome[1] = NONE;
	matching[0] = false;
	matching[1] = false;
	take[0] = NONE;
	take[1] = NONE;
	way[0] = NONE;
	way[1] = NONE
}

/* ------------------------------------------------------------------------------------- */

/* Begin: what has come in is recorded, if nobody holds its row. */
inline may_record(m)
{
	if
	:: request[m] == TAKEN && !LOCKED(m) ->
		recording[m] = true;
		if
		:: outcome[m] = TAKEN
		:: outcome[m] = UNSURE /* its answer is lost */
		fi
	:: request[m] == OUT && !LOCKED(m) ->
		recording[m] = true;
		if
		:: outcome[m] = BUSY /* certainly not taken, or it never left */
		:: outcome[m] = REFUSED
		:: outcome[m] = CUT /* nobody waits for it any more; it may still arrive */
		fi
	:: request[m] == STATUS && !LOCKED(m) -> recording[m] = true
	:: request[m] != TAKEN || LOCKED(m)
	fi;
	if
	:: recording[m] && request[m] == STATUS && report[m] == NONE ->
		/* What it answers; nothing new is an answer too. */
		if
		:: row[m].state == ACCEPTED && MASK(REPORTS, m) -> report[m] = DELIVERED
		:: row[m].state == ACCEPTED && MASK(REPORTS, m) -> report[m] = UNDELIVERED
		:: true
		fi
	:: else
	fi
}

/*
 * Both sides write first and look then. The reference of an answer that is recorded in this
 * turn is there already; what another has begun to write is looked for again.
 */
inline look_for_report(m)
{
	rematch[m] = (rematch[m] || (recording[m] && outcome[m] == TAKEN)) && MAY_MATCH(m);
	if
	:: rematch[m] && !PUSH_IN_PROGRESS(m) && !LOCKED(m) ->
		matching[m] = true;
		rematch[m] = false
	:: else
	fi
}

/* The dispatcher before may have it on the wire. */
#ifdef BREAK_INHERITED
#define IS_LEFT(m) false
#else
#define IS_LEFT(m) (LEFT(m, 0) || LEFT(m, 1))
#endif
#define MAY_JUDGE(m, led) \
	(row[m].state == QUEUED && !(row[m].timed && led != REMINDER) && !IS_LEFT(m))

/* admit() of admit.c. */
inline judge(m, led)
{
	way[m] = led;
	if
	:: row[m].state != QUEUED || (row[m].timed && led != REMINDER) -> take[m] = DROP
	:: IS_LEFT(m) -> take[m] = DROP
#ifdef BREAK_STATUS
	:: MAY_JUDGE(m, led) && request[m] != AWAY -> take[m] = DROP
#else
	/* Its own request is under way; one for its status only must not hide it. */
	:: MAY_JUDGE(m, led) && request[m] != AWAY ->
		take[m] = (request[m] == STATUS -> ASIDE : DROP)
#endif
	:: MAY_JUDGE(m, led) && request[m] == AWAY -> take[m] = (LOCKED(m) -> ASIDE : CLAIM)
	fi
}

/* What the lane or a reminder leads to, or not yet: there is not room for all. */
inline look(m)
{
	if
	:: row[m].state == NONE || recording[m]
	:: row[m].state != NONE && !recording[m]
	:: row[m].state != NONE && !recording[m] && !passed[m] -> judge(m, LANE)
	:: row[m].state != NONE && !recording[m] && row[m].reminder -> judge(m, REMINDER)
	:: row[m].state != NONE && !recording[m] && row[m].stale -> judge(m, STALE)
	:: !recording[m] && MASK(REPORTS, m) && row[m].state == ACCEPTED && request[m] == AWAY ->
		request[m] = STATUS
	fi
}

proctype Dispatcher()
{
	byte k;

	do
	/* Starts, and inherits what another may have had on the wire when it ended. */
	:: d_step {
		!running ->
		running = true;
		inherited[0] = !NO_CLAIM(0);
		inherited[1] = !NO_CLAIM(1);
		passed[0] = row[0].passed;
		passed[1] = row[1].passed;
#ifndef BREAK_REMATCH
		rematch[0] = row[0].known && MAY_MATCH(0);
		rematch[1] = row[1].known && MAY_MATCH(1)
#endif
	   }
	SETTLING(0)
	SETTLING(1)

	/*
	 * A turn: results that have come in, then, behind the fence, what may leave. Nobody can
	 * tell how long that took: what another does meanwhile, it might have done before.
	 */
	:: atomic {
		running && turn == IDLE ->
		turn = OPEN;
		may_record(0);
		may_record(1);
		d_step {
			look_for_report(0);
			look_for_report(1)
		};
		look(0);
		look(1);
		if
		:: recording[0] || recording[1] || matching[0] || matching[1] ||
		   take[0] != NONE || take[1] != NONE || request[0] == STATUS || request[1] == STATUS
		:: else -> turn = IDLE
		fi
	   }

	/*
	 * Its commit, and the end of the fence. If it claims, it is on disk before it is seen;
	 * only then its requests leave.
	 */
	:: atomic {
#ifdef BREAK_CLAIM
		turn == OPEN ->
#define MUST_BE_ON_DISK false
#else
#define MUST_BE_ON_DISK (take[0] == CLAIM || take[1] == CLAIM)
		turn == OPEN && !(losing && MUST_BE_ON_DISK) ->
#endif
		if
		:: !MUST_BE_ON_DISK -> commit_later()
		:: else
		fi;
		d_step {
			land(0);
			land(1);
			remove_claim_if_done(0);
			remove_claim_if_done(1);
			forget_request(0);
			forget_request(1);
			k = (NO_CLAIM(0) -> 0 : 1);
			assert((take[0] != CLAIM && take[1] != CLAIM) || NO_CLAIM(k));
			follow(0, k);
			follow(1, k);
			k = 0;
			end_turn()
		};
		if
		:: row[0].passed == passed[0] && row[1].passed == passed[1]
		:: row[0].passed != passed[0] || row[1].passed != passed[1] /* not this time */
		:: row[0].passed != passed[0] || row[1].passed != passed[1] ->
			row[0].passed = passed[0];
			row[1].passed = passed[1]
		fi
	   }

	/* Or an ERROR: lanes are read again from where they were written down. */
	:: d_step {
		turn == OPEN ->
#ifdef BREAK_LANE
		follow_lane(0);
		follow_lane(1);
#else
		passed[0] = row[0].passed;
		passed[1] = row[1].passed;
#endif
#ifndef BREAK_ABORT
		rematch[0] = rematch[0] || (row[0].known && MAY_MATCH(0));
		rematch[1] = rematch[1] || (row[1].known && MAY_MATCH(1));
#endif
		end_turn()
	   }
	od
}

/* ------------------------------------------------------------------------------------- */

inline provider_takes(m)
{
#ifdef BREAK_KEY
	NEVER(DOUBLED, ledger[m] > 0 && (policy == DEDUPLICATES || !row[m].told));
	ledger[m] = (ledger[m] < 2 -> ledger[m] + 1 : 2)
#else
	if
	:: policy == DEDUPLICATES && ledger[m] > 0
	:: else ->
		NEVER(DOUBLED, ledger[m] > 0 && !row[m].told);
		ledger[m] = (ledger[m] < 2 -> ledger[m] + 1 : 2)
	fi
#endif
}

/* A request on the wire, and one that nobody waits for any more. */
#define NETWORK(m) \
	:: d_step { request[m] == OUT && outcome[m] == NONE -> provider_takes(m); request[m] = TAKEN } \
	:: d_step { late[m] > 0 -> late[m] = late[m] - 1; provider_takes(m) }

proctype Network()
{
	do
	NETWORK(0)
	NETWORK(1)
	od
}

/* ------------------------------------------------------------------------------------- */

proctype Application()
{
	do
	:: atomic { row[0].state == NONE -> commit_later(); row[0].state = QUEUED }
	:: atomic {
		row[1].state == NONE && row[0].state != NONE -> commit_later(); row[1].state = QUEUED
	   }
	od
}

/* cancel_message() in a transaction that may still be rolled back. */
#define MAY_CANCEL(m) \
	(row[m].state == QUEUED && !row[m].maybe_sent && !LOCKED(m) && !LOCKED_BY_TURN(m))
#ifdef BREAK_FENCE
#define FENCE_IS_FREE true
#else
#define FENCE_IS_FREE (turn != OPEN)
#endif

#define CANCELLING(m) \
	:: d_step { MASK(CANCELS, m) && cancel[m] == BEGIN && MAY_CANCEL(m) -> cancel[m] = CHANGED } \
	:: d_step { cancel[m] == CHANGED && FENCE_IS_FREE -> cancel[m] = FENCED } \
	:: d_step { \
		cancel[m] == FENCED -> \
		cancel[m] = (CLAIMED(claim, m, row[m].attempts + 1) -> DONE : HELD) } \
	:: atomic { \
		cancel[m] == HELD -> \
		commit_later(); \
		set_state(m, CANCELLED); \
		cancel[m] = DONE } \
	:: d_step { cancel[m] == HELD -> cancel[m] = DONE }

/* retry_message(): new work of its lane. */
#define RETRYING(m) \
	:: atomic { \
		MASK(RETRIES, m) && !retried[m] && !LOCKED(m) && !LOCKED_BY_TURN(m) && \
		(row[m].state == FAILED || row[m].state == UNKNOWN || row[m].state == UNDELIVERED) -> \
		commit_later(); \
		retried[m] = true; \
		untime(m); \
		row[m].state = QUEUED; \
		row[m].failures = 1; \
		row[m].passed = false; \
		passed[m] = false; \
		take[m] = NONE; /* the turn has looked at the version before */ \
		way[m] = NONE }

proctype People()
{
	do
	CANCELLING(0)
	CANCELLING(1)
	RETRYING(0)
	RETRYING(1)
	od
}

/* receive_callback(), in a transaction of the web tier's or the listener's. */
#ifdef BREAK_LOOK
#define SECOND_LOOK(m) false
#else
#define SECOND_LOOK(m) row[m].known
#endif

#define PUSHING(m) \
	:: atomic { \
		MASK(REPORTS, m) && push[m] == BEGIN && ledger[m] > 0 && !REFERENCE_IN_PROGRESS(m) -> \
		if \
		:: report[m] == NONE -> report[m] = DELIVERED \
		:: report[m] == NONE -> report[m] = UNDELIVERED \
		:: report[m] != NONE \
		fi; \
		push[m] = (row[m].known -> FOUND : LOOKED) } \
	:: d_step { push[m] == LOOKED -> push[m] = WRITTEN } \
	:: d_step { \
		push[m] == WRITTEN && !REFERENCE_IN_PROGRESS(m) -> \
		push[m] = (SECOND_LOOK(m) -> FOUND : ALONE) } \
	:: d_step { push[m] == FOUND && !LOCKED(m) && !LOCKED_BY_TURN(m) -> push[m] = APPLIED } \
	:: d_step { \
		push[m] == APPLIED && !losing -> \
		apply_report(m, report[m]); \
		row[m].callback = MATCHED; \
		push[m] = DONE } \
	:: d_step { \
		push[m] == ALONE && !losing -> \
		row[m].callback = UNMATCHED; \
		push[m] = DONE } \
	:: d_step { push[m] == ALONE || push[m] == APPLIED -> push[m] = BEGIN }

proctype Web()
{
	do
	PUSHING(0)
	PUSHING(1)
	od
}

/* ------------------------------------------------------------------------------------- */

inline dispatcher_ends(m)
{
	late[m] = (request[m] == OUT -> late[m] + 1 : late[m]);
	request[m] = AWAY;
	attempt[m] = 0;
	passed[m] = false;
	rematch[m] = false
}

inline sessions_end(m)
{
	cancel[m] = (cancel[m] == BEGIN -> BEGIN : DONE);
	push[m] = (push[m] == DONE && row[m].callback != NONE -> DONE : BEGIN)
}

proctype Crash()
{
	do
	/* The dispatcher alone: killed, terminated, or out of time at a shutdown. */
	:: d_step {
		crashes + losing < CRASHES && running ->
		crashes++;
		dispatcher_ends(0);
		dispatcher_ends(1);
		end_turn();
		inherited[0] = false;
		inherited[1] = false;
		running = false
	   }

	/* The cluster. */
	:: d_step {
		losing || crashes < CRASHES ->
		crashes++;
		dispatcher_ends(0);
		dispatcher_ends(1);
		end_turn();
		inherited[0] = false;
		inherited[1] = false;
		running = false;
		if
		:: losing -> restore()
		:: else
		fi;
		sessions_end(0);
		sessions_end(1)
	   }
	od
}

/* ------------------------------------------------------------------------------------- */

#define HAS_REMINDER(m) (row[m].timed -> row[m].reminder : row[m].stale)
#define IS_AHEAD(m) (!row[m].timed && !(running -> passed[m] : row[m].passed))
#define IS_SENDING(m) \
	(CLAIMED(claim, m, row[m].attempts + 1) && \
	 (!running || LEFT(m, 0) || LEFT(m, 1) || \
	  (SENDING(m) && attempt[m] == row[m].attempts + 1)))
#define IS_STUCK(m) (row[m].state == QUEUED && !HAS_REMINDER(m) && !IS_AHEAD(m) && !IS_SENDING(m))

#define MAY_ARRIVE(m) (late[m] > 0 || request[m] == OUT)
#define HAS_ACCEPTED(m) \
	(row[m].state == ACCEPTED || row[m].state == DELIVERED || row[m].state == UNDELIVERED)

/* What was reported as not arrived and sent again by a person was taken once before. */
#define SAYS_NOTHING_LEFT(m) (row[m].state == FAILED || row[m].state == CANCELLED)
#define IS_UNTRUE(m) \
	((HAS_ACCEPTED(m) && ledger[m] == 0) || \
	 (SAYS_NOTHING_LEFT(m) && (MAY_ARRIVE(m) || (ledger[m] > 0 && !row[m].known))) || \
	 (row[m].state == NONE && (MAY_ARRIVE(m) || ledger[m] > 0)))

#define IS_NOT_DURABLE(m) \
	(request[m] == OUT && \
	 !(losing -> CLAIMED(disk_claim, m, attempt[m]) : CLAIMED(claim, m, attempt[m])))

#define IS_UNHEARD(m) \
	(row[m].callback == UNMATCHED && row[m].known && running && turn == IDLE && \
	 !rematch[m])

proctype Invariants()
{
	do
	:: d_step { (ONLY == 0 || ONLY == STUCK) && (IS_STUCK(0) || IS_STUCK(1)) -> NEVER(STUCK, true) }
	:: d_step { (ONLY == 0 || ONLY == UNTRUE) && (IS_UNTRUE(0) || IS_UNTRUE(1)) -> NEVER(UNTRUE, true) }
	:: d_step {
		(ONLY == 0 || ONLY == DURABLE) && (IS_NOT_DURABLE(0) || IS_NOT_DURABLE(1)) ->
		NEVER(DURABLE, true)
	   }
	:: d_step {
		(ONLY == 0 || ONLY == UNHEARD) && (IS_UNHEARD(0) || IS_UNHEARD(1)) -> NEVER(UNHEARD, true)
	   }
	od
}

init
{
	atomic {
		if
		:: POLICIES & 1 -> policy = DEDUPLICATES
		:: POLICIES & 2 -> policy = HOLD
		:: POLICIES & 4 -> policy = RESEND
		fi;
		run Application();
		run Dispatcher();
		run Network();
		run People();
		run Web();
		run Crash();
		run Invariants()
	}
}
