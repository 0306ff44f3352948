/*
 * webhook.c
 *		An endpoint for webhooks: whatever is sent to it, signed as Standard Webhooks
 *		says if it has been given secrets.
 *
 * Owns the ids that it has taken. The signature is libcrypto's, from the specification
 * alone. What a field Authorization says reaches neither the ledger nor an answer.
 */
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "provider.h"

#define SECRETS_MAX 4
#define TOLERANCE_S 300
#define BUCKETS 65536

typedef struct Taken
{
	struct Taken *next;
	char *id;
	uint64_t ledger;
} Taken;

typedef struct Secret
{
	unsigned char key[256];
	int len;
} Secret;

static Taken *taken[BUCKETS];
static Secret secrets[SECRETS_MAX];
static int secrets_len;

static Taken **
bucket_of(const char *id)
{
	uint32_t hash = 2166136261u;

	for (; *id != '\0'; id++)
		hash = (hash ^ (unsigned char) *id) * 16777619u;
	return &taken[hash % BUCKETS];
}

static const Taken *
find_taken(const char *id)
{
	const Taken *at = *bucket_of(id);

	while (at != NULL && strcmp(at->id, id) != 0)
		at = at->next;
	return at;
}

static void
remember(const char *id, uint64_t ledger)
{
	Taken **bucket = bucket_of(id);
	Taken *new = must_alloc(sizeof(Taken));

	new->id = must_alloc(strlen(id) + 1);
	strcpy(new->id, id);
	new->ledger = ledger;
	new->next = *bucket;
	*bucket = new;
}

/* Signatures */

static void
expected_signature(const Secret *secret, const Buf *content, char *text)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (HMAC(EVP_sha256(), secret->key, secret->len, (unsigned char *) content->data,
			 content->len, digest, &len) == NULL)
		abort();
	strcpy(text, "v1,");
	EVP_EncodeBlock((unsigned char *) text + 3, digest, (int) len);
}

/* How many of the signatures are by one of the secrets. */
static int
count_good(const char *signatures, const Buf *content)
{
	int good = 0;
	int i;

	for (i = 0; i < secrets_len; i++)
	{
		const char *at = signatures;
		char text[128];

		expected_signature(&secrets[i], content, text);
		while (*(at += strspn(at, " ")) != '\0')
		{
			size_t len = strcspn(at, " ");

			good += len == strlen(text) && strncmp(at, text, len) == 0;
			at += len;
		}
	}
	return good;
}

/* Why the request is not to be trusted, or NULL. */
static const char *
check_signature(const Request *request)
{
	const char *id = request_header(request, "webhook-id");
	const char *timestamp = request_header(request, "webhook-timestamp");
	const char *signatures = request_header(request, "webhook-signature");
	Buf content = {0};
	long long apart;
	int good;

	if (id == NULL || timestamp == NULL || signatures == NULL)
		return "a header is missing";
	if (strchr(id, '.') != NULL)
		return "a dot in the id";
	apart = (long long) time(NULL) - atoll(timestamp);
	if (apart > TOLERANCE_S || apart < -TOLERANCE_S)
		return "the timestamp is not of now";
	buf_printf(&content, "%s.%s.", id, timestamp);
	buf_append(&content, request->body.data, request->body.len);
	good = count_good(signatures, &content);
	buf_free(&content);
	return good > 0 ? NULL : "no signature is good";
}

static int
count_words(const char *text)
{
	int n = 0;

	while (text != NULL && *(text += strspn(text, " ")) != '\0')
	{
		n++;
		text += strcspn(text, " ");
	}
	return n;
}

/* The ledger */

static void
put_header(Buf *out, const char *name, const Request *request, const char *header)
{
	const char *value = request_header(request, header);

	buf_printf(out, "\"%s\":", name);
	if (value != NULL)
		buf_json_string(out, value, strlen(value));
	else
		buf_puts(out, "null");
	buf_putc(out, ',');
}

