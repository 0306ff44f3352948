/*
 * provider.h
 *		The contract between a provider's codec and the engine: read this first.
 *
 * A codec translates. It turns a payload into the bytes that are stored, stored bytes
 * into a request, and an answer into what it means. It does no I/O, reads no clock,
 * keeps no state, knows neither PostgreSQL nor curl, and allocates only in the arena
 * it is given. Retrying, waiting, storing and logging are the engine's.
 *
 * Every codec function returns false when bytes cannot be read or written (*error then
 * says why); what a readable answer means is its verdict. The two are never mixed: an
 * unreadable answer is no rejection.
 */
#ifndef MSGEXT_PROVIDER_H
#define MSGEXT_PROVIDER_H

#include "core/arena.h"
#include "core/error.h"
#include "core/json.h"
#include "core/lifecycle.h"
#include "core/option.h"

/*
 * Raised with each change of what codecs see: the structures of core, and what is expected
 * of a slot. Libraries of others are compiled for one number.
 */
#define MSG_PROVIDER_ABI 4

/* What a provider can do; the registry checks each against the slots. */
#define MSG_CAN_POLL 0x01	  /* encode_status, decode_status */
#define MSG_CAN_CALLBACK 0x02 /* parse_callback */
#define MSG_CAN_DEDUP 0x04	  /* takes a message with a known key once */
#define MSG_CAN_LOGIN 0x08	  /* needs_login, encode_login, decode_login */
#define MSG_CAN_RESUME 0x10	  /* sends what is left, by the message's detail */
#define MSG_READS_STATUS 0x20 /* decode_send needs no body, status and fields say all */

/* What a login gave. The engine keeps it, renews it, and stores a new refresh token. */
typedef struct MsgSession
{
	const char *token;
	int64_t expires_us;		   /* 0 = not given */
	const char *refresh_token; /* or NULL */
	bool by_password;		   /* where the account could log in by other ways too */
} MsgSession;

/* A server with the sender's user mapping, read-only to a codec. */
typedef struct MsgConn
{
	const char *server;
	const char *url;				   /* without a trailing slash, to be appended to */
	const struct MsgSetting *settings; /* of server and mapping; ends with a NULL name */
	const MsgOption *options;		   /* the provider's own table, for defaults */
	const MsgSession *session;		   /* NULL = none, or none is needed */
} MsgConn;

typedef struct MsgSetting
{
	const char *name;
	const char *value;
} MsgSetting;

/* The value that is set, else the default, else NULL. */
extern const char *msgext_conn_option(const MsgConn *conn, const char *name);

/* The url as it was given, for who sends to that very address. */
extern const char *msgext_conn_whole_url(const MsgConn *conn);

/*
 * Seconds east of UTC of the option time_zone, which says what a provider's times without
 * a zone mean; 0 when it has none.
 */
extern int msgext_conn_offset(const MsgConn *conn);

/* What prepare makes of a payload; these bytes are stored and sent at every attempt. */
typedef struct MsgFragment
{
	const char *bytes;
	size_t len;
	const char *limit_key; /* whose rate is limited (Devino: vk.subject), or NULL */
	const char *recipient; /* for limits per recipient, or NULL */
	const char *channels;  /* "vk,viber,sms" in order of use, or NULL for one channel */
	const char *key;	   /* idempotency key of the provider's own form, or NULL */
} MsgFragment;

typedef struct MsgPart
{
	const char *bytes;
	size_t len;
} MsgPart;

typedef struct MsgPayload
{
	const MsgJson *message;
	const MsgPart *parts;
	int nparts;
	bool spare_parts; /* they are another message's, of which some may be left out */
	int64_t id;		  /* the message's, and when it was queued: unique together */
	int64_t created_us;
} MsgPayload;

#define MSG_KEY_LEN 32

/* The message's own idempotency key: MSG_KEY_LEN hex digits and a NUL. */
extern void msgext_own_key(int64_t created_us, int64_t id, char *key);

