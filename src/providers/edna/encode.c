/*
 * encode.c
 *		Packets that go out: consumeOutMessageRequest and
 *		provideOutMessageDlvStatusRequest.
 *
 * Owns the envelope and the credentials in it. The inside of each message is the
 * fragment as it was stored.
 */
#include "providers/edna/edna.h"

#include <string.h>

#include "core/xml.h"

static bool
put_credential(MsgBuf *out, const MsgConn *conn, const char *name, MsgError *error)
{
	const char *value = msgext_conn_option(conn, name);

	if (value == NULL)
		return msgext_error(error, "", name, "the user mapping has no %s", name);
	if (!msgext_xml_can_carry(value, strlen(value)))
		return msgext_error(error, "", name,
							"the %s has a character that XML cannot carry", name);
	msgext_xml_put_element(out, name, value, strlen(value));
	return true;
}

/* "header/auth": credentials are part of every packet. */
static bool
open_packet(MsgBuf *out, MsgArena *arena, const MsgConn *conn, const char *name,
			size_t expected, MsgError *error)
{
	msgext_buf_init(out, arena, expected + 512);
	msgext_buf_printf(
		out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<%s><header><auth>", name);
	if (!put_credential(out, conn, "login", error) ||
		!put_credential(out, conn, "password", error))
		return false;
	msgext_buf_puts(out, "</auth></header><payload><outMessageList>");
	return true;
}

static void
close_packet(MsgBuf *out, const MsgConn *conn, const char *name, MsgRequest *request)
{
	msgext_buf_printf(out, "</outMessageList></payload></%s>", name);
	memset(request, 0, sizeof(*request));
	request->method = "POST";
	request->url = msgext_conn_whole_url(conn);
	request->headers[request->nheaders++] = "Content-Type: text/xml; charset=utf-8";
	request->body = out->data;
	request->body_len = out->len;
}

bool
msgext_edna_encode_send(MsgArena *arena, const MsgConn *conn, const MsgJob *jobs, int n,
						MsgRequest *request, MsgError *error)
{
	static const char name[] = "consumeOutMessageRequest";
	size_t expected = 0;
	MsgBuf out;
	int i;

	for (i = 0; i < n; i++)
		expected += jobs[i].fragment_len + 64;
	if (!open_packet(&out, arena, conn, name, expected, error))
		return false;
	for (i = 0; i < n; i++)
	{
		/* One clientId that is no integer, and the whole packet is refused. */
		if (jobs[i].key[0] == '\0' ||
			jobs[i].key[strspn(jobs[i].key, "0123456789")] != '\0')
			return msgext_error(error, "error-out-message-client-id-format", "clientId",
								"the message's key is not a number");
		msgext_buf_puts(&out, "<outMessage");
		msgext_xml_put_attribute(&out, "clientId", jobs[i].key);
		msgext_buf_putc(&out, '>');
		msgext_buf_append(&out, jobs[i].fragment, jobs[i].fragment_len);
		msgext_buf_puts(&out, "</outMessage>");
	}
	close_packet(&out, conn, name, request);
	return true;
}

/* "error-…-provider-id-duplicate": an id stands in a packet once. */
static bool
is_repeated(const MsgJob *jobs, int i)
{
	int j;

	for (j = 0; j < i; j++)
	{
		if (jobs[j].provider_id != NULL &&
			strcmp(jobs[j].provider_id, jobs[i].provider_id) == 0)
			return true;
	}
	return false;
}

bool
msgext_edna_encode_status(MsgArena *arena, const MsgConn *conn, const MsgJob *jobs, int n,
						  MsgRequest *request, MsgError *error)
{
	static const char name[] = "provideOutMessageDlvStatusRequest";
	MsgBuf out;
	int asked = 0;
	int i;

	if (!open_packet(&out, arena, conn, name, (size_t) n * 48, error))
		return false;
	for (i = 0; i < n; i++)
	{
		if (jobs[i].provider_id == NULL || is_repeated(jobs, i))
			continue;
		msgext_buf_puts(&out, "<outMessage");
		msgext_xml_put_attribute(&out, "providerId", jobs[i].provider_id);
		msgext_buf_puts(&out, "/>");
		asked++;
	}
	if (asked == 0)
		return msgext_error(error, "", "", "no message has an id at the provider");
	close_packet(&out, conn, name, request);
	return true;
}
