/*
 * expect.c
 *		What a test expects to have been sent: assert_sent(), refute_sent(), and the same
 *		as lines of TAP.
 *
 * A test that fails says what was sent, and how the nearest message differs.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "pg/base/arena_pg.h"
#include "pg/base/json_pg.h"
#include "pg/base/text.h"
#include "pg/test/case.h"
#include "pg/test/difference.h"
#include "pg/test/sent.h"

/* So many of the messages are listed. */
#define LISTED_MAX 20

/* What is wanted of a message; NULL = anything will do. */
typedef struct Wanted
{
	const char *server;
	const char *recipient;
	const char *operation_id;
	const MsgJson *message;
} Wanted;

/* What was sent, held against it. */
typedef struct Look
{
	MsgArena *arena;
	StringInfoData criteria;
	StringInfoData sent;	/* what was, for DETAIL */
	StringInfoData nearest; /* how the nearest differs */
	int n;
	int fit;
	int fewest; /* differences of the nearest */
} Look;

static void
read_wanted(FunctionCallInfo fcinfo, Look *look, Wanted *wanted)
{
	StringInfo criteria = &look->criteria;

	memset(look, 0, sizeof(*look));
	memset(wanted, 0, sizeof(*wanted));
	look->arena = msgext_arena_pg_create(CurrentMemoryContext);
	initStringInfo(criteria);
	initStringInfo(&look->sent);
	initStringInfo(&look->nearest);
	if (!PG_ARGISNULL(0))
	{
		wanted->server = NameStr(*PG_GETARG_NAME(0));
		appendStringInfo(criteria, ", server = %s", wanted->server);
	}
	if (!PG_ARGISNULL(1))
	{
		wanted->recipient = text_to_cstring(PG_GETARG_TEXT_PP(1));
		appendStringInfo(criteria, ", recipient = %s", wanted->recipient);
	}
	if (!PG_ARGISNULL(2))
	{
		wanted->operation_id = text_to_cstring(PG_GETARG_TEXT_PP(2));
		appendStringInfo(criteria, ", operation_id = %s", wanted->operation_id);
	}
	if (!PG_ARGISNULL(3))
	{
		wanted->message = msgext_json_from_jsonb(look->arena, PG_GETARG_JSONB_P(3));
		appendStringInfo(criteria, ", message @> %s",
						 msgext_difference_value(wanted->message));
	}
	if (criteria->len > 0)
		memmove(criteria->data, criteria->data + 2, (criteria->len -= 2) + 1);
}

static int
differs(StringInfo text, const char *name, const char *wanted, const char *got)
{
	if (wanted == NULL || (got != NULL && strcmp(wanted, got) == 0))
		return 0;
	msgext_difference_say(text, "%s is %s, not %s", name, got != NULL ? got : "null",
						  wanted);
	return 1;
}

static void
list_message(Look *look, const MsgRow *row, const MsgJson *message)
{
	const char *recipient = msgext_row_text(row, Anum_outbox_recipient);
	const char *operation_id = msgext_row_text(row, Anum_outbox_operation_id);

	if (look->n > LISTED_MAX)
		return;
	appendStringInfo(&look->sent, "\n%d: %s", look->n,
					 msgext_row_text(row, Anum_outbox_server));
	if (recipient != NULL)
		appendStringInfo(&look->sent, ", to %s", recipient);
	if (operation_id != NULL)
		appendStringInfo(&look->sent, ", operation_id %s", operation_id);
	appendStringInfo(&look->sent, ", %s", msgext_difference_value(message));
	if (look->n == LISTED_MAX)
		appendStringInfoString(&look->sent, "\n...");
}

static void
look_at(Look *look, const Wanted *wanted, const MsgRow *row)
{
	MsgJson *message = msgext_sent_message(look->arena, row);
	StringInfoData text;
	int n = 0;

	initStringInfo(&text);
	look->n++;
	list_message(look, row, message);
	n += differs(&text, "server", wanted->server,
				 msgext_row_text(row, Anum_outbox_server));
	n += differs(&text, "recipient", wanted->recipient,
				 msgext_row_text(row, Anum_outbox_recipient));
	n += differs(&text, "operation_id", wanted->operation_id,
				 msgext_row_text(row, Anum_outbox_operation_id));
	if (wanted->message != NULL)
		n += msgext_difference(&text, "message", wanted->message, message);
	if (n == 0)
		look->fit++;
	else if (look->fewest == 0 || n < look->fewest)
	{
		look->fewest = n;
		resetStringInfo(&look->nearest);
		appendStringInfo(&look->nearest, "%d: %s", look->n, text.data);
	}
}

static void
look_at_all(FunctionCallInfo fcinfo, Look *look)
{
	MsgTable *outbox = msgext_outbox_open(false);
	Wanted wanted;
	ListCell *cell;

	read_wanted(fcinfo, look, &wanted);
	msgext_case_see();
	foreach (cell, msgext_case_messages(outbox))
		look_at(look, &wanted, lfirst(cell));
	msgext_case_unsee();
	msgext_table_close(outbox);
}

static char *
criteria_of(const Look *look)
{
	return look->criteria.len > 0 ? psprintf(": %s", look->criteria.data) : "";
}

