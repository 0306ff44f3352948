/*
 * timestamp.c
 *		Times as text, both ways: see timestamp.h.
 *
 * Owns the proleptic Gregorian calendar and nothing of time zones but fixed offsets:
 * rules that change with history are a server's business.
 */
#include "core/timestamp.h"

#include <stdio.h>
#include <string.h>

#define SECOND_US INT64_C(1000000)
#define DAY_S INT64_C(86400)

/* The widest offset that was ever in use is under sixteen hours. */
#define OFFSET_LIMIT_S (16 * 3600)

/* Days from 1970-01-01; counted in years that begin in March, so leap days come last. */
static int64_t
days_of_date(int64_t year, int month, int day)
{
	int64_t y = month > 2 ? year : year - 1;
	int m = month > 2 ? month - 3 : month + 9;
	int64_t leap_days = y / 4 - y / 100 + y / 400;

	return y * 365 + leap_days + (153 * m + 2) / 5 + day - 1 - 719468;
}

static void
date_of_days(int64_t days, int64_t *year, int *month, int *day)
{
	int64_t shifted = days + 719468;
	int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
	int64_t in_era = shifted - era * 146097;
	int64_t y = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
	int in_year = (int) (in_era - (365 * y + y / 4 - y / 100));
	int m = (5 * in_year + 2) / 153;

	*day = in_year - (153 * m + 2) / 5 + 1;
	*month = m < 10 ? m + 3 : m - 9;
	*year = y + era * 400 + (*month <= 2);
}

static int
days_in_month(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

/* Takes exactly count digits off the front. */
static bool
take_digits(const char **at, const char *end, int count, int *value)
{
	const char *c = *at;
	int i;

	if (end - c < count)
		return false;
	*value = 0;
	for (i = 0; i < count; i++)
	{
		if (c[i] < '0' || c[i] > '9')
			return false;
		*value = *value * 10 + (c[i] - '0');
	}
	*at = c + count;
	return true;
}

static bool
take_char(const char **at, const char *end, char c)
{
	if (*at == end || **at != c)
		return false;
	(*at)++;
	return true;
}

/* The digits behind the point; what is finer than a microsecond is cut off. */
static bool
take_fraction(const char **at, const char *end, int64_t *us)
{
	int64_t unit = SECOND_US / 10;
	const char *first = *at;

	*us = 0;
	for (; *at < end && **at >= '0' && **at <= '9'; (*at)++, unit /= 10)
		*us += (**at - '0') * unit;
	return *at > first;
}

/* "Z", "UTC" or an offset, up to the end. */
static bool
take_zone(const char *at, const char *end, int *offset_s)
{
	size_t len = (size_t) (end - at);
	int hours;
	int minutes = 0;
	int sign;

	if ((len == 1 && (*at == 'Z' || *at == 'z')) ||
		(len == 3 && memcmp(at, "UTC", 3) == 0))
	{
		*offset_s = 0;
		return true;
	}
	if (len == 0 || (*at != '+' && *at != '-'))
		return false;
	sign = *at++ == '-' ? -1 : 1;
	if (!take_digits(&at, end, 2, &hours))
		return false;
	if (at < end)
	{
		take_char(&at, end, ':');
		if (!take_digits(&at, end, 2, &minutes) || minutes > 59)
			return false;
	}
	if (at != end || hours * 3600 + minutes * 60 >= OFFSET_LIMIT_S)
		return false;
	*offset_s = sign * (hours * 3600 + minutes * 60);
	return true;
}

/* Ten digits are seconds, thirteen milliseconds: both cover 2001 to 2286. */
static bool
parse_epoch(const char *text, size_t len, int64_t *time_us)
{
	int64_t value = 0;
	size_t i;

	if (len != 10 && len != 13)
		return false;
	for (i = 0; i < len; i++)
	{
		if (text[i] < '0' || text[i] > '9')
			return false;
		value = value * 10 + (text[i] - '0');
	}
	*time_us = value * (len == 10 ? SECOND_US : 1000);
	return true;
}

bool
msgext_timestamp_parse(const char *text, size_t len, int offset_s, int64_t *time_us)
{
	const char *at = text;
	const char *end = text + len;
	int year, month, day, hour, minute, second;
	int64_t fraction = 0;

	if (parse_epoch(text, len, time_us))
		return true;
	if (!take_digits(&at, end, 4, &year) || !take_char(&at, end, '-') ||
		!take_digits(&at, end, 2, &month) || !take_char(&at, end, '-') ||
		!take_digits(&at, end, 2, &day))
		return false;
	if (!take_char(&at, end, 'T') && !take_char(&at, end, 't') &&
		!take_char(&at, end, ' '))
		return false;
	if (!take_digits(&at, end, 2, &hour) || !take_char(&at, end, ':') ||
		!take_digits(&at, end, 2, &minute) || !take_char(&at, end, ':') ||
		!take_digits(&at, end, 2, &second))
		return false;
	if (take_char(&at, end, '.') && !take_fraction(&at, end, &fraction))
		return false;
	take_char(&at, end, ' ');
	if (at == end)
	{
		if (end[-1] == ' ')
			return false;
	}
	else if (!take_zone(at, end, &offset_s))
		return false;

	/* A leap second is the first moment of the next minute. */
	if (year < 1 || month < 1 || month > 12 || day < 1 ||
		day > days_in_month(year, month) || hour > 23 || minute > 59 || second > 60)
		return false;
	*time_us = (days_of_date(year, month, day) * DAY_S + hour * 3600 + minute * 60 +
				second - offset_s) *
				   SECOND_US +
			   fraction;
	return true;
}

bool
msgext_timestamp_zone(const char *text, int *offset_s)
{
	return take_zone(text, text + strlen(text), offset_s);
}

void
msgext_timestamp_format(int64_t time_us, char *out)
{
	int64_t seconds = time_us / SECOND_US;
	int64_t fraction = time_us % SECOND_US;
	int64_t days;
	int64_t year;
	int month, day, in_day, len;

	if (fraction < 0)
	{
		fraction += SECOND_US;
		seconds--;
	}
	days = seconds / DAY_S;
	in_day = (int) (seconds % DAY_S);
	if (in_day < 0)
	{
		in_day += (int) DAY_S;
		days--;
	}
	date_of_days(days, &year, &month, &day);
	len = snprintf(out, 32, "%04d-%02d-%02dT%02d:%02d:%02d", (int) year, month, day,
				   in_day / 3600, in_day / 60 % 60, in_day % 60);
	if (fraction != 0)
	{
		len += snprintf(out + len, 32 - (size_t) len, ".%06d", (int) fraction);
		while (out[len - 1] == '0')
			len--;
	}
	out[len] = 'Z';
	out[len + 1] = '\0';
}

void
msgext_timestamp_local(int64_t time_us, int offset_s, char *out)
{
	msgext_timestamp_format(time_us + (int64_t) offset_s * 1000000, out);
	out[10] = ' ';
	out[19] = '\0';
}
