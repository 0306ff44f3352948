/*
 * quiet_hours.h
 *		Hours of the day in which nobody is to be written to, in a zone that may be the
 *		recipient's.
 */
#ifndef MSGEXT_QUIET_HOURS_H
#define MSGEXT_QUIET_HOURS_H

#include "postgres.h"

#include "core/error.h"
#include "pgtime.h"
#include "utils/timestamp.h"

typedef struct MsgQuietHours
{
	int from; /* minutes of the day; not the same as to */
	int to;
} MsgQuietHours;

/*
 * Reads "22:00-09:00 zone"; *zone points to what follows the hours, or is NULL. False with
 * *error filled in when it is none.
 */
extern bool msgext_quiet_hours_read(const char *text, MsgQuietHours *quiet,
									const char **zone, MsgError *error);

/* The time itself, or, if it is a quiet one in this zone, the end of these hours. */
extern TimestampTz msgext_quiet_hours_end(const MsgQuietHours *quiet, TimestampTz at,
										  pg_tz *zone);

/* A zone by its name, or NULL. */
extern pg_tz *msgext_zone_find(const char *name);

#endif /* MSGEXT_QUIET_HOURS_H */
