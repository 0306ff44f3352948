/*
 * template.c
 *		Reading templates, and rendering them: see template.h.
 */
#include "core/template.h"

#include <stdio.h>

#include "core/lengthof.h"
#include "core/template_filter.h"
#include "core/utf8.h"

#define DEPTH_MAX 32
#define WANTED_MAX 200
#define FILTERS_MAX 8
#define STEPS_MAX 16

/* What stands between braces. */
typedef struct Place
{
	int wanted;			 /* which value; -1 = the literal text */
	const char *literal; /* of len bytes */
	size_t len;
	const char *written; /* for messages */

	/* Further into the value, if it is JSON. */
	const char *steps[STEPS_MAX];
	int nsteps;

	MsgFilter filters[FILTERS_MAX];
	int nfilters;
} Place;

/* A run of text, or a place. */
typedef struct Piece
{
	const char *text;
	size_t len;
	const Place *place;
	struct Piece *next;
} Piece;

struct MsgTemplateText
{
	Piece *first;
	Piece *last;
	const MsgJson *constant; /* the same as a string, where there is no place in it */
};

struct MsgTemplateNode
{
	const MsgJson *source; /* type and name are its own */
	bool constant;		   /* nothing below it is rendered */
	const MsgTemplateText
		*text;	/* of a string, or of {"$": path}, whose one place it is */
	bool typed; /* {"$": path} */
	MsgTemplateNode *first;
	MsgTemplateNode *last;
	MsgTemplateNode *next;
};

typedef struct Reader
{
	MsgTemplate *plan;
	const char *at;
	const char *end;
	bool braces; /* the expression ends at }} rather than at the end */
	MsgError *error;
} Reader;

MsgTemplate *
msgext_template_create(MsgArena *arena)
{
	MsgTemplate *plan = msgext_alloc0(arena, sizeof(MsgTemplate));

	plan->arena = arena;
	plan->wanted = msgext_alloc(arena, sizeof(MsgWanted) * WANTED_MAX);
	return plan;
}

/* The index of that value; -1 when there are too many. */
static int
want(MsgTemplate *plan, MsgScope scope, const char *column, bool bytes)
{
	MsgWanted *wanted = plan->wanted;
	int i;

	for (i = 0; i < plan->nwanted; i++)
		if (wanted[i].scope == scope && wanted[i].bytes == bytes &&
			(column == NULL || wanted[i].column == NULL
				 ? column == wanted[i].column
				 : strcmp(wanted[i].column, column) == 0))
			return i;
	if (plan->nwanted == WANTED_MAX)
		return -1;
	wanted[plan->nwanted] = (MsgWanted){.scope = scope, .column = column, .bytes = bytes};
	return plan->nwanted++;
}

static bool
fail(const Reader *reader, const char *why)
{
	return msgext_error(reader->error, "", "", "%s", why);
}

static void
skip_space(Reader *reader)
{
	while (reader->at < reader->end && (*reader->at == ' ' || *reader->at == '\t' ||
										*reader->at == '\n' || *reader->at == '\r'))
		reader->at++;
}

static bool
at_end(const Reader *reader)
{
	if (!reader->braces)
		return reader->at == reader->end;
	return reader->end - reader->at >= 2 && reader->at[0] == '}' && reader->at[1] == '}';
}

/* A text in quotes, of which two stand for one, without them. */
static bool
read_quoted(Reader *reader, const char **text, size_t *len)
{
	char quote = *reader->at++;
	char *out =
		msgext_alloc(reader->plan->arena, (size_t) (reader->end - reader->at) + 1);

	*text = out;
	for (;;)
	{
		if (reader->at == reader->end)
			return fail(reader, "a quote is not closed");
		if (*reader->at == quote)
		{
			reader->at++;
			if (reader->at == reader->end || *reader->at != quote)
				break;
		}
		*out++ = *reader->at++;
	}
	*len = (size_t) (out - *text);
	*out = '\0';
	return true;
}

static bool
is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		   c == '_' || c == '$' || (c & 0x80) != 0;
}

