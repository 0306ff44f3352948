/*
 * test_net_thread.c
 *		The HTTP client in its thread: what is submitted comes back, once, whatever the
 *		order; and it ends with requests at every stage. Also for the thread sanitizer.
 */
#include "test.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "net/http_thread.h"
#include "test_net_peer.h"
#include "test_net_run.h"

#define N 400
#define AT_ONCE 16

static void
talk_echo(PeerLine *line)
{
	while (peer_read_request(line))
	{
		const char *body = strstr(line->head, "\r\n\r\n");

		peer_answer(line, body + 4);
	}
}

/* Answers nothing. */
static void
talk_hang(PeerLine *line)
{
	while (peer_read_request(line))
		;
}

typedef struct Queued
{
	MsgRequest request;
	char body[20];
	int results;
	bool echoed;
} Queued;

static void
prepare(Queued *queued, const char *url, int number)
{
	memset(queued, 0, sizeof(*queued));
	snprintf(queued->body, sizeof(queued->body), "%d", number);
	queued->request.method = "POST";
	queued->request.url = url;
	queued->request.body = queued->body;
	queued->request.body_len = strlen(queued->body);
}

static int
take_all(MsgHttpThread *thread)
{
	MsgHttpResult result;
	int n = 0;

	while (msgext_http_thread_take(thread, &result))
	{
		Queued *queued = result.cookie;

		queued->results++;
		queued->echoed =
			result.transport == MSG_TRANSPORT_ANSWERED &&
			result.reply.body_len == strlen(queued->body) &&
			memcmp(result.reply.body, queued->body, result.reply.body_len) == 0;
		msgext_http_thread_release(thread, &result);
		n++;
	}
	return n;
}

/* So many at once, up to all of them; one at a time leaves from the owner's thread. */
static void
check_echo(int at_once)
{
	static Queued queued_requests[N];
	Peer *peer = peer_start(talk_echo, NULL);
	MsgHttpThread *thread = msgext_http_thread_start();
	time_t until = time(NULL) + 60;
	char url[60];
	int submitted = 0;
	int done = 0;
	int i;

	test_begin("thread: %d requests, %d at once", N, at_once);
	msgext_http_thread_limit(thread, 1000);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/", peer->port);
	while (done < N && time(NULL) < until)
	{
		struct pollfd ready = {.fd = msgext_http_thread_fd(thread), .events = POLLIN};

		while (submitted < N && submitted - done < at_once)
		{
			prepare(&queued_requests[submitted], url, submitted);
			CHECK(msgext_http_thread_submit(thread, &run_target,
											&queued_requests[submitted].request,
											&queued_requests[submitted]));
			submitted++;
		}
		poll(&ready, 1, 1000);
		done += take_all(thread);
	}
	CHECK_INT(done, N);
	for (i = 0; i < N; i++)
		if (queued_requests[i].results != 1 || !queued_requests[i].echoed)
			test_fail(__FILE__, __LINE__, "%d: %d results", i,
					  queued_requests[i].results);
	CHECK_INT(atomic_load(&peer->requests), N);
	CHECK(!msgext_http_thread_ready(thread));
	msgext_http_thread_stop(thread);
	peer_stop(peer);
	test_end();
}

/* Its end, with requests that wait, some that are done and some that were taken. */
static void
check_stop(void)
{
	static Queued queued_requests[2 * AT_ONCE];
	Peer *hang = peer_start(talk_hang, NULL);
	Peer *echo = peer_start(talk_echo, NULL);
	MsgHttpThread *thread = msgext_http_thread_start();
	MsgHttpResult result;
	char hang_url[60];
	char echo_url[60];
	int i;

	test_begin("thread: stopped with requests at every stage");
	msgext_http_thread_limit(thread, 1000);
	snprintf(hang_url, sizeof(hang_url), "http://127.0.0.1:%d/", hang->port);
	snprintf(echo_url, sizeof(echo_url), "http://127.0.0.1:%d/", echo->port);
	for (i = 0; i < 2 * AT_ONCE; i++)
	{
		prepare(&queued_requests[i], i % 2 ? echo_url : hang_url, i);
		CHECK(msgext_http_thread_submit(thread, &run_target, &queued_requests[i].request,
										&queued_requests[i]));
	}
	for (i = 0; i < 1000 && !msgext_http_thread_ready(thread); i++)
	{
		struct pollfd ready = {.fd = msgext_http_thread_fd(thread), .events = POLLIN};

		poll(&ready, 1, 10);
	}
	CHECK(msgext_http_thread_take(thread, &result));
	CHECK(((Queued *) result.cookie)->request.url == echo_url);
	msgext_http_thread_release(thread, &result);
	msgext_http_thread_stop(thread);
	peer_stop(hang);
	peer_stop(echo);
	test_end();
}

void
test_net_thread(void)
{
	check_echo(1);
	check_echo(2);
	check_echo(AT_ONCE);
	check_stop();
}
