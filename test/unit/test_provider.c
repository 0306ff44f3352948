/*
 * test_provider.c
 *		The registry's check against a provider broken on purpose, in one way at a time,
 *		and the questions that codecs ask of server and reply.
 */
#include "test.h"

#include <string.h>

#include "core/lengthof.h"
#include "core/provider_list.h"

static bool
prepare(MsgArena *arena, const MsgConn *conn, const MsgPayload *payload,
		MsgFragment *fragment, MsgError *error)
{
	(void) arena, (void) conn, (void) payload, (void) fragment;
	return msgext_error(error, "", "", "never");
}

static bool
encode(MsgArena *arena, const MsgConn *conn, const MsgJob *jobs, int n,
	   MsgRequest *request, MsgError *error)
{
	(void) arena, (void) conn, (void) jobs, (void) n, (void) request;
	return msgext_error(error, "", "", "never");
}

static bool
decode(MsgArena *arena, const MsgConn *conn, const MsgReply *reply, const MsgJob *jobs,
	   int n, MsgOutcome *outcomes, MsgError *error)
{
	(void) arena, (void) conn, (void) reply, (void) jobs, (void) n, (void) outcomes;
	return msgext_error(error, "", "", "never");
}

static bool
parse_callback(MsgArena *arena, const MsgConn *conn, const MsgInbound *inbound,
			   MsgPushed *pushed, MsgError *error)
{
	(void) arena, (void) conn, (void) inbound, (void) pushed;
	return msgext_error(error, "", "", "never");
}

static MsgOption options[3];

static MsgProvider
sound_provider(void)
{
	MsgProvider provider = {.abi = MSG_PROVIDER_ABI,
							.name = "sound",
							.title = "Sound",
							.caps = MSG_CAN_POLL | MSG_CAN_CALLBACK | MSG_CAN_DEDUP,
							.max_batch = 1,
							.options = options,
							.prepare = prepare,
							.encode_send = encode,
							.decode_send = decode,
							.encode_status = encode,
							.decode_status = decode,
							.parse_callback = parse_callback};

	memset(options, 0, sizeof(options));
	options[0].name = "depth";
	options[0].kind = MSG_OPTION_COUNT;
	options[0].fallback = "3";
	options[1].name = "key";
	options[1].place = MSG_OPTION_MAPPING;
	options[1].secret = true;
	return provider;
}

/* What the check complains about, or "" when it does not. */
static const char *
complaint(const MsgProvider *provider)
{
	static MsgError error;

	memset(&error, 0, sizeof(error));
	if (msgext_provider_check(provider, &error))
		return "";
	CHECK(error.text[0] != '\0');
	return error.path;
}

#define BROKEN(change, path)                                                             \
	do                                                                                   \
	{                                                                                    \
		MsgProvider provider = sound_provider();                                         \
		change;                                                                          \
		CHECK_TEXT(complaint(&provider), path);                                          \
	} while (0)

/* What is called a password is never shown. */
static void
check_secrets(const MsgProvider *provider)
{
	static const char *const words[] = {"password", "secret", "token"};
	const MsgOption *option = provider->options;
	size_t i;

	for (; option != NULL && option->name != NULL; option++)
	{
		for (i = 0; i < lengthof(words); i++)
		{
			if (strstr(option->name, words[i]) != NULL && !option->secret)
				test_fail(__FILE__, __LINE__, "%s of %s is no secret", option->name,
						  provider->name);
		}
	}
}

