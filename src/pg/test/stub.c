/*
 * stub.c
 *		How the provider is to answer in a test: stub(). See stub.h.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/snapmgr.h"

#include "core/ascii.h"
#include "pg/base/arena_pg.h"
#include "pg/base/json_pg.h"
#include "pg/base/text.h"
#include "pg/catalog/access.h"
#include "pg/store/relation.h"
#include "pg/test/case.h"
#include "pg/test/stub.h"

/* clang-format off */
#define STUB_COLUMNS(C) \
	C(stub, case_number) C(stub, position) C(stub, server_oid) C(stub, answer) \
	C(stub, recipient) C(stub, message) C(stub, times) C(stub, after) C(stub, passed) \
	C(stub, used) C(stub, status) C(stub, headers) C(stub, body)
/* clang-format on */
MSG_COLUMN_NUMBERS(stub, STUB_COLUMNS);
MSG_LAYOUT_IN(MSG_IN_TEST, stub, STUB_COLUMNS);

/* Words of an answer. What they mean is said here, and in docs/testing.md. */
static const struct
{
	const char *word;
	MsgReplyKind kind;
	MsgVerdict verdict;
	bool code; /* may be followed by the provider's own code */
} words[] = {
	{"accept", MSG_REPLY_SAMPLE, MSG_VERDICT_ACCEPTED, false},
	{"reject", MSG_REPLY_SAMPLE, MSG_VERDICT_REJECTED, true},
	{"retry", MSG_REPLY_SAMPLE, MSG_VERDICT_RETRY, true},
	{"retry-after", MSG_REPLY_SAMPLE, MSG_VERDICT_RETRY, true},
	{"pause", MSG_REPLY_SAMPLE, MSG_VERDICT_PAUSE, true},
	{"unauthorized", MSG_REPLY_SAMPLE, MSG_VERDICT_PAUSE_ACCOUNT, true},
	{"timeout", MSG_REPLY_TIMEOUT, 0, false},
	{"lost", MSG_REPLY_LOST, 0, false},
	{"refused", MSG_REPLY_REFUSED, 0, false},
	{"http", MSG_REPLY_HTTP, 0, false},
};

/* "30", with the end of it; false when it is no number of seconds. */
static bool
take_seconds(char **rest, int *seconds)
{
	char *end;
	long value;

	if (**rest < '0' || **rest > '9')
		return false;
	value = strtol(*rest, &end, 10);
	if (value > 365 * SECS_PER_DAY || (*end != ' ' && *end != '\0'))
		return false;
	*seconds = (int) value;
	*rest = end + strspn(end, " ");
	return true;
}

/* Reads words such as "retry-after 30". False when they are none of an answer. */
static bool
parse_answer(const char *text, MsgScripted *answer)
{
	char *copy = pstrdup(text);
	char *rest = copy + strcspn(copy, " ");
	int i;

	if (*rest != '\0')
	{
		*rest++ = '\0';
		rest += strspn(rest, " ");
	}
	memset(answer, 0, sizeof(*answer));
	answer->text = pstrdup(text);
	answer->retry_after = -1;
	for (i = 0; i < lengthof(words); i++)
	{
		if (strcmp(words[i].word, copy) != 0)
			continue;
		answer->kind = words[i].kind;
		answer->verdict = words[i].verdict;
		if (strcmp(copy, "retry-after") == 0 &&
			!take_seconds(&rest, &answer->retry_after))
			return false;
		if (*rest != '\0')
			answer->code = msgext_to_utf8(rest);
		return answer->code == NULL || words[i].code;
	}
	return false;
}

char *
msgext_scripted_headers(Jsonb *headers)
{
	MsgArena *arena = msgext_arena_pg_create(CurrentMemoryContext);
	const MsgJson *tree = headers != NULL ? msgext_json_from_jsonb(arena, headers) : NULL;
	const MsgJson *member;
	MsgBuf lines;

	msgext_buf_init(&lines, arena, 64);
	for (member = tree != NULL ? tree->first : NULL; member != NULL;
		 member = member->next)
	{
		if (tree->type != MSG_JSON_OBJECT || member->type != MSG_JSON_STRING ||
			member->name_len == 0 || strpbrk(member->name, ":\r\n") != NULL ||
			strpbrk(member->text, "\r\n") != NULL)
			ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							errmsg("headers must be an object of strings, each a line")));
		msgext_buf_printf(&lines, "%s: %s\n", member->name, member->text);
	}
	return lines.data;
}