/* One message of a request. */
typedef struct MsgJob
{
	int64_t id;
	int64_t created_us;
	const char *key; /* idempotency key, fixed before the first attempt: prepare's, else
					  * the caller's operation id and what tells it from others'
					  * of the same letters, else msgext_own_key() */
	int attempt;	 /* from 1 */
	int64_t now_us;	 /* when this attempt is made */
	bool maybe_sent; /* an earlier attempt may have reached the provider */
	const char *fragment;
	size_t fragment_len;
	const char *provider_id; /* of status requests */
	const char *channels;	 /* as prepare gave them */
	int64_t accepted_us;	 /* of status requests */
	const MsgJson *detail;	 /* the message's, as answers made it so far, or NULL */
} MsgJob;

#define MSG_REQUEST_HEADERS 64

typedef struct MsgRequest
{
	const char *method; /* "GET", "POST", "PUT", "PATCH" or "DELETE" */
	const char *url;
	/* "Name: value"; "Name:" keeps the client from sending one of its own */
	const char *headers[MSG_REQUEST_HEADERS];
	int nheaders;
	const char *body; /* may point into a job's fragment */
	size_t body_len;
} MsgRequest;

typedef struct MsgReply
{
	int status;
	const char *body;
	size_t body_len;
	const char *headers;	/* lines as received, each ended by \n; NUL-terminated */
	int64_t retry_after_ms; /* -1 = the answer has no such header */
	int64_t now_us;			/* when it arrived */
} MsgReply;

/* The value of a header of a reply in the arena, or NULL. */
extern const char *msgext_reply_header(MsgArena *arena, const MsgReply *reply,
									   const char *name);

/* Fills in a reply of this status with a body that is text. */
extern void msgext_reply(MsgReply *reply, int status, const char *headers,
						 const char *body);

/* One report of a message's fate, by status answer or callback. */
typedef struct MsgEvent
{
	struct MsgEvent *next;
	const char *provider_id;
	const char *channel; /* one of the message's channels, or NULL */
	MsgState state;		 /* what the status means */
	const char *status;	 /* the provider's word, verbatim */
	const char *code;	 /* or NULL */
	const char *error;	 /* or NULL */
	int64_t at_us;		 /* 0 = not given, or not readable */
	MsgJson *detail;	 /* further members for the channel's entry, or NULL */
	const char *raw;	 /* the part of the input that says it */
	size_t raw_len;
} MsgEvent;

typedef struct MsgOutcome
{
	MsgVerdict verdict;
	int64_t retry_after_ms;	 /* of RETRY and UNSURE; -1 = not given */
	const char *provider_id; /* of ACCEPTED */
	const char *code;		 /* the provider's, verbatim, or NULL */
	const char *text;		 /* the provider's, verbatim, or NULL */
	MsgEvent *events;		 /* of PROGRESS */
	MsgState reached;		 /* of ACCEPTED: an end the answer names too, or 0 */
	int64_t at_us;			 /* when that was, by the provider's clock; 0 = not given */
	MsgJson *detail;		 /* an object merged into the message's detail, or NULL */
	const char *raw;		 /* the part of the answer that says it; NULL = all of it */
	size_t raw_len;
	MsgJson *headers; /* of the answer, where the sender may ask for them, or NULL */
	bool key_ignored; /* the provider did not use our key, and will take repeats */
	bool inherent;	  /* of REJECTED: by what is in the message, so that every earlier
					   * attempt was refused as well */
} MsgOutcome;

/*
 * Fills in an outcome and empties the rest of it; when the reply names a time to wait, it
 * is taken over for RETRY and UNSURE. code and text may be NULL.
 */
extern void msgext_outcome(MsgOutcome *outcome, const MsgReply *reply, MsgVerdict verdict,
						   const char *code, const char *text);

