/*
 * devino.h
 *		What devino.c and devino_check.c share.
 */
#ifndef SIMULATOR_DEVINO_H
#define SIMULATOR_DEVINO_H

#include <stdbool.h>

#include <jansson.h>

/*
 * The first objection to a body, in one of the two levels of the answer; both
 * NULL if there is none.
 */
typedef struct DevinoObjection
{
	const char *request; /* description beside code "validation_error" */
	const char *message; /* result.code */
} DevinoObjection;

extern DevinoObjection devino_check(const json_t *root);
extern int devino_sms_segments(const json_t *sms);

#endif /* SIMULATOR_DEVINO_H */
