/*
 * template_render.c
 *		What a template makes of a row's values: see template.h.
 */
#include <stdio.h>

#include "core/template_plan.h"

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
value_of(MsgRendering *rendering, const MsgPlace *place)
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
too_many(MsgError *error)
{
	return msgext_error(error, "", "", "the rendered message has too many values");
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

	if (depth > MSG_RENDERED_DEPTH_MAX)
		return msgext_error(error, "", "", "values of the message are nested too deeply");
	if (++rendering->nodes > MSG_RENDERED_NODES_MAX)
		return too_many(error);
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
filtered(MsgRendering *rendering, const MsgPlace *place, MsgError *error)
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
	const MsgPiece *piece;

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

/* A part of the template without a place: whoever gets the message may write into it. */
static MsgJson *
copy_tree(MsgRendering *rendering, const MsgJson *constant)
{
	MsgJson *copy = renamed(rendering, constant, constant);
	const MsgJson *child;

	copy->first = copy->last = NULL;
	copy->count = 0;
	for (child = constant->first; child != NULL; child = child->next)
		msgext_json_append(copy, copy_tree(rendering, child));
	return copy;
}

static MsgJson *
render_string(MsgRendering *rendering, const MsgTemplateNode *node, MsgError *error)
{
	MsgJson *string = new_node(rendering, MSG_JSON_STRING, node->source);
	const MsgPiece *only =
		node->text->first == node->text->last ? node->text->first : NULL;
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
		return copy_tree(rendering, node->source);
	if (++rendering->nodes > MSG_RENDERED_NODES_MAX)
	{
		too_many(error);
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
