/*
 * text.c
 *		Text from outside, made fit for this database: see text.h.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "pg/base/text.h"

char *
msgext_clean_text(const char *text, size_t max)
{
	size_t len;
	char *clean;
	char *out;
	const char *in;
	const char *end;
	char *converted;
	MemoryContext before = CurrentMemoryContext;

	if (text == NULL)
		return NULL;
	len = strnlen(text, max + 4);
	clean = palloc(len + 1);
	out = clean;
	end = text + len;
	for (in = text; in < end;)
	{
		int width;

		if (*in >= ' ' && *in < 0x7f)
		{
			if ((size_t) (out - clean) == max)
				break;
			*out++ = *in++;
			continue;
		}
		width = pg_utf_mblen((const unsigned char *) in);
		if (in + width > end || !pg_utf8_islegal((const unsigned char *) in, width))
		{
			*out++ = '?';
			in++;
		}
		else if (width == 1 && ((unsigned char) *in < ' ' || *in == 0x7f))
		{
			*out++ = ' ';
			in++;
		}
		else
		{
			if ((size_t) (out - clean) + width > max)
				break;
			memcpy(out, in, width);
			out += width;
			in += width;
		}
	}
	if ((size_t) (out - clean) > max)
		out = clean + max;
	*out = '\0';
	if (GetDatabaseEncoding() == PG_UTF8 || GetDatabaseEncoding() == PG_SQL_ASCII)
		return clean;

	/* A character that the database cannot hold must not cost the rest of the text. */
	PG_TRY();
	{
		converted = pg_any_to_server(clean, strlen(clean), PG_UTF8);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(before);
		FlushErrorState();
		for (out = clean; *out != '\0'; out++)
			if (IS_HIGHBIT_SET(*out))
				*out = '?';
		converted = clean;
	}
	PG_END_TRY();
	return converted;
}

size_t
msgext_whole_characters(const char *text, size_t len, size_t max)
{
	if (len <= max)
		return len;
	len = max;
	while (len > max - 4 && (text[len] & 0xC0) == 0x80)
		len--;
	return len;
}
