/*
 * test_timestamp.c
 *		Forms of time that providers write, the calendar, and writing it back.
 */
#include "test.h"

#include <string.h>

#include "core/timestamp.h"

#define MOSCOW (3 * 3600)

/* What text is as UTC, or "-" when it is no time. */
static const char *
utc(const char *text, int offset_s)
{
	static char out[32];
	int64_t time_us;

	if (!msgext_timestamp_parse(text, strlen(text), offset_s, &time_us))
		return "-";
	msgext_timestamp_format(time_us, out);
	return out;
}

static int
zone(const char *text)
{
	int offset_s = 0;

	return msgext_timestamp_zone(text, &offset_s) ? offset_s : -1;
}

static void
test_forms(void)
{
	static const char *const bad[] = {"",
									  "2017",
									  "2017-05-31",
									  "2017-05-31 14:51",
									  "17-05-31 14:51:12",
									  "2017-5-31 14:51:12",
									  "2017-05-31  14:51:12",
									  "2017-05-31_14:51:12",
									  "2017-00-31 14:51:12",
									  "2017-13-01 14:51:12",
									  "2017-02-29 14:51:12",
									  "2017-04-31 14:51:12",
									  "2017-06-31 14:51:12",
									  "2017-09-31 14:51:12",
									  "2017-11-31 14:51:12",
									  "2017-01-32 14:51:12",
									  "2017-03-32 14:51:12",
									  "2017-05-32 14:51:12",
									  "2017-07-32 14:51:12",
									  "2017-08-32 14:51:12",
									  "2017-10-32 14:51:12",
									  "2017-12-32 14:51:12",
									  "2017-05-00 14:51:12",
									  "2017-05-31 24:00:00",
									  "2017-05-31 14:60:12",
									  "2017-05-31 14:51:61",
									  "0000-05-31 14:51:12",
									  "2017-05-31 14:51:12.",
									  "2017-05-31 14:51:12+",
									  "2017-05-31 14:51:12+3",
									  "2017-05-31 14:51:12+03:",
									  "2017-05-31 14:51:12+03:60",
									  "2017-05-31 14:51:12+16",
									  "2017-05-31 14:51:12 ",
									  "2017-05-31 14:51:12x",
									  "2017-05-31 14:51:12 MSK",
									  " 2017-05-31 14:51:12",
									  "-2017-05-31 14:51:12",
									  "2017-0531 14:51:12",
									  "149623507",
									  "14962350720",
									  "149623507200",
									  "14962350720000",
									  "-1496235072",
									  "1496235072.5",
									  "149623507x",
									  "now",
									  NULL};
	int i;

	test_begin("timestamp: a time without an offset is in the given zone");
	CHECK_TEXT(utc("2017-05-31 14:51:12", MOSCOW), "2017-05-31T11:51:12Z");
	CHECK_TEXT(utc("2017-05-31T14:51:12", MOSCOW), "2017-05-31T11:51:12Z");
	CHECK_TEXT(utc("2017-05-31 01:51:12", MOSCOW), "2017-05-30T22:51:12Z");
	CHECK_TEXT(utc("2017-01-01 00:00:00", MOSCOW), "2016-12-31T21:00:00Z");
	CHECK_TEXT(utc("2017-12-31 23:00:00", -MOSCOW), "2018-01-01T02:00:00Z");
	test_end();

	test_begin("timestamp: an offset of its own wins");
	CHECK_TEXT(utc("2017-05-31T14:51:12Z", MOSCOW), "2017-05-31T14:51:12Z");
	CHECK_TEXT(utc("2017-05-31t14:51:12z", MOSCOW), "2017-05-31T14:51:12Z");
	CHECK_TEXT(utc("2017-05-31 14:51:12+05", MOSCOW), "2017-05-31T09:51:12Z");
	CHECK_TEXT(utc("2017-05-31 14:51:12 +05:30", MOSCOW), "2017-05-31T09:21:12Z");
	CHECK_TEXT(utc("2017-05-31T14:51:12.5-0530", MOSCOW), "2017-05-31T20:21:12.5Z");
	test_end();

	test_begin("timestamp: fractions");
	CHECK_TEXT(utc("2017-05-31 14:51:12.123456", 0), "2017-05-31T14:51:12.123456Z");
	CHECK_TEXT(utc("2017-05-31 14:51:12.1200", 0), "2017-05-31T14:51:12.12Z");
	CHECK_TEXT(utc("2017-05-31 14:51:12.9999999", 0), "2017-05-31T14:51:12.999999Z");
	CHECK_TEXT(utc("2017-05-31 14:51:12.000", 0), "2017-05-31T14:51:12Z");
	test_end();

	test_begin("timestamp: seconds and milliseconds since the epoch are UTC");
	CHECK_TEXT(utc("1527861323", MOSCOW), "2018-06-01T13:55:23Z");
	CHECK_TEXT(utc("1999999999", MOSCOW), "2033-05-18T03:33:19Z");
	CHECK_TEXT(utc("1527861323068", MOSCOW), "2018-06-01T13:55:23.068Z");
	test_end();

	test_begin("timestamp: the edges of the calendar");
	CHECK_TEXT(utc("1970-01-01 00:00:00", 0), "1970-01-01T00:00:00Z");
	CHECK_TEXT(utc("1969-12-31 23:59:59.5", 0), "1969-12-31T23:59:59.5Z");
	CHECK_TEXT(utc("2000-02-29 00:00:00", 0), "2000-02-29T00:00:00Z");
	CHECK_TEXT(utc("2016-12-31 23:59:60", 0), "2017-01-01T00:00:00Z");
	CHECK_TEXT(utc("0001-01-01 00:00:00", 0), "0001-01-01T00:00:00Z");
	CHECK_TEXT(utc("9999-12-31 23:59:59", 0), "9999-12-31T23:59:59Z");
	CHECK_TEXT(utc("1900-02-29 00:00:00", 0), "-");
	test_end();

	test_begin("timestamp: what is none");
	for (i = 0; bad[i] != NULL; i++)
	{
		if (strcmp(utc(bad[i], 0), "-") != 0)
			test_fail(__FILE__, __LINE__, "%s was read as %s", bad[i], utc(bad[i], 0));
	}
	test_end();
}

