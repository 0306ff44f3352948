/*
 * http_listener.c
 *		Takes what providers push over HTTP: see http_listener.h.
 *
 * libmicrohttpd runs in its external mode: one epoll descriptor of its own, no thread.
 * Its callbacks touch malloc'ed memory only and never leave through anything but return.
 * It logs nothing, for a request's path holds a secret.
 */
#define _GNU_SOURCE /* POLLRDHUP */

#include "net/http_listener.h"

#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 1024

/*
 * What is not wanted is read to its end and thrown away, so that the sender finds an
 * answer rather than a reset connection; but not more than this.
 */
#define DISCARD_MAX (4 * 1024 * 1024)

/*
 * libmicrohttpd keeps a request's head, what it has parsed of it, the rest of its read
 * buffer and the answer's head in one pool a connection.
 */
#define POOL_FACTOR 2
#define POOL_EXTRA 2048

/*
 * libmicrohttpd does not notice an end that comes together with a piece of a request,
 * but for being idle. So connections at this age are looked at, this often.
 */
#define ABANDONED_US 200000
#define SWEEP_US 250000
#define SWEEP_MAX 4096

/* A connection. */
typedef struct Link
{
	struct Link *next; /* in the order of deadlines, while it has one */
	struct Link *prev;
	struct MHD_Connection *connection;
	bool timed;
	int64_t deadline_us;
} Link;

/* One request. */
typedef struct Request
{
	MsgPush push; /* first: what the owner holds */
	struct Request *next;
	struct Request *prev; /* of those that wait for an answer */
	struct MHD_Connection *connection;
	Link *link;
	char *server;
	char *body;
	size_t body_len;
	size_t room;
	size_t discarded;
	int status; /* what it is to be answered with; 0 = not known yet */
	bool asked; /* in the inbox, or with the owner */
} Request;

struct MsgHttpListener
{
	struct MHD_Daemon *daemon;
	int epoll;
	MsgListenLimits limits;
	int64_t now_us;
	MsgEndpoints *endpoints;
	Link *first; /* connections with a deadline, the earliest first */
	Link *last;
	Request *asked; /* those that wait for an answer; the inbox begins at fresh */
	Request *asked_last;
	Request *fresh;
	bool answered; /* since the last pump */
	int64_t swept_us;
	struct MHD_Response *empty;
	struct MHD_Response *healthy;
	struct MHD_Response *not_allowed;
};

static void
stop_clock(MsgHttpListener *listener, Link *link)
{
	if (!link->timed)
		return;
	if (link->prev != NULL)
		link->prev->next = link->next;
	else
		listener->first = link->next;
	if (link->next != NULL)
		link->next->prev = link->prev;
	else
		listener->last = link->prev;
	link->timed = false;
}

/*
 * From now on the next request has its time. All have the same, so the last to be set is
 * the last to end. A kept connection that sends nothing is closed for being idle.
 */
static void
start_clock(MsgHttpListener *listener, Link *link)
{
	stop_clock(listener, link);
	link->deadline_us = listener->now_us + listener->limits.request_us;
	link->next = NULL;
	link->prev = listener->last;
	if (listener->last != NULL)
		listener->last->next = link;
	else
		listener->first = link;
	listener->last = link;
	link->timed = true;
}

static void
on_connection(void *arg, struct MHD_Connection *connection, void **context,
			  enum MHD_ConnectionNotificationCode what)
{
	MsgHttpListener *listener = arg;
	Link *link = *context;

	if (what == MHD_CONNECTION_NOTIFY_STARTED)
	{
		if ((link = calloc(1, sizeof(Link))) == NULL)
			return; /* its requests are refused */
		link->connection = connection;
		*context = link;
		start_clock(listener, link);
	}
	else if (link != NULL)
	{
		stop_clock(listener, link);
		free(link);
		*context = NULL;
	}
}

static void
forget_asked(MsgHttpListener *listener, Request *request)
{
	if (!request->asked)
		return;
	if (listener->fresh == request)
		listener->fresh = request->next;
	if (request->prev != NULL)
		request->prev->next = request->next;
	else
		listener->asked = request->next;
	if (request->next != NULL)
		request->next->prev = request->prev;
	else
		listener->asked_last = request->prev;
	request->asked = false;
}

