/*
 * json.h
 *		A bounded JSON reader into a tree, and a writer.
 *
 * Numbers are kept as the text they were written as, so that no id ever passes through
 * a double. The reader refuses what is deeper, larger or has more nodes than its
 * limits, refuses invalid UTF-8, and on request forgives one thing: commas directly
 * before a closing brace or bracket. It knows no provider.
 */
#ifndef MSGEXT_JSON_H
#define MSGEXT_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "core/buf.h"
#include "core/error.h"

typedef enum MsgJsonType
{
	MSG_JSON_NULL,
	MSG_JSON_BOOL,
	MSG_JSON_NUMBER,
	MSG_JSON_STRING,
	MSG_JSON_ARRAY,
	MSG_JSON_OBJECT
} MsgJsonType;

typedef struct MsgJson MsgJson;

struct MsgJson
{
	MsgJsonType type;
	bool truth;		  /* of a BOOL */
	const char *name; /* of a member of an object, NUL-terminated, else NULL */
	size_t name_len;
	const char *text; /* STRING: decoded, NUMBER: as written; NUL-terminated */
	size_t len;		  /* of text: a decoded string may hold NULs */
	MsgJson *first;	  /* elements or members, in order */
	MsgJson *last;
	MsgJson *next; /* within the parent */
	int count;
	size_t start; /* where it stood in the text that was read; both 0 when built */
	size_t end;
};

typedef struct MsgJsonLimits
{
	size_t size; /* bytes of text */
	int depth;
	int nodes;
	bool trailing_commas; /* forgive them */
} MsgJsonLimits;

/* 1 MiB, 32 levels, 100,000 nodes, strict. */
extern const MsgJsonLimits msgext_json_strict;

/* Returns NULL with *error filled in when the text is not JSON or exceeds a limit. */
extern MsgJson *msgext_json_parse(MsgArena *arena, const char *text, size_t len,
								  const MsgJsonLimits *limits, MsgError *error);

/* NULL when node is NULL, no object, or has no such member. The last of equals wins. */
extern const MsgJson *msgext_json_get(const MsgJson *node, const char *name);
/* The same, comparing ASCII letters without case. */
extern const MsgJson *msgext_json_get_nocase(const MsgJson *node, const char *name);

/* Is it a node of this type; is it a string of exactly this text? node may be NULL. */
extern bool msgext_json_is(const MsgJson *node, MsgJsonType type);
extern bool msgext_json_equals(const MsgJson *node, const char *text);

/*
 * Reads a whole number, written plainly: no fraction, no exponent. quoted also takes a
 * string of digits. False when node is NULL, of another form, or out of range.
 */
extern bool msgext_json_int64(const MsgJson *node, bool quoted, int64_t *value);

/* Building: every function returns the node it made, in the arena. */
extern MsgJson *msgext_json_new(MsgArena *arena, MsgJsonType type);
extern MsgJson *msgext_json_string(MsgArena *arena, const char *text, size_t len);
extern MsgJson *msgext_json_number(MsgArena *arena, const char *text);
extern void msgext_json_append(MsgJson *array, MsgJson *element);
/* name must outlive the node; replaces a member of that name in place. */
extern void msgext_json_set(MsgJson *object, const char *name, MsgJson *value);
extern void msgext_json_set_text(MsgArena *arena, MsgJson *object, const char *name,
								 const char *value);
/* Takes out the members of that name, if there are any. */
extern void msgext_json_remove(MsgJson *object, const char *name);

extern void msgext_json_write(MsgBuf *buf, const MsgJson *node);
extern void msgext_json_write_string(MsgBuf *buf, const char *text, size_t len);

/* Is that the name of this member? Names have no NUL in them, unlike members'. */
static inline bool
msgext_json_is_named(const MsgJson *member, const char *name)
{
	return member->name[0] == name[0] && strlen(name) == member->name_len &&
		   memcmp(name, member->name, member->name_len) == 0;
}

#endif /* MSGEXT_JSON_H */
