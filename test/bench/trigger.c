/*
 * trigger.c
 *		Yardstick of the benchmark: a trigger that somebody has written by hand in C, who
 *		makes a jsonb of the row and calls send_vk() as SQL would.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

PG_MODULE_MAGIC;
PG_FUNCTION_INFO_V1(bench_trigger);

static void
put_name(JsonbParseState **state, JsonbIteratorToken token, const char *name)
{
	JsonbValue key = {.type = jbvString};

	key.val.string.val = (char *) name;
	key.val.string.len = strlen(name);
	pushJsonbValue(state, token, &key);
}

static void
put_text(JsonbParseState **state, const char *name, const char *text)
{
	put_name(state, WJB_KEY, name);
	put_name(state, WJB_VALUE, text);
}

static void
put_number(JsonbParseState **state, const char *name, int number)
{
	JsonbValue value = {.type = jbvNumeric};

	put_name(state, WJB_KEY, name);
	value.val.numeric =
		DatumGetNumeric(DirectFunctionCall1(int4_numeric, Int32GetDatum(number)));
	pushJsonbValue(state, WJB_VALUE, &value);
}

static const char *
column(TupleTableSlot *slot, const char *prefix, int number)
{
	bool isnull;
	Datum value = slot_getattr(slot, number, &isnull);
	Oid type = TupleDescAttr(slot->tts_tupleDescriptor, number - 1)->atttypid;
	const char *written = type == INT4OID ? psprintf("%d", DatumGetInt32(value))
										  : TextDatumGetCString(value);

	return prefix[0] == 0 ? written : psprintf("%s%s", prefix, written);
}

/* The same message as template bench has. */
static Datum
message_of(TupleTableSlot *slot)
{
	JsonbParseState *state = NULL;
	JsonbValue *whole;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	put_text(&state, "subject", "Shop24");
	put_text(&state, "priority", "high");
	put_name(&state, WJB_KEY, "routes");
	pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	put_name(&state, WJB_ELEM, "vk");
	pushJsonbValue(&state, WJB_END_ARRAY, NULL);
	put_number(&state, "validityPeriod", 3600);
	put_text(&state, "phone", column(slot, "", 2));
	put_number(&state, "templateId", 4711);
	put_name(&state, WJB_KEY, "templateData");
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	put_text(&state, "name", column(slot, "", 3));
	put_text(&state, "order", column(slot, "A-", 1));
	put_text(&state, "text",
			 "Your order has been handed to the courier and will be with you between 14 "
			 "and 18");
	pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	whole = pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	return JsonbPGetDatum(JsonbValueToJsonb(whole));
}

PGDLLEXPORT Datum
bench_trigger(PG_FUNCTION_ARGS)
{
	static FmgrInfo send_vk;
	static NameData server;
	LOCAL_FCINFO(call, FUNC_MAX_ARGS);
	TriggerData *data = (TriggerData *) fcinfo->context;
	int i;

	if (send_vk.fn_oid == InvalidOid)
	{
		FuncCandidateList found =
			FuncnameGetCandidates(list_make2(makeString("msgext"), makeString("send_vk")),
								  -1, NIL, false, false, false, false);

		fmgr_info_cxt(found->oid, &send_vk, CacheMemoryContext);
		namestrcpy(&server, "vk");
	}
	InitFunctionCallInfoData(*call, &send_vk, get_func_nargs(send_vk.fn_oid), InvalidOid,
							 NULL, NULL);
	for (i = 0; i < call->nargs; i++)
		call->args[i].isnull = true;
	call->args[0] = (NullableDatum){NameGetDatum(&server), false};
	call->args[1] = (NullableDatum){message_of(data->tg_trigslot), false};
	FunctionCallInvoke(call);
	return PointerGetDatum(NULL);
}
