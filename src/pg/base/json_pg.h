/*
 * json_pg.h
 *		Between jsonb and the codecs' JSON tree. Numbers stay exact both ways.
 */
#ifndef MSGEXT_JSON_PG_H
#define MSGEXT_JSON_PG_H

#include "core/json.h"
#include "utils/jsonb.h"

/*
 * The tree is in the arena, with all its texts, which are UTF-8 whatever the database's
 * encoding.
 */
extern MsgJson *msgext_json_from_jsonb(MsgArena *arena, Jsonb *jsonb);

/* The same of one text, of len bytes, as a string. */
extern MsgJson *msgext_json_of_text(MsgArena *arena, const char *text, size_t len);

/*
 * Never fails over content: what a jsonb cannot hold (NUL, characters the database's
 * encoding lacks, numbers that are no plain integers of up to 40 digits) is replaced or
 * kept as a string.
 */
extern Jsonb *msgext_json_to_jsonb(const MsgJson *node);

/*
 * The same of a payload, which is told as it is: texts are neither cut nor cleaned of
 * control characters, and numbers with a fraction stay numbers. Its texts are UTF-8.
 */
extern Jsonb *msgext_json_to_jsonb_whole(const MsgJson *node);

#endif /* MSGEXT_JSON_PG_H */
