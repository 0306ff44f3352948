/*
 * http_client.c
 *		Many HTTP requests at once on libcurl's multi interface: see http_client.h.
 *
 * libcurl tells which sockets it watches (CURLMOPT_SOCKETFUNCTION) and when it wants to
 * be called (CURLMOPT_TIMERFUNCTION); an epoll descriptor of our own collects the
 * sockets. Callbacks touch malloc'ed memory only and never leave through anything but
 * return.
 */
#include "net/http_client.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define MAX_HEADER_BYTES 16384
#define MAX_EVENTS 16

/* What a slot's buffer may keep between two answers. */
#define KEEP_BODY_ROOM 65536

/*
 * An idle connection may be closed by its server at the very moment we write to it, and
 * then nobody can tell whether the request was read. Servers commonly close after 60 s
 * or more; we do so earlier.
 */
#define MAX_IDLE_SECONDS 20L

/*
 * Connections kept. libcurl's own limit is four for each request that it knows at the
 * moment: where results are taken by the dozen it would close what the next dozen needs.
 * There are never more than requests that were under way at once.
 */
#define MAX_CONNECTIONS 16384L

typedef struct Bytes
{
	char *data;
	size_t len;
	size_t room;
} Bytes;

typedef struct Slot
{
	struct Slot *next; /* in the list of idle or of busy slots */
	struct Slot *prev; /* of busy ones */
	MsgHttp *http;
	CURL *easy;
	uint64_t target; /* serial of the one it is set up for; 0 = none */
	void *cookie;
	struct curl_slist *headers;
	long written;	/* bytes of the request on the wire, when it was begun again */
	bool begun;		/* libcurl was about to write the request */
	bool repeated;	/* it was about to write it a second time, and was stopped */
	bool too_large; /* the answer is */
	Bytes body;
	Bytes head;
	char error[CURL_ERROR_SIZE];
} Slot;

struct MsgHttp
{
	CURLM *multi;
	int epoll;
	size_t max_body;
	int in_flight;
	int64_t deadline_us; /* when libcurl wants to be called; -1 = never */
	int watched;		 /* a descriptor of the owner, or -1 */
	Slot *idle;
	Slot *busy; /* for destroy: what is under way */
};

static int64_t
now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static bool
keep(Bytes *bytes, const char *data, size_t len, size_t max)
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
	Slot *slot = arg;

	if (!keep(&slot->body, data, size * count, slot->http->max_body))
	{
		slot->too_large = true;
		return 0;
	}
	return size * count;
}

static size_t
on_header(char *data, size_t size, size_t count, void *arg)
{
	Slot *slot = arg;

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
	Slot *slot = arg;
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

static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
	MsgHttp *http = arg;
	struct epoll_event event = {0};

	(void) easy;
	if (what == CURL_POLL_REMOVE)
	{
		/* libcurl may have closed it already: an error here says nothing. */
		epoll_ctl(http->epoll, EPOLL_CTL_DEL, fd, &event);
		return 0;
	}
	if (what != CURL_POLL_OUT)
		event.events |= EPOLLIN;
	if (what != CURL_POLL_IN)
		event.events |= EPOLLOUT;
	event.data.fd = fd;
	if (epoll_ctl(http->epoll, known == NULL ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd,
				  &event) != 0)
	{
		if (errno == EEXIST)
			epoll_ctl(http->epoll, EPOLL_CTL_MOD, fd, &event);
		else if (errno != ENOENT ||
				 epoll_ctl(http->epoll, EPOLL_CTL_ADD, fd, &event) != 0)
			return -1;
	}
	if (known == NULL)
		curl_multi_assign(http->multi, fd, http);
	return 0;
}

static int
on_timer(CURLM *multi, long timeout_ms, void *arg)
{
	MsgHttp *http = arg;

	(void) multi;
	http->deadline_us = timeout_ms < 0 ? -1 : now_us() + (int64_t) timeout_ms * 1000;
	return 0;
}

MsgHttp *
msgext_http_create(void)
{
	MsgHttp *http;

	if ((http = calloc(1, sizeof(MsgHttp))) == NULL)
		return NULL;
	http->deadline_us = -1;
	http->watched = -1;
	http->epoll = epoll_create1(EPOLL_CLOEXEC);
	http->multi = curl_multi_init();
	if (http->epoll < 0 || http->multi == NULL)
	{
		msgext_http_destroy(http);
		return NULL;
	}
	curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
	curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
	curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, MAX_CONNECTIONS);
	return http;
}

static void
free_slot(Slot *slot)
{
	if (slot->easy != NULL)
		curl_easy_cleanup(slot->easy);
	curl_slist_free_all(slot->headers);
	free(slot->body.data);
	free(slot->head.data);
	free(slot);
}

static void
forget_busy(MsgHttp *http, Slot *slot)
{
	if (slot->prev != NULL)
		slot->prev->next = slot->next;
	else
		http->busy = slot->next;
	if (slot->next != NULL)
		slot->next->prev = slot->prev;
}

