/*
 * message_filter.c
 *		Which messages are meant, of many: see message_filter.h.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "lib/stringinfo.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

#include "core/lifecycle.h"
#include "pg/sql/message_filter.h"
#include "pg/store/relation.h"

#define PARAMS_MAX 12

struct MsgMessageFilter
{
	StringInfoData query;
	int nparams;
	Oid types[PARAMS_MAX];
	Datum values[PARAMS_MAX];
};

static void
refuse(const char *detail)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("filter of messages is not valid"), errdetail("%s", detail)));
}

/* The number that the parameter has in the query. */
static int
add_param(MsgMessageFilter *filter, Oid type, Datum value)
{
	filter->types[filter->nparams] = type;
	filter->values[filter->nparams] = value;
	return ++filter->nparams;
}

static Datum
text_element(const char *key, const JsonbValue *value)
{
	if (value->type != jbvString)
		refuse(psprintf("\"%s\" must be a text or a list of texts.", key));
	return PointerGetDatum(
		cstring_to_text_with_len(value->val.string.val, value->val.string.len));
}

static Datum
state_element(const char *key, const JsonbValue *value)
{
	Datum element = text_element(key, value);
	MsgState state;

	if (!msgext_state_parse(TextDatumGetCString(element), &state))
		refuse(
			psprintf("\"%s\" is no state of a message.", TextDatumGetCString(element)));
	return element;
}

static Datum
id_element(const char *key, const JsonbValue *value)
{
	if (value->type != jbvNumeric)
		refuse(psprintf("\"%s\" must be a number or a list of numbers.", key));
	return DirectFunctionCall1(numeric_int8, NumericGetDatum(value->val.numeric));
}

