/*
 * refusals.h
 *		A sample of kind refusals.json: a payload that is taken, and changes of it with the
 *		code and the path that each is refused with.
 */
#ifndef MSGEXT_TEST_REFUSALS_H
#define MSGEXT_TEST_REFUSALS_H

#include "sample.h"

/* Checks each case of the file in the running test. A code of null: it is taken. */
extern void check_refusals(const Samples *samples, const SampleFile *file);

#endif /* MSGEXT_TEST_REFUSALS_H */
