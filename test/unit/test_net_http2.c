/*
 * test_net_http2.c
 *		Which requests a peer of HTTP/2 has certainly not processed: RFC 9113, 8.7.
 *
 * The peer speaks frames without HPACK: it answers with the one byte that is ":status
 * 200" in the static table.
 */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test_net_peer.h"
#include "test_net_run.h"

#define DATA 0
#define HEADERS 1
#define RST_STREAM 3
#define SETTINGS 4
#define GOAWAY 7
#define END_STREAM 0x1
#define ACK 0x1
#define END_HEADERS 0x4
#define REFUSED_STREAM 7
#define INTERNAL_ERROR 2

#define N 6 /* requests at once */

static SSL_CTX *tls;
static char ca_file[300];
static Peer *peer;
static MsgHttp *http;

typedef struct Frame
{
	unsigned char head[9];
	unsigned char body[65536];
	int type;
	int flags;
	unsigned int stream;
} Frame;

static void
put_u32(unsigned char *at, unsigned int number)
{
	at[0] = (unsigned char) (number >> 24);
	at[1] = (unsigned char) (number >> 16);
	at[2] = (unsigned char) (number >> 8);
	at[3] = (unsigned char) number;
}

static void
put_frame(PeerLine *line, int type, int flags, unsigned int stream, const void *body,
		  size_t len)
{
	unsigned char head[9 + 64] = {0, 0, (unsigned char) len, (unsigned char) type,
								  (unsigned char) flags};

	put_u32(head + 5, stream);
	if (len > 0)
		memcpy(head + 9, body, len);
	peer_write(line, head, 9 + len);
}

/* The next frame that ends a request; settings are acknowledged on the way. */
static bool
read_request(PeerLine *line, Frame *frame)
{
	do
	{
		size_t len;

		if (!peer_read(line, frame->head, 9))
			return false;
		len = (size_t) frame->head[1] << 8 | frame->head[2];
		frame->type = frame->head[3];
		frame->flags = frame->head[4];
		frame->stream =
			(unsigned int) frame->head[7] << 8 | (unsigned int) frame->head[8];
		if (!peer_read(line, frame->body, len))
			return false;
		if (frame->type == SETTINGS && (frame->flags & ACK) == 0)
			put_frame(line, SETTINGS, ACK, 0, NULL, 0);
	} while (frame->type > HEADERS || (frame->flags & END_STREAM) == 0);
	atomic_fetch_add(&line->peer->requests, 1);
	return true;
}

static bool
greet(PeerLine *line)
{
	char preface[24];

	put_frame(line, SETTINGS, 0, 0, NULL, 0);
	return peer_read(line, preface, sizeof(preface));
}

static void
accept_stream(PeerLine *line, unsigned int stream)
{
	put_frame(line, HEADERS, END_STREAM | END_HEADERS, stream, "\x88", 1);
	atomic_fetch_add(&line->peer->step, 1);
}

static void
reset_stream(PeerLine *line, unsigned int stream, unsigned int code)
{
	unsigned char body[4];

	put_u32(body, code);
	put_frame(line, RST_STREAM, 0, stream, body, sizeof(body));
}

static void
go_away(PeerLine *line, unsigned int last)
{
	unsigned char body[8];

	put_u32(body, last);
	put_u32(body + 4, 0);
	put_frame(line, GOAWAY, 0, 0, body, sizeof(body));
}

static void
talk_well(PeerLine *line)
{
	static _Thread_local Frame frame;

	while (greet(line))
		while (read_request(line, &frame))
			accept_stream(line, frame.stream);
}

/*
 * Takes stream 1 alone, then N more, and says that the third of them was the last. False
 * when it did not come to that.
 */
static bool
take_and_go_away(PeerLine *line, unsigned int *open)
{
	static _Thread_local Frame frame;
	int i;

	if (line->number > 0)
	{
		talk_well(line);
		return false;
	}
	if (!greet(line) || !read_request(line, &frame))
		return false;
	accept_stream(line, frame.stream);
	for (i = 0; i < N; i++)
	{
		if (!read_request(line, &frame))
			return false;
		open[i] = frame.stream;
	}
	go_away(line, open[2]);
	return true;
}

