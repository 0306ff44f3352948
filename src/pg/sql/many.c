/*
 * many.c
 *		Many messages at once: retry_messages(), cancel_messages(), close_messages(), and
 *		their procedures that commit in batches.
 *
 * No subtransaction a message. Before a batch is cancelled the fence is kept up: nothing is
 * claimed meanwhile, so that what is on its way is known beforehand.
 */
#include "postgres.h"

#include "access/tableam.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "pg/base/actor.h"
#include "pg/ipc/tally.h"
#include "pg/sql/change.h"
#include "pg/sql/message_filter.h"
#include "pg/store/claim.h"

/* Messages of one query, and of one fence: some 10 ms, in which nothing is claimed. */
#define BATCH_MAX 500

/* How many there were of one server, state and code. */
typedef struct Count
{
	char key[512]; /* the three, one after the other */
	char *server;
	const char *state;
	char *code;
	int64 messages;
} Count;

typedef struct Many
{
	const MsgAct *act;
	const char *reason;
	bool dry_run;
	MsgMessageFilter *filter;
	MemoryContext context; /* of all of it */
	MemoryContext batch;
	HTAB *counts;
	int64 messages;
} Many;

static const char bad_ends[] = "failed,rejected,undelivered,expired,unknown";

static const char *
states_of(const MsgAct *act)
{
	if (act == &msgext_act_cancel)
		return "queued";
	return act == &msgext_act_retry ? "failed,rejected,unknown" : bad_ends;
}

