/*
 * timestamp.h
 *		Reading the times that providers write. Times are microseconds since the Unix
 *		epoch, UTC. Reads no clock.
 */
#ifndef MSGEXT_TIMESTAMP_H
#define MSGEXT_TIMESTAMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Reads "2017-05-31 14:51:12", with T as separator, a fraction and an explicit offset
 * (which then wins over offset_s, the seconds east of UTC of a time without one), or a
 * number of seconds (10 digits) or milliseconds (13 digits) since the epoch. False when
 * it is none of these.
 */
extern bool msgext_timestamp_parse(const char *text, size_t len, int offset_s,
								   int64_t *time_us);

/* Reads "UTC", "Z", "+03", "+03:00", "-0530" as seconds east of UTC. */
extern bool msgext_timestamp_zone(const char *text, int *offset_s);

/* Writes "2017-05-31T11:51:12Z", with a fraction where there is one; room of 32. */
extern void msgext_timestamp_format(int64_t time_us, char *out);

/* Writes "2017-05-31 14:51:12" at that offset, to the second; room of 32. */
extern void msgext_timestamp_local(int64_t time_us, int offset_s, char *out);

#endif /* MSGEXT_TIMESTAMP_H */
