/*
 * http_slot.h
 *		One request on one easy handle: its settings, what has come of it, what that means.
 *
 * A slot is used again and again, for the sake of the handle and its buffers. Knows no
 * other request and no socket: http_client.c does.
 */
#ifndef MSGEXT_HTTP_SLOT_H
#define MSGEXT_HTTP_SLOT_H

#include <curl/curl.h>

#include "net/http_client.h"

typedef struct MsgHttpBytes
{
	char *data;
	size_t len;
	size_t room;
} MsgHttpBytes;

typedef struct MsgHttpSlot
{
	struct MsgHttpSlot *next; /* in the client's list of idle or of busy slots */
	struct MsgHttpSlot *prev; /* of busy ones */
	CURL *easy;
	uint64_t target; /* serial of the one it is set up for; 0 = none */
	void *cookie;
	struct curl_slist *headers;
	size_t max_body; /* of the answer, in bytes */
	long written;	 /* bytes of the request on the wire, when it was begun again */
	bool begun;		 /* libcurl was about to write the request */
	bool repeated;	 /* it was about to write it a second time, and was stopped */
	bool too_large;	 /* the answer is */
	MsgHttpBytes body;
	MsgHttpBytes head;
	char error[CURL_ERROR_SIZE];
} MsgHttpSlot;

/* Returns NULL when there is no memory. */
extern MsgHttpSlot *msgext_http_slot_create(void);
extern void msgext_http_slot_free(MsgHttpSlot *slot);

/* Sets the handle up, which keeps pointers into the request. False: no memory. */
extern bool msgext_http_slot_aim(MsgHttpSlot *slot, const MsgHttpTarget *target,
								 const MsgRequest *request, size_t max_body);

/* What came of it, but its cookie: valid until the slot is aimed again or trimmed. */
extern void msgext_http_slot_read(MsgHttpSlot *slot, CURLcode code, int64_t now_us,
								  MsgHttpResult *result);

/* Gives back what an unusually large answer took. */
extern void msgext_http_slot_trim(MsgHttpSlot *slot);

#endif /* MSGEXT_HTTP_SLOT_H */
