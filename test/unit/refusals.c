/*
 * refusals.c
 *		Payloads that a provider's prepare refuses, and with what: see refusals.h.
 */
#include "refusals.h"

#include <string.h>

#include "test.h"

#define FAIL(...) test_fail(__FILE__, __LINE__, __VA_ARGS__)

/* The object that holds the last name of path, which is left in *name. */
static MsgJson *
walk(MsgJson *root, const char *path, const char **name)
{
	const char *dot;

	while ((dot = strchr(path, '.')) != NULL)
	{
		char *step = msgext_strndup(test_arena, path, (size_t) (dot - path));

		root = (MsgJson *) msgext_json_get(root, step);
		path = dot + 1;
	}
	*name = path;
	return root;
}

/* The base as a case of refusals changes it; freshly read, since changes stay. */
static MsgJson *
changed_payload(const SampleFile *file, const MsgJson *row)
{
	MsgJson *root =
		(MsgJson *) msgext_json_get(sample_json(file->bytes, file->len), "base");
	const MsgJson *set = msgext_json_get(row, "set");
	const MsgJson *gone = msgext_json_get(row, "unset");
	const MsgJson *whole = msgext_json_get(row, "message");
	MsgJson *value;
	MsgJson *next;
	const char *name;

	if (whole != NULL)
		return (MsgJson *) whole;
	for (value = set != NULL ? set->first : NULL; value != NULL; value = next)
	{
		MsgJson *object = walk(root, value->name, &name);

		next = value->next;
		if (object == NULL)
			FAIL("the base has no place for %s", value->name);
		else
			msgext_json_set(object, name, value);
	}
	for (value = gone != NULL ? gone->first : NULL; value != NULL; value = value->next)
	{
		MsgJson *object = walk(root, value->text, &name);

		if (object == NULL || msgext_json_get(object, name) == NULL)
			FAIL("the base has no %s", value->text);
		else
			msgext_json_remove(object, name);
	}
	return root;
}

void
check_refusals(const Samples *samples, const SampleFile *file)
{
	const MsgJson *sample = sample_json(file->bytes, file->len);
	const MsgJson *cases = msgext_json_get(sample, "cases");
	const MsgJson *row;
	const MsgJson *next;

	CHECK(msgext_json_is(cases, MSG_JSON_ARRAY) && cases->count > 0);
	for (row = cases != NULL ? cases->first : NULL; row != NULL; row = next)
	{
		const char *told = sample_text(row);
		const MsgJson *code = msgext_json_get(row, "code");
		const MsgJson *path = msgext_json_get(row, "path");
		MsgPayload payload = {.id = 1, .created_us = INT64_C(1540555200000000)};
		MsgFragment fragment;
		MsgError error = {.code = ""};
		bool taken;

		next = row->next;
		payload.message = changed_payload(file, row);
		taken = samples->provider->prepare(test_arena, &samples->conn, &payload,
										   &fragment, &error);
		if (taken != msgext_json_is(code, MSG_JSON_NULL))
			FAIL("%s: %s %s %s", taken ? "taken" : "refused", told, error.code,
				 error.text);
		else if (!taken && (!msgext_json_equals(code, error.code) ||
							!msgext_json_equals(path, error.path)))
			FAIL("%s %s instead: %s", error.code, error.path, told);
		CHECK(taken || error.text[0] != '\0');
	}
}
