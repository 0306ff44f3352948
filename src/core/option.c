/*
 * option.c
 *		The common options, and which values each kind takes: see option.h.
 *
 * No complaint repeats a value: it may hold a credential that was put into the wrong
 * option.
 */
#include "core/option.h"

#include <stddef.h>
#include <string.h>

#include "core/http_text.h"
#include "core/lengthof.h"
#include "core/pattern.h"
#include "core/timestamp.h"

#define COUNT_LIMIT 1000000
#define SHARE_LIMIT 1000

const MsgOption msgext_common_options[] = {
	{.name = "url", .place = MSG_OPTION_SERVER, .kind = MSG_OPTION_URL, .required = true},
	{"timeout", MSG_OPTION_SERVER, MSG_OPTION_DURATION, "30 s", NULL, false, false},
	{"connect_timeout", MSG_OPTION_SERVER, MSG_OPTION_DURATION, "10 s", NULL, false,
	 false},
	{"max_in_flight", MSG_OPTION_SERVER, MSG_OPTION_COUNT, "64", NULL, false, false},
	{"rate_limit", MSG_OPTION_SERVER, MSG_OPTION_RATE, "off", NULL, false, false},
	{"rate_share", MSG_OPTION_SERVER, MSG_OPTION_SHARE, "1/1", NULL, false, false},
	{"max_attempts", MSG_OPTION_SERVER, MSG_OPTION_COUNT, "100", NULL, false, false},
	{"retry_min_delay", MSG_OPTION_SERVER, MSG_OPTION_DURATION, "1 s", NULL, false,
	 false},
	{"retry_max_delay", MSG_OPTION_SERVER, MSG_OPTION_DURATION, "5 min", NULL, false,
	 false},
	{"give_up_after", MSG_OPTION_SERVER, MSG_OPTION_DURATION, "1 day", NULL, false,
	 false},
	{"break_after", MSG_OPTION_SERVER, MSG_OPTION_PATIENCE, "5 min", NULL, false, false},
	{.name = "expires_after", .place = MSG_OPTION_SERVER, .kind = MSG_OPTION_DURATION},
	{.name = "payload_retention",
	 .place = MSG_OPTION_SERVER,
	 .kind = MSG_OPTION_DURATION},
	{"on_invalid", MSG_OPTION_SERVER, MSG_OPTION_CHOICE, "error", "error|record", false,
	 false},
	{"ca_file", MSG_OPTION_SERVER, MSG_OPTION_FILE, NULL, NULL, false, false},
	{"proxy", MSG_OPTION_SERVER, MSG_OPTION_PROXY, NULL, NULL, false, false},
	{.name = "deny_private",
	 .place = MSG_OPTION_SERVER,
	 .kind = MSG_OPTION_CHOICE,
	 .fallback = "off",
	 .choices = "off|on"},
	{"http_version", MSG_OPTION_SERVER, MSG_OPTION_CHOICE, "auto", "1.1|2|auto", false,
	 false},
	{"on_unknown", MSG_OPTION_SERVER, MSG_OPTION_CHOICE, "hold", "hold|resend", false,
	 false},
	{"status_poll", MSG_OPTION_SERVER, MSG_OPTION_CHOICE, "on", "on|off", false, false},
	{"poll_min_interval", MSG_OPTION_SERVER, MSG_OPTION_DURATION, "30 s", NULL, false,
	 false},
	{"poll_max_interval", MSG_OPTION_SERVER, MSG_OPTION_DURATION, "1 hour", NULL, false,
	 false},
	{"poll_give_up", MSG_OPTION_SERVER, MSG_OPTION_DURATION, "5 days", NULL, false,
	 false},
	{"redirect", MSG_OPTION_SERVER, MSG_OPTION_TEXT, NULL, NULL, false, false},
	{"allow_recipients", MSG_OPTION_SERVER, MSG_OPTION_PATTERN, NULL, NULL, false, false},
	{.name = "callback_token",
	 .place = MSG_OPTION_MAPPING,
	 .kind = MSG_OPTION_TEXT,
	 .secret = true},
	{.name = NULL}};

static const MsgOption *
find_in(const MsgOption *options, MsgOptionPlace place, const char *name)
{
	for (; options != NULL && options->name != NULL; options++)
	{
		/* Most differ in the first letter; the codecs ask for each message. */
		if (options->place == place && options->name[0] == name[0] &&
			strcmp(options->name, name) == 0)
			return options;
	}
	return NULL;
}

