/*
 * attachment.h
 *		What holds for every document of a message, whichever list it stands in.
 *
 * Reads a payload whose form has been checked against the schema; owns the rules that the
 * schema does not show.
 */
#ifndef MSGEXT_DIADOC_ATTACHMENT_H
#define MSGEXT_DIADOC_ATTACHMENT_H

#include "core/pb.h"

typedef struct Attachments
{
	MsgArena *arena;
	const MsgPayload *payload;
	MsgError *error;
	bool is_signed;		 /* false: a draft or a delayed send, which has no signatures */
	const MsgJson **ids; /* every CustomDocumentId */
	int nids;
} Attachments;

/* Is this field of the message one of its lists of documents? */
extern bool msgext_diadoc_is_documents(const ProtobufCFieldDescriptor *field);

/* Notes the CustomDocumentIds; ids has room for all documents. False on a repetition. */
extern bool msgext_diadoc_collect_id(Attachments *all, const MsgJson *document,
									 const MsgPbPlace *place);

/* Is there a document of that CustomDocumentId? */
extern bool msgext_diadoc_has_id(const Attachments *all, const MsgJson *id);

extern bool msgext_diadoc_check_attachment(Attachments *all, const MsgJson *document,
										   const MsgPbPlace *place);

/* A string that is not empty, or NULL. */
extern const MsgJson *msgext_diadoc_filled(const MsgJson *object, const char *name);

extern bool msgext_diadoc_is_true(const MsgJson *object, const char *name);

#endif /* MSGEXT_DIADOC_ATTACHMENT_H */
