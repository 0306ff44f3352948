/*
 * connection.c
 *		Connections, and the one epoll that watches them: see peer.h.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "peer.h"

Connection connections[MAX_CONNECTIONS];
static int epoll_fd;

void
start_connections(void)
{
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (epoll_fd < 0)
		die("epoll_create1");
}

Connection *
add_connection(Kind kind, int fd, uint32_t events)
{
	struct epoll_event event = {0};
	Connection *c = NULL;
	int i;

	for (i = 0; i < MAX_CONNECTIONS && c == NULL; i++)
		if (connections[i].kind == UNUSED)
			c = &connections[i];
	if (c == NULL)
	{
		close(fd);
		return NULL;
	}
	memset(c, 0, sizeof(*c));
	c->kind = kind;
	c->fd = fd;
	c->events = events;
	event.events = events;
	event.data.ptr = c;
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
		die("epoll_ctl");
	return c;
}

void
want(Connection *c, uint32_t events)
{
	struct epoll_event event = {0};

	if (c->events == events)
		return;
	c->events = events;
	event.events = events;
	event.data.ptr = c;
	if (epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &event) < 0)
		die("epoll_ctl");
}

void
end_connection(Connection *c, bool reset)
{
	struct linger linger = {.l_onoff = 1, .l_linger = 0};

	if (reset)
		setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(c->fd);
	free(c->in.bytes);
	free(c->out.bytes);
	memset(c, 0, sizeof(*c));
}

int
listen_at(int *at)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
								  .sin_port = htons(*at),
								  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int on = 1;

	if (fd < 0)
		die("socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *) &address, sizeof(address)) < 0 ||
		listen(fd, 256) < 0 || getsockname(fd, (struct sockaddr *) &address, &length) < 0)
	{
		close(fd);
		return -1;
	}
	*at = ntohs(address.sin_port);
	return fd;
}

bool
read_more(Connection *c)
{
	char bytes[65536];
	ssize_t n = read(c->fd, bytes, sizeof(bytes));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n <= 0)
		return false;
	append(&c->in, bytes, n);
	return true;
}

void
wait_for_connections(void (*serve)(Connection *c, uint32_t events))
{
	struct epoll_event events[64];
	int n = epoll_wait(epoll_fd, events, 64, 3);
	int i;

	for (i = 0; i < n; i++)
		serve(events[i].data.ptr, events[i].events);
}