/*
 * nginx: after so many requests it says which was the last one, answers those up to it
 * and passes over the rest.
 */
static void
talk_go_away(PeerLine *line)
{
	static _Thread_local Frame frame;
	unsigned int open[N];
	int i;

	if (!take_and_go_away(line, open))
		return;
	for (i = 0; i <= 2; i++)
		accept_stream(line, open[i]);
	read_request(line, &frame);
}

/* The same, but gone before it has answered. */
static void
talk_vanish(PeerLine *line)
{
	unsigned int open[N];

	take_and_go_away(line, open);
}

/* Refuses the first request of its first connection, and no more. */
static void
talk_refuse(PeerLine *line)
{
	static _Thread_local Frame frame;

	if (line->number > 0)
	{
		talk_well(line);
		return;
	}
	if (greet(line) && read_request(line, &frame))
		reset_stream(line, frame.stream, REFUSED_STREAM);
	read_request(line, &frame);
}

static void
talk_refuse_all(PeerLine *line)
{
	static _Thread_local Frame frame;

	if (greet(line))
		while (read_request(line, &frame))
			reset_stream(line, frame.stream, REFUSED_STREAM);
}

static void
talk_fail(PeerLine *line)
{
	static _Thread_local Frame frame;

	if (greet(line))
		while (read_request(line, &frame))
			reset_stream(line, frame.stream, INTERNAL_ERROR);
}

/* Answers when it has seen the head of a request, and wants no more of it. */
static void
talk_early(PeerLine *line)
{
	static _Thread_local Frame frame;

	if (!greet(line))
		return;
	do
	{
		size_t len;

		if (!peer_read(line, frame.head, 9))
			return;
		len = (size_t) frame.head[1] << 8 | frame.head[2];
		if (!peer_read(line, frame.body, len))
			return;
	} while (frame.head[3] != HEADERS);

	/* ":status 200" and "content-length: 0" */
	put_frame(line, HEADERS, END_STREAM | END_HEADERS, frame.head[8],
			  "\x88\x0f\x0d\x01\x30", 5);
	reset_stream(line, frame.head[8], 0);
	atomic_fetch_add(&line->peer->requests, 1);
	read_request(line, &frame);
}

static void
talk_never(PeerLine *line)
{
	peer_await(line->peer, 1);
}

static void
begin(const char *name, void (*talk)(PeerLine *line), MsgHttpTarget *target)
{
	test_begin("http2: %s", name);
	http = msgext_http_create();
	msgext_http_limit(http, 4096);
	peer = peer_start(talk, tls);
	*target = run_target;
	target->version = "2";
	target->ca_file = ca_file;
	target->timeout_ms = 30000;
}

static void
end(void)
{
	msgext_http_destroy(http);
	peer_stop(peer);
	test_end();
}

/* One request alone, then so many at once: how many were answered, how many cut. */
static void
send_all(const MsgHttpTarget *target, int *answered, int *cut)
{
	Sent many[N];
	Sent one;
	int i;

	*answered = *cut = 0;
	run_send(http, &one, "https", peer->port, target);
	CHECK_INT(one.status, 200);
	for (i = 0; i < N; i++)
		run_submit(http, &many[i], "https", peer->port, target);
	for (i = 0; i < N; i++)
		run_await(http, &many[i]);
	for (i = 0; i < N; i++)
	{
		*answered += many[i].transport == MSG_TRANSPORT_ANSWERED;
		*cut += many[i].transport == MSG_TRANSPORT_CUT;
	}
}

static void
check_go_away(void)
{
	MsgHttpTarget target;
	int answered;
	int cut;

	begin("streams above a GOAWAY's last one are sent again, once", talk_go_away,
		  &target);
	send_all(&target, &answered, &cut);
	CHECK_INT(answered, N);
	CHECK_INT(cut, 0);
	CHECK_INT(atomic_load(&peer->step), N + 1);
	end();
}

