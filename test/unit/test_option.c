/*
 * test_option.c
 *		Which values each kind of option takes, and the common table.
 */
#include "test.h"

#include <string.h>

#include "core/lengthof.h"
#include "core/option.h"
#include "core/pattern.h"

static bool
takes(MsgOptionKind kind, const char *value)
{
	MsgOption option = {.name = "o", .kind = kind, .choices = "1.1|2|auto"};
	MsgError error;
	bool taken;

	memset(&error, 0, sizeof(error));
	taken = msgext_option_check(test_arena, &option, value, &error);

	/* A complaint names the option and never repeats what was put into it. */
	if (!taken)
	{
		CHECK_TEXT(error.path, "o");
		CHECK(error.text[0] != '\0');
		CHECK(strstr(error.text, "s3cret") == NULL);
	}
	return taken;
}

static void
check_kind(MsgOptionKind kind, const char *name, const char *const *good,
		   const char *const *bad)
{
	int i;

	test_begin("option: %s", name);
	for (i = 0; good[i] != NULL; i++)
	{
		if (!takes(kind, good[i]))
			test_fail(__FILE__, __LINE__, "refused: %s", good[i]);
	}
	for (i = 0; bad[i] != NULL; i++)
	{
		if (takes(kind, bad[i]))
			test_fail(__FILE__, __LINE__, "taken: %s", bad[i]);
	}
	test_end();
}

#define GOOD (const char *const[])
#define BAD (const char *const[])

static void
test_kinds(void)
{
	check_kind(MSG_OPTION_TEXT, "text", GOOD{"a", "a b:c", "\xD0\x90", NULL},
			   BAD{"", "a\nb", "a\r", "\x7F", "\t", NULL});
	check_kind(MSG_OPTION_URL, "url",
			   GOOD{"https://vk.devinotele.com", "http://localhost:8080",
					"https://a/b/c/", "http://127.0.0.1:1", "http://[::1]:8080/x",
					"https://[fe80::1]", "https://a.b:65535", NULL},
			   BAD{"",
				   "vk.devinotele.com",
				   "ftp://a",
				   "https://",
				   "https:///a",
				   "http://:80",
				   "https://user:s3cret@a",
				   "https://a?k=s3cret",
				   "https://a/#b",
				   "https://a b",
				   "https://\xD0\xBF.ru",
				   "https://a/\xD0\xBF",
				   "https://a:0",
				   "https://a:65536",
				   "https://a:",
				   "https://a:x",
				   "http://[::1",
				   "http://[]:80",
				   "http://[::g]",
				   "http://[::1]x",
				   "http://a]b",
				   "HTTP//a",
				   "https://a\\b",
				   NULL});
	check_kind(MSG_OPTION_PROXY, "proxy",
			   GOOD{"proxy:3128", "http://proxy:3128", "socks5h://127.0.0.1:1080",
					"https://p/", "[::1]:3128", "proxy", NULL},
			   BAD{"", "http://u:s3cret@proxy", "ftp://proxy", "http://", "proxy:0",
				   "proxy:x", "a b", "://proxy", "a/b", "a//", NULL});
	check_kind(MSG_OPTION_FILE, "file", GOOD{"/etc/ssl/ca.pem", NULL},
			   BAD{"", "ca.pem", "./ca.pem", "/a\nb", NULL});
	check_kind(MSG_OPTION_DURATION, "duration is left to the server", GOOD{"30 s", NULL},
			   BAD{"", NULL});
	check_kind(MSG_OPTION_COUNT, "count",
			   GOOD{"1", "64", "999999", "1000000", "007", NULL},
			   BAD{"", "0", "1000001", "99999999999999999999", "-1", "+1", "1.5", "1 ",
				   " 1", "x", NULL});
	check_kind(MSG_OPTION_SHARE, "share", GOOD{"1/1", "1/3", "2/3", "1000/1000", NULL},
			   BAD{"", "1", "1/", "/3", "0/3", "1/0", "3/2", "1/1001", "1/3 ", "1 /3",
				   "-1/3", "1/3/5", NULL});
	check_kind(MSG_OPTION_RATE, "rate",
			   GOOD{"off", "50/s", "5/day", "100/min", "7/hour", "1/h", "2/second", NULL},
			   BAD{"", "0/s", "50", "50/", "/s", "50/S", "50 /s", "50/s ", "-1/s",
				   "1.5/s", "50/week", "1000001/s", "OFF", NULL});
	check_kind(MSG_OPTION_CHOICE, "choice", GOOD{"1.1", "2", "auto", NULL},
			   BAD{"", "1", "1.1|2", "AUTO", "auto ", "|", NULL});
	check_kind(MSG_OPTION_ZONE, "zone", GOOD{"UTC", "+03:00", "-05", NULL},
			   BAD{"", "MSK", "+3", "3", NULL});
	check_kind(MSG_OPTION_LOGIN, "login", GOOD{"tester", "\xD0\x90 b", NULL},
			   BAD{"", "a:b", ":", "a\nb", NULL});
}

