/*
 * console_session.c
 *		Links and sessions of the console: see console_session.h.
 */
#include "postgres.h"

#include "utils/snapmgr.h"

#include "pg/base/bytes.h"
#include "pg/store/console_session.h"
#include "pg/store/table.h"

/* clang-format off */
#define CONSOLE_SESSION_COLUMNS(C) \
	C(console_session, hash) C(console_session, key_hash) C(console_session, role_oid) \
	C(console_session, login_oid) C(console_session, origin) \
	C(console_session, created_at) C(console_session, ends_at)
/* clang-format on */
MSG_COLUMN_NUMBERS(console_session, CONSOLE_SESSION_COLUMNS);
MSG_LAYOUT(console_session, CONSOLE_SESSION_COLUMNS);

void
msgext_console_session_insert(const MsgConsoleSession *session)
{
	MsgTable *sessions = msgext_table_open(&console_session_layout, true);
	MsgValues row;

	msgext_values_init(&row);
	msgext_values_bytes(&row, Anum_console_session_hash, session->hash,
						MSG_CONSOLE_HASH_LEN);
	if (session->begun)
		msgext_values_bytes(&row, Anum_console_session_key_hash, session->key_hash,
							MSG_CONSOLE_HASH_LEN);
	msgext_values_oid(&row, Anum_console_session_role_oid, session->role);
	msgext_values_oid(&row, Anum_console_session_login_oid, session->login);
	msgext_values_int64(&row, Anum_console_session_origin, session->origin);
	msgext_values_time(&row, Anum_console_session_created_at, session->created_at);
	msgext_values_time(&row, Anum_console_session_ends_at, session->ends_at);
	msgext_table_insert(sessions, row.values, row.nulls);
	msgext_table_close(sessions);
}

/* False when it is of another length, as only a person could have written it. */
static bool
read_hash(Datum value, uint8 *hash)
{
	bytea *bytes = DatumGetByteaPP(value);

	if (VARSIZE_ANY_EXHDR(bytes) != MSG_CONSOLE_HASH_LEN)
		return false;
	memcpy(hash, VARDATA_ANY(bytes), MSG_CONSOLE_HASH_LEN);
	return true;
}

static bool
read_row(TupleTableSlot *slot, MsgConsoleSession *session)
{
	bool isnull;
	Datum key = slot_getattr(slot, Anum_console_session_key_hash, &isnull);

	memset(session, 0, sizeof(*session));
	session->begun = !isnull;
	if (session->begun && !read_hash(key, session->key_hash))
		return false;
	session->role = msgext_column_oid(slot, Anum_console_session_role_oid);
	session->login = msgext_column_oid(slot, Anum_console_session_login_oid);
	session->origin = msgext_column_int64(slot, Anum_console_session_origin);
	session->created_at = msgext_column_time(slot, Anum_console_session_created_at);
	session->ends_at = msgext_column_time(slot, Anum_console_session_ends_at);
	return read_hash(slot_getattr(slot, Anum_console_session_hash, &isnull),
					 session->hash);
}

static MsgScan *
scan_for(MsgTable *sessions, Snapshot snapshot, const uint8 *hash)
{
	ScanKeyData key;

	msgext_key_bytes(&key, 1, BTEqualStrategyNumber,
					 msgext_bytes(hash, MSG_CONSOLE_HASH_LEN));
	return msgext_table_scan(sessions, "console_session_pkey", snapshot, &key, 1);
}

bool
msgext_console_session_find(const uint8 *hash, MsgConsoleSession *session)
{
	MsgTable *sessions = msgext_table_open(&console_session_layout, false);
	MsgScan *scan = scan_for(sessions, GetActiveSnapshot(), hash);
	TupleTableSlot *slot = msgext_scan_next(scan);
	bool found = slot != NULL && read_row(slot, session);

	msgext_scan_end(scan);
	msgext_table_close(sessions);
	return found;
}

bool
msgext_console_session_delete(const uint8 *hash)
{
	MsgTable *sessions = msgext_table_open(&console_session_layout, true);
	bool done = msgext_table_delete_all(
					sessions, scan_for(sessions, GetActiveSnapshot(), hash), true) > 0;

	msgext_table_close(sessions);
	return done;
}

int
msgext_console_session_sweep(bool (*unwanted)(const MsgConsoleSession *session,
											  void *arg),
							 void *arg, bool wait)
{
	MsgTable *sessions = msgext_table_open(&console_session_layout, true);
	Snapshot latest = RegisterSnapshot(GetLatestSnapshot());
	MsgScan *scan = msgext_table_scan(sessions, "console_session_pkey", latest, NULL, 0);
	TupleTableSlot *slot;
	int n = 0;

	while ((slot = msgext_scan_next(scan)) != NULL)
	{
		ItemPointerData tid = slot->tts_tid;
		MsgConsoleSession session;

		if ((!read_row(slot, &session) || unwanted(&session, arg)) &&
			msgext_table_delete(sessions, &tid, wait) == TM_Ok)
			n++;
	}
	msgext_scan_end(scan);
	UnregisterSnapshot(latest);
	msgext_table_close(sessions);
	return n;
}
