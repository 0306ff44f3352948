/*
 * describe.c
 *		What is in stored bytes, for people: see describe.h.
 */
#include "core/describe.h"

#include <stdio.h>

#include "core/sha256.h"

MsgJson *
msgext_describe_bytes(MsgArena *arena, int part, const char *bytes, size_t len)
{
	MsgJson *object = msgext_json_new(arena, MSG_JSON_OBJECT);
	char digest[MSG_SHA256_HEX + 1];
	char number[24];

	if (part > 0)
	{
		snprintf(number, sizeof(number), "%d", part);
		msgext_json_set(object, "part", msgext_json_number(arena, number));
	}
	snprintf(number, sizeof(number), "%zu", len);
	msgext_json_set(object, "bytes", msgext_json_number(arena, number));
	msgext_sha256_hex(bytes, len, digest);
	msgext_json_set_text(arena, object, "sha256", digest);
	return object;
}

MsgJson *
msgext_describe_json(MsgArena *arena, const char *text, size_t len, MsgError *error)
{
	MsgJsonLimits limits = msgext_json_strict;

	/* Codecs bound what they write, each for itself. */
	limits.size = len;
	limits.nodes = 1000000;
	return msgext_json_parse(arena, text, len, &limits, error);
}

MsgJson *
msgext_describe(const MsgProvider *provider, MsgArena *arena, const char *fragment,
				size_t len)
{
	MsgJson *payload = NULL;
	MsgError error;

	if (provider != NULL && provider->describe != NULL)
		payload = provider->describe(arena, fragment, len, &error);
	else if (provider != NULL)
		payload = msgext_describe_json(arena, fragment, len, &error);
	if (payload == NULL || payload->type != MSG_JSON_OBJECT)
		payload = msgext_describe_bytes(arena, 0, fragment, len);
	return payload;
}