/* What the C library would take, and what it would take with it. */
static void
test_patterns(void)
{
	static const char *const good[] = {
		"^7999000112[0-9]$",
		"^(7[0-9]{10}|375[0-9]{9})$",
		"^https://unit\\.example/[[:alnum:]_-]{1,128}/?$",
		"[]({]{2,3}\\{\\)",
		"a{100}b{1,200}c{300,}",
		"((a{10}){10}){10}",
	};
	static const char *const bad[] = {
		"(",
		".*{10,}{10,}{10,}{10,}{10,}",
		"((((a{1,200}){1,200}){1,200}){1,200})",
		"(a{50}){50}",
		"a{2001}",
		"[[:alpha:]({]{2001}",
		"(a*)*\\1",
	};
	char deep[2 * 60 + 2] = "";
	char lengthy[2002];
	size_t i;

	test_begin("patterns that take neither memory nor stack");
	for (i = 0; i < lengthof(good); i++)
		CHECK(takes(MSG_OPTION_PATTERN, good[i]));
	for (i = 0; i < lengthof(bad); i++)
		CHECK(!takes(MSG_OPTION_PATTERN, bad[i]));
	memset(lengthy, 'a', sizeof(lengthy));
	lengthy[2001] = '\0';
	CHECK(!takes(MSG_OPTION_PATTERN, lengthy));
	lengthy[2000] = '\0';
	CHECK(takes(MSG_OPTION_PATTERN, lengthy));
	lengthy[256] = '\0';
	CHECK(msgext_pattern_fits("^a+$", lengthy));
	lengthy[256] = 'a';
	lengthy[257] = '\0';
	CHECK(!msgext_pattern_fits("^a+$", lengthy));
	for (i = 50; i <= 51; i++)
	{
		memset(deep, '(', i);
		deep[i] = 'a';
		memset(deep + i + 1, ')', i);
		deep[2 * i + 1] = '\0';
		CHECK(takes(MSG_OPTION_PATTERN, deep) == (i == 50));
	}
	test_end();
}

void
test_option(void)
{
	static const MsgOption own[] = {{.name = "rate_limit",
									 .place = MSG_OPTION_SERVER,
									 .kind = MSG_OPTION_RATE,
									 .fallback = "50/s"},
									{.name = "login", .place = MSG_OPTION_MAPPING},
									{.name = NULL}};
	static const struct
	{
		const char *name;
		const char *fallback;
	} defaults[] = {{"timeout", "30 s"},
					{"connect_timeout", "10 s"},
					{"max_in_flight", "64"},
					{"rate_limit", "off"},
					{"max_attempts", "100"},
					{"retry_min_delay", "1 s"},
					{"retry_max_delay", "5 min"},
					{"give_up_after", "1 day"},
					{"http_version", "auto"},
					{"on_unknown", "hold"},
					{"status_poll", "on"},
					{"poll_min_interval", "30 s"},
					{"poll_max_interval", "1 hour"},
					{"poll_give_up", "5 days"},
					{"ca_file", NULL},
					{"proxy", NULL},
					{"url", NULL}};
	const MsgOption *option;
	MsgRate rate;
	size_t i;

	test_kinds();

	test_begin("option: rates");
	CHECK(msgext_rate_parse("50/s", &rate) && rate.count == 50 && rate.per_ms == 1000);
	CHECK(msgext_rate_parse("5/day", &rate) && rate.count == 5 &&
		  rate.per_ms == 86400000);
	CHECK(msgext_rate_parse("2/min", &rate) && rate.count == 2 && rate.per_ms == 60000);
	CHECK(msgext_rate_parse("2/hour", &rate) && rate.count == 2 &&
		  rate.per_ms == 3600000);
	CHECK(msgext_rate_parse("2/second", &rate) && rate.per_ms == 1000);
	CHECK(msgext_rate_parse("2/minute", &rate) && rate.per_ms == 60000);
	CHECK(msgext_rate_parse("2/h", &rate) && rate.per_ms == 3600000);
	CHECK(msgext_rate_parse("off", &rate) && rate.count == 0);
	test_end();

	test_begin("option: the common ones and their defaults");
	for (i = 0; i < lengthof(defaults); i++)
	{
		MsgError error;

		option = msgext_option_find(NULL, MSG_OPTION_SERVER, defaults[i].name);
		CHECK(option != NULL);
		if (option == NULL)
			continue;
		CHECK_TEXT(option->fallback, defaults[i].fallback);
		CHECK(option->fallback == NULL ||
			  msgext_option_check(test_arena, option, option->fallback, &error));
		CHECK(!option->secret);
		CHECK_INT(option->required, strcmp(option->name, "url") == 0);
	}
	CHECK_TEXT(msgext_option_find(NULL, MSG_OPTION_SERVER, "http_version")->choices,
			   "1.1|2|auto");
	CHECK_TEXT(msgext_option_find(NULL, MSG_OPTION_SERVER, "on_unknown")->choices,
			   "hold|resend");
	CHECK_TEXT(msgext_option_find(NULL, MSG_OPTION_SERVER, "status_poll")->choices,
			   "on|off");
	option = msgext_option_find(NULL, MSG_OPTION_MAPPING, "callback_token");
	CHECK(option != NULL && option->secret);
	test_end();

	test_begin("option: a provider's own come first, each in its place");
	option = msgext_option_find(own, MSG_OPTION_SERVER, "rate_limit");
	CHECK_TEXT(option != NULL ? option->fallback : NULL, "50/s");
	CHECK(msgext_option_find(own, MSG_OPTION_MAPPING, "login") == &own[1]);
	CHECK(msgext_option_find(own, MSG_OPTION_SERVER, "login") == NULL);
	CHECK(msgext_option_find(own, MSG_OPTION_SERVER, "timeout") != NULL);
	CHECK(msgext_option_find(own, MSG_OPTION_MAPPING, "timeout") == NULL);
	CHECK(msgext_option_find(own, MSG_OPTION_SERVER, "callback_token") == NULL);
	CHECK(msgext_option_find(own, MSG_OPTION_SERVER, "Timeout") == NULL);
	CHECK(msgext_option_find(own, MSG_OPTION_SERVER, "") == NULL);
	test_end();
	test_patterns();
}
