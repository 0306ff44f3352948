/*
 * http_reply.c
 *		The answers of the listener: see http_reply.h.
 */
#include "net/http_reply.h"

#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>

#include "core/lengthof.h"

/* With a header field, if there is one. */
static struct MHD_Response *
make(const char *text, size_t len, const char *field, const char *value)
{
	struct MHD_Response *response =
		MHD_create_response_from_buffer(len, (void *) text, MHD_RESPMEM_MUST_COPY);

	if (response == NULL || field == NULL ||
		MHD_add_response_header(response, field, value) == MHD_YES)
		return response;
	MHD_destroy_response(response);
	return NULL;
}

bool
msgext_http_replies_make(MsgHttpReplies *replies)
{
	replies->empty = make("", 0, NULL, NULL);
	replies->healthy = make("ok\n", 3, NULL, NULL);
	replies->not_allowed = make("", 0, MHD_HTTP_HEADER_ALLOW, MHD_HTTP_METHOD_POST);
	replies->closing = make("", 0, MHD_HTTP_HEADER_CONNECTION, "close");
	replies->unauthorized = make("", 0, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
	return replies->empty != NULL && replies->healthy != NULL &&
		   replies->not_allowed != NULL && replies->closing != NULL &&
		   replies->unauthorized != NULL;
}

void
msgext_http_replies_free(MsgHttpReplies *replies)
{
	struct MHD_Response *const all[] = {replies->empty,		   replies->healthy,
										replies->not_allowed,  replies->closing,
										replies->unauthorized, replies->page};
	size_t i;

	for (i = 0; i < lengthof(all); i++)
		if (all[i] != NULL)
			MHD_destroy_response(all[i]);
}

/* The next of the lines; false when memory runs out, or it is none. */
static bool
add_field(struct MHD_Response *response, const char **lines)
{
	const char *end = strchr(*lines, '\n');
	const char *colon = strstr(*lines, ": ");
	char *name;
	bool added;

	if (end == NULL || colon == NULL || colon > end ||
		(name = strndup(*lines, (size_t) (end - *lines))) == NULL)
		return false;
	name[colon - *lines] = '\0';
	added =
		MHD_add_response_header(response, name, name + (colon - *lines) + 2) == MHD_YES;
	free(name);
	*lines = end + 1;
	return added;
}

struct MHD_Response *
msgext_http_reply_make(const char *text, size_t len, const char *type, const char *fields)
{
	struct MHD_Response *response = make(text, len, MHD_HTTP_HEADER_CONTENT_TYPE, type);

	while (response != NULL && fields != NULL && *fields != '\0')
		if (!add_field(response, &fields))
		{
			MHD_destroy_response(response);
			response = NULL;
		}
	return response;
}

bool
msgext_http_replies_set_page(MsgHttpReplies *replies, const char *text, size_t len,
							 const char *type)
{
	struct MHD_Response *fresh = msgext_http_reply_make(text, len, type, NULL);

	if (fresh == NULL)
		return false;
	if (replies->page != NULL)
		MHD_destroy_response(replies->page);
	replies->page = fresh;
	return true;
}
