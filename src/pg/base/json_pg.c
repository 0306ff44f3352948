/*
 * json_pg.c
 *		Between jsonb and the codecs' JSON tree: see json_pg.h.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

#include "pg/base/json_pg.h"
#include "pg/base/text.h"

#define PLAIN_DIGITS_MAX 40
#define FAITHFUL_DIGITS_MAX 1000

/* Decimal digits in each int16 of a numeric. */
#define DIGITS_KEPT 4

static const char *
to_utf8(MsgArena *arena, const char *text, size_t len, size_t *utf8_len)
{
	char *copy;
	char *utf8;

	*utf8_len = len;
	if (GetDatabaseEncoding() == PG_UTF8)
		return msgext_strndup(arena, text, len);
	copy = pnstrdup(text, len);
	utf8 = pg_server_to_any(copy, (int) len, PG_UTF8);
	if (utf8 != copy)
		*utf8_len = strlen(utf8);
	return msgext_strndup(arena, utf8, *utf8_len);
}

MsgJson *
msgext_json_of_text(MsgArena *arena, const char *text, size_t len)
{
	MsgJson *node = msgext_json_new(arena, MSG_JSON_STRING);

	node->text = to_utf8(arena, text, len, &node->len);
	return node;
}

/*
 * A long one may be short where it is kept: of 1e131071 that is one digit. In exponent form it
 * takes no more memory than a few times what it takes there, and loses no digit.
 */
static MsgJson *
of_numeric(MsgArena *arena, Numeric numeric)
{
	MsgJson *node = msgext_json_new(arena, MSG_JSON_NUMBER);
	char *text =
		DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(numeric)));

	node->len = strlen(text);
	if (node->len > FAITHFUL_DIGITS_MAX)
	{
		pfree(text);
		text = numeric_out_sci(numeric, VARSIZE(numeric) / sizeof(int16) * DIGITS_KEPT);
		node->len = strlen(text);
	}
	node->text = msgext_strndup(arena, text, node->len);
	pfree(text);
	return node;
}

/* Where an entry of a container begins, and what is behind it. */
typedef struct Place
{
	const JEntry *entry;
	uint32 offset;
} Place;

static MsgJson *from_container(MsgArena *arena, const JsonbContainer *container);

/* The value of the entry at a place in the data of a container; goes on to the next. */
static MsgJson *
next_value(MsgArena *arena, const char *data, Place *place)
{
	JEntry entry = *place->entry++;
	const char *start = data + place->offset;
	const char *aligned = data + INTALIGN(place->offset);
	uint32 offset = place->offset;
	MsgJson *node;

	JBE_ADVANCE_OFFSET(place->offset, entry);
	if (JBE_ISSTRING(entry))
		return msgext_json_of_text(arena, start, place->offset - offset);
	if (JBE_ISNUMERIC(entry))
		return of_numeric(arena, (Numeric) aligned);
	if (JBE_ISCONTAINER(entry))
		return from_container(arena, (const JsonbContainer *) aligned);
	node = msgext_json_new(arena, JBE_ISBOOL(entry) ? MSG_JSON_BOOL : MSG_JSON_NULL);
	node->truth = JBE_ISBOOL_TRUE(entry);
	return node;
}

/*
 * Walks over the entries, as utils/jsonb.h lays them out: the names of an object, then its
 * values, then the data of all. JsonbIteratorNext() takes half as many instructions again.
 */
static MsgJson *
from_container(MsgArena *arena, const JsonbContainer *container)
{
	bool object = JsonContainerIsObject(container);
	uint32 n = JsonContainerSize(container);
	const char *data = (const char *) (container->children + (object ? 2 * n : n));
	Place value = {container->children, 0};
	Place name = {container->children, 0};
	MsgJson *tree = msgext_json_new(arena, object ? MSG_JSON_OBJECT : MSG_JSON_ARRAY);
	uint32 i;

	check_stack_depth();
	if (object)
	{
		value.entry += n;
		value.offset = getJsonbOffset(container, n);
	}
	for (i = 0; i < n; i++)
	{
		MsgJson *node = next_value(arena, data, &value);

		/* jsonb has each name once. */
		if (object)
		{
			uint32 offset = name.offset;

			JBE_ADVANCE_OFFSET(name.offset, *name.entry);
			name.entry++;
			node->name =
				to_utf8(arena, data + offset, name.offset - offset, &node->name_len);
		}
		msgext_json_append(tree, node);
	}
	return tree;
}

