/*
 * session.h
 *		Sessions with providers that want a login: one per user mapping.
 *
 * Owns the tokens in memory, when they are renewed, and storing a new refresh token. A
 * token is in no table, log or event; a refresh token is where the administrator put
 * the first one, in the user mapping or in the file it names.
 */
#ifndef MSGEXT_SESSION_H
#define MSGEXT_SESSION_H

#include "pg/engine/engine.h"

/* What a message has to do about its session. */
typedef enum MsgSessionNeed
{
	MSG_SESSION_READY, /* flight->conn carries what it needs */
	MSG_SESSION_WAIT   /* a login is under way, or to be tried later */
} MsgSessionNeed;

extern MsgSessions *msgext_sessions_create(MemoryContext context);

/*
 * Is there a session for this account? Has one fetched, by a flight of the dispatcher,
 * where there is none or it is past four fifths of its life. *until is when to look
 * again at the latest.
 */
extern MsgSessionNeed msgext_session_need(MsgDispatcher *dispatcher,
										  MsgUpstream *upstream, MsgAccount *account,
										  TimestampTz *until);

/* Gives the flight the session it is sent with. */
extern void msgext_session_use(MsgDispatcher *dispatcher, MsgFlight *flight);

/*
 * The provider refused the session of this flight. Returns false when it was fresh, so
 * that another login would not help.
 */
extern bool msgext_session_refused(MsgDispatcher *dispatcher, const MsgFlight *flight);
/* The provider took it. */
extern void msgext_session_worked(MsgDispatcher *dispatcher, const MsgFlight *flight);

/*
 * A login's answer, in a turn's transaction: stores a new refresh token. The session is
 * in force after msgext_session_commit_login(), when the turn has committed.
 */
extern void msgext_session_record_login(MsgDispatcher *dispatcher, MsgFlight *flight);
extern void msgext_session_commit_login(MsgDispatcher *dispatcher, MsgFlight *flight);

/* The login's flight ended without being recorded. */
extern void msgext_session_drop_login(MsgDispatcher *dispatcher, MsgFlight *flight);

#endif /* MSGEXT_SESSION_H */
