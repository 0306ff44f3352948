/*
 * http_link.c
 *		The listener's connections in the order of their deadlines: see http_link.h.
 */
#define _GNU_SOURCE /* POLLRDHUP */

#include "net/http_link.h"

#include <microhttpd.h>
#include <poll.h>
#include <stddef.h>
#include <sys/socket.h>

/*
 * libmicrohttpd does not notice an end that comes together with a piece of a request,
 * but for being idle. So connections at this age are looked at, this often.
 */
#define ABANDONED_US 200000
#define SWEEP_US 250000
#define SWEEP_MAX 4096

/* A new connection has so long to begin a request before another may take its place. */
#define EVICTED_US 200000

void
msgext_http_link_stop(MsgHttpLinks *links, MsgHttpLink *link)
{
	if (!link->timed)
		return;
	if (link->prev != NULL)
		link->prev->next = link->next;
	else
		links->first = link->next;
	if (link->next != NULL)
		link->next->prev = link->prev;
	else
		links->last = link->prev;
	link->timed = false;
}

void
msgext_http_link_start(MsgHttpLinks *links, MsgHttpLink *link, int64_t now_us)
{
	msgext_http_link_stop(links, link);
	link->wanted = false;
	link->deadline_us = now_us + links->request_us;
	link->next = NULL;
	link->prev = links->last;
	if (links->last != NULL)
		links->last->next = link;
	else
		links->first = link;
	links->last = link;
	link->timed = true;
}

long
msgext_http_links_timeout_ms(const MsgHttpLinks *links, int64_t now_us)
{
	int64_t left_us;

	if (links->first == NULL)
		return -1;
	left_us = links->first->deadline_us - now_us;
	if (left_us <= 0)
		return 0;
	return (long) ((left_us < SWEEP_US ? left_us + 999 : SWEEP_US) / 1000);
}

static int
fd_of(const MsgHttpLink *link)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(link->connection, MHD_CONNECTION_INFO_CONNECTION_FD);

	return info != NULL ? info->connect_fd : -1;
}

static void
cut(int fd)
{
	shutdown(fd, SHUT_RDWR);
}

/* Cuts connections that their senders have left in the middle of a request. */
static void
sweep(MsgHttpLinks *links, int64_t now_us)
{
	static struct pollfd polled[SWEEP_MAX];
	int64_t old = now_us + links->request_us - ABANDONED_US;
	const MsgHttpLink *link;
	nfds_t n = 0;
	nfds_t i;

	links->swept_us = now_us;
	for (link = links->first; link != NULL && link->deadline_us <= old && n < SWEEP_MAX;
		 link = link->next)
	{
		polled[n].fd = fd_of(link);
		polled[n++].events = POLLRDHUP;
	}
	if (n == 0 || poll(polled, n, 0) <= 0)
		return;
	for (i = 0; i < n; i++)
		if (polled[i].revents & (POLLRDHUP | POLLHUP | POLLERR))
			cut(polled[i].fd);
}

void
msgext_http_links_cut(MsgHttpLinks *links, int64_t now_us)
{
	while (links->first != NULL && links->first->deadline_us <= now_us)
	{
		MsgHttpLink *link = links->first;

		msgext_http_link_stop(links, link);
		cut(fd_of(link));
	}
	if (now_us >= links->swept_us + SWEEP_US)
		sweep(links, now_us);
}

bool
msgext_http_links_evict(MsgHttpLinks *links, int64_t now_us)
{
	int64_t old = now_us + links->request_us - EVICTED_US;
	MsgHttpLink *link;

	for (link = links->first; link != NULL && link->deadline_us <= old; link = link->next)
	{
		if (link->wanted)
			continue;
		msgext_http_link_stop(links, link);
		cut(fd_of(link));
		return true;
	}
	return false;
}
