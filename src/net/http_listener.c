/*
 * http_listener.c
 *		Takes what providers push over HTTP: see http_listener.h.
 *
 * libmicrohttpd runs in its external mode: one epoll descriptor of its own, no thread.
 * Its callbacks touch malloc'ed memory only and never leave through anything but return.
 * It logs nothing, for a request's path or head holds a secret.
 */
#define _DEFAULT_SOURCE /* explicit_bzero */

#include "net/http_listener.h"

#include <microhttpd.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/http_head.h"
#include "net/http_link.h"
#include "net/http_reply.h"
#include "net/http_request.h"
#include "net/listen_socket.h"

/*
 * libmicrohttpd keeps a request's head, what it has parsed of it, the rest of its read
 * buffer and the answer's head in one pool a connection.
 */
#define POOL_FACTOR 2
#define POOL_EXTRA 2048

/* When connections are full: how soon to look again, and how many to make room for. */
#define FULL_MS 20
#define EVICT_MAX 32

struct MsgHttpListener
{
	struct MHD_Daemon *daemon;
	int epoll;
	int socket;		 /* listens */
	int connections; /* at most */
	MsgListenLimits limits;
	int64_t now_us;
	MsgEndpoints *endpoints;
	MsgToken page_token; /* of length 0: nobody may ask for the page */
	MsgHttpReplies replies;
	MsgHttpLinks links;
	MsgHttpRequests asked;
	bool takes_all; /* the owner routes */
	bool answered;	/* since the last pump */
	bool ending;	/* takes no more pushes */
};

static void
on_connection(void *arg, struct MHD_Connection *connection, void **context,
			  enum MHD_ConnectionNotificationCode what)
{
	MsgHttpListener *listener = arg;
	MsgHttpLink *link = *context;

	if (what == MHD_CONNECTION_NOTIFY_STARTED)
	{
		if ((link = calloc(1, sizeof(MsgHttpLink))) == NULL)
			return; /* its requests are refused */
		link->connection = connection;
		*context = link;
		msgext_http_link_start(&listener->links, link, listener->now_us);
	}
	else if (link != NULL)
	{
		msgext_http_link_stop(&listener->links, link);
		free(link);
		*context = NULL;
	}
}

static void
on_completed(void *arg, struct MHD_Connection *connection, void **context,
			 enum MHD_RequestTerminationCode how)
{
	MsgHttpListener *listener = arg;
	MsgHttpRequest *request = *context;

	(void) connection;
	(void) how;
	if (request == NULL)
		return;
	msgext_http_requests_remove(&listener->asked, request);
	if (request->link != NULL)
		msgext_http_link_start(&listener->links, request->link, listener->now_us);
	msgext_http_request_free(request);
	*context = NULL;
}

/*
 * Called with the request line from its path on, before it is cut up further. The request
 * begins here: what is returned becomes its context.
 */
static void *
on_line(void *arg, const char *line, struct MHD_Connection *connection)
{
	const MsgHttpListener *listener = arg;

	return msgext_http_request_create(connection, line, listener->takes_all);
}

/* The path is decoded by endpoint.c, strictly. */
static size_t
leave_escaped(void *arg, struct MHD_Connection *connection, char *text)
{
	(void) arg;
	(void) connection;
	return strlen(text);
}

static enum MHD_Result
reply(MsgHttpListener *listener, const MsgHttpRequest *request)
{
	const MsgHttpReplies *replies = &listener->replies;
	struct MHD_Response *response = replies->empty;

	if (request->answer != NULL)
		response = request->answer;
	else if (request->status == MHD_HTTP_BAD_REQUEST)
		response = replies->closing;
	else if (request->status == MHD_HTTP_METHOD_NOT_ALLOWED)
		response = replies->not_allowed;
	else if (request->status == MHD_HTTP_UNAUTHORIZED && request->server == NULL)
		response = replies->unauthorized;
	else if (request->status == MHD_HTTP_OK && request->page)
		response = replies->page;
	else if (request->status == MHD_HTTP_OK && request->server == NULL)
		response = replies->healthy;
	return MHD_queue_response(request->connection, (unsigned int) request->status,
							  response);
}

/* Authorization: Bearer <token>, RFC 6750. */
static bool
may_see_page(const MsgHttpListener *listener, struct MHD_Connection *connection)
{
	static const char scheme[] = "Bearer ";
	const char *given = MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
													MHD_HTTP_HEADER_AUTHORIZATION);

	if (given == NULL || strncasecmp(given, scheme, sizeof(scheme) - 1) != 0)
		return false;
	given += sizeof(scheme) - 1;
	return msgext_token_equals(&listener->page_token, given, strlen(given));
}

