/*
 * template_check.c
 *		preview_template() and check_template(): what a template makes of a row, and what
 *		is wrong with it. For who has the privileges of its owner. Queues nothing.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "parser/parse_type.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "pg/base/arena_pg.h"
#include "pg/base/compat.h"
#include "pg/base/json_pg.h"
#include "pg/base/run_as.h"
#include "pg/base/subtransaction.h"
#include "pg/base/text.h"
#include "pg/catalog/access.h"
#include "pg/trigger/consent.h"
#include "pg/trigger/firing.h"

/*
 * A recipe of this call's own: what is made of it for a row goes with the call. ERROR
 * 42501 where somebody else's lookup would be run.
 */
static MsgRecipe *
own_recipe(const char *name)
{
	MsgRecipe *recipe = palloc(sizeof(MsgRecipe));

	*recipe = *msgext_recipe_get(name);
	if (!has_privs_of_role(GetUserId(), recipe->owner))
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("must be owner of template \"%s\"", name)));
	recipe->context = CurrentMemoryContext;
	recipe->bindings = NIL;
	return recipe;
}

/* A row that was given as an argument, in a slot for the rest of the call. */
static TupleTableSlot *
row_slot(Datum argument)
{
	HeapTupleHeader header = DatumGetHeapTupleHeader(argument);
	TupleDesc desc = lookup_rowtype_tupdesc_copy(HeapTupleHeaderGetTypeId(header),
												 HeapTupleHeaderGetTypMod(header));
	TupleTableSlot *slot = MakeSingleTupleTableSlot(desc, &TTSOpsHeapTuple);
	HeapTuple tuple = palloc0(sizeof(HeapTupleData));

	tuple->t_len = HeapTupleHeaderGetDatumLength(header);
	tuple->t_data = header;
	ItemPointerSetInvalid(&tuple->t_self);
	ExecStoreHeapTuple(tuple, slot, false);
	return slot;
}

/* A row without a type of its own has one by its shape. */
static bool
is_of_one_type(const MsgRowEvent *event)
{
	TupleDesc new;
	TupleDesc old;

	if (event->new == NULL || event->old == NULL)
		return true;
	new = event->new->tts_tupleDescriptor;
	old = event->old->tts_tupleDescriptor;
	return new->tdtypeid == old->tdtypeid &&new->tdtypmod == old->tdtypmod;
}

static const char *
operation_of(const MsgRowEvent *event)
{
	if (event->old == NULL)
		return "INSERT";
	return event->new == NULL ? "DELETE" : "UPDATE";
}

/*
 * Renders for the rows of event, as the template's owner; valid is false too where the
 * provider would refuse the message.
 */
static void
fire(MsgFiring *firing, MsgRowEvent *event)
{
	TupleTableSlot *row = event->new != NULL ? event->new : event->old;
	Oid rowtype = row->tts_tupleDescriptor->tdtypeid;
	MsgRecipe *recipe = firing->recipe;
	MsgRunAs before;
	MsgPost post;

	event->table = typeidTypeRelid(rowtype);
	event->name = NULL;
	event->context = CurrentMemoryContext;
	event->operation = operation_of(event);
	event->user = GetUserId();
	firing->event = event;
	firing->arena = msgext_arena_pg_create(CurrentMemoryContext);
	before = msgext_run_as(recipe->owner);
	firing->binding =
		msgext_binding_create(recipe, row->tts_tupleDescriptor, rowtype, event->user);
	msgext_firing_render(firing);
	if (firing->skipped == NULL)
	{
		msgext_firing_post(firing, &post);
		firing->valid = msgext_post_preview(&post);
		firing->error = post.error;
		firing->send_after = post.send_after;
		firing->expires_at = post.expires_at;
	}
	msgext_run_as_end(&before);
}

/* Where, and what. */
static char *
told(const MsgError *error)
{
	return msgext_from_utf8(error->path[0] != '\0'
								? psprintf("%s %s", error->path, error->text)
								: pstrdup(error->text));
}

static void
set_text(Datum *value, bool *isnull, const char *text)
{
	*isnull = text == NULL || text[0] == '\0';
	if (!*isnull)
		*value = CStringGetTextDatum(text);
}

PG_FUNCTION_INFO_V1(msgext_preview_template);

