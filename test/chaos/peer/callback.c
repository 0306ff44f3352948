/*
 * callback.c
 *		Statuses that are pushed, each again until it is taken: see peer.h.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "peer.h"

#define CALLBACK_CONNECTIONS 4

/* A status that is to be pushed. */
typedef struct Report
{
	Taken *taken;
	const char *status;
	int64_t at;
	char when[32]; /* by the provider's clock; a repeat says the same */
	int again;	   /* so often after it was answered with 200 */
	struct Report *next;
} Report;

static Report *reports;
static int report_count;
static int callback_port;
static char callback_path[256];

void
report(Taken *taken, const char *status, int64_t at)
{
	Report *r = calloc(1, sizeof(Report));

	if (r == NULL)
		die("memory");
	r->taken = taken;
	r->status = status;
	r->at = at;
	format_time(r->when, sizeof(r->when));
	r->again = random_below(20) == 0;
	r->next = reports;
	reports = r;
	report_count++;
}

int
reports_pending(void)
{
	return report_count;
}

void
send_callbacks_to(int port, const char *path)
{
	callback_port = port;
	snprintf(callback_path, sizeof(callback_path), "%s", path);
}

static void
start_callback(Report *r)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
								  .sin_port = htons(callback_port),
								  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	char body[256];
	Connection *c;

	if (fd < 0)
		die("socket");
	if (connect(fd, (struct sockaddr *) &address, sizeof(address)) < 0 &&
		errno != EINPROGRESS)
	{
		close(fd);
		r->at = now_ms() + 50;
		return;
	}
	c = add_connection(CALLBACK, fd, EPOLLIN);
	if (c == NULL)
		return;
	snprintf(body, sizeof(body),
			 "[{\"messageId\":%s,\"status\":\"%s\",\"receivedAt\":\"%s\"}]", r->taken->id,
			 r->status, r->when);
	print(&c->out,
		  "POST %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
		  "Content-Length: %zu\r\n\r\n%s",
		  callback_path, strlen(body), body);
	c->report = r;
	c->give_up_at = now_ms() + 5000;
	r->at = INT64_MAX; /* until it has been answered */
	want(c, EPOLLIN | EPOLLOUT);
}

static void
forget_report(Report *r)
{
	Report **place = &reports;

	while (*place != r)
		place = &(*place)->next;
	*place = r->next;
	report_count--;
	free(r);
}

/* Whatever is not 200 comes again. */
void
end_callback(Connection *c)
{
	Report *r = c->report;

	if (c->in.length >= 12 && strncmp(c->in.bytes, "HTTP/1.1 200", 12) == 0)
	{
		enter("K %s %s", r->taken->id, r->status);
		if (r->again-- > 0)
			r->at = now_ms() + random_below(1000);
		else
			forget_report(r);
	}
	else
	{
		if (c->in.length >= 12 && strncmp(c->in.bytes, "HTTP/1.1 503", 12) != 0)
			enter("B a callback was answered with %.20s", c->in.bytes);
		r->at = now_ms() + 50 + random_below(100);
	}
	end_connection(c, false);
}

void
start_callbacks(int64_t now)
{
	int busy = 0;
	int i;
	Report *r;

	if (callback_port == 0)
		return;
	for (i = 0; i < MAX_CONNECTIONS; i++)
	{
		busy += connections[i].kind == CALLBACK;
		if (connections[i].kind == CALLBACK && connections[i].give_up_at < now)
			end_callback(&connections[i]);
	}
	for (r = reports; r != NULL && busy < CALLBACK_CONNECTIONS; r = r->next)
		if (r->at <= now)
		{
			start_callback(r);
			busy++;
		}
}
