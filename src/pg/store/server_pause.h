/*
 * server_pause.h
 *		Whether a server may be used, and how it has been: rows of msgext.server_pause and
 *		msgext.health.
 */
#ifndef MSGEXT_SERVER_PAUSE_H
#define MSGEXT_SERVER_PAUSE_H

#include "pg/store/table.h"
#include "utils/timestamp.h"

typedef struct MsgPause
{
	bool paused;
	char *reason; /* or NULL; in the current memory context */
} MsgPause;

/* Is the server paused, by a row or as part of a restored copy? */
extern void msgext_server_pause_read(const char *server, MsgPause *pause);

/*
 * Pauses or releases it. Without wait, returns false when another transaction is
 * changing the same row. Releasing also adopts the server in a restored copy.
 */
extern bool msgext_server_pause_write(const char *server, bool paused, const char *reason,
									  bool wait);

/* What a dispatcher remembers of a server between two writes; zeroes = nothing. */
typedef struct MsgHealth
{
	char last_error[512];
	TimestampTz last_error_at;
	TimestampTz last_success_at;
	TimestampTz last_claim_at;
	bool key_ignored; /* an answer showed that repeats are not recognised */
	bool changed;
} MsgHealth;

extern void msgext_health_load(const char *server, MsgHealth *health);
extern void msgext_health_save(const char *server, MsgHealth *health);

#endif /* MSGEXT_SERVER_PAUSE_H */
