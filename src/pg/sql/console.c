/*
 * console.c
 *		open_console(), close_console().
 *
 * What the link says stands in the answer alone: in no log, event or row.
 */
#include "postgres.h"

#include <arpa/inet.h>

#include "access/xact.h"
#include "commands/dbcommands.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "pg/base/guc.h"
#include "pg/console/session.h"
#include "pg/ipc/registry.h"

#define VALID_MIN_US USECS_PER_MINUTE
#define VALID_MAX_US (30 * USECS_PER_DAY)

/* What browsers find the console by. */
static char *
base_url(void)
{
	struct in6_addr any;
	const char *address = msgext_console_address;

	if (msgext_console_url[0] != '\0')
		return pstrdup(msgext_console_url);
	if (inet_pton(AF_INET6, address, &any) == 1)
		return psprintf("http://[%s]:%d", IN6_IS_ADDR_UNSPECIFIED(&any) ? "::1" : address,
						msgext_console_port);
	return psprintf("http://%s:%d",
					strcmp(address, "0.0.0.0") == 0 ? "127.0.0.1" : address,
					msgext_console_port);
}

static TimestampTz
end_of(Interval *valid)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz end = DatumGetTimestampTz(DirectFunctionCall2(
		timestamptz_pl_interval, TimestampTzGetDatum(now), IntervalPGetDatum(valid)));

	if (end < now + VALID_MIN_US || end > now + VALID_MAX_US)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("valid must be between one minute and 30 days")));
	return end;
}

PG_FUNCTION_INFO_V1(msgext_open_console);

PGDLLEXPORT Datum
msgext_open_console(PG_FUNCTION_ARGS)
{
	TimestampTz end = end_of(PG_GETARG_INTERVAL_P(0));
	MsgConsoleSecret token;

	PreventCommandIfReadOnly("open_console()");
	if (msgext_console_port == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("this database has no console"),
				 errhint("ALTER DATABASE %s SET msgext.console_port = ...; sessions that "
						 "begin after it know it.",
						 quote_identifier(get_database_name(MyDatabaseId)))));
	if (!msgext_registry_is_preloaded())
		ereport(
			ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("this database has no console"),
			 errdetail("Its process starts where msgext is preloaded."),
			 errhint("Add msgext to shared_preload_libraries and restart the server.")));
	msgext_console_link_create(end, token);

	/* Behind #, which no browser sends: it is in no log of a proxy's. */
	PG_RETURN_TEXT_P(cstring_to_text(psprintf("%s/#%s", base_url(), token)));
}

PG_FUNCTION_INFO_V1(msgext_close_console);

PGDLLEXPORT Datum
msgext_close_console(PG_FUNCTION_ARGS)
{
	Oid role =
		PG_ARGISNULL(0) ? GetUserId() : get_role_oid(NameStr(*PG_GETARG_NAME(0)), false);

	PreventCommandIfReadOnly("close_console()");
	if (!has_privs_of_role(GetUserId(), role))
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("permission denied to close the console of role \"%s\"",
							   GetUserNameFromId(role, false))));
	PG_RETURN_INT32(msgext_console_close(role));
}
