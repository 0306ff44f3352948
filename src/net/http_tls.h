/*
 * http_tls.h
 *		What the client's handles share of TLS: whom they believe, and sessions to resume.
 *
 * A handshake costs more than hundreds of messages. So authorities are read once a while
 * rather than for each connection, and a session that one handle was given serves every
 * other. Decides nothing about a request.
 */
#ifndef MSGEXT_HTTP_TLS_H
#define MSGEXT_HTTP_TLS_H

#include <curl/curl.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct MsgHttpSessions MsgHttpSessions;

/* Returns NULL when there is no memory. */
extern MsgHttpSessions *msgext_http_sessions_create(void);
/* After the handles that used them. */
extern void msgext_http_sessions_free(MsgHttpSessions *sessions);
/* Has the handle use those of the target with this serial. */
extern void msgext_http_sessions_use(MsgHttpSessions *sessions, CURL *easy,
									 uint64_t serial);

/*
 * The handle, and its proxy, believe these only. The folder is read by OpenSSL as it needs
 * it and must outlive the handle's requests. Either may be NULL.
 */
extern void msgext_http_tls_believe(CURL *easy, const char *ca_file,
									const char *ca_folder);

/* TLS of the connection that a handle is on. */
typedef struct MsgHttpTls
{
	bool used;
	SSL *ssl;	/* NULL where libcurl was built with another library than OpenSSL */
	bool ready; /* the handshake is over; not known without ssl, and true then */
	bool http2; /* was agreed upon; not known without ssl */
} MsgHttpTls;

extern MsgHttpTls msgext_http_tls_of(CURL *easy);

#endif /* MSGEXT_HTTP_TLS_H */
