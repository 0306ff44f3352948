/*
 * fragment.c
 *		What is stored of a message, written and read: see webhook.h.
 */
#include "providers/webhook/webhook.h"

#include <string.h>

static const char *const format_names[] = {
	[WEBHOOK_PLAIN] = "plain",
	[WEBHOOK_STRUCTURED] = "cloudevents",
	[WEBHOOK_BINARY] = "cloudevents-binary",
	[WEBHOOK_HTTP] = "http",
};

const char *
msgext_webhook_format_name(WebhookFormat format)
{
	return format_names[format];
}

void
msgext_webhook_put(MsgBuf *out, const WebhookFragment *fragment)
{
	const char *const *line;

	msgext_buf_puts(out, fragment->method);
	msgext_buf_putc(out, ' ');
	msgext_buf_puts(out, format_names[fragment->format]);
	msgext_buf_putc(out, ' ');
	msgext_buf_puts(out, fragment->target);
	msgext_buf_putc(out, '\n');
	for (line = fragment->lines; *line != NULL; line++)
	{
		msgext_buf_puts(out, *line);
		msgext_buf_putc(out, '\n');
	}
	msgext_buf_putc(out, '\n');
	msgext_buf_append(out, fragment->body, fragment->body_len);
}

/* Takes what stands in front of the mark off the front, as a text of its own. */
static const char *
take(MsgArena *arena, const char **at, const char *end, char mark)
{
	const char *found = memchr(*at, mark, (size_t) (end - *at));
	const char *text = *at;

	if (found == NULL)
		return NULL;
	*at = found + 1;
	return msgext_strndup(arena, text, (size_t) (found - text));
}

/* "Name: value", or with another mark than the blank: see event.c. */
static bool
is_line(const char *line)
{
	size_t len = strcspn(line, ":");

	return len > 0 && line[len] == ':' && line[len + 1] != '\0';
}

bool
msgext_webhook_get(MsgArena *arena, const char *bytes, size_t len,
				   WebhookFragment *fragment)
{
	const char **lines = msgext_alloc0(arena, (WEBHOOK_LINES_MAX + 1) * sizeof(char *));
	const char *end = bytes + len;
	const char *at = bytes;
	const char *line;
	const char *name;
	int format = 0;
	int n = 0;

	fragment->method = take(arena, &at, end, ' ');
	name = fragment->method != NULL ? take(arena, &at, end, ' ') : NULL;
	fragment->target = name != NULL ? take(arena, &at, end, '\n') : NULL;
	if (fragment->target == NULL)
		return false;
	while (format <= WEBHOOK_HTTP && strcmp(format_names[format], name) != 0)
		format++;
	if (format > WEBHOOK_HTTP)
		return false;
	fragment->format = (WebhookFormat) format;
	while ((line = take(arena, &at, end, '\n')) != NULL && *line != '\0')
	{
		if (n == WEBHOOK_LINES_MAX || !is_line(line))
			return false;
		lines[n++] = line;
	}
	fragment->lines = lines;
	fragment->body = at;
	fragment->body_len = (size_t) (end - at);
	return line != NULL;
}
