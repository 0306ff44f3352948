/*
 * http.c
 *		Heads of the console's requests and answers: see http.h.
 */
#include "postgres.h"

#include <arpa/inet.h>

#include "pg/base/guc.h"
#include "pg/console/http.h"

/* Nothing from anywhere else, no script in the page itself, and in nobody's frame. */
static const char fields[] =
	"Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "
	"img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
	"frame-ancestors 'none'\n"
	"X-Content-Type-Options: nosniff\n"
	"X-Frame-Options: DENY\n"
	"Referrer-Policy: no-referrer\n"
	"Cross-Origin-Opener-Policy: same-origin\n"
	"Cross-Origin-Resource-Policy: same-origin\n"
	"Cache-Control: no-store\n";

const char *
msgext_console_fields(const char *more)
{
	return psprintf("%s%s", fields, more);
}

char *
msgext_console_header(const MsgPush *request, const char *name)
{
	size_t len = strlen(name);
	const char *line = request->headers;

	while (*line != '\0')
	{
		const char *end = line + strcspn(line, "\n");

		if (pg_strncasecmp(line, name, len) == 0 && strncmp(line + len, ": ", 2) == 0)
			return pnstrdup(line + len + 2, end - (line + len + 2));
		line = *end == '\n' ? end + 1 : end;
	}
	return NULL;
}

/* A browser gives a cookie to every port of a host: each console has one of its own. */
static char *
cookie_name(void)
{
	return psprintf("msgext_%d", msgext_console_port);
}

char *
msgext_console_cookie(const MsgPush *request)
{
	char *cookies = msgext_console_header(request, "Cookie");
	char *name = cookie_name();
	char *rest = NULL;
	char *one;

	if (cookies == NULL)
		return NULL;
	for (one = strtok_r(cookies, "; ", &rest); one != NULL;
		 one = strtok_r(NULL, "; ", &rest))
		if (strncmp(one, name, strlen(name)) == 0 && one[strlen(name)] == '=')
			return one + strlen(name) + 1;
	return NULL;
}

static const char *
host_of_url(void)
{
	const char *host = strstr(msgext_console_url, "://");

	return host != NULL ? host + 3 : "";
}

static bool
is_number(const char *host)
{
	struct in6_addr address;

	return inet_pton(AF_INET, host, &address) == 1 ||
		   inet_pton(AF_INET6, host, &address) == 1;
}

bool
msgext_console_host_fits(const MsgPush *request)
{
	char *host = msgext_console_header(request, "Host");
	char *end;

	if (host == NULL)
		return false;
	if (msgext_console_url[0] != '\0' && pg_strcasecmp(host, host_of_url()) == 0)
		return true;

	/* Any port: it may have come by a tunnel. */
	if (host[0] == '[')
	{
		end = strchr(host, ']');
		if (end == NULL || (end[1] != '\0' && end[1] != ':'))
			return false;
		host++;
	}
	else
		end = host + strcspn(host, ":");
	*end = '\0';
	return pg_strcasecmp(host, "localhost") == 0 || is_number(host);
}

bool
msgext_console_origin_fits(const MsgPush *request)
{
	char *site = msgext_console_header(request, "Sec-Fetch-Site");
	char *origin = msgext_console_header(request, "Origin");
	char *host = msgext_console_header(request, "Host");

	if (site != NULL && strcmp(site, "same-origin") != 0)
		return false;
	if (origin == NULL)
		return true; /* no browser, or none that tells */
	return pg_strcasecmp(origin, msgext_console_url) == 0 ||
		   (host != NULL && pg_strcasecmp(origin, psprintf("http://%s", host)) == 0);
}

const char *
msgext_console_set_cookie(const char *secret, int64 seconds)
{
	bool secure = strncmp(msgext_console_url, "https:", strlen("https:")) == 0;

	return psprintf("Set-Cookie: %s=%s; Path=/; HttpOnly; SameSite=Strict; "
					"Max-Age=" INT64_FORMAT "%s\n",
					cookie_name(), secret != NULL ? secret : "",
					secret != NULL ? seconds : 0, secure ? "; Secure" : "");
}
