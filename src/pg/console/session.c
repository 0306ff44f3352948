/*
 * session.c
 *		Links and sessions of the console: see session.h.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "core/hmac.h"
#include "core/sha256.h"
#include "pg/catalog/access.h"
#include "pg/console/session.h"
#include "pg/store/origin.h"

/* A link is used at once; what is found later, in a history or a chat, is good for nothing. */
#define LINK_US (10 * USECS_PER_MINUTE)

/* Links and sessions of one role; beyond it the oldest goes. */
#define SESSIONS_MAX 20

static void
make_secret(MsgConsoleSecret secret)
{
	uint8 bytes[MSG_CONSOLE_SECRET_LEN / 2];

	if (!pg_strong_random(bytes, sizeof(bytes)))
		ereport(ERROR, (errcode(ERRCODE_INTERNAL_ERROR),
						errmsg("could not generate a random token")));
	secret[hex_encode((char *) bytes, sizeof(bytes), secret)] = '\0';
	explicit_bzero(bytes, sizeof(bytes));
}

static void
hash(const char *secret, uint8 *digest)
{
	MsgSha256 sha256;

	msgext_sha256_begin(&sha256);
	msgext_sha256_add(&sha256, secret, strlen(secret));
	msgext_sha256_end(&sha256, digest);
}

static bool
is_secret(const char *text)
{
	return text != NULL && strlen(text) == MSG_CONSOLE_SECRET_LEN;
}

static bool
is_over(const MsgConsoleSession *session, TimestampTz now)
{
	return session->ends_at <= now ||
		   (!session->begun && session->created_at + LINK_US <= now) ||
		   session->origin != msgext_origin() ||
		   !msgext_access_console(session->login, session->role);
}

typedef struct Sweep
{
	TimestampTz now;
	Oid role;
	int n;				/* of the role, that stay */
	TimestampTz oldest; /* of them */
} Sweep;

static bool
sweep_over(const MsgConsoleSession *session, void *arg)
{
	Sweep *sweep = arg;

	if (is_over(session, sweep->now))
		return true;
	if (session->role == sweep->role)
	{
		if (sweep->n == 0 || session->created_at < sweep->oldest)
			sweep->oldest = session->created_at;
		sweep->n++;
	}
	return false;
}

static bool
sweep_oldest(const MsgConsoleSession *session, void *arg)
{
	const Sweep *sweep = arg;

	return session->role == sweep->role && session->created_at <= sweep->oldest;
}

void
msgext_console_link_create(TimestampTz ends_at, MsgConsoleSecret token)
{
	MsgConsoleSession link = {0};
	Sweep sweep = {.now = GetCurrentTimestamp(), .role = GetUserId()};

	/*
	 * A link outlives the call. Who is somebody else for the time of a function, or of a
	 * REINDEX, must not take it along.
	 */
	if (InLocalUserIdChange() || InSecurityRestrictedOperation())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("open_console() cannot be called within a security-definer "
						"function or a security-restricted operation")));
	link.role = GetUserId();
	link.login = GetSessionUserId();
	if (!msgext_access_console(link.login, link.role))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("role \"%s\" cannot open the console in this session",
						GetUserNameFromId(link.role, false)),
				 errdetail("The session's user, \"%s\", must be able to log in to the "
						   "database, and to SET ROLE to it.",
						   GetUserNameFromId(link.login, false))));

	/* Without a wait: who has opened one, and leaves his transaction open, holds up nobody. */
	msgext_console_session_sweep(sweep_over, &sweep, false);
	if (sweep.n >= SESSIONS_MAX)
		msgext_console_session_sweep(sweep_oldest, &sweep, false);
	make_secret(token);
	hash(token, link.hash);
	link.origin = msgext_origin();
	link.created_at = GetCurrentTimestamp();
	link.ends_at = ends_at;
	msgext_console_session_insert(&link);
}

static bool
is_of(const MsgConsoleSession *session, void *arg)
{
	Oid role = *(Oid *) arg;

	return session->role == role || session->login == role;
}

int
msgext_console_close(Oid role)
{
	return msgext_console_session_sweep(is_of, &role, true);
}

bool
msgext_console_session_begin(const char *token, MsgConsoleSession *session,
							 MsgConsoleSecret cookie, MsgConsoleSecret key)
{
	uint8 link[MSG_CONSOLE_HASH_LEN];

	if (!is_secret(token))
		return false;
	hash(token, link);
	if (!msgext_console_session_find(link, session) || session->begun ||
		is_over(session, GetCurrentTimestamp()) || !msgext_console_session_delete(link))
		return false;
	make_secret(cookie);
	make_secret(key);
	hash(cookie, session->hash);
	hash(key, session->key_hash);
	session->begun = true;
	msgext_console_session_insert(session);
	return true;
}

MsgConsoleAdmission
msgext_console_session_admit(const char *cookie, const char *key,
							 MsgConsoleSession *session)
{
	uint8 given[MSG_CONSOLE_HASH_LEN];

	if (!is_secret(cookie))
		return MSG_CONSOLE_NO_SESSION;
	hash(cookie, given);
	if (!msgext_console_session_find(given, session) || !session->begun ||
		is_over(session, GetCurrentTimestamp()))
		return MSG_CONSOLE_NO_SESSION;
	if (!is_secret(key))
		return MSG_CONSOLE_WRONG_KEY;
	hash(key, given);
	return msgext_same_secret(given, session->key_hash, sizeof(given))
			   ? MSG_CONSOLE_ADMITTED
			   : MSG_CONSOLE_WRONG_KEY;
}
