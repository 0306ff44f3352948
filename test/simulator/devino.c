/*
 * devino.c
 *		Devino Telecom's VK API, as its reference describes it: /send/vk,
 *		/status/vk, and the bodies of the callbacks.
 *
 * Owns the messages that it has accepted. Knows nothing of sockets, faults and
 * delays. Credentials are compared and forgotten: they reach neither the
 * ledger nor an answer.
 */
#define _GNU_SOURCE /* memmem */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "callbacks.h"
#include "devino.h"
#include "message.h"
#include "provider.h"

#define JSON_TYPE "application/json; charset=utf-8"

/* «Время получения статуса (по Москве, UTC+3)» */
#define MOSCOW_OFFSET_S (3 * 3600)

/* the ids in the reference's examples: beyond 2^53, where doubles lose digits */
#define MESSAGE_ID_NEAR 3222269333010907001u
#define SEGMENT_ID_NEAR 711869146186383364u

enum
{
	CHANNEL_VK,
	CHANNEL_VIBER,
	CHANNEL_SMS
};

static const char *const vk_statuses[] = {
	"enqueued", "sent", "delivered", "undelivered", "failed", "vp_expired", "read", NULL};
static const char *const viber_statuses[] = {
	"enqueued",	   "sent",	 "delivered", "read",		"visited",
	"undelivered", "failed", "cancelled", "vp_expired", NULL};
static const char *const sms_statuses[] = {"enqueued", "sent", "delivered", "undelivered",
										   NULL};

static void status_changed(const Message *message, int channel);

static MessageStore store = {.channels = {{"vk", "sent,delivered", vk_statuses},
										  {"viber", "sent,delivered", viber_statuses},
										  {"sms", "sent,delivered", sms_statuses}},
							 .channels_len = 3,
							 .changed = status_changed};

static const char *login = "tester";
static const char *password = "111111";
static Buf expected_token;

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

/* Callbacks */

/* «error» is required and, in the example, says "Доставлено" beside DELIVERED. */
static const char *
status_in_words(const char *status)
{
	static const char *const words[][2] = {
		{"enqueued", "В очереди"},		  {"sent", "Отправлено"},
		{"delivered", "Доставлено"},	  {"read", "Прочитано"},
		{"visited", "Переход по ссылке"}, {"undelivered", "Не доставлено"},
		{"failed", "Ошибка отправки"},	  {"vp_expired", "Истекло время жизни"},
		{"cancelled", "Отменено"}};
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
	{
		if (strcmp(words[i][0], status) == 0)
			return words[i][1];
	}
	return "";
}

/* The example and the table of the reference name three members differently. */
static void
write_callback(Buf *out, const CallbackEvent *event, bool table)
{
	const char *c;

	buf_puts(out, table ? "{\"id\":" : "{\"messageId\":");
	buf_u64(out, event->id);
	buf_puts(out, ",\"status\":\"");
	for (c = event->status; *c != '\0'; c++)
		buf_putc(out, (char) (*c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c));
	buf_puts(out, table ? "\",\"time\":\"" : "\",\"receivedAt\":\"");
	moscow_time(out, event->at_ms);
	buf_puts(out, "\",\"error\":");
	buf_json_string(out, event->error, strlen(event->error));
	buf_putc(out, '}');
}

static const CallbackForm callback_form = {.provider = "devino",
										   .content_type = JSON_TYPE,
										   .open = "[",
										   .between = ",",
										   .close = "]",
										   .write = write_callback};

/* «информация о переотправке по SMS в callback-запросе не предоставляется» */
static void
status_changed(const Message *message, int channel)
{
	const ChannelState *state = &message->states[channel];
	const char *status = step_status(state->step, 0);
	CallbackEvent event = {.id = message->id,
						   .at_ms = state->at_ms,
						   .status = status,
						   .error = state->step->reason != NULL ? state->step->reason
																: status_in_words(status),
						   .form = &callback_form};

	if (channel != CHANNEL_SMS)
		callbacks_add(&event);
}

/* Basic authentication */

static void
base64(Buf *out, const char *text)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t left = strlen(text);

	for (; left > 0; text += 3)
	{
		unsigned a = (unsigned char) text[0];
		unsigned b = left > 1 ? (unsigned char) text[1] : 0;
		unsigned c = left > 2 ? (unsigned char) text[2] : 0;

		buf_putc(out, digits[a >> 2]);
		buf_putc(out, digits[(a & 3) << 4 | b >> 4]);
		buf_putc(out, left > 1 ? digits[(b & 15) << 2 | c >> 6] : '=');
		buf_putc(out, left > 2 ? digits[c & 63] : '=');
		if (left <= 3)
			break;
		left -= 3;
	}
}

