/*
 * edna.h
 *		What the files of the edna codec share. Nothing outside this folder includes it.
 *
 * Comments cite the provider's packets by their names and the path of an element, such
 * as "consumeOutMessageResponse, payload/code".
 */
#ifndef MSGEXT_EDNA_H
#define MSGEXT_EDNA_H

#include "core/provider.h"

/* edna.c */
extern const MsgProvider msgext_provider_edna;

/* prepare.c */
extern bool msgext_edna_prepare(MsgArena *arena, const MsgConn *conn,
								const MsgPayload *payload, MsgFragment *fragment,
								MsgError *error);
extern const char *msgext_edna_write_recipient(MsgArena *arena, const MsgConn *conn,
											   const char *recipient, MsgError *error);
extern MsgJson *msgext_edna_describe(MsgArena *arena, const char *fragment, size_t len,
									 MsgError *error);
extern bool msgext_edna_make_key(MsgArena *arena, int64_t message, int64_t at_us,
								 const char **key, MsgError *error);

/* encode.c */
extern bool msgext_edna_encode_send(MsgArena *arena, const MsgConn *conn,
									const MsgJob *jobs, int n, MsgRequest *request,
									MsgError *error);
extern bool msgext_edna_encode_status(MsgArena *arena, const MsgConn *conn,
									  const MsgJob *jobs, int n, MsgRequest *request,
									  MsgError *error);

/* decode.c */
extern bool msgext_edna_decode_send(MsgArena *arena, const MsgConn *conn,
									const MsgReply *reply, const MsgJob *jobs, int n,
									MsgOutcome *outcomes, MsgError *error);

/* status.c */
extern bool msgext_edna_decode_status(MsgArena *arena, const MsgConn *conn,
									  const MsgReply *reply, const MsgJob *jobs, int n,
									  MsgOutcome *outcomes, MsgError *error);

/* callback.c */
extern bool msgext_edna_parse_callback(MsgArena *arena, const MsgConn *conn,
									   const MsgInbound *inbound, MsgPushed *pushed,
									   MsgError *error);

/* sample.c */
extern bool msgext_edna_sample_reply(MsgArena *arena, const MsgConn *conn,
									 MsgSampleKind kind, const MsgJob *jobs,
									 const MsgSample *samples, int n, MsgReply *reply,
									 MsgError *error);

#endif /* MSGEXT_EDNA_H */