static void
on_completed(void *arg, struct MHD_Connection *connection, void **context,
			 enum MHD_RequestTerminationCode how)
{
	MsgHttpListener *listener = arg;
	Request *request = *context;

	(void) connection;
	(void) how;
	if (request == NULL)
		return;
	forget_asked(listener, request);
	if (request->link != NULL)
		start_clock(listener, request->link);
	free(request->server);
	free(request->body);
	free(request);
	*context = NULL;
}

/* The path is decoded below, strictly. */
static size_t
leave_escaped(void *arg, struct MHD_Connection *connection, char *text)
{
	(void) arg;
	(void) connection;
	return strlen(text);
}

static enum MHD_Result
reply(MsgHttpListener *listener, const Request *request)
{
	struct MHD_Response *response = listener->empty;

	if (request->status == MHD_HTTP_METHOD_NOT_ALLOWED)
		response = listener->not_allowed;
	else if (request->status == MHD_HTTP_OK && request->server == NULL)
		response = listener->healthy;
	return MHD_queue_response(request->connection, (unsigned int) request->status,
							  response);
}

/* Judges a request by its head; leaves its status 0 when its body is wanted. */
static void
judge(MsgHttpListener *listener, Request *request, const char *path, const char *method,
	  const char *length)
{
	const char *server = msgext_endpoints_find(listener->endpoints, path);

	if (strcmp(path, "/health") == 0 && strcmp(method, "GET") == 0)
		request->status = MHD_HTTP_OK;
	else if (strcmp(method, "POST") != 0)
		request->status = MHD_HTTP_METHOD_NOT_ALLOWED;
	else if (server == NULL)
		request->status = MHD_HTTP_NOT_FOUND;
	else if (length != NULL && strtoull(length, NULL, 10) > listener->limits.body)
		request->status = MHD_HTTP_CONTENT_TOO_LARGE;
	else if ((request->server = strdup(server)) == NULL)
		request->status = MHD_HTTP_SERVICE_UNAVAILABLE;
}

static enum MHD_Result
begin(MsgHttpListener *listener, struct MHD_Connection *connection, const char *path,
	  const char *method, void **context)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	const char *length = MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
													 MHD_HTTP_HEADER_CONTENT_LENGTH);
	const char *expect =
		MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_EXPECT);
	Request *request;

	if (info == NULL || info->socket_context == NULL ||
		(request = calloc(1, sizeof(Request))) == NULL)
		return MHD_NO;
	request->connection = connection;
	request->link = info->socket_context;
	*context = request;
	judge(listener, request, path, method, length);

	/* Who asks before he sends, or has too much to send, is answered at once. */
	if (request->status != 0 &&
		(expect != NULL || (length != NULL && strtoull(length, NULL, 10) > DISCARD_MAX)))
		return reply(listener, request);
	return MHD_YES;
}

static enum MHD_Result
keep(MsgHttpListener *listener, Request *request, const char *data, size_t len)
{
	if (request->status == 0 && len > listener->limits.body - request->body_len)
		request->status = MHD_HTTP_CONTENT_TOO_LARGE;
	if (request->status == 0 && request->body_len + len > request->room)
	{
		size_t room = request->room == 0 ? 1024 : request->room;
		char *grown;

		while (room < request->body_len + len)
			room *= 2;
		if ((grown = realloc(request->body, room)) == NULL)
			request->status = MHD_HTTP_SERVICE_UNAVAILABLE;
		else
		{
			request->body = grown;
			request->room = room;
		}
	}
	if (request->status != 0)
	{
		request->discarded += len;
		return request->discarded > DISCARD_MAX ? MHD_NO : MHD_YES;
	}
	memcpy(request->body + request->body_len, data, len);
	request->body_len += len;
	return MHD_YES;
}

static void
put_into_inbox(MsgHttpListener *listener, Request *request)
{
	request->push.server = request->server;
	request->push.body = request->body_len > 0 ? request->body : "";
	request->push.body_len = request->body_len;
	request->asked = true;
	request->next = NULL;
	request->prev = listener->asked_last;
	if (listener->asked_last != NULL)
		listener->asked_last->next = request;
	else
		listener->asked = request;
	listener->asked_last = request;
	if (listener->fresh == NULL)
		listener->fresh = request;
}

