/*
 * diadoc.h
 *		What the files of the Diadoc codec share. Nothing outside this folder includes it.
 *
 * "PostMessage" in comments is the provider's page on that method, "MessageToPost",
 * "Message" and so on its pages on those structures; README.md says which revisions.
 */
#ifndef MSGEXT_DIADOC_H
#define MSGEXT_DIADOC_H

#include "core/provider.h"

/* diadoc.c */
extern const MsgProvider msgext_provider_diadoc;

/* prepare.c */
extern bool msgext_diadoc_prepare(MsgArena *arena, const MsgConn *conn,
								  const MsgPayload *payload, MsgFragment *fragment,
								  MsgError *error);
extern MsgJson *msgext_diadoc_describe(MsgArena *arena, const char *fragment, size_t len,
									   MsgError *error);
extern bool msgext_diadoc_parts(MsgArena *arena, const char *fragment, size_t len,
								MsgPart **parts, int *n, MsgError *error);

/* encode.c */
extern bool msgext_diadoc_encode_send(MsgArena *arena, const MsgConn *conn,
									  const MsgJob *jobs, int n, MsgRequest *request,
									  MsgError *error);
extern bool msgext_diadoc_encode_status(MsgArena *arena, const MsgConn *conn,
										const MsgJob *jobs, int n, MsgRequest *request,
										MsgError *error);

/* decode.c */
extern bool msgext_diadoc_decode_send(MsgArena *arena, const MsgConn *conn,
									  const MsgReply *reply, const MsgJob *jobs, int n,
									  MsgOutcome *outcomes, MsgError *error);

/* login.c */
extern bool msgext_diadoc_encode_login(MsgArena *arena, const MsgConn *conn,
									   const char *refresh_token, MsgRequest *request,
									   MsgError *error);
extern bool msgext_diadoc_decode_login(MsgArena *arena, const MsgConn *conn,
									   const MsgReply *reply, MsgLogin *login,
									   MsgError *error);

/* status.c */
extern bool msgext_diadoc_decode_status(MsgArena *arena, const MsgConn *conn,
										const MsgReply *reply, const MsgJob *jobs, int n,
										MsgOutcome *outcomes, MsgError *error);

/* sample.c */
extern bool msgext_diadoc_sample_reply(MsgArena *arena, const MsgConn *conn,
									   MsgSampleKind kind, const MsgJob *jobs,
									   const MsgSample *samples, int n, MsgReply *reply,
									   MsgError *error);

#endif /* MSGEXT_DIADOC_H */
