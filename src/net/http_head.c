/*
 * http_head.c
 *		Whether a request's head can be read in one way only: see http_head.h.
 */
#include "net/http_head.h"

#include <microhttpd.h>
#include <string.h>
#include <strings.h>

#include "core/ascii.h"

typedef struct Fields
{
	int hosts;
	int lengths;
	int encodings;
	bool odd; /* a name or a value that no sender may write */
} Fields;

static bool
is(const char *name, size_t len, const char *what)
{
	return len == strlen(what) && strncasecmp(name, what, len) == 0;
}

static enum MHD_Result
on_field(void *arg, enum MHD_ValueKind kind, const char *name, size_t name_len,
		 const char *value, size_t value_len)
{
	Fields *fields = arg;

	(void) kind;
	if (!msgext_ascii_is_token(name, name_len) ||
		(value_len > 0 && (memchr(value, '\r', value_len) != NULL ||
						   memchr(value, '\0', value_len) != NULL)))
		fields->odd = true;
	if (is(name, name_len, "Host"))
		fields->hosts++;
	else if (is(name, name_len, "Content-Length"))
		fields->lengths++;
	else if (is(name, name_len, "Transfer-Encoding"))
	{
		fields->encodings++;

		/* Others are not undone here, and without "chunked" there is no end. */
		if (!is(value, value_len, "chunked"))
			fields->odd = true;
	}
	return MHD_YES;
}

bool
msgext_http_head_fits(struct MHD_Connection *connection, const char *line_end,
					  const char *path, const char *version)
{
	bool newest = strcmp(version, "HTTP/1.1") == 0;
	Fields fields = {0};

	/* The version follows the path's end, unless a NUL has cut the path short. */
	if (version != line_end || strpbrk(path, " \r") != NULL)
		return false;
	if (!newest && strcmp(version, "HTTP/1.0") != 0)
		return false;
	MHD_get_connection_values_n(connection, MHD_HEADER_KIND, on_field, &fields);
	return !fields.odd && fields.hosts <= 1 && (fields.hosts == 1 || !newest) &&
		   fields.lengths + fields.encodings <= 1 && (fields.encodings == 0 || newest);
}
