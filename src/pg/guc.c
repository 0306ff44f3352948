/*
 * guc.c
 *		The settings msgext.*: see guc.h.
 */
#include "postgres.h"

#include <limits.h>

#include "utils/guc.h"

#include "pg/guc.h"

bool msgext_enabled = true;
int msgext_max_in_flight = 1024;
int msgext_max_response_size = 16384;
int msgext_retention = 30 * 24 * 60;

void
msgext_guc_define(void)
{
	DefineCustomBoolVariable("msgext.enabled", "Sends messages.",
							 "Turned off, messages are queued and nothing is sent.",
							 &msgext_enabled, true, PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable(
		"msgext.max_in_flight", "Limits the requests that one database has under way.",
		"Each server has a limit of its own, option max_in_flight.",
		&msgext_max_in_flight, 1024, 1, 16384, PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("msgext.max_response_size", "Limits the size of an answer.",
							NULL, &msgext_max_response_size, 16384, 16, 1048576,
							PGC_SIGHUP, GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomIntVariable("msgext.retention",
							"Removes messages this long after their end.",
							"-1 keeps them for ever.", &msgext_retention, 30 * 24 * 60,
							-1, INT_MAX, PGC_SIGHUP, GUC_UNIT_MIN, NULL, NULL, NULL);
	MarkGUCPrefixReserved("msgext");
}