static int
int_of(TupleTableSlot *slot, AttrNumber column)
{
	bool isnull;
	Datum value = slot_getattr(slot, column, &isnull);

	return isnull ? -1 : DatumGetInt32(value);
}

static MsgStub *
read_stub(TupleTableSlot *slot)
{
	MsgStub *stub = palloc0(sizeof(MsgStub));
	bool isnull;
	Datum value;

	stub->tid = slot->tts_tid;
	stub->position = int_of(slot, Anum_stub_position);
	stub->server = msgext_column_oid(slot, Anum_stub_server_oid);
	if (!parse_answer(msgext_column_text(slot, Anum_stub_answer), &stub->answer))
		elog(ERROR, "stub %d has no answer", stub->position);
	stub->recipient = msgext_column_text(slot, Anum_stub_recipient);
	value = slot_getattr(slot, Anum_stub_message, &isnull);
	if (!isnull)
		stub->message = DatumGetJsonbPCopy(value);
	stub->times = int_of(slot, Anum_stub_times);
	stub->after = int_of(slot, Anum_stub_after);
	stub->passed = int_of(slot, Anum_stub_passed);
	stub->used = int_of(slot, Anum_stub_used);
	stub->answer.status = int_of(slot, Anum_stub_status);
	stub->answer.headers = msgext_column_text(slot, Anum_stub_headers);
	value = slot_getattr(slot, Anum_stub_body, &isnull);
	if (!isnull)
	{
		bytea *body = DatumGetByteaPCopy(value);

		stub->answer.body = VARDATA_ANY(body);
		stub->answer.body_len = VARSIZE_ANY_EXHDR(body);
	}
	return stub;
}

List *
msgext_stubs_read(int64 number)
{
	MsgTable *table = msgext_table_open(&stub_layout, false);
	List *stubs = NIL;
	TupleTableSlot *slot;
	ScanKeyData key;
	MsgScan *scan;

	msgext_key_int64(&key, 1, BTEqualStrategyNumber, number);
	scan =
		msgext_table_scan(table, MSG_IN_TEST "stub_pkey", GetActiveSnapshot(), &key, 1);
	while ((slot = msgext_scan_next(scan)) != NULL)
		stubs = lappend(stubs, read_stub(slot));
	msgext_scan_end(scan);
	msgext_table_close(table);
	return stubs;
}

static bool
fits(const MsgStub *stub, const MsgStubbed *request)
{
	if (OidIsValid(stub->server) && stub->server != request->server)
		return false;
	if (stub->recipient != NULL &&
		(request->recipient == NULL || strcmp(stub->recipient, request->recipient) != 0))
		return false;
	return stub->message == NULL ||
		   DatumGetBool(DirectFunctionCall2(
			   jsonb_contains, JsonbPGetDatum(request->message(request->arg)),
			   JsonbPGetDatum(stub->message)));
}

const MsgScripted *
msgext_stubs_answer(List *stubs, const MsgStubbed *request)
{
	ListCell *cell;

	foreach (cell, stubs)
	{
		MsgStub *stub = lfirst(cell);

		if ((stub->times >= 0 && stub->used >= stub->times) || !fits(stub, request))
			continue;
		stub->changed = true;
		if (stub->passed < stub->after)
		{
			stub->passed++;
			continue;
		}
		stub->used++;
		return &stub->answer;
	}
	return NULL;
}

static void
write_counts(MsgTable *table, const MsgStub *stub)
{
	TupleDesc desc = RelationGetDescr(table->rel);
	ItemPointerData tid = stub->tid;
	TupleTableSlot *slot = msgext_table_fetch(table, &tid, GetActiveSnapshot());
	Datum values[Natts_stub] = {0};
	bool nulls[Natts_stub] = {false};
	bool replaces[Natts_stub] = {false};

	if (slot == NULL)
		return;
	values[Anum_stub_passed - 1] = Int32GetDatum(stub->passed);
	values[Anum_stub_used - 1] = Int32GetDatum(stub->used);
	replaces[Anum_stub_passed - 1] = replaces[Anum_stub_used - 1] = true;
	msgext_table_update(
		table, &tid,
		heap_modify_tuple(ExecCopySlotHeapTuple(slot), desc, values, nulls, replaces),
		true);
}

