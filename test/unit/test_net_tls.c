/*
 * test_net_tls.c
 *		Whom the HTTP client believes over TLS, and surplus answers there.
 */
#include "test.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/http_slot.h"
#include "test_net_peer.h"
#include "test_net_run.h"

static SSL_CTX *tls; /* certified by the first authority */
static char first[300];
static char second[300]; /* the other authority's file */
static Peer *peer;
static MsgHttp *http;

static void
talk_well(PeerLine *line)
{
	while (peer_read_request(line))
		peer_answer(line, line->number == 0 ? "0" : "1");
}

static void
begin(const char *name, void (*talk)(PeerLine *line))
{
	test_begin("tls: %s", name);
	http = msgext_http_create();
	msgext_http_limit(http, 4096);
	peer = peer_start(talk, tls);
}

static void
end(int requests)
{
	CHECK_INT(atomic_load(&peer->requests), requests);
	msgext_http_destroy(http);
	peer_stop(peer);
	test_end();
}

static MsgTransport
send_with(const char *ca_file, const char *proxy)
{
	static uint64_t serial = 100;
	MsgHttpTarget target = run_target;
	Sent one;

	target.serial = serial++;
	target.ca_file = ca_file;
	target.proxy = proxy;
	run_send(http, &one, proxy != NULL ? "http" : "https", peer->port, &target);
	return one.transport;
}

static void
check_authority(void)
{
	char proxy[60];

	begin("ca_file counts, nothing else does", talk_well);
	setenv("SSL_CERT_FILE", first, 1);
	setenv("SSL_CERT_DIR", run_folder(), 1);
	setenv("CURL_CA_BUNDLE", first, 1);
	CHECK_INT(send_with(first, NULL), MSG_TRANSPORT_ANSWERED);
	CHECK_INT(send_with(second, NULL), MSG_TRANSPORT_NEVER_LEFT);
	CHECK_INT(send_with(NULL, NULL), MSG_TRANSPORT_NEVER_LEFT);

	/* A proxy that speaks TLS is checked in the same way. */
	snprintf(proxy, sizeof(proxy), "https://127.0.0.1:%d", peer->port);
	CHECK_INT(send_with(first, proxy), MSG_TRANSPORT_ANSWERED);
	CHECK_INT(send_with(second, proxy), MSG_TRANSPORT_NEVER_LEFT);
	unsetenv("SSL_CERT_FILE");
	unsetenv("SSL_CERT_DIR");
	unsetenv("CURL_CA_BUNDLE");
	end(2);
}

/* A handle without a client around it. */
typedef struct Alone
{
	MsgHttpSockets *sockets;
	MsgHttpSessions *sessions;
	MsgHttpSlot *slot;
	MsgHttpSlot *none;
} Alone;

static MsgHttpSlot *
open_alone(Alone *alone)
{
	alone->sockets = msgext_http_sockets_create();
	alone->sessions = msgext_http_sessions_create();
	alone->none = NULL;
	alone->slot = msgext_http_slot_create(alone->sockets, alone->sessions, &alone->none);
	return alone->slot;
}

static void
close_alone(Alone *alone)
{
	msgext_http_slot_free(alone->slot);
	msgext_http_sessions_free(alone->sessions);
	msgext_http_sockets_free(alone->sockets);
}

static CURLcode
perform(const Alone *alone, const MsgHttpTarget *target, const char *url)
{
	MsgRequest request = {.method = "GET", .url = url};

	CHECK(msgext_http_slot_prepare(alone->slot, target, &request, 4096));
	return curl_easy_perform(alone->slot->easy);
}

/* libcurl's default folder stays where only a file is named. */
static void
check_system_folder(void)
{
	Alone alone;
	MsgHttpSlot *slot = open_alone(&alone);
	MsgHttpTarget target = run_target;
	char url[60];
	char proxy[60];

	begin("ca_file replaces the system's folder", talk_well);
	snprintf(url, sizeof(url), "https://127.0.0.1:%d/", peer->port);
	CHECK(slot->system_ca_folder != NULL);
	slot->system_ca_folder = run_folder();
	curl_easy_setopt(slot->easy, CURLOPT_CAPATH, run_folder());
	curl_easy_setopt(slot->easy, CURLOPT_PROXY_CAPATH, run_folder());
	target.ca_file = second;
	CHECK_INT(perform(&alone, &target, url), CURLE_PEER_FAILED_VERIFICATION);

	/* The folder would have done: a target without a file of its own believes it. */
	target.ca_file = NULL;
	target.serial++;
	CHECK_INT(perform(&alone, &target, url), CURLE_OK);

	snprintf(proxy, sizeof(proxy), "https://127.0.0.1:%d", peer->port);
	target.proxy = proxy;
	target.ca_file = second;
	target.serial++;
	CHECK_INT(perform(&alone, &target, "http://127.0.0.1:1/"),
			  CURLE_PEER_FAILED_VERIFICATION);
	close_alone(&alone);
	end(1);
}

