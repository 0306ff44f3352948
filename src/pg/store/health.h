/*
 * health.h
 *		How a server has been: rows of msgext.health.
 */
#ifndef MSGEXT_HEALTH_H
#define MSGEXT_HEALTH_H

#include "postgres.h"

#include "datatype/timestamp.h"

/* What a dispatcher remembers of a server between two writes; zeroes = nothing. */
typedef struct MsgHealth
{
	TimestampTz last_error_at;
	TimestampTz last_success_at;
	TimestampTz last_claim_at;
	int64 stranded; /* messages that nothing led to any more: see engine/sweep.h */
	TimestampTz failing_at; /* since then nothing but failures, and so many requests */
	int failures;
	TimestampTz broken_at; /* the circuit breaker is open; 0 = it is not */
	TimestampTz probe_at;
	int probes;
	bool key_ignored; /* an answer showed that repeats are not recognised */
	bool changed;
	char last_error[512];
} MsgHealth;

/* Zeroes where the server has no row. */
extern void msgext_health_load(Oid server, MsgHealth *health);

/* Writes the row, or makes it, and clears health->changed. */
extern void msgext_health_save(Oid server, MsgHealth *health);

#endif /* MSGEXT_HEALTH_H */
