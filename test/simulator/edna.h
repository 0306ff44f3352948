/*
 * edna.h
 *		What the files that play edna share: a packet as it was read, and what has
 *		become of each of its messages.
 *
 * For edna*.c only. Names in comments such as "consumeOutMessageResponse" are the
 * provider's packets.
 */
#ifndef SIMULATOR_EDNA_H
#define SIMULATOR_EDNA_H

#include "message.h"
#include "provider.h"

#define EDNA_SEND "consumeOutMessageRequest"
#define EDNA_STATUS "provideOutMessageDlvStatusRequest"
#define EDNA_SEND_ANSWER "consumeOutMessageResponse"
#define EDNA_STATUS_ANSWER "provideOutMessageDlvStatusResponse"

#define EDNA_PROLOG "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\"?>"

/* Children of outMessage. */
typedef enum EdnaField
{
	EDNA_ADDRESS,
	EDNA_SUBJECT,
	EDNA_PRIORITY,
	EDNA_START_TIME,
	EDNA_VALIDITY,
	EDNA_CONTENT_TYPE,
	EDNA_CONTENT,
	EDNA_COMMENT,
	EDNA_FIELDS
} EdnaField;

/* One outMessage; what it leaves out has been taken from outMessageCommon. */
typedef struct EdnaItem
{
	char *id;				   /* clientId of a send, providerId of a status query */
	char *fields[EDNA_FIELDS]; /* NULL = given nowhere */
} EdnaItem;

typedef struct EdnaPacket
{
	char *login;
	char *password;
	EdnaItem *items;
	int len;
} EdnaPacket;

/* What the answer says of one message. */
typedef struct EdnaResult
{
	uint64_t client_id;
	uint64_t provider_id; /* 0 = none */
	const char *code;
	bool left_out;
} EdnaResult;

/* edna_packet.c: the name of the root element, "" if there is none to be seen. */
extern size_t edna_root(const Buf *body, const char **name);
extern void edna_packet_start(void);
extern void edna_packet_stop(void);
extern const char *edna_field_name(EdnaField field);

/* False = error-syntax. edna_packet_free() in any case. */
extern bool edna_read(const Buf *body, const char *root, EdnaPacket *packet);
extern void edna_packet_free(EdnaPacket *packet);

/* edna_check.c */
extern bool edna_client_id(const char *text, uint64_t *id);
/* The code of the first objection to a message, or NULL. */
extern const char *edna_check(const EdnaItem *item);

/* edna_answer.c */
extern const char *const edna_oddities[];
extern void edna_answer_refused(Reply *reply, const char *root, const char *code);
extern void edna_answer_send(Reply *reply, const char *oddity, EdnaResult *results,
							 int len);
extern void edna_open(Buf *out, const char *root, const char *oddity);
extern void edna_text(Buf *out, const char *text);

/* edna_status.c */
extern void edna_answer_status(Reply *reply, const MessageStore *store,
							   const EdnaPacket *packet);
extern void edna_push(const Message *message, int channel);

#endif /* SIMULATOR_EDNA_H */
