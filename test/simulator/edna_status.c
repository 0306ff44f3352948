/*
 * edna_status.c
 *		Delivery statuses: provideOutMessageDlvStatusResponse, as the answer to a
 *		query and as a push that nobody asked for.
 *
 * Reads messages, never changes them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "callbacks.h"
#include "edna.h"

/* Times have no zone; the provider's other API shows that they are Moscow's. */
#define MOSCOW_OFFSET_S (3 * 3600)

static void
moscow_time(Buf *out, int64_t at_ms)
{
	time_t seconds = (time_t) (at_ms / 1000 + MOSCOW_OFFSET_S);
	struct tm parts;
	char text[32];

	gmtime_r(&seconds, &parts);
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &parts);
	buf_puts(out, text);
}

/* dlvError has been seen in one place and looked for in another: outside is that one. */
static void
write_message(Buf *out, uint64_t id, const char *status, int64_t at_ms, const char *error,
			  bool outside)
{
	buf_puts(out, "<outMessage providerId=\"");
	buf_u64(out, id);
	buf_puts(out, "\"><code>ok</code><outMessageDlvStatus><dlvStatus>");
	buf_puts(out, status);
	buf_puts(out, "</dlvStatus><dlvStatusAt>");
	moscow_time(out, at_ms);
	buf_puts(out, "</dlvStatusAt>");
	if (outside)
		buf_puts(out, "</outMessageDlvStatus>");
	if (error != NULL)
	{
		buf_puts(out, "<dlvError>");
		edna_text(out, error);
		buf_puts(out, "</dlvError>");
	}
	buf_puts(out, outside ? "</outMessage>" : "</outMessageDlvStatus></outMessage>");
}

static bool
read_id(const char *text, uint64_t *id)
{
	if (*text == '\0' || text[strspn(text, "0123456789")] != '\0')
		return false;
	errno = 0;
	*id = strtoull(text, NULL, 10);
	return errno == 0;
}

static void
write_asked(Buf *out, const MessageStore *store, const char *text)
{
	uint64_t id = 0;
	const Message *message = NULL;
	const char *code = "error-provider-id-format";

	if (read_id(text, &id))
	{
		message = message_find(store, id);
		code = "error-provider-id-unknown";
	}
	if (message != NULL)
	{
		const ChannelState *state = &message->states[0];

		write_message(out, id, step_status(state->step, 0), state->at_ms,
					  state->step->reason, false);
		return;
	}
	buf_puts(out, "<outMessage providerId=\"");
	edna_text(out, text);
	buf_printf(out, "\"><code>%s</code></outMessage>", code);
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}

static bool
has_repeats(const EdnaPacket *packet)
{
	const char **ids = must_alloc((size_t) packet->len * sizeof(char *));
	bool found = false;
	int i;

	for (i = 0; i < packet->len; i++)
		ids[i] = packet->items[i].id;
	qsort(ids, (size_t) packet->len, sizeof(char *), by_text);
	for (i = 1; i < packet->len; i++)
		found |= strcmp(ids[i - 1], ids[i]) == 0;
	free(ids);
	return found;
}

void
edna_answer_status(Reply *reply, const MessageStore *store, const EdnaPacket *packet)
{
	Buf *out = &reply->body;
	int i;

	if (has_repeats(packet))
	{
		edna_answer_refused(reply, EDNA_STATUS_ANSWER, "error-provider-id-duplicate");
		return;
	}
	reply->content_type = "text/xml; charset=utf-8";
	edna_open(out, EDNA_STATUS_ANSWER, NULL);
	buf_puts(out, "<code>ok</code><outMessageList>");
	for (i = 0; i < packet->len; i++)
		write_asked(out, store, packet->items[i].id);
	buf_puts(out, "</outMessageList></payload></" EDNA_STATUS_ANSWER ">");
}

/* Pushes */

static void
write_event(Buf *out, const CallbackEvent *event, bool table)
{
	write_message(out, event->id, event->status, event->at_ms, event->error, table);
}

static const CallbackForm form = {
	.provider = "edna",
	.content_type = "text/xml; charset=utf-8",
	.open = EDNA_PROLOG "<" EDNA_STATUS_ANSWER
						"><header/><payload><code>ok</code><outMessageList>",
	.between = "",
	.close = "</outMessageList></payload></" EDNA_STATUS_ANSWER ">",
	.write = write_event};

void
edna_push(const Message *message, int channel)
{
	const ChannelState *state = &message->states[channel];
	CallbackEvent event = {.id = message->id,
						   .at_ms = state->at_ms,
						   .status = step_status(state->step, 0),
						   .error = state->step->reason,
						   .form = &form};

	callbacks_add(&event);
}
