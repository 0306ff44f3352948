/*
 * adopt.c
 *		Messages of a restored copy: see adopt.h.
 *
 * They carry the oids of server and role, and the transaction ids, of the database they
 * were queued in. What identifies them there may be somebody else here, so they are found
 * by the server's name, and this is the only place that does so. What other tables keep
 * of a message is moved by its id; callbacks and uses of recipients by the oid that the
 * messages name; pushes and opt-outs by the server's name, as messages. How far lanes had been
 * read, pauses and health are not taken over.
 *
 * A queued row that SQL brings back into its own database may have been sent since it was
 * dumped: it belongs to no database then, and is adopted as one of another is.
 *
 * What was under way at the dump may have arrived. A dispatcher settles the claims that it
 * finds as it begins; one that was here before they were restored knows of none.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "access/xact.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "core/lifecycle.h"
#include "pg/inbound/inbox.h"
#include "pg/sql/adopt.h"
#include "pg/store/blocked_recipient.h"
#include "pg/store/claim.h"
#include "pg/store/event.h"
#include "pg/store/lane.h"
#include "pg/store/origin.h"
#include "pg/store/outbox.h"
#include "pg/store/recipient_use.h"
#include "pg/store/reference.h"
#include "pg/store/relation.h"
#include "pg/store/reminder.h"
#include "pg/store/report.h"

/* What a claim says of a message. */
typedef struct UnderWay
{
	int64 message;
	int32 attempt;
	TimestampTz created;
} UnderWay;

typedef struct Adoption
{
	const MsgServer *server;
	MsgTable *outbox;
	MsgTable *reminders;
	MsgTable *references;
	MsgTable *events;
	List *oids; /* that the server had there */
	int nunder_way;
	UnderWay *under_way; /* in order; see compare_under_way() */
} Adoption;

static int
compare_under_way(const void *a, const void *b)
{
	const UnderWay *left = a;
	const UnderWay *right = b;

	if (left->message != right->message)
		return left->message < right->message ? -1 : 1;
	return left->attempt - right->attempt;
}

static void
read_claims(Adoption *adoption)
{
	MsgTable *claims = msgext_claim_open(false);
	List *list = msgext_claim_list(claims);
	ListCell *cell;
	int room = 0;

	msgext_table_close(claims);
	foreach (cell, list)
		room += ((const MsgClaim *) lfirst(cell))->n;
	adoption->under_way = palloc(sizeof(UnderWay) * room);
	foreach (cell, list)
	{
		const MsgClaim *claim = lfirst(cell);
		int i;

		for (i = 0; i < claim->n; i++)
			adoption->under_way[adoption->nunder_way++] =
				(UnderWay){claim->messages[i], claim->attempts[i], claim->created[i]};
	}
	qsort(adoption->under_way, adoption->nunder_way, sizeof(UnderWay), compare_under_way);
}

/* Was its request under way when the data was dumped? */
static bool
is_under_way(const Adoption *adoption, const MsgRow *row)
{
	UnderWay key = {row->id, row->attempts + 1, 0};
	const UnderWay *found = bsearch(&key, adoption->under_way, adoption->nunder_way,
									sizeof(UnderWay), compare_under_way);

	return found != NULL && found->created == row->created_at;
}

static const char under_way[] = "it was under way when its database was copied";

/* Nobody can tell what came of it. */
static void
hold_for_person(const MsgRow *row, MsgChange *change)
{
	msgext_change_set(change, Anum_outbox_attempts, Int32GetDatum(row->attempts + 1));
	msgext_change_set(change, Anum_outbox_maybe_sent, BoolGetDatum(true));
	msgext_change_state(change, MSG_UNKNOWN);
	msgext_change_null(change, Anum_outbox_next_attempt_at);
	msgext_change_null(change, Anum_outbox_waiting);
	msgext_change_text(change, Anum_outbox_error, under_way);
}

/* Its row says so, and is ours. */
static void
tell_person(Adoption *adoption, const MsgRow *row)
{
	MsgEventRow event = {0};

	event.message_id = row->id;
	event.kind = "interrupted";
	event.attempt = row->attempts + 1;
	event.state = MSG_UNKNOWN;
	event.error = under_way;
	msgext_event_append(adoption->events, &event);
	msgext_reminder_add(adoption->reminders, adoption->server->oid, MSG_REMINDER_UNKNOWN,
						row->created_at, row->id);
}

static void
move_reminder(Adoption *adoption, const MsgRow *row, const char *kind, TimestampTz at)
{
	if (row->server_oid == adoption->server->oid)
		return;
	msgext_reminder_remove_one(adoption->reminders, row->server_oid, kind, at, row->id);
	msgext_reminder_add(adoption->reminders, adoption->server->oid, kind, at, row->id);
}

static void
move_reminders(Adoption *adoption, const MsgRow *row)
{
	if (row->state == MSG_QUEUED)
	{
		/* It is new work of its lane. */
		if (row->next_attempt_at != 0)
			msgext_reminder_remove_one(adoption->reminders, row->server_oid,
									   MSG_REMINDER_SEND, row->next_attempt_at, row->id);
	}
	else if (row->state == MSG_UNKNOWN)
		move_reminder(adoption, row, MSG_REMINDER_UNKNOWN, row->created_at);
	else if (row->next_attempt_at != 0)
		move_reminder(adoption, row, MSG_REMINDER_POLL, row->next_attempt_at);
}