/* Called with a request's head, with each piece of its body, at its end, and after it
 * was resumed. */
static enum MHD_Result
on_request(void *arg, struct MHD_Connection *connection, const char *path,
		   const char *method, const char *version, const char *data, size_t *len,
		   void **context)
{
	MsgHttpListener *listener = arg;
	Request *request = *context;

	(void) version;
	if (request == NULL)
		return begin(listener, connection, path, method, context);
	if (*len > 0)
	{
		size_t n = *len;

		*len = 0;
		return keep(listener, request, data, n);
	}
	if (request->status != 0)
		return reply(listener, request);
	if (!request->asked)
	{
		/* Its time is over; ours begins. */
		stop_clock(listener, request->link);
		put_into_inbox(listener, request);
		MHD_suspend_connection(connection);
	}
	return MHD_YES;
}

/* A socket that listens, or -1 with a text in error. */
static int
listen_on(const char *address, int port, char *error, size_t error_room)
{
	struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV,
							 .ai_socktype = SOCK_STREAM};
	struct addrinfo *found = NULL;
	char service[16];
	int one = 1;
	int fd;

	snprintf(service, sizeof(service), "%d", port);
	if (getaddrinfo(address, service, &hints, &found) != 0 || found == NULL)
	{
		snprintf(error, error_room, "it is not a numeric address");
		return -1;
	}
	fd = socket(found->ai_family, found->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
				found->ai_protocol);
	if (fd >= 0 && found->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0 ||
		bind(fd, found->ai_addr, found->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0)
	{
		snprintf(error, error_room, "%s", strerror(errno));
		if (fd >= 0)
			close(fd);
		fd = -1;
	}
	freeaddrinfo(found);
	return fd;
}

static bool
make_responses(MsgHttpListener *listener)
{
	static char ok[] = "ok\n";

	listener->empty = MHD_create_response_from_buffer(0, "", MHD_RESPMEM_PERSISTENT);
	listener->not_allowed =
		MHD_create_response_from_buffer(0, "", MHD_RESPMEM_PERSISTENT);
	listener->healthy =
		MHD_create_response_from_buffer(sizeof(ok) - 1, ok, MHD_RESPMEM_PERSISTENT);
	return listener->empty != NULL && listener->healthy != NULL &&
		   listener->not_allowed != NULL &&
		   MHD_add_response_header(listener->not_allowed, MHD_HTTP_HEADER_ALLOW,
								   MHD_HTTP_METHOD_POST) == MHD_YES;
}

MsgHttpListener *
msgext_http_listener_create(const char *address, int port, const MsgListenLimits *limits,
							char *error, size_t error_room)
{
	MsgHttpListener *listener = calloc(1, sizeof(MsgHttpListener));
	const union MHD_DaemonInfo *info = NULL;
	int fd = -1;

	snprintf(error, error_room, "out of memory");
	if (listener == NULL)
		return NULL;
	listener->limits = *limits;
	if (!make_responses(listener) ||
		(fd = listen_on(address, port, error, error_room)) < 0)
	{
		msgext_http_listener_destroy(listener);
		return NULL;
	}
	listener->daemon = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request, listener,
		MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned int) limits->connections, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
		(unsigned int) limits->connections_per_address,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, limits->head * POOL_FACTOR + POOL_EXTRA,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int) limits->idle_s,
		MHD_OPTION_NOTIFY_CONNECTION, on_connection, listener,
		MHD_OPTION_NOTIFY_COMPLETED, on_completed, listener, MHD_OPTION_UNESCAPE_CALLBACK,
		leave_escaped, NULL, MHD_OPTION_END);
	if (listener->daemon != NULL)
		info = MHD_get_daemon_info(listener->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	else
		close(fd);
	if (info == NULL)
	{
		snprintf(error, error_room, "libmicrohttpd could not be started");
		msgext_http_listener_destroy(listener);
		return NULL;
	}
	listener->epoll = info->epoll_fd;
	return listener;
}

