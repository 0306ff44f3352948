/*
 * http_request.c
 *		One request that the listener receives: see http_request.h.
 */
#include "net/http_request.h"

#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>

MsgHttpRequest *
msgext_http_request_create(struct MHD_Connection *connection, const char *line,
						   bool keeps_line)
{
	MsgHttpRequest *request = calloc(1, sizeof(MsgHttpRequest));

	if (request == NULL)
		return NULL; /* it is refused */
	request->connection = connection;
	if (keeps_line && line != NULL)
		request->line = strdup(line);
	request->line_end = line != NULL ? line + strlen(line) + 1 : NULL;
	return request;
}

void
msgext_http_request_free(MsgHttpRequest *request)
{
	if (request->answer != NULL)
		MHD_destroy_response(request->answer);
	free(request->server);
	free(request->line);
	free(request->method);
	free(request->headers);
	free(request->body);
	free(request);
}

void
msgext_http_request_keep_line(MsgHttpRequest *request, const char *method)
{
	request->method = strdup(method);
	if (request->line == NULL || request->method == NULL)
		request->status = MHD_HTTP_SERVICE_UNAVAILABLE;
}

/* The head is bounded already, and its fields have been looked at by http_head.c. */
static enum MHD_Result
add_header(void *arg, enum MHD_ValueKind kind, const char *name, size_t name_len,
		   const char *value, size_t value_len)
{
	MsgHttpRequest *request = arg;
	size_t len = name_len + 2 + value_len + 1;
	char *grown = realloc(request->headers, request->headers_len + len + 1);

	(void) kind;
	if (grown == NULL)
	{
		request->status = MHD_HTTP_SERVICE_UNAVAILABLE;
		return MHD_NO;
	}
	request->headers = grown;
	grown += request->headers_len;
	memcpy(grown, name, name_len);
	memcpy(grown + name_len, ": ", 2);
	if (value_len > 0)
		memcpy(grown + name_len + 2, value, value_len);
	memcpy(grown + len - 1, "\n", 2);
	request->headers_len += len;
	return MHD_YES;
}

void
msgext_http_request_keep_head(MsgHttpRequest *request)
{
	MHD_get_connection_values_n(request->connection, MHD_HEADER_KIND, add_header,
								request);
}

bool
msgext_http_request_keep_body(MsgHttpRequest *request, const char *data, size_t len,
							  size_t max)
{
	if (request->status == 0 && len > max - request->body_len)
		request->status = MHD_HTTP_CONTENT_TOO_LARGE;
	if (request->status == 0 && request->body_len + len > request->room)
	{
		size_t room = request->room == 0 ? 1024 : request->room;
		char *grown;

		while (room < request->body_len + len)
			room *= 2;
		if ((grown = realloc(request->body, room)) == NULL)
			request->status = MHD_HTTP_SERVICE_UNAVAILABLE;
		else
		{
			request->body = grown;
			request->room = room;
		}
	}
	if (request->status != 0)
	{
		request->discarded += len;
		return request->discarded <= MSG_HTTP_DISCARD_MAX;
	}
	memcpy(request->body + request->body_len, data, len);
	request->body_len += len;
	return true;
}

void
msgext_http_requests_append(MsgHttpRequests *requests, MsgHttpRequest *request)
{
	request->push.server = request->server;
	request->push.method = request->method;
	request->push.target = request->line;
	request->push.headers = request->headers != NULL ? request->headers : "";
	request->push.body = request->body_len > 0 ? request->body : "";
	request->push.body_len = request->body_len;
	request->asked = true;
	request->next = NULL;
	request->prev = requests->last;
	if (requests->last != NULL)
		requests->last->next = request;
	else
		requests->first = request;
	requests->last = request;
	if (requests->fresh == NULL)
		requests->fresh = request;
}

void
msgext_http_requests_remove(MsgHttpRequests *requests, MsgHttpRequest *request)
{
	if (!request->asked)
		return;
	if (requests->fresh == request)
		requests->fresh = request->next;
	if (request->prev != NULL)
		request->prev->next = request->next;
	else
		requests->first = request->next;
	if (request->next != NULL)
		request->next->prev = request->prev;
	else
		requests->last = request->prev;
	request->asked = false;
}

MsgPush *
msgext_http_requests_take(MsgHttpRequests *requests)
{
	MsgHttpRequest *request = requests->fresh;

	if (request == NULL)
		return NULL;
	requests->fresh = request->next;
	return &request->push;
}