/* What was sent; why, where it may be told, no message fits. */
static char *
detail_of(const Look *look)
{
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfo(&text, "%d message%s sent in this test.", look->n,
					 look->n == 1 ? " was" : "s were");
	appendStringInfoString(&text, look->sent.data);
	if (look->fit == 0 && look->nearest.len > 0)
		appendStringInfo(&text, "\nNearest is %s.", look->nearest.data);
	return text.data;
}

/* What is wrong, or NULL. times is -1 for: at least one. */
static char *
complaint(const Look *look, int times)
{
	if (times == -1 ? look->fit > 0 : look->fit == times)
		return NULL;
	if (look->fit == 0)
		return psprintf("no message fits%s", criteria_of(look));
	if (times == 0)
		return psprintf("%d message%s that should not have been sent%s", look->fit,
						look->fit == 1 ? " fits" : "s fit", criteria_of(look));
	return psprintf("%d message%s, not %d%s", look->fit,
					look->fit == 1 ? " fits" : "s fit", times, criteria_of(look));
}

static int
read_times(FunctionCallInfo fcinfo)
{
	int times = PG_ARGISNULL(4) ? -1 : PG_GETARG_INT32(4);

	if (!PG_ARGISNULL(4) && times < 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("times must not be negative")));
	return times;
}

static void
expect(const Look *look, int times)
{
	const char *wrong = complaint(look, times);

	if (wrong != NULL)
		ereport(ERROR, (errcode(ERRCODE_ASSERT_FAILURE), errmsg("%s", wrong),
						errdetail("%s", detail_of(look)),
						look->n > 0 ? 0
									: errhint("Does the trigger's WHEN hold? Has its "
											  "operation_id been used before? "
											  "preview_template() tells what a template "
											  "makes of a row.")));
}

PG_FUNCTION_INFO_V1(msgext_test_assert_sent);

PGDLLEXPORT Datum
msgext_test_assert_sent(PG_FUNCTION_ARGS)
{
	Look look;

	look_at_all(fcinfo, &look);
	expect(&look, read_times(fcinfo));
	PG_RETURN_VOID();
}

PG_FUNCTION_INFO_V1(msgext_test_refute_sent);

PGDLLEXPORT Datum
msgext_test_refute_sent(PG_FUNCTION_ARGS)
{
	Look look;

	look_at_all(fcinfo, &look);
	expect(&look, 0);
	PG_RETURN_VOID();
}

/* A line of TAP, and behind it what a person wants to know, each line a comment. */
static Datum
tap_line(bool ok, const char *description, const char *comment)
{
	MsgTestCase test = *msgext_case();
	StringInfoData line;

	test.lines++;
	msgext_test_case_set(&test);
	initStringInfo(&line);
	appendStringInfo(&line, "%sok %d - ", ok ? "" : "not ", test.lines);
	for (; *description != '\0'; description++)
	{
		/* "#" begins a directive, and a new line another test. */
		if (*description == '#')
			appendStringInfoChar(&line, '\\');
		appendStringInfoChar(&line, *description == '\n' ? ' ' : *description);
	}
	if (comment != NULL)
		appendStringInfoString(&line, "\n# ");
	for (; comment != NULL && *comment != '\0'; comment++)
	{
		appendStringInfoChar(&line, *comment);
		if (*comment == '\n')
			appendStringInfoString(&line, "# ");
	}
	return PointerGetDatum(cstring_to_text_with_len(line.data, line.len));
}

PG_FUNCTION_INFO_V1(msgext_test_tap_sent);

PGDLLEXPORT Datum
msgext_test_tap_sent(PG_FUNCTION_ARGS)
{
	int times = read_times(fcinfo);
	const char *wrong;
	const char *description;
	Look look;

	look_at_all(fcinfo, &look);
	wrong = complaint(&look, times);
	description = PG_ARGISNULL(5) ? psprintf("%s%s", times == 0 ? "not sent" : "sent",
											 criteria_of(&look))
								  : text_to_cstring(PG_GETARG_TEXT_PP(5));
	return tap_line(wrong == NULL, description,
					wrong != NULL ? psprintf("%s\n%s", wrong, detail_of(&look)) : NULL);
}

PG_FUNCTION_INFO_V1(msgext_test_tap_state);

PGDLLEXPORT Datum
msgext_test_tap_state(PG_FUNCTION_ARGS)
{
	MsgTable *outbox = msgext_outbox_open(false);
	const char *description = NULL;
	const char *got;
	MsgState wanted;
	char *name;
	int n;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("n and state must not be null")));
	n = PG_GETARG_INT32(0);
	name = text_to_cstring(PG_GETARG_TEXT_PP(1));
	if (!msgext_state_parse(name, &wanted))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("\"%s\" is not a state of a message", name)));
	msgext_case_see();
	got = msgext_state_name(msgext_case_message(outbox, n)->state);
	msgext_case_unsee();
	msgext_table_close(outbox);
	description = PG_ARGISNULL(2) ? psprintf("message %d is %s", n, name)
								  : text_to_cstring(PG_GETARG_TEXT_PP(2));
	return tap_line(strcmp(got, name) == 0, description,
					strcmp(got, name) == 0 ? NULL
										   : psprintf("it is %s, not %s", got, name));
}
