/*
 * guc.c
 *		The settings msgext.*: see guc.h.
 */
#include "postgres.h"

#include <arpa/inet.h>
#include <limits.h>

#include "utils/guc.h"

#include "pg/base/guc.h"
#include "pg/base/mode.h"
#include "pg/base/node.h"
#include "pg/base/test_case.h"

int msgext_max_in_flight = 1024;
int msgext_max_response_size = 16384;
int msgext_retention = 30 * 24 * 60;
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

static const struct config_enum_entry modes[] = {
	{"live", MSG_MODE_LIVE, false},
	{"hold", MSG_MODE_HOLD, false},
	{"test", MSG_MODE_TEST, false},
	{NULL, 0, false},
};

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

/*
 * What is set and cannot be read counts as its default, of which there is but a warning. Whoever
 * has set these two may have done so lest something be sent, or removed: then it is not.
 */
static int
default_mode(void)
{
	const char *given = GetConfigOption("msgext.mode", true, false);
	const struct config_enum_entry *mode;

	for (mode = modes; given != NULL && mode->name != NULL; mode++)
		if (pg_strcasecmp(given, mode->name) == 0)
			given = NULL;
	return given == NULL ? MSG_MODE_LIVE : MSG_MODE_HOLD;
}

static int
default_retention(void)
{
	const char *given = GetConfigOption("msgext.retention", true, false);
	int minutes;

	if (given == NULL ||
		(parse_int(given, &minutes, GUC_UNIT_MIN, NULL) && minutes >= -1))
		return 30 * 24 * 60;
	return -1;
}

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
	msgext_mode_setting = default_mode();
	msgext_retention = default_retention();

	/* Not PGC_SIGHUP: ALTER DATABASE sets it for one. */
	DefineCustomEnumVariable(
		"msgext.mode", "Says whether messages are sent.",
		"live; hold: messages are queued and nothing is sent; test: no socket is opened.",
		&msgext_mode_setting, msgext_mode_setting, modes, PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable(
		"msgext.max_in_flight", "Limits the requests that one database has under way.",
		"Each server has a limit of its own, option max_in_flight.",
		&msgext_max_in_flight, 1024, 1, 16384, PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("msgext.max_response_size", "Limits the size of an answer.",
							NULL, &msgext_max_response_size, 16384, 16, 1048576,
							PGC_SIGHUP, GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomIntVariable(
		"msgext.retention", "Removes messages this long after their end.",
		"-1 keeps them for ever.", &msgext_retention, msgext_retention, -1, INT_MAX,
		PGC_SIGHUP, GUC_UNIT_MIN, NULL, NULL, NULL);
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
	DefineCustomIntVariable(
		"msgext.node", "Numbers this database among several that send as one.",
		"0: it is on its own. The number is the end of every id of a message.",
		&msgext_node, 0, 0, MSG_NODE_MAX, PGC_SUSET, 0, NULL, NULL, NULL);
	define_listener();
	define_console();
	msgext_test_case_define();
	MarkGUCPrefixReserved("msgext");
}
