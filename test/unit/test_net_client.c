/*
 * test_net_client.c
 *		What the HTTP client makes of peers that answer too much, too early, too little.
 *
 * The peer counts what it has read: an answer that belongs to no request of ours must not
 * be taken for one, and no request may be read twice.
 */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "test_net_peer.h"
#include "test_net_run.h"

static MsgHttp *http;
static Peer *peer;

static void
begin(const char *name, void (*talk)(PeerLine *line))
{
	test_begin("client: %s", name);
	http = msgext_http_create();
	msgext_http_limit(http, 4096);
	peer = peer_start(talk, NULL);
}

static void
end(int requests, int connections)
{
	CHECK_INT(atomic_load(&peer->requests), requests);
	CHECK(peer_await_connections(peer, connections));
	msgext_http_destroy(http);
	peer_stop(peer);
	test_end();
}

static void
check_kept(void)
{
	Sent one;

	begin("a connection is kept", peer_talk_counting);
	run_send(http, &one, "http", peer->port, NULL);
	CHECK_TEXT(one.body, "0/1");
	CHECK_INT(one.retry_after_ms, -1);
	run_send(http, &one, "http", peer->port, NULL);
	CHECK_TEXT(one.body, "0/2");
	CHECK_INT(one.transport, MSG_TRANSPORT_ANSWERED);
	end(2, 1);
}

/* What the first connection sends unasked, when its first answer has been taken. */
static const char *surplus;

static void
talk_surplus(PeerLine *line)
{
	if (line->number > 0)
	{
		peer_talk_counting(line);
		return;
	}
	if (!peer_read_request(line))
		return;
	peer_answer(line, "first");
	if (peer_await(line->peer, 1) && surplus != NULL)
		peer_say(line, surplus);
	if (surplus == NULL)
		shutdown(line->fd, SHUT_WR);
	peer_flush(line);
	atomic_store(&line->peer->step, 2);
	if (peer_read_request(line))
		peer_answer(line, "late");
}

static void
check_surplus(const char *name, const char *text)
{
	Sent one;

	surplus = text;
	begin(name, talk_surplus);
	run_send(http, &one, "http", peer->port, NULL);
	CHECK_TEXT(one.body, "first");
	atomic_store(&peer->step, 1);
	CHECK(peer_await(peer, 2));
	run_send(http, &one, "http", peer->port, NULL);
	CHECK_INT(one.transport, MSG_TRANSPORT_ANSWERED);
	CHECK_INT(one.status, 200);
	CHECK_TEXT(one.body, "1/1");
	end(2, 2);
}

