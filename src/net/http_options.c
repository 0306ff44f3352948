/*
 * http_options.c
 *		Options of an easy handle: see http_options.h.
 */
#include "net/http_options.h"

#include <string.h>

void
msgext_http_options_bound(CURL *easy)
{
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);

	/* A redirect would take the message and its secrets elsewhere. */
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_UNRESTRICTED_AUTH, 0L);

	/* Credentials come in our headers only: no ~/.netrc, no Kerberos of the account. */
	curl_easy_setopt(easy, CURLOPT_NETRC, (long) CURL_NETRC_IGNORED);
	curl_easy_setopt(easy, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
	curl_easy_setopt(easy, CURLOPT_PROXYAUTH, CURLAUTH_BASIC);
	curl_easy_setopt(easy, CURLOPT_SOCKS5_AUTH, CURLAUTH_BASIC);

	/* The proxy sees none of our headers, and its own are no part of an answer. */
	curl_easy_setopt(easy, CURLOPT_HEADEROPT, (long) CURLHEADER_SEPARATE);
	curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);

	/* Each peer is who it says it is: RFC 9325, 3.1.1. */
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long) CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(easy, CURLOPT_PROXY_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(easy, CURLOPT_PROXY_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(easy, CURLOPT_PROXY_SSLVERSION, (long) CURL_SSLVERSION_TLSv1_2);

	/* Data in the first packet may arrive twice: RFC 7413, 6.1. */
	curl_easy_setopt(easy, CURLOPT_TCP_FASTOPEN, 0L);

	/* Neither bytes without a head as an answer, nor addresses from an answer. */
	curl_easy_setopt(easy, CURLOPT_HTTP09_ALLOWED, 0L);
	curl_easy_setopt(easy, CURLOPT_HSTS_CTRL, 0L);
}

void
msgext_http_options_set_method(CURL *easy, const MsgRequest *request)
{
	bool get = strcmp(request->method, "GET") == 0;
	bool post = strcmp(request->method, "POST") == 0;

	/* Without a body, DELETE is sent like GET: no length of nothing. */
	if (get || (request->body_len == 0 && strcmp(request->method, "DELETE") == 0))
		curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
	else
	{
		curl_easy_setopt(easy, CURLOPT_POST, 1L);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
						 (curl_off_t) request->body_len);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS,
						 request->body_len > 0 ? request->body : "");
	}
	curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, get || post ? NULL : request->method);
}

bool
msgext_http_options_set_headers(CURL *easy, struct curl_slist **headers,
								const MsgRequest *request)
{
	struct curl_slist *item = *headers;
	struct curl_slist *list;
	int i;

	for (i = 0; i < request->nheaders && item != NULL; i++, item = item->next)
		if (strcmp(item->data, request->headers[i]) != 0)
			break;
	if (i == request->nheaders && item != NULL && item->next == NULL)
		return true;

	curl_slist_free_all(*headers);
	*headers = NULL;
	for (i = 0; i <= request->nheaders; i++)
	{
		/* No "Expect: 100-continue": it costs a round trip. */
		list = curl_slist_append(*headers,
								 i < request->nheaders ? request->headers[i] : "Expect:");
		if (list == NULL)
			return false;
		*headers = list;
	}
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, *headers);
	return true;
}
