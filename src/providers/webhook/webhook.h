/*
 * webhook.h
 *		What the files of the webhook codec share. Nothing outside this folder includes it.
 *
 * "Standard Webhooks" in comments is the specification of that name, version 1.0.0;
 * "CloudEvents" is CloudEvents 1.0.2 with its JSON format and HTTP binding.
 */
#ifndef MSGEXT_WEBHOOK_H
#define MSGEXT_WEBHOOK_H

#include "core/provider.h"

/* How a body is made of a message; chosen when it is queued, and part of its fragment. */
typedef enum WebhookFormat
{
	WEBHOOK_PLAIN,		/* the message is the body */
	WEBHOOK_STRUCTURED, /* CloudEvents: attributes and data in one JSON object */
	WEBHOOK_BINARY,		/* CloudEvents: attributes in header fields, data the body */
	WEBHOOK_HTTP		/* a request of the caller's own: method, path, header fields */
} WebhookFormat;

/*
 * What is stored of a message. Its bytes are
 *
 *		METHOD format TARGET LF (Name: value LF)* LF body
 *
 * The target is what follows the server's url, encoded, or empty. The lines are header
 * fields, of CloudEvents the attributes but for those that the engine's id makes.
 */
typedef struct WebhookFragment
{
	WebhookFormat format;
	const char *method;
	const char *target;
	const char *const *lines; /* ends with NULL */
	const char *body;
	size_t body_len;
} WebhookFragment;

#define WEBHOOK_LINES_MAX 24

/* "msg_" and the message's own key: the same at every attempt, without a dot. */
#define WEBHOOK_ID_LEN (4 + MSG_KEY_LEN)

/* webhook.c */
extern const MsgProvider msgext_provider_webhook;

/* message.c */
extern bool msgext_webhook_prepare(MsgArena *arena, const MsgConn *conn,
								   const MsgPayload *payload, MsgFragment *fragment,
								   MsgError *error);

/* event.c */
extern bool msgext_webhook_event(MsgArena *arena, const MsgJson *message,
								 WebhookFormat format, WebhookFragment *fragment,
								 MsgError *error);

/* fragment.c */
extern const char *msgext_webhook_format_name(WebhookFormat format);
extern void msgext_webhook_put(MsgBuf *out, const WebhookFragment *fragment);
/* False when the bytes are none of msgext_webhook_put()'s. */
extern bool msgext_webhook_get(MsgArena *arena, const char *bytes, size_t len,
							   WebhookFragment *fragment);

/* describe.c */
extern MsgJson *msgext_webhook_describe(MsgArena *arena, const char *bytes, size_t len,
										MsgError *error);

/* target.c */
extern bool msgext_webhook_put_path(MsgBuf *out, const MsgJson *path, MsgError *error);
/* separator is '?' for the first pair of a query, 0 for a form. */
extern bool msgext_webhook_put_pairs(MsgBuf *out, const MsgJson *pairs, char separator,
									 const char *what, MsgError *error);
/* The url of the server, its path and query, and the message's. */
extern const char *msgext_webhook_url(MsgArena *arena, const MsgConn *conn,
									  const char *target);

/* encode.c */
extern bool msgext_webhook_encode_send(MsgArena *arena, const MsgConn *conn,
									   const MsgJob *jobs, int n, MsgRequest *request,
									   MsgError *error);

/* sign.c */
/*
 * Takes the next secret off the front of an option's value; false at its end. Several are
 * separated by blanks, where each is long enough to be one: in a passphrase the blanks are
 * part of it. *value is at the beginning of the whole at first.
 */
extern bool msgext_webhook_next_secret(const char **value, const char **secret,
									   size_t *len);

/* The key of a Standard Webhooks secret; false when it is none. */
extern bool msgext_webhook_key(MsgArena *arena, const char *secret, size_t len,
							   const char **key, size_t *key_len);
/* The value of webhook-signature: one for each of the option's secrets. */
extern bool msgext_webhook_sign(MsgArena *arena, const MsgConn *conn, const char *id,
								const char *timestamp, const char *body, size_t len,
								const char **signatures, MsgError *error);

/* decode.c */
extern bool msgext_webhook_deduplicates(const MsgConn *conn);
extern bool msgext_webhook_decode_send(MsgArena *arena, const MsgConn *conn,
									   const MsgReply *reply, const MsgJob *jobs, int n,
									   MsgOutcome *outcomes, MsgError *error);

/* push.c */
extern bool msgext_webhook_parse_callback(MsgArena *arena, const MsgConn *conn,
										  const MsgInbound *inbound, MsgPushed *pushed,
										  MsgError *error);

/* verify.c */
/* Was the push signed with one of its secrets, within its window? */
extern bool msgext_webhook_verify(MsgArena *arena, const MsgInbound *inbound,
								  const char *scheme, MsgError *error);

/* sample.c */
extern bool msgext_webhook_sample_reply(MsgArena *arena, const MsgConn *conn,
										MsgSampleKind kind, const MsgJob *jobs,
										const MsgSample *samples, int n, MsgReply *reply,
										MsgError *error);

#endif /* MSGEXT_WEBHOOK_H */
