/*
 * control.c
 *		The endpoints by which a test steers the simulator and reads what it
 *		has seen.
 *
 * They are never delayed and never hit by a script, and work while the
 * providers are down. None of them shows a header of a request: credentials
 * are recorded nowhere.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "callbacks.h"
#include "control.h"
#include "ledger.h"
#include "script.h"
#include "server.h"

#define FETCH_DEFAULT 100
#define FETCH_MAX 1000000
#define LATENCY_MAX 86400000

static bool
read_number(const char *text, long max, long *number)
{
	char *end;

	if (text == NULL || *text < '0' || *text > '9')
		return false;
	errno = 0;
	*number = strtol(text, &end, 10);
	end += strspn(end, " \t\r\n");
	return errno == 0 && *end == '\0' && *number <= max;
}

static void
handle_health(Request *request, Reply *reply)
{
	(void) request;
	reply_text(reply, 200, "ok");
}

static void
handle_ledger(Request *request, Reply *reply)
{
	const char *from = request_argument(request, "from");
	long after = 0;

	if (from != NULL && !read_number(from, 0x7fffffffffffffff, &after))
	{
		reply_text(reply, 400, "from must be a number\n");
		return;
	}
	reply->content_type = "application/x-ndjson; charset=utf-8";
	reply->source = ledger_read;
	reply->source_state = ledger_reader((uint64_t) after);
}

static void
handle_summary(Request *request, Reply *reply)
{
	(void) request;
	reply->content_type = "application/json; charset=utf-8";
	ledger_summary(&reply->body);
}

static void
handle_script(Request *request, Reply *reply)
{
	Buf message = {0};

	if (memchr(request->body.data, '\0', request->body.len) != NULL)
		reply_text(reply, 400, "line 1: a script is text\n");
	else if (script_add(request->body.data, request->body.len, &message))
		reply_text(reply, 200, "ok\n");
	else
		reply_text(reply, 400, message.data);
	buf_free(&message);
}

static void
handle_callbacks_set(Request *request, Reply *reply)
{
	Buf message = {0};

	if (callbacks_configure(request->body.data, request->body.len, &message))
		reply_text(reply, 200, "ok\n");
	else
		reply_text(reply, 400, message.data);
	buf_free(&message);
}

static void
handle_callbacks_get(Request *request, Reply *reply)
{
	const char *text = request_argument(request, "max");
	long max = FETCH_DEFAULT;

	if (text != NULL && !read_number(text, FETCH_MAX, &max))
		reply_text(reply, 400, "max must be a number up to 1000000\n");
	else if (!callbacks_fetch((size_t) max, &reply->body, &reply->content_type))
		reply_text(reply, 409,
				   "callbacks are posted to a url; set it to null to fetch them\n");
}

/* The messages go last: pending events point at strings of their fates. */
static void
handle_reset(Request *request, Reply *reply)
{
	int i;

	(void) request;
	script_clear();
	ledger_reset();
	callbacks_clear();
	for (i = 0; providers[i] != NULL; i++)
		providers[i]->reset();
	reply_text(reply, 200, "ok\n");
}

static void
handle_expire(Request *request, Reply *reply)
{
	int i;

	(void) request;
	for (i = 0; providers[i] != NULL; i++)
	{
		if (providers[i]->expire != NULL)
			providers[i]->expire();
	}
	reply_text(reply, 200, "ok\n");
}

static void
handle_latency(Request *request, Reply *reply)
{
	long ms;

	if (!read_number(request->body.data, LATENCY_MAX, &ms))
	{
		reply_text(reply, 400, "the body must be a number of milliseconds\n");
		return;
	}
	settings.latency_ms = (int) ms;
	reply_text(reply, 200, "ok\n");
}

static void
handle_release(Request *request, Reply *reply)
{
	(void) request;
	server_release();
	reply_text(reply, 200, "ok\n");
}

static void
handle_down(Request *request, Reply *reply)
{
	(void) request;
	server_set_down(true);
	reply_text(reply, 200, "ok\n");
}

static void
handle_up(Request *request, Reply *reply)
{
	(void) request;
	server_set_down(false);
	reply_text(reply, 200, "ok\n");
}

const Route control_routes[] = {{"GET", "/health", "", handle_health},
								{"GET", "/ledger", "", handle_ledger},
								{"GET", "/ledger/summary", "", handle_summary},
								{"POST", "/control/script", "", handle_script},
								{"POST", "/control/callbacks", "", handle_callbacks_set},
								{"GET", "/control/callbacks", "", handle_callbacks_get},
								{"POST", "/control/reset", "", handle_reset},
								{"POST", "/control/expire", "", handle_expire},
								{"POST", "/control/latency", "", handle_latency},
								{"POST", "/control/release", "", handle_release},
								{"POST", "/control/down", "", handle_down},
								{"POST", "/control/up", "", handle_up},
								{NULL, NULL, NULL, NULL}};