/* A name of a path; folded as SQL folds one where it names a column. */
static bool
read_name(Reader *reader, bool fold, const char **name)
{
	const char *start = reader->at;
	char *copy;
	size_t len;

	if (reader->at < reader->end && *reader->at == '"')
	{
		if (!read_quoted(reader, name, &len))
			return false;
		return (len > 0 && strlen(*name) == len) || fail(reader, "a name is not valid");
	}
	while (reader->at < reader->end && is_name_char(*reader->at))
		reader->at++;
	if (reader->at == start)
		return fail(reader, "a name was expected");
	copy = msgext_strndup(reader->plan->arena, start, (size_t) (reader->at - start));
	*name = copy;
	for (; fold && *copy != '\0'; copy++)
		if (*copy >= 'A' && *copy <= 'Z')
			*copy = (char) (*copy - 'A' + 'a');
	return true;
}

static bool
read_path(Reader *reader, Place *place, MsgScope *scope, const char **column)
{
	static const char *const scopes[] = {"new", "old", "ref", "meta"};
	static const char *const facts[] = {"table", "schema", "operation", "time", "user"};
	const char *name;
	size_t i;

	if (!read_name(reader, true, &name))
		return false;
	for (i = 0; i < lengthof(scopes) && strcmp(name, scopes[i]) != 0; i++)
		;
	if (i == lengthof(scopes))
		return fail(reader, "a path begins with new, old, ref or meta");
	*scope = (MsgScope) i;
	*column = NULL;
	while (reader->at < reader->end && *reader->at == '.')
	{
		reader->at++;
		if (place->nsteps == STEPS_MAX)
			return fail(reader, "a path has too many names");
		if (!read_name(reader, *column == NULL, &name))
			return false;
		if (*column == NULL)
			*column = name;
		else
			place->steps[place->nsteps++] = name;
	}
	if (*scope != MSG_SCOPE_META || *column == NULL)
		return true;
	for (i = 0; i < lengthof(facts) && strcmp(*column, facts[i]) != 0; i++)
		;
	return i < lengthof(facts) ||
		   fail(reader, "meta has table, schema, operation, time and user");
}

static bool
read_argument(Reader *reader, const char **argument, size_t *len)
{
	const char *start = reader->at;

	if (reader->at < reader->end && *reader->at == '\'')
	{
		if (!read_quoted(reader, argument, len))
			return false;
		skip_space(reader);
		return true;
	}
	while (reader->at < reader->end && *reader->at != '|' && !at_end(reader))
		reader->at++;
	*len = (size_t) (reader->at - start);
	*argument = msgext_strndup(reader->plan->arena, start, *len);
	return true;
}

static bool
read_filter(Reader *reader, MsgFilter *filter)
{
	const char *argument = NULL;
	const char *name;
	size_t len = 0;

	skip_space(reader);
	if (!read_name(reader, false, &name))
		return false;
	skip_space(reader);
	if (reader->at < reader->end && *reader->at == ':')
	{
		reader->at++;
		if (!read_argument(reader, &argument, &len))
			return false;
	}
	return msgext_filter_read(filter, name, strlen(name), argument, len, reader->error);
}