/* Judges a request by its head; leaves its status 0 when it is for the owner. */
static void
route(MsgHttpListener *listener, MsgHttpRequest *request, const char *path,
	  const char *method, const char *length)
{
	const char *server = msgext_endpoints_find(listener->endpoints, path);
	bool too_large = length != NULL && strtoull(length, NULL, 10) > listener->limits.body;

	if (listener->takes_all && too_large)
		request->status = MHD_HTTP_CONTENT_TOO_LARGE;
	else if (listener->takes_all)
		msgext_http_request_keep_line(request, method);
	else if (strcmp(path, "/health") == 0 && strcmp(method, "GET") == 0)
		request->status = MHD_HTTP_OK;
	else if (strcmp(path, "/metrics") == 0 && strcmp(method, "GET") == 0 &&
			 listener->page_token.len > 0)
	{
		request->page = may_see_page(listener, request->connection);
		request->status = request->page ? 0 : MHD_HTTP_UNAUTHORIZED;
	}
	else if (strcmp(method, "POST") != 0)
		request->status = MHD_HTTP_METHOD_NOT_ALLOWED;
	else if (server == NULL)
		request->status = MHD_HTTP_NOT_FOUND;
	else if (too_large)
		request->status = MHD_HTTP_CONTENT_TOO_LARGE;
	else if ((request->server = strdup(server)) == NULL)
		request->status = MHD_HTTP_SERVICE_UNAVAILABLE;
}

static enum MHD_Result
begin(MsgHttpListener *listener, MsgHttpRequest *request, const char *path,
	  const char *method, const char *version)
{
	struct MHD_Connection *connection = request->connection;
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	const char *length = MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
													 MHD_HTTP_HEADER_CONTENT_LENGTH);
	const char *expect =
		MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_EXPECT);

	if (info == NULL || info->socket_context == NULL)
		return MHD_NO;
	request->link = info->socket_context;
	request->begun = true;

	/* Where its body ends nobody can tell: answered at once, and the end. */
	if (!msgext_http_head_fits(connection, request->line_end, path, version))
	{
		request->status = MHD_HTTP_BAD_REQUEST;
		return reply(listener, request);
	}
	route(listener, request, path, method, length);
	if (request->status == 0 && !request->page)
		msgext_http_request_keep_head(request);
	request->link->wanted = request->status == 0;

	/* Who asks before he sends, or has too much to send, is answered at once. */
	if (request->status != 0 &&
		(expect != NULL ||
		 (length != NULL && strtoull(length, NULL, 10) > MSG_HTTP_DISCARD_MAX)))
		return reply(listener, request);
	return MHD_YES;
}

/* Called with a request's head, with each piece of its body, at its end, and after it
 * was resumed. */
static enum MHD_Result
on_request(void *arg, struct MHD_Connection *connection, const char *path,
		   const char *method, const char *version, const char *data, size_t *len,
		   void **context)
{
	MsgHttpListener *listener = arg;
	MsgHttpRequest *request = *context;

	if (request == NULL)
		return MHD_NO;
	if (!request->begun)
		return begin(listener, request, path, method, version);
	if (*len > 0)
	{
		size_t n = *len;

		*len = 0;
		return msgext_http_request_keep_body(request, data, n, listener->limits.body)
				   ? MHD_YES
				   : MHD_NO;
	}
	if (request->status == 0 && listener->ending)
		request->status = MHD_HTTP_SERVICE_UNAVAILABLE;
	if (request->status != 0)
		return reply(listener, request);
	if (!request->asked)
	{
		/* Its time is over; ours begins. */
		msgext_http_link_stop(&listener->links, request->link);
		msgext_http_requests_append(&listener->asked, request);
		MHD_suspend_connection(connection);
	}
	return MHD_YES;
}

/* The connections that may be: half of the descriptors, the rest is the owner's. */
static int
max_connections(int wanted)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur / 2 > (rlim_t) wanted)
		return wanted;
	return limit.rlim_cur < 4 ? 1 : (int) (limit.rlim_cur / 2);
}

MsgHttpListener *
msgext_http_listener_create(const char *address, int port, const MsgListenLimits *limits,
							char *error, size_t error_room)
{
	MsgHttpListener *listener = calloc(1, sizeof(MsgHttpListener));
	const union MHD_DaemonInfo *info = NULL;

	snprintf(error, error_room, "out of memory");
	if (listener == NULL)
		return NULL;
	listener->limits = *limits;
	listener->connections = max_connections(limits->connections);
	listener->links.request_us = limits->request_us;
	listener->socket = -1;
	if (!msgext_http_replies_make(&listener->replies) ||
		(listener->socket = msgext_listen_socket_open(address, port, error, error_room)) <
			0)
	{
		msgext_http_listener_destroy(listener);
		return NULL;
	}
	listener->daemon = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request, listener,
		MHD_OPTION_LISTEN_SOCKET, listener->socket, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned int) listener->connections, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
		(unsigned int) limits->connections_per_address,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, limits->head * POOL_FACTOR + POOL_EXTRA,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int) limits->idle_s,
		MHD_OPTION_NOTIFY_CONNECTION, on_connection, listener,
		MHD_OPTION_NOTIFY_COMPLETED, on_completed, listener, MHD_OPTION_URI_LOG_CALLBACK,
		on_line, listener, MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, NULL,