PGDLLEXPORT Datum
msgext_preview_template(PG_FUNCTION_ARGS)
{
	MsgFiring firing = {0};
	MsgRowEvent event = {0};
	Datum values[7] = {0};
	bool nulls[7];
	TupleDesc desc;

	if (PG_ARGISNULL(0))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("name must not be null")));
	if (PG_ARGISNULL(1) && PG_ARGISNULL(2))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("new and old must not both be null")));
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	firing.recipe = own_recipe(NameStr(*PG_GETARG_NAME(0)));
	event.new = PG_ARGISNULL(1) ? NULL : row_slot(PG_GETARG_DATUM(1));
	event.old = PG_ARGISNULL(2) ? NULL : row_slot(PG_GETARG_DATUM(2));
	if (!is_of_one_type(&event))
		ereport(ERROR, (errcode(ERRCODE_DATATYPE_MISMATCH),
						errmsg("new and old must be rows of one type")));
	fire(&firing, &event);
	memset(nulls, true, sizeof(nulls));
	set_text(&values[4], &nulls[4], firing.skipped);
	if (firing.skipped == NULL)
	{
		values[0] = JsonbPGetDatum(msgext_json_to_jsonb_whole(firing.message));
		nulls[0] = false;
		set_text(&values[1], &nulls[1], firing.operation_id);
		values[2] = TimestampTzGetDatum(firing.send_after);
		nulls[2] = firing.send_after == 0;
		values[3] = TimestampTzGetDatum(firing.expires_at);
		nulls[3] = firing.expires_at == 0;
	}
	if (!firing.valid)
	{
		set_text(&values[5], &nulls[5], firing.error.code);
		set_text(&values[6], &nulls[6], told(&firing.error));
	}
	PG_RETURN_DATUM(
		HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

/* A check of a template for a table. */
typedef struct Check
{
	ReturnSetInfo *result;
	MsgRecipe *recipe;
	Relation rel;
	int problems;
} Check;

static void
tell(Check *check, const char *part, const char *problem)
{
	Datum values[2];
	bool nulls[2] = {false, false};

	values[0] = CStringGetTextDatum(part);
	values[1] = CStringGetTextDatum(problem);
	tuplestore_putvalues(check->result->setResult, check->result->setDesc, values, nulls);
	check->problems++;
}

/* An ERROR in part is told as what is wrong with it. */
static void
attempt(Check *check, const char *part, bool (*part_of)(void *check))
{
	ErrorData *error;

	(void) msgext_subtransaction(part_of, check, &error);
	if (error == NULL)
		return;
	if (error->sqlerrcode == ERRCODE_QUERY_CANCELED)
		ReThrowError(error);
	tell(check, part,
		 error->hint != NULL ? psprintf("%s (%s)", error->message, error->hint)
							 : error->message);
}

static void
check_columns(Check *check)
{
	const MsgTemplate *plan = check->recipe->plan;
	int i;

	for (i = 0; i < plan->nwanted; i++)
	{
		const MsgWanted *wanted = &plan->wanted[i];

		if ((wanted->scope == MSG_SCOPE_NEW || wanted->scope == MSG_SCOPE_OLD) &&
			msgext_binding_column(wanted, RelationGetDescr(check->rel)) < 0)
			tell(check, msgext_wanted_path(wanted),
				 psprintf("table \"%s\" has no such column",
						  RelationGetRelationName(check->rel)));
	}
}

/* For attempt(). */
static bool
check_lookup(void *arg)
{
	Check *check = arg;
	const MsgTemplate *plan = check->recipe->plan;
	TupleDesc columns;
	MsgRunAs before;
	SPIPlanPtr lookup;
	int i;

	before = msgext_run_as(check->recipe->owner);
	lookup =
		msgext_lookup_prepare(check->recipe, check->rel->rd_rel->reltype, before.user);
	msgext_run_as_end(&before);
	columns = msgext_lookup_columns(lookup);
	for (i = 0; i < plan->nwanted; i++)
		if (plan->wanted[i].scope == MSG_SCOPE_REF &&
			msgext_binding_column(&plan->wanted[i], columns) < 0)
			tell(check, msgext_wanted_path(&plan->wanted[i]),
				 "the lookup has no such column");
	SPI_freeplan(lookup);
	return true;
}

static void
check_rights(Check *check)
{
	MsgRecipe *recipe = check->recipe;
	MsgServer *server = msgext_server_get(recipe->server);
	const char *owner = GetUserNameFromId(recipe->owner, false);

	if (server == NULL)
		tell(check, "server", "it is not a msgext server");
	else if (msgext_server_aclcheck(server->oid, recipe->owner, ACL_USAGE) != ACLCHECK_OK)
		tell(check, "server",
			 psprintf("role \"%s\" has no USAGE on server \"%s\"", owner, server->name));
	else if (!OidIsValid(msgext_mapping_of(server->oid, recipe->owner, NULL)))
		tell(check, "server",
			 psprintf("role \"%s\" has no user mapping for server \"%s\"", owner,
					  server->name));
	if (!msgext_consent_of_template(recipe->relid, recipe->owner,
									check->rel->rd_rel->relowner))
		tell(check, "table",
			 psprintf("its owner \"%s\" has no TRIGGER on the template",
					  GetUserNameFromId(check->rel->rd_rel->relowner, false)));
	else if (!msgext_consent_of_table(recipe->owner, RelationGetRelid(check->rel),
									  check->rel->rd_rel->relowner))
		tell(check, "table",
			 psprintf("the template's owner \"%s\" may not read all rows of it", owner));
}

/* The first row of the table that the current user may read, or NULL. */
static TupleTableSlot *
sample_row(Relation rel)
{
	MemoryContext context = CurrentMemoryContext;
	TupleTableSlot *slot = NULL;
	const char *table = quote_qualified_identifier(
		get_namespace_name(RelationGetNamespace(rel)), RelationGetRelationName(rel));

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");

	/* The whole row, whatever its columns are called. */
	if (SPI_execute(psprintf("SELECT t.*::%s FROM %s AS t LIMIT 1", table, table), true,
					1) != SPI_OK_SELECT)
		elog(ERROR, "no row could be read");
	if (SPI_processed == 1)
	{
		bool isnull;
		Datum row =
			SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);

		MemoryContextSwitchTo(context);
		slot = row_slot(PointerGetDatum(DatumGetHeapTupleHeaderCopy(row)));
	}
	SPI_finish();
	MemoryContextSwitchTo(context);
	return slot;
}

