/*
 * guc.c
 *		The settings msgext.*: see guc.h.
 */
#include "postgres.h"

#include <arpa/inet.h>
#include <limits.h>

#include "miscadmin.h"
#include "tcop/pquery.h"
#include "utils/guc.h"

#include "pg/base/compat.h"
#include "pg/base/guc.h"
#include "pg/base/mode.h"
#include "pg/base/node.h"
#include "pg/base/test_case.h"

int msgext_max_in_flight = 1024;
int msgext_max_response_size = 16384;
int msgext_retention = -1;
int msgext_restart_delay = 1000;
int msgext_max_unmatched_callbacks = 10000;
char *msgext_listen_address = NULL;
int msgext_listen_port = 0;
char *msgext_listen_role = NULL;
char *msgext_metrics_token_file = NULL;
int msgext_listen_max_connections = 256;
int msgext_listen_max_connections_per_address = 0;
int msgext_listen_max_header_size = 16;
int msgext_listen_max_body_size = 1024;
int msgext_listen_idle_timeout = 10;
int msgext_listen_request_timeout = 30;
char *msgext_console_address = NULL;
int msgext_console_port = 0;
char *msgext_console_url = NULL;

static bool
check_address(char **value, void **extra, GucSource source)
{
	struct in6_addr parsed;

	if (inet_pton(AF_INET, *value, &parsed) == 1 ||
		inet_pton(AF_INET6, *value, &parsed) == 1)
		return true;
	GUC_check_errdetail("It must be a numeric address, such as 127.0.0.1 or ::1.");
	return false;
}

static bool
check_path(char **value, void **extra, GucSource source)
{
	if (**value == '\0' || is_absolute_path(*value))
		return true;
	GUC_check_errdetail("It must be an absolute path.");
	return false;
}

/* What a browser is given, and names again as its Host and Origin: scheme and host alone. */
static bool
check_url(char **value, void **extra, GucSource source)
{
	const char *host = strstr(*value, "://");
	size_t scheme = host != NULL ? host - *value : 0;

	if (**value == '\0')
		return true;
	if ((scheme == 4 || scheme == 5) && strncmp(*value, "https", scheme) == 0 &&
		host[3] != '\0' &&
		strspn(host + 3, "abcdefghijklmnopqrstuvwxyz0123456789.-:[]") == strlen(host + 3))
		return true;
	GUC_check_errdetail("It must be http:// or https:// and a host in lower case, with a "
						"port if need be, and nothing behind it.");
	return false;
}

/* ---- Settings whose default is the dangerous side ---- */

/*
 * PostgreSQL warns of a value in a file, or of a database or role, that it cannot read, and
 * goes on with the default. Whoever has set one of these may have done so lest something be
 * sent, removed or taken for another's: so they are texts for PostgreSQL, and what is set and
 * cannot be read counts as the safe side. Where somebody is there to be told, it is an error.
 */
typedef struct Careful
{
	const char *name;
	const char *safe;
	int safe_number;
	bool (*read)(char *value, int *number);
	const char *must;
} Careful;

/* What was set before the library came is taken over, by whatever command loads it. */
static bool defining = false;

/* ALTER SYSTEM asks as a file does, but within a command. */
static bool
is_asked_for(GucSource source)
{
	return !defining && (source > PGC_S_DATABASE_USER ||
						 (source == PGC_S_FILE && ActivePortal != NULL));
}

/* Puts the safe value in its place, and tells; a file's value once. */
static bool
fall_back(const Careful *careful, char **value, GucSource source)
{
	char *safe = msgext_guc_malloc(strlen(careful->safe) + 1);
	int level = WARNING;

	if (safe == NULL)
		return false;
	if (source <= PGC_S_GLOBAL)
		level = IsUnderPostmaster ? DEBUG1 : LOG;
	if (strcmp(*value, careful->safe) != 0)
		ereport(level, (errmsg("invalid value for parameter \"%s\": \"%s\"",
							   careful->name, *value),
						errdetail("%s It counts as %s.", careful->must, careful->safe)));
	strcpy(safe, careful->safe);
	msgext_guc_free(*value);
	*value = safe;
	return true;
}

