/*
 * peer.c
 *		The provider of the chaos driver: raw sockets, one epoll, its own reading of HTTP,
 *		JSON and XML. It shares no code with the extension nor with the simulator, so that
 *		a mistake made there is not made here too.
 *
 *		peer LEDGER SEED		listens on 127.0.0.1, prints "PORT CONTROL-PORT"
 *
 * It speaks as much of Devino (/vk: pushes statuses, /vkp: is asked for them; takes every
 * repeat as a new message) and of edna (/edna: packets, takes a clientId once) as the
 * driver needs. Messages are known by a tag in their content, never by a number of the
 * extension's. What it does it writes to the ledger first, a line each:
 *
 *		A server tag key id how		taken; how: ok, or how the answer was lost
 *		D server tag key id how		a clientId that had been taken: nothing new
 *		J server tag				refused for good
 *		N server tag how			not taken, to be repeated
 *		K id status					a callback about it was answered with 200
 *		B text						a request as no client may write it
 *
 * It never looks into a database, and it judges nothing: that is Chaos/Ledger.pm.
 */
#define _GNU_SOURCE
#define _GNU_SOURCE

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "peer.h"

void
die(const char *what)
{
	perror(what);
	exit(1);
}

static void
serve(Connection *c, uint32_t events)
{
	int fd;

	switch (c->kind)
	{
		case LISTENER:
		case CONTROL_LISTENER:
			fd = accept4(c->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
			if (fd >= 0)
				add_connection(c->kind == LISTENER ? CLIENT : CONTROL, fd, EPOLLIN);
			break;
		case CLIENT:
			if (events & EPOLLOUT)
				want(c, EPOLLIN);
			if (!read_more(c))
				end_connection(c, false);
			else
				look_at_request(c);
			break;
		case CONTROL:
			if (!read_more(c))
				end_connection(c, false);
			else
				read_control(c);
			break;
		case CALLBACK:
			if (events & EPOLLOUT && c->out.length > 0)
			{
				if (write(c->fd, c->out.bytes, c->out.length) < 0)
				{
					end_callback(c);
					break;
				}
				c->out.length = 0;
				want(c, EPOLLIN);
			}
			if (events & (EPOLLIN | EPOLLHUP | EPOLLERR) && !read_more(c))
				end_callback(c);
			break;
		case UNUSED:
			break;
	}
}

int
main(int argc, char **argv)
{
	int control_port = 0;
	int port;
	int fd;

	if (argc != 3)
	{
		fprintf(stderr, "usage: peer LEDGER SEED\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	open_ledger(argv[1]);
	seed_random(strtoull(argv[2], NULL, 10));
	start_connections();
	port = go_down(false);
	fd = listen_at(&control_port);
	if (fd < 0)
		die("listen");
	add_connection(CONTROL_LISTENER, fd, EPOLLIN);
	printf("%d %d\n", port, control_port);
	fflush(stdout);
	for (;;)
	{
		int64_t now;
		int i;

		wait_for_connections(serve);
		now = now_ms();
		for (i = 0; i < MAX_CONNECTIONS; i++)
		{
			Connection *c = &connections[i];

			if (c->kind == CLIENT && c->out.length > c->written && c->write_at <= now &&
				!(c->events & EPOLLOUT))
				write_answer(c);
		}
		start_callbacks(now);
	}
}
