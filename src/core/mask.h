/*
 * mask.h
 *		Overwriting secrets in text that may echo them.
 */
#ifndef MSGEXT_MASK_H
#define MSGEXT_MASK_H

#include <stddef.h>

#include "core/arena.h"

/* Secrets made ready to be looked for; lives as long as its arena and its texts. */
typedef struct MsgSecrets
{
	const char **sorted;
	int n;
} MsgSecrets;

/*
 * Takes a list that ends with NULL. A secret of less than four bytes is left out: masking
 * every "1" of an answer would hide the answer, and no secret.
 */
extern void msgext_secrets_init(MsgSecrets *secrets, MsgArena *arena,
								const char *const *list);

/*
 * Overwrites each secret with '*' wherever it stands in bytes: as it is, or with any of
 * its characters escaped as in a JSON string, in XML or in a form. Where several stand at
 * one place the longest does. The work is linear in len: a text that was made to take
 * longer is overwritten to its end.
 */
extern void msgext_mask(char *bytes, size_t len, const MsgSecrets *secrets);

#endif /* MSGEXT_MASK_H */
