/*
 * devino.h
 *		What the files of the Devino VK codec share. Nothing outside this folder includes
 *		it.
 *
 * "Devino VK API" in comments is the provider's document of that name, revision of 26
 * October 2018; its sections are cited by their own titles.
 */
#ifndef MSGEXT_DEVINO_H
#define MSGEXT_DEVINO_H

#include "core/provider.h"

/* Channels, as they are named in a fragment's list and in events. */
#define DEVINO_VK "vk"
#define DEVINO_VIBER "viber"
#define DEVINO_SMS "sms"

/* devino.c */
extern const MsgProvider msgext_provider_devino;

/* block.c */
extern const char *msgext_devino_write_recipient(MsgArena *arena, const MsgConn *conn,
												 const char *recipient, MsgError *error);

/* prepare.c */
extern bool msgext_devino_prepare(MsgArena *arena, const MsgConn *conn,
								  const MsgPayload *payload, MsgFragment *fragment,
								  MsgError *error);
extern MsgJson *msgext_devino_describe(MsgArena *arena, const char *fragment, size_t len,
									   MsgError *error);

/* encode.c */
extern bool msgext_devino_encode_send(MsgArena *arena, const MsgConn *conn,
									  const MsgJob *jobs, int n, MsgRequest *request,
									  MsgError *error);
extern bool msgext_devino_encode_status(MsgArena *arena, const MsgConn *conn,
										const MsgJob *jobs, int n, MsgRequest *request,
										MsgError *error);

/* decode.c */
extern bool msgext_devino_decode_send(MsgArena *arena, const MsgConn *conn,
									  const MsgReply *reply, const MsgJob *jobs, int n,
									  MsgOutcome *outcomes, MsgError *error);

/* status.c */
extern bool msgext_devino_decode_status(MsgArena *arena, const MsgConn *conn,
										const MsgReply *reply, const MsgJob *jobs, int n,
										MsgOutcome *outcomes, MsgError *error);

/* callback.c */
extern bool msgext_devino_parse_callback(MsgArena *arena, const MsgConn *conn,
										 const MsgInbound *inbound, MsgPushed *pushed,
										 MsgError *error);

/* sample.c */
extern bool msgext_devino_sample_reply(MsgArena *arena, const MsgConn *conn,
									   MsgSampleKind kind, const MsgJob *jobs,
									   const MsgSample *samples, int n, MsgReply *reply,
									   MsgError *error);

#endif /* MSGEXT_DEVINO_H */