/* One value, or a list of them, as an array. */
static Datum
elements(const char *key, const JsonbValue *value,
		 Datum (*element)(const char *key, const JsonbValue *value), Oid type)
{
	Datum *list;
	int n = 0;

	if (value->type != jbvBinary)
	{
		list = palloc(sizeof(Datum));
		list[n++] = element(key, value);
	}
	else
	{
		JsonbContainer *container = value->val.binary.data;
		int size = JsonContainerSize(container);
		JsonbIterator *iterator = JsonbIteratorInit(container);
		JsonbValue item;

		if (!JsonContainerIsArray(container) || size == 0)
			refuse(psprintf("\"%s\" must be one value or a list of them.", key));
		list = palloc(sizeof(Datum) * size);
		(void) JsonbIteratorNext(&iterator, &item, true);
		while (JsonbIteratorNext(&iterator, &item, true) == WJB_ELEM)
			list[n++] = element(key, &item);
	}
	if (type == INT8OID)
		return PointerGetDatum(
			construct_array(list, n, INT8OID, 8, FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	return PointerGetDatum(construct_array(list, n, TEXTOID, -1, false, TYPALIGN_INT));
}

static void
add_texts(MsgMessageFilter *filter, const char *key, const JsonbValue *value,
		  Datum (*element)(const char *key, const JsonbValue *value))
{
	int param = add_param(filter, TEXTARRAYOID, elements(key, value, element, TEXTOID));

	appendStringInfo(&filter->query, " AND o.%s OPERATOR(pg_catalog.=) ANY ($%d)", key,
					 param);
}

static void
add_time(MsgMessageFilter *filter, const char *key, const JsonbValue *value,
		 const char *operator)
{
	char *text;
	Datum time;

	if (value->type != jbvString)
		refuse(psprintf("\"%s\" must be a time.", key));
	text = pnstrdup(value->val.string.val, value->val.string.len);
	time = DirectFunctionCall3(timestamptz_in, CStringGetDatum(text),
							   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
	appendStringInfo(&filter->query,
					 " AND o.created_at OPERATOR(pg_catalog.%s) $%d", operator,
					 add_param(filter, TIMESTAMPTZOID, time));
}

static void
add(MsgMessageFilter *filter, const char *key, JsonbValue *value)
{
	if (strcmp(key, "id") == 0)
		appendStringInfo(
			&filter->query, " AND o.id OPERATOR(pg_catalog.=) ANY ($%d)",
			add_param(filter, INT8ARRAYOID, elements(key, value, id_element, INT8OID)));
	else if (strcmp(key, "ref") == 0)
	{
		if (value->type != jbvBinary || !JsonContainerIsObject(value->val.binary.data))
			refuse("\"ref\" must be an object.");
		appendStringInfo(
			&filter->query, " AND o.ref OPERATOR(pg_catalog.@>) $%d",
			add_param(filter, JSONBOID, JsonbPGetDatum(JsonbValueToJsonb(value))));
	}
	else if (strcmp(key, "created_after") == 0)
		add_time(filter, key, value, ">=");
	else if (strcmp(key, "created_before") == 0)
		add_time(filter, key, value, "<");
	else if (strcmp(key, "server") == 0 || strcmp(key, "code") == 0 ||
			 strcmp(key, "recipient") == 0)
		add_texts(filter, key, value, text_element);
	else if (strcmp(key, "state") == 0)
		add_texts(filter, key, value, state_element);
	else
		refuse(psprintf("There is no \"%s\" to filter by; there are id, server, state, "
						"code, recipient, ref, created_after and created_before.",
						key));
}

MsgMessageFilter *
msgext_message_filter_read(Jsonb *json, const char *states)
{
	MsgMessageFilter *filter = palloc0(sizeof(MsgMessageFilter));
	JsonbIterator *iterator;
	JsonbValue value;

	if (!JB_ROOT_IS_OBJECT(json))
		refuse("It must be an object.");
	if (JB_ROOT_COUNT(json) == 0)
		refuse("It is empty: say which messages you mean.");
	initStringInfo(&filter->query);
	appendStringInfo(&filter->query,
					 "SELECT o.id FROM %s o WHERE o.id OPERATOR(pg_catalog.>) $1",
					 msgext_relation_sql("outbox"));
	(void) add_param(filter, INT8OID, Int64GetDatum(0));

	/* What has ended badly and is not closed has an index of its own. */
	appendStringInfo(&filter->query,
					 " AND o.%s OPERATOR(pg_catalog.=) ANY "
					 "(pg_catalog.string_to_array($%d, ','))",
					 strcmp(states, "queued") == 0 ? "state" : "problem",
					 add_param(filter, TEXTOID, CStringGetTextDatum(states)));
	iterator = JsonbIteratorInit(&json->root);
	(void) JsonbIteratorNext(&iterator, &value, true);
	while (JsonbIteratorNext(&iterator, &value, true) == WJB_KEY)
	{
		char *key = pnstrdup(value.val.string.val, value.val.string.len);

		(void) JsonbIteratorNext(&iterator, &value, true);
		add(filter, key, &value);
	}
	appendStringInfo(&filter->query,
					 " ORDER BY o.id USING OPERATOR(pg_catalog.<) LIMIT $%d",
					 add_param(filter, INT8OID, Int64GetDatum(0)));
	return filter;
}

int
msgext_message_filter_ids(const MsgMessageFilter *filter, int64 after, int64 *ids,
						  int max)
{
	Datum values[PARAMS_MAX];
	Oid types[PARAMS_MAX];
	int n;
	int i;

	memcpy(types, filter->types, sizeof(types));
	memcpy(values, filter->values, sizeof(values));
	values[0] = Int64GetDatum(after);
	values[filter->nparams - 1] = Int64GetDatum(max);
	if (SPI_execute_with_args(filter->query.data, filter->nparams, types, values, NULL,
							  false, max) != SPI_OK_SELECT)
		elog(ERROR, "could not look for messages");
	n = (int) SPI_processed;
	for (i = 0; i < n; i++)
	{
		bool isnull;

		ids[i] = DatumGetInt64(
			SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, &isnull));
	}
	SPI_freetuptable(SPI_tuptable);
	return n;
}
