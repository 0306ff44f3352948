/*
 * test_net_peer.c
 *		A peer that misbehaves as a test tells it: see test_net_peer.h.
 */
#define _GNU_SOURCE

#include "test_net_peer.h"

#include <arpa/inet.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 10000

static void
nap(void)
{
	struct timespec moment = {0, 1000000};

	nanosleep(&moment, NULL);
}

static void *
serve(void *arg)
{
	PeerLine *line = arg;

	if (line->peer->tls != NULL)
	{
		line->ssl = SSL_new(line->peer->tls);
		SSL_set_fd(line->ssl, line->fd);
		if (SSL_accept(line->ssl) != 1)
		{
			shutdown(line->fd, SHUT_RDWR);
			return NULL;
		}
	}
	line->peer->talk(line);
	if (line->ssl != NULL)
		SSL_shutdown(line->ssl);
	shutdown(line->fd, SHUT_RDWR);
	return NULL;
}

static void *
accept_all(void *arg)
{
	Peer *peer = arg;
	int one = 1;
	int fd;

	while ((fd = accept(peer->listening, NULL, NULL)) >= 0)
	{
		int number = atomic_load(&peer->connections);
		PeerLine *line;

		if (number == PEER_CONNECTIONS_MAX)
			abort();
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		line = calloc(1, sizeof(PeerLine));
		line->peer = peer;
		line->number = number;
		line->fd = fd;
		peer->lines[number] = line;
		atomic_store(&peer->connections, number + 1);
		if (pthread_create(&line->thread, NULL, serve, line) != 0)
			abort();
	}
	return NULL;
}

Peer *
peer_start(void (*talk)(PeerLine *line), SSL_CTX *tls)
{
	Peer *peer = calloc(1, sizeof(Peer));
	struct sockaddr_in address = {.sin_family = AF_INET,
								  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);

	peer->talk = talk;
	peer->tls = tls;
	peer->listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(peer->listening, (struct sockaddr *) &address, sizeof(address)) != 0 ||
		listen(peer->listening, 128) != 0 ||
		getsockname(peer->listening, (struct sockaddr *) &address, &len) != 0 ||
		pthread_create(&peer->thread, NULL, accept_all, peer) != 0)
		abort();
	peer->port = ntohs(address.sin_port);
	return peer;
}

void
peer_stop(Peer *peer)
{
	int i;

	atomic_store(&peer->step, 1000000);
	shutdown(peer->listening, SHUT_RDWR);
	pthread_join(peer->thread, NULL);
	close(peer->listening);
	for (i = 0; i < atomic_load(&peer->connections); i++)
	{
		PeerLine *line = peer->lines[i];

		shutdown(line->fd, SHUT_RDWR);
		pthread_join(line->thread, NULL);
		SSL_free(line->ssl);
		close(line->fd);
		free(line);
	}
	free(peer);
}

/* More of what comes in. */
static bool
fill(PeerLine *line)
{
	ssize_t n;

	if (line->len == sizeof(line->buf))
		return false;
	if (line->ssl != NULL)
		n = SSL_read(line->ssl, line->buf + line->len,
					 (int) (sizeof(line->buf) - line->len));
	else
		n = read(line->fd, line->buf + line->len, sizeof(line->buf) - line->len);
	if (n <= 0)
		return false;
	line->len += (size_t) n;
	return true;
}

bool
peer_read(PeerLine *line, void *data, size_t len)
{
	while (line->len < len)
		if (!fill(line))
			return false;
	memcpy(data, line->buf, len);
	line->len -= len;
	memmove(line->buf, line->buf + len, line->len);
	return true;
}

bool
peer_read_request(PeerLine *line)
{
	const char *end;
	const char *length;
	size_t whole;

	while ((end = memmem(line->buf, line->len, "\r\n\r\n", 4)) == NULL)
		if (!fill(line))
			return false;
	whole = (size_t) (end - line->buf) + 4;
	memcpy(line->head, line->buf, whole);
	line->head[whole] = '\0';
	length = strcasestr(line->head, "\nContent-Length:");
	if (length != NULL)
		whole += strtoul(length + 16, NULL, 10);
	if (!peer_read(line, line->head, whole))
		return false;
	line->head[whole] = '\0';
	atomic_fetch_add(&line->peer->requests, 1);
	return true;
}

