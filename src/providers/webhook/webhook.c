/*
 * webhook.c
 *		Webhooks to any HTTP endpoint: what the provider can do and its options.
 *
 * Owns the declaration only; README.md says what each file of the folder does.
 */
#include "providers/webhook/webhook.h"

static const MsgOption options[] = {
	{.name = "signature",
	 .place = MSG_OPTION_SERVER,
	 .kind = MSG_OPTION_CHOICE,
	 .fallback = "none",
	 .choices = "none|standard"},
	{.name = "format",
	 .place = MSG_OPTION_SERVER,
	 .kind = MSG_OPTION_CHOICE,
	 .fallback = "plain",
	 .choices = "plain|cloudevents|cloudevents-binary"},

	/* CloudEvents: the context in which events happen; without one, the server's name. */
	{.name = "source", .place = MSG_OPTION_SERVER, .kind = MSG_OPTION_TEXT},
	{.name = "headers", .place = MSG_OPTION_SERVER, .kind = MSG_OPTION_HEADERS},
	{.name = "path", .place = MSG_OPTION_SERVER, .kind = MSG_OPTION_PATH},
	{.name = "success",
	 .place = MSG_OPTION_SERVER,
	 .kind = MSG_OPTION_STATUSES,
	 .fallback = "2xx"},

	/* Standard Webhooks: "410 Gone: disable the endpoint and stop sending". */
	{.name = "pause_on",
	 .place = MSG_OPTION_SERVER,
	 .kind = MSG_OPTION_STATUSES,
	 .fallback = "410"},

	/* No default: see msgext_webhook_deduplicates(). */
	{.name = "idempotent",
	 .place = MSG_OPTION_SERVER,
	 .kind = MSG_OPTION_CHOICE,
	 .choices = "on|off"},

	{.name = "callback_signature",
	 .place = MSG_OPTION_SERVER,
	 .kind = MSG_OPTION_CHOICE,
	 .fallback = "standard",
	 .choices = "standard|github|slack|none"},

	/* "allowing for a tolerance of five minutes": Standard Webhooks' libraries, Slack */
	{.name = "callback_window",
	 .place = MSG_OPTION_SERVER,
	 .kind = MSG_OPTION_DURATION,
	 .fallback = "5 min"},

	{.name = "signing_secret",
	 .place = MSG_OPTION_MAPPING,
	 .kind = MSG_OPTION_WORDS,
	 .secret = true},
	{.name = "authorization",
	 .place = MSG_OPTION_MAPPING,
	 .kind = MSG_OPTION_TEXT,
	 .secret = true},
	{.name = "secret_headers",
	 .place = MSG_OPTION_MAPPING,
	 .kind = MSG_OPTION_HEADERS,
	 .secret = true},

	/* Where the address itself is the secret: Slack, Discord, Telegram. */
	{.name = "secret_path",
	 .place = MSG_OPTION_MAPPING,
	 .kind = MSG_OPTION_PATH,
	 .secret = true},
	{.name = "callback_secret",
	 .place = MSG_OPTION_MAPPING,
	 .kind = MSG_OPTION_WORDS,
	 .secret = true},
	{.name = NULL}};

const MsgProvider msgext_provider_webhook = {
	.abi = MSG_PROVIDER_ABI,
	.name = "webhook",
	.title = "webhooks, to any HTTP endpoint",
	.caps = MSG_CAN_CALLBACK | MSG_CAN_DEDUP | MSG_READS_STATUS,
	.max_batch = 1,
	.options = options,
	.prepare = msgext_webhook_prepare,
	.describe = msgext_webhook_describe,
	.deduplicates = msgext_webhook_deduplicates,
	.encode_send = msgext_webhook_encode_send,
	.decode_send = msgext_webhook_decode_send,
	.parse_callback = msgext_webhook_parse_callback,
	.sample_reply = msgext_webhook_sample_reply,
};
