/*
 * addressee.c
 *		May the recipients of a message be written to? See addressee.h.
 */
#include "postgres.h"

#include "core/describe.h"
#include "core/recipients.h"
#include "pg/base/arena_pg.h"
#include "pg/base/text.h"
#include "pg/engine/addressee.h"
#include "pg/store/blocked_recipient.h"

/* As much of a recipient as is told. */
#define TOLD_MAX 128

static const char *
told_of(const char *recipient)
{
	return recipient != NULL ? msgext_clean_text(recipient, TOLD_MAX) : "unknown";
}

void
msgext_addressees_read(MsgTurn *turn, const MsgUpstreams *upstreams)
{
	MsgTable *blocked = blocked_of(turn);
	bool any = msgext_blocked_any(blocked);
	ListCell *cell;

	foreach (cell, upstreams->list)
	{
		MsgUpstream *upstream = lfirst(cell);

		upstream->has_blocked = any && msgext_blocked_on(blocked, upstream->oid);
	}
}

typedef struct Blocked
{
	MsgTable *table;
	Oid server;
} Blocked;

static bool
is_blocked(void *arg, const char *recipient)
{
	const Blocked *blocked = arg;

	return msgext_blocked_has(blocked->table, blocked->server,
							  msgext_from_utf8(recipient));
}

bool
msgext_addressee_may(MsgTurn *turn, const MsgUpstream *upstream, const MsgRow *row,
					 const char **code, const char **why)
{
	const MsgServer *server = upstream->server;
	const char *const *paths = server->provider->recipients;
	const char *to = server->redirect;
	const char *pattern = server->allow_recipients;
	bool staging = to != NULL || pattern != NULL;
	const char *found = NULL;
	const MsgJson *payload;
	MsgArena *arena;
	bytea *bytes;

	if (paths == NULL || !(staging || upstream->has_blocked))
		return true;
	arena = msgext_arena_pg_create(CurrentMemoryContext);
	bytes = msgext_row_payload(row);
	payload = msgext_describe(server->provider, arena, VARDATA_ANY(bytes),
							  VARSIZE_ANY_EXHDR(bytes));

	/* Bytes that cannot be read are told by their digest alone. */
	if (staging && (msgext_json_get(payload, "sha256") != NULL ||
					!msgext_recipients_may(arena, paths, payload, to, pattern, &found)))
	{
		*code = "not_allowed_here";
		*why = psprintf("recipient %s is not allowed on this server", told_of(found));
		return false;
	}
	if (upstream->has_blocked)
	{
		Blocked blocked = {blocked_of(turn), server->oid};

		found = msgext_recipients_find(arena, paths, payload, is_blocked, &blocked);
		if (found != NULL)
		{
			*code = "opted_out";
			*why = psprintf("recipient %s is blocked on this server", told_of(found));
			return false;
		}
	}
	return true;
}