void
test_timestamp(void)
{
	char out[32];
	int64_t day;
	int64_t back;
	int bad = 0;

	test_forms();

	test_begin("timestamp: known moments in microseconds");
	CHECK(msgext_timestamp_parse("2001-09-09 01:46:40", 19, 0, &back));
	CHECK_INT(back, INT64_C(1000000000000000));
	CHECK(msgext_timestamp_parse("2038-01-19T03:14:08Z", 20, 0, &back));
	CHECK_INT(back, INT64_C(2147483648000000));
	CHECK(msgext_timestamp_parse("1600-01-01 00:00:00", 19, 0, &back));
	CHECK_INT(back, INT64_C(-11676096000000000));
	test_end();

	test_begin("timestamp: every day of 2,400 years is read as it was written");
	for (day = -500000; day < 400000; day++)
	{
		msgext_timestamp_format(day * INT64_C(86400000000) + 1, out);
		bad += !msgext_timestamp_parse(out, strlen(out), MOSCOW, &back) ||
			   back != day * INT64_C(86400000000) + 1;
	}
	CHECK_INT(bad, 0);
	test_end();

	test_begin("timestamp: any number can be written");
	msgext_timestamp_format(INT64_MIN, out);
	CHECK_TEXT(out, "-290308-12-21T19:59:05.224192Z");
	msgext_timestamp_format(INT64_MAX, out);
	CHECK_TEXT(out, "294247-01-10T04:00:54.775807Z");
	test_end();

	test_begin("timestamp: zones");
	CHECK_INT(zone("UTC"), 0);
	CHECK_INT(zone("Z"), 0);
	CHECK_INT(zone("+03"), MOSCOW);
	CHECK_INT(zone("+03:00"), MOSCOW);
	CHECK_INT(zone("-0530"), -19800);
	CHECK_INT(zone("+15:59"), 57540);
	CHECK_INT(zone(""), -1);
	CHECK_INT(zone("03:00"), -1);
	CHECK_INT(zone("+3"), -1);
	CHECK_INT(zone("+16:00"), -1);
	CHECK_INT(zone("+03:00 "), -1);
	CHECK_INT(zone("Europe/Moscow"), -1);
	test_end();
}
