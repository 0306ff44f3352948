/*
 * ledger.c
 *		The list of accepted and rejected messages, and the counters.
 *
 * Lines are never dropped, for a missing one would look like a lost message.
 * Bodies are, once they exceed BODIES_MAX bytes together: the line then comes
 * without "body" and the summary counts it. Used by the HTTP thread only.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "callbacks.h"
#include "ledger.h"
#include "provider.h"
#include "timer.h"

#define ENTRIES_PER_CHUNK 4096
#define BODIES_MAX ((size_t) 2 << 30)
#define READ_PIECE (64 * 1024)

typedef struct Entry
{
	int64_t at_us;
	uint64_t id;
	const char *provider;
	const char *code; /* NULL = accepted */
	char *text;		  /* id, NUL, recipient, NUL, body, each if it has it; or NULL */
	uint32_t body_len;
	uint32_t repeats;
	bool has_id;
	bool has_to;
	bool has_body;
	bool body_is_json;
	bool answered;
} Entry;

typedef struct Reader
{
	uint64_t next;
	uint64_t end;
	unsigned generation;
} Reader;

typedef struct Code
{
	struct Code *next;
	char text[];
} Code;

Tally tally;

static Entry **chunks;
static size_t chunks_len;
static uint64_t entries;
static size_t body_bytes;
static unsigned generation = 1;
static Code *codes;

static Entry *
entry_at(uint64_t n)
{
	return &chunks[(n - 1) / ENTRIES_PER_CHUNK][(n - 1) % ENTRIES_PER_CHUNK];
}

/* Codes are few and mostly constants, but a script may invent them. */
static const char *
code_keep(const char *text)
{
	Code *code;

	for (code = codes; code != NULL; code = code->next)
	{
		if (strcmp(code->text, text) == 0)
			return code->text;
	}
	code = must_alloc(sizeof(Code) + strlen(text) + 1);
	strcpy(code->text, text);
	code->next = codes;
	codes = code;
	return code->text;
}

static Entry *
entry_new(void)
{
	if (entries == (uint64_t) chunks_len * ENTRIES_PER_CHUNK)
	{
		chunks = realloc(chunks, (chunks_len + 1) * sizeof(Entry *));
		if (chunks == NULL)
			die("out of memory");
		chunks[chunks_len++] = must_alloc(ENTRIES_PER_CHUNK * sizeof(Entry));
	}
	return entry_at(++entries);
}

static char *
put_text(char *at, const char *text, size_t len)
{
	if (len > 0)
		memcpy(at, text, len);
	return at + len;
}

static void
range_extend(LedgerRange *range, uint64_t n)
{
	if (range->first != 0 && (range->generation != generation || n != range->last + 1))
	{
		LedgerRange *before = must_alloc(sizeof(LedgerRange));

		*before = *range;
		range->before = before;
		range->first = 0;
	}
	if (range->first == 0)
		range->first = n;
	range->last = n;
	range->generation = generation;
}

uint64_t
ledger_add(LedgerRange *range, const LedgerLine *line)
{
	size_t id_len = line->text_id != NULL ? strlen(line->text_id) + 1 : 0;
	size_t to_len = line->to != NULL ? strlen(line->to) + 1 : 0;
	size_t body_len = settings.ledger_bodies ? line->body_len : 0;
	Entry *entry = entry_new();

	if (body_len > 0 && body_bytes + body_len > BODIES_MAX)
	{
		body_len = 0;
		tally.bodies_left_out++;
	}
	memset(entry, 0, sizeof(*entry));
	entry->at_us = unix_us();
	entry->id = line->id;
	entry->provider = line->provider;
	entry->code = line->code != NULL ? code_keep(line->code) : NULL;
	entry->has_id = id_len > 0;
	entry->has_to = to_len > 0;
	entry->has_body = body_len > 0;
	entry->body_is_json = line->body_is_json;
	entry->body_len = (uint32_t) body_len;
	if (id_len + to_len + body_len > 0)
	{
		char *at = malloc(id_len + to_len + body_len);

		if (at == NULL)
			die("out of memory");
		entry->text = at;
		at = put_text(at, line->text_id, id_len);
		at = put_text(at, line->to, to_len);
		put_text(at, line->body, body_len);
		body_bytes += body_len;
	}

	if (line->code == NULL)
		tally.accepted++;
	else
		tally.rejected++;

	range_extend(range, entries);
	return entries;
}

void
ledger_repeated(LedgerRange *range, uint64_t n)
{
	entry_at(n)->repeats++;
	tally.repeats++;
	range_extend(range, n);
}

/* The answer has left completely; a reset in between forgot the lines. */
void
ledger_answered(const LedgerRange *range)
{
	uint64_t n;

	for (; range != NULL && range->first != 0; range = range->before)
	{
		for (n = range->first; n <= range->last && range->generation == generation; n++)
			entry_at(n)->answered = true;
	}
}

