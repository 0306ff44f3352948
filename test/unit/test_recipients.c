/*
 * test_recipients.c
 *		Recipients of a payload are found where its provider has them, replaced, and held
 *		against a pattern.
 */
#include "test.h"

#include <string.h>

#include "core/lengthof.h"
#include "core/recipients.h"

static const char *const paths[] = {"To", "sms.to", "-Group", "~Department", NULL};

static MsgJson *
parse(const char *text)
{
	MsgError error;
	MsgJson *payload =
		msgext_json_parse(test_arena, text, strlen(text), &msgext_json_strict, &error);

	CHECK(payload != NULL);
	return payload;
}

static void
check_redirect(const char *before, const char *after)
{
	MsgJson *payload = parse(before);
	MsgBuf out;

	msgext_buf_init(&out, test_arena, 64);
	msgext_recipients_redirect(test_arena, paths, payload, "me");
	msgext_json_write(&out, payload);
	CHECK_TEXT(out.data, after);
}

static bool
is_he(void *arg, const char *recipient)
{
	return strcmp(recipient, arg) == 0;
}

static void
check_find(const char *payload, const char *he, const char *found)
{
	const char *got =
		msgext_recipients_find(test_arena, paths, parse(payload), is_he, (void *) he);

	CHECK_TEXT(got != NULL ? got : "NULL", found != NULL ? found : "NULL");
}

void
test_recipients(void)
{
	static const char *const normal[][2] = {
		{"79031112233", "79031112233"},
		{" +7 (903) 111-22.33 ", "79031112233"},
		{"8-800", "8800"},
		{"+", "+"},
		{"-1x", "-1x"},
		{"HTTPS://A.Example/b/", "https://a.example/b"},
		{"Anna@Example.com", "anna@example.com"},
		{"\320\220", "\320\220"},
		{" / ", ""},
		{"", ""},
	};
	static const struct
	{
		const char *payload;
		const char *to;
		const char *pattern;
		bool may;
		const char *stranger;
	} cases[] = {
		{"{\"To\": \"a\"}", NULL, NULL, true, NULL},
		{"{\"To\": \"a1\"}", NULL, "^a", true, NULL},
		{"{\"To\": \"b1\"}", NULL, "^a", false, "b1"},
		{"{\"To\": 71}", NULL, "^7", true, NULL},
		{"{\"To\": \"a1, b2\"}", NULL, "^a", false, "b2"},
		{"{\"To\": \"a1 ,a2\"}", NULL, "^a[12]$", true, NULL},
		{"{\"To\": [\"a1\", \"b2\"]}", NULL, "^a", false, "b2"},
		{"{\"To\": \"a\", \"sms\": {\"to\": \"b\"}}", NULL, "^a", false, "b"},
		{"{\"To\": \"a\", \"sms\": {\"to\": null}}", NULL, "^a", true, NULL},
		{"{\"To\": \"a\", \"sms\": 1}", NULL, "^a", true, NULL},
		{"{\"Group\": \"a\"}", NULL, "^a", false, "Group"},
		{"{\"Group\": null, \"Department\": \"b\"}", NULL, "^a", true, NULL},
		{"{\"To\": \"+7 900\"}", "7900", NULL, true, NULL},
		{"{\"To\": \"HTTPS://A/b/\"}", "https://a/b", NULL, true, NULL},
		{"{\"To\": \"79001\"}", "7900", NULL, false, "79001"},
		{"{\"To\": \"7900\"}", "79001", NULL, false, "7900"},
		{"{\"To\": \"7900\"}", "7900", "^8", false, "7900"},
		{"{\"To\": \"a\"}", NULL, "(", false, NULL},
	};
	size_t i;

	test_begin("recipients have one way to be written");
	for (i = 0; i < lengthof(normal); i++)
		CHECK_TEXT(msgext_recipient_normal(test_arena, normal[i][0]), normal[i][1]);
	test_end();

	test_begin("recipients are found, wherever they are");
	check_find("{\"To\": \"+7 900\"}", "7900", "7900");
	check_find("{\"To\": \"a, B/,c\"}", "b", "b");
	check_find("{\"To\": [\"a\", \"b\"], \"sms\": {\"to\": 7900}}", "7900", "7900");
	check_find("{\"To\": \"7900\"}", "790", NULL);
	check_find("{\"Group\": \"7900\"}", "7900", NULL);
	check_find("{\"Department\": \"7900\"}", "7900", NULL);
	check_find("{}", "7900", NULL);
	check_find("[\"7900\"]", "7900", NULL);
	test_end();

	test_begin("recipients are replaced where they are");
	check_redirect("{\"To\":\"a\",\"x\":1}", "{\"To\":\"me\",\"x\":1}");
	check_redirect(
		"{\"To\":\"a\",\"sms\":{\"to\":\"b\",\"t\":\"x\"},\"Department\":\"d\"}",
		"{\"To\":\"me\",\"sms\":{\"to\":\"me\",\"t\":\"x\"},\"Department\":null}");
	check_redirect("{\"Group\":\"g\"}", "{\"Group\":null,\"To\":\"me\"}");
	check_redirect("{\"To\":null,\"Department\":\"d\"}",
				   "{\"To\":null,\"Department\":null}");
	check_redirect("[1]", "[1]");
	test_end();

	test_begin("recipients are held against a pattern, and against another one");
	for (i = 0; i < lengthof(cases); i++)
	{
		const char *stranger = "";
		bool may = msgext_recipients_may(test_arena, paths, parse(cases[i].payload),
										 cases[i].to, cases[i].pattern, &stranger);

		CHECK(may == cases[i].may);
		if (cases[i].stranger != NULL)
			CHECK_TEXT(stranger != NULL ? stranger : "NULL", cases[i].stranger);
	}
	test_end();
}
