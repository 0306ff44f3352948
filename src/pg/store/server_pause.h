/*
 * server_pause.h
 *		Whether a server may be used: rows of msgext.server_pause.
 */
#ifndef MSGEXT_SERVER_PAUSE_H
#define MSGEXT_SERVER_PAUSE_H

#include "postgres.h"

#include "datatype/timestamp.h"

typedef struct MsgPause
{
	bool paused;
	char *reason;			/* or NULL; in the current memory context */
	TimestampTz resumed_at; /* 0 = never */
	bool copied; /* for the sake of messages from another database: to be adopted */
} MsgPause;

/*
 * Is the server paused, by a row, as part of a restored copy, or since this was a test
 * database?
 */
extern void msgext_server_pause_read(Oid server, MsgPause *pause);

/*
 * Pauses or releases it. Without wait, returns false when another transaction is
 * changing the same row. Releasing also adopts the server in a restored copy; not in a
 * test database, which leaves every server paused when it becomes an ordinary one.
 */
extern bool msgext_server_pause_write(Oid server, const MsgPause *pause, bool wait);

#endif /* MSGEXT_SERVER_PAUSE_H */