/* What stands between the braces, up to their end. */
static Place *
read_place(Reader *reader)
{
	Place *place = msgext_alloc0(reader->plan->arena, sizeof(Place));
	const char *start = reader->at;
	MsgScope scope = MSG_SCOPE_NEW;
	const char *column = NULL;
	int i;

	place->wanted = -1;
	skip_space(reader);
	if (reader->at < reader->end && *reader->at == '\'')
	{
		if (!read_quoted(reader, &place->literal, &place->len))
			return NULL;
	}
	else if (!read_path(reader, place, &scope, &column))
		return NULL;
	for (skip_space(reader); !at_end(reader); skip_space(reader))
	{
		if (reader->at == reader->end)
			fail(reader, "two closing braces were expected");
		else if (*reader->at != '|')
			fail(reader, "a path is followed by something that is no filter");
		else if (place->nfilters == FILTERS_MAX)
			fail(reader, "there are too many filters");
		else
		{
			reader->at++;
			if (read_filter(reader, &place->filters[place->nfilters]))
			{
				place->nfilters++;
				continue;
			}
		}
		return NULL;
	}
	for (i = 1; i < place->nfilters; i++)
		if (place->filters[i].kind == MSG_FILTER_BASE64)
		{
			fail(reader, "filter base64 must come first");
			return NULL;
		}
	place->written =
		msgext_strndup(reader->plan->arena, start, (size_t) (reader->at - start));
	if (place->literal != NULL)
		return place;
	place->wanted = want(reader->plan, scope, column,
						 place->nfilters > 0 && place->nsteps == 0 && column != NULL &&
							 place->filters[0].kind == MSG_FILTER_BASE64);
	if (place->wanted < 0)
	{
		fail(reader, "it uses too many values");
		return NULL;
	}
	return place;
}

static void
add_piece(const Reader *reader, MsgTemplateText *text, Piece piece)
{
	Piece *copy = msgext_alloc(reader->plan->arena, sizeof(Piece));

	*copy = piece;
	if (text->last != NULL)
		text->last->next = copy;
	else
		text->first = copy;
	text->last = copy;
}

/* The next two opening braces, or the end. */
static const char *
find_braces(const char *at, const char *end)
{
	for (; end - at >= 2; at++)
		if (at[0] == '{' && at[1] == '{')
			return at;
	return end;
}

MsgTemplateText *
msgext_template_read_text(MsgTemplate *plan, const char *text, size_t len,
						  MsgError *error)
{
	MsgTemplateText *read = msgext_alloc0(plan->arena, sizeof(MsgTemplateText));
	Reader reader = {
		.plan = plan, .at = text, .end = text + len, .braces = true, .error = error};
	bool places = false;

	while (reader.at < reader.end)
	{
		const char *braces = find_braces(reader.at, reader.end);
		Piece piece = {.text = reader.at, .len = (size_t) (braces - reader.at)};

		if (piece.len > 0)
			add_piece(&reader, read, piece);
		reader.at = braces;
		if (braces == reader.end)
			break;
		reader.at += 2;
		piece = (Piece){.place = read_place(&reader)};
		if (piece.place == NULL)
			return NULL;
		add_piece(&reader, read, piece);
		reader.at += 2;
		places = true;
	}
	if (!places)
		read->constant = msgext_json_string(plan->arena, text, len);
	return read;
}

MsgTemplateText *
msgext_template_read_path(MsgTemplate *plan, const char *text, size_t len,
						  MsgError *error)
{
	MsgTemplateText *read = msgext_alloc0(plan->arena, sizeof(MsgTemplateText));
	Reader reader = {.plan = plan, .at = text, .end = text + len, .error = error};
	Piece piece = {.place = read_place(&reader)};

	if (piece.place == NULL)
		return NULL;
	add_piece(&reader, read, piece);
	return read;
}

/* {"$": "path"}: the value itself. */
static const MsgJson *
path_of(const MsgJson *json)
{
	return json->type == MSG_JSON_OBJECT && json->count == 1 &&
				   msgext_json_is_named(json->first, "$")
			   ? json->first
			   : NULL;
}

static bool read_node(MsgTemplate *plan, MsgTemplateNode *node, const MsgJson *json,
					  int depth, MsgError *error);

/* Puts the name of a member in front of where the error is. */
static void
prefix_path(MsgError *error, const MsgJson *parent, const MsgJson *child, int index)
{
	char path[sizeof(error->path)];
	const char *point = error->path[0] != '\0' && error->path[0] != '[' ? "." : "";

	if (parent->type == MSG_JSON_ARRAY)
		snprintf(path, sizeof(path), "[%d]%s%.100s", index, point, error->path);
	else
		snprintf(path, sizeof(path), "%.40s%s%.80s", child->name, point, error->path);
	memcpy(error->path, path, sizeof(path));
}

