/*
 * template_read.c
 *		Reading templates into plans: see template.h.
 */
#include "core/template.h"

#include <stdio.h>

#include "core/lengthof.h"
#include "core/template_plan.h"

#define DEPTH_MAX 32
#define WANTED_MAX 200

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

/* Where a text in quotes ends, of which two stand for one; NULL when it does not. */
static const char *
find_quote(const char *at, const char *end, char quote)
{
	while ((at = memchr(at, quote, (size_t) (end - at))) != NULL)
	{
		if (at + 1 == end || at[1] != quote)
			return at;
		at += 2;
	}
	return NULL;
}

/* A text in quotes, without them. */
static bool
read_quoted(Reader *reader, const char **text, size_t *len)
{
	char quote = *reader->at++;
	const char *end = find_quote(reader->at, reader->end, quote);
	char *out;

	if (end == NULL)
		return fail(reader, "a quote is not closed");
	out = msgext_alloc(reader->plan->arena, (size_t) (end - reader->at) + 1);
	*text = out;
	while (reader->at < end)
	{
		if (*reader->at == quote)
			reader->at++;
		*out++ = *reader->at++;
	}
	reader->at++;
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
		return fail(reader,
					!reader->braces && reader->at < reader->end && *reader->at == '{'
						? "a path stands here without braces"
						: "a name was expected");
	copy = msgext_strndup(reader->plan->arena, start, (size_t) (reader->at - start));
	*name = copy;
	for (; fold && *copy != '\0'; copy++)
		if (*copy >= 'A' && *copy <= 'Z')
			*copy = (char) (*copy - 'A' + 'a');
	return true;
}

static bool
read_path(Reader *reader, MsgPlace *place, MsgScope *scope, const char **column)
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
		if (place->nsteps == MSG_PLACE_STEPS_MAX)
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
static MsgPlace *
read_place(Reader *reader)
{
	MsgPlace *place = msgext_alloc0(reader->plan->arena, sizeof(MsgPlace));
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
		if (reader->at == reader->end || (reader->braces && *reader->at == '}'))
			fail(reader, "two closing braces were expected");
		else if (*reader->at != '|')
			fail(reader,
				 "a path is followed by something that is no filter; into JSON it "
				 "goes on as in new.data.items.0");
		else if (place->nfilters == MSG_PLACE_FILTERS_MAX)
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
add_piece(const Reader *reader, MsgTemplateText *text, MsgPiece piece)
{
	MsgPiece *copy = msgext_alloc(reader->plan->arena, sizeof(MsgPiece));

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
		MsgPiece piece = {.text = reader.at, .len = (size_t) (braces - reader.at)};

		if (piece.len > 0)
			add_piece(&reader, read, piece);
		reader.at = braces;
		if (braces == reader.end)
			break;
		reader.at += 2;
		piece = (MsgPiece){.place = read_place(&reader)};
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
	MsgPiece piece = {.place = read_place(&reader)};

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

const MsgJson *
msgext_template_constant(const MsgTemplateText *text)
{
	return text->constant;
}

bool
msgext_template_wants(const MsgTemplate *plan, MsgScope scope)
{
	int i;

	for (i = 0; i < plan->nwanted; i++)
		if (plan->wanted[i].scope == scope)
			return true;
	return false;
}
