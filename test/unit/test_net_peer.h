/*
 * test_net_peer.h
 *		A peer that misbehaves as a test tells it: accepts connections, one thread each,
 *		and lets the test's function talk on them, in clear or over TLS.
 *
 * Nothing here parses more than a request's head and length, so that no mistake is shared
 * with what is tested.
 */
#ifndef MSGEXT_TEST_NET_PEER_H
#define MSGEXT_TEST_NET_PEER_H

#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#define PEER_CONNECTIONS_MAX 64

typedef struct Peer Peer;

typedef struct PeerLine
{
	Peer *peer;
	int number; /* of the connection, from 0 */
	int fd;
	SSL *ssl; /* or NULL */
	pthread_t thread;
	char buf[65536]; /* what was read and not used */
	size_t len;
	char head[65536]; /* of the last request, with its body */
} PeerLine;

struct Peer
{
	int port;
	atomic_int connections;
	atomic_int requests; /* that were read whole */
	atomic_int step;	 /* the test's and the function's own */
	void (*talk)(PeerLine *line);
	SSL_CTX *tls;
	int listening;
	pthread_t thread;
	PeerLine *lines[PEER_CONNECTIONS_MAX];
};

/* tls may be NULL. Aborts when there is no port. */
extern Peer *peer_start(void (*talk)(PeerLine *line), SSL_CTX *tls);
/* Closes what is open and waits for the threads. */
extern void peer_stop(Peer *peer);

/* Reads one request, counts it; false at the end. */
extern bool peer_read_request(PeerLine *line);
extern bool peer_read(PeerLine *line, void *data, size_t len);
extern void peer_write(PeerLine *line, const void *data, size_t len);
extern void peer_say(PeerLine *line, const char *text);
/* A whole answer with this body. */
extern void peer_answer(PeerLine *line, const char *body);
/* For peer_start(): answers each request with "connection/request of it": 0/1, 0/2. */
extern void peer_talk_counting(PeerLine *line);
/* Waits until everything written has reached the other end. */
extern void peer_flush(PeerLine *line);
/* Waits until the step is reached; false after ten seconds. */
extern bool peer_await(Peer *peer, int step);

/* Have there been so many connections, and no more? The last may take a moment. */
extern bool peer_await_connections(Peer *peer, int n);

/* A certificate for 127.0.0.1 and its authority: the server's context, and a file. */
extern SSL_CTX *peer_tls(const char *ca_name, const char *folder, bool http2,
						 char *ca_file, size_t room);

#endif /* MSGEXT_TEST_NET_PEER_H */
