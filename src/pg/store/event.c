/*
 * event.c
 *		The timeline of messages: see event.h.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "pg/store/event.h"

enum
{
	Anum_event_message_id = 1,
	Anum_event_at,
	Anum_event_kind,
	Anum_event_attempt,
	Anum_event_state,
	Anum_event_channel,
	Anum_event_status,
	Anum_event_code,
	Anum_event_error,
	Anum_event_http_status,
	Anum_event_reported_at,
	Anum_event_answer,
	Natts_event = Anum_event_answer
};

#define SHORT_TEXT_MAX 256
#define ERROR_TEXT_MAX 2048

MsgTable *
msgext_event_open(void)
{
	return msgext_table_open("event", Natts_event, true);
}

char *
msgext_clean_text(const char *text, size_t max)
{
	size_t len;
	char *clean;
	char *out;
	const char *in;
	const char *end;
	char *converted;

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
		FlushErrorState();
		for (out = clean; *out != '\0'; out++)
			if (IS_HIGHBIT_SET(*out))
				*out = '?';
		converted = clean;
	}
	PG_END_TRY();
	return converted;
}

static void
set_text(Datum *values, bool *nulls, AttrNumber column, const char *text, size_t max)
{
	if (text != NULL)
	{
		values[column - 1] = CStringGetTextDatum(msgext_clean_text(text, max));
		nulls[column - 1] = false;
	}
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

void
msgext_event_append(MsgTable *events, const MsgEventRow *event)
{
	Datum values[Natts_event];
	bool nulls[Natts_event];

	memset(nulls, true, sizeof(nulls));
	values[Anum_event_message_id - 1] = Int64GetDatum(event->message_id);
	nulls[Anum_event_message_id - 1] = false;
	values[Anum_event_at - 1] =
		TimestampTzGetDatum(event->at != 0 ? event->at : GetCurrentTimestamp());
	nulls[Anum_event_at - 1] = false;
	values[Anum_event_kind - 1] = CStringGetTextDatum(event->kind);
	nulls[Anum_event_kind - 1] = false;
	values[Anum_event_state - 1] = CStringGetTextDatum(msgext_state_name(event->state));
	nulls[Anum_event_state - 1] = false;
	if (event->attempt > 0)
	{
		values[Anum_event_attempt - 1] = Int32GetDatum(event->attempt);
		nulls[Anum_event_attempt - 1] = false;
	}
	set_text(values, nulls, Anum_event_channel, event->channel, SHORT_TEXT_MAX);
	set_text(values, nulls, Anum_event_status, event->status, SHORT_TEXT_MAX);
	set_text(values, nulls, Anum_event_code, event->code, SHORT_TEXT_MAX);
	set_text(values, nulls, Anum_event_error, event->error, ERROR_TEXT_MAX);
	if (event->http_status > 0)
	{
		values[Anum_event_http_status - 1] = Int32GetDatum(event->http_status);
		nulls[Anum_event_http_status - 1] = false;
	}
	if (event->reported_at != 0)
	{
		values[Anum_event_reported_at - 1] = TimestampTzGetDatum(event->reported_at);
		nulls[Anum_event_reported_at - 1] = false;
	}
	if (event->answer_len > 0)
	{
		size_t len = msgext_whole_characters(event->answer, event->answer_len,
											 MSG_EVENT_ANSWER_MAX);
		bytea *answer = palloc(VARHDRSZ + len);

		SET_VARSIZE(answer, VARHDRSZ + len);
		memcpy(VARDATA(answer), event->answer, len);
		values[Anum_event_answer - 1] = PointerGetDatum(answer);
		nulls[Anum_event_answer - 1] = false;
	}
	msgext_table_gather(events, values, nulls);
}
