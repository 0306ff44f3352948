/*
 * quiet_hours.c
 *		Hours of the day in which nobody is to be written to: see quiet_hours.h.
 */
#include "postgres.h"

#include "utils/datetime.h"

#include "pg/trigger/quiet_hours.h"

#define DAY_MINUTES (24 * MINS_PER_HOUR)

/* hh:mm at *at, up to 24:00, or -1. */
static int
read_minutes(const char **at)
{
	const char *c = *at;
	int minutes;

	if (!isdigit((unsigned char) c[0]) || !isdigit((unsigned char) c[1]) || c[2] != ':' ||
		!isdigit((unsigned char) c[3]) || !isdigit((unsigned char) c[4]) || c[3] > '5')
		return -1;
	minutes = ((c[0] - '0') * 10 + c[1] - '0') * MINS_PER_HOUR + (c[3] - '0') * 10 +
			  (c[4] - '0');
	*at = c + 5;
	return minutes <= DAY_MINUTES ? minutes : -1;
}

bool
msgext_quiet_hours_read(const char *text, MsgQuietHours *quiet, const char **zone,
						MsgError *error)
{
	const char *at = text;

	quiet->from = read_minutes(&at);
	quiet->to = quiet->from >= 0 && *at++ == '-' ? read_minutes(&at) : -1;
	if (quiet->to < 0 || (*at != '\0' && *at != ' ') ||
		quiet->from % DAY_MINUTES == quiet->to % DAY_MINUTES)
		return msgext_error(error, "", "",
							"it is not of the form 22:00-09:00, or 22:00-09:00 zone");
	while (*at == ' ')
		at++;
	*zone = *at != '\0' ? at : NULL;
	return true;
}

TimestampTz
msgext_quiet_hours_end(const MsgQuietHours *quiet, TimestampTz at, pg_tz *zone)
{
	bool over_midnight = quiet->from > quiet->to;
	TimestampTz end;
	struct pg_tm tm;
	fsec_t fraction;
	int minute;
	int offset;

	if (timestamp2tm(at, &offset, &tm, &fraction, NULL, zone) != 0)
		return at;
	minute = tm.tm_hour * MINS_PER_HOUR + tm.tm_min;
	if (over_midnight ? minute < quiet->from && minute >= quiet->to
					  : minute < quiet->from || minute >= quiet->to)
		return at;
	j2date(date2j(tm.tm_year, tm.tm_mon, tm.tm_mday) +
			   (over_midnight && minute >= quiet->from) + quiet->to / DAY_MINUTES,
		   &tm.tm_year, &tm.tm_mon, &tm.tm_mday);
	tm.tm_hour = quiet->to % DAY_MINUTES / MINS_PER_HOUR;
	tm.tm_min = quiet->to % MINS_PER_HOUR;
	tm.tm_sec = 0;
	offset = DetermineTimeZoneOffset(&tm, zone);
	return tm2timestamp(&tm, 0, &offset, &end) == 0 ? Max(end, at) : at;
}

pg_tz *
msgext_zone_find(const char *name)
{
	pg_tz *zone = strlen(name) <= TZ_STRLEN_MAX ? pg_tzset(name) : NULL;

	return zone != NULL && pg_tz_acceptable(zone) ? zone : NULL;
}