/* Many kept connections, a surplus answer on each. */
static void
talk_surplus_all(PeerLine *line)
{
	if (!peer_read_request(line))
		return;
	while (atomic_load(&line->peer->connections) < 4)
		peer_flush(line);
	peer_answer(line, "first");
	if (line->number >= 4)
		return;
	peer_await(line->peer, 1);
	peer_say(line, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong");
	peer_flush(line);
	atomic_fetch_add(&line->peer->step, 1);
	peer_read_request(line);
}

static void
check_surplus_everywhere(void)
{
	Sent many[4];
	Sent one;
	int i;

	begin("surplus answers on every kept connection", talk_surplus_all);
	for (i = 0; i < 4; i++)
		run_submit(http, &many[i], "http", peer->port, NULL);
	for (i = 0; i < 4; i++)
		run_await(http, &many[i]);
	atomic_store(&peer->step, 1);
	CHECK(peer_await(peer, 5));
	run_send(http, &one, "http", peer->port, NULL);
	CHECK_TEXT(one.body, "first");
	end(5, 5);
}

static void
talk_early(PeerLine *line)
{
	peer_say(line, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong");
	while (peer_read_request(line))
		;
}

static void
check_early(void)
{
	Sent one;

	/* Whether the bytes are there before the request is written is up to the kernel. */
	test_begin("client: an answer before the request, on new connections");
	http = msgext_http_create();
	msgext_http_limit(http, 4096);
	peer = peer_start(talk_early, NULL);
	run_send(http, &one, "http", peer->port, NULL);
	if (one.transport != MSG_TRANSPORT_ANSWERED)
	{
		CHECK_INT(one.transport, MSG_TRANSPORT_NEVER_LEFT);
		CHECK_TEXT(one.error, "the peer answered before it was asked");
		CHECK_INT(atomic_load(&peer->requests), 0);
	}
	msgext_http_destroy(http);
	peer_stop(peer);
	test_end();
}

static void
talk_once(PeerLine *line)
{
	if (peer_read_request(line))
		peer_answer(line, "first");
}

/* The client goes on looking at a kept connection; its end is looked at once. */
static void
check_closed_while_idle(void)
{
	struct timespec begun;
	struct timespec ended;
	Sent one;

	begin("the end of a kept connection wakes the client once", talk_once);
	run_send(http, &one, "http", peer->port, NULL);
	CHECK_TEXT(one.body, "first");
	msgext_http_wait(http, 10000);
	msgext_http_pump(http);
	clock_gettime(CLOCK_MONOTONIC, &begun);
	msgext_http_wait(http, 50);
	clock_gettime(CLOCK_MONOTONIC, &ended);
	CHECK((ended.tv_sec - begun.tv_sec) * 1000000000L + ended.tv_nsec - begun.tv_nsec >=
		  40000000L);
	end(1, 1);
}

/* Reads the second request of a connection and closes without an answer. */
static void
talk_swallow(PeerLine *line)
{
	if (peer_read_request(line))
		peer_answer(line, "first");
	peer_read_request(line);
}

static void
check_swallowed(void)
{
	Sent one;

	begin("a request that was read and not answered is not repeated", talk_swallow);
	run_send(http, &one, "http", peer->port, NULL);
	run_send(http, &one, "http", peer->port, NULL);
	CHECK_INT(one.transport, MSG_TRANSPORT_CUT);
	CHECK_TEXT(one.error, "the connection was closed before an answer");
	end(2, 2);
}

static const char *answer;

static void
talk_answer(PeerLine *line)
{
	while (peer_read_request(line))
		peer_say(line, answer);
}

static void
check_retry_after(const char *value, int64_t least_ms, int64_t most_ms)
{
	char text[300];
	char name[100];
	Sent one;

	snprintf(name, sizeof(name), "Retry-After: %s", value != NULL ? value : "none");
	snprintf(text, sizeof(text), "HTTP/1.1 503 Busy\r\n%s%s%sContent-Length: 0\r\n\r\n",
			 value != NULL ? "retry-after: " : "", value != NULL ? value : "",
			 value != NULL ? "\r\n" : "");
	answer = text;
	begin(name, talk_answer);
	run_send(http, &one, "http", peer->port, NULL);
	CHECK_INT(one.status, 503);
	if (one.retry_after_ms < least_ms || one.retry_after_ms > most_ms)
		test_fail(__FILE__, __LINE__, "Retry-After: %lld ms",
				  (long long) one.retry_after_ms);
	end(1, 1);
}

static void
check_too_large(void)
{
	char text[8192];
	Sent one;

	strcpy(text, "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n");
	memset(text + strlen(text), 'x', 5000);
	text[strlen("HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n") + 5000] = '\0';
	answer = text;
	begin("an answer above the limit", talk_answer);
	run_send(http, &one, "http", peer->port, NULL);
	CHECK_INT(one.transport, MSG_TRANSPORT_CUT);
	CHECK_TEXT(one.error, "the answer is larger than msgext.max_response_size");
	CHECK(one.clipped);
	CHECK_INT(one.status, 200);
	CHECK_INT(strlen(one.body), 4096);
	end(1, 1);
}

/* {"ok":true} by gzip -9n */
static const unsigned char gzip_ok[] = {0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00,
										0x02, 0x03, 0xab, 0x56, 0xca, 0xcf, 0x56, 0xb2,
										0x2a, 0x29, 0x2a, 0x4d, 0xad, 0x05, 0x00, 0x90,
										0x5f, 0xd4, 0xa7, 0x0b, 0x00, 0x00, 0x00};

static void
talk_gzip(PeerLine *line)
{
	char head[200];

	while (peer_read_request(line))
	{
		bool asked = strstr(line->head, "gzip") != NULL;

		snprintf(head, sizeof(head),
				 "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n"
				 "Content-Length: %zu\r\n\r\n",
				 sizeof(gzip_ok));
		peer_say(line, asked ? head : "HTTP/1.1 406 No\r\nContent-Length: 0\r\n\r\n");
		if (asked)
			peer_write(line, gzip_ok, sizeof(gzip_ok));
	}
}

static void
check_gzip(void)
{
	Sent one;

	begin("a compressed answer", talk_gzip);
	run_send(http, &one, "http", peer->port, NULL);
	CHECK_INT(one.transport, MSG_TRANSPORT_ANSWERED);
	CHECK_TEXT(one.body, "{\"ok\":true}");
	msgext_http_limit(http, 10);
	run_send(http, &one, "http", peer->port, NULL);
	CHECK_INT(one.transport, MSG_TRANSPORT_CUT);
	CHECK_TEXT(one.error, "the answer is larger than msgext.max_response_size");
	end(2, 1);
}

static void
check_redirect(void)
{
	Sent one;

	answer = "HTTP/1.1 307 There\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n";
	begin("a redirect is not followed", talk_answer);
	run_send(http, &one, "http", peer->port, NULL);
	CHECK_INT(one.status, 307);
	end(1, 1);
}

static void
check_environment(void)
{
	char nowhere[] = "http://127.0.0.1:1";
	char proxy[60];
	MsgHttpTarget target = run_target;
	Sent one;

	setenv("http_proxy", nowhere, 1);
	setenv("all_proxy", nowhere, 1);
	begin("the environment's proxies do not count", peer_talk_counting);
	run_send(http, &one, "http", peer->port, NULL);
	CHECK_TEXT(one.body, "0/1");

	/* Nor does its list of those who need none. */
	setenv("no_proxy", "*", 1);
	snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%d", peer->port);
	target.proxy = proxy;
	target.serial = 2;
	run_send(http, &one, "http", 1, &target);
	CHECK_TEXT(one.body, "1/1");
	unsetenv("http_proxy");
	unsetenv("all_proxy");
	unsetenv("no_proxy");
	end(2, 2);
}

static void
check_refused_tunnel(void)
{
	MsgHttpTarget target = run_target;
	char proxy[60];
	Sent one;

	answer = "HTTP/1.1 503 No\r\nRetry-After: 5\r\nContent-Length: 0\r\n\r\n";
	begin("a tunnel that the proxy refuses", talk_answer);
	snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%d", peer->port);
	target.proxy = proxy;
	run_send(http, &one, "https", 1, &target);
	CHECK_INT(one.transport, MSG_TRANSPORT_NEVER_LEFT);
	end(1, 1);
}

/* Answers with the request's line, and its body in brackets. */
static void
talk_echo(PeerLine *line)
{
	char body[200];
	const char *end;

	while (peer_read_request(line))
	{
		end = strstr(line->head, "\r\n\r\n");
		snprintf(body, sizeof(body), "%.*s (%s)%s", (int) strcspn(line->head, "/"),
				 line->head, end != NULL ? end + 4 : "",
				 strstr(line->head, "Content-Length") != NULL ? " length" : "");
		peer_answer(line, body);
	}
}

/* In any order on one handle: nothing of one request stays for the next. */
static void
check_methods(void)
{
	static const struct
	{
		const char *method;
		const char *body;
		const char *echo;
	} requests[] = {{"POST", "a", "POST  (a) length"},
					{"PUT", "bc", "PUT  (bc) length"},
					{"GET", "", "GET  ()"},
					{"DELETE", "", "DELETE  ()"},
					{"DELETE", "d", "DELETE  (d) length"},
					{"POST", "", "POST  () length"},
					{"PATCH", "e", "PATCH  (e) length"},
					{"PUT", "", "PUT  () length"},
					{"GET", "", "GET  ()"},
					{"POST", "f", "POST  (f) length"}};
	size_t i;

	begin("methods", talk_echo);
	for (i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
	{
		Sent one;

		run_request = (MsgRequest){.method = requests[i].method,
								   .body = requests[i].body,
								   .body_len = strlen(requests[i].body)};
		run_send(http, &one, "http", peer->port, NULL);
		CHECK_TEXT(one.body, requests[i].echo);
	}
	run_request = (MsgRequest){0};
	end((int) (sizeof(requests) / sizeof(requests[0])), 1);
}

static void
check_nobody(void)
{
	Sent one;

	test_begin("client: nobody there");
	http = msgext_http_create();
	run_send(http, &one, "http", 1, NULL);
	CHECK_INT(one.transport, MSG_TRANSPORT_NEVER_LEFT);
	CHECK(one.error != NULL && strstr(one.error, "connect") != NULL);
	msgext_http_destroy(http);
	test_end();
}

static void
check_cut_at_end(void)
{
	Sent one;

	begin("destroyed with a request under way", talk_swallow);
	run_submit(http, &one, "http", peer->port, NULL);
	while (atomic_load(&peer->requests) == 0)
		if (!msgext_http_pump(http))
			msgext_http_wait(http, 20);
	end(1, 1);
}

void
test_net_client(void)
{
	check_kept();
	check_surplus("a surplus answer",
				  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong");
	check_surplus("an unasked 408",
				  "HTTP/1.1 408 Slow\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
	check_surplus("a stray byte", "\n");
	check_surplus("a connection that was closed while idle", NULL);
	check_surplus_everywhere();
	check_early();
	check_closed_while_idle();
	check_swallowed();
	check_retry_after(NULL, -1, -1);
	check_retry_after("0", 0, 0);
	check_retry_after("7", 7000, 7000);
	check_retry_after("99999999999", INT64_C(604800000), INT64_C(604800000));
	check_retry_after("Fri, 31 Dec 2100 23:59:59 GMT", INT64_C(604800000),
					  INT64_C(604800000));
	check_retry_after("Fri, 31 Dec 1999 23:59:59 GMT", 0, 0);
	check_too_large();
	check_gzip();
	check_redirect();
	check_environment();
	check_refused_tunnel();
	check_methods();
	check_nobody();
	check_cut_at_end();
}
