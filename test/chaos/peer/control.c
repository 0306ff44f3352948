/*
 * control.c
 *		The lines by which the driver tells it what to do: see peer.h.
 */
#define _GNU_SOURCE

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "peer.h"

int
go_down(bool down)
{
	static int port;
	int i;
	int fd;

	for (i = 0; i < MAX_CONNECTIONS; i++)
		if (connections[i].kind == LISTENER)
		{
			if (!down)
				return port;
			end_connection(&connections[i], false);
		}
	if (down)
		return port;
	fd = listen_at(&port);
	if (fd < 0)
		die("listen");
	add_connection(LISTENER, fd, EPOLLIN);
	return port;
}

static void
reset_all(void)
{
	int i;

	for (i = 0; i < MAX_CONNECTIONS; i++)
		if (connections[i].kind == CLIENT)
			end_connection(&connections[i], true);
}

/*
 * faults NAME=PER-MILLE...	| latency MS | down | up | reset | callbacks PORT PATH |
 * pending
 */
static void
obey(Connection *c, char *line)
{
	char *word = strtok(line, " ");
	int f;

	if (word == NULL)
		return;
	if (strcmp(word, "faults") == 0)
	{
		memset(shares, 0, sizeof(shares));
		while ((word = strtok(NULL, " ")) != NULL)
		{
			char *value = strchr(word, '=');

			if (value == NULL)
				continue;
			*value++ = '\0';
			for (f = 0; f < FAULTS; f++)
				if (strcmp(word, fault_names[f]) == 0)
					shares[f] = atoi(value);
		}
	}
	else if (strcmp(word, "latency") == 0)
		latency = atoi(strtok(NULL, " "));
	else if (strcmp(word, "down") == 0 || strcmp(word, "up") == 0)
		go_down(word[0] == 'd');
	else if (strcmp(word, "reset") == 0)
		reset_all();
	else if (strcmp(word, "callbacks") == 0)
	{
		int port = atoi(strtok(NULL, " "));

		send_callbacks_to(port, strtok(NULL, " "));
	}
	else if (strcmp(word, "pending") == 0)
	{
		print(&c->out, "%d\n", reports_pending());
		return;
	}
	print(&c->out, "ok\n");
}

void
read_control(Connection *c)
{
	char *end;

	while (c->in.length > 0 && (end = strchr(c->in.bytes, '\n')) != NULL)
	{
		size_t length = end - c->in.bytes + 1;
		char *line = strndup(c->in.bytes, length - 1);

		c->in.length -= length;
		memmove(c->in.bytes, end + 1, c->in.length + 1);
		obey(c, line);
		free(line);
	}
	if (c->out.length > 0 && write(c->fd, c->out.bytes, c->out.length) < 0)
		perror("control");
	c->out.length = 0;
}
