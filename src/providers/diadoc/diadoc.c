/*
 * diadoc.c
 *		Kontur Diadoc: what the provider can do and its options.
 *
 * Owns the declaration only; README.md says what each file of the folder does.
 */
#include "providers/diadoc/diadoc.h"

#include "providers/diadoc/account.h"

static const MsgOption options[] = {
	/* "at most 4 threads": the provider's recommendation for all work of a client. */
	{.name = "max_in_flight",
	 .place = MSG_OPTION_SERVER,
	 .kind = MSG_OPTION_COUNT,
	 .fallback = "4"},

	/* As long as the provider's own libraries wait. */
	{.name = "timeout",
	 .place = MSG_OPTION_SERVER,
	 .kind = MSG_OPTION_DURATION,
	 .fallback = "100 s"},

	/* 30 until July 2022, 40 since then; the server has the last word. */
	{.name = "max_documents",
	 .place = MSG_OPTION_SERVER,
	 .kind = MSG_OPTION_COUNT,
	 .fallback = "40"},

	/* The provider's own libraries send no Content-Type with protobuf. */
	{.name = "content_type",
	 .place = MSG_OPTION_SERVER,
	 .kind = MSG_OPTION_CHOICE,
	 .fallback = "none",
	 .choices = "none|application/x-protobuf"},

	{.name = "identity_url",
	 .place = MSG_OPTION_SERVER,
	 .kind = MSG_OPTION_URL,
	 .fallback = "https://identity.kontur.ru"},

	{.name = "api_client_id",
	 .place = MSG_OPTION_MAPPING,
	 .kind = MSG_OPTION_TEXT,
	 .secret = true},
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

/* By encode_status() and match(): see document.h. */
static const char *const memory[] = {"box",	  "message_id", "entity_id",
									 "state", "at",			NULL};

static const char *const recipients[] = {"ToBoxId", "~ToDepartmentId", NULL};

const MsgProvider msgext_provider_diadoc = {
	.abi = MSG_PROVIDER_ABI,
	.name = "diadoc",
	.title = "Kontur Diadoc",
	.caps = MSG_CAN_POLL | MSG_CAN_DEDUP | MSG_CAN_LOGIN,

	/* Several documents are one message; several messages are several requests. */
	.max_batch = 1,
	.options = options,
	.memory = memory,
	.prepare = msgext_diadoc_prepare,
	.describe = msgext_diadoc_describe,
	.parts = msgext_diadoc_parts,
	.encode_send = msgext_diadoc_encode_send,
	.decode_send = msgext_diadoc_decode_send,
	.needs_login = msgext_diadoc_needs_login,
	.encode_login = msgext_diadoc_encode_login,
	.decode_login = msgext_diadoc_decode_login,
	.encode_status = msgext_diadoc_encode_status,
	.decode_status = msgext_diadoc_decode_status,
	.sample_reply = msgext_diadoc_sample_reply,
	.sample_recipient = "0000000000000000000000000000000#@diadoc.ru",
	.recipients = recipients,
};
