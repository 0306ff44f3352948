/*
 * diadoc.c
 *		Kontur Diadoc's API as far as a sender needs it: PostMessage, GetMessage,
 *		GetDocument.
 *
 * Owns the messages that it has accepted and what makes a call a repetition. What a
 * request must be is in diadoc_check.c, what answers look like in diadoc_answer.c, who
 * may ask in diadoc_login.c. Knows nothing of sockets, faults and delays.
 */
#define _GNU_SOURCE /* memmem */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "diadoc.h"
#include "timer.h"
#include "wire.h"

#define BUCKETS 65536
#define BOX_TAIL "@diadoc.ru"

static DiadocMessage *by_key[BUCKETS];
static DiadocMessage *by_id[BUCKETS];

/* "40 in the docs since July 2022" */
static int max_documents = 40;

/* FNV-1a */
static unsigned
bucket_of(const char *text)
{
	uint32_t hash = 2166136261u;

	for (; *text != '\0'; text++)
		hash = (hash ^ (unsigned char) *text) * 16777619u;
	return (hash ^ hash >> 16) % BUCKETS;
}

void
diadoc_guid(char guid[GUID_SIZE])
{
	unsigned char bytes[16];
	char *at = guid;
	int i;

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		die("no random bytes");
	bytes[6] = (unsigned char) ((bytes[6] & 0x0F) | 0x40);
	bytes[8] = (unsigned char) ((bytes[8] & 0x3F) | 0x80);
	for (i = 0; i < 16; i++)
	{
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*at++ = '-';
		at += sprintf(at, "%02x", bytes[i]);
	}
}

