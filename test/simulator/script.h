/*
 * script.h
 *		Misbehaviour on demand: the rules that say which request is served
 *		badly, and how.
 *
 * Knows what a fault is called and which request it hits, never how it is
 * done: that is fault.c. Used by the HTTP thread only.
 */
#ifndef SIMULATOR_SCRIPT_H
#define SIMULATOR_SCRIPT_H

#include "buf.h"

typedef enum FaultKind
{
	FAULT_NONE,
	FAULT_DROP_BEFORE,
	FAULT_DROP_AFTER,
	FAULT_RESET_MID_BODY,
	FAULT_DELAY,
	FAULT_DRIP,
	FAULT_STATUS,
	FAULT_TAKEN_STATUS,
	FAULT_RETRY_AFTER,
	FAULT_HTML,
	FAULT_TAKEN_HTML,
	FAULT_GARBAGE,
	FAULT_TAKEN_GARBAGE,
	FAULT_HUGE,
	FAULT_EMPTY,
	FAULT_CODE,
	FAULT_INNER,
	FAULT_HANG,
	FAULT_TRAILING_COMMA,
	FAULT_TAKEN_HALF,
	FAULT_ODD,
	FAULT_MISSING /* from the answer, of one message */
} FaultKind;

/* A copy of what the rule says; its strings are its own. */
typedef struct Fault
{
	FaultKind kind;
	long number;	  /* milliseconds, HTTP status, bytes, megabytes */
	long retry_after; /* seconds, -1 = no such header */
	char *echo;		  /* value of a field X-Echo, or NULL */
	char *text;		  /* body or code, or NULL */
	char *description;
} Fault;

extern bool script_add(const char *text, size_t len, Buf *message);
extern void script_clear(void);
extern bool script_needs_body(const char *provider, const char *op);
extern bool script_pick(const char *provider, const char *op, const char *body,
						size_t body_len, Fault *fault);
extern void fault_free(Fault *fault);

#endif /* SIMULATOR_SCRIPT_H */