static uint64_t
record(Request *request, const char *id, const char *code)
{
	const char *type = request_header(request, "content-type");
	LedgerLine line = {.provider = "webhook",
					   .text_id = id,
					   .to = request->path,
					   .code = code,
					   .body_is_json = true};
	Buf body = {0};
	uint64_t n;

	buf_printf(&body, "{\"method\":\"%s\",\"signatures\":%d,\"authorized\":%s,",
			   request->method, count_words(request_header(request, "webhook-signature")),
			   request_header(request, "authorization") != NULL ? "true" : "false");
	put_header(&body, "type", request, "content-type");
	put_header(&body, "shop", request, "x-shop");
	put_header(&body, "ce_type", request, "ce-type");
	put_header(&body, "ce_id", request, "ce-id");
	buf_puts(&body, "\"body\":");
	if (type != NULL && strstr(type, "json") != NULL && request->body.len > 0)
		buf_append(&body, request->body.data, request->body.len);
	else
		buf_json_string(&body, request->body.len > 0 ? request->body.data : "",
						request->body.len);
	buf_putc(&body, '}');
	line.body = body.data;
	line.body_len = body.len;
	n = ledger_add(&request->entries, &line);
	buf_free(&body);
	return n;
}

static void
handle_send(Request *request, Reply *reply)
{
	const char *id = request_header(request, "webhook-id");
	const Taken *known;
	const char *why;

	reply_text(reply, 200, "{\"ok\":true}");
	reply->content_type = "application/json";
	if (!settings.checks)
	{
		tally.accepted++;
		return;
	}
	if (secrets_len > 0 && (why = check_signature(request)) != NULL)
	{
		tally.unauthorized++;
		record(request, id, why);
		reply_text(reply, 401, "unauthorized\n");
	}
	else if (id != NULL && (known = find_taken(id)) != NULL)
		ledger_repeated(&request->entries, known->ledger);
	else if (id != NULL)
		remember(id, record(request, id, NULL));
	else
		record(request, NULL, NULL);
}

/* The provider's table */

static const Route routes[] = {
	{"POST", "*", "send", handle_send},	 {"PUT", "*", "send", handle_send},
	{"PATCH", "*", "send", handle_send}, {"DELETE", "*", "send", handle_send},
	{"GET", "*", "send", handle_send},	 {NULL, NULL, NULL, NULL}};

static void
refuse(Request *request, Reply *reply, const char *code, const char *description)
{
	(void) request;
	reply_text(reply, (unsigned) atoi(code), description);
}

static void
reject(Request *request, Reply *reply, const char *code)
{
	record(request, request_header(request, "webhook-id"), code);
	reply_text(reply, 400, code);
}

static bool
set_option(const char *option, const char *value)
{
	Secret *secret = &secrets[secrets_len];
	size_t len;

	if (strcmp(option, "secret") != 0 || secrets_len == SECRETS_MAX ||
		strncmp(value, "whsec_", 6) != 0)
		return false;
	value += 6;
	len = strlen(value);
	if (len == 0 || len > 256 || len % 4 != 0)
		return false;
	secret->len = EVP_DecodeBlock(secret->key, (const unsigned char *) value, (int) len);
	if (secret->len < 0)
		return false;

	/* It counts the padding too. */
	while (value[--len] == '=')
		secret->len--;
	secrets_len++;
	return true;
}

static void
start(void)
{
}

static void
reset(void)
{
	size_t i;

	for (i = 0; i < BUCKETS; i++)
	{
		while (taken[i] != NULL)
		{
			Taken *next = taken[i]->next;

			free(taken[i]->id);
			free(taken[i]);
			taken[i] = next;
		}
	}
}

const Provider webhook_provider = {.name = "webhook",
								   .prefix = "/webhook",
								   .routes = routes,
								   .start = start,
								   .stop = reset,
								   .reset = reset,
								   .set_option = set_option,
								   .refuse = refuse,
								   .reject = reject};