/* As if the row had been updated, to what it is. For attempt(). */
static bool
check_sample(void *arg)
{
	Check *check = arg;
	MsgFiring firing = {.recipe = check->recipe};
	MsgRowEvent event = {0};

	event.new = event.old = sample_row(check->rel);
	if (event.new == NULL)
		return true;
	fire(&firing, &event);
	if (firing.skipped == NULL && !firing.valid)
		tell(check, firing.error.path[0] != '\0' ? firing.error.path : "message",
			 msgext_from_utf8(
				 firing.error.code[0] != '\0'
					 ? psprintf("%s: %s", firing.error.code, firing.error.text)
					 : firing.error.text));
	return true;
}

PG_FUNCTION_INFO_V1(msgext_check_template);

PGDLLEXPORT Datum
msgext_check_template(PG_FUNCTION_ARGS)
{
	Check check = {0};

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("name and table must not be null")));
	check.result = (ReturnSetInfo *) fcinfo->resultinfo;
	check.recipe = own_recipe(NameStr(*PG_GETARG_NAME(0)));
	check.rel = try_relation_open(PG_GETARG_OID(1), AccessShareLock);
	if (check.rel == NULL)
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_TABLE),
						errmsg("relation with OID %u does not exist", PG_GETARG_OID(1))));
	if (check.rel->rd_rel->relkind != RELKIND_RELATION &&
		check.rel->rd_rel->relkind != RELKIND_PARTITIONED_TABLE &&
		check.rel->rd_rel->relkind != RELKIND_FOREIGN_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a table", RelationGetRelationName(check.rel)),
				 errdetail("Only tables have triggers AFTER a change.")));
	check_columns(&check);
	if (check.recipe->lookup != NULL)
		attempt(&check, "lookup", check_lookup);
	check_rights(&check);

	/* What is missing would only be told again. */
	if (check.problems == 0)
		attempt(&check, "message", check_sample);
	relation_close(check.rel, AccessShareLock);
	PG_RETURN_NULL();
}
