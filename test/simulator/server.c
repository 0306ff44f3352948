/*
 * server.c
 *		libmicrohttpd and the loop around it: routes, bodies, delays, limits.
 *
 * Owns the daemon and its connections. One thread does it all, so providers,
 * ledger and script need no locks. A delayed answer is a suspended connection
 * and a timer; nothing ever sleeps but the loop's ppoll(), which is also the
 * only place where signals are let in.
 *
 * libmicrohttpd's own polling is not used: its timeout counts in milliseconds,
 * which would blur every latency that a benchmark measures.
 */
#define _GNU_SOURCE /* ppoll */

#include <arpa/inet.h>
#include <fnmatch.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "control.h"
#include "exchange.h"
#include "server.h"
#include "timer.h"

#define TLS_FILE_MAX 65536
#define PROVIDER_BODY_MAX ((size_t) 80 << 20)
#define CONTROL_BODY_MAX ((size_t) 1 << 20)
#define FIRST_ALLOCATION_MAX ((size_t) 1 << 20)
#define CONNECTIONS_MAX 32768

static struct MHD_Daemon *httpd;
static Conn *conns;
static bool down;
static uint64_t logins_in_flight;
static volatile sig_atomic_t stop_asked;
static bool stopping;

/* Connections */

static void
connection_changed(void *cls, struct MHD_Connection *connection, void **context,
				   enum MHD_ConnectionNotificationCode what)
{
	Conn *conn = *context;

	(void) cls;
	if (what == MHD_CONNECTION_NOTIFY_STARTED)
	{
		conn = must_alloc(sizeof(Conn));
		conn->fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)
					   ->connect_fd;
		conn->next = conns;
		if (conns != NULL)
			conns->prev = conn;
		conns = conn;
		*context = conn;
		return;
	}
	if (conn->provider)
		tally.connections--;
	if (conn->prev != NULL)
		conn->prev->next = conn->next;
	else
		conns = conn->next;
	if (conn->next != NULL)
		conn->next->prev = conn->prev;
	free(conn);
	*context = NULL;
}

/*
 * While down, a provider's connection ends as soon as it is recognised as one.
 * It cannot be refused at accept, for the control endpoints share the port.
 */
void
server_set_down(bool new_down)
{
	Conn *conn;

	down = new_down;
	for (conn = conns; down && conn != NULL; conn = conn->next)
	{
		if (conn->provider)
			shutdown(conn->fd, SHUT_RDWR);
	}
}

void
server_release(void)
{
	exchanges_release();
}

bool
server_is_stopping(void)
{
	return stopping;
}

static enum MHD_Result
append_argument(void *cls, enum MHD_ValueKind kind, const char *key, const char *value)
{
	(void) kind;
	buf_printf(cls, "%s=%s&", key, value != NULL ? value : "");
	return MHD_YES;
}

/* A query without a body is matched by its arguments. */
static void
choose_fault(Exchange *ex)
{
	Request *request = &ex->request;
	Buf arguments = {0};
	const Buf *text = &request->body;

	ex->fault_chosen = true;
	if (text->len == 0)
	{
		buf_puts(&arguments, "");
		MHD_get_connection_values(request->connection, MHD_GET_ARGUMENT_KIND,
								  append_argument, &arguments);
		text = &arguments;
	}
	if (script_pick(request->provider->name, request->route->op, text->data, text->len,
					&ex->fault))
		tally.faults++;
	buf_free(&arguments);
}

/* A star in a route stands for a part of one step of the path, alone for all of it. */
static bool
path_matches(const char *pattern, const char *path)
{
	return strcmp(pattern, path) == 0 || strcmp(pattern, "*") == 0 ||
		   (strchr(pattern, '*') != NULL && fnmatch(pattern, path, FNM_PATHNAME) == 0);
}

static const Route *
find_route(const Route *routes, const char *method, const char *path, bool *path_known)
{
	for (; routes->method != NULL; routes++)
	{
		if (!path_matches(routes->path, path))
			continue;
		*path_known = true;
		if (strcmp(routes->method, method) == 0)
			return routes;
	}
	return NULL;
}

static void
find_handler(Exchange *ex)
{
	Request *request = &ex->request;
	bool path_known = false;
	int i;

	for (i = 0; providers[i] != NULL; i++)
	{
		size_t len = strlen(providers[i]->prefix);

		if (strncmp(request->path, providers[i]->prefix, len) == 0 &&
			(request->path[len] == '/' || request->path[len] == '\0'))
		{
			request->route = find_route(providers[i]->routes, request->method,
										request->path + len, &path_known);
			request->provider = providers[i];
			break;
		}
	}
	if (request->provider == NULL)
		request->route =
			find_route(control_routes, request->method, request->path, &path_known);
	if (request->route == NULL && path_known)
		reply_text(&ex->reply, 405, "method not allowed\n");
	else if (request->route == NULL)
		reply_text(&ex->reply, 404, "not found\n");
}

