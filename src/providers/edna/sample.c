/*
 * sample.c
 *		What the provider would answer, for tests: its own packets.
 *
 * Owns which code stands for which meaning, where the provider has several.
 */
#include "providers/edna/edna.h"

#include <inttypes.h>
#include <string.h>

#include "core/timestamp.h"
#include "core/xml.h"
#include "providers/edna/answer.h"

#define XML_HEADERS "Content-Type: text/xml\n"
#define XML_BEGIN "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\"?>"

static const char *
code_of(const MsgSample *sample)
{
	/* A repeat is told by the code that names the first one's providerId. */
	if (sample->verdict == MSG_VERDICT_ACCEPTED)
		return sample->known ? "error-out-message-client-id-not-unique" : "ok";
	if (sample->code != NULL)
		return sample->code;
	switch (sample->verdict)
	{
		case MSG_VERDICT_RETRY:
			return "error-system";
		case MSG_VERDICT_PAUSE:
			return "error-insufficient-balance";
		case MSG_VERDICT_PAUSE_ACCOUNT:
			return "error-auth";
		default:
			return "error-address-format";
	}
}

static void
put_send(MsgBuf *out, const MsgJob *jobs, const MsgSample *samples, int n)
{
	int i;

	msgext_buf_puts(out, XML_BEGIN "<consumeOutMessageResponse><header/><payload>"
								   "<code>ok</code><outMessageList>");
	for (i = 0; i < n; i++)
	{
		const char *code = code_of(&samples[i]);

		msgext_buf_puts(out, "<outMessage");
		msgext_xml_put_attribute(out, "clientId", jobs[i].key);
		if (samples[i].verdict == MSG_VERDICT_ACCEPTED)
			msgext_buf_printf(out, " providerId=\"%" PRId64 "\"", samples[i].number);
		msgext_buf_putc(out, '>');
		msgext_xml_put_element(out, "code", code, strlen(code));
		msgext_buf_puts(out, "</outMessage>");
	}
	msgext_buf_puts(out, "</outMessageList></payload></consumeOutMessageResponse>");
}

static bool
put_statuses(MsgBuf *out, const MsgConn *conn, const MsgJob *jobs,
			 const MsgSample *samples, int n, MsgError *error)
{
	int i;

	msgext_buf_puts(out,
					XML_BEGIN "<provideOutMessageDlvStatusResponse><header/><payload>"
							  "<code>ok</code><outMessageList>");
	for (i = 0; i < n; i++)
	{
		const char *word = msgext_edna_word(samples[i].state);
		char at[32];

		if (word == NULL)
			return msgext_error(error, "", "status", "the provider has no such status");
		if (jobs[i].provider_id == NULL)
			return msgext_error(error, "", "", "the message has no id at the provider");
		msgext_timestamp_local(samples[i].at_us, msgext_conn_offset(conn), at);
		msgext_buf_puts(out, "<outMessage");
		msgext_xml_put_attribute(out, "providerId", jobs[i].provider_id);
		msgext_buf_printf(
			out,
			"><code>ok</code><outMessageDlvStatus><dlvStatus>%s</dlvStatus>"
			"<dlvStatusAt>%s</dlvStatusAt></outMessageDlvStatus></outMessage>",
			word, at);
	}
	msgext_buf_puts(out,
					"</outMessageList></payload></provideOutMessageDlvStatusResponse>");
	return true;
}

bool
msgext_edna_sample_reply(MsgArena *arena, const MsgConn *conn, MsgSampleKind kind,
						 const MsgJob *jobs, const MsgSample *samples, int n,
						 MsgReply *reply, MsgError *error)
{
	MsgBuf out;
	int i;

	for (i = 0; i < n; i++)
		if (samples[i].code != NULL &&
			!msgext_xml_can_carry(samples[i].code, strlen(samples[i].code)))
			return msgext_error(error, "", "code", "XML cannot carry the code");
	msgext_buf_init(&out, arena, (size_t) n * 256 + 256);
	if (kind == MSG_SAMPLE_SEND)
		put_send(&out, jobs, samples, n);
	else if (!put_statuses(&out, conn, jobs, samples, n, error))
		return false;
	msgext_reply(reply, 200, XML_HEADERS, out.data);
	return true;
}