MsgJson *
msgext_json_from_jsonb(MsgArena *arena, Jsonb *jsonb)
{
	MsgJson *tree = from_container(arena, &jsonb->root);

	/* A scalar stands in a jsonb as the one element of an array. */
	return JB_ROOT_IS_SCALAR(jsonb) ? tree->first : tree;
}

/* On its way into a jsonb. */
typedef struct Writer
{
	JsonbParseState *state;
	bool faithful; /* see msgext_json_to_jsonb_whole() */
} Writer;

static void
to_string(const Writer *writer, JsonbValue *value, const char *text, size_t len)
{
	char *copy = palloc(len + 1);
	char *nul;

	/* It may hold NULs, where pnstrdup() would stop. */
	memcpy(copy, text, len);
	copy[len] = '\0';
	while ((nul = memchr(copy, '\0', len)) != NULL)
		*nul = '?';
	value->type = jbvString;
	value->val.string.val =
		writer->faithful ? msgext_from_utf8(copy) : msgext_clean_text(copy, 8192);
	value->val.string.len = strlen(value->val.string.val);
}

static bool
is_plain_number(const Writer *writer, const MsgJson *node)
{
	size_t start = node->len > 0 && node->text[0] == '-' ? 1 : 0;
	size_t digits = strspn(node->text + start, "0123456789");

	if (writer->faithful)
		return node->len <= FAITHFUL_DIGITS_MAX &&
			   strspn(node->text, "-.0123456789") == node->len;
	return digits > 0 && node->len <= PLAIN_DIGITS_MAX && start + digits == node->len;
}

static void
to_scalar(const Writer *writer, JsonbValue *value, const MsgJson *node)
{
	switch (node->type)
	{
		case MSG_JSON_BOOL:
			value->type = jbvBool;
			value->val.boolean = node->truth;
			break;
		case MSG_JSON_NUMBER:
			if (is_plain_number(writer, node))
			{
				value->type = jbvNumeric;
				value->val.numeric = DatumGetNumeric(
					DirectFunctionCall3(numeric_in, CStringGetDatum(node->text),
										ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
				break;
			}
			/* FALLTHROUGH */
		case MSG_JSON_STRING:
			to_string(writer, value, node->text, node->len);
			break;
		default:
			value->type = jbvNull;
			break;
	}
}

static JsonbValue *
push(Writer *writer, const MsgJson *node, JsonbIteratorToken as)
{
	bool object = node->type == MSG_JSON_OBJECT;
	const MsgJson *child;
	JsonbValue value;

	check_stack_depth();
	if (node->type != MSG_JSON_ARRAY && !object)
	{
		to_scalar(writer, &value, node);
		return pushJsonbValue(&writer->state, as, &value);
	}
	pushJsonbValue(&writer->state, object ? WJB_BEGIN_OBJECT : WJB_BEGIN_ARRAY, NULL);
	for (child = node->first; child != NULL; child = child->next)
	{
		if (object)
		{
			to_string(writer, &value, child->name, child->name_len);
			pushJsonbValue(&writer->state, WJB_KEY, &value);
		}
		push(writer, child, object ? WJB_VALUE : WJB_ELEM);
	}
	return pushJsonbValue(&writer->state, object ? WJB_END_OBJECT : WJB_END_ARRAY, NULL);
}

static Jsonb *
jsonb_of(Writer *writer, const MsgJson *node)
{
	JsonbValue value;

	if (node->type == MSG_JSON_OBJECT || node->type == MSG_JSON_ARRAY)
		return JsonbValueToJsonb(push(writer, node, WJB_VALUE));
	to_scalar(writer, &value, node);
	return JsonbValueToJsonb(&value);
}

Jsonb *
msgext_json_to_jsonb(const MsgJson *node)
{
	Writer writer = {0};

	return jsonb_of(&writer, node);
}

Jsonb *
msgext_json_to_jsonb_whole(const MsgJson *node)
{
	Writer writer = {.faithful = true};

	return jsonb_of(&writer, node);
}
