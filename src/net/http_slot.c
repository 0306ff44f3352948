/*
 * http_slot.c
 *		One request on one easy handle: see http_slot.h.
 *
 * Callbacks touch malloc'ed memory only and never leave through anything but return.
 */
#include "net/http_slot.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "net/http_address.h"
#include "net/http_options.h"
#include "net/http_tls.h"

#define MAX_HEADER_BYTES 16384

/* What a slot's buffer may keep between two answers. */
#define KEEP_BODY_ROOM 65536

/*
 * An idle connection may be closed by its server at the very moment we write to it, and
 * then nobody can tell whether the request was read. Servers commonly close after 60 s
 * or more; we do so earlier.
 */
#define MAX_IDLE_SECONDS 20L

/* How often a request that was certainly not processed goes out again at once. */
#define MAX_RENEWALS 5

#define MAX_RETRY_AFTER (7 * 86400) /* seconds */

static bool
keep(MsgHttpBytes *bytes, const char *data, size_t len, size_t max)
{
	if (len > max || bytes->len > max - len)
		return false;
	if (bytes->len + len + 1 > bytes->room)
	{
		size_t room = bytes->room == 0 ? 1024 : bytes->room;
		char *grown;

		while (room < bytes->len + len + 1)
			room *= 2;
		if ((grown = realloc(bytes->data, room)) == NULL)
			return false;
		bytes->data = grown;
		bytes->room = room;
	}
	memcpy(bytes->data + bytes->len, data, len);
	bytes->len += len;
	bytes->data[bytes->len] = '\0';
	return true;
}

static size_t
on_body(char *data, size_t size, size_t count, void *arg)
{
	MsgHttpSlot *slot = arg;
	size_t room = slot->max_body - slot->body.len;
	size_t len = size * count;

	/* Of one that is too large there is the beginning. */
	if (keep(&slot->body, data, len < room ? len : room, slot->max_body) && len <= room)
		return len;
	slot->too_large = true;
	return 0;
}

static size_t
on_header(char *data, size_t size, size_t count, void *arg)
{
	MsgHttpSlot *slot = arg;

	/* A new status line: what came before was an interim answer (RFC 9110, 15.2). */
	if (size * count > 5 && memcmp(data, "HTTP/", 5) == 0)
		slot->head.len = 0;

	/* What is beyond the limit is not kept, and no reason to refuse the answer. */
	keep(&slot->head, data, size * count, MAX_HEADER_BYTES);
	return size * count;
}

/*
 * Is there something to read on a connection before its request is written? A surplus
 * answer to the last request, or an unasked 408 (RFC 9110, 15.5.9), would be taken for
 * the answer to this one. libcurl 7.88 uses such a connection.
 */