bool
diadoc_box(const char *text, size_t len, char box[BOX_SIZE])
{
	size_t tail = strlen(BOX_TAIL);
	int digits = 0;
	size_t i;

	if (len > tail && strncasecmp(text + len - tail, BOX_TAIL, tail) == 0)
		len -= tail;
	for (i = 0; i < len; i++)
	{
		char c = text[i];

		if (c == '-' && (digits == 8 || digits == 12 || digits == 16 || digits == 20))
			continue;
		if (c >= 'A' && c <= 'F')
			c = (char) (c - 'A' + 'a');
		if (digits == 32 || !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
			return false;
		box[digits++] = c;
	}
	if (digits != 32)
		return false;
	strcpy(box + 32, BOX_TAIL);
	return true;
}

void
diadoc_refuse(Reply *reply, unsigned status, const char *code, const char *text)
{
	reply_text(reply, status, text);
	if (code != NULL)
		reply_header(reply, "X-Diadoc-ErrorCode", code);
	if (status == 401)
		reply_header(reply, "WWW-Authenticate", "DiadocAuth");
}

/* Of every answer that comes from the application itself. */
static void
put_trace_id(Reply *reply)
{
	char id[GUID_SIZE];

	diadoc_guid(id);
	reply_header(reply, "X-Kontur-Trace-Id", id);
}

/* The ledger: what was posted, by names, sizes and digests. */

static void
put_member(Buf *out, const char *name, const char *text)
{
	if (text == NULL)
		return;
	buf_printf(out, ",\"%s\":", name);
	buf_json_string(out, text, strlen(text));
}

static void
describe(Buf *out, const Request *request, const DiadocMessage *message)
{
	char md5[MD5_TEXT_SIZE];
	int i;

	md5_text(request->body.data, request->body.len, md5);
	buf_printf(out, "{\"length\":%zu,\"md5\":\"%s\"", request->body.len, md5);
	put_member(out, "operation_id", message->operation_id);
	if (message->from[0] != '\0')
		put_member(out, "from", message->from);
	buf_puts(out, ",\"documents\":[");
	for (i = 0; message->documents != NULL && i < message->documents_len; i++)
	{
		const DiadocDocument *document = &message->documents[i];

		buf_printf(out, "%s{\"length\":%zu,\"md5\":\"%s\",\"signature_length\":%zu",
				   i > 0 ? "," : "", document->length, document->md5,
				   document->signature_length);
		put_member(out, "type", document->type);
		put_member(out, "custom_document_id", document->custom_id);
		put_member(out, "file_name", diadoc_file_name(document));
		put_member(out, "comment", document->comment);
		buf_putc(out, '}');
	}
	buf_printf(out, "],\"structured\":%d}", message->structured);
}

static uint64_t
record(Request *request, const DiadocMessage *message, const char *code)
{
	Buf body = {0};
	LedgerLine line = {.provider = diadoc_provider.name,
					   .text_id = code == NULL ? message->id : NULL,
					   .to = message->to[0] != '\0' ? message->to : NULL,
					   .code = code,
					   .body_is_json = true};
	uint64_t n;

	describe(&body, request, message);
	line.body = body.data;
	line.body_len = body.len;
	n = ledger_add(&request->entries, &line);
	buf_free(&body);
	return n;
}

/* POST /V3/PostMessage */

/*
 * "not case-sensitive, may be absent; by default the MD5 of the body"; per sender's box.
 */
static char *
operation_key(const Request *request, const char *box, char **operation_id)
{
	const char *id = request_argument(request, "operationId");
	char md5[MD5_TEXT_SIZE];
	Buf key = {0};
	char *c;

	*operation_id = id != NULL && *id != '\0' ? strdup(id) : NULL;
	if (*operation_id == NULL)
	{
		md5_text(request->body.data, request->body.len, md5);
		id = md5;
	}
	buf_printf(&key, "%s %s", box, id);
	for (c = key.data; *c != '\0'; c++)
	{
		if (*c >= 'A' && *c <= 'Z')
			*c = (char) (*c - 'A' + 'a');
	}
	return key.data;
}

static DiadocMessage *
find_by_key(const char *key)
{
	DiadocMessage *message = by_key[bucket_of(key)];

	while (message != NULL && strcmp(message->key, key) != 0)
		message = message->next_by_key;
	return message;
}

static void
keep(DiadocMessage *message)
{
	DiadocMessage **keys = &by_key[bucket_of(message->key)];
	DiadocMessage **ids = &by_id[bucket_of(message->id)];

	message->next_by_key = *keys;
	*keys = message;
	message->next_by_id = *ids;
	*ids = message;
}

static void
answer_message(Reply *reply, const DiadocMessage *message, int64_t steps)
{
	put_trace_id(reply);
	reply->content_type = "application/octet-stream";
	diadoc_write_message(&reply->body, message, steps);
}

/* Content that is not protobuf: "all give a 400 about deserialising". */
static bool
is_protobuf(const Request *request, Reply *reply)
{
	const char *type = request_header(request, "Content-Type");

	if (type == NULL || strncasecmp(type, "application/x-protobuf", 22) == 0 ||
		strncasecmp(type, "application/octet-stream", 24) == 0)
		return true;
	if (strncasecmp(type, "application/x-www-form-urlencoded", 33) == 0)
		diadoc_refuse(reply, 400, "Http.BadRequest",
					  "The request body could not be deserialized: it is a form");
	else
		diadoc_refuse(reply, 415, NULL, "Unsupported media type");
	return false;
}

/* For a benchmark: counted, and neither kept nor given a status. */
static void
count_message(Request *request, Reply *reply)
{
	DiadocMessage *message = must_alloc(sizeof(DiadocMessage));
	const Buf *body = &request->body;

	diadoc_guid(message->id);
	message->at_us = unix_us();
	message->lock_mode = 1;
	if (!diadoc_read_box(body, message->from))
		diadoc_refuse(reply, 400, "Http.BadRequest", "There is no FromBoxId");
	else
	{
		if (settings.stamp != NULL &&
			memmem(body->data, body->len, settings.stamp, strlen(settings.stamp)) != NULL)
			record(request, message, NULL);
		else
			tally.accepted++;
		answer_message(reply, message, 0);
	}
	diadoc_message_free(message);
}

static void
handle_post(Request *request, Reply *reply)
{
	DiadocMessage *message;
	DiadocMessage *known;
	DiadocObjection objection;
	char box[BOX_SIZE];

	if (!diadoc_authorized(request, reply) || !is_protobuf(request, reply))
		return;
	if (!settings.checks)
	{
		count_message(request, reply);
		return;
	}
	message = must_alloc(sizeof(DiadocMessage));
	if (diadoc_read_box(&request->body, box))
		message->key = operation_key(request, box, &message->operation_id);
	known = message->key != NULL ? find_by_key(message->key) : NULL;
	if (known != NULL)
	{
		/* "The result equals that of the first successful call", whatever is sent now. */
		ledger_repeated(&request->entries, known->ledger);
		answer_message(reply, known, 0);
		diadoc_message_free(message);
		return;
	}
	objection = diadoc_read(&request->body, max_documents, message);
	if (objection.code != NULL)
	{
		record(request, message, objection.code);
		diadoc_refuse(reply, 400, objection.code, objection.text);
		put_trace_id(reply);
		diadoc_message_free(message);
		return;
	}
	diadoc_guid(message->id);
	message->at_us = unix_us();
	message->ledger = record(request, message, NULL);
	keep(message);
	answer_message(reply, message, 0);
}

/* GET /V6/GetMessage, GET /V3/GetDocument */

static int64_t
steps_of(const DiadocMessage *message)
{
	int64_t passed_ms = (unix_us() - message->at_us) / 1000;

	return passed_ms / (settings.status_step_ms > 0 ? settings.status_step_ms : 1);
}

/* The message that a query names, in its sender's box; answers if there is none. */
static const DiadocMessage *
find_asked(const Request *request, Reply *reply)
{
	const char *box_argument = request_argument(request, "boxId");
	const char *id = request_argument(request, "messageId");
	const DiadocMessage *message;
	char box[BOX_SIZE];

	tally.status_queries++;
	if (!diadoc_authorized(request, reply))
		return NULL;
	if (box_argument == NULL || id == NULL ||
		!diadoc_box(box_argument, strlen(box_argument), box))
	{
		diadoc_refuse(reply, 400, "Http.BadRequest", "boxId or messageId is missing");
		return NULL;
	}
	for (message = by_id[bucket_of(id)]; message != NULL; message = message->next_by_id)
	{
		if (strcmp(message->id, id) == 0 &&
			(strcmp(message->from, box) == 0 || strcmp(message->to, box) == 0))
			return message;
	}
	diadoc_refuse(reply, 404, "Http.NotFound", "The message was not found");
	return NULL;
}

static void
handle_get_message(Request *request, Reply *reply)
{
	const DiadocMessage *message = find_asked(request, reply);

	if (message != NULL)
		answer_message(reply, message, steps_of(message));
}

static void
handle_get_document(Request *request, Reply *reply)
{
	const DiadocMessage *message = find_asked(request, reply);
	const char *id = request_argument(request, "entityId");
	const char *content = request_argument(request, "injectEntityContent");
	const DiadocDocument *document = NULL;
	bool arrived;
	int i;

	if (message == NULL)
		return;
	for (i = 0; id != NULL && i < message->documents_len; i++)
	{
		if (strcmp(message->documents[i].entity_id, id) == 0)
			document = &message->documents[i];
	}
	put_trace_id(reply);
	arrived = steps_of(message) >= 2;
	if (document == NULL || (arrived && document->fate == FATE_DELETED))
		diadoc_refuse(reply, 404, "Http.NotFound", "The document was not found");
	else if (arrived && document->fate == FATE_MALWARE)
		diadoc_refuse(reply, 410, "Http.Gone", "Malware was found in the document");
	else
	{
		/* "injectEntityContent" is true unless the query says otherwise. */
		reply->content_type = "application/octet-stream";
		diadoc_write_document(&reply->body, message, document, steps_of(message),
							  content == NULL || strcasecmp(content, "false") != 0);
	}
}

/* The provider's table */

/* The statuses that codes come with; 400 where nothing is known. */
static unsigned
status_of_code(const char *code)
{
	static const struct
	{
		const char *prefix;
		unsigned status;
	} codes[] = {{"Http.Auth", 401},
				 {"Http.Conflict", 409},
				 {"DiadocApi.Forbidden", 403},
				 {"DocumentService.Employee", 403}};
	size_t i;

	for (i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
	{
		if (strncmp(code, codes[i].prefix, strlen(codes[i].prefix)) == 0)
			return codes[i].status;
	}
	return 400;
}

static void
refuse(Request *request, Reply *reply, const char *code, const char *description)
{
	(void) request;
	diadoc_refuse(reply, status_of_code(code), code, description);
	put_trace_id(reply);
}

static void
reject(Request *request, Reply *reply, const char *code)
{
	if (strcmp(request->route->op, "send") == 0)
	{
		DiadocMessage *message = must_alloc(sizeof(DiadocMessage));

		diadoc_read(&request->body, max_documents, message);
		record(request, message, code);
		diadoc_message_free(message);
	}
	refuse(request, reply, code, "The message was refused");
}

static bool
set_option(const char *option, const char *value)
{
	char *end;
	long number;

	if (strcmp(option, "max-documents") != 0)
		return diadoc_login_option(option, value);
	number = strtol(value, &end, 10);
	max_documents = (int) number;
	return *value != '\0' && *end == '\0' && number > 0 && number < 1000000;
}

static void
reset(void)
{
	size_t i;

	for (i = 0; i < BUCKETS; i++)
	{
		while (by_key[i] != NULL)
		{
			DiadocMessage *next = by_key[i]->next_by_key;

			diadoc_message_free(by_key[i]);
			by_key[i] = next;
		}
		by_id[i] = NULL;
	}
}

static void
stop(void)
{
	reset();
	diadoc_login_stop();
}

static const Route routes[] = {{"POST", "/V3/PostMessage", "send", handle_post},
							   {"GET", "/V3/GetDocument", "status", handle_get_document},
							   {"GET", "/V6/GetMessage", "status", handle_get_message},
							   {"POST", "/V3/Authenticate", "login", diadoc_authenticate},
							   {"POST", "/connect/token", "login", diadoc_refresh},
							   {NULL, NULL, NULL, NULL}};

const Provider diadoc_provider = {.name = "diadoc",
								  .prefix = "/diadoc",
								  .routes = routes,
								  .start = diadoc_login_start,
								  .stop = stop,
								  .reset = reset,
								  .expire = diadoc_expire,
								  .set_option = set_option,
								  .refuse = refuse,
								  .reject = reject};
