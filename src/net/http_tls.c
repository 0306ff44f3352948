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

/*
 * libcurl keeps what it has read of a file, unless it is given a folder too: so the folder
 * is added here. OpenSSL looks into it only for whom the file does not know.
 */
static CURLcode
add_folder(CURL *easy, void *context, void *arg)
{
	X509_STORE *store = SSL_CTX_get_cert_store(context);
	X509_LOOKUP *lookup = X509_STORE_add_lookup(store, X509_LOOKUP_hash_dir());

	(void) easy;
	if (lookup == NULL || !X509_LOOKUP_add_dir(lookup, arg, X509_FILETYPE_PEM))
		return CURLE_OUT_OF_MEMORY;
	return CURLE_OK;
}

void
msgext_http_tls_believe(CURL *easy, const char *ca_file, const char *ca_folder)
{
	bool both = ca_file != NULL && ca_folder != NULL &&
				curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, add_folder) == CURLE_OK;

	if (!both)
		curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, NULL);
	curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, ca_folder);
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
	tls.used = info != NULL && info->internals != NULL;
	if (!tls.used || info->backend != CURLSSLBACKEND_OPENSSL)
		return tls;
	tls.ssl = info->internals;
	SSL_get0_alpn_selected(tls.ssl, &protocol, &len);
	tls.http2 = len == 2 && memcmp(protocol, "h2", 2) == 0;
	return tls;
}
