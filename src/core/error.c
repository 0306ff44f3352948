/*
 * error.c
 *		Filling in a MsgError: see error.h.
 */
#include "core/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/utf8.h"

/*
 * Where a text was too long for its field, the cut may have gone through a character,
 * and a field may quote bytes that are none: the log and the tables take valid UTF-8.
 */
static void
keep_text(char *text)
{
	const char *end = text + strlen(text);
	size_t bytes;

	while (text < end && (bytes = msgext_utf8_char(text, end)) > 0)
		text += bytes;
	*text = '\0';
}

bool
msgext_error(MsgError *error, const char *code, const char *path, const char *format, ...)
{
	va_list args;

	snprintf(error->code, sizeof(error->code), "%s", code);
	snprintf(error->path, sizeof(error->path), "%s", path);
	keep_text(error->path);
	va_start(args, format);
	vsnprintf(error->text, sizeof(error->text), format, args);
	va_end(args);
	keep_text(error->text);
	return false;
}
