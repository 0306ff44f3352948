/*
 * http_trace.c
 *		What libcurl says of an HTTP/2 request in words only: see http_trace.h.
 */
#include "net/http_trace.h"

#include <stdlib.h>
#include <string.h>

/* What is looked for is said by the first words; a header or a URL may follow. */
#define TEXT_MAX 200

/* What follows these words; NULL when the text does not begin with them. */
static const char *
after(const char *text, const char *words)
{
	size_t len = strlen(words);

	return strncmp(text, words, len) == 0 ? text + len : NULL;
}

static bool
read_number(const char *text, long *number)
{
	char *end;

	*number = strtol(text, &end, 10);
	return end > text && *number >= 0;
}

/*
 * The stream that the request is on, by libcurl 7 and by 8; false when that is not said.
 */
static bool
read_stream(const char *text, long *number)
{
	const char *rest = after(text, "Using Stream ID: ");

	if (rest != NULL)
		return read_number(rest, number);
	rest = after(text, "[HTTP/2] [");
	if (rest == NULL || !read_number(rest, number))
		return false;
	rest += strspn(rest, "0123456789");
	return after(rest, "] OPENED stream for ") != NULL;
}

/*
 * This slot's connection takes no more requests, and those of its streams above the last one
 * were not processed.
 */
static void
refuse_above(const MsgHttpSlot *slot, long last)
{
	MsgHttpSlot *other;

	for (other = *slot->all; other != NULL; other = other->next)
	{
		if (other->socket != slot->socket)
			continue;
		msgext_http_gate_unsettle(&other->opener.turn);
		if (other->stream > last)
			other->refused = true;
	}
}

static int
on_text(CURL *easy, curl_infotype type, char *data, size_t len, void *arg)
{
	MsgHttpSlot *slot = arg;
	char text[TEXT_MAX];
	const char *rest;
	long number;

	(void) easy;
	if (type != CURLINFO_TEXT)
		return 0;
	if (len >= sizeof(text))
		len = sizeof(text) - 1;
	memcpy(text, data, len);
	text[len] = '\0';

	/* From the beginning only: what follows may be a peer's words. */
	if (read_stream(text, &number))
		slot->stream = number;
	else if ((rest = after(text, "recveived GOAWAY, error=")) != NULL ||
			 (rest = after(text, "received GOAWAY, error=")) != NULL)
	{
		/* A slot on no stream is looking at an idle connection, where none is either. */
		rest = strstr(rest, "last_stream=");
		if (slot->stream > 0 && slot->socket != 0 && rest != NULL &&
			read_number(rest + strlen("last_stream="), &number))
			refuse_above(slot, number);
	}
	else if (after(text, "REFUSED_STREAM, retrying") != NULL)
		slot->refused = true;
	else if (after(text, "Connection died, ") != NULL ||
			 after(text, "Downgrades to ") != NULL)
		slot->stream = 0;
	return 0;
}

void
msgext_http_trace(MsgHttpSlot *slot)
{
	curl_easy_setopt(slot->easy, CURLOPT_DEBUGFUNCTION, on_text);
	curl_easy_setopt(slot->easy, CURLOPT_DEBUGDATA, slot);
}
