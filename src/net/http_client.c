/*
 * http_client.c
 *		Many HTTP requests at once on libcurl's multi interface: see http_client.h.
 *
 * libcurl tells which sockets it watches (CURLMOPT_SOCKETFUNCTION) and when it wants to
 * be called (CURLMOPT_TIMERFUNCTION); an epoll descriptor of our own collects the
 * sockets. Neither callback leaves through anything but return.
 */
#include "net/http_client.h"

#include <curl/curl.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "net/http_slot.h"
#include "net/http_trace.h"

#define MAX_EVENTS 16

/*
 * Connections, kept ones included. libcurl's own limit of those kept is four for each
 * request that it knows at the moment: where results are taken by the dozen it would
 * close what the next dozen needs.
 */
#define MAX_CONNECTIONS 16384L

/* Requests that libcurl has on one connection of HTTP/2; the server may allow fewer. */
#define STREAMS_MAX 100

struct MsgHttp
{
	CURLM *multi;
	int epoll;
	size_t max_body;
	int in_flight;
	int unbegun;		 /* of them, those that libcurl could not begin with */
	int64_t deadline_us; /* when libcurl wants to be called, monotonic; -1 = never */
	int watched;		 /* a descriptor of the owner, or -1 */
	MsgHttpSockets *sockets;
	MsgHttpSessions *sessions;
	MsgHttpGates *gates;
	MsgHttpSlot *idle;
	MsgHttpSlot *busy; /* what is under way */
};

static int64_t
now_us(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/*
 * Of a connection that its request has left, epoll is told nothing: the next request on it
 * comes soon, and wants the same. Should anything happen on it before, look_away() does.
 */
static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
	MsgHttp *http = arg;
	MsgHttpSocket *socket = msgext_http_sockets_at(http->sockets, fd);
	struct epoll_event event = {.data.fd = fd};
	bool watched = socket != NULL ? socket->watched != 0 : known != NULL;

	(void) easy;
	if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
		event.events |= EPOLLIN;
	if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
		event.events |= EPOLLOUT;
	if (socket != NULL)
	{
		socket->wanted = event.events != 0;
		if (event.events == socket->watched ||
			(!socket->wanted && socket->watched == EPOLLIN))
			return 0;
		socket->watched = event.events;
	}
	if (event.events == 0)
	{
		/* libcurl may have closed it already: an error here says nothing. */
		epoll_ctl(http->epoll, EPOLL_CTL_DEL, fd, &event);
		return 0;
	}
	if (epoll_ctl(http->epoll, watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) != 0)
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

/* Something has happened on a socket. Is it one that nobody waits for any more? */
static bool
look_away(MsgHttp *http, int fd)
{
	MsgHttpSocket *socket = msgext_http_sockets_at(http->sockets, fd);
	struct epoll_event event = {0};

	if (socket == NULL || socket->wanted)
		return false;
	epoll_ctl(http->epoll, EPOLL_CTL_DEL, fd, &event);
	socket->watched = 0;
	return true;
}

static int
on_timer(CURLM *multi, long timeout_ms, void *arg)
{
	MsgHttp *http = arg;

	(void) multi;
	http->deadline_us =
		timeout_ms < 0 ? -1 : now_us(CLOCK_MONOTONIC) + (int64_t) timeout_ms * 1000;
	return 0;
}

/*
 * Half of the descriptors that the process may open: the rest is its owner's. Further
 * requests wait in libcurl for a connection, within their own time.
 */
static long
max_connections(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur / 2 > MAX_CONNECTIONS)
		return MAX_CONNECTIONS;
	return limit.rlim_cur < 4 ? 1 : (long) limit.rlim_cur / 2;
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
	http->sockets = msgext_http_sockets_create();
	http->sessions = msgext_http_sessions_create();
	http->gates = msgext_http_gates_create();
	if (http->epoll < 0 || http->multi == NULL || http->sockets == NULL ||
		http->sessions == NULL || http->gates == NULL)
	{
		msgext_http_destroy(http);
		return NULL;
	}
	curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
	curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
	curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, max_connections());
	curl_multi_setopt(http->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, max_connections());
	curl_multi_setopt(http->multi, CURLMOPT_MAX_CONCURRENT_STREAMS, (long) STREAMS_MAX);
	return http;
}

static void
forget_busy(MsgHttp *http, MsgHttpSlot *slot)
{
	http->in_flight--;
	http->unbegun -= slot->unbegun;
	slot->unbegun = false;
	msgext_http_gate_leave(&slot->opener.turn);
	if (slot->prev != NULL)
		slot->prev->next = slot->next;
	else
		http->busy = slot->next;
	if (slot->next != NULL)
		slot->next->prev = slot->prev;
}

void *
msgext_http_cut(MsgHttp *http)
{
	MsgHttpSlot *slot = http->busy;
	void *cookie;

	if (slot == NULL)
		return NULL;
	cookie = slot->cookie;
	curl_multi_remove_handle(http->multi, slot->easy);
	forget_busy(http, slot);
	msgext_http_slot_free(slot);
	return cookie;
}

