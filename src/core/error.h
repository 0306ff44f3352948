/*
 * error.h
 *		Why bytes could not be read or a payload not be accepted.
 *
 * A codec returns false and fills one in; the backend makes an SQL error of it, the
 * engine an event. No text in it holds a credential, or a value of the payload: whose
 * statement it is may not know it.
 */
#ifndef MSGEXT_ERROR_H
#define MSGEXT_ERROR_H

#include <stdbool.h>
#include <stddef.h>

typedef struct MsgError
{
	char code[64];	/* the provider's own code, such as phone_invalid, or "" */
	char path[128]; /* where, such as vk.phone, or "" */
	char text[256]; /* one clause in lower case, no full stop */
	size_t offset;	/* byte of the input, when a reader failed */
} MsgError;

/* Fills in *error and returns false, for "return msgext_error(...)". */
extern bool msgext_error(MsgError *error, const char *code, const char *path,
						 const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif /* MSGEXT_ERROR_H */
