/*
 * template_filter.c
 *		What a template does to a value: see template_filter.h.
 */
#include "core/template_filter.h"

#include <string.h>

#include "core/lengthof.h"
#include "core/utf8.h"

static const struct
{
	const char *name;
	bool takes_argument;
} filters[] = {
	[MSG_FILTER_UPPER] = {"upper", false},	  [MSG_FILTER_LOWER] = {"lower", false},
	[MSG_FILTER_DATE] = {"date", true},		  [MSG_FILTER_TRUNCATE] = {"truncate", true},
	[MSG_FILTER_DEFAULT] = {"default", true}, [MSG_FILTER_BASE64] = {"base64", false},
};

/* The date patterns are those of to_char(); the longest of equal beginnings first. */
typedef enum DatePattern
{
	YEAR,
	YEAR_OF_CENTURY,
	MONTH,
	DAY,
	HOUR,
	HOUR_OF_12,
	MINUTE,
	SECOND,
	MILLISECOND,
	HALF_DAY
} DatePattern;

static const struct
{
	const char *text;
	DatePattern pattern;
} patterns[] = {{"YYYY", YEAR},	  {"YY", YEAR_OF_CENTURY}, {"MM", MONTH},
				{"DD", DAY},	  {"HH24", HOUR},		   {"HH12", HOUR_OF_12},
				{"MI", MINUTE},	  {"SS", SECOND},		   {"MS", MILLISECOND},
				{"AM", HALF_DAY}, {"PM", HALF_DAY}};

typedef struct Moment
{
	bool has_date;
	int year, month, day, hour, minute, second, millisecond;
} Moment;