static bool
read_children(MsgTemplate *plan, MsgTemplateNode *node, int depth, MsgError *error)
{
	const MsgJson *json = node->source;
	const MsgJson *child;
	int i = 0;

	node->constant = true;
	for (child = json->first; child != NULL; child = child->next, i++)
	{
		MsgTemplateNode *below = msgext_alloc0(plan->arena, sizeof(MsgTemplateNode));
		bool read;

		if (json->type == MSG_JSON_OBJECT && msgext_json_is_named(child, "$"))
			return msgext_error(error, "", "", "\"$\" must be an object's only member");
		if (json->type == MSG_JSON_OBJECT &&
			find_braces(child->name, child->name + child->name_len) !=
				child->name + child->name_len)
			return msgext_error(error, "", "", "a member's name cannot hold a place");
		read = read_node(plan, below, child, depth + 1, error);
		if (!read)
		{
			prefix_path(error, json, child, i);
			return false;
		}
		node->constant = node->constant && below->constant;
		if (node->last != NULL)
			node->last->next = below;
		else
			node->first = below;
		node->last = below;
	}
	return true;
}

static bool
read_node(MsgTemplate *plan, MsgTemplateNode *node, const MsgJson *json, int depth,
		  MsgError *error)
{
	const MsgJson *path = path_of(json);

	node->source = json;
	if (depth > DEPTH_MAX)
		return msgext_error(error, "", "", "values are nested too deeply");
	if (path != NULL)
	{
		node->typed = true;
		if (path->type != MSG_JSON_STRING)
			return msgext_error(error, "", "", "\"$\" takes a path as a string");
		node->text = msgext_template_read_path(plan, path->text, path->len, error);
		return node->text != NULL;
	}
	switch (json->type)
	{
		case MSG_JSON_STRING:
			node->text = msgext_template_read_text(plan, json->text, json->len, error);
			node->constant = node->text != NULL && node->text->constant != NULL;
			return node->text != NULL;
		case MSG_JSON_ARRAY:
		case MSG_JSON_OBJECT:
			return read_children(plan, node, depth, error);
		default:
			node->constant = true;
			return true;
	}
}

MsgTemplateNode *
msgext_template_read(MsgTemplate *plan, const MsgJson *message, MsgError *error)
{
	MsgTemplateNode *node = msgext_alloc0(plan->arena, sizeof(MsgTemplateNode));

	return read_node(plan, node, message, 0, error) ? node : NULL;
}

void
msgext_rendering_begin(MsgRendering *rendering, const MsgTemplate *plan, MsgArena *arena,
					   const MsgJson *(*value)(void *source, int index), void *source)
{
	*rendering =
		(MsgRendering){.plan = plan, .arena = arena, .value = value, .source = source};
	rendering->values =
		msgext_alloc0(arena, sizeof(MsgJson *) * (size_t) (plan->nwanted + 1));
}

static const MsgJson msgext_null = {.type = MSG_JSON_NULL};

/* The member or element that a name leads to, or null. */
static const MsgJson *
step_into(const MsgJson *value, const char *name)
{
	const MsgJson *child = NULL;

	if (value->type == MSG_JSON_OBJECT)
		child = msgext_json_get(value, name);
	else if (value->type == MSG_JSON_ARRAY && name[0] >= '0' && name[0] <= '9')
	{
		size_t left = 0;

		for (; *name >= '0' && *name <= '9' && left < MSG_RENDERED_NODES_MAX; name++)
			left = left * 10 + (size_t) (*name - '0');
		if (*name == '\0')
			for (child = value->first; child != NULL && left > 0; left--)
				child = child->next;
	}
	return child != NULL ? child : &msgext_null;
}

/* Never NULL: what is not there is null. */
static const MsgJson *
value_of(MsgRendering *rendering, const Place *place)
{
	const MsgJson *value;
	int i;

	if (place->wanted < 0)
		return msgext_json_string(rendering->arena, place->literal, place->len);
	value = rendering->values[place->wanted];
	if (value == NULL)
	{
		value = rendering->value(rendering->source, place->wanted);
		if (value == NULL)
			value = &msgext_null;
		rendering->values[place->wanted] = value;
	}
	for (i = 0; i < place->nsteps; i++)
		value = step_into(value, place->steps[i]);
	return value;
}

