/*
 * answer.h
 *		What answers and pushes have in common: the packet with its code, its list of
 *		messages, and what codes and statuses mean.
 */
#ifndef MSGEXT_EDNA_ANSWER_H
#define MSGEXT_EDNA_ANSWER_H

#include "core/provider.h"
#include "core/xml.h"

/* What a code says, of a packet or of a message. */
typedef enum EdnaCode
{
	EDNA_OK,
	EDNA_DUPLICATE,	 /* this clientId was used before */
	EDNA_UNKNOWN_ID, /* no message has this providerId */
	EDNA_RETRY,
	EDNA_PAUSE,			/* rights, money, the provider's own system */
	EDNA_PAUSE_ACCOUNT, /* login and password */
	EDNA_MALFORMED,		/* a value that is missing or cannot be read: now as before */
	EDNA_REJECTED		/* every other word */
} EdnaCode;

typedef struct EdnaPacket
{
	const MsgXml *root;
	const char *code; /* payload/code; NULL = none, or more than one */
	size_t code_start;
	size_t code_len;		/* of its element in the text */
	const MsgXml **entries; /* the messages listed, in order */
	int count;
} EdnaPacket;

/* Reads a packet of whatever name; false, with *error filled in, when it is none. */
extern bool msgext_edna_open(MsgArena *arena, const char *body, size_t len,
							 EdnaPacket *packet, MsgError *error);

extern EdnaCode msgext_edna_code(const char *code);
/* Said of a packet, it is not for the sake of one of its messages. */
extern bool msgext_edna_is_general(EdnaCode code);

/* The code of one message; NULL when it has none, or more than one. */
extern const char *msgext_edna_entry_code(MsgArena *arena, const MsgXml *entry);

/* A providerId that can be kept: opaque, but short and printable; NULL = none. */
extern const char *msgext_edna_provider_id(MsgArena *arena, const MsgXml *entry);

/* The job with this key, or with this providerId, looked for from hint on; -1 = none. */
extern int msgext_edna_find(const MsgJob *jobs, int n, int hint, const char *id,
							bool by_provider_id);

/* The word for a state; NULL when the provider has none. */
extern const char *msgext_edna_word(MsgState state);

/* The status that one message is reported to have; NULL when there is none. */
extern MsgEvent *msgext_edna_event(MsgArena *arena, const MsgConn *conn, const char *body,
								   const MsgXml *entry);

#endif /* MSGEXT_EDNA_ANSWER_H */
