/*
 * edna_answer.c
 *		Writes consumeOutMessageResponse, as its page shows it or oddly.
 *
 * An odd answer is one that a script has asked for: correct and unusual, or wrong in a
 * way that a careless reader would not notice. Keeps nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "edna.h"

/* What a script may ask for; README.md tells what each is. */
const char *const edna_oddities[] = {"shuffled",	  "spaced",		  "doctype",
									 "wrong-case",	  "no-list",	  "unasked",
									 "contradicting", "rejected-ids", NULL};

static bool
is_odd(const char *oddity, const char *name)
{
	return oddity != NULL && strcmp(oddity, name) == 0;
}

void
edna_text(Buf *out, const char *text)
{
	for (; *text != '\0'; text++)
	{
		switch (*text)
		{
			case '&':
				buf_puts(out, "&amp;");
				break;
			case '<':
				buf_puts(out, "&lt;");
				break;
			case '>':
				buf_puts(out, "&gt;");
				break;
			case '"':
				buf_puts(out, "&quot;");
				break;
			default:
				buf_putc(out, *text);
		}
	}
}

/*
 * Everything before payload/code. The odd DOCTYPE gives every outMessage an id that
 * the provider never gave, without declaring an entity.
 */
void
edna_open(Buf *out, const char *root, const char *oddity)
{
	if (is_odd(oddity, "spaced"))
		buf_puts(out,
				 "\xEF\xBB\xBF<?xml version='1.0' encoding='utf-8'?>\n<!-- spaced -->\n");
	else
		buf_puts(out, EDNA_PROLOG);
	if (is_odd(oddity, "doctype"))
		buf_printf(out,
				   "<!DOCTYPE %s [<!ATTLIST outMessage providerId CDATA \"forged\">]>",
				   root);
	buf_printf(out, "<%s><header/><payload>", root);
}

static void
write_code(Buf *out, const char *code, const char *oddity)
{
	bool spaced = is_odd(oddity, "spaced");

	buf_puts(out, spaced ? "<code  >\n\t<![CDATA[" : "<code>");
	if (spaced)
		buf_puts(out, code);
	else
		edna_text(out, code);
	buf_puts(out, spaced ? "]]> \n</code>" : "</code>");
}

static void
write_close(Buf *out, const char *root, const char *oddity)
{
	buf_puts(out, "</payload>");

	/* the slip in the structure block of the packet's page: consumeout... */
	if (is_odd(oddity, "wrong-case"))
		buf_puts(out, "</consumeoutMessageResponse>");
	else
		buf_printf(out, "</%s>", root);
}

/* "An error: none of the messages is taken", and there is no list. */
void
edna_answer_refused(Reply *reply, const char *root, const char *code)
{
	reply->content_type = "text/xml; charset=utf-8";
	edna_open(&reply->body, root, NULL);
	write_code(&reply->body, code, NULL);
	write_close(&reply->body, root, NULL);
}

static void
write_result(Buf *out, const EdnaResult *result, const char *oddity)
{
	bool spaced = is_odd(oddity, "spaced");

	buf_puts(out,
			 spaced ? "<outMessage extra='1' clientId='" : "<outMessage clientId=\"");
	buf_u64(out, result->client_id);
	if (result->provider_id != 0)
	{
		buf_puts(out, spaced ? "'\n providerId='" : "\" providerId=\"");
		buf_u64(out, result->provider_id);
	}
	buf_puts(out, spaced ? "'><note><code>error</code></note><?skip?>" : "\">");
	write_code(out, result->code, oddity);
	buf_puts(out, "</outMessage>");
}

static void
shuffle(EdnaResult *results, int len)
{
	static unsigned seed = 1;
	int i;

	for (i = len - 1; i > 0; i--)
	{
		int other = rand_r(&seed) % (i + 1);
		EdnaResult result = results[i];

		results[i] = results[other];
		results[other] = result;
	}
}

void
edna_answer_send(Reply *reply, const char *oddity, EdnaResult *results, int len)
{
	Buf *out = &reply->body;
	uint64_t unasked = 1;
	int i;

	if (is_odd(oddity, "shuffled"))
		shuffle(results, len);
	reply->content_type = "text/xml; charset=utf-8";
	edna_open(out, EDNA_SEND_ANSWER, oddity);
	write_code(out, "ok", oddity);
	if (!is_odd(oddity, "no-list"))
	{
		buf_puts(out, "<outMessageList>");
		for (i = 0; i < len; i++)
		{
			EdnaResult result = results[i];

			/* In the page's example the message that was refused has an id as well. */
			if (result.provider_id == 0 && is_odd(oddity, "rejected-ids"))
				result.provider_id = result.client_id;
			if (!result.left_out)
				write_result(out, &result, oddity);
			if (result.client_id == unasked)
				unasked++;
			if (is_odd(oddity, "contradicting"))
			{
				result.code =
					strcmp(result.code, "ok") == 0 ? "error-address-format" : "ok";
				write_result(out, &result, oddity);
			}
		}
		if (is_odd(oddity, "unasked"))
		{
			EdnaResult result = {.client_id = unasked, .provider_id = 1, .code = "ok"};

			write_result(out, &result, oddity);
		}
		buf_puts(out, "</outMessageList>");
	}
	write_close(out, EDNA_SEND_ANSWER, oddity);
}
