/*
 * document.h
 *		A document as answers show it, and as a message's detail keeps it.
 *
 * Owns the shape of what this provider puts into the detail:
 *
 *		{"message_id": "...", "box": "...", "created_at": "...", "draft": true,
 *		 "trace_id": "...", "documents": [{"entity_id": "...", "custom_document_id":
 *		 "...", "state": "sent", "at": "...", "error": "...", "recipient_response": "...",
 *		 "text": "..."}]}
 *
 * where all but message_id, box, entity_id and state may be absent.
 */
#ifndef MSGEXT_DIADOC_DOCUMENT_H
#define MSGEXT_DIADOC_DOCUMENT_H

#include "core/pb.h"
#include "core/provider.h"

/* Of every answer: many thousand documents, in whatever they are wrapped. */
extern const MsgPbLimits msgext_diadoc_answer_limits;

typedef struct DiadocDocument
{
	const char *entity_id;
	const char *custom_id; /* or NULL, as all that follow */
	MsgState state;
	const char
		*status; /* the provider's word for what decided on the state; never NULL */
	const char *error;
	const char *recipient; /* RecipientResponseStatus */
	const char *text;	   /* what the provider's own pages show */
	int64_t at_us;
} DiadocDocument;

/* The fields of a Document that are read, for a list of what to keep. */
#define DIADOC_DOCUMENT_FIELDS(prefix)                                                   \
	prefix "EntityId", prefix "CustomDocumentId", prefix "SendTimestampTicks",           \
		prefix "DeliveryTimestampTicks", prefix "RoamingNotificationStatus",             \
		prefix "RoamingNotificationStatusDescription", prefix "SenderSignatureStatus",   \
		prefix "RecipientResponseStatus",                                                \
		prefix "DocflowStatus.PrimaryStatus.StatusText"

/* 100 ns steps since 0001-01-01 UTC, and those between there and the Unix epoch. */
#define DIADOC_EPOCH_TICKS INT64_C(621355968000000000)
#define DIADOC_TICKS_PER_US 10

/* Fields of a Message that are read. */
extern const char *const msgext_diadoc_message_fields[];

/* A string that is not empty and has no NUL in it, else NULL. */
extern const char *msgext_diadoc_string(const MsgJson *object, const char *name);

/* Is text a GUID, with or without its hyphens? */
extern bool msgext_diadoc_is_guid(const char *text);

/* Ticks as microseconds since the Unix epoch; 0 when absent, or no time of this age. */
extern int64_t msgext_diadoc_time(const MsgJson *object, const char *name);

extern void msgext_diadoc_document(const MsgJson *json, DiadocDocument *document);

/* The documents of a message in the order of its entities, the first thousand. */
extern DiadocDocument *msgext_diadoc_documents(MsgArena *arena, const MsgJson *message,
											   int *n);

extern MsgJson *msgext_diadoc_document_json(MsgArena *arena,
											const DiadocDocument *document);

/* Is it a draft, of which nothing is to be heard until a person sends it? */
extern bool msgext_diadoc_is_draft(const MsgJson *message);

/* The one document that a status request asks for; NULL: it asks for the message. */
extern const char *msgext_diadoc_single(const MsgJob *job);

#endif /* MSGEXT_DIADOC_DOCUMENT_H */
