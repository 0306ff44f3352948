/*
 * session.c
 *		Sessions with providers that want a login: see session.h.
 *
 * Sessions outlive the cache of servers: storing a refresh token changes the catalog,
 * and with it that cache. They are found again by the mapping, and dropped when its
 * credentials are others.
 */
#include "postgres.h"

#include <sys/stat.h>

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/pg_user_mapping.h"
#include "commands/defrem.h"
#include "foreign/foreign.h"
#include "nodes/makefuncs.h"
#include "storage/fd.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "core/lifecycle.h"
#include "pg/base/clock.h"
#include "pg/engine/session.h"
#include "pg/ipc/registry.h"

/*
 * One wrong attempt may lock an account for a second or more, and each attempt meanwhile
 * prolongs it (Personium): never in a row, and not with other credentials either.
 */
#define LOGIN_SPACING_US (2 * USECS_PER_SEC)

/* Twice that: the jitter takes up to half of it away. */
#define LOGIN_RETRY_MIN_MS 4000
#define LOGIN_RETRY_MAX_MS 300000

/* After a refusal; the upstream is paused, and this is for those who resume too soon. */
#define LOGIN_REFUSED_US (10 * USECS_PER_SEC)

/* A login under way is looked at again this often by what waits for it. */
#define LOGIN_WAIT_US (100 * 1000)

typedef struct Session
{
	Oid mapping; /* the hash key */
	uint64 credentials;
	char *token; /* NULL = no session */
	char *refresh_token;
	TimestampTz issued_at;
	TimestampTz expires_at; /* 0 = not told */
	uint64 serial;
	bool proven; /* the provider has taken something with it */
	bool under_way;
	bool without_refresh; /* the refresh token was refused: log in with the password */
	int failures;
	TimestampTz not_before;
	TimestampTz failed_at; /* the last attempt that failed */
} Session;

struct MsgSessions
{
	MemoryContext context;
	HTAB *sessions;
};

