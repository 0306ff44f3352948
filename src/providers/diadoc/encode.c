/*
 * encode.c
 *		Requests: POST /V3/PostMessage, GET /V3/GetDocument, GET /V6/GetMessage.
 *
 * Owns urls and headers. The body of a send is the fragment as it was stored.
 */
#include "providers/diadoc/diadoc.h"

#include <string.h>

#include "providers/diadoc/account.h"
#include "providers/diadoc/document.h"

static void
put_parameter(MsgBuf *url, const char *name, const char *value)
{
	msgext_buf_puts(url, name);
	msgext_buf_percent(url, value, strlen(value));
}

/*
 * The provider takes protobuf when nothing is said, and its own libraries say nothing;
 * what must not go out is the form type that HTTP libraries put by themselves.
 */
static const char *
content_type(const MsgConn *conn)
{
	const char *option = msgext_conn_option(conn, "content_type");

	if (option != NULL && strcmp(option, "application/x-protobuf") == 0)
		return "Content-Type: application/x-protobuf";
	return "Content-Type:";
}

/*
 * "operationId": once a call with some id has succeeded, later ones return its result.
 * Without one the server takes the MD5 of the body, by which two wanted messages of equal
 * content would be one.
 */
bool
msgext_diadoc_encode_send(MsgArena *arena, const MsgConn *conn, const MsgJob *jobs, int n,
						  MsgRequest *request, MsgError *error)
{
	MsgBuf url;

	if (n != 1)
		return msgext_error(error, "", "", "a request takes one message, not %d", n);
	if (jobs[0].key == NULL || jobs[0].key[0] == '\0')
		return msgext_error(error, "", "", "the message has no key");
	memset(request, 0, sizeof(*request));
	if (!msgext_diadoc_authorize(arena, conn, request, error))
		return false;
	msgext_buf_init(&url, arena, 128);
	msgext_buf_puts(&url, conn->url);
	put_parameter(&url, "/V3/PostMessage?operationId=", jobs[0].key);
	request->method = "POST";
	request->url = url.data;
	request->headers[request->nheaders++] = content_type(conn);
	request->body = jobs[0].fragment;
	request->body_len = jobs[0].fragment_len;
	return true;
}

/*
 * GetDocument is the cheapest question where there is one document; without
 * injectEntityContent=false it would fetch the file each time. GetMessage has the content
 * off by itself.
 */
bool
msgext_diadoc_encode_status(MsgArena *arena, const MsgConn *conn, const MsgJob *jobs,
							int n, MsgRequest *request, MsgError *error)
{
	const char *message;
	const char *box;
	const char *entity;
	MsgBuf url;

	if (n != 1)
		return msgext_error(error, "", "", "a request takes one message, not %d", n);
	message = jobs[0].provider_id;
	box = msgext_diadoc_string(jobs[0].detail, "box");
	entity = msgext_diadoc_single(&jobs[0]);
	if (message == NULL || box == NULL)
		return msgext_error(error, "", "",
							"the message has no id or box at the provider");
	memset(request, 0, sizeof(*request));
	if (!msgext_diadoc_authorize(arena, conn, request, error))
		return false;
	msgext_buf_init(&url, arena, 256);
	msgext_buf_puts(&url, conn->url);
	msgext_buf_puts(&url, entity != NULL ? "/V3/GetDocument" : "/V6/GetMessage");
	put_parameter(&url, "?boxId=", box);
	put_parameter(&url, "&messageId=", message);
	if (entity != NULL)
	{
		put_parameter(&url, "&entityId=", entity);
		msgext_buf_puts(&url, "&injectEntityContent=false");
	}
	request->method = "GET";
	request->url = url.data;
	return true;
}