static void
test_check(void)
{
	const MsgProvider *const *registered;
	static MsgProvider added;
	MsgProvider other;
	MsgError error = {0};

	test_begin("provider: a sound one passes");
	BROKEN((void) 0, "");
	BROKEN(provider.options = NULL, "");
	BROKEN((provider.caps = 0, provider.encode_status = NULL,
			provider.decode_status = NULL, provider.parse_callback = NULL),
		   "");
	test_end();

	test_begin("provider: a broken one is told what is broken");
	BROKEN(provider.abi = 0, "abi");
	BROKEN(provider.name = NULL, "name");
	BROKEN(provider.name = "", "name");
	BROKEN(provider.name = "So-und", "name");
	BROKEN(provider.title = NULL, "title");
	BROKEN(provider.caps |= 0x80, "caps");
	BROKEN(provider.max_batch = 0, "max_batch");
	BROKEN(provider.prepare = NULL, "prepare");
	BROKEN(provider.encode_send = NULL, "encode_send");
	BROKEN(provider.decode_send = NULL, "decode_send");
	BROKEN(provider.encode_status = NULL, "encode_status");
	BROKEN(provider.decode_status = NULL, "decode_status");
	BROKEN(provider.parse_callback = NULL, "parse_callback");
	BROKEN(provider.caps &= ~(unsigned) MSG_CAN_POLL, "encode_status");
	BROKEN(provider.caps &= ~(unsigned) MSG_CAN_CALLBACK, "parse_callback");
	test_end();

	test_begin("provider: so are its options");
	BROKEN(options[0].name = "Depth", "options");
	BROKEN(options[0].name = "", "options");
	BROKEN(options[0].fallback = "many", "depth");
	BROKEN(options[0].secret = true, "depth");
	BROKEN(options[1].fallback = "x", "key");
	BROKEN(options[0].required = true, "depth");
	BROKEN(options[1].name = "depth", "depth");
	BROKEN(options[0].kind = MSG_OPTION_CHOICE, "depth");
	BROKEN(options[0].choices = "a|b", "depth");
	BROKEN(options[0].name = "timeout", "timeout");
	BROKEN(options[0].name = "max_attempts", "");
	BROKEN(options[1].name = "url", "url");
	BROKEN((options[1].name = "callback_token", options[1].secret = false),
		   "callback_token");
	test_end();

	test_begin("provider: those that are registered pass and are found");
	CHECK(msgext_providers[0] != NULL);
	for (registered = msgext_providers; *registered != NULL; registered++)
	{
		CHECK_TEXT(complaint(*registered), "");
		CHECK(msgext_provider_find((*registered)->name) == *registered);
		check_secrets(*registered);
	}
	CHECK(msgext_provider_find("nobody") == NULL);
	CHECK(msgext_provider_find("") == NULL);
	test_end();

	test_begin("provider: one of another library is added once, and under its own name");
	added = sound_provider();
	other = added;
	CHECK(msgext_provider_add(&added, false, &error));
	CHECK(msgext_provider_find(added.name) == &added);
	CHECK(msgext_provider_add(&added, true, &error));
	CHECK(!msgext_provider_is_everywhere(&added));
	CHECK(msgext_provider_is_everywhere(msgext_providers[0]));
	CHECK(!msgext_provider_add(&other, false, &error));
	CHECK_TEXT(error.path, "name");
	other.name = msgext_providers[0]->name;
	CHECK(!msgext_provider_add(&other, false, &error));
	CHECK_TEXT(error.path, "name");
	other.name = "another";
	other.abi++;
	CHECK(!msgext_provider_add(&other, false, &error));
	CHECK_TEXT(error.path, "abi");
	CHECK(msgext_provider_find("another") == NULL);
	test_end();
}

void
test_provider(void)
{
	int i;
	static const MsgSetting settings[] = {{"depth", "5"}, {"key", "k"}, {NULL, NULL}};
	MsgProvider provider = sound_provider();
	MsgConn conn = {.settings = settings, .options = provider.options};
	MsgReply reply = {.headers = "HTTP/1.1 100 Continue\r\n"
								 "X-Trace: interim\r\n"
								 "\r\n"
								 "HTTP/1.1 200 OK\r\n"
								 "Content-Type:  text/plain \t\r\n"
								 "X-Trace:final\r\n"
								 "Empty:\r\n"
								 "Broken line\r\n"
								 "Last: end"};
	char key[MSG_KEY_LEN + 1];

	test_check();
	sound_provider();

	test_begin("provider: an option that is set, its default, a common default, none");
	CHECK_TEXT(msgext_conn_option(&conn, "depth"), "5");
	CHECK_TEXT(msgext_conn_option(&conn, "key"), "k");
	conn.settings = NULL;
	CHECK_TEXT(msgext_conn_option(&conn, "depth"), "3");
	CHECK_TEXT(msgext_conn_option(&conn, "key"), NULL);
	CHECK_TEXT(msgext_conn_option(&conn, "timeout"), "30 s");
	CHECK_TEXT(msgext_conn_option(&conn, "nothing"), NULL);
	conn.options = NULL;
	CHECK_TEXT(msgext_conn_option(&conn, "rate_limit"), "off");
	test_end();

	test_begin(
		"provider: a key of the provider's own form is another one at another time");
	for (i = 0; msgext_providers[i] != NULL; i++)
	{
		const MsgProvider *provider = msgext_providers[i];
		const char *first = NULL;
		const char *later = NULL;
		MsgError error;

		if (provider->make_key == NULL)
			continue;
		CHECK(
			provider->make_key(test_arena, 7, INT64_C(1540555200000000), &first, &error));
		CHECK(
			provider->make_key(test_arena, 7, INT64_C(1540555200001000), &later, &error));
		CHECK(first != NULL && later != NULL && strcmp(first, later) != 0);
	}
	test_end();

	test_begin("provider: our own key is time and id in hexadecimal");
	msgext_own_key(INT64_C(0x0123456789abcdef), -2, key);
	CHECK_TEXT(key, "0123456789abcdeffffffffffffffffe");
	test_end();

	test_begin("provider: headers of a reply");
	CHECK_TEXT(msgext_reply_header(test_arena, &reply, "content-TYPE"), "text/plain");
	CHECK_TEXT(msgext_reply_header(test_arena, &reply, "x-trace"), "final");
	CHECK_TEXT(msgext_reply_header(test_arena, &reply, "empty"), "");
	CHECK_TEXT(msgext_reply_header(test_arena, &reply, "last"), "end");
	CHECK_TEXT(msgext_reply_header(test_arena, &reply, "content"), NULL);
	CHECK_TEXT(msgext_reply_header(test_arena, &reply, "broken line"), NULL);
	reply.headers = "";
	CHECK_TEXT(msgext_reply_header(test_arena, &reply, "last"), NULL);
	reply.headers = NULL;
	CHECK_TEXT(msgext_reply_header(test_arena, &reply, "last"), NULL);
	test_end();
}
