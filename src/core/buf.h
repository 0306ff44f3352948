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

#include "core/arena.h"

typedef struct MsgBuf
{
	MsgArena *arena;
	char *data;
	size_t len;
	size_t room; /* bytes allocated, the NUL included */
} MsgBuf;

extern void msgext_buf_init(MsgBuf *buf, MsgArena *arena, size_t expected);
extern void msgext_buf_append(MsgBuf *buf, const void *bytes, size_t len);
extern void msgext_buf_puts(MsgBuf *buf, const char *text);
extern void msgext_buf_putc(MsgBuf *buf, char c);
extern void msgext_buf_printf(MsgBuf *buf, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* RFC 4648 base64, no line breaks. */
extern void msgext_buf_base64(MsgBuf *buf, const void *bytes, size_t len);

/* Percent-encodes everything but RFC 3986 unreserved characters. */
extern void msgext_buf_percent(MsgBuf *buf, const char *text, size_t len);

/* One more "name=value" of application/x-www-form-urlencoded, after "&" if need be. */
extern void msgext_buf_form(MsgBuf *buf, const char *name, const char *value);

#endif /* MSGEXT_BUF_H */
