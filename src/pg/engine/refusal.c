/*
 * refusal.c
 *		Accounts whose credentials a provider has refused: see refusal.h.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/memutils.h"

#include "pg/base/text.h"
#include "pg/engine/refusal.h"
#include "pg/store/account_pause.h"
#include "pg/store/server_event.h"

#define RETRY_MIN_US (10 * USECS_PER_SEC)

typedef struct Refusal
{
	Oid mapping; /* the hash key */
	TransactionId version;
	bool listed;	  /* it is in the table, as far as is known */
	char reason[512]; /* of one that is not listed yet */
} Refusal;

static Refusal *
find(const MsgUpstream *upstream, Oid mapping)
{
	if (upstream->refused == NULL)
		return NULL;
	return hash_search(upstream->refused, &mapping, HASH_FIND, NULL);
}

static Refusal *
enter(MsgUpstream *upstream, Oid mapping, TransactionId version)
{
	Refusal *refusal;

	if (upstream->refused == NULL)
	{
		HASHCTL control;

		control.keysize = sizeof(Oid);
		control.entrysize = sizeof(Refusal);
		control.hcxt = GetMemoryChunkContext(upstream);
		upstream->refused = hash_create("msgext refused accounts", 16, &control,
										HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	refusal = hash_search(upstream->refused, &mapping, HASH_ENTER, NULL);
	refusal->version = version;
	refusal->listed = false;
	refusal->reason[0] = '\0';
	return refusal;
}

bool
msgext_refusal_holds(const MsgUpstream *upstream, const MsgAccount *account)
{
	const Refusal *refusal = find(upstream, account->mapping);

	return refusal != NULL && refusal->version == account->version;
}

bool
msgext_refusal_note(MsgUpstream *upstream, const MsgAccount *account, const char *code,
					const char *text, int http_status)
{
	const MsgAccount *now;
	Refusal *refusal;

	if (upstream->server == NULL)
		return false;
	now = msgext_server_account(upstream->server, account->role, "");
	if (now->mapping != account->mapping || now->version != account->version)
		return false;
	if (msgext_refusal_holds(upstream, account))
		return true;
	refusal = enter(upstream, account->mapping, account->version);
	msgext_upstream_describe(refusal->reason, sizeof(refusal->reason), code, text,
							 http_status);
	return true;
}

/* True when one that was listed is so no longer. */
static bool
read_upstream(MsgUpstream *upstream)
{
	List *listed = msgext_account_pause_list(upstream->oid);
	bool released = false;
	HASH_SEQ_STATUS status;
	Refusal *refusal;
	ListCell *cell;

	if (listed == NIL && upstream->refused == NULL)
		return false;
	if (upstream->refused != NULL)
	{
		hash_seq_init(&status, upstream->refused);
		while ((refusal = hash_seq_search(&status)) != NULL)
		{
			bool found = !refusal->listed;

			foreach (cell, listed)
			{
				const MsgPausedAccount *account = lfirst(cell);

				found |= account->mapping == refusal->mapping &&
						 account->version == refusal->version;
			}
			if (!found)
				hash_search(upstream->refused, &refusal->mapping, HASH_REMOVE, NULL);
			released |= !found;
		}
	}
	foreach (cell, listed)
	{
		const MsgPausedAccount *account = lfirst(cell);

		refusal = find(upstream, account->mapping);
		if (refusal == NULL)
			enter(upstream, account->mapping, account->version)->listed = true;
	}
	return released;
}

void
msgext_refusals_read(const MsgTurn *turn, const List *upstreams)
{
	ListCell *cell;

	foreach (cell, upstreams)
	{
		if (!read_upstream(lfirst(cell)))
			continue;

		/* What was wrong may have been mended in a file, which no catalog tells of. */
		msgext_server_forget_all();
		msgext_upstream_recheck(turn, lfirst(cell));
	}
}

static void
write_refusal(const MsgUpstream *upstream, Refusal *refusal)
{
	const char *reason = msgext_clean_text(refusal->reason, 400);
	const char *owner = msgext_mapping_owner(refusal->mapping, refusal->version);
	MsgServerEvent event = {0};

	/* Changed or dropped meanwhile: it stands for nobody any more. */
	if (owner == NULL)
	{
		refusal->listed = true;
		return;
	}
	if (!msgext_account_pause_write(upstream->oid, refusal->mapping, refusal->version,
									reason))
		return;
	refusal->listed = true;
	event.server = upstream->oid;
	event.name = upstream->name;
	event.kind = "account paused";
	event.reason = psprintf("%s: %s", owner, reason);
	msgext_server_event_append(&event);
	ereport(LOG,
			(errmsg("the account of \"%s\" on server \"%s\" was paused: %s", owner,
					upstream->name, reason),
			 errhint("Mend the user mapping; where a file it names was at fault, run "
					 "SELECT msgext.resume_server(%s).",
					 quote_literal_cstr(upstream->name))));
}

void
msgext_refusals_write(const MsgUpstreams *upstreams)
{
	ListCell *cell;

	foreach (cell, upstreams->list)
	{
		const MsgUpstream *upstream = lfirst(cell);
		HASH_SEQ_STATUS status;
		Refusal *refusal;

		if (upstream->refused == NULL)
			continue;
		hash_seq_init(&status, upstream->refused);
		while ((refusal = hash_seq_search(&status)) != NULL)
			if (!refusal->listed)
				write_refusal(upstream, refusal);
	}
}

TimestampTz
msgext_refusal_look_again(TimestampTz since, TimestampTz now)
{
	int64 passed = Max(now - since, 0);

	return now + Min(Max(passed / 2, RETRY_MIN_US), MSG_ACCOUNT_RETRY_MAX_US);
}