void
ledger_release(LedgerRange *range)
{
	while (range->before != NULL)
	{
		LedgerRange *before = range->before;

		range->before = before->before;
		free(before);
	}
}

static void
entry_write(Buf *out, uint64_t n)
{
	const Entry *entry = entry_at(n);
	const char *text = entry->text;
	const char *code = entry->code != NULL ? entry->code : "ok";

	buf_printf(out,
			   "{\"n\":%" PRIu64 ",\"provider\":\"%s\",\"at\":%" PRId64 ",\"id\":", n,
			   entry->provider, entry->at_us / 1000);
	if (entry->has_id)
	{
		buf_json_string(out, text, strlen(text));
		text += strlen(text) + 1;
	}
	else if (entry->id != 0)
		buf_u64(out, entry->id);
	else
		buf_puts(out, "null");
	buf_puts(out, ",\"to\":");
	if (entry->has_to)
	{
		buf_json_string(out, text, strlen(text));
		text += strlen(text) + 1;
	}
	else
		buf_puts(out, "null");
	buf_printf(out, ",\"outcome\":\"%s\",\"code\":",
			   entry->code != NULL ? "rejected" : "accepted");
	buf_json_string(out, code, strlen(code));
	buf_printf(out, ",\"answered\":%s", entry->answered ? "true" : "false");
	if (entry->repeats > 0)
		buf_printf(out, ",\"repeats\":%" PRIu32, entry->repeats);
	if (settings.stamp != NULL)
		buf_printf(out, ",\"at_us\":%" PRId64, entry->at_us);
	if (entry->has_body)
	{
		buf_puts(out, ",\"body\":");
		if (entry->body_is_json)
			buf_json_compact(out, text, entry->body_len);
		else
			buf_json_string(out, text, entry->body_len);
	}
	buf_puts(out, "}\n");
}

/* A reader of the lines after the given one that exist now; free() it. */
void *
ledger_reader(uint64_t after)
{
	Reader *reader = must_alloc(sizeof(Reader));

	reader->next = after + 1;
	reader->end = entries;
	reader->generation = generation;
	return reader;
}

bool
ledger_read(void *state, Buf *out)
{
	Reader *reader = state;

	if (reader->generation != generation || reader->next > reader->end)
		return false;
	while (reader->next <= reader->end && out->len < READ_PIECE)
		entry_write(out, reader->next++);
	return true;
}

void
ledger_summary(Buf *out)
{
	CallbackTally callbacks = callbacks_tally();

	buf_printf(out,
			   "{\"requests\":%" PRIu64 ",\"accepted\":%" PRIu64 ",\"rejected\":%" PRIu64
			   ",\"repeats\":%" PRIu64 ",\"logins\":%" PRIu64 ",\"unauthorized\":%" PRIu64
			   ",\"status_queries\":%" PRIu64 ",\"faults\":%" PRIu64,
			   tally.requests, tally.accepted, tally.rejected, tally.repeats,
			   tally.logins, tally.unauthorized, tally.status_queries, tally.faults);
	buf_printf(out,
			   ",\"login_requests\":%" PRIu64 ",\"logins_in_flight_max\":%" PRIu64
			   ",\"logins_locked_out\":%" PRIu64 ",\"login_pause_ms_min\":%" PRIu64,
			   tally.login_requests, tally.logins_in_flight_max, tally.logins_locked_out,
			   tally.login_pause_ms_min);
	buf_printf(out,
			   ",\"in_flight_max\":%" PRIu64 ",\"connections_max\":%" PRIu64
			   ",\"bodies_left_out\":%" PRIu64,
			   tally.in_flight_max, tally.connections_max, tally.bodies_left_out);
	buf_printf(out,
			   ",\"callbacks_posted\":%" PRIu64 ",\"callbacks_failed\":%" PRIu64
			   ",\"callbacks_recovered\":%" PRIu64 ",\"callback_events\":%" PRIu64
			   ",\"callback_events_pending\":%" PRIu64
			   ",\"callback_events_dropped\":%" PRIu64 "}\n",
			   callbacks.posted, callbacks.failed, callbacks.recovered, callbacks.events,
			   callbacks.pending, callbacks.dropped);
}

/* What is open now stays counted: it will be closed after the reset. */
void
ledger_reset(void)
{
	uint64_t in_flight = tally.in_flight;
	uint64_t connections = tally.connections;
	uint64_t n;
	size_t i;

	for (n = 1; n <= entries; n++)
		free(entry_at(n)->text);
	for (i = 0; i < chunks_len; i++)
		free(chunks[i]);
	free(chunks);
	chunks = NULL;
	chunks_len = 0;
	entries = 0;
	body_bytes = 0;
	generation++;
	while (codes != NULL)
	{
		Code *next = codes->next;

		free(codes);
		codes = next;
	}
	memset(&tally, 0, sizeof(tally));
	tally.in_flight = tally.in_flight_max = in_flight;
	tally.connections = tally.connections_max = connections;
}
