/*
 * verify.c
 *		Signatures of pushes: Standard Webhooks, GitHub, Slack.
 *
 * Every secret is tried on every signature, in a time that tells nothing of either. What
 * is signed with its time must be of a time near ours: a captured push is not to be
 * repeated for ever.
 */
#include "providers/webhook/webhook.h"

#include <stdlib.h>
#include <string.h>

#include "core/hmac.h"

#define SECRETS_MAX 16
#define SIGNATURES_MAX 16

/* What has been signed, in up to three pieces, and what a signature looks like. */
typedef struct Signed
{
	const char *prefix; /* in front of the body, or NULL */
	const char *body;
	size_t len;
	const char *given; /* the header's value */
	const char *mark;  /* that each signature begins with */
	bool base64;	   /* else hexadecimal */
	bool key_is_base64;
} Signed;

/* The signature that the secret makes, as it is written. */
static MsgBuf
expected(MsgArena *arena, const Signed *what, const unsigned char *digest)
{
	char hex[MSG_SHA256_HEX + 1];
	MsgBuf text;

	msgext_buf_init(&text, arena, sizeof(hex));
	if (what->base64)
		msgext_buf_base64(&text, digest, MSG_SHA256_LEN);
	else
	{
		msgext_sha256_write(digest, hex);
		msgext_buf_puts(&text, hex);
	}
	return text;
}

static bool
is_signed_with(MsgArena *arena, const Signed *what, const char *secret, size_t len)
{
	size_t mark_len = strlen(what->mark);
	unsigned char digest[MSG_SHA256_LEN];
	const char *at = what->given;
	bool found = false;
	MsgHmac hmac;
	MsgBuf own;
	int n = 0;

	if (what->key_is_base64 && !msgext_webhook_key(arena, secret, len, &secret, &len))
		return false;
	msgext_hmac_begin(&hmac, secret, len);
	if (what->prefix != NULL)
		msgext_hmac_add(&hmac, what->prefix, strlen(what->prefix));
	msgext_hmac_add(&hmac, what->body, what->len);
	msgext_hmac_end(&hmac, digest);
	own = expected(arena, what, digest);
	while (*(at += strspn(at, " ")) != '\0' && n++ < SIGNATURES_MAX)
	{
		size_t given_len = strcspn(at, " ");

		if (given_len == mark_len + own.len && memcmp(at, what->mark, mark_len) == 0 &&
			msgext_same_secret(at + mark_len, own.data, own.len))
			found = true;
		at += given_len;
	}
	return found;
}

static bool
is_signed(MsgArena *arena, const MsgInbound *inbound, const Signed *what, MsgError *error)
{
	const char *const *value = inbound->secrets;
	bool found = false;
	int n = 0;

	for (; value != NULL && *value != NULL; value++)
	{
		const char *rest = *value;
		const char *secret;
		size_t len;

		for (; n < SECRETS_MAX && msgext_webhook_next_secret(&rest, &secret, &len); n++)
			if (is_signed_with(arena, what, secret, len))
				found = true;
	}
	if (n == 0)
		return msgext_error(error, "", "",
							"no user mapping that counts has a callback_secret");
	return found || msgext_error(error, "", "", "no signature is by a secret of ours");
}

/* Seconds since the epoch, near enough to now. */
static bool
is_timely(const MsgInbound *inbound, const char *timestamp, MsgError *error)
{
	size_t len = strspn(timestamp, "0123456789");
	int64_t apart_us;

	if (len == 0 || len > 12 || timestamp[len] != '\0')
		return msgext_error(error, "", "", "its timestamp is not a number of seconds");
	apart_us = inbound->now_us - strtoll(timestamp, NULL, 10) * INT64_C(1000000);
	if (inbound->window_us > 0 &&
		(apart_us > inbound->window_us || apart_us < -inbound->window_us))
		return msgext_error(error, "", "", "its timestamp is outside of callback_window");
	return true;
}

/* "webhook-signature": a list with blanks between. */
static bool
verify_standard(MsgArena *arena, const MsgInbound *inbound, MsgError *error)
{
	const char *id = msgext_inbound_header(arena, inbound, "webhook-id");
	const char *timestamp = msgext_inbound_header(arena, inbound, "webhook-timestamp");
	Signed what = {.body = inbound->body,
				   .len = inbound->body_len,
				   .given = msgext_inbound_header(arena, inbound, "webhook-signature"),
				   .mark = "v1,",
				   .base64 = true,
				   .key_is_base64 = true};
	MsgBuf prefix;

	if (id == NULL || timestamp == NULL || what.given == NULL)
		return msgext_error(error, "", "",
							"it lacks webhook-id, webhook-timestamp or "
							"webhook-signature, or has one twice");

	/* With a dot in the id, one signature would be good for two of them. */
	if (*id == '\0' || strchr(id, '.') != NULL)
		return msgext_error(error, "", "", "its webhook-id is empty or has a dot");
	if (!is_timely(inbound, timestamp, error))
		return false;
	msgext_buf_init(&prefix, arena, 128);
	msgext_buf_puts(&prefix, id);
	msgext_buf_putc(&prefix, '.');
	msgext_buf_puts(&prefix, timestamp);
	msgext_buf_putc(&prefix, '.');
	what.prefix = prefix.data;
	return is_signed(arena, inbound, &what, error);
}

/* "X-Hub-Signature-256: sha256=" and the HMAC of the body, which has no time. */
static bool
verify_github(MsgArena *arena, const MsgInbound *inbound, MsgError *error)
{
	Signed what = {.body = inbound->body,
				   .len = inbound->body_len,
				   .given = msgext_inbound_header(arena, inbound, "x-hub-signature-256"),
				   .mark = "sha256="};

	if (what.given == NULL)
		return msgext_error(error, "", "", "it has no X-Hub-Signature-256, or two");
	return is_signed(arena, inbound, &what, error);
}

/* "v0:" timestamp ":" body */
static bool
verify_slack(MsgArena *arena, const MsgInbound *inbound, MsgError *error)
{
	const char *timestamp =
		msgext_inbound_header(arena, inbound, "x-slack-request-timestamp");
	Signed what = {.body = inbound->body,
				   .len = inbound->body_len,
				   .given = msgext_inbound_header(arena, inbound, "x-slack-signature"),
				   .mark = "v0="};
	MsgBuf prefix;

	if (timestamp == NULL || what.given == NULL)
		return msgext_error(error, "", "",
							"it lacks X-Slack-Request-Timestamp or X-Slack-Signature, or "
							"has one twice");
	if (!is_timely(inbound, timestamp, error))
		return false;
	msgext_buf_init(&prefix, arena, 64);
	msgext_buf_puts(&prefix, "v0:");
	msgext_buf_puts(&prefix, timestamp);
	msgext_buf_putc(&prefix, ':');
	what.prefix = prefix.data;
	return is_signed(arena, inbound, &what, error);
}

bool
msgext_webhook_verify(MsgArena *arena, const MsgInbound *inbound, const char *scheme,
					  MsgError *error)
{
	if (strcmp(scheme, "none") == 0)
		return true;
	if (strcmp(scheme, "github") == 0)
		return verify_github(arena, inbound, error);
	if (strcmp(scheme, "slack") == 0)
		return verify_slack(arena, inbound, error);
	return verify_standard(arena, inbound, error);
}
