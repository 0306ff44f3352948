/*
 * http_tls.c
 *		What the client's handles share of TLS: see http_tls.h.
 *
 * The client is used by one thread at a time, so what is shared needs no locks.
 */
#include "net/http_tls.h"

#include <openssl/x509_vfy.h>
#include <stdlib.h>
#include <string.h>

/*
 * libcurl 7.88 keeps eight sessions in what handles share, of as many peers; so targets are
 * spread over several.
 */
#define SHARES 64

/*
 * How long a file of authorities is believed without being read again. To read the system's
 * takes tens of milliseconds, in which no other request moves.
 */
#define BELIEVE_SECONDS 60L

struct MsgHttpSessions
{
	CURLSH *shares[SHARES];
};

MsgHttpSessions *
msgext_http_sessions_create(void)
{
	return calloc(1, sizeof(MsgHttpSessions));
}

void
msgext_http_sessions_free(MsgHttpSessions *sessions)
{
	int i;

	for (i = 0; sessions != NULL && i < SHARES; i++)
		curl_share_cleanup(sessions->shares[i]);
	free(sessions);
}

void
msgext_http_sessions_use(MsgHttpSessions *sessions, CURL *easy, uint64_t serial)
{
	CURLSH **share = &sessions->shares[serial % SHARES];

	if (*share == NULL && (*share = curl_share_init()) != NULL)
		curl_share_setopt(*share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
	curl_easy_setopt(easy, CURLOPT_SHARE, *share);
}

/* What libcurl does with a session that it is given: the same for every context of its. */
static int (*keep_session)(SSL *ssl, SSL_SESSION *session);

/*
 * OpenSSL takes a session for one that is not to be resumed when its connection ends without
 * a farewell, as libcurl 7.88 ends those of HTTP/2; it marks those that have an id. By TLS 1.3
 * a session is resumed by its ticket: so libcurl gets a copy without an id.
 */
static int
on_session(SSL *ssl, SSL_SESSION *session)
{
	SSL_SESSION *copy;

	if (SSL_SESSION_get_protocol_version(session) != TLS1_3_VERSION)
		return keep_session(ssl, session);
	if ((copy = SSL_SESSION_dup(session)) == NULL)
		return 0;
	SSL_SESSION_set1_id(copy, (const unsigned char *) "", 0);
	if (keep_session(ssl, copy) == 0)
		SSL_SESSION_free(copy);
	return 0; /* we keep nothing of the session itself */
}

/* Called for each connection before its handshake. */
static CURLcode
on_context(CURL *easy, void *context, void *arg)
{
	const char *ca_folder = arg;
	X509_LOOKUP *lookup;

	(void) easy;
	if ((keep_session = SSL_CTX_sess_get_new_cb(context)) != NULL)
		SSL_CTX_sess_set_new_cb(context, on_session);
	if (ca_folder == NULL)
		return CURLE_OK;

	/* OpenSSL looks into it only for whom the file does not know. */
	lookup =
		X509_STORE_add_lookup(SSL_CTX_get_cert_store(context), X509_LOOKUP_hash_dir());
	return lookup != NULL && X509_LOOKUP_add_dir(lookup, ca_folder, X509_FILETYPE_PEM)
			   ? CURLE_OK
			   : CURLE_OUT_OF_MEMORY;
}

void
msgext_http_tls_believe(CURL *easy, const char *ca_file, const char *ca_folder)
{
	bool openssl =
		curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, on_context) == CURLE_OK;
	bool both = openssl && ca_file != NULL && ca_folder != NULL;

	/* libcurl keeps what it has read of a file, unless it is given a folder too. */
	curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, both ? ca_folder : NULL);
	curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file);
	curl_easy_setopt(easy, CURLOPT_CAPATH, both ? NULL : ca_folder);
	curl_easy_setopt(easy, CURLOPT_PROXY_CAINFO, ca_file);
	curl_easy_setopt(easy, CURLOPT_PROXY_CAPATH, both ? NULL : ca_folder);
	curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, BELIEVE_SECONDS);
}

MsgHttpTls
msgext_http_tls_of(CURL *easy)
{
	MsgHttpTls tls = {0};
	struct curl_tlssessioninfo *info = NULL;
	const unsigned char *protocol = NULL;
	unsigned int len = 0;

	curl_easy_getinfo(easy, CURLINFO_TLS_SSL_PTR, &info);
	tls.used = tls.ready = info != NULL && info->internals != NULL;
	if (!tls.used || info->backend != CURLSSLBACKEND_OPENSSL)
		return tls;
	tls.ssl = info->internals;
	tls.ready = SSL_is_init_finished(tls.ssl);
	SSL_get0_alpn_selected(tls.ssl, &protocol, &len);
	tls.http2 = len == 2 && memcmp(protocol, "h2", 2) == 0;
	return tls;
}
