/*
 * session.c
 *		Sessions with providers that want a login: see session.h.
 *
 * Sessions outlive the cache of servers: storing a refresh token changes the catalog, and
 * with it that cache. They are found again by the mapping, and dropped when its
 * credentials are others.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "core/lifecycle.h"
#include "pg/base/clock.h"
#include "pg/catalog/refresh_token.h"
#include "pg/engine/outage.h"
#include "pg/engine/refusal.h"
#include "pg/engine/session.h"

/*
 * One wrong attempt may lock an account for a second or more, and each attempt meanwhile
 * prolongs it (Personium): never in a row, and not with other credentials either.
 */
#define LOGIN_SPACING_US (2 * USECS_PER_SEC)

/* Twice that: the jitter takes up to half of it away. */
#define LOGIN_RETRY_MIN_MS 4000
#define LOGIN_RETRY_MAX_MS 300000

/* After a refusal; the account is paused, and this is for those who resume too soon. */
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
	bool by_password;	  /* that token was got by password */
	bool proven;		  /* the provider has taken something with it */
	int refused_unproven; /* sessions in a row, refused before they had worked */
	bool under_way;
	bool without_refresh; /* the refresh token was refused: log in with the password */
	int failures;
	TimestampTz not_before;
	TimestampTz failed_at; /* the last attempt that failed */
} Session;

struct MsgSessions
{
	MemoryContext context;
	HTAB *by_mapping;
	const MsgLogin *granted; /* what every login answers, or NULL */
};

