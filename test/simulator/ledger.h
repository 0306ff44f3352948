/*
 * ledger.h
 *		What the providers took and refused, in order of arrival: the witness
 *		that tests compare with the database.
 *
 * Keeps no header of any request, hence no credentials.
 */
#ifndef SIMULATOR_LEDGER_H
#define SIMULATOR_LEDGER_H

#include "buf.h"

/*
 * The lines that one request has made or repeated; a packet has many. They mostly
 * follow each other, so they are kept as runs: the last one here, those before it in
 * a list.
 */
typedef struct LedgerRange
{
	uint64_t first; /* counted from 1; 0 = none */
	uint64_t last;
	unsigned generation;
	struct LedgerRange *before;
} LedgerRange;

typedef struct Tally
{
	uint64_t requests;
	uint64_t accepted;
	uint64_t rejected;
	uint64_t repeats; /* of messages taken before, by their key */
	uint64_t logins;
	uint64_t login_requests;
	uint64_t logins_in_flight_max;
	uint64_t logins_locked_out;	 /* refused whatever the password, for the one before */
	uint64_t login_pause_ms_min; /* from a refused password to the next; 0 = none yet */
	uint64_t unauthorized;
	uint64_t status_queries;
	uint64_t faults;
	uint64_t in_flight;
	uint64_t in_flight_max;
	uint64_t connections;
	uint64_t connections_max;
	uint64_t bodies_left_out;
} Tally;

extern Tally tally;

typedef struct LedgerLine
{
	const char *provider; /* lives as long as the process */
	uint64_t id;		  /* 0 = none was given */
	const char *text_id;  /* instead of id, where the provider's ids are text */
	const char *to;		  /* may be NULL */
	const char *code;	  /* NULL = "ok", accepted */
	const char *body;
	size_t body_len;
	bool body_is_json;
} LedgerLine;

/* Returns the number of the line. */
extern uint64_t ledger_add(LedgerRange *range, const LedgerLine *line);

/* The message of that line came again and was recognised. */
extern void ledger_repeated(LedgerRange *range, uint64_t n);
extern void ledger_answered(const LedgerRange *range);
extern void ledger_release(LedgerRange *range);
extern void *ledger_reader(uint64_t after);
extern bool ledger_read(void *state, Buf *out);
extern void ledger_summary(Buf *out);
extern void ledger_reset(void);

#endif /* SIMULATOR_LEDGER_H */
