/*
 * mask.h
 *		Overwriting secrets in text that may echo them.
 */
#ifndef MSGEXT_MASK_H
#define MSGEXT_MASK_H

#include <stddef.h>

/*
 * Overwrites each of secrets, a list that ends with NULL, with '*' wherever it stands in
 * bytes: as it is, or with any of its characters escaped as in a JSON string, in XML or in
 * a form. Where several stand at one place the longest does. A secret of less than four
 * bytes is left: masking every "1" of an answer would hide the answer, and no secret.
 */
extern void msgext_mask(char *bytes, size_t len, const char *const *secrets);

#endif /* MSGEXT_MASK_H */
