/*
 * block.h
 *		Reading one block of a payload (vk, viber, sms) member by member and writing its
 *		strict form.
 *
 * Owns the checks and bounds that blocks share; which member must be there and what it
 * may hold is said by prepare.c and viber.c.
 */
#ifndef MSGEXT_DEVINO_BLOCK_H
#define MSGEXT_DEVINO_BLOCK_H

#include "core/provider.h"

/* As many as the largest block has. */
#define BLOCK_MEMBERS 12

#define BLOCK_PRIORITIES "low|medium|high|realtime"
#define BLOCK_DAY_S 86400 /* the longest validity of each */

/* "subject: Строка от 1 до 11 символов"; the Viber API has the same for its names. */
#define BLOCK_SUBJECT_LIMIT 11 /* characters */

typedef struct Block
{
	MsgArena *arena;
	MsgBuf *out;
	MsgError *error;
	const char *name;
	const char *const *names;			   /* of its members; ends with NULL */
	const MsgJson *members[BLOCK_MEMBERS]; /* by their place in names, null = NULL */
	int written;
} Block;

/* A member's place in names, and the provider's codes for its lack and its fault. */
typedef struct Field
{
	int member;
	const char *absent;
	const char *invalid;
} Field;

/* Sorts the members of node by names; false when there is one of another name. */
extern bool msgext_block_open(Block *block, const MsgJson *node, const char *name,
							  const char *const *names);
extern void msgext_block_close(Block *block);

/* Complains about a member; false, for "return". */
extern bool msgext_block_fail(Block *block, int member, const char *code,
							  const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Writes the name of a member, with what separates it from the one before. */
extern void msgext_block_name(Block *block, int member);

/*
 * Each checks a member and writes it. Text is 1 to limit characters (0 = no limit);
 * choices are separated by "|", the first serving for an absent member if optional.
 */
extern bool msgext_block_text(Block *block, const Field *field, size_t limit);
extern bool msgext_block_choice(Block *block, const Field *field, const char *choices,
								bool optional);
extern bool msgext_block_integer(Block *block, const Field *field, int64_t min,
								 int64_t max);

/*
 * Reads a phone number as digits without "+"; *phone is NULL when the member is absent
 * and the field has no code for that.
 */
extern bool msgext_block_phone(Block *block, const Field *field, const char **phone);
extern void msgext_block_put_phone(Block *block, int member, const char *phone);

/*
 * Writes dstAddress of a fallback: the recipient of the vk block, phone, unless it names
 * one. Another one is nearly always a slip that writes to a stranger, so it is refused
 * unless the caller has said that they may differ.
 */
extern bool msgext_block_address(Block *block, const Field *field, const char *phone,
								 bool may_differ);

#endif /* MSGEXT_DEVINO_BLOCK_H */