void
msgext_stubs_write(List *stubs)
{
	MsgTable *table = msgext_table_open(&stub_layout, true);
	ListCell *cell;

	foreach (cell, stubs)
	{
		MsgStub *stub = lfirst(cell);

		if (stub->changed)
			write_counts(table, stub);
	}
	msgext_table_close(table);
}

static int
positive(FunctionCallInfo fcinfo, int arg, const char *name, int fallback)
{
	int value = PG_ARGISNULL(arg) ? fallback : PG_GETARG_INT32(arg);

	if (!PG_ARGISNULL(arg) && value < 0)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("%s must not be negative", name)));
	return value;
}

/* http alone has status, headers and body, and must have a status. */
static void
check_http(FunctionCallInfo fcinfo, const MsgScripted *answer)
{
	bool http = answer->kind == MSG_REPLY_HTTP;

	if (http && (PG_ARGISNULL(6) || PG_GETARG_INT32(6) < 100 || PG_GETARG_INT32(6) > 599))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("answer \"http\" needs a status between 100 and 599")));
	if (!http && (!PG_ARGISNULL(6) || !PG_ARGISNULL(7) || !PG_ARGISNULL(8)))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("status, body and headers are of answer \"http\" alone")));
}

PG_FUNCTION_INFO_V1(msgext_test_stub);

/* server, answer, recipient, message, times, after, status, body, headers */
PGDLLEXPORT Datum
msgext_test_stub(PG_FUNCTION_ARGS)
{
	int64 number = msgext_case()->number;
	MsgScripted answer;
	MsgTable *table;
	MsgValues row;
	char *said;

	if (PG_ARGISNULL(1))
		ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
						errmsg("answer must not be null")));
	said = text_to_cstring(PG_GETARG_TEXT_PP(1));
	if (!parse_answer(said, &answer))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" is not an answer", said),
				 errhint("Answers are accept, reject [code], retry [code], retry-after "
						 "seconds [code], pause [code], unauthorized [code], timeout, "
						 "lost, refused and http.")));
	check_http(fcinfo, &answer);
	msgext_values_init(&row);
	msgext_values_int64(&row, Anum_stub_case_number, number);
	msgext_values_oid(&row, Anum_stub_server_oid,
					  PG_ARGISNULL(0)
						  ? InvalidOid
						  : msgext_access_server(NameStr(*PG_GETARG_NAME(0)))->oid);
	msgext_values_text(&row, Anum_stub_answer, said);
	if (!PG_ARGISNULL(2))
		msgext_values_set(&row, Anum_stub_recipient, PG_GETARG_DATUM(2));
	if (!PG_ARGISNULL(3))
		msgext_values_set(&row, Anum_stub_message, PG_GETARG_DATUM(3));
	if (!PG_ARGISNULL(4))
		msgext_values_int32(&row, Anum_stub_times, positive(fcinfo, 4, "times", -1));
	msgext_values_int32(&row, Anum_stub_after, positive(fcinfo, 5, "after", 0));
	msgext_values_int32(&row, Anum_stub_passed, 0);
	msgext_values_int32(&row, Anum_stub_used, 0);
	msgext_values_int32(&row, Anum_stub_status, PG_ARGISNULL(6) ? 0 : PG_GETARG_INT32(6));
	if (!PG_ARGISNULL(7))
		msgext_values_set(&row, Anum_stub_body, PG_GETARG_DATUM(7));
	msgext_values_text(
		&row, Anum_stub_headers,
		msgext_scripted_headers(PG_ARGISNULL(8) ? NULL : PG_GETARG_JSONB_P(8)));
	msgext_case_see();
	msgext_values_int32(&row, Anum_stub_position,
						list_length(msgext_stubs_read(number)) + 1);
	table = msgext_table_open(&stub_layout, true);
	msgext_table_insert(table, row.values, row.nulls);
	msgext_table_close(table);
	msgext_case_unsee();
	PG_RETURN_VOID();
}