static bool
has_waiting_bytes(const MsgHttpSlot *slot, const MsgHttpSocket *socket,
				  const MsgHttpTls *tls)
{
	char byte;

	/* An answer of HTTP/2 names its stream, and pings may wait at any time. */
	if (tls->http2)
		return false;
	if (socket == NULL)
	{
		long connects = 0;

		/* Not to be looked at: good enough if it is new. */
		curl_easy_getinfo(slot->easy, CURLINFO_NUM_CONNECTS, &connects);
		return connects == 0;
	}

	/* The session tickets of TLS 1.3 come before the first answer. */
	if (tls->used && !socket->used)
		return false;
	if (tls->ssl != NULL && SSL_has_pending(tls->ssl))
		return true;
	return recv(socket->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 ||
		   (errno != EAGAIN && errno != EWOULDBLOCK);
}

/*
 * Called before a request is written. libcurl writes a request again on a fresh
 * connection when a kept one was closed before the first byte of the answer, a POST
 * too (Curl_retry_request). The server may have read the first one by then, so this
 * ends such a repeat, unless nothing of the first was written or the peer has said
 * that it did not read it.
 */
static int
on_before_request(void *arg, char *primary_ip, char *local_ip, int primary_port,
				  int local_port)
{
	MsgHttpSlot *slot = arg;
	MsgHttpSocket *socket;
	MsgHttpTls tls;
	long written = 0;

	(void) local_ip;

	/* A kept connection may have been opened for a target that denies nothing. */
	if (slot->opener.deny_private && !msgext_http_address_text_is_public(primary_ip))
	{
		slot->opener.denied = true;
		return CURL_PREREQFUNC_ABORT;
	}
	tls = msgext_http_tls_of(slot->easy);
	if (tls.ready)
		msgext_http_gate_settle(&slot->opener.turn, tls.http2);
	curl_easy_getinfo(slot->easy, CURLINFO_REQUEST_SIZE, &written);
	if (slot->begun && written > slot->before && !slot->refused)
	{
		slot->repeated = true;
		return CURL_PREREQFUNC_ABORT;
	}
	if (slot->opener.turn.gate != NULL && !tls.ready)
	{
		slot->early = true;
		return CURL_PREREQFUNC_ABORT;
	}
	socket = msgext_http_sockets_find(slot->opener.sockets, local_port, primary_ip,
									  primary_port);
	slot->begun = true;
	slot->refused = false;
	slot->before = written;
	slot->stream = 0;
	slot->socket = socket != NULL ? socket->serial : 0;
	if (has_waiting_bytes(slot, socket, &tls))
	{
		slot->stale = true;
		return CURL_PREREQFUNC_ABORT;
	}
	if (socket != NULL)
		socket->used = true;

	/* What http_trace.c listens for is said of HTTP/2 alone, and to say it costs much. */
	curl_easy_setopt(slot->easy, CURLOPT_VERBOSE,
					 (long) (tls.http2 || (tls.used && tls.ssl == NULL)));
	return CURL_PREREQFUNC_OK;
}

void
msgext_http_slot_free(MsgHttpSlot *slot)
{
	if (slot->easy != NULL)
		curl_easy_cleanup(slot->easy);
	curl_slist_free_all(slot->headers);
	free(slot->body.data);
	free(slot->head.data);
	free(slot);
}

/* Options that are the same for every request of every target. */
MsgHttpSlot *
msgext_http_slot_create(MsgHttpSockets *sockets, MsgHttpSessions *sessions,
						MsgHttpSlot *const *all)
{
	MsgHttpSlot *slot = calloc(1, sizeof(MsgHttpSlot));

	if (slot == NULL || (slot->easy = curl_easy_init()) == NULL)
	{
		free(slot);
		return NULL;
	}
	slot->opener.sockets = sockets;
	slot->sessions = sessions;
	slot->all = all;
	msgext_http_sockets_attach(&slot->opener, slot->easy);
	msgext_http_options_bound(slot->easy);
	curl_easy_getinfo(slot->easy, CURLINFO_CAINFO, &slot->system_ca_file);
	curl_easy_getinfo(slot->easy, CURLINFO_CAPATH, &slot->system_ca_folder);
	curl_easy_setopt(slot->easy, CURLOPT_PRIVATE, slot);
	curl_easy_setopt(slot->easy, CURLOPT_MAXAGE_CONN, MAX_IDLE_SECONDS);
	curl_easy_setopt(slot->easy, CURLOPT_ERRORBUFFER, slot->error);

	/*
	 * One encoding that every server has: libcurl writes the field anew for each request,
	 * a letter at a time. on_body sees, and counts, what comes out of it.
	 */
	curl_easy_setopt(slot->easy, CURLOPT_ACCEPT_ENCODING, "gzip");
	curl_easy_setopt(slot->easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(slot->easy, CURLOPT_WRITEDATA, slot);
	curl_easy_setopt(slot->easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(slot->easy, CURLOPT_HEADERDATA, slot);
	curl_easy_setopt(slot->easy, CURLOPT_PREREQFUNCTION, on_before_request);
	curl_easy_setopt(slot->easy, CURLOPT_PREREQDATA, slot);
	return slot;
}

static void
set_target(MsgHttpSlot *slot, const MsgHttpTarget *target)
{
	long version = CURL_HTTP_VERSION_2TLS;
	const char *proxy = target->proxy != NULL ? target->proxy : "";

	if (strcmp(target->version, "1.1") == 0)
		version = CURL_HTTP_VERSION_1_1;
	curl_easy_setopt(slot->easy, CURLOPT_HTTP_VERSION, version);
	curl_easy_setopt(slot->easy, CURLOPT_TIMEOUT_MS, target->timeout_ms);
	curl_easy_setopt(slot->easy, CURLOPT_CONNECTTIMEOUT_MS, target->connect_timeout_ms);
	msgext_http_sessions_use(slot->sessions, slot->easy, target->serial);

	/* The target's certificates instead of the system's, not beside them. */
	if (target->ca_file != NULL)
		msgext_http_tls_believe(slot->easy, target->ca_file, NULL);
	else
		msgext_http_tls_believe(slot->easy, slot->system_ca_file, slot->system_ca_folder);

	/* Empty texts also turn off http_proxy and no_proxy of the server's environment. */
	curl_easy_setopt(slot->easy, CURLOPT_PROXY, proxy);
	curl_easy_setopt(slot->easy, CURLOPT_NOPROXY, "");

	/* What waits in the outer of two layers of TLS is not to be seen: use it once. */
	curl_easy_setopt(slot->easy, CURLOPT_FORBID_REUSE,
					 (long) (strncmp(proxy, "https:", 6) == 0));
	slot->opener.deny_private = target->deny_private;
	slot->may_share =
		version == CURL_HTTP_VERSION_2TLS && strncmp(proxy, "https:", 6) != 0;
	slot->target = target->serial;
}

/* Nothing is known of what libcurl is about to do. */
static void
begin_attempt(MsgHttpSlot *slot)
{
	slot->begun = slot->refused = slot->stale = slot->early = false;
	slot->stream = slot->before = 0;
	slot->error[0] = '\0';
}

bool
msgext_http_slot_prepare(MsgHttpSlot *slot, const MsgHttpTarget *target,
						 const MsgRequest *request, size_t max_body)
{
	begin_attempt(slot);
	slot->repeated = slot->too_large = slot->opener.denied = false;
	slot->socket = 0;
	if (slot->renewals > 0)
		curl_easy_setopt(slot->easy, CURLOPT_FRESH_CONNECT, 0L);
	slot->renewals = 0;
	slot->body.len = slot->head.len = 0;
	slot->max_body = max_body;
	curl_easy_setopt(slot->easy, CURLOPT_VERBOSE, 0L);
	if (slot->target != target->serial)
		set_target(slot, target);
	curl_easy_setopt(slot->easy, CURLOPT_URL, request->url);
	msgext_http_options_set_method(slot->easy, request);
	return msgext_http_options_set_headers(slot->easy, &slot->headers, request);
}

/* RFC 9110, 10.2.3, in milliseconds; -1 when there is none. */
static int64_t
retry_after_ms(const MsgHttpSlot *slot)
{
	struct curl_header *header;
	long long seconds;
	char *end;

	/*
	 * libcurl's own number does not tell 0 from nothing, and of late ends at six hours.
	 */
	if (curl_easy_header(slot->easy, "Retry-After", 0, CURLH_HEADER, -1, &header) !=
		CURLHE_OK)
		return -1;
	seconds = strtoll(header->value, &end, 10);
	if (end == header->value || *end != '\0')
	{
		time_t date = curl_getdate(header->value, NULL);

		seconds = date != (time_t) -1 ? (long long) date - (long long) time(NULL) : 0;
	}
	if (seconds < 0)
		seconds = 0; /* a date that is past */
	return (seconds < MAX_RETRY_AFTER ? seconds : MAX_RETRY_AFTER) * INT64_C(1000);
}

/* Has the peer said that it did not process the request? An answer would belie it. */
static bool
was_refused(const MsgHttpSlot *slot)
{
	return slot->refused && slot->head.len == 0;
}

bool
msgext_http_slot_renew(MsgHttpSlot *slot, CURLcode code)
{
	if (code == CURLE_OK || slot->repeated || slot->renewals == MAX_RENEWALS)
		return false;
	if (slot->stale)
		curl_easy_setopt(slot->easy, CURLOPT_FRESH_CONNECT, 1L);
	else if (!slot->early && !was_refused(slot))
		return false;
	begin_attempt(slot);
	slot->renewals++;
	return true;
}

/*
 * Has a peer of HTTP/2 ended the stream behind the request's head, before anything of its body
 * was written? It may have answered; libcurl 7.88 writes the body next, finds the stream
 * closed, and gives up what it has read.
 */
static bool
body_has_not_left(const MsgHttpSlot *slot, CURLcode code)
{
	curl_off_t length = 0;
	curl_off_t sent = 0;

	if (code != CURLE_HTTP2_STREAM)
		return false;
	curl_easy_getinfo(slot->easy, CURLINFO_CONTENT_LENGTH_UPLOAD_T, &length);
	curl_easy_getinfo(slot->easy, CURLINFO_SIZE_UPLOAD_T, &sent);
	return length > 0 && sent == 0;
}

/* May the peer have read the request, or a part of it that is more than its head? */
static bool
may_have_arrived(const MsgHttpSlot *slot, CURLcode code)
{
	long written = 0;

	curl_easy_getinfo(slot->easy, CURLINFO_REQUEST_SIZE, &written);
	return slot->begun && written > slot->before && !was_refused(slot) &&
		   !body_has_not_left(slot, code);
}

/*
 * A peer of HTTP/2 may answer before it has read the whole of a request, and read no more
 * (RFC 9113, 8.1). To libcurl 7.88 that is an error, though the answer is whole.
 */
static bool
is_answered(const MsgHttpSlot *slot, CURLcode code)
{
	curl_off_t promised = -1;
	curl_off_t came = 0;

	if (code != CURLE_HTTP2_STREAM || slot->head.len == 0)
		return code == CURLE_OK;
	curl_easy_getinfo(slot->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &promised);
	curl_easy_getinfo(slot->easy, CURLINFO_SIZE_DOWNLOAD_T, &came);
	return promised == came;
}

void
msgext_http_slot_read(MsgHttpSlot *slot, CURLcode code, int64_t now_us,
					  MsgHttpResult *result)
{
	long status = 0;

	curl_easy_getinfo(slot->easy, CURLINFO_RESPONSE_CODE, &status);
	result->error = NULL;
	result->clipped = slot->too_large;
	if (is_answered(slot, code))
		result->transport = MSG_TRANSPORT_ANSWERED;
	else
	{
		result->transport =
			may_have_arrived(slot, code) ? MSG_TRANSPORT_CUT : MSG_TRANSPORT_NEVER_LEFT;
		if (slot->opener.denied)
			result->error = "the address is not a public one, and deny_private is on";
		else if (slot->too_large)
			result->error = "the answer is larger than msgext.max_response_size";
		else if (slot->repeated)
			result->error = "the connection was closed before an answer";
		else if (slot->stale)
			result->error = "the peer answered before it was asked";
		else if (slot->refused)
			result->error = "the peer refused the request unread";
		else
			result->error =
				slot->error[0] != '\0' ? slot->error : curl_easy_strerror(code);
	}
	result->reply.status = (int) status;
	result->reply.body = slot->body.len > 0 ? slot->body.data : "";
	result->reply.body_len = slot->body.len;
	result->reply.headers = slot->head.len > 0 ? slot->head.data : "";
	result->reply.now_us = now_us;
	result->reply.retry_after_ms = slot->head.len > 0 ? retry_after_ms(slot) : -1;
}

MsgHttpSlot *
msgext_http_slot_of(MsgHttpTurn *turn)
{
	return (MsgHttpSlot *) ((char *) turn - offsetof(MsgHttpSlot, opener.turn));
}

void
msgext_http_slot_trim(MsgHttpSlot *slot)
{
	if (slot->body.room > KEEP_BODY_ROOM)
	{
		free(slot->body.data);
		memset(&slot->body, 0, sizeof(slot->body));
	}
}
