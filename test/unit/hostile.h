/*
 * hostile.h
 *		Bodies that are made to take a reader long, of every format: for the unit test,
 *		which makes them as large as they are accepted, and for the fuzzer's corpus.
 *
 * Knows no codec and no reader.
 */
#ifndef MSGEXT_TEST_HOSTILE_H
#define MSGEXT_TEST_HOSTILE_H

#include "core/buf.h"

typedef struct HostileBody
{
	const char *name;
	const char *head;
	const char *unit; /* again and again; "%d" in it is a number that rises */
	const char *tail;
} HostileBody;

/* Each list ends with a NULL name. */
extern const HostileBody hostile_xml[];
extern const HostileBody hostile_json[];
extern const HostileBody hostile_pb[];

/* The body with as many units as fit into size bytes. */
extern MsgBuf hostile_text(MsgArena *arena, const HostileBody *body, size_t size);

#endif /* MSGEXT_TEST_HOSTILE_H */
