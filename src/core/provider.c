/*
 * provider.c
 *		What providers promise, checked, and the few questions that every codec asks of its
 *		server and of a reply: see provider.h.
 */
#include "core/provider.h"

#include <string.h>

#include "core/ascii.h"
#include "core/timestamp.h"

static void
put_hex(char *text, uint64_t number)
{
	int i;

	for (i = 15; i >= 0; i--, number >>= 4)
		text[i] = "0123456789abcdef"[number & 15];
}

/* By hand: printf takes ten times as long, for each message. */
void
msgext_own_key(int64_t created_us, int64_t id, char *key)
{
	put_hex(key, (uint64_t) created_us);
	put_hex(key + 16, (uint64_t) id);
	key[MSG_KEY_LEN] = '\0';
}

const char *
msgext_conn_option(const MsgConn *conn, const char *name)
{
	const MsgSetting *setting;
	const MsgOption *option;

	for (setting = conn->settings; setting != NULL && setting->name != NULL; setting++)
	{
		if (strcmp(setting->name, name) == 0)
			return setting->value;
	}
	option = msgext_option_find(conn->options, MSG_OPTION_SERVER, name);
	if (option == NULL)
		option = msgext_option_find(conn->options, MSG_OPTION_MAPPING, name);
	return option != NULL ? option->fallback : NULL;
}

const char *
msgext_conn_whole_url(const MsgConn *conn)
{
	const char *url = msgext_conn_option(conn, "url");

	return url != NULL ? url : conn->url;
}

int
msgext_conn_offset(const MsgConn *conn)
{
	const char *zone = msgext_conn_option(conn, "time_zone");
	int offset_s;

	return zone != NULL && msgext_timestamp_zone(zone, &offset_s) ? offset_s : 0;
}

