/*
 * buf.h
 *		A growing byte buffer in an arena.
 *
 * Always holds a terminating NUL that is not counted in len. Never shrinks; the arena
 * frees it.
 */
#ifndef MSGEXT_BUF_H
#define MSGEXT_BUF_H

#include <stdint.h>
#include <string.h>

#include "core/arena.h"

typedef struct MsgBuf
{
	MsgArena *arena;
	char *data;
	size_t len;
	size_t room; /* bytes allocated, the NUL included */
} MsgBuf;

/* An empty one, with room for as many bytes as are expected. */
extern void msgext_buf_init(MsgBuf *buf, MsgArena *arena, size_t expected);
/* Room for more bytes and the NUL behind them. */
extern void msgext_buf_grow(MsgBuf *buf, size_t more);
extern void msgext_buf_printf(MsgBuf *buf, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* RFC 4648 base64, no line breaks. */
extern void msgext_buf_base64(MsgBuf *buf, const void *bytes, size_t len);

/* Percent-encodes everything but RFC 3986 unreserved characters. */
extern void msgext_buf_percent(MsgBuf *buf, const char *text, size_t len);

/* One more "name=value" of application/x-www-form-urlencoded, after "&" if need be. */
extern void msgext_buf_form(MsgBuf *buf, const char *name, const char *value);

/* These are called for every few bytes of every payload. */
static inline void
msgext_buf_reserve(MsgBuf *buf, size_t more)
{
	if (more >= buf->room - buf->len)
		msgext_buf_grow(buf, more);
}

static inline void
msgext_buf_append(MsgBuf *buf, const void *bytes, size_t len)
{
	msgext_buf_reserve(buf, len);
	if (len > 0)
		memcpy(buf->data + buf->len, bytes, len);
	buf->len += len;
	buf->data[buf->len] = '\0';
}

static inline void
msgext_buf_puts(MsgBuf *buf, const char *text)
{
	msgext_buf_append(buf, text, strlen(text));
}

/* In double quotes; nothing of it is escaped. */
static inline void
msgext_buf_quote(MsgBuf *buf, const char *text, size_t len)
{
	char *at;

	msgext_buf_reserve(buf, len + 2);
	at = buf->data + buf->len;
	*at++ = '"';
	if (len > 0)
		memcpy(at, text, len);
	at[len] = '"';
	at[len + 1] = '\0';
	buf->len += len + 2;
}

static inline void
msgext_buf_putc(MsgBuf *buf, char c)
{
	msgext_buf_reserve(buf, 1);
	buf->data[buf->len++] = c;
	buf->data[buf->len] = '\0';
}

#endif /* MSGEXT_BUF_H */