const MsgOption *
msgext_option_find(const MsgOption *own, MsgOptionPlace place, const char *name)
{
	const MsgOption *found = find_in(own, place, name);

	return found != NULL ? found : find_in(msgext_common_options, place, name);
}

/* Takes a whole number from 1 to limit off the front. */
static bool
take_count(const char **text, int64_t limit, int64_t *count)
{
	const char *at = *text;

	*count = 0;
	for (; *at >= '0' && *at <= '9'; at++)
	{
		int digit = *at - '0';

		if (*count > (limit - digit) / 10)
			return false;
		*count = *count * 10 + digit;
	}
	*text = at;
	return *count > 0;
}

bool
msgext_share_parse(const char *text, MsgShare *share)
{
	return take_count(&text, SHARE_LIMIT, &share->parts) && *text++ == '/' &&
		   take_count(&text, SHARE_LIMIT, &share->whole) && *text == '\0' &&
		   share->parts <= share->whole;
}

bool
msgext_rate_parse(const char *text, MsgRate *rate)
{
	static const struct
	{
		const char *name;
		int64_t ms;
	} periods[] = {{"s", 1000},	   {"second", 1000},  {"min", 60000},	{"minute", 60000},
				   {"h", 3600000}, {"hour", 3600000}, {"day", 86400000}};
	size_t i;

	rate->count = 0;
	rate->per_ms = 0;
	if (strcmp(text, "off") == 0)
		return true;
	if (!take_count(&text, COUNT_LIMIT, &rate->count) || *text++ != '/')
		return false;
	for (i = 0; i < lengthof(periods); i++)
	{
		if (strcmp(periods[i].name, text) == 0)
		{
			rate->per_ms = periods[i].ms;
			return true;
		}
	}
	return false;
}

static bool
has_control(const char *value)
{
	for (; *value != '\0'; value++)
	{
		if ((unsigned char) *value < 0x20 || *value == 0x7F)
			return true;
	}
	return false;
}

static bool
starts_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* "host", "host:port" or "[v6]:port", all of len bytes. */
static bool
is_host_and_port(const char *text, size_t len)
{
	const char *end = text + len;
	const char *host = text;
	int64_t port;
	size_t host_len;

	if (len > 0 && *text == '[')
	{
		while (text < end && *text != ']')
			text++;
		host_len = text < end ? (size_t) (text++ - host) - 1 : 0;
		if (strspn(host + 1, "0123456789abcdefABCDEF:.%") < host_len)
			return false;
	}
	else
	{
		while (text < end && *text != ':')
			text++;
		host_len = (size_t) (text - host);
		if (strcspn(host, "[]/") < host_len)
			return false;
	}
	if (host_len == 0)
		return false;
	if (text == end)
		return true;
	return *text++ == ':' && take_count(&text, 65535, &port) && text == end;
}

/* Whether other letters of a host can be converted depends on the process's locale. */
static bool
is_ascii(const char *value)
{
	while (*value != '\0' && (unsigned char) *value < 0x80)
		value++;
	return *value == '\0';
}

/* RFC 3986, of which only scheme, host, port and path make sense in front of a method. */
static bool
is_url(const char *value)
{
	const char *host;

	if (starts_with(value, "https://"))
		host = value + 8;
	else if (starts_with(value, "http://"))
		host = value + 7;
	else
		return false;
	if (strpbrk(value, " \"<>\\^`{|}?#@") != NULL || !is_ascii(value))
		return false;
	return is_host_and_port(host, strcspn(host, "/"));
}

/* As CURLOPT_PROXY takes it: without a scheme it is an HTTP proxy. */
static bool
is_proxy(const char *value)
{
	static const char *const schemes[] = {"http",	 "https",  "socks4",
										  "socks4a", "socks5", "socks5h"};
	const char *host = strstr(value, "://");
	size_t len;
	size_t i;

	if (strpbrk(value, " @?#") != NULL)
		return false;
	if (host != NULL)
	{
		size_t scheme_len = (size_t) (host - value);

		for (i = 0; i < lengthof(schemes); i++)
		{
			if (strlen(schemes[i]) == scheme_len &&
				strncmp(schemes[i], value, scheme_len) == 0)
				break;
		}
		if (i == lengthof(schemes))
			return false;
		value = host + 3;
	}
	len = strlen(value);
	if (len > 0 && value[len - 1] == '/')
		len--;
	return is_host_and_port(value, len);
}

static bool
is_choice(const char *choices, const char *value)
{
	size_t len = strlen(value);

	for (;;)
	{
		size_t choice_len = strcspn(choices, "|");

		if (choice_len == len && strncmp(choices, value, len) == 0)
			return true;
		if (choices[choice_len] == '\0')
			return false;
		choices += choice_len + 1;
	}
}

