/*
 * test_case.c
 *		Which test this session is in: see test_case.h.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "pg/base/compat.h"
#include "pg/base/mode.h"
#include "pg/base/test_case.h"

#define SETTING "msgext.test_case"

bool msgext_test_clock_stands = false;

static char *setting;
static MsgTestCase current;

/* The first message of a transaction of this session. */
static struct
{
	uint64 xid;
	int64 id;
} first;

static bool
check_setting(char **value, void **extra, GucSource source)
{
	MsgTestCase test = {0};
	int named = 0;
	MsgTestCase *kept;

	if (**value != '\0' &&
		sscanf(*value,
			   INT64_FORMAT " " INT64_FORMAT " " UINT64_FORMAT " %d " INT64_FORMAT " %d",
			   &test.number, &test.position, &test.xid, &named, &test.clock,
			   &test.lines) != 6)
		return false;
	test.named = named != 0;
	kept = msgext_guc_malloc(sizeof(MsgTestCase));
	if (kept == NULL)
		return false;
	*kept = test;
	*extra = kept;
	return true;
}

static void
assign_setting(const char *value, void *extra)
{
	current = *(const MsgTestCase *) extra;
	msgext_test_clock_stands = current.clock != 0;
}

void
msgext_test_case_define(void)
{
	DefineCustomStringVariable(SETTING, "The test that this session is in.",
							   "Set by the functions of extension msgext_test.", &setting,
							   "", PGC_INTERNAL,
							   GUC_NO_SHOW_ALL | GUC_NOT_IN_SAMPLE | GUC_DISALLOW_IN_FILE,
							   check_setting, assign_setting, NULL);
}

const MsgTestCase *
msgext_test_case(void)
{
	if (current.number == 0 || !msgext_mode_has_test_extension())
		return NULL;
	if (!current.named &&
		current.xid != U64FromFullTransactionId(GetTopFullTransactionIdIfAny()))
		return NULL;
	return &current;
}

void
msgext_test_case_set(const MsgTestCase *test)
{
	char value[160];

	snprintf(value, sizeof(value),
			 INT64_FORMAT " " INT64_FORMAT " " UINT64_FORMAT " %d " INT64_FORMAT " %d",
			 test->number, test->position, test->xid, test->named, test->clock,
			 test->lines);
	(void) set_config_option(SETTING, value, PGC_INTERNAL, PGC_S_SESSION, GUC_ACTION_SET,
							 true, 0, false);
}

void
msgext_test_case_posted(uint64 xid, int64 id)
{
	if (first.xid == xid)
		return;
	first.xid = xid;
	first.id = id;
}

int64
msgext_test_case_first(uint64 xid)
{
	return first.xid == xid ? first.id : 0;
}

TimestampTz
msgext_test_clock(void)
{
	const MsgTestCase *test = msgext_test_case();

	return test != NULL && test->clock != 0 ? test->clock : GetCurrentTimestamp();
}
