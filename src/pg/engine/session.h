/*
 * session.h
 *		Sessions with providers that want a login: one per user mapping.
 *
 * Owns the tokens in memory, when they are renewed, and storing a new refresh token. A
 * token is in no table, log or event; a refresh token is where the administrator put the
 * first one, in the user mapping or in the file it names (catalog/refresh_token.h).
 */
#ifndef MSGEXT_SESSION_H
#define MSGEXT_SESSION_H

#include "pg/engine/flight.h"

typedef struct MsgSessions MsgSessions;

/* What a message has to do about its session. */
typedef enum MsgSessionNeed
{
	MSG_SESSION_READY, /* there is one, or none is needed */
	MSG_SESSION_WAIT   /* a login is under way, or to be tried later */
} MsgSessionNeed;

extern MsgSessions *msgext_sessions_create(MemoryContext context);

/* For tests: every login is answered with login, which outlives this, and none is sent. */
extern void msgext_sessions_grant(MsgSessions *sessions, const MsgLogin *login);

/*
 * Is there a session for this account? Has one fetched, by a flight, where there is none
 * or it is past four fifths of its life. *until is when to look again at the latest.
 */
extern MsgSessionNeed msgext_session_need(MsgSessions *sessions, MsgFlights *flights,
										  MsgUpstream *upstream, MsgAccount *account,
										  TimestampTz now, TimestampTz *until);

/* Gives the flight the session it is sent with. */
extern void msgext_session_use(MsgSessions *sessions, MsgFlight *flight);

/*
 * The provider refused the session of this flight. True when another login may help, or
 * has been made since; false when the account itself is refused.
 */
extern bool msgext_session_refused(MsgSessions *sessions, const MsgFlight *flight);
/* The provider has accepted a request under the flight's session. */
extern void msgext_session_worked(MsgSessions *sessions, const MsgFlight *flight);

/*
 * A login's answer, in a turn's transaction: stores a new refresh token. The session is
 * in force after msgext_session_commit_login(), when the turn has committed.
 */
extern void msgext_session_record_login(const MsgTurn *turn, MsgFlight *flight);
extern void msgext_session_commit_login(MsgSessions *sessions, MsgFlight *flight,
										TimestampTz now);

/* The login's flight ended without being recorded. */
extern void msgext_session_drop_login(MsgSessions *sessions, const MsgFlight *flight);

#endif /* MSGEXT_SESSION_H */
