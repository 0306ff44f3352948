/*
 * test_net_run.h
 *		Drives an HTTP client from a test: send, and wait for what comes of it.
 */
#ifndef MSGEXT_TEST_NET_RUN_H
#define MSGEXT_TEST_NET_RUN_H

#include "net/http_client.h"

/* One request and its answer; the texts are copies in the test's arena. */
typedef struct Sent
{
	char url[200];
	MsgHttpTarget target;
	MsgRequest request;
	bool done;
	MsgTransport transport;
	bool clipped;
	int status;
	const char *body;
	const char *error;
	int64_t retry_after_ms;
} Sent;

/* Starts a POST of "hello" to the port of 127.0.0.1; the target may be NULL. */
extern void run_submit(MsgHttp *http, Sent *sent, const char *scheme, int port,
					   const MsgHttpTarget *target);
/* Until the request is done; a failed check after ten seconds. */
extern void run_await(MsgHttp *http, Sent *sent);
/* Both. */
extern void run_send(MsgHttp *http, Sent *sent, const char *scheme, int port,
					 const MsgHttpTarget *target);

/* What else run_submit() sends, where a method is set. */
extern MsgRequest run_request;

/* Where it sends to. */
extern char run_host[100];

/* Time limits that no test reaches, HTTP/1.1, nothing else. */
extern const MsgHttpTarget run_target;

/* A new folder, which is removed with what is in it at the program's end. */
extern const char *run_folder(void);

#endif /* MSGEXT_TEST_NET_RUN_H */