/* The value in line if its name is the one looked for, else NULL. */
static const char *
header_value(const char *line, size_t line_len, const char *name, size_t *len)
{
	size_t name_len = strlen(name);
	const char *value = line + name_len + 1;
	const char *end = line + line_len;

	if (line_len <= name_len || line[name_len] != ':' ||
		!msgext_ascii_same(line, name_len, name))
		return NULL;
	while (value < end && (*value == ' ' || *value == '\t'))
		value++;
	while (end > value && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r'))
		end--;
	*len = (size_t) (end - value);
	return value;
}

/* The value in the last line of that name, in the arena, or NULL; *n is how many are. */
static const char *
last_value(MsgArena *arena, const char *line, const char *name, int *n)
{
	const char *found = NULL;
	size_t found_len = 0;

	*n = 0;
	while (line != NULL && *line != '\0')
	{
		size_t line_len = strcspn(line, "\n");
		size_t len;
		const char *value = header_value(line, line_len, name, &len);

		if (value != NULL)
		{
			found = value;
			found_len = len;
			(*n)++;
		}
		line += line_len + (line[line_len] == '\n');
	}
	return found != NULL ? msgext_strndup(arena, found, found_len) : NULL;
}

/* The last one counts: what came before may belong to an interim 1xx answer. */
const char *
msgext_reply_header(MsgArena *arena, const MsgReply *reply, const char *name)
{
	int n;

	return last_value(arena, reply->headers, name, &n);
}

const char *
msgext_inbound_header(MsgArena *arena, const MsgInbound *inbound, const char *name)
{
	int n;
	const char *value = last_value(arena, inbound->headers, name, &n);

	/* What proves something is said once: two could be read either way. */
	return n == 1 ? value : NULL;
}

void
msgext_reply(MsgReply *reply, int status, const char *headers, const char *body)
{
	memset(reply, 0, sizeof(*reply));
	reply->status = status;
	reply->headers = headers;
	reply->body = body;
	reply->body_len = strlen(body);
	reply->retry_after_ms = -1;
}

void
msgext_outcome(MsgOutcome *outcome, const MsgReply *reply, MsgVerdict verdict,
			   const char *code, const char *text)
{
	memset(outcome, 0, sizeof(*outcome));
	outcome->verdict = verdict;
	outcome->retry_after_ms = -1;
	if (verdict == MSG_VERDICT_RETRY || verdict == MSG_VERDICT_UNSURE)
		outcome->retry_after_ms = reply->retry_after_ms;
	outcome->code = code;
	outcome->text = text;
}

/* Lower-case letters, digits and underscores: it becomes part of SQL names. */
static bool
is_name(const char *name)
{
	return name != NULL && *name != '\0' &&
		   name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")] == '\0';
}

static bool
check_option(const MsgOption *options, const MsgOption *option, MsgError *error)
{
	const MsgOption *common;
	const MsgOption *other;

	if (!is_name(option->name))
		return msgext_error(error, "", "options", "an option's name is not a plain word");
	if ((option->kind == MSG_OPTION_CHOICE) != (option->choices != NULL))
		return msgext_error(error, "", option->name, "choices and kind disagree");

	/* Every role can read a server's options; a default is in the source. */
	if (option->secret &&
		(option->place != MSG_OPTION_MAPPING || option->fallback != NULL))
		return msgext_error(error, "", option->name,
							"a secret belongs into the user mapping, without a default");
	if (option->required && option->fallback != NULL)
		return msgext_error(error, "", option->name,
							"what has a default is not required");
	if (option->fallback != NULL && option->kind == MSG_OPTION_HEADERS)
		return msgext_error(error, "", option->name, "headers have no default");
	if (option->fallback != NULL &&
		!msgext_option_check(NULL, option, option->fallback, error))
		return false;
	for (other = options; other != option; other++)
	{
		if (strcmp(other->name, option->name) == 0)
			return msgext_error(error, "", option->name, "the option is there twice");
	}
	common = msgext_option_find(NULL, MSG_OPTION_SERVER, option->name);
	if (common == NULL)
		common = msgext_option_find(NULL, MSG_OPTION_MAPPING, option->name);
	if (common != NULL &&
		(common->place != option->place || common->kind != option->kind ||
		 common->secret != option->secret))
		return msgext_error(error, "", option->name,
							"a common option may change its default only");
	return true;
}

bool
msgext_provider_check(const MsgProvider *provider, MsgError *error)
{
	const unsigned known = MSG_CAN_POLL | MSG_CAN_CALLBACK | MSG_CAN_DEDUP |
						   MSG_CAN_LOGIN | MSG_CAN_RESUME | MSG_READS_STATUS;
	bool poll = (provider->caps & MSG_CAN_POLL) != 0;
	bool callback = (provider->caps & MSG_CAN_CALLBACK) != 0;
	bool login = (provider->caps & MSG_CAN_LOGIN) != 0;
	const MsgOption *option;

	if (provider->abi != MSG_PROVIDER_ABI)
		return msgext_error(error, "", "abi", "is %u, not %u", (unsigned) provider->abi,
							(unsigned) MSG_PROVIDER_ABI);
	if (!is_name(provider->name))
		return msgext_error(error, "", "name", "is not a plain word");
	if (provider->title == NULL || *provider->title == '\0')
		return msgext_error(error, "", "title", "is missing");
	if ((provider->caps & ~known) != 0)
		return msgext_error(error, "", "caps", "has bits that mean nothing");
	if (provider->max_batch < 1)
		return msgext_error(error, "", "max_batch", "is less than one");
	if (provider->deduplicates != NULL && (provider->caps & MSG_CAN_DEDUP) == 0)
		return msgext_error(error, "", "deduplicates", "disagrees with MSG_CAN_DEDUP");
	if (provider->prepare == NULL)
		return msgext_error(error, "", "prepare", "is missing");
	if (provider->encode_send == NULL)
		return msgext_error(error, "", "encode_send", "is missing");
	if (provider->decode_send == NULL)
		return msgext_error(error, "", "decode_send", "is missing");
	if ((provider->needs_login != NULL) != login)
		return msgext_error(error, "", "needs_login", "disagrees with MSG_CAN_LOGIN");
	if ((provider->encode_login != NULL) != login)
		return msgext_error(error, "", "encode_login", "disagrees with MSG_CAN_LOGIN");
	if ((provider->decode_login != NULL) != login)
		return msgext_error(error, "", "decode_login", "disagrees with MSG_CAN_LOGIN");
	if ((provider->encode_status != NULL) != poll)
		return msgext_error(error, "", "encode_status", "disagrees with MSG_CAN_POLL");
	if ((provider->decode_status != NULL) != poll)
		return msgext_error(error, "", "decode_status", "disagrees with MSG_CAN_POLL");
	if ((provider->parse_callback != NULL) != callback)
		return msgext_error(error, "", "parse_callback",
							"disagrees with MSG_CAN_CALLBACK");
	if (provider->sample_recipient != NULL &&
		(provider->sample_reply == NULL ||
		 strchr(provider->sample_recipient, '#') == NULL))
		return msgext_error(error, "", "sample_recipient",
							"needs a \"#\", and sample_reply");
	for (option = provider->options; option != NULL && option->name != NULL; option++)
	{
		if (!check_option(provider->options, option, error))
			return false;
	}
	return true;
}
