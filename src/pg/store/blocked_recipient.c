/*
 * blocked_recipient.c
 *		Who wants nothing more from a server: see blocked_recipient.h.
 */
#include "postgres.h"

#include "storage/bufmgr.h"
#include "utils/snapmgr.h"

#include "pg/base/clock.h"
#include "pg/store/blocked_recipient.h"
#include "pg/store/copied.h"
#include "pg/store/origin.h"

/* clang-format off */
#define BLOCKED_RECIPIENT_COLUMNS(C) \
	C(blocked_recipient, server_oid) C(blocked_recipient, origin) \
	C(blocked_recipient, server) C(blocked_recipient, recipient) \
	C(blocked_recipient, blocked_at) C(blocked_recipient, actor) \
	C(blocked_recipient, reason)
/* clang-format on */
MSG_COLUMN_NUMBERS(blocked_recipient, BLOCKED_RECIPIENT_COLUMNS);
MSG_LAYOUT(blocked_recipient, BLOCKED_RECIPIENT_COLUMNS);

static const char key_index[] = "blocked_recipient_pkey";

MsgTable *
msgext_blocked_open(bool writable)
{
	return msgext_table_open(&blocked_recipient_layout, writable);
}

bool
msgext_blocked_any(MsgTable *blocked)
{
	return RelationGetNumberOfBlocks(blocked->rel) > 0;
}

/* In a restored copy an oid may be another server's. */
static void
set_keys(ScanKeyData *keys, Oid server)
{
	msgext_key_oid(&keys[0], 1, BTEqualStrategyNumber, server);
	msgext_key_int64(&keys[1], 2, BTEqualStrategyNumber, msgext_origin());
}

bool
msgext_blocked_on(MsgTable *blocked, Oid server)
{
	ScanKeyData keys[2];
	MsgScan *scan;
	bool found;

	set_keys(keys, server);
	scan = msgext_table_scan(blocked, key_index, GetActiveSnapshot(), keys, 2);
	found = msgext_scan_next(scan) != NULL;
	msgext_scan_end(scan);
	return found;
}

/* His row, if the snapshot sees one. */
static TupleTableSlot *
find(MsgTable *blocked, Oid server, const char *recipient, Snapshot snapshot)
{
	ScanKeyData keys[3];

	set_keys(keys, server);
	msgext_key_text(&keys[2], 3, BTEqualStrategyNumber, recipient);
	return msgext_table_find(blocked, key_index, snapshot, keys, 3);
}

bool
msgext_blocked_has(MsgTable *blocked, Oid server, const char *recipient)
{
	return find(blocked, server, recipient, GetActiveSnapshot()) != NULL;
}

bool
msgext_blocked_add(MsgTable *blocked, const MsgBlock *block)
{
	MsgValues row;

	msgext_values_init(&row);
	msgext_values_oid(&row, Anum_blocked_recipient_server_oid, block->server);
	msgext_values_int64(&row, Anum_blocked_recipient_origin, msgext_origin());
	msgext_values_text(&row, Anum_blocked_recipient_server, block->server_name);
	msgext_values_text(&row, Anum_blocked_recipient_recipient, block->recipient);
	msgext_values_time(&row, Anum_blocked_recipient_blocked_at, msgext_clock());
	msgext_values_text(&row, Anum_blocked_recipient_actor, block->actor);
	msgext_values_text(&row, Anum_blocked_recipient_reason, block->reason);
	return msgext_table_insert_unique(blocked, key_index, row.values, row.nulls);
}

bool
msgext_blocked_remove(MsgTable *blocked, Oid server, const char *recipient)
{
	Snapshot latest = RegisterSnapshot(GetLatestSnapshot());
	TupleTableSlot *slot = find(blocked, server, recipient, latest);
	bool removed = false;

	if (slot != NULL)
	{
		ItemPointerData tid = slot->tts_tid;

		removed = msgext_table_delete(blocked, &tid, true) == TM_Ok;
	}
	UnregisterSnapshot(latest);
	return removed;
}

static bool
is_known(MsgTable *blocked, TupleTableSlot *row, Oid server)
{
	Snapshot latest = RegisterSnapshot(GetLatestSnapshot());
	const char *recipient = msgext_column_text(row, Anum_blocked_recipient_recipient);
	bool known = find(blocked, server, recipient, latest) != NULL;

	UnregisterSnapshot(latest);
	return known;
}

void
msgext_blocked_adopt(Oid server, const char *name)
{
	static const MsgCopied copied = {
		.server_oid = Anum_blocked_recipient_server_oid,
		.origin = Anum_blocked_recipient_origin,
		.server = Anum_blocked_recipient_server,
		.is_known = is_known,
	};
	MsgTable *blocked = msgext_blocked_open(true);

	msgext_copied_adopt(blocked, &copied, server, name);
	msgext_table_close(blocked);
}
