/*
 * describe.h
 *		What is in stored bytes, for people: the payload again, as far as it can be told.
 *
 * Bytes that are no text are told by their size and SHA-256, never in full.
 */
#ifndef MSGEXT_DESCRIBE_H
#define MSGEXT_DESCRIBE_H

#include "core/provider.h"

/*
 * By the provider's slot, else as JSON. provider may be NULL. What cannot be read, such as
 * bytes that another version wrote, is told as any bytes are: never NULL.
 */
extern MsgJson *msgext_describe(const MsgProvider *provider, MsgArena *arena,
								const char *fragment, size_t len);

/* {"part": n, "bytes": size, "sha256": digest}; without part where n is 0. */
extern MsgJson *msgext_describe_bytes(MsgArena *arena, int part, const char *bytes,
									  size_t len);

/* JSON that a prepare wrote: of any size, but not of any depth. */
extern MsgJson *msgext_describe_json(MsgArena *arena, const char *text, size_t len,
									 MsgError *error);

#endif /* MSGEXT_DESCRIBE_H */
