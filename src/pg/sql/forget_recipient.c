/*
 * forget_recipient.c
 *		forget_recipient(): what is kept of somebody, removed.
 *
 * Of messages to him that are over. What is under way is counted and left: it is to be
 * cancelled, or waited for, and then forgotten by a second call. The whole outbox is read
 * once; the recipient of a message is where its codec says, in the column or in the
 * payload. A provider that is not told of recipients has messages that mention him.
 *
 * What is found is counted, and a caller may roll back: who could have any text looked for
 * could read payloads by it. So texts are looked for by those alone who may read them.
 */
#include "postgres.h"

#include "access/tableam.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "core/describe.h"
#include "core/provider_list.h"
#include "core/recipients.h"
#include "pg/base/arena_pg.h"
#include "pg/base/text.h"
#include "pg/catalog/access.h"
#include "pg/inbound/forget.h"
#include "pg/sql/audit.h"
#include "pg/sql/change.h"
#include "pg/sql/invalid.h"
#include "pg/sql/recipient.h"
#include "pg/store/origin.h"
#include "pg/store/recipient_use.h"
#include "pg/store/reference.h"

/* A shorter text is in many a payload that does not mean him. */
#define MENTION_MIN 6

enum
{
	FORGOTTEN_MESSAGES,
	FORGOTTEN_EVENTS,
	FORGOTTEN_REPORTS,
	FORGOTTEN_PUSHES,
	FORGOTTEN_USES,
	FORGOTTEN_REMAINING,
	FORGOTTEN_COLUMNS
};

typedef struct Forgetting
{
	MsgRecipient recipient;
	bool searches;	/* texts, for mentions of him */
	HTAB *messages; /* to him that have been forgotten */
	int64 counts[FORGOTTEN_COLUMNS];
} Forgetting;

static bool
is_found(void *arg, const char *recipient)
{
	return strcmp(recipient, ((const Forgetting *) arg)->recipient.name) == 0;
}

static bool
has(const char *bytes, size_t len, const char *text)
{
	size_t wanted = strlen(text);
	const char *end = bytes + len;

	while ((size_t) (end - bytes) >= wanted &&
		   (bytes = memchr(bytes, text[0], end - bytes - wanted + 1)) != NULL)
	{
		if (memcmp(bytes, text, wanted) == 0)
			return true;
		bytes++;
	}
	return false;
}

/* As he was given, and in the normal way. */
static bool
is_mentioned(void *arg, const char *bytes, size_t len)
{
	const Forgetting *forgetting = arg;
	const MsgRecipient *recipient = &forgetting->recipient;

	return forgetting->searches && strlen(recipient->name) >= MENTION_MIN &&
		   (has(bytes, len, recipient->given) || has(bytes, len, recipient->name));
}

static bool
is_meant(void *arg, int64 message)
{
	return hash_search(((const Forgetting *) arg)->messages, &message, HASH_FIND, NULL) !=
		   NULL;
}

static bool
goes_to_him(Forgetting *forgetting, const MsgRow *row)
{
	const MsgProvider *provider =
		msgext_provider_find(msgext_row_text(row, Anum_outbox_provider));
	const char *column = msgext_row_text(row, Anum_outbox_recipient);
	const char *channels = msgext_row_text(row, Anum_outbox_channels);
	MsgArena *arena = msgext_arena_pg_create(CurrentMemoryContext);
	bytea *payload;

	if (column != NULL &&
		is_found(forgetting, msgext_recipient_normal(arena, msgext_to_utf8(column))))
		return true;

	/* A fallback may go to another one. */
	if (msgext_row_is_erased(row) ||
		(column != NULL && (channels == NULL || strchr(channels, ',') == NULL)))
		return false;
	payload = msgext_row_payload(row);
	if (provider == NULL || provider->recipients == NULL || msgext_invalid_is(row))
		return is_mentioned(forgetting, VARDATA_ANY(payload), VARSIZE_ANY_EXHDR(payload));
	return msgext_recipients_find(arena, provider->recipients,
								  msgext_describe(provider, arena, VARDATA_ANY(payload),
												  VARSIZE_ANY_EXHDR(payload)),
								  is_found, forgetting) != NULL;
}

static bool
is_of_server(const MsgServer *server, const MsgRow *row)
{
	if (row->origin == msgext_origin())
		return row->server_oid == server->oid;
	return strcmp(msgext_row_text(row, Anum_outbox_server), server->name) == 0;
}

