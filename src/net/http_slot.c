/*
 * http_slot.c
 *		One request on one easy handle: see http_slot.h.
 *
 * Callbacks touch malloc'ed memory only and never leave through anything but return.
 */
#include "net/http_slot.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MAX_HEADER_BYTES 16384

/* What a slot's buffer may keep between two answers. */
#define KEEP_BODY_ROOM 65536

/*
 * An idle connection may be closed by its server at the very moment we write to it, and
 * then nobody can tell whether the request was read. Servers commonly close after 60 s
 * or more; we do so earlier.
 */
#define MAX_IDLE_SECONDS 20L

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

	if (!keep(&slot->body, data, size * count, slot->max_body))
	{
		slot->too_large = true;
		return 0;
	}
	return size * count;
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
 * Called before a request is written. libcurl writes a request again on a fresh
 * connection when a kept one was closed before the first byte of the answer, a POST
 * too (Curl_retry_request). The server may have read the first one by then, so this
 * ends such a repeat, unless nothing of the first was written.
 */
static int
on_before_request(void *arg, char *primary_ip, char *local_ip, int primary_port,
				  int local_port)
{
	MsgHttpSlot *slot = arg;
	long written = 0;

	(void) primary_ip;
	(void) local_ip;
	(void) primary_port;
	(void) local_port;
	if (slot->begun)
	{
		curl_easy_getinfo(slot->easy, CURLINFO_REQUEST_SIZE, &written);
		if (written > 0)
		{
			slot->written = written;
			slot->repeated = true;
			return CURL_PREREQFUNC_ABORT;
		}
	}
	slot->begun = true;
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
msgext_http_slot_create(void)
{
	MsgHttpSlot *slot = calloc(1, sizeof(MsgHttpSlot));

	if (slot == NULL || (slot->easy = curl_easy_init()) == NULL)
	{
		free(slot);
		return NULL;
	}
	curl_easy_setopt(slot->easy, CURLOPT_PRIVATE, slot);
	curl_easy_setopt(slot->easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(slot->easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(slot->easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(slot->easy, CURLOPT_MAXAGE_CONN, MAX_IDLE_SECONDS);
	curl_easy_setopt(slot->easy, CURLOPT_ERRORBUFFER, slot->error);
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

	if (strcmp(target->version, "1.1") == 0)
		version = CURL_HTTP_VERSION_1_1;
	curl_easy_setopt(slot->easy, CURLOPT_HTTP_VERSION, version);
	curl_easy_setopt(slot->easy, CURLOPT_PIPEWAIT,
					 (long) (strcmp(target->version, "2") == 0));
	curl_easy_setopt(slot->easy, CURLOPT_TIMEOUT_MS, target->timeout_ms);
	curl_easy_setopt(slot->easy, CURLOPT_CONNECTTIMEOUT_MS, target->connect_timeout_ms);
	curl_easy_setopt(slot->easy, CURLOPT_CAINFO, target->ca_file);

	/* An empty text also turns off the proxies of the server's environment. */
	curl_easy_setopt(slot->easy, CURLOPT_PROXY, target->proxy ? target->proxy : "");
	slot->target = target->serial;
}

/* Headers are the same from request to request for the most part: keep the list. */
static bool
set_headers(MsgHttpSlot *slot, const MsgRequest *request)
{
	struct curl_slist *item = slot->headers;
	struct curl_slist *list;
	int i;

	for (i = 0; i < request->nheaders && item != NULL; i++, item = item->next)
		if (strcmp(item->data, request->headers[i]) != 0)
			break;
	if (i == request->nheaders && item != NULL && item->next == NULL)
		return true;

	curl_slist_free_all(slot->headers);
	slot->headers = NULL;
	for (i = 0; i <= request->nheaders; i++)
	{
		/* No "Expect: 100-continue": it costs a round trip. */
		list = curl_slist_append(slot->headers,
								 i < request->nheaders ? request->headers[i] : "Expect:");
		if (list == NULL)
			return false;
		slot->headers = list;
	}
	curl_easy_setopt(slot->easy, CURLOPT_HTTPHEADER, slot->headers);
	return true;
}

bool
msgext_http_slot_aim(MsgHttpSlot *slot, const MsgHttpTarget *target,
					 const MsgRequest *request, size_t max_body)
{
	slot->begun = slot->repeated = slot->too_large = false;
	slot->written = 0;
	slot->body.len = slot->head.len = 0;
	slot->error[0] = '\0';
	slot->max_body = max_body;
	if (slot->target != target->serial)
		set_target(slot, target);
	curl_easy_setopt(slot->easy, CURLOPT_URL, request->url);
	if (strcmp(request->method, "GET") == 0)
		curl_easy_setopt(slot->easy, CURLOPT_HTTPGET, 1L);
	else
	{
		curl_easy_setopt(slot->easy, CURLOPT_POST, 1L);
		curl_easy_setopt(slot->easy, CURLOPT_POSTFIELDSIZE_LARGE,
						 (curl_off_t) request->body_len);
		curl_easy_setopt(slot->easy, CURLOPT_POSTFIELDS,
						 request->body_len > 0 ? request->body : "");
	}
	return set_headers(slot, request);
}

/* Seconds or an HTTP date (RFC 9110, 10.2.3), in milliseconds; -1 when there is none. */
static int64_t
retry_after_ms(const MsgHttpSlot *slot, int64_t received_us)
{
	const char *line = slot->head.data;
	char value[64];
	size_t len;
	char *end;
	long seconds;
	time_t at;

	for (; line != NULL && *line != '\0'; line = strchr(line, '\n'))
	{
		if (*line == '\n')
			line++;
		if (strncasecmp(line, "Retry-After:", 12) != 0)
			continue;
		line += 12;
		line += strspn(line, " \t");
		len = strcspn(line, "\r\n");
		if (len == 0 || len >= sizeof(value))
			return -1;
		memcpy(value, line, len);
		value[len] = '\0';
		seconds = strtol(value, &end, 10);
		end += strspn(end, " \t");
		if (*end == '\0' && seconds >= 0)
			return (int64_t) (seconds > 86400 * 7 ? 86400 * 7 : seconds) * 1000;
		if ((at = curl_getdate(value, NULL)) == (time_t) -1)
			return -1;
		if (at > received_us / 1000000 + 86400 * 7)
			return INT64_C(86400) * 7 * 1000;
		return at > received_us / 1000000 ? ((int64_t) at - received_us / 1000000) * 1000
										  : 0;
	}
	return -1;
}

void
msgext_http_slot_read(MsgHttpSlot *slot, CURLcode code, int64_t now_us,
					  MsgHttpResult *result)
{
	long written = 0;
	long status = 0;

	curl_easy_getinfo(slot->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(slot->easy, CURLINFO_REQUEST_SIZE, &written);
	result->error = NULL;
	if (code == CURLE_OK)
		result->transport = MSG_TRANSPORT_ANSWERED;
	else
	{
		result->transport = written > 0 || slot->written > 0 ? MSG_TRANSPORT_CUT
															 : MSG_TRANSPORT_NEVER_LEFT;
		if (slot->too_large)
			result->error = "the answer is larger than msgext.max_response_size";
		else if (slot->repeated)
			result->error = "the connection was closed before an answer";
		else
			result->error =
				slot->error[0] != '\0' ? slot->error : curl_easy_strerror(code);
	}
	result->reply.status = (int) status;
	result->reply.body = slot->body.len > 0 ? slot->body.data : "";
	result->reply.body_len = slot->body.len;
	result->reply.headers = slot->head.len > 0 ? slot->head.data : "";
	result->reply.now_us = now_us;
	result->reply.retry_after_ms = slot->head.len > 0 ? retry_after_ms(slot, now_us) : -1;
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