/* What became of a login. */
typedef struct MsgLogin
{
	/*
	 * ACCEPTED, RETRY, PAUSE_ACCOUNT where the credentials were refused, PAUSE where the
	 * address is wrong; RELOGIN = try once more without the refresh token
	 */
	MsgVerdict verdict;
	int64_t retry_after_ms; /* -1 = not given */
	MsgSession session;		/* of ACCEPTED */
	const char *code;
	const char *text;
} MsgLogin;

/* A push as it came in. */
typedef struct MsgInbound
{
	const char *body;
	size_t body_len;
	const char
		*headers;	/* "Name: value" lines, each ended by \n; NUL-terminated, or NULL */
	int64_t now_us; /* when it came; 0 = it is read once more, and has been judged */
	int64_t window_us; /* the option callback_window: how old it may be; 0 = none */
	/*
	 * Values of the option callback_secret in the mappings that count; ends with NULL, or
	 * is NULL.
	 */
	const char *const *secrets;
} MsgInbound;

/* The value of a header of a push in the arena, or NULL when it is not there just once. */
extern const char *msgext_inbound_header(MsgArena *arena, const MsgInbound *inbound,
										 const char *name);

/* What a push says, and how it is answered. */
typedef struct MsgPushed
{
	MsgEvent *events;	  /* reports on messages, oldest first */
	const char *inbox_id; /* it is the application's, a row of msgext.inbox: its id, which
							 * no other push to the server has; or NULL */
	const char *inbox_type; /* what it is about, or NULL */
	int status;				/* of the answer; 0 = 200, and 400 where it is refused */
	const char *answer;		/* text of the answer, or NULL for none */
	const char *answer_type;
} MsgPushed;

/* What the bytes that sample_reply makes are. */
typedef enum MsgSampleKind
{
	MSG_SAMPLE_SEND,   /* the answer to a send */
	MSG_SAMPLE_STATUS, /* the answer to a status request */
	MSG_SAMPLE_PUSH	   /* the body of a callback */
} MsgSampleKind;

/* What a test has the provider say of one message. */
typedef struct MsgSample
{
	/* Of a send: */
	MsgVerdict verdict; /* ACCEPTED, REJECTED, RETRY, PAUSE or PAUSE_ACCOUNT */
	const char *code;	/* the provider's own; NULL = what it would usually say */
	int64_t number;		/* from 1: the provider's id is made of it, where it makes one */
	bool known;			/* the provider has the message, by an attempt before this one */

	/* Of a status or a push: */
	MsgState state;
	const char *channel; /* one of the message's; NULL = the first, or the only one */
	int64_t at_us;
} MsgSample;