/* The ids of all messages to him, in the current context. */
static int64 *
find_messages(Forgetting *forgetting, int *n)
{
	MemoryContext context = AllocSetContextCreate(
		CurrentMemoryContext, "msgext message looked at", ALLOCSET_DEFAULT_SIZES);
	MemoryContext before = CurrentMemoryContext;
	MsgTable *outbox = msgext_outbox_open(false);
	TableScanDesc scan = table_beginscan(outbox->rel, GetActiveSnapshot(), 0, NULL);
	TupleTableSlot *slot = table_slot_create(outbox->rel, NULL);
	int size = 64;
	int64 *ids = palloc(sizeof(int64) * size);

	*n = 0;
	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		MsgRow row;

		CHECK_FOR_INTERRUPTS();
		MemoryContextSwitchTo(context);
		msgext_outbox_read(outbox, slot, &row);
		if (is_of_server(forgetting->recipient.server, &row) &&
			goes_to_him(forgetting, &row))
		{
			if (*n == size)
				ids = repalloc_huge(ids, sizeof(int64) * (size *= 2));
			ids[(*n)++] = row.id;
		}
		MemoryContextSwitchTo(before);
		MemoryContextReset(context);
	}
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	msgext_table_close(outbox);
	MemoryContextDelete(context);
	return ids;
}

static void
forget_message(Forgetting *forgetting, MsgChanger *changer, MsgTable *references,
			   int64 id)
{
	const char *provider_id;
	MsgRow row;

	if (msgext_change(changer, id, true, &row) != MSG_CHANGED)
	{
		forgetting->counts[FORGOTTEN_REMAINING]++;
		return;
	}
	forgetting->counts[FORGOTTEN_MESSAGES]++;
	forgetting->counts[FORGOTTEN_EVENTS] += msgext_event_blank(changer->events, id);
	(void) hash_search(forgetting->messages, &id, HASH_ENTER, NULL);

	/* What is reported of it from here on has no message to say it of. */
	provider_id = msgext_row_text(&row, Anum_outbox_provider_id);
	if (provider_id != NULL)
		msgext_reference_remove(references, row.server_oid, provider_id, id);
}

static void
forget_messages(Forgetting *forgetting)
{
	MsgTable *references = msgext_reference_open(true);
	MsgChanger changer;
	int64 *ids;
	int n;
	int i;

	ids = find_messages(forgetting, &n);
	msgext_change_open(&changer, &msgext_act_forget, forgetting->recipient.reason);
	changer.is_own = true; /* the right to operate the server has been asked for */
	for (i = 0; i < n; i++)
		forget_message(forgetting, &changer, references, ids[i]);
	msgext_change_close(&changer);
	msgext_table_close(references);
}

static void
forget_traces(Forgetting *forgetting)
{
	Oid server = forgetting->recipient.server->oid;
	MsgMention mention = {is_meant, is_mentioned, forgetting};
	MsgTable *uses = msgext_recipient_open();

	forgetting->counts[FORGOTTEN_REPORTS] = msgext_forget_reports(server, &mention);
	forgetting->counts[FORGOTTEN_PUSHES] = msgext_forget_pushes(server, &mention);
	forgetting->counts[FORGOTTEN_USES] = msgext_recipient_forget(
		uses, server, msgext_from_utf8(forgetting->recipient.name));
	msgext_table_close(uses);
}

/* What was done, and not whom it was about. */
static void
tell(const Forgetting *forgetting)
{
	const MsgRecipient *recipient = &forgetting->recipient;
	const char *counts = psprintf(
		"{\"messages\": " INT64_FORMAT ", \"remaining\": " INT64_FORMAT "}",
		forgetting->counts[FORGOTTEN_MESSAGES], forgetting->counts[FORGOTTEN_REMAINING]);

	msgext_audit_append(
		recipient->server->oid, recipient->server->name, "recipient forgotten",
		recipient->reason,
		DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(counts))));
}

PG_FUNCTION_INFO_V1(msgext_forget_recipient);

PGDLLEXPORT Datum
msgext_forget_recipient(PG_FUNCTION_ARGS)
{
	Forgetting forgetting = {.counts = {0}};
	Datum values[FORGOTTEN_COLUMNS];
	bool nulls[FORGOTTEN_COLUMNS] = {false};
	HASHCTL control;
	TupleDesc desc;
	int i;

	PreventCommandIfReadOnly("forget_recipient()");
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	msgext_recipient_read(fcinfo, &forgetting.recipient);
	if (forgetting.recipient.server->provider->recipients == NULL)
		msgext_access_read_payloads();
	forgetting.searches = msgext_access_may_read_payloads();
	control.keysize = control.entrysize = sizeof(int64);
	control.hcxt = CurrentMemoryContext;
	forgetting.messages = hash_create("msgext messages forgotten", 256, &control,
									  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	forget_messages(&forgetting);
	forget_traces(&forgetting);
	tell(&forgetting);
	for (i = 0; i < FORGOTTEN_COLUMNS; i++)
		values[i] = Int64GetDatum(forgetting.counts[i]);
	PG_RETURN_DATUM(
		HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
