/*
 * test_net_served.c
 *		A listener and who asks it: see test_net_served.h.
 */
#define _GNU_SOURCE

#include "test_net_served.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "test.h"

#define PATIENCE_US 10000000

Served served;

int64_t
served_now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void
served_begin(const char *name, int connections)
{
	static const MsgEndpoint endpoints[] = {{"vk", "token"}};
	MsgListenLimits limits = {.connections = connections,
							  .head = 4096,
							  .body = 1024,
							  .idle_s = 30,
							  .request_us = 30000000};
	char error[200] = "";
	int i;

	test_begin("listener: %s", name);
	for (i = 0; i < 100; i++)
	{
		served.port = 20000 + (int) ((served_now_us() + i * 7919) % 40000);
		served.listener = msgext_http_listener_create("127.0.0.1", served.port, &limits,
													  error, sizeof(error));
		if (served.listener != NULL)
			break;
	}
	if (served.listener == NULL)
	{
		printf("Bail out! no listener: %s\n", error);
		exit(1);
	}
	CHECK_INT(msgext_http_listener_set_endpoints(served.listener, endpoints, 1), 0);
	served.pushes = 0;
	served.answering = true;
	served.answer = (MsgPushAnswer){.status = 200};
}

void
served_end(void)
{
	if (served.listener != NULL)
		msgext_http_listener_destroy(served.listener);
	served.listener = NULL;
	test_end();
}

int
served_dial(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
								  .sin_port = htons((uint16_t) served.port),
								  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (connect(fd, (struct sockaddr *) &address, sizeof(address)) != 0)
		test_fail(__FILE__, __LINE__, "connect: %s", strerror(errno));
	return fd;
}

void
served_say(int fd, const char *bytes, size_t len)
{
	CHECK_INT(send(fd, bytes, len, MSG_NOSIGNAL), (int64_t) len);
}

void
served_pump(void)
{
	struct pollfd ready = {.fd = msgext_http_listener_fd(served.listener),
						   .events = POLLIN};
	long wait_ms = msgext_http_listener_timeout_ms(served.listener, served_now_us());
	MsgPush *push;

	poll(&ready, 1, wait_ms < 0 || wait_ms > 10 ? 10 : (int) wait_ms);
	msgext_http_listener_pump(served.listener, served_now_us());
	while (served.answering &&
		   (push = msgext_http_listener_take(served.listener)) != NULL)
	{
		served.pushes++;
		snprintf(served.last, sizeof(served.last), "%.*s", (int) push->body_len,
				 push->body);
		snprintf(served.last_headers, sizeof(served.last_headers), "%s", push->headers);
		msgext_http_listener_answer(served.listener, push, &served.answer,
									served_now_us());
	}
}

const char *
served_hear(int fd, int answers)
{
	static char text[8192];
	int64_t until = served_now_us() + PATIENCE_US;
	size_t len = 0;

	while (served_now_us() < until && len < sizeof(text) - 1)
	{
		const char *at = text;
		ssize_t n = recv(fd, text + len, sizeof(text) - 1 - len, MSG_DONTWAIT);
		int i;

		if (n == 0 || (n < 0 && errno != EAGAIN))
			break;
		if (n > 0)
			len += (size_t) n;
		text[len] = '\0';
		for (i = 0; i < answers && at != NULL; i++)
			if ((at = strstr(at, "\r\n\r\n")) != NULL)
				at += 4;
		if (answers > 0 && at != NULL)
			break;
		served_pump();
	}
	text[len] = '\0';
	return text;
}

const char *
served_statuses(const char *bytes, size_t len)
{
	static char list[100];
	const char *at;
	int fd = served_dial();

	served_say(fd, bytes, len);
	list[0] = '\0';
	for (at = served_hear(fd, 0); (at = strstr(at, "HTTP/1.1 ")) != NULL; at += 9)
		if (at[9] >= '1' && at[9] <= '5') /* else the words of an error's page */
			snprintf(list + strlen(list), sizeof(list) - strlen(list), "%.3s ", at + 9);
	close(fd);
	return list;
}
