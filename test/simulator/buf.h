/*
 * buf.h
 *		A growing byte buffer with the few writers that the simulator needs.
 *
 * Owns its bytes. Running out of memory ends the process: a test peer has
 * nothing better to do. Never sees HTTP or a provider.
 */
#ifndef SIMULATOR_BUF_H
#define SIMULATOR_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Buf
{
	char *data; /* NUL-terminated whenever it is not NULL */
	size_t len;
	size_t cap;
} Buf;

extern void buf_reserve(Buf *buf, size_t extra);
extern void buf_append(Buf *buf, const void *data, size_t len);
extern void buf_puts(Buf *buf, const char *text);
extern void buf_putc(Buf *buf, char c);
extern void buf_u64(Buf *buf, uint64_t number);
extern void buf_printf(Buf *buf, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
extern void buf_json_string(Buf *buf, const char *text, size_t len);
extern void buf_json_compact(Buf *buf, const char *json, size_t len);
extern void buf_clear(Buf *buf);
extern void buf_recycle(Buf *buf, size_t keep);
extern void buf_free(Buf *buf);

extern void *must_alloc(size_t size);
extern void die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

#endif /* SIMULATOR_BUF_H */