void
msgext_http_destroy(MsgHttp *http)
{
	Slot *slot;

	while ((slot = http->busy) != NULL)
	{
		http->busy = slot->next;
		curl_multi_remove_handle(http->multi, slot->easy);
		free_slot(slot);
	}
	while ((slot = http->idle) != NULL)
	{
		http->idle = slot->next;
		free_slot(slot);
	}
	if (http->multi != NULL)
		curl_multi_cleanup(http->multi);
	if (http->epoll >= 0)
		close(http->epoll);
	free(http);
}

void
msgext_http_limit(MsgHttp *http, size_t max_body)
{
	http->max_body = max_body;
}

bool
msgext_http_watch(MsgHttp *http, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

	http->watched = fd;
	return epoll_ctl(http->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

int
msgext_http_in_flight(const MsgHttp *http)
{
	return http->in_flight;
}

/* How long to wait when libcurl wants to be called at its deadline. */
static int
wait_until(const MsgHttp *http, int wait_ms)
{
	int64_t left_us = http->deadline_us - now_us();
	int64_t left_ms = left_us <= 0 ? 0 : (left_us + 999) / 1000;

	if (http->deadline_us < 0)
		return wait_ms;
	return wait_ms < 0 || left_ms < wait_ms ? (int) left_ms : wait_ms;
}

/* Options that are the same for every request of every target. */
static Slot *
new_slot(MsgHttp *http)
{
	Slot *slot = calloc(1, sizeof(Slot));

	if (slot == NULL || (slot->easy = curl_easy_init()) == NULL)
	{
		free(slot);
		return NULL;
	}
	slot->http = http;
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
aim(Slot *slot, const MsgHttpTarget *target)
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
set_headers(Slot *slot, const MsgRequest *request)
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
msgext_http_submit(MsgHttp *http, const MsgHttpTarget *target, const MsgRequest *request,
				   void *cookie)
{
	Slot *slot = http->idle;
	CURLMcode result;

	if (slot != NULL)
		http->idle = slot->next;
	else if ((slot = new_slot(http)) == NULL)
		return false;
	slot->cookie = cookie;
	slot->begun = slot->repeated = slot->too_large = false;
	slot->written = 0;
	slot->body.len = slot->head.len = 0;
	slot->error[0] = '\0';
	if (slot->target != target->serial)
		aim(slot, target);
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
	if (!set_headers(slot, request))
	{
		free_slot(slot);
		return false;
	}
	result = curl_multi_add_handle(http->multi, slot->easy);
	if (result != CURLM_OK)
	{
		free_slot(slot);
		return false;
	}
	slot->prev = NULL;
	slot->next = http->busy;
	if (slot->next != NULL)
		slot->next->prev = slot;
	http->busy = slot;
	http->in_flight++;
	return true;
}

void
msgext_http_pump(MsgHttp *http, int wait_ms)
{
	struct epoll_event events[MAX_EVENTS];
	int running;
	int n;
	int i;

	n = epoll_wait(http->epoll, events, MAX_EVENTS, wait_until(http, wait_ms));
	for (i = 0; i < n; i++)
	{
		int what = 0;

		if (events[i].data.fd == http->watched)
			continue;

		if (events[i].events & EPOLLIN)
			what |= CURL_CSELECT_IN;
		if (events[i].events & EPOLLOUT)
			what |= CURL_CSELECT_OUT;
		if (events[i].events & (EPOLLERR | EPOLLHUP))
			what |= CURL_CSELECT_ERR;
		curl_multi_socket_action(http->multi, events[i].data.fd, what, &running);
	}
	if (http->deadline_us >= 0 && http->deadline_us <= now_us())
	{
		http->deadline_us = -1;
		curl_multi_socket_action(http->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	}
}

/* Seconds or an HTTP date (RFC 9110, 10.2.3), in milliseconds; -1 when there is none. */
static int64_t
retry_after_ms(const Slot *slot, int64_t received_us)
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

bool
msgext_http_take(MsgHttp *http, MsgHttpResult *result)
{
	CURLMsg *message;
	CURLcode code;
	Slot *slot;
	int left;
	long written = 0;
	long status = 0;

	do
	{
		if ((message = curl_multi_info_read(http->multi, &left)) == NULL)
			return false;
	} while (message->msg != CURLMSG_DONE);

	code = message->data.result;
	curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **) &slot);
	curl_easy_getinfo(slot->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(slot->easy, CURLINFO_REQUEST_SIZE, &written);
	curl_multi_remove_handle(http->multi, slot->easy);
	forget_busy(http, slot);
	http->in_flight--;

	result->slot = slot;
	result->cookie = slot->cookie;
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
	result->reply.now_us = now_us();
	result->reply.retry_after_ms =
		slot->head.len > 0 ? retry_after_ms(slot, result->reply.now_us) : -1;
	return true;
}

void
msgext_http_release(MsgHttp *http, MsgHttpResult *result)
{
	Slot *slot = result->slot;

	if (slot->body.room > KEEP_BODY_ROOM)
	{
		free(slot->body.data);
		memset(&slot->body, 0, sizeof(slot->body));
	}
	slot->next = http->idle;
	http->idle = slot;
}