static void
begin(Many *many, const MsgAct *act, Jsonb *filter, const char *reason, bool dry_run)
{
	HASHCTL control;

	memset(many, 0, sizeof(*many));
	many->act = act;
	many->reason = reason;
	many->dry_run = dry_run;
	many->context = CurrentMemoryContext;
	many->filter = msgext_message_filter_read(filter, states_of(act));
	many->batch = AllocSetContextCreate(many->context, "msgext many messages",
										ALLOCSET_DEFAULT_SIZES);
	control.keysize = sizeof(((Count *) NULL)->key);
	control.entrysize = sizeof(Count);
	control.hcxt = many->context;
	many->counts = hash_create("msgext counts", 64, &control,
							   HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
}

static void
count(Many *many, const MsgRow *row)
{
	const char *server = msgext_row_text(row, Anum_outbox_server);
	const char *code = msgext_row_text(row, Anum_outbox_code);
	char key[sizeof(((Count *) NULL)->key)];
	Count *found;
	bool known;

	snprintf(key, sizeof(key), "%s\n%d\n%s", server, row->state,
			 code != NULL ? code : "\n");
	found = hash_search(many->counts, key, HASH_ENTER, &known);
	if (!known)
	{
		found->server = MemoryContextStrdup(many->context, server);
		found->state = msgext_state_name(row->state);
		found->code = code != NULL ? MemoryContextStrdup(many->context, code) : NULL;
		found->messages = 0;
	}
	found->messages++;
	many->messages++;
}

typedef struct Claimed
{
	int64 message; /* the hash key */
	int32 attempt;
} Claimed;

/* What is on its way now. */
static HTAB *
read_claims(void)
{
	Snapshot latest = RegisterSnapshot(GetLatestSnapshot());
	MsgTable *claims = msgext_claim_open(false);
	TableScanDesc scan = table_beginscan(claims->rel, latest, 0, NULL);
	TupleTableSlot *slot = table_slot_create(claims->rel, NULL);
	HASHCTL control;
	HTAB *claimed;

	control.keysize = sizeof(int64);
	control.entrysize = sizeof(Claimed);
	control.hcxt = CurrentMemoryContext;
	claimed = hash_create("msgext claimed", 256, &control,
						  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		MsgClaim claim;
		int i;

		msgext_claim_read(slot, &claim);
		for (i = 0; i < claim.n; i++)
		{
			bool found;
			Claimed *one = hash_search(claimed, &claim.messages[i], HASH_ENTER, &found);

			/* An earlier one stays until all that it names are recorded. */
			one->attempt =
				found ? Max(one->attempt, claim.attempts[i]) : claim.attempts[i];
		}
	}
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	msgext_table_close(claims);
	UnregisterSnapshot(latest);
	return claimed;
}

static bool
is_on_its_way(HTAB *claimed, const MsgRow *row)
{
	const Claimed *one = hash_search(claimed, &row->id, HASH_FIND, NULL);

	return one != NULL && one->attempt == row->attempts + 1;
}

/* One to be cancelled. */
typedef struct Candidate
{
	int64 id;
	bool locked; /* by us: a change of it waits for nobody */
} Candidate;

/* Cancels what is not on its way. Those that others hold are left; returns how many. */
static int
cancel_batch(Many *many, MsgChanger *changer, Candidate *candidates, int n)
{
	int held = 0;
	HTAB *claimed;
	int i;

	msgext_claim_fence_block();
	claimed = read_claims();
	for (i = 0; i < n; i++)
	{
		MsgChanged changed = MSG_CHANGED;
		MsgChange change;
		MsgRow row;

		if (!msgext_change_find(changer, candidates[i].id, &row, &change) ||
			is_on_its_way(claimed, &row))
			continue;
		if (!many->dry_run)
			changed =
				msgext_change(changer, candidates[i].id, candidates[i].locked, &row);
		if (changed == MSG_CHANGED)
		{
			count(many, &row);
			if (!many->dry_run)
				msgext_counts_add(msgext_tally(row.server_oid), MSG_COUNT_CANCELLED, 1);
		}
		else if (changed == MSG_HELD)
			candidates[held++] = candidates[i];
	}
	msgext_claim_fence_unblock();
	return held;
}

/* Waits for whoever holds the message, without the fence, and locks what he leaves of it. */
static void
wait_for_holder(MsgChanger *changer, Candidate *candidate)
{
	TM_FailureData failure;
	MsgChange change;
	MsgRow row;

	candidate->locked =
		msgext_change_find(changer, candidate->id, &row, &change) &&
		table_tuple_lock(changer->outbox->rel, &row.tuple->t_self, GetActiveSnapshot(),
						 msgext_table_slot(changer->outbox), GetCurrentCommandId(false),
						 LockTupleNoKeyExclusive, LockWaitBlock, 0, &failure) == TM_Ok;
}

static void
cancel_all(Many *many, MsgChanger *changer, const int64 *ids, int n)
{
	Candidate *candidates = palloc0(sizeof(Candidate) * BATCH_MAX);
	int i;

	for (i = 0; i < n; i++)
		candidates[i].id = ids[i];
	while ((n = cancel_batch(many, changer, candidates, n)) > 0)
		for (i = 0; i < n; i++)
			wait_for_holder(changer, &candidates[i]);
}

static void
change_all(Many *many, MsgChanger *changer, const int64 *ids, int n)
{
	int i;

	for (i = 0; i < n; i++)
	{
		MsgChange change;
		MsgRow row;
		bool done;

		if (many->dry_run)
			done = msgext_change_find(changer, ids[i], &row, &change);
		else
			done = msgext_change(changer, ids[i], true, &row) == MSG_CHANGED;
		if (done)
			count(many, &row);
	}
}

static void
change_batch(Many *many, const int64 *ids, int n)
{
	MsgChanger changer;

	msgext_change_open(&changer, many->act, many->reason);
	if (many->act == &msgext_act_cancel)
		cancel_all(many, &changer, ids, n);
	else
		change_all(many, &changer, ids, n);
	msgext_change_close(&changer);
}

/* Up to max messages behind *after; false when there are no more. */
static bool
do_some(Many *many, int64 *after, int max)
{
	int64 *ids = MemoryContextAlloc(many->batch, sizeof(int64) * BATCH_MAX);
	MemoryContext before = MemoryContextSwitchTo(many->batch);
	int wanted = Min(max, BATCH_MAX);
	int n = msgext_message_filter_ids(many->filter, *after, ids, wanted);
	bool more = n == wanted;

	if (n > 0)
	{
		*after = ids[n - 1];
		change_batch(many, ids, n);
	}
	MemoryContextSwitchTo(before);
	MemoryContextReset(many->batch);
	return more;
}

static void
put_counts(Many *many, ReturnSetInfo *result)
{
	HASH_SEQ_STATUS status;
	Count *one;

	hash_seq_init(&status, many->counts);
	while ((one = hash_seq_search(&status)) != NULL)
	{
		Datum values[] = {CStringGetTextDatum(one->server),
						  CStringGetTextDatum(one->state), (Datum) 0,
						  Int64GetDatum(one->messages)};
		bool nulls[] = {false, false, one->code == NULL, false};

		if (one->code != NULL)
			values[2] = CStringGetTextDatum(one->code);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
}

static Datum
do_all(FunctionCallInfo fcinfo, const MsgAct *act, const char *name)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	int64 after = 0;
	Many many;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be null", PG_ARGISNULL(0) ? "filter" : "dry_run")));
	PreventCommandIfReadOnly(name);
	InitMaterializedSRF(fcinfo, 0);
	begin(&many, act, PG_GETARG_JSONB_P(0), msgext_actor_reason(fcinfo, 1),
		  PG_GETARG_BOOL(2));
	SPI_connect();
	while (do_some(&many, &after, BATCH_MAX))
		;
	SPI_finish();
	put_counts(&many, result);
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(msgext_retry_messages);

PGDLLEXPORT Datum
msgext_retry_messages(PG_FUNCTION_ARGS)
{
	return do_all(fcinfo, &msgext_act_retry, "retry_messages()");
}

PG_FUNCTION_INFO_V1(msgext_cancel_messages);

PGDLLEXPORT Datum
msgext_cancel_messages(PG_FUNCTION_ARGS)
{
	return do_all(fcinfo, &msgext_act_cancel, "cancel_messages()");
}

PG_FUNCTION_INFO_V1(msgext_close_messages);

PGDLLEXPORT Datum
msgext_close_messages(PG_FUNCTION_ARGS)
{
	return do_all(fcinfo, &msgext_act_close, "close_messages()");
}

static Datum
in_batches(FunctionCallInfo fcinfo, const MsgAct *act, const char *name)
{
	CallContext *call = fcinfo->context != NULL && IsA(fcinfo->context, CallContext)
							? (CallContext *) fcinfo->context
							: NULL;
	MemoryContext context = AllocSetContextCreate(
		PortalContext, "msgext messages in batches", ALLOCSET_DEFAULT_SIZES);
	MemoryContext before = CurrentMemoryContext;
	bool isnull = false;
	TupleDesc desc;
	int64 after = 0;
	bool more = true;
	Datum value;
	Many many;
	int size;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(2))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("%s must not be null",
							   PG_ARGISNULL(0) ? "filter" : "batch_size")));
	if (call == NULL || call->atomic)
		ereport(ERROR, (errcode(ERRCODE_INVALID_TRANSACTION_STATE),
						errmsg("%s cannot run inside a transaction block", name),
						errdetail("It commits after each batch.")));
	PreventCommandIfReadOnly(name);
	size = PG_GETARG_INT32(2);
	if (size < 1 || size > 1000000)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("batch_size must be between 1 and 1000000")));
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	MemoryContextSwitchTo(context);
	desc = CreateTupleDescCopy(desc);
	begin(&many, act, (Jsonb *) PG_DETOAST_DATUM_COPY(PG_GETARG_DATUM(0)),
		  msgext_actor_reason(fcinfo, 1), false);
	SPI_connect_ext(SPI_OPT_NONATOMIC);

	/* The transaction that the call began with, and its snapshot, are not ours. */
	SPI_commit();
	while (more)
	{
		int left = size;

		PushActiveSnapshot(GetTransactionSnapshot());
		MemoryContextSwitchTo(context);
		while (left > 0 && more)
		{
			more = do_some(&many, &after, left);
			left -= Min(left, BATCH_MAX);
		}
		PopActiveSnapshot();
		SPI_commit();
		CHECK_FOR_INTERRUPTS();
	}
	SPI_finish();
	MemoryContextSwitchTo(before);
	value = Int64GetDatum(many.messages);
	PG_RETURN_DATUM(
		HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), &value, &isnull)));
}

PG_FUNCTION_INFO_V1(msgext_retry_in_batches);

PGDLLEXPORT Datum
msgext_retry_in_batches(PG_FUNCTION_ARGS)
{
	return in_batches(fcinfo, &msgext_act_retry, "retry_in_batches()");
}

PG_FUNCTION_INFO_V1(msgext_cancel_in_batches);

PGDLLEXPORT Datum
msgext_cancel_in_batches(PG_FUNCTION_ARGS)
{
	return in_batches(fcinfo, &msgext_act_cancel, "cancel_in_batches()");
}

PG_FUNCTION_INFO_V1(msgext_close_in_batches);

PGDLLEXPORT Datum
msgext_close_in_batches(PG_FUNCTION_ARGS)
{
	return in_batches(fcinfo, &msgext_act_close, "close_in_batches()");
}
