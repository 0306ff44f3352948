/*
 * answer.c
 *		Headers and error texts of answers: see answer.h.
 */
#include "providers/diadoc/answer.h"

#include <string.h>

#include "core/ascii.h"
#include "core/pb.h"
#include "providers/diadoc/account.h"

/* "text/plain, one short sentence": what is longer comes from somewhere else. */
#define TEXT_MAX 2000

/* The title of a web page stands near its beginning. */
#define PAGE_MAX 65536

void
msgext_diadoc_outcome(MsgArena *arena, MsgOutcome *outcome, const MsgReply *reply,
					  MsgVerdict verdict, const char *text)
{
	const char *trace = msgext_reply_header(arena, reply, "X-Kontur-Trace-Id");

	memset(outcome, 0, sizeof(*outcome));
	outcome->verdict = verdict;
	outcome->retry_after_ms = reply->retry_after_ms;
	outcome->code = msgext_diadoc_error_code(arena, reply);
	outcome->text = text;

	/* The provider's support asks for it, of failures above all. */
	if (trace != NULL && *trace != '\0')
	{
		size_t len = strlen(trace) < 256 ? strlen(trace) : 256;

		outcome->detail = msgext_json_new(arena, MSG_JSON_OBJECT);
		msgext_json_set_text(arena, outcome->detail, "trace_id",
							 msgext_pb_text(arena, trace, len, &len));
	}
}

const char *
msgext_diadoc_error_code(MsgArena *arena, const MsgReply *reply)
{
	const char *code = msgext_reply_header(arena, reply, "X-Diadoc-ErrorCode");
	size_t len;

	if (code == NULL || *code == '\0')
		return NULL;
	len = strlen(code) < 256 ? strlen(code) : 256;
	return msgext_pb_text(arena, code, len, &len);
}

/* Where word stands in text without regard to case, or NULL. */
static const char *
find_word(const char *text, const char *end, const char *word)
{
	size_t len = strlen(word);

	for (; (size_t) (end - text) >= len; text++)
	{
		if (msgext_ascii_same(text, len, word))
			return text;
	}
	return NULL;
}

/* Narrows a web page down to its title, which is all it says: "502 Bad Gateway". */
static void
find_title(const char **start, const char **end)
{
	const char *page = *end;
	const char *title;
	const char *close;

	if (*start == *end || **start != '<')
		return;
	if (page - *start > PAGE_MAX)
		page = *start + PAGE_MAX;
	title = find_word(*start, page, "<title>");
	close = title != NULL ? find_word(title, page, "</title>") : NULL;
	if (close != NULL)
	{
		*start = title + strlen("<title>");
		*end = close;
	}
}

const char *
msgext_diadoc_error_text(MsgArena *arena, const MsgReply *reply)
{
	const char *start = reply->body_len > 0 ? reply->body : "";
	const char *end = start + reply->body_len;
	const char *text;
	char *copy;
	size_t len;
	size_t i;

	if (end - start >= 3 && memcmp(start, "\xEF\xBB\xBF", 3) == 0)
		start += 3;
	while (start < end && (unsigned char) *start <= ' ')
		start++;
	find_title(&start, &end);
	if (end - start > TEXT_MAX)
	{
		/* Not through the middle of a character. */
		for (end = start + TEXT_MAX; end > start && ((unsigned char) *end & 0xC0) == 0x80;
			 end--)
			;
	}
	while (end > start && (unsigned char) end[-1] <= ' ')
		end--;
	if (start == end)
		return NULL;
	text = msgext_pb_text(arena, start, (size_t) (end - start), &len);
	copy = msgext_strndup(arena, text, len);
	for (i = 0; i < len; i++)
	{
		if ((unsigned char) copy[i] < ' ' || copy[i] == 0x7F)
			copy[i] = ' ';
	}
	return copy;
}

MsgVerdict
msgext_diadoc_unauthorized(const MsgConn *conn)
{
	return msgext_diadoc_needs_login(conn) ? MSG_VERDICT_RELOGIN
										   : MSG_VERDICT_PAUSE_ACCOUNT;
}
