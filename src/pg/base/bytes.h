/*
 * bytes.h
 *		A bytea of bytes.
 */
#ifndef MSGEXT_BYTES_H
#define MSGEXT_BYTES_H

#include "postgres.h"

#include "pg/base/compat.h"

/* A copy in the current memory context. */
static inline bytea *
msgext_bytes(const void *data, size_t len)
{
	bytea *bytes = palloc(VARHDRSZ + len);

	SET_VARSIZE(bytes, VARHDRSZ + len);
	if (len > 0)
		memcpy(VARDATA(bytes), data, len);
	return bytes;
}

#endif /* MSGEXT_BYTES_H */
