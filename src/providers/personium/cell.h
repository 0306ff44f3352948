/*
 * cell.h
 *		URLs of cells, and names of relations: what they may look like, and the account
 *		at the sending cell.
 *
 * A cell is named by its URL with a slash at its end everywhere in this codec, for that
 * is how answers name it and how every version of the server takes it.
 */
#ifndef MSGEXT_PERSONIUM_CELL_H
#define MSGEXT_PERSONIUM_CELL_H

#include "core/provider.h"

/* "最大件数は1000件", of To and ToRelation together. */
#define PERSONIUM_TARGETS_MAX 1000

/* Distinct URLs, in the order of their first mention. */
typedef struct PersoniumCells
{
	const char **urls;
	int n;
} PersoniumCells;

/* local: personium-localunit: is a scheme too (from 1.6 on). */
extern bool msgext_personium_is_cell(const char *text, size_t len, bool local);

/* The same URL with a slash at its end. */
extern const char *msgext_personium_cell(MsgArena *arena, const char *text, size_t len);

/* To: one URL, or several with commas between them. */
extern bool msgext_personium_read_to(MsgArena *arena, const MsgJson *to, bool local,
									 PersoniumCells *cells, MsgError *error);

/* A cell alone, as it is written in To. */
extern const char *msgext_personium_write_recipient(MsgArena *arena, const MsgConn *conn,
													const char *recipient,
													MsgError *error);

extern bool msgext_personium_is_relation(const char *text, size_t len);

/* The complaint about a value of another type; false, for "return". */
extern bool msgext_personium_wrong_type(MsgError *error, const char *path,
										const char *type);

/* Must the account log in to the sending cell before it can send? */
extern bool msgext_personium_needs_login(const MsgConn *conn);

#endif /* MSGEXT_PERSONIUM_CELL_H */