static bool
check_careful(const Careful *careful, char **value, void **extra, GucSource source)
{
	int number;

	if (!careful->read(*value, &number))
	{
		if (is_asked_for(source))
		{
			GUC_check_errdetail("%s", careful->must);
			return false;
		}
		if (!fall_back(careful, value, source))
			return false;
		number = careful->safe_number;
	}
	*extra = msgext_guc_malloc(sizeof(int));
	if (*extra == NULL)
		return false;
	*(int *) *extra = number;
	return true;
}

static bool
read_mode(char *value, int *mode)
{
	static const char *const names[] = {
		[MSG_MODE_LIVE] = "live", [MSG_MODE_HOLD] = "hold", [MSG_MODE_TEST] = "test"};

	for (*mode = 0; *mode < lengthof(names); (*mode)++)
		if (pg_strcasecmp(value, names[*mode]) == 0)
		{
			strcpy(value, names[*mode]);
			return true;
		}
	return false;
}

static bool
check_mode(char **value, void **extra, GucSource source)
{
	static const Careful mode = {"msgext.mode", "hold", MSG_MODE_HOLD, read_mode,
								 "It must be live, hold or test."};

	return check_careful(&mode, value, extra, source);
}

static void
assign_mode(const char *value, void *extra)
{
	msgext_mode_setting = *(const int *) extra;
}

static bool
read_retention(char *value, int *minutes)
{
	return parse_int(value, minutes, GUC_UNIT_MIN, NULL) && *minutes >= -1;
}

static bool
check_retention(char **value, void **extra, GucSource source)
{
	static const Careful retention = {"msgext.retention", "-1", -1, read_retention,
									  "It must be a time, such as 30d or 12h, or -1."};

	return check_careful(&retention, value, extra, source);
}

static void
assign_retention(const char *value, void *extra)
{
	msgext_retention = *(const int *) extra;
}

static bool
read_node(char *value, int *node)
{
	return parse_int(value, node, 0, NULL) && *node >= 0 && *node <= MSG_NODE_MAX;
}

static bool
check_node(char **value, void **extra, GucSource source)
{
	static const Careful node = {"msgext.node", "-1", MSG_NODE_UNKNOWN, read_node,
								 "It must be a number from 0 to 99."};

	return check_careful(&node, value, extra, source);
}

static void
assign_node(const char *value, void *extra)
{
	msgext_node = *(const int *) extra;
}

/* Not PGC_SIGHUP: ALTER DATABASE sets them for one. */
static void
define_careful(void)
{
	static char *mode;
	static char *retention;
	static char *node;

	DefineCustomStringVariable(
		"msgext.mode", "Says whether messages are sent.",
		"live; hold: messages are queued and nothing is sent; test: no socket is opened.",
		&mode, "live", PGC_SUSET, 0, check_mode, assign_mode, NULL);
	DefineCustomStringVariable(
		"msgext.retention", "Removes messages this long after their end.",
		"A number without a unit is of minutes. -1 keeps them for ever.", &retention,
		"30d", PGC_SUSET, 0, check_retention, assign_retention, NULL);
	DefineCustomStringVariable(
		"msgext.node", "Numbers this database among several that send as one.",
		"0: it is on its own. The number is the end of every id of a message.", &node,
		"0", PGC_SUSET, 0, check_node, assign_node, NULL);
}

/* ---- The others ---- */

