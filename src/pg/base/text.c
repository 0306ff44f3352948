/*
 * text.c
 *		Between the texts of this database and UTF-8, which everything outside of it is:
 *		see text.h.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "common/string.h"
#include "mb/pg_wchar.h"

#include "pg/base/text.h"

/* Where nothing can be looked up, letters beyond ASCII go. */
static void
replace_high_bytes(char *text)
{
	for (; *text != '\0'; text++)
		if (IS_HIGHBIT_SET(*text))
			*text = '?';
}

/*
 * A copy in the other encoding. A character that it cannot hold becomes a question mark,
 * and
 * *whole false: it must not cost the rest of the text.
 */
static char *
convert(const char *text, size_t len, int from, int to, bool *whole)
{
	char *copy = pnstrdup(text, len);
	size_t room = len * MAX_CONVERSION_GROWTH + 1;
	size_t done = 0;
	size_t out = 0;
	char *converted;
	Oid proc;

	*whole = true;
	if (from == to || from == PG_SQL_ASCII || to == PG_SQL_ASCII || pg_is_ascii(copy))
		return copy;
	proc = IsTransactionState() ? FindDefaultConversionProc(from, to) : InvalidOid;
	if (!OidIsValid(proc))
	{
		*whole = false;
		replace_high_bytes(copy);
		return copy;
	}
	converted = palloc(room);
	while (done < len)
	{
		int width;

		done += pg_do_encoding_conversion_buf(
			proc, from, to, (unsigned char *) copy + done, (int) (len - done),
			(unsigned char *) converted + out, (int) (room - out), true);
		out += strlen(converted + out);
		if (done >= len)
			break;
		width = pg_encoding_mblen(from, copy + done);
		done = Min(done + Max(width, 1), len);
		converted[out++] = '?';
		converted[out] = '\0';
		*whole = false;
	}
	pfree(copy);
	return converted;
}

char *
msgext_to_utf8(const char *text)
{
	bool whole;

	return text == NULL
			   ? NULL
			   : convert(text, strlen(text), GetDatabaseEncoding(), PG_UTF8, &whole);
}

char *
msgext_from_utf8(const char *text)
{
	bool whole;

	return text == NULL
			   ? NULL
			   : convert(text, strlen(text), PG_UTF8, GetDatabaseEncoding(), &whole);
}

bool
msgext_fits_utf8(const char *text)
{
	bool whole;
	char *utf8 = convert(text, strlen(text), GetDatabaseEncoding(), PG_UTF8, &whole);

	return whole && pg_verify_mbstr(PG_UTF8, utf8, strlen(utf8), true);
}

char *
msgext_clean_text(const char *text, size_t max)
{
	size_t len;
	char *clean;
	char *out;
	const char *in;
	const char *end;

	if (text == NULL)
		return NULL;

	/* Nearly always it is so already, and the same in every encoding. */
	for (len = 0; len < max && text[len] >= ' ' && text[len] < 0x7f; len++)
		;
	if (text[len] == '\0')
		return pnstrdup(text, len);
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
	return msgext_from_utf8(clean);
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
