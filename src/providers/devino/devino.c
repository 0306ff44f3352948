/*
 * devino.c
 *		Devino Telecom, VK API: what the provider can do and its options.
 *
 * Owns the declaration only; README.md says what each file of the folder does.
 */
#include "providers/devino/devino.h"

static const MsgOption options[] = {
	/* "не более 50 уведомлений в секунду для одного service (для одной группы в VK)" */
	{.name = "rate_limit",
	 .place = MSG_OPTION_SERVER,
	 .kind = MSG_OPTION_RATE,
	 .fallback = "50/s"},

	/* "не более 5 уведомлений в сутки для одного пользователя от одного service" */
	{.name = "recipient_limit",
	 .place = MSG_OPTION_SERVER,
	 .kind = MSG_OPTION_RATE,
	 .fallback = "5/day"},

	/*
	 * "Время получения статуса (по Москве, UTC+3)": an offset, not a zone with history.
	 */
	{.name = "time_zone",
	 .place = MSG_OPTION_SERVER,
	 .kind = MSG_OPTION_ZONE,
	 .fallback = "+03:00"},

	{.name = "login",
	 .place = MSG_OPTION_MAPPING,
	 .kind = MSG_OPTION_LOGIN,
	 .required = true},
	{.name = "password",
	 .place = MSG_OPTION_MAPPING,
	 .kind = MSG_OPTION_TEXT,
	 .secret = true,
	 .required = true},
	{.name = NULL}};

static const char *const recipients[] = {"vk.phone", "viber.dstAddress", "sms.dstAddress",
										 NULL};

const MsgProvider msgext_provider_devino = {
	.abi = MSG_PROVIDER_ABI,
	.name = "devino",
	.title = "Devino Telecom, VK API",
	.caps = MSG_CAN_POLL | MSG_CAN_CALLBACK,

	/* "В одном запросе может быть информация об отправке только одного сообщения." */
	.max_batch = 1,
	.options = options,
	.prepare = msgext_devino_prepare,
	.describe = msgext_devino_describe,
	.encode_send = msgext_devino_encode_send,
	.decode_send = msgext_devino_decode_send,
	.encode_status = msgext_devino_encode_status,
	.decode_status = msgext_devino_decode_status,
	.parse_callback = msgext_devino_parse_callback,
	.sample_reply = msgext_devino_sample_reply,
	.sample_recipient = "7000000000#",
	.recipients = recipients,
	.write_recipient = msgext_devino_write_recipient,
};