static bool
authorized(const Request *request, Reply *reply)
{
	const char *header = request_header(request, "Authorization");

	if (header != NULL && strncasecmp(header, "Basic ", 6) == 0 &&
		strcmp(header + 6, expected_token.data) == 0)
		return true;
	tally.unauthorized++;
	reply_text(reply, 401,
			   "{\"error\":\"Unauthorized\",\"message\":\"Wrong login or password\"}");
	reply->content_type = JSON_TYPE;
	reply_header(reply, "WWW-Authenticate", "Basic realm=\"devino\"");
	return false;
}

/* POST /send/vk */

static void
answer_request(Reply *reply, const char *code, const char *description)
{
	reply->content_type = JSON_TYPE;
	buf_puts(&reply->body, "{\"code\":");
	buf_json_string(&reply->body, code, strlen(code));
	buf_puts(&reply->body, ",\"description\":");
	buf_json_string(&reply->body, description, strlen(description));
	buf_putc(&reply->body, '}');
}

static void
answer_rejected(Reply *reply, const char *code)
{
	reply->content_type = JSON_TYPE;
	buf_puts(&reply->body, "{\"code\":\"ok\",\"description\":\"\",\"result\":{\"code\":");
	buf_json_string(&reply->body, code, strlen(code));
	buf_puts(&reply->body, "}}");
}

static void
answer_accepted(Reply *reply, uint64_t id)
{
	reply->content_type = JSON_TYPE;
	buf_puts(&reply->body, "{\"code\":\"ok\",\"description\":\"\",\"result\":{\"code\":"
						   "\"ok\",\"messageId\":");
	buf_u64(&reply->body, id);
	buf_puts(&reply->body, "}}");
}

static json_t *
parse_body(const Request *request)
{
	json_error_t error;

	return json_loadb(request->body.data, request->body.len, JSON_REJECT_DUPLICATES,
					  &error);
}

static void
record(Request *request, const json_t *root, uint64_t id, const char *code)
{
	LedgerLine line = {
		.provider = devino_provider.name,
		.id = id,
		.to = json_string_value(json_object_get(json_object_get(root, "vk"), "phone")),
		.code = code,
		.body = request->body.data,
		.body_len = request->body.len,
		.body_is_json = root != NULL};

	ledger_add(&request->entries, &line);
}

/* A body without errors becomes a message; its fate may be in templateData. */
static void
take_message(Request *request, Reply *reply, const json_t *root)
{
	const json_t *data = json_object_get(json_object_get(root, "vk"), "templateData");
	const char *wish = json_string_value(json_object_get(data, "fate"));
	const char *problem;
	const Fate *fate = fate_find(&store, wish != NULL ? wish : "", &problem);
	const json_t *sms = json_object_get(root, "sms");
	const Message *message;
	unsigned requested = 1u << CHANNEL_VK;

	if (fate == NULL)
	{
		record(request, root, 0, "system_error");
		answer_request(reply, "system_error", problem);
		return;
	}
	if (json_is_object(json_object_get(root, "viber")))
		requested |= 1u << CHANNEL_VIBER;
	if (json_is_object(sms))
		requested |= 1u << CHANNEL_SMS;
	message = message_add(&store, requested, fate, devino_sms_segments(sms));
	record(request, root, message->id, NULL);
	answer_accepted(reply, message->id);
}

/* Enough to tell a message from nonsense, for a benchmark of the client. */
static bool
looks_like_message(const Buf *body)
{
	return body->len > 2 && body->data[0] == '{' && body->data[body->len - 1] == '}' &&
		   memmem(body->data, body->len, "\"phone\"", 7) != NULL;
}

static bool
is_stamped(const Buf *body)
{
	return settings.stamp != NULL &&
		   memmem(body->data, body->len, settings.stamp, strlen(settings.stamp)) != NULL;
}

static void
handle_send(Request *request, Reply *reply)
{
	json_t *root;
	DevinoObjection objection;

	if (!authorized(request, reply))
		return;
	if (!settings.checks && looks_like_message(&request->body))
	{
		uint64_t id = message_next_id(&store);

		if (is_stamped(&request->body))
			record(request, NULL, id, NULL);
		else
			tally.accepted++;
		answer_accepted(reply, id);
		return;
	}
	root = parse_body(request);
	objection = devino_check(root);
	if (objection.request != NULL)
	{
		char code[64] = "validation_error/";

		strncat(code, objection.request, sizeof(code) - strlen(code) - 1);
		record(request, root, 0, code);
		answer_request(reply, "validation_error", objection.request);
	}
	else if (objection.message != NULL)
	{
		record(request, root, 0, objection.message);
		answer_rejected(reply, objection.message);
	}
	else
		take_message(request, reply, root);
	json_decref(root);
}

/* GET /status/vk */