static void
move_reference(Adoption *adoption, const MsgRow *row)
{
	char *provider_id = msgext_row_text(row, Anum_outbox_provider_id);

	if (provider_id == NULL || row->server_oid == adoption->server->oid)
		return;
	msgext_reference_remove(adoption->references, row->server_oid, provider_id, row->id);
	msgext_reference_add(adoption->references, adoption->server->oid, provider_id,
						 row->id);
}

static void
adopt_row(Adoption *adoption, const MsgRow *row)
{
	Oid sender = get_role_oid(msgext_row_text(row, Anum_outbox_sender), true);
	bool held = row->state == MSG_QUEUED && is_under_way(adoption, row);
	MsgChange change;

	move_reminders(adoption, row);
	move_reference(adoption, row);
	adoption->oids = list_append_unique_oid(adoption->oids, row->server_oid);
	msgext_change_init(&change);
	msgext_change_set(&change, Anum_outbox_origin, Int64GetDatum(msgext_origin()));
	msgext_change_set(&change, Anum_outbox_server_oid,
					  ObjectIdGetDatum(adoption->server->oid));
	msgext_change_set(&change, Anum_outbox_sender_oid, ObjectIdGetDatum(sender));
	msgext_change_set(
		&change, Anum_outbox_lane_hash,
		Int32GetDatum(msgext_lane_hash(adoption->server->oid, row->priority)));
	if (held)
		hold_for_person(row, &change);
	else if (row->state == MSG_QUEUED)
	{
		msgext_change_set(
			&change, Anum_outbox_xid,
			UInt64GetDatum(U64FromFullTransactionId(GetTopFullTransactionId())));
		msgext_change_null(&change, Anum_outbox_next_attempt_at);
		msgext_change_text(&change, Anum_outbox_waiting,
						   msgext_row_is_repeat(row) ? MSG_WAITS_FOR_REPEAT : NULL);
	}
	if (msgext_outbox_update(adoption->outbox, row, &change, true) == TM_Ok && held)
		tell_person(adoption, row);
}

/*
 * Their rows do not say of which database they are. Where a server here has the oid that
 * this one had there, they may be that one's, and stay.
 */
static void
move_traces(Adoption *adoption)
{
	MsgTable *uses = msgext_recipient_open();
	ListCell *cell;

	foreach (cell, adoption->oids)
	{
		Oid oid = lfirst_oid(cell);

		if (GetForeignServerExtended(oid, FSV_MISSING_OK) != NULL)
			continue;
		msgext_recipient_move(uses, oid, adoption->server->oid);
		msgext_report_move(oid, adoption->server->oid);
	}
	msgext_table_close(uses);
}

void
msgext_adopt(const MsgServer *server)
{
	Adoption adoption = {server, msgext_outbox_open(true), msgext_reminder_open(true),
						 msgext_reference_open(true), msgext_event_open()};
	TableScanDesc scan =
		table_beginscan(adoption.outbox->rel, GetActiveSnapshot(), 0, NULL);
	TupleTableSlot *slot = table_slot_create(adoption.outbox->rel, NULL);

	/* What stands under this oid may be of another server, of another database. */
	msgext_lane_forget(server->oid);
	read_claims(&adoption);
	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		MsgRow row;

		msgext_outbox_read(adoption.outbox, slot, &row);
		if (row.origin != msgext_origin() &&
			strcmp(msgext_row_text(&row, Anum_outbox_server), server->name) == 0)
			adopt_row(&adoption, &row);
		heap_freetuple(row.tuple);
		CHECK_FOR_INTERRUPTS();
	}
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	move_traces(&adoption);
	msgext_inbox_adopt(server);
	msgext_blocked_adopt(server->oid, server->name);
	msgext_table_close(adoption.events);
	msgext_table_close(adoption.references);
	msgext_table_close(adoption.reminders);
	msgext_table_close(adoption.outbox);
}

PG_FUNCTION_INFO_V1(msgext_mark_restored);

/* Ours are written below SQL, where no trigger fires: this one came by COPY or INSERT. */
PGDLLEXPORT Datum
msgext_mark_restored(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	TupleDesc desc;
	HeapTuple row;
	int column = Anum_outbox_origin;
	Datum nobodys = Int64GetDatum(MSG_ORIGIN_NONE);
	Datum origin;
	bool isnull;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BEFORE(trigger->tg_event) ||
		!TRIGGER_FIRED_BY_INSERT(trigger->tg_event) ||
		RelationGetRelid(trigger->tg_relation) != msgext_relation_oid("outbox"))
		ereport(ERROR, (errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
						errmsg("mark_restored() is for the outbox of msgext alone")));
	row = trigger->tg_trigtuple;
	desc = RelationGetDescr(trigger->tg_relation);
	origin = heap_getattr(row, column, desc, &isnull);
	if (!isnull && DatumGetInt64(origin) == msgext_origin())
		row = heap_modify_tuple_by_cols(row, desc, 1, &column, &nobodys, &isnull);
	return PointerGetDatum(row);
}
