/*
 * template.h
 *		Messages with places for values: read once into a plan, rendered for each row.
 *
 * A template is JSON. Inside a string {{path|filter:argument}} stands for a value's text;
 * {"$": "path|filter"} stands for the value itself, with its type. Values are put into
 * the tree, never into text that is read again: none of them can change the structure.
 *
 *	path		scope.name.name...	scope is new, old, ref or meta. The first name is a
 *				column, further ones lead into JSON: members, or elements counted from 0.
 *				A name is written as in SQL: in double quotes if need be, else a column's
 *				is in lower case. A scope alone is all its columns.
 *	'text'		in place of a path: that text, so that {{'{{'}} is two braces
 *	filters		upper, lower, date:FORMAT, truncate:CHARACTERS, default:TEXT, base64
 *
 * An argument goes up to the next | or }}, or stands in single quotes. NULL is the empty
 * text, or null; a filter leaves it alone, but for default, which replaces empty texts
 * too. base64 comes first and encodes bytes.
 *
 * Owns the syntax and the rendering. Where values come from, and which columns there are,
 * is the source's.
 */
#ifndef MSGEXT_TEMPLATE_H
#define MSGEXT_TEMPLATE_H

#include "core/json.h"

typedef enum MsgScope
{
	MSG_SCOPE_NEW,
	MSG_SCOPE_OLD,
	MSG_SCOPE_REF,
	MSG_SCOPE_META
} MsgScope;

/* One that the source is to give; each is listed once, however often it is used. */
typedef struct MsgWanted
{
	MsgScope scope;
	const char *column; /* NULL = an object of all columns */
	bool bytes;			/* of a binary value its bytes, as the text of a string */
} MsgWanted;

typedef struct MsgTemplate
{
	MsgArena *arena; /* it lives in */
	MsgWanted *wanted;
	int nwanted;
} MsgTemplate;

typedef struct MsgTemplateText MsgTemplateText; /* a string with places */
typedef struct MsgTemplateNode MsgTemplateNode; /* JSON with such strings */

extern MsgTemplate *msgext_template_create(MsgArena *arena);

/*
 * Read a part of the template. NULL with *error filled in: its path says where in the
 * message. What is read is not copied, and must live as long as the template.
 */
extern MsgTemplateNode *msgext_template_read(MsgTemplate *plan, const MsgJson *message,
											 MsgError *error);
extern MsgTemplateText *msgext_template_read_text(MsgTemplate *plan, const char *text,
												  size_t len, MsgError *error);
/* Without braces: what stands in them. */
extern MsgTemplateText *msgext_template_read_path(MsgTemplate *plan, const char *text,
												  size_t len, MsgError *error);

/* The string that a text always is, or NULL where there is a place in it. */
extern const MsgJson *msgext_template_constant(const MsgTemplateText *text);
extern bool msgext_template_wants(const MsgTemplate *plan, MsgScope scope);

/* One row's values, and what is made of them. */
typedef struct MsgRendering
{
	const MsgTemplate *plan;
	MsgArena *arena;
	/* The value wanted[index], or NULL; asked for once. */
	const MsgJson *(*value)(void *source, int index);
	void *source;
	const MsgJson **values; /* of those that were asked for */
	size_t size;			/* bytes of text rendered so far */
	int nodes;
} MsgRendering;

/* What a rendered message may hold at most. */
#define MSG_RENDERED_SIZE_MAX ((size_t) 16 * 1024 * 1024)
#define MSG_RENDERED_NODES_MAX 100000
#define MSG_RENDERED_DEPTH_MAX 64

extern void msgext_rendering_begin(MsgRendering *rendering, const MsgTemplate *plan,
								   MsgArena *arena,
								   const MsgJson *(*value)(void *source, int index),
								   void *source);

/* A tree that may share texts with the template, and parts with the values. NULL: see *error. */
extern MsgJson *msgext_template_render(MsgRendering *rendering,
									   const MsgTemplateNode *node, MsgError *error);

/*
 * A string; or null, where the text is nothing but one place whose value is null. NULL:
 * see *error.
 */
extern const MsgJson *msgext_template_render_text(MsgRendering *rendering,
												  const MsgTemplateText *text,
												  MsgError *error);

#endif /* MSGEXT_TEMPLATE_H */