#if MHD_VERSION >= 0x01000000
		/* Else a space within the path is answered by a redirection. */
		MHD_OPTION_STRICT_FOR_CLIENT, 1,
#endif
		MHD_OPTION_END);
	if (listener->daemon != NULL)
		info = MHD_get_daemon_info(listener->daemon, MHD_DAEMON_INFO_EPOLL_FD);
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
	static const MsgPushAnswer leaving = {.status = MHD_HTTP_SERVICE_UNAVAILABLE};

	/*
	 * libmicrohttpd aborts when it is stopped with a connection at rest: from here on
	 * none is laid to rest, whatever the last rounds read.
	 */
	listener->ending = true;
	while (listener->asked.first != NULL)
		msgext_http_listener_answer(listener, &listener->asked.first->push, &leaving,
									listener->now_us);
	if (listener->daemon != NULL)
	{
		MHD_quiesce_daemon(listener->daemon);

		/* Answers leave in one or two rounds, as far as their sockets take them. */
		MHD_run(listener->daemon);
		MHD_run(listener->daemon);
		MHD_stop_daemon(listener->daemon);
	}
	if (listener->socket >= 0)
		close(listener->socket);
	msgext_http_replies_free(&listener->replies);
	explicit_bzero(&listener->page_token, sizeof(MsgToken));
	msgext_endpoints_free(listener->endpoints);
	free(listener);
}

void
msgext_http_listener_take_all(MsgHttpListener *listener)
{
	listener->takes_all = true;
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

bool
msgext_http_listener_set_page_token(MsgHttpListener *listener, const char *token)
{
	size_t len = token == NULL ? 0 : strlen(token);

	explicit_bzero(&listener->page_token, sizeof(MsgToken));
	if (len > MSG_TOKEN_ROOM)
		return false;
	if (len > 0)
		memcpy(listener->page_token.bytes, token, len);
	listener->page_token.len = len;
	return true;
}

bool
msgext_http_listener_set_page(MsgHttpListener *listener, const char *text, size_t len,
							  const char *type)
{
	return msgext_http_replies_set_page(&listener->replies, text, len, type);
}

int
msgext_http_listener_fd(const MsgHttpListener *listener)
{
	return listener->epoll;
}

static bool
is_full(const MsgHttpListener *listener)
{
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(listener->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);

	return info != NULL && info->num_connections >= (unsigned) listener->connections;
}

long
msgext_http_listener_timeout_ms(const MsgHttpListener *listener, int64_t now_us)
{
	MHD_UNSIGNED_LONG_LONG wanted;
	long timeout = -1;
	long cut_ms;

	if (listener->answered || listener->asked.fresh != NULL)
		return 0;

	/* To be heeded: what libmicrohttpd has read already makes no descriptor readable. */
	if (MHD_get_timeout(listener->daemon, &wanted) == MHD_YES)
		timeout = wanted > 3600 * 1000 ? 3600 * 1000 : (long) wanted;
	cut_ms = msgext_http_links_timeout_ms(&listener->links, now_us);
	if (cut_ms >= 0 && is_full(listener) && cut_ms > FULL_MS)
		cut_ms = FULL_MS;
	return cut_ms >= 0 && (timeout < 0 || cut_ms < timeout) ? cut_ms : timeout;
}

/*
 * Connections that ask for nothing would keep out those that do: the one that has waited
 * for the longest time makes room for a new one.
 */
static void
make_room(MsgHttpListener *listener)
{
	struct pollfd waiting = {.fd = listener->socket, .events = POLLIN};
	int i;

	for (i = 0; i < EVICT_MAX && is_full(listener) && poll(&waiting, 1, 0) > 0 &&
				msgext_http_links_evict(&listener->links, listener->now_us);
		 i++)
	{
		/* One round closes it, the next takes the new one. */
		MHD_run(listener->daemon);
		MHD_run(listener->daemon);
	}
}

void
msgext_http_listener_pump(MsgHttpListener *listener, int64_t now_us)
{
	listener->now_us = now_us;
	listener->answered = false;
	MHD_run(listener->daemon);
	msgext_http_links_cut(&listener->links, now_us);
	make_room(listener);
}

MsgPush *
msgext_http_listener_take(MsgHttpListener *listener)
{
	return msgext_http_requests_take(&listener->asked);
}

void
msgext_http_listener_answer(MsgHttpListener *listener, MsgPush *push,
							const MsgPushAnswer *answer, int64_t now_us)
{
	MsgHttpRequest *request = (MsgHttpRequest *) push;

	msgext_http_requests_remove(&listener->asked, request);
	request->status = answer->status;
	if (answer->text != NULL)
	{
		request->answer = msgext_http_reply_make(
			answer->text, answer->len > 0 ? answer->len : strlen(answer->text),
			answer->type, answer->fields);
		if (request->answer == NULL)
			request->status = MHD_HTTP_SERVICE_UNAVAILABLE;
	}
	listener->answered = true;
	listener->now_us = now_us;
	msgext_http_link_start(&listener->links, request->link, now_us);
	MHD_resume_connection(request->connection);
}