MsgSessions *
msgext_sessions_create(MemoryContext context)
{
	MsgSessions *logins = MemoryContextAlloc(context, sizeof(MsgSessions));
	HASHCTL control;

	control.keysize = sizeof(Oid);
	control.entrysize = sizeof(Session);
	control.hcxt = context;
	logins->context = context;
	logins->sessions = hash_create("msgext sessions", 16, &control,
								   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	return logins;
}

static void
forget(char **secret)
{
	if (*secret == NULL)
		return;
	memset(*secret, 0, strlen(*secret));
	pfree(*secret);
	*secret = NULL;
}

static void
keep(MsgSessions *logins, char **secret, const char *value)
{
	char *copy = value != NULL ? MemoryContextStrdup(logins->context, value) : NULL;

	forget(secret);
	*secret = copy;
}

static Session *
find(MsgSessions *logins, const MsgAccount *account)
{
	bool found;
	Session *session =
		hash_search(logins->sessions, &account->mapping, HASH_ENTER, &found);
	TimestampTz failed_at = found ? session->failed_at : 0;

	if (found && session->credentials == account->credentials)
		return session;
	if (found)
	{
		forget(&session->token);
		forget(&session->refresh_token);
	}
	memset((char *) session + sizeof(Oid), 0, sizeof(Session) - sizeof(Oid));
	session->credentials = account->credentials;
	if (failed_at != 0)
		session->not_before = failed_at + LOGIN_SPACING_US;
	return session;
}

static bool
wants_login(const MsgAccount *account, const MsgProvider *provider)
{
	return (provider->caps & MSG_CAN_LOGIN) != 0 && provider->needs_login(&account->conn);
}

static void
start_login(MsgDispatcher *dispatcher, MsgUpstream *upstream, MsgAccount *account,
			Session *session)
{
	MsgFlight *flight = msgext_flight_create(dispatcher, upstream, account);
	const char *refresh_token = session->refresh_token;

	if (refresh_token == NULL)
		refresh_token = msgext_conn_option(&account->conn, "refresh_token");
	if (refresh_token != NULL && !session->without_refresh)
		flight->refresh_token = MemoryContextStrdup(flight->context, refresh_token);
	flight->login = true;
	msgext_flight_add(flight);
	flight->conn = account->conn;
	flight->next = dispatcher->fresh;
	dispatcher->fresh = flight;
	session->under_way = true;
}

MsgSessionNeed
msgext_session_need(MsgDispatcher *dispatcher, MsgUpstream *upstream, MsgAccount *account,
					TimestampTz *until)
{
	TimestampTz now = dispatcher->now;
	Session *session;
	bool stale;

	*until = 0;
	if (!wants_login(account, upstream->server->provider))
		return MSG_SESSION_READY;
	session = find(dispatcher->logins, account);
	stale =
		session->token == NULL ||
		(session->expires_at != 0 &&
		 now >= session->issued_at + (session->expires_at - session->issued_at) / 5 * 4);
	if (stale && !session->under_way && now >= session->not_before)
		start_login(dispatcher, upstream, account, session);

	/* The old one serves while its successor is fetched. */
	if (session->token != NULL && (session->expires_at == 0 || now < session->expires_at))
		return MSG_SESSION_READY;
	*until = Max(session->not_before, now + LOGIN_WAIT_US);
	return MSG_SESSION_WAIT;
}

void
msgext_session_use(MsgDispatcher *dispatcher, MsgFlight *flight)
{
	MsgAccount *account = flight->account;
	MemoryContext before;
	MsgSession *copy;
	Session *session;

	flight->conn = account->conn;
	if (!wants_login(account, flight->server->provider))
		return;
	session = find(dispatcher->logins, account);
	before = MemoryContextSwitchTo(flight->context);
	copy = palloc0(sizeof(MsgSession));
	copy->token = pstrdup(session->token);
	copy->expires_us = msgext_unix_us(session->expires_at);
	flight->conn.session = copy;
	flight->session = session->serial;
	MemoryContextSwitchTo(before);
}

bool
msgext_session_refused(MsgDispatcher *dispatcher, const MsgFlight *flight)
{
	Session *session;

	if (!wants_login(flight->account, flight->server->provider))
		return false;
	session = find(dispatcher->logins, flight->account);
	if (session->serial != flight->session || session->token == NULL)
		return true; /* it has been renewed since */
	if (!session->proven)
		return false;
	forget(&session->token);
	return true;
}

void
msgext_session_worked(MsgDispatcher *dispatcher, const MsgFlight *flight)
{
	Session *session;

	if (!wants_login(flight->account, flight->server->provider))
		return;
	session = find(dispatcher->logins, flight->account);
	if (session->serial == flight->session)
		session->proven = true;
}

/* Beside the old one, then in its place: no crash leaves half a token. */
static void
store_in_file(const char *path, const char *refresh_token)
{
	char *fresh = psprintf("%s.new", path);
	mode_t mask = umask(S_IRWXG | S_IRWXO);
	FILE *file = AllocateFile(fresh, PG_BINARY_W);

	umask(mask);
	if (file == NULL || fputs(refresh_token, file) == EOF || fputc('\n', file) == EOF ||
		FreeFile(file) != 0)
		ereport(
			ERROR,
			(errcode_for_file_access(),
			 errmsg("could not write the file of option \"refresh_token_file\": %m")));
	durable_rename(fresh, path, ERROR);
}

static void
store_in_mapping(Oid mapping, const char *refresh_token)
{
	Relation rel = table_open(UserMappingRelationId, RowExclusiveLock);
	HeapTuple tuple = SearchSysCacheCopy1(USERMAPPINGOID, ObjectIdGetDatum(mapping));
	Datum values[Natts_pg_user_mapping] = {0};
	bool nulls[Natts_pg_user_mapping] = {false};
	bool replaces[Natts_pg_user_mapping] = {false};
	DefElem *option =
		makeDefElem("refresh_token", (Node *) makeString(pstrdup(refresh_token)), -1);
	bool isnull;
	Datum old;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "user mapping %u is gone", mapping);
	old = SysCacheGetAttr(USERMAPPINGOID, tuple, Anum_pg_user_mapping_umoptions, &isnull);
	option->defaction = DEFELEM_SET;
	values[Anum_pg_user_mapping_umoptions - 1] = transformGenericOptions(
		UserMappingRelationId, isnull ? PointerGetDatum(NULL) : old, list_make1(option),
		InvalidOid);
	replaces[Anum_pg_user_mapping_umoptions - 1] = true;
	tuple = heap_modify_tuple(tuple, RelationGetDescr(rel), values, nulls, replaces);
	CatalogTupleUpdate(rel, &tuple->t_self, tuple);
	table_close(rel, NoLock);
}