/* A complaint about one of the fields begins with its name. */
static bool
check_headers(MsgArena *arena, const MsgOption *option, const char *value,
			  MsgError *error)
{
	MsgError inner = {.text = ""};
	const MsgJson *headers =
		msgext_json_parse(arena, value, strlen(value), &msgext_json_strict, &inner);

	if (headers == NULL)
		return msgext_error(error, "", option->name, "must be a JSON object");
	if (msgext_headers_check(headers, option->secret, &inner))
		return true;
	if (inner.path[0] == '\0')
		return msgext_error(error, "", option->name, "%s", inner.text);
	return msgext_error(error, "", option->name, "has %s, which %s", inner.path,
						inner.text);
}

bool
msgext_option_check(MsgArena *arena, const MsgOption *option, const char *value,
					MsgError *error)
{
	const char *name = option->name;
	MsgRate rate;
	MsgShare share;
	int64_t count;
	int offset_s;

	if (*value == '\0')
		return msgext_error(error, "", name, "must not be empty");

	/* A line break in a header, a path or a log line is never meant (RFC 9110, 5.5). */
	if (has_control(value))
		return msgext_error(error, "", name, "must not contain control characters");

	switch (option->kind)
	{
		case MSG_OPTION_TEXT:
		case MSG_OPTION_DURATION:
		case MSG_OPTION_PATIENCE:
			return true;
		case MSG_OPTION_URL:
			if (is_url(value))
				return true;
			return msgext_error(error, "", name,
								"must be http:// or https:// with a host and perhaps a "
								"port and a path, all in ASCII, without credentials and "
								"query");
		case MSG_OPTION_PROXY:
			if (is_proxy(value))
				return true;
			return msgext_error(error, "", name,
								"must be a host and perhaps a port, with http://, "
								"https://, socks4://, socks4a://, socks5:// or "
								"socks5h:// in front, without credentials");
		case MSG_OPTION_FILE:
			if (*value == '/')
				return true;
			return msgext_error(error, "", name, "must be an absolute path");
		case MSG_OPTION_COUNT:
			if (take_count(&value, COUNT_LIMIT, &count) && *value == '\0')
				return true;
			return msgext_error(error, "", name, "must be a whole number from 1 to %d",
								COUNT_LIMIT);
		case MSG_OPTION_RATE:
			if (msgext_rate_parse(value, &rate))
				return true;
			return msgext_error(error, "", name,
								"must be 'off' or a number from 1 to %d for each s, min, "
								"hour or day, such as '50/s'",
								COUNT_LIMIT);
		case MSG_OPTION_SHARE:
			if (msgext_share_parse(value, &share))
				return true;
			return msgext_error(error, "", name,
								"must be a part of the whole, such as '1/3'");
		case MSG_OPTION_CHOICE:
			if (is_choice(option->choices, value))
				return true;
			return msgext_error(error, "", name, "must be one of %s", option->choices);
		case MSG_OPTION_ZONE:
			if (msgext_timestamp_zone(value, &offset_s))
				return true;
			return msgext_error(error, "", name,
								"must be 'UTC' or an offset such as '+03:00'");
		case MSG_OPTION_LOGIN:
			if (strchr(value, ':') == NULL)
				return true;
			return msgext_error(error, "", name, "must not contain a colon");
		case MSG_OPTION_PATTERN:
			if (!msgext_pattern_is_small(value))
				return msgext_error(error, "", name,
									"must have at most %d characters, what {} repeats "
									"counted as often, %d groups in each other, and no "
									"references back",
									MSG_PATTERN_MAX, MSG_PATTERN_DEPTH);
			if (msgext_pattern_is_valid(value))
				return true;
			return msgext_error(error, "", name,
								"must be a regular expression (POSIX, extended)");
		case MSG_OPTION_HEADERS:
			return check_headers(arena, option, value, error);
		case MSG_OPTION_STATUSES:
			if (msgext_statuses_check(value))
				return true;
			return msgext_error(error, "", name,
								"must be a list of HTTP statuses, such as '2xx,304'");
		case MSG_OPTION_PATH:
			if (msgext_path_check(value))
				return true;
			return msgext_error(error, "", name,
								"must be a path that begins with / and has no . or .. "
								"as a part, percent-encoded, perhaps with a query");
		case MSG_OPTION_WORDS:
			if (value[strspn(value, " ")] != '\0')
				return true;
			return msgext_error(error, "", name, "must not be blank");
	}
	return msgext_error(error, "", name, "is of an unknown kind");
}