void
peer_write(PeerLine *line, const void *data, size_t len)
{
	const char *from = data;

	while (len > 0)
	{
		ssize_t n = line->ssl != NULL ? SSL_write(line->ssl, from, (int) len)
									  : send(line->fd, from, len, MSG_NOSIGNAL);

		if (n <= 0)
			return;
		from += n;
		len -= (size_t) n;
	}
}

void
peer_say(PeerLine *line, const char *text)
{
	peer_write(line, text, strlen(text));
}

void
peer_answer(PeerLine *line, const char *body)
{
	char text[4096];

	snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s",
			 strlen(body), body);
	peer_say(line, text);
}

void
peer_flush(PeerLine *line)
{
	int queued = 1;
	int i;

	for (i = 0; i < PATIENCE_MS && ioctl(line->fd, SIOCOUTQ, &queued) == 0 && queued > 0;
		 i++)
		nap();
}

bool
peer_await(Peer *peer, int step)
{
	int i;

	for (i = 0; i < PATIENCE_MS && atomic_load(&peer->step) < step; i++)
		nap();
	return atomic_load(&peer->step) >= step;
}

bool
peer_await_connections(Peer *peer, int n)
{
	int i;

	for (i = 0; i < PATIENCE_MS && atomic_load(&peer->connections) < n; i++)
		nap();
	return atomic_load(&peer->connections) == n;
}

static X509 *
certify(EVP_PKEY *key, const char *name, bool authority, X509 *issuer,
		EVP_PKEY *issuer_key)
{
	static long serial = 1;
	X509 *x509 = X509_new();
	X509_NAME *subject = X509_get_subject_name(x509);
	X509V3_CTX context;
	X509_EXTENSION *extension;

	X509_set_version(x509, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x509), serial++);
	X509_gmtime_adj(X509_getm_notBefore(x509), -3600);
	X509_gmtime_adj(X509_getm_notAfter(x509), 86400);
	X509_set_pubkey(x509, key);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *) name,
							   -1, -1, 0);
	X509_set_issuer_name(x509, issuer != NULL ? X509_get_subject_name(issuer) : subject);
	X509V3_set_ctx(&context, issuer != NULL ? issuer : x509, x509, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(
		NULL, &context, authority ? NID_basic_constraints : NID_subject_alt_name,
		authority ? "critical,CA:TRUE" : "IP:127.0.0.1");
	X509_add_ext(x509, extension, -1);
	X509_EXTENSION_free(extension);
	X509_sign(x509, issuer_key != NULL ? issuer_key : key, EVP_sha256());
	return x509;
}

static int
choose_http2(SSL *ssl, const unsigned char **out, unsigned char *out_len,
			 const unsigned char *in, unsigned int in_len, void *arg)
{
	static const unsigned char h2[] = "\2h2";

	(void) ssl;
	(void) arg;
	return SSL_select_next_proto((unsigned char **) out, out_len, h2, 3, in, in_len) ==
				   OPENSSL_NPN_NEGOTIATED
			   ? SSL_TLSEXT_ERR_OK
			   : SSL_TLSEXT_ERR_NOACK;
}

SSL_CTX *
peer_tls(const char *ca_name, const char *folder, bool http2, char *ca_file, size_t room)
{
	EVP_PKEY *ca_key = EVP_EC_gen("P-256");
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *ca = certify(ca_key, ca_name, true, NULL, NULL);
	X509 *certificate = certify(key, "127.0.0.1", false, ca, ca_key);
	SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
	FILE *file;

	/* By the hash of its name, so that the folder serves as a CApath too. */
	snprintf(ca_file, room, "%s/%08lx.0", folder, X509_subject_name_hash(ca));
	if ((file = fopen(ca_file, "w")) == NULL || !PEM_write_X509(file, ca))
		abort();
	fclose(file);
	if (SSL_CTX_use_certificate(tls, certificate) != 1 ||
		SSL_CTX_use_PrivateKey(tls, key) != 1)
		abort();
	if (http2)
		SSL_CTX_set_alpn_select_cb(tls, choose_http2, NULL);
	X509_free(ca);
	X509_free(certificate);
	EVP_PKEY_free(ca_key);
	EVP_PKEY_free(key);
	return tls;
}

void
peer_talk_counting(PeerLine *line)
{
	char body[40];
	int n = 0;

	while (peer_read_request(line))
	{
		snprintf(body, sizeof(body), "%d/%d", line->number, ++n);
		peer_answer(line, body);
	}
}
