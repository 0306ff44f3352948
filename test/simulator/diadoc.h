/*
 * diadoc.h
 *		What the files that play Diadoc share: a message as it was posted.
 *
 * For diadoc*.c only. "PostMessage", "MessageToPost" and so on in comments are the
 * provider's pages of those names.
 */
#ifndef SIMULATOR_DIADOC_H
#define SIMULATOR_DIADOC_H

#include "md5.h"
#include "provider.h"

#define GUID_SIZE 37
#define BOX_SIZE 44 /* 32 digits, "@diadoc.ru" and the NUL */

/* What becomes of a document: "fate=..." in its comment. */
typedef enum DiadocFate
{
	FATE_DELIVERED,
	FATE_NEVER, /* sent, and that is the last that is heard */
	FATE_INVALID_SIGNATURE,
	FATE_ROAMING_ERROR, /* the recipient's operator refuses it */
	FATE_REFUSED,		/* delivered; the recipient refuses to sign */
	FATE_DELETED,		/* answered with 404 once it would be delivered */
	FATE_MALWARE		/* likewise with 410 */
} DiadocFate;

typedef struct DiadocItem
{
	char *key;
	char *value;
} DiadocItem;

typedef struct DiadocDocument
{
	unsigned list; /* number of the field it was posted in */
	char *type;	   /* TypeNamedId; of the old lists their name */
	char *function;
	char *version;
	char *custom_id;
	char *comment;
	DiadocItem *metadata;
	int metadata_len;
	bool need_signature;
	bool test_signature;
	size_t length;
	size_t signature_length;
	char md5[MD5_TEXT_SIZE]; /* of the content */
	DiadocFate fate;
	char entity_id[GUID_SIZE];
	char signature_id[GUID_SIZE];
	char report_id[GUID_SIZE];
} DiadocDocument;

typedef struct DiadocMessage
{
	struct DiadocMessage *next_by_key;
	struct DiadocMessage *next_by_id;
	char id[GUID_SIZE];
	char *key; /* box and operation */
	char *operation_id;
	char from[BOX_SIZE];
	char to[BOX_SIZE]; /* "" = none */
	bool is_draft;
	bool is_internal;
	bool is_delayed;
	bool is_locked;
	unsigned lock_mode;
	int structured; /* files of structured data */
	DiadocDocument *documents;
	int documents_len;
	int64_t at_us;
	uint64_t ledger; /* number of its line */
} DiadocMessage;

/* Why a request is refused. */
typedef struct DiadocObjection
{
	const char *code; /* NULL = it is not */
	char text[256];
} DiadocObjection;

extern void diadoc_guid(char guid[GUID_SIZE]);

/* A GUID or 32hex@diadoc.ru; box in the second form. */
extern bool diadoc_box(const char *text, size_t len, char box[BOX_SIZE]);

/* diadoc_check.c: reads a MessageToPost; diadoc_message_free() in any case. */
extern DiadocObjection diadoc_read(const Buf *body, int max_documents,
								   DiadocMessage *message);
/* Its FromBoxId only; false if there is none. */
extern bool diadoc_read_box(const Buf *body, char box[BOX_SIZE]);
extern void diadoc_message_free(DiadocMessage *message);

/* diadoc_document.c */
extern const char *diadoc_file_name(const DiadocDocument *document);

/* diadoc_login.c */
extern void diadoc_authenticate(Request *request, Reply *reply);
extern void diadoc_refresh(Request *request, Reply *reply);
extern bool diadoc_authorized(const Request *request, Reply *reply);
extern bool diadoc_login_option(const char *option, const char *value);
extern void diadoc_login_start(void);
extern void diadoc_login_stop(void);
extern void diadoc_expire(void);

/* diadoc_answer.c: as they are after that many steps. */
extern void diadoc_write_message(Buf *out, const DiadocMessage *message, int64_t steps);
extern void diadoc_write_document(Buf *out, const DiadocMessage *message,
								  const DiadocDocument *document, int64_t steps,
								  bool with_content);

/* diadoc.c: an answer in the provider's form of an error. */
extern void diadoc_refuse(Reply *reply, unsigned status, const char *code,
						  const char *text);

#endif /* SIMULATOR_DIADOC_H */
