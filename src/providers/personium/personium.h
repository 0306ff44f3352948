/*
 * personium.h
 *		What the files of the Personium codec share. Nothing outside this folder includes
 *		it.
 *
 * "message/send" in comments is the provider's page on sending a message; README.md says
 * which revision, and where a rule stands that the page does not have.
 */
#ifndef MSGEXT_PERSONIUM_H
#define MSGEXT_PERSONIUM_H

#include "core/provider.h"

/* personium.c */
extern const MsgProvider msgext_provider_personium;

/* prepare.c */
extern bool msgext_personium_prepare(MsgArena *arena, const MsgConn *conn,
									 const MsgPayload *payload, MsgFragment *fragment,
									 MsgError *error);

/* encode.c */
extern bool msgext_personium_deduplicates(const MsgConn *conn);
extern bool msgext_personium_encode_send(MsgArena *arena, const MsgConn *conn,
										 const MsgJob *jobs, int n, MsgRequest *request,
										 MsgError *error);
extern bool msgext_personium_encode_status(MsgArena *arena, const MsgConn *conn,
										   const MsgJob *jobs, int n, MsgRequest *request,
										   MsgError *error);

/* decode.c */
extern bool msgext_personium_decode_send(MsgArena *arena, const MsgConn *conn,
										 const MsgReply *reply, const MsgJob *jobs, int n,
										 MsgOutcome *outcomes, MsgError *error);

/* login.c */
extern bool msgext_personium_encode_login(MsgArena *arena, const MsgConn *conn,
										  const char *refresh_token, MsgRequest *request,
										  MsgError *error);
extern bool msgext_personium_decode_login(MsgArena *arena, const MsgConn *conn,
										  const MsgReply *reply, MsgLogin *login,
										  MsgError *error);

/* Can it stand in a header: visible ASCII and nothing else? */
extern bool msgext_personium_is_token(const char *text, size_t len);

/* status.c */
extern bool msgext_personium_decode_status(MsgArena *arena, const MsgConn *conn,
										   const MsgReply *reply, const MsgJob *jobs,
										   int n, MsgOutcome *outcomes, MsgError *error);

/* sample.c */
extern bool msgext_personium_sample_reply(MsgArena *arena, const MsgConn *conn,
										  MsgSampleKind kind, const MsgJob *jobs,
										  const MsgSample *samples, int n,
										  MsgReply *reply, MsgError *error);

#endif /* MSGEXT_PERSONIUM_H */