static const char nothing[] =
	"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

/* One request a connection; the step counts the sessions that were resumed. */
static void
talk_once(PeerLine *line)
{
	if (SSL_session_reused(line->ssl))
		atomic_fetch_add(&line->peer->step, 1);
	if (peer_read_request(line))
		peer_say(line, nothing);
}

/* The same; the second connection is answered when the third has resumed a session too. */
static void
talk_beside(PeerLine *line)
{
	if (SSL_session_reused(line->ssl))
		atomic_fetch_add(&line->peer->step, 1);
	if (!peer_read_request(line))
		return;
	if (line->number == 1)
		peer_await(line->peer, 2);
	peer_say(line, nothing);
}

/*
 * The third request's handle was given no session yet. Each is used once (RFC 8446, C.4):
 * the one that the second connection brings is there before its request is read.
 */
static void
check_resumed(void)
{
	MsgHttpTarget target = run_target;
	Sent sent[3];

	begin("a handle resumes the session that another one was given", talk_beside);
	target.ca_file = first;
	run_send(http, &sent[0], "https", peer->port, &target);
	run_submit(http, &sent[1], "https", peer->port, &target);
	while (atomic_load(&peer->requests) < 2)
		if (!msgext_http_pump(http))
			msgext_http_wait(http, 20);
	while (msgext_http_pump(http))
		;
	run_send(http, &sent[2], "https", peer->port, &target);
	run_await(http, &sent[1]);
	CHECK_INT(sent[1].status, 200);
	CHECK_INT(sent[2].status, 200);
	CHECK_INT(atomic_load(&peer->step), 2);
	end(3);
}

/* To read the system's authorities takes as long as a thousand requests. */
static void
check_read_once(void)
{
	Alone alone;
	MsgHttpSlot *slot = open_alone(&alone);
	MsgHttpTarget target = run_target;
	char url[60];
	char file[320];

	begin("authorities are not read for each connection", talk_once);
	snprintf(url, sizeof(url), "https://127.0.0.1:%d/", peer->port);
	snprintf(file, sizeof(file), "%s/moved.pem", run_folder());
	target.serial = 2;
	slot->system_ca_file = first;
	CHECK_INT(perform(&alone, &target, url), CURLE_OK);
	CHECK_INT(rename(first, file), 0);
	CHECK_INT(perform(&alone, &target, url), CURLE_OK);
	CHECK_INT(rename(file, first), 0);
	close_alone(&alone);
	end(2);
}

static void
check_kept(void)
{
	MsgHttpTarget target = run_target;
	Sent one;

	begin("a connection is kept, its session tickets do not matter", talk_well);
	target.ca_file = first;
	run_send(http, &one, "https", peer->port, &target);
	run_send(http, &one, "https", peer->port, &target);
	CHECK_TEXT(one.body, "0");
	end(2);
}

/* The surplus lies behind the body: in the same record, or in one of its own. */
static bool same_record;

static void
talk_surplus(PeerLine *line)
{
	if (line->number > 0)
	{
		talk_well(line);
		return;
	}
	if (!peer_read_request(line))
		return;
	peer_say(line, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
	peer_say(line, same_record ? "firstHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong"
							   : "first");
	if (!same_record && peer_await(line->peer, 1))
		peer_say(line, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong");
	peer_flush(line);
	atomic_store(&line->peer->step, 2);
	peer_read_request(line);
}

static void
check_surplus(bool same)
{
	MsgHttpTarget target = run_target;
	Sent one;

	same_record = same;
	begin(same ? "a surplus answer in the record of the body"
			   : "a surplus answer in a record of its own",
		  talk_surplus);
	target.ca_file = first;
	run_send(http, &one, "https", peer->port, &target);
	CHECK_TEXT(one.body, "first");
	if (!same)
		atomic_store(&peer->step, 1);
	CHECK(peer_await(peer, 2));
	run_send(http, &one, "https", peer->port, &target);
	CHECK_TEXT(one.body, "1");
	end(2);
}

void
test_net_tls(void)
{
	SSL_CTX *other;

	tls = peer_tls("First", run_folder(), false, first, sizeof(first));
	other = peer_tls("Second", run_folder(), false, second, sizeof(second));
	check_authority();
	check_system_folder();
	check_resumed();
	check_read_once();
	check_kept();
	check_surplus(false);
	check_surplus(true);
	SSL_CTX_free(other);
	SSL_CTX_free(tls);
}
