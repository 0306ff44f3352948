/*
 * sign.c
 *		Signatures of Standard Webhooks, of what we send.
 *
 * "signed content: id.timestamp.payload", "v1,": HMAC-SHA256, in base64. Several
 * signatures stand side by side while a secret is being changed.
 */
#include "providers/webhook/webhook.h"

#include <string.h>

#include "core/base64.h"
#include "core/hmac.h"

#define SECRET_PREFIX "whsec_"
#define SECRETS_MAX 8

#define BLANKS " \t\r\n"

/* What is shorter is no secret by itself. */
#define WORD_MIN 16

bool
msgext_webhook_next_secret(const char **value, const char **secret, size_t *len)
{
	const char *at = *value += strspn(*value, BLANKS);

	*secret = at;
	*len = strcspn(at, BLANKS);
	*value += *len;
	for (at = *secret; *(at += strspn(at, BLANKS)) != '\0'; at += strcspn(at, BLANKS))
	{
		if (strcspn(at, BLANKS) >= WORD_MIN)
			continue;

		/* One of them is a word: the whole is a passphrase. */
		*len = strlen(*secret);
		*value = *secret + *len;
		break;
	}
	return *len > 0;
}

bool
msgext_webhook_key(MsgArena *arena, const char *secret, size_t len, const char **key,
				   size_t *key_len)
{
	char *bytes;

	if (len > strlen(SECRET_PREFIX) &&
		memcmp(secret, SECRET_PREFIX, strlen(SECRET_PREFIX)) == 0)
	{
		secret += strlen(SECRET_PREFIX);
		len -= strlen(SECRET_PREFIX);
	}
	if (!msgext_base64_size(secret, len, key_len) || *key_len == 0)
		return false;
	bytes = msgext_alloc(arena, *key_len);
	msgext_base64_decode(secret, len, bytes);
	*key = bytes;
	return true;
}

bool
msgext_webhook_sign(MsgArena *arena, const MsgConn *conn, const char *id,
					const char *timestamp, const char *body, size_t len,
					const char **signatures, MsgError *error)
{
	const char *value = msgext_conn_option(conn, "signing_secret");
	const char *secret;
	size_t secret_len;
	MsgBuf out;
	int n = 0;

	if (value == NULL)
		return msgext_error(error, "", "signing_secret",
							"the user mapping has no signing_secret");
	msgext_buf_init(&out, arena, 64);
	while (n < SECRETS_MAX && msgext_webhook_next_secret(&value, &secret, &secret_len))
	{
		unsigned char digest[MSG_SHA256_LEN];
		const char *key;
		size_t key_len;
		MsgHmac hmac;

		if (!msgext_webhook_key(arena, secret, secret_len, &key, &key_len))
			return msgext_error(error, "", "signing_secret",
								"the signing_secret is not base64, with whsec_ in front "
								"or without");
		msgext_hmac_begin(&hmac, key, key_len);
		msgext_hmac_add(&hmac, id, strlen(id));
		msgext_hmac_add(&hmac, ".", 1);
		msgext_hmac_add(&hmac, timestamp, strlen(timestamp));
		msgext_hmac_add(&hmac, ".", 1);
		msgext_hmac_add(&hmac, body, len);
		msgext_hmac_end(&hmac, digest);
		msgext_buf_puts(&out, n++ == 0 ? "v1," : " v1,");
		msgext_buf_base64(&out, digest, sizeof(digest));
	}
	if (n == 0)
		return msgext_error(error, "", "signing_secret",
							"the user mapping has no signing_secret");
	*signatures = out.data;
	return true;
}