void
msgext_http_destroy(MsgHttp *http)
{
	MsgHttpSlot *slot;

	while (http->busy != NULL)
		msgext_http_cut(http);
	while ((slot = http->idle) != NULL)
	{
		http->idle = slot->next;
		msgext_http_slot_free(slot);
	}
	if (http->multi != NULL)
		curl_multi_cleanup(http->multi);
	msgext_http_sockets_free(http->sockets);
	msgext_http_sessions_free(http->sessions);
	msgext_http_gates_free(http->gates);
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

int
msgext_http_timeout_ms(const MsgHttp *http)
{
	int64_t left_us = http->deadline_us - now_us(CLOCK_MONOTONIC);

	if (msgext_http_gates_ready(http->gates) || http->unbegun > 0)
		return 0;
	if (http->deadline_us < 0)
		return -1;
	return left_us <= 0 ? 0 : (int) ((left_us + 999) / 1000);
}

void
msgext_http_wait(const MsgHttp *http, int wait_ms)
{
	struct pollfd ready = {.fd = http->epoll, .events = POLLIN};

	poll(&ready, 1, wait_ms);
}

bool
msgext_http_submit(MsgHttp *http, const MsgHttpTarget *target, const MsgRequest *request,
				   void *cookie)
{
	MsgHttpSlot *slot = http->idle;

	if (slot != NULL)
		http->idle = slot->next;
	else if ((slot = msgext_http_slot_create(http->sockets, http->sessions,
											 &http->busy)) == NULL)
		return false;
	else
		msgext_http_trace(slot);
	slot->cookie = cookie;
	if (!msgext_http_slot_prepare(slot, target, request, http->max_body))
	{
		msgext_http_slot_free(slot);
		return false;
	}
	if ((!slot->may_share || strncasecmp(request->url, "https:", 6) != 0 ||
		 msgext_http_gate_enter(http->gates, &slot->opener.turn, request->url)) &&
		curl_multi_add_handle(http->multi, slot->easy) != CURLM_OK)
	{
		msgext_http_gate_leave(&slot->opener.turn);
		msgext_http_slot_free(slot);
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

/*
 * Has libcurl begin with some of those that have waited for a connection: as many as it puts
 * on one at the most. If there is room for fewer, one of them makes the next connection.
 */
static bool
let_go(MsgHttp *http)
{
	MsgHttpTurn *turn;
	int n;

	for (n = 0; n < STREAMS_MAX && (turn = msgext_http_gates_next(http->gates)) != NULL;
		 n++)
	{
		MsgHttpSlot *slot = msgext_http_slot_of(turn);

		slot->unbegun = curl_multi_add_handle(http->multi, slot->easy) != CURLM_OK;
		http->unbegun += slot->unbegun;
	}
	return n > 0;
}

bool
msgext_http_pump(MsgHttp *http)
{
	struct epoll_event events[MAX_EVENTS];
	bool moved = let_go(http);
	int running;
	int n;
	int i;

	n = epoll_wait(http->epoll, events, MAX_EVENTS, 0);
	for (i = 0; i < n; i++)
	{
		int what = 0;

		if (events[i].data.fd == http->watched || look_away(http, events[i].data.fd))
			continue;
		if (events[i].events & EPOLLIN)
			what |= CURL_CSELECT_IN;
		if (events[i].events & EPOLLOUT)
			what |= CURL_CSELECT_OUT;
		if (events[i].events & (EPOLLERR | EPOLLHUP))
			what |= CURL_CSELECT_ERR;
		curl_multi_socket_action(http->multi, events[i].data.fd, what, &running);
		moved = true;
	}
	if (http->deadline_us >= 0 && http->deadline_us <= now_us(CLOCK_MONOTONIC))
	{
		http->deadline_us = -1;
		curl_multi_socket_action(http->multi, CURL_SOCKET_TIMEOUT, 0, &running);
		moved = true;
	}
	return moved;
}

/* What nobody has processed, for its connection's sake alone, goes out on another. */
static bool
send_again(MsgHttp *http, MsgHttpSlot *slot, CURLcode code)
{
	bool early = slot->early;

	if (!msgext_http_slot_renew(slot, code))
		return false;
	curl_multi_remove_handle(http->multi, slot->easy);
	if (early && msgext_http_gate_wait(&slot->opener.turn))
	{
		slot->renewals--; /* to wait in line is not to be refused */
		return true;
	}
	return curl_multi_add_handle(http->multi, slot->easy) == CURLM_OK;
}

static void
finish(MsgHttp *http, MsgHttpSlot *slot, CURLcode code, MsgHttpResult *result)
{
	msgext_http_slot_read(slot, code, now_us(CLOCK_REALTIME), result);
	curl_multi_remove_handle(http->multi, slot->easy);
	forget_busy(http, slot);
	result->slot = slot;
	result->cookie = slot->cookie;
}

bool
msgext_http_take(MsgHttp *http, MsgHttpResult *result)
{
	MsgHttpSlot *unbegun;
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(http->multi, &left)) != NULL)
	{
		CURLcode code = message->data.result;
		MsgHttpSlot *slot;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **) &slot);
		if (send_again(http, slot, code))
			continue;
		finish(http, slot, code, result);
		return true;
	}
	for (unbegun = http->busy; unbegun != NULL && http->unbegun > 0;
		 unbegun = unbegun->next)
	{
		if (!unbegun->unbegun)
			continue;
		finish(http, unbegun, CURLE_OUT_OF_MEMORY, result);
		return true;
	}
	return false;
}

void
msgext_http_release(MsgHttp *http, MsgHttpResult *result)
{
	MsgHttpSlot *slot = result->slot;

	msgext_http_slot_trim(slot);
	slot->next = http->idle;
	http->idle = slot;
}