/* The first refresh token came from the mapping, or from the file it names. */
static void
store_refresh_token(const MsgFlight *flight, const char *refresh_token)
{
	const MsgAccount *account = flight->account;
	const char *stored = msgext_conn_option(&account->conn, "refresh_token");

	if (stored == NULL || strcmp(stored, refresh_token) == 0)
		return;
	if (account->refresh_file != NULL)
		store_in_file(account->refresh_file, refresh_token);
	else
		store_in_mapping(account->mapping, refresh_token);
}

void
msgext_session_record_login(MsgDispatcher *dispatcher, MsgFlight *flight)
{
	const MsgLogin *answer = &flight->login_answer;

	if (answer->verdict == MSG_VERDICT_ACCEPTED)
	{
		if (answer->session.refresh_token != NULL)
			store_refresh_token(flight, answer->session.refresh_token);
		return;
	}
	if (answer->verdict != MSG_VERDICT_RELOGIN)
		msgext_upstream_error(dispatcher, flight->upstream,
							  answer->text != NULL ? answer->text : "login failed");
	if (answer->verdict == MSG_VERDICT_PAUSE || answer->verdict == MSG_VERDICT_REJECTED)
		msgext_upstream_pause(flight->upstream, answer->code,
							  answer->text != NULL ? answer->text : "login refused",
							  flight->http_status);
}

static void
accept(MsgDispatcher *dispatcher, Session *session, const MsgLogin *answer)
{
	MsgSessions *logins = dispatcher->logins;

	keep(logins, &session->token, answer->session.token);
	if (answer->session.refresh_token != NULL)
		keep(logins, &session->refresh_token, answer->session.refresh_token);
	session->issued_at = dispatcher->now;
	session->expires_at = msgext_from_unix_us(answer->session.expires_us);
	session->serial++;
	session->proven = false;
	session->without_refresh = false;
	session->failures = 0;
	session->not_before = 0;
}

void
msgext_session_commit_login(MsgDispatcher *dispatcher, MsgFlight *flight)
{
	const MsgLogin *answer = &flight->login_answer;
	Session *session = find(dispatcher->logins, flight->account);
	int64 delay_ms;

	session->under_way = false;
	if (answer->verdict != MSG_VERDICT_ACCEPTED)
		session->failed_at = dispatcher->now;
	dispatcher->news = MSG_NEWS_ALL;
	switch (answer->verdict)
	{
		case MSG_VERDICT_ACCEPTED:
			accept(dispatcher, session, answer);
			break;
		case MSG_VERDICT_RELOGIN:
			session->without_refresh = true;
			forget(&session->refresh_token);
			break;
		case MSG_VERDICT_PAUSE:
		case MSG_VERDICT_REJECTED:
			session->not_before = dispatcher->now + LOGIN_REFUSED_US;
			session->without_refresh = false;
			break;
		default:
			session->failures++;
			delay_ms =
				msgext_backoff_ms(LOGIN_RETRY_MIN_MS, LOGIN_RETRY_MAX_MS,
								  session->failures, session->serial + session->failures);
			session->not_before =
				dispatcher->now + Max(delay_ms, answer->retry_after_ms) * 1000;
			break;
	}
}

void
msgext_session_drop_login(MsgDispatcher *dispatcher, MsgFlight *flight)
{
	find(dispatcher->logins, flight->account)->under_way = false;
}
