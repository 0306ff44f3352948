/*
 * answer.c
 *		How a request is answered, by the fault it was chosen for: see peer.h.
 */
#include <string.h>

#include "peer.h"

const char *const fault_names[FAULTS] = {
	[NONE] = "ok",		  [BEFORE] = "before", [AFTER] = "after", [RESET] = "reset",
	[HALF] = "half",	  [LATE] = "late",	   [DRIP] = "drip",	  [GARBAGE] = "garbage",
	[BUSY] = "busy",	  [LIMITED] = "429",   [FAILED] = "500",  [SURPLUS] = "surplus",
	[REFUSED] = "refused"};

int latency = 40;

void
answer(Connection *c, int status, const char *header, const char *type, const char *body)
{
	print(&c->out,
		  "HTTP/1.1 %d %s\r\nContent-Type: %s\r\n%sContent-Length: %zu\r\n\r\n%s", status,
		  status == 200 ? "OK" : "Oops", type, header, strlen(body), body);
	c->write_at = now_ms() + random_below(latency + 1);
	if (c->fault == LATE)
		c->write_at += 1500;
}

void
answer_taken(Connection *c, const char *type, const char *body)
{
	if (c->fault == GARBAGE)
		answer(c, 200, "", "text/html", "<html>welcome to <the gate");
	else if (c->fault == FAILED)
		answer(c, 500, "", "text/html", "internal error");
	else
		answer(c, 200, "", type, body);
}

bool
turn_away(Connection *c, const char *server, const char *tags)
{
	if (c->fault != BUSY && c->fault != LIMITED)
		return false;
	enter("N %s %s %s", server, tags, fault_names[c->fault]);
	if (c->fault == BUSY)
		answer(c, 503, "", "text/plain", "busy");
	else
		answer(c, 429, "Retry-After: 1\r\n", "text/plain", "slowly");
	return true;
}