static bool
too_large(MsgError *error)
{
	return msgext_error(error, "", "", "the rendered message is too large");
}

static bool
take_size(MsgRendering *rendering, size_t size, MsgError *error)
{
	if (size > MSG_RENDERED_SIZE_MAX - rendering->size)
		return too_large(error);
	rendering->size += size;
	return true;
}

/* Counts what a value brings along: it may be JSON of any size. */
static bool
take_tree(MsgRendering *rendering, const MsgJson *value, int depth, MsgError *error)
{
	const MsgJson *child;

	if (depth > MSG_RENDERED_DEPTH_MAX || ++rendering->nodes > MSG_RENDERED_NODES_MAX)
		return too_large(error);
	if (!take_size(rendering, value->len + value->name_len, error))
		return false;
	for (child = value->first; child != NULL; child = child->next)
		if (!take_tree(rendering, child, depth + 1, error))
			return false;
	return true;
}

/* A value's text; JSON is written as such. */
static void
text_of(MsgRendering *rendering, const MsgJson *value, const char **text, size_t *len)
{
	MsgBuf buf;

	switch (value->type)
	{
		case MSG_JSON_NULL:
			*text = "";
			*len = 0;
			break;
		case MSG_JSON_BOOL:
			*text = value->truth ? "true" : "false";
			*len = strlen(*text);
			break;
		case MSG_JSON_ARRAY:
		case MSG_JSON_OBJECT:
			msgext_buf_init(&buf, rendering->arena, 256);
			msgext_json_write(&buf, value);
			*text = buf.data;
			*len = buf.len;
			break;
		default:
			*text = value->text;
			*len = value->len;
			break;
	}
}

/* The default of a value: a number, a truth value or null where it looks like one. */
static const MsgJson *
default_of(MsgRendering *rendering, const MsgFilter *filter)
{
	MsgError ignored;
	const MsgJson *value = msgext_json_parse(rendering->arena, filter->argument,
											 filter->len, &msgext_json_strict, &ignored);

	if (value == NULL || value->type > MSG_JSON_NUMBER)
		value = msgext_json_string(rendering->arena, filter->argument, filter->len);
	return value;
}

/* The value of a place behind its filters. NULL: see *error. */
static const MsgJson *
filtered(MsgRendering *rendering, const Place *place, MsgError *error)
{
	const MsgJson *value = value_of(rendering, place);
	int i;

	for (i = 0; i < place->nfilters; i++)
	{
		const MsgFilter *filter = &place->filters[i];
		const char *text;
		size_t len;
		MsgBuf out;

		if (filter->kind == MSG_FILTER_DEFAULT)
		{
			if (value->type == MSG_JSON_NULL ||
				(value->type == MSG_JSON_STRING && value->len == 0))
				value = default_of(rendering, filter);
			continue;
		}
		if (value->type == MSG_JSON_NULL)
			continue;
		if ((value->type == MSG_JSON_ARRAY || value->type == MSG_JSON_OBJECT) &&
			!take_tree(rendering, value, 0, error))
			return NULL;
		text_of(rendering, value, &text, &len);

		/* Before it is made larger. */
		if (!take_size(rendering, len, error))
			return NULL;
		msgext_buf_init(&out, rendering->arena, len + 1);
		if (!msgext_filter_apply(filter, text, len, &out, error))
		{
			snprintf(error->path, sizeof(error->path), "{{%.100s}}", place->written);
			return NULL;
		}
		value = msgext_json_string(rendering->arena, out.data, out.len);
	}
	return value;
}

