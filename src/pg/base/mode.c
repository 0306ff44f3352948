/*
 * mode.c
 *		May this database write to anybody? See mode.h.
 */
#include "postgres.h"

#include "access/xact.h"
#include "commands/extension.h"
#include "utils/inval.h"
#include "utils/syscache.h"

#include "pg/base/mode.h"

int msgext_mode_setting = MSG_MODE_LIVE;

/* What has been looked up, until the catalog changes. */
static bool known = false;
static bool present;
static uint64 forgotten = 0;

static void
forget(Datum arg, int cache, uint32 hash)
{
	known = false;
	forgotten++;
}

/*
 * There is no cache of pg_extension to be told by. But no extension of this name comes or
 * goes without its functions.
 */
bool
msgext_mode_has_test_extension(void)
{
	static bool registered = false;
	uint64 before;

	Assert(IsTransactionState());
	if (!registered)
		CacheRegisterSyscacheCallback(PROCOID, forget, (Datum) 0);
	registered = true;
	if (known)
		return present;

	/* What changes while it is looked up may be the very thing. */
	before = forgotten;
	present = OidIsValid(get_extension_oid(MSG_TEST_EXTENSION, true));
	known = forgotten == before;
	return present;
}

MsgMode
msgext_mode(void)
{
	return msgext_mode_has_test_extension() ? MSG_MODE_TEST : msgext_mode_setting;
}

const char *
msgext_mode_holds(void)
{
	switch (msgext_mode())
	{
		case MSG_MODE_HOLD:
			return "msgext.mode is hold";
		case MSG_MODE_TEST:
			return "test database";
		default:
			return NULL;
	}
}
