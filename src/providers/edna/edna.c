/*
 * edna.c
 *		edna, SMS by packets: what the provider can do and its options.
 *
 * Owns the declaration, and the reading of the one option that several files need;
 * README.md says what each file of the folder does.
 */
#include "providers/edna/edna.h"

#include "core/timestamp.h"

static const MsgOption options[] = {
	/* No limit is documented; a sister service with the same codes takes 100. */
	{.name = "batch_size",
	 .place = MSG_OPTION_SERVER,
	 .kind = MSG_OPTION_COUNT,
	 .fallback = "100"},

	/* Nothing is said of packets at the same time, so one follows the other. */
	{.name = "max_in_flight",
	 .place = MSG_OPTION_SERVER,
	 .kind = MSG_OPTION_COUNT,
	 .fallback = "1"},

	/* startTime and dlvStatusAt have no zone; the provider's own is Moscow's. */
	{.name = "time_zone",
	 .place = MSG_OPTION_SERVER,
	 .kind = MSG_OPTION_ZONE,
	 .fallback = "+03:00"},

	{.name = "login",
	 .place = MSG_OPTION_MAPPING,
	 .kind = MSG_OPTION_TEXT,
	 .required = true},
	{.name = "password",
	 .place = MSG_OPTION_MAPPING,
	 .kind = MSG_OPTION_TEXT,
	 .secret = true,
	 .required = true},
	{.name = NULL}};

static const char *const recipients[] = {"address", NULL};

const MsgProvider msgext_provider_edna = {
	.abi = MSG_PROVIDER_ABI,
	.name = "edna",
	.title = "edna, SMS by packets",

	/* "clientId" is the key: a repeat is answered with the first one's providerId. */
	.caps = MSG_CAN_POLL | MSG_CAN_CALLBACK | MSG_CAN_DEDUP,
	.max_batch = 1000,
	.options = options,
	.prepare = msgext_edna_prepare,
	.describe = msgext_edna_describe,
	.make_key = msgext_edna_make_key,
	.encode_send = msgext_edna_encode_send,
	.decode_send = msgext_edna_decode_send,
	.encode_status = msgext_edna_encode_status,
	.decode_status = msgext_edna_decode_status,
	.parse_callback = msgext_edna_parse_callback,
	.sample_reply = msgext_edna_sample_reply,
	.sample_recipient = "7000000000#",
	.recipients = recipients,
	.write_recipient = msgext_edna_write_recipient,
};