static void
write_viber_status(Buf *out, const Message *message)
{
	const ChannelState *state = &message->states[CHANNEL_VIBER];

	buf_puts(out, ",\"viberStatus\":{\"id\":");
	buf_u64(out, message->id);
	buf_printf(out, ",\"status\":\"%s\",\"statusAt\":\"", step_status(state->step, 0));
	moscow_time(out, state->at_ms);
	buf_putc(out, '"');
	if (state->step->reason != NULL)
	{
		buf_puts(out, ",\"code\":");
		buf_json_string(out, state->step->reason, strlen(state->step->reason));
	}
	buf_putc(out, '}');
}

/*
 * The form is that of the example; the table beside it has other names. A
 * channel that was not tried has no viberStatus, and no entry in smsStates.
 */
static void
write_status(Buf *out, const Message *message)
{
	const ChannelState *vk = &message->states[CHANNEL_VK];
	const ChannelState *sms = &message->states[CHANNEL_SMS];
	int i;

	buf_puts(out, "{\"code\":\"ok\",\"description\":\"\",\"result\":{\"providerId\":");
	buf_u64(out, message->id);
	buf_printf(out, ",\"code\":\"ok\",\"status\":\"%s\",\"statusAt\":\"",
			   step_status(vk->step, 0));
	moscow_time(out, vk->at_ms);
	buf_putc(out, '"');
	if (vk->step->reason != NULL)
	{
		buf_puts(out, ",\"error\":");
		buf_json_string(out, vk->step->reason, strlen(vk->step->reason));
	}
	buf_puts(out, ",\"smsStates\":[");
	for (i = 0; sms->step != NULL && i < message->segments; i++)
	{
		buf_puts(out, i > 0 ? ",{\"id\":" : "{\"id\":");
		buf_u64(out, message->first_segment_id + (uint64_t) i);
		buf_printf(out, ",\"status\":\"%s\"}", step_status(sms->step, i));
	}
	buf_putc(out, ']');
	if (message->states[CHANNEL_VIBER].step != NULL)
		write_viber_status(out, message);
	buf_puts(out, "}}");
}

static void
handle_status(Request *request, Reply *reply)
{
	const char *text;
	const Message *message;
	uint64_t id;

	if (!authorized(request, reply))
		return;
	tally.status_queries++;
	text = request_argument(request, "message");
	if (text == NULL || *text == '\0' || text[strspn(text, "0123456789")] != '\0')
	{
		answer_request(reply, "validation_error", "message_not_specified");
		return;
	}
	errno = 0;
	id = strtoull(text, NULL, 10);
	message = errno == 0 ? message_find(&store, id) : NULL;
	reply->content_type = JSON_TYPE;
	if (message != NULL)
		write_status(&reply->body, message);
	else
		buf_printf(&reply->body,
				   "{\"code\":\"ok\",\"description\":\"\",\"result\":"
				   "{\"providerId\":%s,\"code\":\"unknown_message_id\"}}",
				   errno == 0 && id > 0 ? text + strspn(text, "0") : "0");
}

/* The provider's table */

static void
devino_refuse(Request *request, Reply *reply, const char *code, const char *description)
{
	(void) request;
	answer_request(reply, code, description);
}

static void
devino_reject(Request *request, Reply *reply, const char *code)
{
	if (strcmp(request->route->op, "send") == 0)
	{
		json_t *root = parse_body(request);

		record(request, root, 0, code);
		json_decref(root);
	}
	answer_rejected(reply, code);
}

static bool
devino_set_option(const char *option, const char *value)
{
	if (strcmp(option, "login") == 0)
		login = value;
	else if (strcmp(option, "password") == 0)
		password = value;
	else
		return false;
	return true;
}

static void
devino_start(void)
{
	Buf pair = {0};

	buf_printf(&pair, "%s:%s", login, password);
	base64(&expected_token, pair.data);
	buf_free(&pair);
	store.first_id = message_id_seed(MESSAGE_ID_NEAR);
	store.first_segment_id = message_id_seed(SEGMENT_ID_NEAR);
}

static void
devino_reset(void)
{
	messages_clear(&store);
}

static void
devino_stop(void)
{
	messages_clear(&store);
	buf_free(&expected_token);
}

static const Route devino_routes[] = {{"POST", "/send/vk", "send", handle_send},
									  {"GET", "/status/vk", "status", handle_status},
									  {NULL, NULL, NULL, NULL}};

const Provider devino_provider = {.name = "devino",
								  .prefix = "/devino",
								  .routes = devino_routes,
								  .start = devino_start,
								  .stop = devino_stop,
								  .reset = devino_reset,
								  .set_option = devino_set_option,
								  .refuse = devino_refuse,
								  .reject = devino_reject};