/* Not PGC_SIGHUP, which ALTER DATABASE could not set: each database has its own port. */
static void
define_listener(void)
{
	DefineCustomStringVariable(
		"msgext.listen_address", "The address callbacks are taken at.", NULL,
		&msgext_listen_address, "127.0.0.1", PGC_SUSET, 0, check_address, NULL, NULL);
	DefineCustomIntVariable("msgext.listen_port", "The port callbacks are taken at.",
							"0: none are.", &msgext_listen_port, 0, 0, 65535, PGC_SUSET,
							0, NULL, NULL, NULL);
	DefineCustomStringVariable(
		"msgext.listen_role", "The role that callbacks are taken as.",
		"It needs EXECUTE on receive_callback() and USAGE on the servers.",
		&msgext_listen_role, "", PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomStringVariable(
		"msgext.metrics_token_file", "The file of the token that GET /metrics takes.",
		"Empty: the listener has no metrics.", &msgext_metrics_token_file, "", PGC_SUSET,
		GUC_SUPERUSER_ONLY, check_path, NULL, NULL);
	DefineCustomIntVariable(
		"msgext.listen_max_connections", "Limits the connections of the listener.", NULL,
		&msgext_listen_max_connections, 256, 1, 4096, PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable(
		"msgext.listen_max_connections_per_address",
		"Limits the connections of one address to the listener.",
		"0: not at all, as behind a proxy, whose address is everybody's.",
		&msgext_listen_max_connections_per_address, 0, 0, 4096, PGC_SUSET, 0, NULL, NULL,
		NULL);
	DefineCustomIntVariable("msgext.listen_max_header_size",
							"Limits request line and header of a callback.", NULL,
							&msgext_listen_max_header_size, 16, 2, 64, PGC_SUSET,
							GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomIntVariable("msgext.listen_max_body_size",
							"Limits the body of a callback.", NULL,
							&msgext_listen_max_body_size, 1024, 1, 1024, PGC_SUSET,
							GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomIntVariable("msgext.listen_idle_timeout",
							"Closes connections of the listener that send nothing.", NULL,
							&msgext_listen_idle_timeout, 10, 1, 3600, PGC_SUSET,
							GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomIntVariable("msgext.listen_request_timeout",
							"Limits the time a callback may take to come in.", NULL,
							&msgext_listen_request_timeout, 30, 1, 3600, PGC_SUSET,
							GUC_UNIT_S, NULL, NULL, NULL);
}

static void
define_console(void)
{
	DefineCustomStringVariable("msgext.console_address", "The address the console is at.",
							   NULL, &msgext_console_address, "127.0.0.1", PGC_SUSET, 0,
							   check_address, NULL, NULL);
	DefineCustomIntVariable("msgext.console_port", "The port the console is at.",
							"0: there is none.", &msgext_console_port, 0, 0, 65535,
							PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomStringVariable("msgext.console_url",
							   "What browsers find the console by, behind a proxy.",
							   "Empty: by its address and port.", &msgext_console_url, "",
							   PGC_SUSET, 0, check_url, NULL, NULL);
}

void
msgext_guc_define(void)
{
	defining = true;
	define_careful();
	DefineCustomIntVariable(
		"msgext.max_in_flight", "Limits the requests that one database has under way.",
		"Each server has a limit of its own, option max_in_flight.",
		&msgext_max_in_flight, 1024, 1, 16384, PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("msgext.max_response_size", "Limits the size of an answer.",
							NULL, &msgext_max_response_size, 16384, 16, 1048576,
							PGC_SIGHUP, GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomIntVariable(
		"msgext.restart_delay", "Starts a background process that ended after this.",
		"Doubled for each time it ends early. Meant for tests.", &msgext_restart_delay,
		1000, 1, 60000, PGC_SIGHUP, GUC_UNIT_MS | GUC_NOT_IN_SAMPLE, NULL, NULL, NULL);
	DefineCustomIntVariable(
		"msgext.max_unmatched_callbacks",
		"Limits the callbacks of a server that are kept without a message.",
		"Beyond it, further ones are refused until some are removed.",
		&msgext_max_unmatched_callbacks, 10000, 0, INT_MAX, PGC_SUSET, 0, NULL, NULL,
		NULL);
	define_listener();
	define_console();
	msgext_test_case_define();
	MarkGUCPrefixReserved("msgext");
	defining = false;
}