static void
check_vanish(void)
{
	MsgHttpTarget target;
	int answered;
	int cut;

	begin("those up to it may have arrived", talk_vanish, &target);
	send_all(&target, &answered, &cut);
	CHECK_INT(answered, N - 3);
	CHECK_INT(cut, 3);
	end();
}

static void
check_early(void)
{
	static char body[200000]; /* more than a peer takes unasked */
	MsgHttpTarget target;
	Sent one;

	begin("an answer before the whole of a request is one", talk_early, &target);
	run_request = (MsgRequest){.method = "POST", .body = body, .body_len = sizeof(body)};
	run_send(http, &one, "https", peer->port, &target);
	run_request = (MsgRequest){0};
	CHECK_INT(one.transport, MSG_TRANSPORT_ANSWERED);
	CHECK_INT(one.status, 200);
	CHECK_INT(atomic_load(&peer->requests), 1);
	end();
}

/* More than libcurl puts on one connection: the next one is made when the first is full. */
#define MANY 150

static void
check_shared(void)
{
	static Sent many[MANY];
	MsgHttpTarget target;
	int answered = 0;
	int i;

	begin("requests at once share connections, from the first one on", talk_well,
		  &target);
	target.version = "auto";
	for (i = 0; i < MANY; i++)
		run_submit(http, &many[i], "https", peer->port, &target);
	for (i = 0; i < MANY; i++)
	{
		run_await(http, &many[i]);
		answered += many[i].transport == MSG_TRANSPORT_ANSWERED;
	}
	CHECK_INT(answered, MANY);
	CHECK(atomic_load(&peer->connections) <= 2);
	end();
}

static void
check_silent(void)
{
	Peer *silent = peer_start(talk_never, NULL);
	MsgHttpTarget target;
	Sent waiting[N];
	Sent many[N];
	int i;

	begin("who waits for a peer that is silent is in nobody's way", talk_well, &target);
	for (i = 0; i < N; i++)
		run_submit(http, &waiting[i], "https", silent->port, &target);
	for (i = 0; i < N; i++)
		run_submit(http, &many[i], "https", peer->port, &target);
	for (i = 0; i < N; i++)
	{
		run_await(http, &many[i]);
		CHECK_INT(many[i].status, 200);
	}
	CHECK_INT(atomic_load(&silent->connections), 1);
	atomic_store(&silent->step, 1);
	for (i = 0; i < N; i++)
	{
		run_await(http, &waiting[i]);
		CHECK_INT(waiting[i].transport, MSG_TRANSPORT_NEVER_LEFT);
	}
	peer_stop(silent);
	end();
}

static void
check_refused(void)
{
	MsgHttpTarget target;
	Sent one;

	begin("a refused stream is sent again", talk_refuse, &target);
	run_send(http, &one, "https", peer->port, &target);
	CHECK_INT(one.status, 200);
	CHECK_INT(atomic_load(&peer->step), 1);
	end();
}

static void
check_refused_always(void)
{
	MsgHttpTarget target;
	Sent one;

	begin("one that is always refused has never left, and is given up", talk_refuse_all,
		  &target);
	run_send(http, &one, "https", peer->port, &target);
	CHECK_INT(one.transport, MSG_TRANSPORT_NEVER_LEFT);
	CHECK(one.error != NULL);
	CHECK(atomic_load(&peer->requests) > 1);
	end();
}

static void
check_failed(void)
{
	MsgHttpTarget target;
	Sent one;

	begin("a stream that failed may have been processed", talk_fail, &target);
	run_send(http, &one, "https", peer->port, &target);
	CHECK_INT(one.transport, MSG_TRANSPORT_CUT);
	CHECK_INT(atomic_load(&peer->requests), 1);
	run_send(http, &one, "https", peer->port, &target);
	CHECK_INT(one.transport, MSG_TRANSPORT_CUT);
	CHECK_INT(atomic_load(&peer->requests), 2);
	end();
}

void
test_net_http2(void)
{
	tls = peer_tls("Http2", run_folder(), true, ca_file, sizeof(ca_file));
	check_go_away();
	check_vanish();
	check_early();
	check_shared();
	check_silent();
	check_refused();
	check_refused_always();
	check_failed();
	SSL_CTX_free(tls);
}
