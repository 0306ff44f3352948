/*
 * base64.h
 *		Reading base64 (writing is the buffer's, see buf.h).
 *
 * Lenient where writers differ: both alphabets of RFC 4648, padding or none, white space
 * anywhere (PostgreSQL's encode() breaks lines). Nothing else is forgiven.
 */
#ifndef MSGEXT_BASE64_H
#define MSGEXT_BASE64_H

#include <stdbool.h>
#include <stddef.h>

/* How many bytes the text stands for; false when it is no base64. */
extern bool msgext_base64_size(const char *text, size_t len, size_t *size);

/* Of text that msgext_base64_size took; out has room for that size. */
extern void msgext_base64_decode(const char *text, size_t len, char *out);

#endif /* MSGEXT_BASE64_H */