typedef struct MsgProvider
{
	uint32_t abi;	   /* MSG_PROVIDER_ABI; first in every version, and name behind it */
	const char *name;  /* = its folder; the foreign-data wrapper is msgext_<name> */
	const char *title; /* for people */
	unsigned caps;
	int max_batch;			  /* messages a request at most; its own server option
							   * "batch_size" sets a smaller number */
	const MsgOption *options; /* beside the common ones, or with other defaults */

	/*
	 * Members of a message's detail, of whatever depth, that the codec reads again for
	 * the next request; ends with NULL, or is NULL. They are ids and words of its own,
	 * which it has checked, and are kept as they are: a short secret may be part of an
	 * id.
	 */
	const char *const *memory;

	/*
	 * In the caller's transaction, once: checks the payload by the provider's rules
	 * and writes the fragment. False = a payload the provider would refuse; error->code
	 * is the provider's own code.
	 */
	bool (*prepare)(MsgArena *arena, const MsgConn *conn, const MsgPayload *payload,
					MsgFragment *fragment, MsgError *error);

	/*
	 * What a fragment says, as an object in the words of the payload; NULL with *error
	 * filled in when it cannot be read. Bytes are told by core/describe.h, as texts are
	 * in full. Without this slot a fragment is JSON.
	 */
	MsgJson *(*describe)(MsgArena *arena, const char *fragment, size_t len,
						 MsgError *error);

	/*
	 * The bytes that describe tells as parts, in the order of their numbers, within the
	 * fragment. NULL = a payload has none.
	 */
	bool (*parts)(MsgArena *arena, const char *fragment, size_t len, MsgPart **parts,
				  int *n, MsgError *error);

	/*
	 * The idempotency key of the provider's own form for message id at this time; what
	 * prepare gives as a fragment's key. NULL = the engine's own keys will do. A message
	 * that certainly has not reached the provider takes another one when a person sends
	 * it again, for the first may be somebody else's there.
	 */
	bool (*make_key)(MsgArena *arena, int64_t id, int64_t at_us, const char **key,
					 MsgError *error);

	/* Does the server know repeats by our key, as it is set up? NULL = as caps say. */
	bool (*deduplicates)(const MsgConn *conn);

	/* Wraps n fragments with envelope and credentials. */
	bool (*encode_send)(MsgArena *arena, const MsgConn *conn, const MsgJob *jobs, int n,
						MsgRequest *request, MsgError *error);
	/* Fills in one outcome per job. */
	bool (*decode_send)(MsgArena *arena, const MsgConn *conn, const MsgReply *reply,
						const MsgJob *jobs, int n, MsgOutcome *outcomes, MsgError *error);

	/* False = the account's credentials are sent with each request as they are. */
	bool (*needs_login)(const MsgConn *conn);
	/* refresh_token is the newest that a login gave; NULL = the mapping's credentials. */
	bool (*encode_login)(MsgArena *arena, const MsgConn *conn, const char *refresh_token,
						 MsgRequest *request, MsgError *error);
	bool (*decode_login)(MsgArena *arena, const MsgConn *conn, const MsgReply *reply,
						 MsgLogin *login, MsgError *error);

	bool (*encode_status)(MsgArena *arena, const MsgConn *conn, const MsgJob *jobs, int n,
						  MsgRequest *request, MsgError *error);
	bool (*decode_status)(MsgArena *arena, const MsgConn *conn, const MsgReply *reply,
						  const MsgJob *jobs, int n, MsgOutcome *outcomes,
						  MsgError *error);

	/*
	 * Judges and reads a push; *pushed comes zeroed. False = refused: it is kept for a
	 * person to look at.
	 */
	bool (*parse_callback)(MsgArena *arena, const MsgConn *conn,
						   const MsgInbound *inbound, MsgPushed *pushed, MsgError *error);

	/*
	 * For tests: what the provider itself would write if it said this of the messages,
	 * one sample for each, so that its codec reads it as it reads the provider. Fills in
	 * status, headers and body of the reply. False = the provider has no words for it: no
	 * such status, or none for this channel.
	 */
	bool (*sample_reply)(MsgArena *arena, const MsgConn *conn, MsgSampleKind kind,
						 const MsgJob *jobs, const MsgSample *samples, int n,
						 MsgReply *reply, MsgError *error);

	/*
	 * For tests too: a recipient that prepare takes and nobody has, with a "#" where a digit
	 * goes: each stands for a fate of its messages. It is found in the fragment as it is
	 * written here. NULL = none.
	 */
	const char *sample_recipient;

	/*
	 * Where a payload says whom it goes to, the usual place first; ends with NULL. See
	 * core/recipients.h. Without it a server has no options redirect and allow_recipients.
	 */
	const char *const *recipients;

	/*
	 * One recipient as prepare writes it, in the arena or as it came; NULL with *error filled
	 * in where prepare refuses it. For option redirect, which is checked when it is set.
	 * NULL = prepare takes any, as it is.
	 */
	const char *(*write_recipient)(MsgArena *arena, const MsgConn *conn,
								   const char *recipient, MsgError *error);
} MsgProvider;

/* False with *error filled in when slots and capabilities of a provider disagree. */
extern bool msgext_provider_check(const MsgProvider *provider, MsgError *error);

#endif /* MSGEXT_PROVIDER_H */