MsgSessions *
msgext_sessions_create(MemoryContext context)
{
	MsgSessions *sessions = MemoryContextAllocZero(context, sizeof(MsgSessions));
	HASHCTL control;

	control.keysize = sizeof(Oid);
	control.entrysize = sizeof(Session);
	control.hcxt = context;
	sessions->context = context;
	sessions->by_mapping = hash_create("msgext sessions", 16, &control,
									   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	return sessions;
}

void
msgext_sessions_grant(MsgSessions *sessions, const MsgLogin *login)
{
	sessions->granted = login;
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
keep(MsgSessions *sessions, char **secret, const char *value)
{
	char *copy = value != NULL ? MemoryContextStrdup(sessions->context, value) : NULL;

	forget(secret);
	*secret = copy;
}

static Session *
find(MsgSessions *sessions, const MsgAccount *account)
{
	bool found;
	Session *session =
		hash_search(sessions->by_mapping, &account->mapping, HASH_ENTER, &found);
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
start_login(MsgFlights *flights, MsgUpstream *upstream, MsgAccount *account,
			Session *session, TimestampTz now)
{
	MsgFlight *flight =
		msgext_flight_create(flights, MSG_FLIGHT_LOGIN, upstream, account);
	const char *refresh_token = session->refresh_token;

	if (refresh_token == NULL)
		refresh_token = msgext_conn_option(&account->conn, "refresh_token");
	if (refresh_token != NULL && !session->without_refresh)
		flight->refresh_token = MemoryContextStrdup(flight->context, refresh_token);
	msgext_flight_add(flight);
	flight->conn = account->conn;
	msgext_outage_claim(upstream, flight, now);
	session->under_way = true;
}

static void
accept(MsgSessions *sessions, Session *session, const MsgLogin *answer, TimestampTz now)
{
	keep(sessions, &session->token, answer->session.token);
	if (answer->session.refresh_token != NULL)
		keep(sessions, &session->refresh_token, answer->session.refresh_token);
	session->issued_at = now;
	session->expires_at = msgext_from_unix_us(answer->session.expires_us);
	session->by_password = answer->session.by_password;
	session->serial++;
	session->proven = false;
	session->without_refresh = false;
	session->failures = 0;
	session->not_before = 0;
}

MsgSessionNeed
msgext_session_need(MsgSessions *sessions, MsgFlights *flights, MsgUpstream *upstream,
					MsgAccount *account, TimestampTz now, TimestampTz *until)
{
	Session *session;
	bool stale;

	*until = 0;
	if (!wants_login(account, upstream->server->provider))
		return MSG_SESSION_READY;
	session = find(sessions, account);
	if (sessions->granted != NULL && session->token == NULL)
		accept(sessions, session, sessions->granted, now);
	stale =
		session->token == NULL ||
		(session->expires_at != 0 &&
		 now >= session->issued_at + (session->expires_at - session->issued_at) / 5 * 4);
	if (stale && !session->under_way && now >= session->not_before)
		start_login(flights, upstream, account, session, now);

	/* The old one serves while its successor is fetched. */
	if (session->token != NULL && (session->expires_at == 0 || now < session->expires_at))
		return MSG_SESSION_READY;
	*until = Max(session->not_before, now + LOGIN_WAIT_US);
	return MSG_SESSION_WAIT;
}

void
msgext_session_use(MsgSessions *sessions, MsgFlight *flight)
{
	MsgAccount *account = flight->account;
	MemoryContext before;
	MsgSession *copy;
	Session *session;

	flight->conn = account->conn;
	if (!wants_login(account, flight->server->provider))
		return;
	session = find(sessions, account);
	before = MemoryContextSwitchTo(flight->context);
	copy = palloc0(sizeof(MsgSession));
	copy->token = pstrdup(session->token);
	copy->expires_us = msgext_unix_us(session->expires_at);
	copy->by_password = session->by_password;
	flight->conn.session = copy;
	flight->session = session->serial;
	MemoryContextSwitchTo(before);
}

bool
msgext_session_refused(MsgSessions *sessions, const MsgFlight *flight)
{
	Session *session;

	if (!wants_login(flight->account, flight->server->provider))
		return false;
	session = find(sessions, flight->account);
	if (session->serial != flight->session || session->token == NULL)
		return true; /* it has been renewed since */

	/*
	 * Tokens may reach all of a provider's machines late, and clocks differ: a fresh one
	 * is renewed too, once.
	 */
	if (!session->proven && ++session->refused_unproven > 1)
		return false;
	forget(&session->token);
	return true;
}

void
msgext_session_worked(MsgSessions *sessions, const MsgFlight *flight)
{
	Session *session;

	if (!wants_login(flight->account, flight->server->provider))
		return;
	session = find(sessions, flight->account);
	if (session->serial == flight->session)
	{
		session->proven = true;
		session->refused_unproven = 0;
	}
}

void
msgext_session_record_login(const MsgTurn *turn, MsgFlight *flight)
{
	const MsgLogin *answer = &flight->login_answer;
	const char *text;

	if (answer->verdict == MSG_VERDICT_ACCEPTED)
	{
		if (answer->session.refresh_token != NULL)
			msgext_refresh_token_store(flight->account, answer->session.refresh_token);
		return;
	}
	if (answer->verdict != MSG_VERDICT_RELOGIN)
		msgext_upstream_error(turn, flight->upstream,
							  answer->text != NULL ? answer->text : "login failed");
	text = answer->text != NULL ? answer->text : "login refused";
	if (answer->verdict == MSG_VERDICT_PAUSE)
		msgext_upstream_pause(flight->upstream, answer->code, text, flight->http_status);
	else if (answer->verdict == MSG_VERDICT_PAUSE_ACCOUNT ||
			 answer->verdict == MSG_VERDICT_REJECTED)
		msgext_refusal_note(flight->upstream, flight->account, answer->code, text,
							flight->http_status);
}

void
msgext_session_commit_login(MsgSessions *sessions, MsgFlight *flight, TimestampTz now)
{
	const MsgLogin *answer = &flight->login_answer;
	Session *session = find(sessions, flight->account);
	int64 delay_ms;

	session->under_way = false;
	if (answer->verdict != MSG_VERDICT_ACCEPTED)
		session->failed_at = now;
	switch (answer->verdict)
	{
		case MSG_VERDICT_ACCEPTED:
			accept(sessions, session, answer, now);
			break;
		case MSG_VERDICT_RELOGIN:
			session->without_refresh = true;
			forget(&session->refresh_token);
			break;
		case MSG_VERDICT_PAUSE:
		case MSG_VERDICT_PAUSE_ACCOUNT:
		case MSG_VERDICT_REJECTED:
			session->not_before = now + LOGIN_REFUSED_US;
			session->without_refresh = false;
			break;
		default:
			session->failures++;
			delay_ms =
				msgext_backoff_ms(LOGIN_RETRY_MIN_MS, LOGIN_RETRY_MAX_MS,
								  session->failures, session->serial + session->failures);
			session->not_before = now + Max(delay_ms, answer->retry_after_ms) * 1000;
			break;
	}
}

void
msgext_session_drop_login(MsgSessions *sessions, const MsgFlight *flight)
{
	find(sessions, flight->account)->under_way = false;
}
