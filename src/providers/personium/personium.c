/*
 * personium.c
 *		Personium: what the provider can do and its options.
 *
 * Owns the declaration only; README.md says what each file of the folder does.
 */
#include "providers/personium/personium.h"

#include "providers/personium/cell.h"

static const MsgOption options[] = {
	/* Each target is a call that the server makes while we wait. */
	{.name = "max_in_flight",
	 .place = MSG_OPTION_SERVER,
	 .kind = MSG_OPTION_COUNT,
	 .fallback = "1"},

	/* A thousand of such calls outlast what is usual. */
	{.name = "timeout",
	 .place = MSG_OPTION_SERVER,
	 .kind = MSG_OPTION_DURATION,
	 .fallback = "5 min"},

	/*
	 * Up to 1.5.8 typed requests are req.relation.build and so on, then RequestObjects.
	 */
	{.name = "generation",
	 .place = MSG_OPTION_SERVER,
	 .kind = MSG_OPTION_CHOICE,
	 .fallback = "1.5",
	 .choices = "1.5|1.6"},

	/* "__id" in the request is not documented: a unit may come to ignore or refuse it. */
	{.name = "client_message_id",
	 .place = MSG_OPTION_SERVER,
	 .kind = MSG_OPTION_CHOICE,
	 .fallback = "on",
	 .choices = "on|off"},

	{.name = "split_targets",
	 .place = MSG_OPTION_SERVER,
	 .kind = MSG_OPTION_CHOICE,
	 .fallback = "off",
	 .choices = "on|off"},

	{.name = "login", .place = MSG_OPTION_MAPPING, .kind = MSG_OPTION_TEXT},
	{.name = "password",
	 .place = MSG_OPTION_MAPPING,
	 .kind = MSG_OPTION_TEXT,
	 .secret = true},
	{.name = "token",
	 .place = MSG_OPTION_MAPPING,
	 .kind = MSG_OPTION_TEXT,
	 .secret = true},
	{.name = "client_id", .place = MSG_OPTION_MAPPING, .kind = MSG_OPTION_TEXT},
	{.name = "client_secret",
	 .place = MSG_OPTION_MAPPING,
	 .kind = MSG_OPTION_TEXT,
	 .secret = true},
	{.name = "refresh_token",
	 .place = MSG_OPTION_MAPPING,
	 .kind = MSG_OPTION_TEXT,
	 .secret = true},
	{.name = NULL}};

/* "targets" and "sending": see delivery.h. */
static const char *const memory[] = {"state", "id", "lookup", "target", NULL};

static const char *const recipients[] = {"To", "-ToRelation", NULL};

const MsgProvider msgext_provider_personium = {
	.abi = MSG_PROVIDER_ABI,
	.name = "personium",
	.title = "Personium, cell messages",
	.caps = MSG_CAN_POLL | MSG_CAN_DEDUP | MSG_CAN_RESUME | MSG_CAN_LOGIN,

	/* A request has one text; its many targets are one message. */
	.max_batch = 1,
	.options = options,
	.memory = memory,
	.prepare = msgext_personium_prepare,
	.deduplicates = msgext_personium_deduplicates,
	.encode_send = msgext_personium_encode_send,
	.decode_send = msgext_personium_decode_send,
	.needs_login = msgext_personium_needs_login,
	.encode_login = msgext_personium_encode_login,
	.decode_login = msgext_personium_decode_login,
	.encode_status = msgext_personium_encode_status,
	.decode_status = msgext_personium_decode_status,
	.sample_reply = msgext_personium_sample_reply,
	.sample_recipient = "https://fate-#.example/",
	.recipients = recipients,
	.write_recipient = msgext_personium_write_recipient,
};
