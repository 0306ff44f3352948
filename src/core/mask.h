/*
 * mask.h
 *		Overwriting a secret in text that may echo it.
 */
#ifndef MSGEXT_MASK_H
#define MSGEXT_MASK_H

#include <stddef.h>

/*
 * Overwrites secret with '*' wherever it stands in bytes, as it is or with any of its
 * characters escaped as in a JSON string or as in XML. A secret of less than four bytes is left:
 * masking every "1" of an answer would hide the answer, and no secret.
 */
extern void msgext_mask(char *bytes, size_t len, const char *secret);

#endif /* MSGEXT_MASK_H */