/* Appends to out, whose text is known not to be needed where there is but one piece. */
static bool
render_pieces(MsgRendering *rendering, const MsgTemplateText *text, MsgBuf *out,
			  MsgError *error)
{
	const Piece *piece;

	for (piece = text->first; piece != NULL; piece = piece->next)
	{
		const MsgJson *value;
		const char *run = piece->text;
		size_t len = piece->len;

		if (piece->place != NULL)
		{
			value = filtered(rendering, piece->place, error);
			if (value == NULL)
				return false;
			if ((value->type == MSG_JSON_ARRAY || value->type == MSG_JSON_OBJECT) &&
				!take_tree(rendering, value, 0, error))
				return false;
			text_of(rendering, value, &run, &len);
		}
		if (!take_size(rendering, len, error))
			return false;
		msgext_buf_append(out, run, len);
	}
	return true;
}

static MsgJson *
new_node(MsgRendering *rendering, MsgJsonType type, const MsgJson *named)
{
	MsgJson *node = msgext_alloc(rendering->arena, sizeof(MsgJson));

	*node = (MsgJson){.type = type, .name = named->name, .name_len = named->name_len};
	return node;
}

/* The value under the template's name. */
static MsgJson *
renamed(MsgRendering *rendering, const MsgJson *value, const MsgJson *named)
{
	MsgJson *node = msgext_alloc(rendering->arena, sizeof(MsgJson));

	*node = *value;
	node->name = named->name;
	node->name_len = named->name_len;
	node->next = NULL;
	return node;
}

static MsgJson *
render_string(MsgRendering *rendering, const MsgTemplateNode *node, MsgError *error)
{
	MsgJson *string = new_node(rendering, MSG_JSON_STRING, node->source);
	const Piece *only = node->text->first == node->text->last ? node->text->first : NULL;
	MsgBuf buf;

	if (only != NULL && only->place != NULL)
	{
		const MsgJson *value = filtered(rendering, only->place, error);

		if (value == NULL)
			return NULL;
		if (value->type < MSG_JSON_ARRAY)
		{
			text_of(rendering, value, &string->text, &string->len);
			return take_size(rendering, string->len, error) ? string : NULL;
		}
	}
	msgext_buf_init(&buf, rendering->arena, node->source->len + 64);
	if (!render_pieces(rendering, node->text, &buf, error))
		return NULL;
	string->text = buf.data;
	string->len = buf.len;
	return string;
}

static MsgJson *
render_node(MsgRendering *rendering, const MsgTemplateNode *node, MsgError *error)
{
	const MsgTemplateNode *child;
	MsgJson *rendered;

	if (node->constant)
		return renamed(rendering, node->source, node->source);
	if (++rendering->nodes > MSG_RENDERED_NODES_MAX)
	{
		too_large(error);
		return NULL;
	}
	if (node->typed)
	{
		const MsgJson *value = filtered(rendering, node->text->first->place, error);

		return value != NULL && take_tree(rendering, value, 0, error)
				   ? renamed(rendering, value, node->source)
				   : NULL;
	}
	if (node->source->type == MSG_JSON_STRING)
		return render_string(rendering, node, error);
	rendered = new_node(rendering, node->source->type, node->source);
	for (child = node->first; child != NULL; child = child->next)
	{
		MsgJson *below = render_node(rendering, child, error);

		if (below == NULL)
			return NULL;
		msgext_json_append(rendered, below);
	}
	return rendered;
}

MsgJson *
msgext_template_render(MsgRendering *rendering, const MsgTemplateNode *node,
					   MsgError *error)
{
	return render_node(rendering, node, error);
}

const MsgJson *
msgext_template_render_text(MsgRendering *rendering, const MsgTemplateText *text,
							MsgError *error)
{
	MsgBuf buf;

	if (text->constant != NULL)
		return text->constant;
	if (text->first == text->last)
	{
		const MsgJson *value = filtered(rendering, text->first->place, error);

		if (value == NULL || value->type == MSG_JSON_NULL ||
			value->type == MSG_JSON_STRING)
			return value;
	}
	msgext_buf_init(&buf, rendering->arena, 64);
	if (!render_pieces(rendering, text, &buf, error))
		return NULL;
	return msgext_json_string(rendering->arena, buf.data, buf.len);
}