static bool
is_letter(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/*
 * Writes a moment by a format, or only reads the format where out is NULL. False: the
 * format has something that is no pattern, or that the moment has not.
 */
static bool
write_moment(const char *format, const Moment *moment, MsgBuf *out)
{
	const char *at = format;

	while (*at != '\0')
	{
		size_t i;

		if (*at == '"')
		{
			const char *end = strchr(at + 1, '"');

			if (end == NULL)
				return false;
			if (out != NULL)
				msgext_buf_append(out, at + 1, (size_t) (end - at - 1));
			at = end + 1;
			continue;
		}
		if (!is_letter(*at))
		{
			if (out != NULL)
				msgext_buf_putc(out, *at);
			at++;
			continue;
		}
		for (i = 0; i < lengthof(patterns); i++)
			if (strncmp(at, patterns[i].text, strlen(patterns[i].text)) == 0)
				break;
		if (i == lengthof(patterns))
			return false;
		at += strlen(patterns[i].text);
		if (out == NULL)
			continue;
		if (patterns[i].pattern <= DAY && !moment->has_date)
			return false;
		switch (patterns[i].pattern)
		{
			case YEAR:
				msgext_buf_printf(out, "%04d", moment->year);
				break;
			case YEAR_OF_CENTURY:
				msgext_buf_printf(out, "%02d", moment->year % 100);
				break;
			case MONTH:
				msgext_buf_printf(out, "%02d", moment->month);
				break;
			case DAY:
				msgext_buf_printf(out, "%02d", moment->day);
				break;
			case HOUR:
				msgext_buf_printf(out, "%02d", moment->hour);
				break;
			case HOUR_OF_12:
				msgext_buf_printf(out, "%02d", (moment->hour + 11) % 12 + 1);
				break;
			case MINUTE:
				msgext_buf_printf(out, "%02d", moment->minute);
				break;
			case SECOND:
				msgext_buf_printf(out, "%02d", moment->second);
				break;
			case MILLISECOND:
				msgext_buf_printf(out, "%03d", moment->millisecond);
				break;
			case HALF_DAY:
				msgext_buf_puts(out, moment->hour < 12 ? "AM" : "PM");
				break;
		}
	}
	return true;
}

/* Digits at *at, at least least and at most most of them, or -1. */
static int
digits(const char **at, const char *end, int least, int most)
{
	int value = 0;
	int n = 0;

	while (*at < end && n < most && **at >= '0' && **at <= '9')
	{
		value = value * 10 + (*(*at)++ - '0');
		n++;
	}
	return n < least ? -1 : value;
}

/* The thousandths of a fraction of a second, whatever its length. */
static int
thousandths(const char **at, const char *end)
{
	int value = 0;
	int n = 0;

	for (; *at < end && **at >= '0' && **at <= '9'; (*at)++)
		if (n++ < 3)
			value = value * 10 + (**at - '0');
	for (; n < 3; n++)
		value *= 10;
	return value;
}

static bool
read_date(const char **at, const char *end, Moment *moment)
{
	moment->year = digits(at, end, 4, 6);
	if (moment->year < 0 || *at == end || *(*at)++ != '-')
		return false;
	moment->month = digits(at, end, 2, 2);
	if (moment->month < 1 || moment->month > 12 || *at == end || *(*at)++ != '-')
		return false;
	moment->day = digits(at, end, 2, 2);
	moment->has_date = moment->day >= 1 && moment->day <= 31;
	return moment->has_date;
}

/* A zone is passed over: the moment is shown as it is written. */
static bool
read_time(const char *at, const char *end, Moment *moment)
{
	moment->hour = digits(&at, end, 2, 2);
	if (moment->hour < 0 || moment->hour > 24 || at == end || *at++ != ':')
		return false;
	moment->minute = digits(&at, end, 2, 2);
	if (moment->minute < 0 || moment->minute > 59)
		return false;
	if (at < end && *at == ':')
	{
		at++;
		moment->second = digits(&at, end, 2, 2);
		if (moment->second < 0 || moment->second > 60)
			return false;
		if (at < end && *at == '.')
		{
			at++;
			moment->millisecond = thousandths(&at, end);
		}
	}
	if (at < end && *at == 'Z')
		at++;
	else if (at < end && (*at == '+' || *at == '-'))
		while (++at < end && ((*at >= '0' && *at <= '9') || *at == ':'))
			;
	return at == end;
}

/* Reads ISO 8601: a date, a time, or both. */
static bool
read_moment(const char *text, size_t len, Moment *moment)
{
	const char *end = text + len;
	const char *at = text;

	memset(moment, 0, sizeof(*moment));
	if (len >= 3 && text[2] == ':')
		return read_time(text, end, moment);
	if (!read_date(&at, end, moment))
		return false;
	if (at == end)
		return true;
	return (*at == 'T' || *at == ' ') && read_time(at + 1, end, moment);
}

/* Capital and small letters that come in pairs: a capital with the given parity first. */
static const struct
{
	uint32_t first, last;
	uint32_t parity;
} paired[] = {
	{0x0100, 0x012F, 0}, {0x0132, 0x0137, 0}, {0x0139, 0x0148, 1},
	{0x014A, 0x0177, 0}, {0x0179, 0x017E, 1}, {0x0460, 0x0481, 0},
	{0x048A, 0x04BF, 0}, {0x04C1, 0x04CE, 1}, {0x04D0, 0x052F, 0},
};

/* Small letters, and how far below them their capitals are. */
static const struct
{
	uint32_t first, last;
	int32_t distance;
} shifted[] = {
	{'a', 'z', 0x20},		 {0x00E0, 0x00F6, 0x20}, {0x00F8, 0x00FE, 0x20},
	{0x00FF, 0x00FF, -0x79}, {0x03AC, 0x03AC, 0x26}, {0x03AD, 0x03AF, 0x25},
	{0x03B1, 0x03C1, 0x20},	 {0x03C3, 0x03CB, 0x20}, {0x03CC, 0x03CC, 0x40},
	{0x03CD, 0x03CE, 0x3F},	 {0x0430, 0x044F, 0x20}, {0x0450, 0x045F, 0x50},
	{0x04CF, 0x04CF, 0x0F},	 {0x0561, 0x0586, 0x30},
};

/*
 * Latin with its accents, Greek, Cyrillic and Armenian; every other letter is left as it
 * is. By a table, not by a locale, so that a message does not depend on the server's.
 */
static uint32_t
change_case(uint32_t c, bool upper)
{
	size_t i;

	for (i = 0; i < lengthof(shifted); i++)
	{
		uint32_t first = shifted[i].first - (upper ? 0 : shifted[i].distance);
		uint32_t last = shifted[i].last - (upper ? 0 : shifted[i].distance);

		if (c >= first && c <= last)
			return upper ? c - shifted[i].distance : c + shifted[i].distance;
	}
	if (upper && c == 0x03C2)
		return 0x03A3;
	for (i = 0; i < lengthof(paired); i++)
	{
		if (c < paired[i].first || c > paired[i].last)
			continue;
		if ((c % 2 == paired[i].parity) == upper)
			return c;
		return upper ? c - 1 : c + 1;
	}
	return c;
}

static uint32_t
code_point(const char *text, size_t bytes)
{
	static const unsigned char lead[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
	uint32_t c = (unsigned char) text[0] & lead[bytes];
	size_t i;

	for (i = 1; i < bytes; i++)
		c = c << 6 | ((unsigned char) text[i] & 0x3F);
	return c;
}

static void
write_case(const char *text, size_t len, bool upper, MsgBuf *out)
{
	const char *end = text + len;

	/* No letter grows by more than a byte for two. */
	msgext_buf_reserve(out, len + len / 2 + 4);
	while (text < end)
	{
		size_t bytes = msgext_utf8_char(text, end);
		char changed[4];

		if (bytes == 0)
		{
			msgext_buf_putc(out, *text++);
			continue;
		}
		msgext_buf_append(
			out, changed,
			msgext_utf8_put(change_case(code_point(text, bytes), upper), changed));
		text += bytes;
	}
}

static void
write_beginning(const char *text, size_t len, size_t limit, MsgBuf *out)
{
	const char *end = text + len;
	const char *at = text;
	size_t n;

	for (n = 0; n < limit && at < end; n++)
	{
		size_t bytes = msgext_utf8_char(at, end);

		at += bytes > 0 ? bytes : 1;
	}
	msgext_buf_append(out, text, (size_t) (at - text));
}

static bool
read_limit(MsgFilter *filter)
{
	const char *at = filter->argument;
	int limit = digits(&at, filter->argument + filter->len, 1, 9);

	filter->limit = (size_t) limit;
	return limit > 0 && *at == '\0';
}

bool
msgext_filter_read(MsgFilter *filter, const char *name, size_t name_len,
				   const char *argument, size_t len, MsgError *error)
{
	size_t i;

	for (i = 0; i < lengthof(filters); i++)
		if (strlen(filters[i].name) == name_len &&
			memcmp(filters[i].name, name, name_len) == 0)
			break;
	if (i == lengthof(filters))
		return msgext_error(error, "", "",
							"there is no filter \"%.*s\"; there are upper, lower, date, "
							"truncate, default and base64",
							name_len > 40 ? 40 : (int) name_len, name);
	if (argument == NULL && filters[i].takes_argument)
		return msgext_error(error, "", "", "filter %s lacks its argument",
							filters[i].name);
	if (argument != NULL && !filters[i].takes_argument)
		return msgext_error(error, "", "", "filter %s takes no argument",
							filters[i].name);
	filter->kind = (MsgFilterKind) i;
	filter->argument = argument;
	filter->len = len;
	filter->limit = 0;
	if (filter->kind == MSG_FILTER_TRUNCATE && !read_limit(filter))
		return msgext_error(error, "", "", "filter truncate takes a number above 0");
	if (filter->kind == MSG_FILTER_DATE &&
		(strlen(argument) != len || !write_moment(argument, NULL, NULL)))
		return msgext_error(error, "", "",
							"filter date knows YYYY, YY, MM, DD, HH24, HH12, MI, SS, MS, "
							"AM, signs, and texts in double quotes");
	return true;
}

bool
msgext_filter_apply(const MsgFilter *filter, const char *text, size_t len, MsgBuf *out,
					MsgError *error)
{
	Moment moment;

	switch (filter->kind)
	{
		case MSG_FILTER_UPPER:
		case MSG_FILTER_LOWER:
			write_case(text, len, filter->kind == MSG_FILTER_UPPER, out);
			break;
		case MSG_FILTER_DATE:
			if (!read_moment(text, len, &moment) ||
				!write_moment(filter->argument, &moment, out))
				return msgext_error(error, "", "",
									"is no date or time that can be written so");
			break;
		case MSG_FILTER_TRUNCATE:
			write_beginning(text, len, filter->limit, out);
			break;
		case MSG_FILTER_DEFAULT:
			msgext_buf_append(out, len > 0 ? text : filter->argument,
							  len > 0 ? len : filter->len);
			break;
		case MSG_FILTER_BASE64:
			msgext_buf_base64(out, text, len);
			break;
	}
	return true;
}
