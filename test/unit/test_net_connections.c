/*
 * test_net_connections.c
 *		The listener's connections: when there are too many, and how they end with it.
 */
#define _GNU_SOURCE

#include "test.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "test_net_served.h"

/* Is the other end closed? */
static bool
is_closed(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 0 ||
		   (errno != EAGAIN && errno != EWOULDBLOCK);
}

static void
check_full(void)
{
	int idle[4];
	int busy;
	int fresh[3];
	int closed = 0;
	int i;

	served_begin("idle connections make room, those with a push do not", 5);
	busy = served_dial();
	served_say(busy, BYTES(POST "Content-Length: 5\r\n\r\n"));
	for (i = 0; i < 10; i++)
		served_pump();
	for (i = 0; i < 4; i++)
	{
		idle[i] = served_dial();
		served_say(idle[i], "POST", i);
		served_pump();
	}
	for (i = 0; i < 3; i++)
	{
		fresh[i] = served_dial();
		served_say(fresh[i], BYTES(POST "Content-Length: 2\r\n\r\n[]"));
	}
	for (i = 0; i < 3; i++)
		CHECK(strstr(served_hear(fresh[i], 1), "HTTP/1.1 200 ") != NULL);
	for (i = 0; i < 4; i++)
		closed += is_closed(idle[i]);
	CHECK(closed >= 1);
	CHECK(is_closed(idle[0]));
	CHECK(!is_closed(busy));
	served_say(busy, "[   ]", 5);
	CHECK(strstr(served_hear(busy, 1), "HTTP/1.1 200 ") != NULL);
	CHECK_INT(served.pushes, 4);
	for (i = 0; i < 4; i++)
		close(idle[i]);
	for (i = 0; i < 3; i++)
		close(fresh[i]);
	close(busy);
	served_end();
}

static void
check_descriptors(void)
{
	struct rlimit kept;
	struct rlimit low;
	int fds[20];
	int open = 0;
	int i;

	getrlimit(RLIMIT_NOFILE, &kept);
	low = kept;
	low.rlim_cur = 12;
	setrlimit(RLIMIT_NOFILE, &low);
	served_begin("no more connections than half of the descriptors", 100);
	setrlimit(RLIMIT_NOFILE, &kept);
	for (i = 0; i < 20; i++)
		fds[i] = served_dial();
	for (i = 0; i < 20; i++)
		served_pump();
	/* What is accepted is known by the listener's descriptors: the rest wait. */
	for (i = 3; i < 200; i++)
	{
		struct sockaddr_in own;
		socklen_t len = sizeof(own);
		int on = 0;
		socklen_t on_len = sizeof(on);

		if (getsockname(i, (struct sockaddr *) &own, &len) == 0 &&
			own.sin_family == AF_INET && ntohs(own.sin_port) == served.port &&
			getsockopt(i, SOL_SOCKET, SO_ACCEPTCONN, &on, &on_len) == 0 && !on)
			open++;
	}
	CHECK_INT(open, 6);
	for (i = 0; i < 20; i++)
		close(fds[i]);
	served_end();
}

/* Ends with pushes at rest, taken, half read, and unread in their sockets. */
static void
check_end(void)
{
	int fds[60];
	int told = 0;
	int i;

	served_begin("its end under load", 100);
	served.answering = false;
	for (i = 0; i < 20; i++)
	{
		fds[i] = served_dial();
		served_say(fds[i], BYTES(POST "Content-Length: 2\r\n\r\n[]"));
	}
	for (i = 0; i < 20; i++)
		served_pump();
	for (i = 0; i < 10; i++)
		CHECK(msgext_http_listener_take(served.listener) != NULL);
	for (i = 20; i < 60; i++)
	{
		fds[i] = served_dial();
		if (i >= 50)
			served_say(fds[i], BYTES(POST "Content-Length: 2\r\n\r\n["));
	}
	for (i = 0; i < 5; i++)
		served_pump();
	for (i = 20; i < 50; i++)
		served_say(fds[i], BYTES(POST "Content-Length: 2\r\n\r\n[]"));
	msgext_http_listener_destroy(served.listener);
	served.listener = NULL;
	for (i = 0; i < 60; i++)
	{
		char text[500] = "";
		struct pollfd ready = {.fd = fds[i], .events = POLLIN};

		poll(&ready, 1, 10000);
		if (recv(fds[i], text, sizeof(text) - 1, MSG_DONTWAIT) > 0)
		{
			CHECK(strstr(text, "HTTP/1.1 503 ") == text);
			told++;
		}
		close(fds[i]);
	}
	CHECK(told >= 20);
	served_end();
}

void
test_net_connections(void)
{
	check_full();
	check_descriptors();
	check_end();
}