void
msgext_http_listener_destroy(MsgHttpListener *listener)
{
	/* Not one may be at rest when libmicrohttpd stops. */
	while (listener->asked != NULL)
		msgext_http_listener_answer(listener, &listener->asked->push,
									MHD_HTTP_SERVICE_UNAVAILABLE, listener->now_us);
	if (listener->daemon != NULL)
	{
		/* Answers leave in one or two rounds, as far as their sockets take them. */
		MHD_run(listener->daemon);
		MHD_run(listener->daemon);
		MHD_stop_daemon(listener->daemon);
	}
	if (listener->empty != NULL)
		MHD_destroy_response(listener->empty);
	if (listener->healthy != NULL)
		MHD_destroy_response(listener->healthy);
	if (listener->not_allowed != NULL)
		MHD_destroy_response(listener->not_allowed);
	msgext_endpoints_free(listener->endpoints);
	free(listener);
}

int
msgext_http_listener_set_endpoints(MsgHttpListener *listener,
								   const MsgEndpoint *endpoints, int n)
{
	int lost;

	msgext_endpoints_free(listener->endpoints);
	listener->endpoints = msgext_endpoints_create(endpoints, n, &lost);
	return lost;
}

int
msgext_http_listener_fd(const MsgHttpListener *listener)
{
	return listener->epoll;
}

long
msgext_http_listener_timeout_ms(const MsgHttpListener *listener, int64_t now_us)
{
	MHD_UNSIGNED_LONG_LONG wanted;
	long timeout = -1;

	if (listener->answered || listener->fresh != NULL)
		return 0;

	/* To be heeded: what libmicrohttpd has read already makes no descriptor readable. */
	if (MHD_get_timeout(listener->daemon, &wanted) == MHD_YES)
		timeout = wanted > 3600 * 1000 ? 3600 * 1000 : (long) wanted;
	if (listener->first != NULL)
	{
		int64_t left = listener->first->deadline_us - now_us;
		long ms = left <= 0 ? 0 : (long) ((left + 999) / 1000);

		if (ms > SWEEP_US / 1000)
			ms = SWEEP_US / 1000;
		if (timeout < 0 || ms < timeout)
			timeout = ms;
	}
	return timeout;
}

/* libmicrohttpd sees the end of what it reads, and closes the connection. */
static void
cut(int fd)
{
	shutdown(fd, SHUT_RDWR);
}

static int
fd_of(const Link *link)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(link->connection, MHD_CONNECTION_INFO_CONNECTION_FD);

	return info != NULL ? info->connect_fd : -1;
}

/* Cuts connections that their senders have left in the middle of a request. */
static void
sweep(MsgHttpListener *listener)
{
	static struct pollfd polled[SWEEP_MAX];
	int64_t old = listener->now_us + listener->limits.request_us - ABANDONED_US;
	const Link *link;
	nfds_t n = 0;
	nfds_t i;

	listener->swept_us = listener->now_us;
	for (link = listener->first;
		 link != NULL && link->deadline_us <= old && n < SWEEP_MAX; link = link->next)
	{
		polled[n].fd = fd_of(link);
		polled[n++].events = POLLRDHUP;
	}
	if (n == 0 || poll(polled, n, 0) <= 0)
		return;
	for (i = 0; i < n; i++)
		if (polled[i].revents & (POLLRDHUP | POLLHUP | POLLERR))
			cut(polled[i].fd);
}

void
msgext_http_listener_pump(MsgHttpListener *listener, int64_t now_us)
{
	listener->now_us = now_us;
	listener->answered = false;
	MHD_run(listener->daemon);
	while (listener->first != NULL && listener->first->deadline_us <= now_us)
	{
		Link *link = listener->first;

		stop_clock(listener, link);
		cut(fd_of(link));
	}
	if (now_us >= listener->swept_us + SWEEP_US)
		sweep(listener);
}

MsgPush *
msgext_http_listener_take(MsgHttpListener *listener)
{
	Request *request = listener->fresh;

	if (request == NULL)
		return NULL;
	listener->fresh = request->next;
	return &request->push;
}

void
msgext_http_listener_answer(MsgHttpListener *listener, MsgPush *push, int status,
							int64_t now_us)
{
	Request *request = (Request *) push;

	forget_asked(listener, request);
	request->status = status;
	listener->answered = true;
	listener->now_us = now_us;
	start_clock(listener, request->link);
	MHD_resume_connection(request->connection);
}
