/*
 * http_slot.h
 *		One request on one easy handle: its settings, what has come of it, what that
 *		means.
 *
 * A slot is used again and again, for the sake of the handle and its buffers. Reads and
 * writes no socket: http_client.c drives libcurl.
 */
#ifndef MSGEXT_HTTP_SLOT_H
#define MSGEXT_HTTP_SLOT_H

#include <curl/curl.h>

#include "net/http_exchange.h"
#include "net/http_socket.h"
#include "net/http_tls.h"

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
	const char *system_ca_file;	  /* libcurl's own default */
	const char *system_ca_folder; /* likewise */
	uint64_t target;			  /* serial of the one it is set up for; 0 = none */
	void *cookie;
	struct curl_slist *headers;
	size_t max_body;				/* of the answer, in bytes */
	struct MsgHttpSlot *const *all; /* the client's busy ones */
	MsgHttpSessions *sessions;
	MsgHttpOpener opener;
	uint64_t socket; /* serial of the one it is on; 0 = not known */
	long stream;	 /* HTTP/2: which of the connection's; 0 = none, or not known */
	long before;	 /* bytes libcurl had written when this attempt began */
	bool begun;		 /* libcurl was about to write the request */
	bool refused;	 /* HTTP/2: certainly not processed by the peer */
	bool repeated;	 /* libcurl was about to write it a second time, and was stopped */
	bool stale;		 /* the connection had something to read before the request */
	bool early;		 /* the connection, which others make, was not there yet */
	bool may_share;	 /* connections, by HTTP/2 */
	bool unbegun;	 /* libcurl had no memory to begin with it */
	int renewals;	/* how often it was sent once more, because nobody had processed it */
	bool too_large; /* the answer is */
	MsgHttpBytes body;
	MsgHttpBytes head;
	char error[CURL_ERROR_SIZE];
} MsgHttpSlot;

/* Returns NULL when there is no memory. */
extern MsgHttpSlot *msgext_http_slot_create(MsgHttpSockets *sockets,
											MsgHttpSessions *sessions,
											MsgHttpSlot *const *all);
extern void msgext_http_slot_free(MsgHttpSlot *slot);

/* Sets the handle up, which keeps pointers into the request. False: no memory. */
extern bool msgext_http_slot_prepare(MsgHttpSlot *slot, const MsgHttpTarget *target,
									 const MsgRequest *request, size_t max_body);

/*
 * Is it certain that nobody has processed the request, because its kept connection could
 * not be trusted or the peer of HTTP/2 refused it? Then, a few times, the handle is set
 * up to send it once more.
 */
extern bool msgext_http_slot_renew(MsgHttpSlot *slot, CURLcode code);

/* What came of it, but its cookie: valid until the slot is prepared again or trimmed. */
extern void msgext_http_slot_read(MsgHttpSlot *slot, CURLcode code, int64_t now_us,
								  MsgHttpResult *result);

/* The slot that waits. */
extern MsgHttpSlot *msgext_http_slot_of(MsgHttpTurn *turn);

/* Gives back what an unusually large answer took. */
extern void msgext_http_slot_trim(MsgHttpSlot *slot);

#endif /* MSGEXT_HTTP_SLOT_H */