/*
 * Raises a record of requests at once. A client may have given one up and sent the next
 * before the server has looked at the first connection again: those do not count.
 */
static void
raise_record(uint64_t *record, uint64_t now, bool logins)
{
	Conn *conn;

	for (conn = conns; conn != NULL && now > *record; conn = conn->next)
	{
		if (conn->exchange != NULL && (conn->exchange->login_counted || !logins) &&
			exchange_is_abandoned(conn->exchange))
			now--;
	}
	if (now > *record)
		*record = now;
}

static void
count_login(Exchange *ex)
{
	if (strcmp(ex->request.route->op, "login") != 0)
		return;
	ex->login_counted = true;
	tally.login_requests++;
	raise_record(&tally.logins_in_flight_max, ++logins_in_flight, true);
}

/* A provider's request has arrived, as far as its headers. */
static enum MHD_Result
admit(Exchange *ex)
{
	Request *request = &ex->request;

	ex->conn->exchange = ex;
	raise_record(&tally.in_flight_max, ++tally.in_flight, false);
	if (!ex->conn->provider)
	{
		ex->conn->provider = true;
		tally.connections++;
		if (tally.connections > tally.connections_max)
			tally.connections_max = tally.connections;
	}
	if (down)
		return MHD_NO;
	tally.requests++;
	if (request->route == NULL)
		return MHD_YES;
	count_login(ex);
	if (request->provider->choose_route == NULL &&
		!script_needs_body(request->provider->name, request->route->op))
	{
		choose_fault(ex);
		if (ex->fault.kind == FAULT_DROP_BEFORE)
			return MHD_NO;
	}
	return MHD_YES;
}

static enum MHD_Result
exchange_begin(struct MHD_Connection *connection, const char *url, const char *method,
			   void **context)
{
	Exchange *ex = exchange_new();
	const char *length;
	size_t expected = 0;

	*context = ex;
	ex->conn = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)
				   ->socket_context;
	ex->request.connection = connection;
	ex->request.method = method;
	ex->request.path = url;
	ex->reply.status = 200;
	buf_puts(&ex->request.body, "");
	buf_puts(&ex->reply.body, "");
	find_handler(ex);
	if (ex->request.provider != NULL && admit(ex) == MHD_NO)
		return MHD_NO;

	length = request_header(&ex->request, MHD_HTTP_HEADER_CONTENT_LENGTH);
	if (length != NULL)
		expected = strtoul(length, NULL, 10);
	if (expected > (ex->request.provider != NULL ? PROVIDER_BODY_MAX : CONTROL_BODY_MAX))
		ex->too_large = true;
	else if (expected > 0)
		buf_reserve(&ex->request.body,
					expected < FIRST_ALLOCATION_MAX ? expected : FIRST_ALLOCATION_MAX);
	return MHD_YES;
}

static void
exchange_receive(Exchange *ex, const char *data, size_t len)
{
	size_t max = ex->request.provider != NULL ? PROVIDER_BODY_MAX : CONTROL_BODY_MAX;

	if (ex->request.route == NULL || ex->too_large)
		return;
	if (ex->request.body.len + len > max)
		ex->too_large = true;
	else
		buf_append(&ex->request.body, data, len);
}

/* Makes the reply; false if the connection went to sleep before sending it. */
static bool
exchange_serve(Exchange *ex)
{
	Request *request = &ex->request;
	int64_t ms;

	ex->served = true;
	if (request->route == NULL)
		return true;
	if (ex->too_large)
	{
		reply_text(&ex->reply, 413, "too large\n");
		return true;
	}
	if (request->provider == NULL)
	{
		request->route->handle(request, &ex->reply);
		return true;
	}

	if (request->provider->choose_route != NULL)
		request->route = request->provider->choose_route(request);
	if (!ex->fault_chosen)
		choose_fault(ex);
	fault_serve(ex);
	if (ex->fault.kind == FAULT_DROP_BEFORE)
		return true;
	if (ex->fault.kind == FAULT_HANG)
	{
		exchange_hang(ex);
		return false;
	}
	ms = settings.latency_ms;
	if (ex->fault.kind == FAULT_DELAY)
		ms += ex->fault.number;
	if (ms > 0)
		exchange_sleep(ex, ms);
	return ms == 0;
}

/*
 * libmicrohttpd calls this once with the headers, once for each part of the
 * body, once at its end, and once more after each resume.
 */
