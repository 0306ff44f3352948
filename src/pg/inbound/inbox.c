/*
 * inbox.c
 *		Pushes that are for the application: see inbox.h.
 */
#include "postgres.h"

#include "access/xact.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "core/http_text.h"
#include "core/mask.h"
#include "pg/base/arena_pg.h"
#include "pg/base/bytes.h"
#include "pg/base/clock.h"
#include "pg/base/json_pg.h"
#include "pg/base/text.h"
#include "pg/inbound/inbox.h"
#include "pg/inbound/quota.h"
#include "pg/store/copied.h"
#include "pg/store/origin.h"
#include "pg/store/push.h"
#include "pg/store/sequence.h"

#define TYPE_MAX 255
#define HEADERS_MAX 8192

TimestampTz
msgext_inbox_ended_at(TupleTableSlot *row)
{
	bool isnull;
	Datum done_at = slot_getattr(row, Anum_inbox_done_at, &isnull);
	Datum server;

	if (!isnull)
		return DatumGetTimestampTz(done_at);

	/* In a restored copy the oids are those of another database. */
	if (msgext_column_int64(row, Anum_inbox_origin) != msgext_origin())
		return DT_NOEND;
	server = slot_getattr(row, Anum_inbox_server_oid, &isnull);
	if (SearchSysCacheExists1(FOREIGNSERVEROID, server))
		return DT_NOEND;
	return msgext_column_time(row, Anum_inbox_received_at);
}

/*
 * The body as jsonb, or NULL where it is no JSON, or none that a jsonb of this database
 * can hold.
 */
static Jsonb *
read_payload(const MsgInbound *inbound)
{
	MsgArena *arena = msgext_arena_pg_create(CurrentMemoryContext);
	MemoryContext context = CurrentMemoryContext;
	Jsonb *volatile payload = NULL;
	MsgError error;

	/* Bounded, and valid UTF-8: the type's own reader checks neither. */
	if (msgext_json_parse(arena, inbound->body, inbound->body_len, &msgext_json_strict,
						  &error) == NULL)
		return NULL;
	PG_TRY();
	{
		char *text = msgext_from_utf8(pnstrdup(inbound->body, (Size) inbound->body_len));

		payload = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(text)));
	}
	PG_CATCH();
	{
		int category = ERRCODE_TO_CATEGORY(geterrcode());

		/* \u0000, a number too large, a character that the encoding lacks */
		if (category != ERRCODE_DATA_EXCEPTION &&
			category != ERRCODE_TO_CATEGORY(ERRCODE_PROGRAM_LIMIT_EXCEEDED))
			PG_RE_THROW();
		MemoryContextSwitchTo(context);
		FlushErrorState();
		payload = NULL;
	}
	PG_END_TRY();
	return payload;
}

static Jsonb *
read_headers(MsgServer *server, const MsgInbound *inbound)
{
	MsgArena *arena = msgext_arena_pg_create(CurrentMemoryContext);
	MsgJson *headers = msgext_headers_json(arena, inbound->headers, HEADERS_MAX);
	MsgSecrets secrets;
	MsgJson *header;

	msgext_secrets_init(&secrets, arena, msgext_server_secrets(server));
	for (header = headers->first; header != NULL; header = header->next)
		msgext_mask((char *) header->text, header->len, &secrets);
	return msgext_json_to_jsonb(headers);
}

static void
fill(MsgServer *server, const MsgInbound *inbound, const MsgPushed *pushed,
	 MsgValues *row)
{
	Jsonb *payload = read_payload(inbound);

	msgext_values_init(row);
	msgext_values_int64(row, Anum_inbox_id, msgext_sequence_take("inbox_id_seq"));
	msgext_values_oid(row, Anum_inbox_server_oid, server->oid);
	msgext_values_int64(row, Anum_inbox_origin, msgext_origin());
	msgext_values_text(row, Anum_inbox_server, server->name);
	msgext_values_text(row, Anum_inbox_push_id, msgext_from_utf8(pushed->inbox_id));
	msgext_values_text(row, Anum_inbox_type,
					   msgext_clean_text(pushed->inbox_type, TYPE_MAX));
	msgext_values_time(row, Anum_inbox_received_at, msgext_clock());
	if (payload != NULL)
		msgext_values_set(row, Anum_inbox_payload, JsonbPGetDatum(payload));
	else
		msgext_values_bytes(row, Anum_inbox_body, inbound->body, inbound->body_len);
	msgext_values_set(row, Anum_inbox_headers,
					  JsonbPGetDatum(read_headers(server, inbound)));
}

static bool
is_known(MsgTable *inbox, Oid server, const char *push_id)
{
	Snapshot latest = RegisterSnapshot(GetLatestSnapshot());
	ScanKeyData keys[2];
	MsgScan *scan;
	bool found;

	msgext_key_oid(&keys[0], 1, BTEqualStrategyNumber, server);
	msgext_key_text(&keys[1], 2, BTEqualStrategyNumber, push_id);
	scan = msgext_table_scan(inbox, "inbox_push", latest, keys, 2);
	found = msgext_scan_next(scan) != NULL;
	msgext_scan_end(scan);
	UnregisterSnapshot(latest);
	return found;
}

int
msgext_inbox_add(MsgServer *server, const MsgInbound *inbound, const MsgPushed *pushed,
				 bool *full)
{
	MsgTable *inbox = msgext_push_open();
	const char *push_id = msgext_from_utf8(pushed->inbox_id);
	MsgValues row;
	int added = 0;

	if (is_known(inbox, server->oid, push_id))
		;
	else if (!msgext_quota_has_room(MSG_QUOTA_INBOX, inbox, server->oid))
		*full = true;
	else
	{
		fill(server, inbound, pushed, &row);
		added = msgext_table_insert_unique(inbox, "inbox_push", row.values, row.nulls);
		if (added > 0)
		{
			msgext_quota_take(MSG_QUOTA_INBOX, server->oid);

			/* A repeat in this transaction must find it. */
			CommandCounterIncrement();
		}
	}
	msgext_table_close(inbox);
	return added;
}

/* In a copy within the cluster the server has the oid it had: the row would find itself. */
static bool
has_come_again(MsgTable *inbox, TupleTableSlot *row, Oid server)
{
	return msgext_column_oid(row, Anum_inbox_server_oid) != server &&
		   is_known(inbox, server, msgext_column_text(row, Anum_inbox_push_id));
}

void
msgext_inbox_adopt(const MsgServer *server)
{
	static const MsgCopied copied = {
		.server_oid = Anum_inbox_server_oid,
		.origin = Anum_inbox_origin,
		.server = Anum_inbox_server,
		.is_known = has_come_again,
	};
	MsgTable *inbox = msgext_push_open();

	msgext_copied_adopt(inbox, &copied, server->oid, server->name);
	msgext_table_close(inbox);
}