static enum MHD_Result
handle_access(void *cls, struct MHD_Connection *connection, const char *url,
			  const char *method, const char *version, const char *upload_data,
			  size_t *upload_data_size, void **context)
{
	Exchange *ex = *context;

	(void) cls;
	(void) version;
	if (ex == NULL)
	{
		enum MHD_Result result = exchange_begin(connection, url, method, context);

		/* a length that is too large is refused before it is sent */
		ex = *context;
		if (result == MHD_YES && ex->too_large)
		{
			ex->served = true;
			reply_text(&ex->reply, 413, "too large\n");
			return exchange_queue(ex, reply_response(ex));
		}
		return result;
	}
	if (*upload_data_size > 0)
	{
		exchange_receive(ex, upload_data, *upload_data_size);
		*upload_data_size = 0;
		return MHD_YES;
	}
	if (stopping)
		return MHD_NO;
	if (!ex->served && !exchange_serve(ex))
		return MHD_YES;
	return fault_answer(ex);
}

static void
request_completed(void *cls, struct MHD_Connection *connection, void **context,
				  enum MHD_RequestTerminationCode how)
{
	Exchange *ex = *context;

	(void) cls;
	(void) connection;
	if (ex == NULL)
		return;
	if (ex->request.provider != NULL)
	{
		tally.in_flight--;
		ex->conn->exchange = NULL;
	}
	if (ex->login_counted)
		logins_in_flight--;
	if (how == MHD_REQUEST_TERMINATED_COMPLETED_OK)
		ledger_answered(&ex->request.entries);
	exchange_release(ex);
	*context = NULL;
}

/* Start, loop, stop */

static void
raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
	{
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* All of a file, for as long as the process lives. */
static char *
must_read(const char *path)
{
	FILE *file = fopen(path, "r");
	char *text = must_alloc(TLS_FILE_MAX);
	size_t len = file != NULL ? fread(text, 1, TLS_FILE_MAX - 1, file) : 0;

	if (len == 0 || len == TLS_FILE_MAX - 1)
		die("could not read %s", path);
	text[len] = '\0';
	fclose(file);
	return text;
}

/* With tls, a file of a certificate and its key, it speaks TLS. Returns the port. */
uint16_t
server_start(uint16_t port, const char *tls)
{
	char *pem = tls != NULL ? must_read(tls) : NULL;
	struct MHD_OptionItem with_tls[] = {
		{pem != NULL ? MHD_OPTION_HTTPS_MEM_KEY : MHD_OPTION_END, 0, pem},
		{MHD_OPTION_HTTPS_MEM_CERT, 0, pem},
		{MHD_OPTION_END, 0, NULL}};
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
	socklen_t len = sizeof(address);
	const union MHD_DaemonInfo *info;

	raise_descriptor_limit();
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	httpd = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_TURBO |
			MHD_USE_SUPPRESS_DATE_NO_CLOCK | (pem != NULL ? MHD_USE_TLS : 0),
		port, NULL, NULL, handle_access, NULL, MHD_OPTION_SOCK_ADDR,
		(struct sockaddr *) &address, MHD_OPTION_LISTEN_BACKLOG_SIZE, 4096u,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned) CONNECTIONS_MAX,
		MHD_OPTION_NOTIFY_CONNECTION, connection_changed, NULL,
		MHD_OPTION_NOTIFY_COMPLETED, request_completed, NULL, MHD_OPTION_ARRAY, with_tls,
		MHD_OPTION_END);
	if (httpd == NULL)
		die("could not listen on 127.0.0.1:%u", (unsigned) port);
	info = MHD_get_daemon_info(httpd, MHD_DAEMON_INFO_LISTEN_FD);
	if (info == NULL ||
		getsockname(info->listen_fd, (struct sockaddr *) &address, &len) != 0)
		die("could not find out the port");
	return ntohs(address.sin_port);
}

void
server_ask_to_stop(void)
{
	stop_asked = 1;
}

/*
 * Signals are blocked everywhere else, so one that arrives between the test of
 * stop_asked and the wait still ends the wait. Timers come right before
 * MHD_run(): a connection resumed by one is neither seen by the wait nor by
 * MHD_get_timeout() (libmicrohttpd 0.9.75).
 */
void
server_run(void)
{
	struct pollfd poll_fd = {.events = POLLIN};
	sigset_t none;

	sigemptyset(&none);
	poll_fd.fd = MHD_get_daemon_info(httpd, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
	while (!stop_asked)
	{
		int64_t ns;
		MHD_UNSIGNED_LONG_LONG ms;
		struct timespec timeout;

		ns = timer_next_ns();
		if (MHD_get_timeout(httpd, &ms) == MHD_YES &&
			(ns < 0 || (int64_t) ms < ns / 1000000))
			ns = (int64_t) ms * 1000000;
		timeout.tv_sec = ns / 1000000000;
		timeout.tv_nsec = ns % 1000000000;
		ppoll(&poll_fd, 1, ns < 0 ? NULL : &timeout, &none);
		timer_run();
		MHD_run(httpd);
	}
}

/* libmicrohttpd must not be stopped while a connection is suspended. */
void
server_stop(void)
{
	stopping = true;
	while (exchanges_wake_all())
		MHD_run(httpd);
	MHD_run(httpd);
	MHD_stop_daemon(httpd);
	exchanges_free_spares();
}
