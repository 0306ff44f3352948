/*
 * request.c
 *		A request from its first byte to the last of its answer, faults included: see peer.h.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "peer.h"

#define MAX_REQUEST (4 << 20)

int shares[FAULTS];

static void
answer_request(Connection *c, const char *head, const char *body)
{
	bool devino = strncmp(head, "POST /vk/send/vk HTTP/1.1\r\n", 27) == 0 ||
				  strncmp(head, "POST /vkp/send/vk HTTP/1.1\r\n", 28) == 0;
	char query[64];

	if (devino || strncmp(head, "GET /vk", 7) == 0)
	{
		if (strstr(head, "\r\nAuthorization: Basic dGVzdGVyOjExMTExMQ==\r\n") == NULL)
		{
			enter("B no authorization: %.100s", head);
			answer(c, 401, "", "text/plain", "");
			return;
		}
		if (devino)
			devino_send(c, head[8] == 'p' ? "vkp" : "vk", body);
		else if (between(head, "/status/vk?message=", " HTTP/1.1\r\n", query,
						 sizeof(query)))
			devino_status(c, query);
		else
			enter("B %.100s", head);
	}
	else if (strncmp(head, "POST /edna HTTP/1.1\r\n", 21) == 0)
	{
		if (strstr(body, "<login>tester</login><password>111111</password>") == NULL)
			enter("B no login: %.100s", body);
		else if (strstr(body, "<consumeOutMessageRequest>") != NULL)
			edna_send(c, body);
		else if (strstr(body, "<provideOutMessageDlvStatusRequest>") != NULL)
			edna_status(c, body);
		else
			enter("B packet %.200s", body);
	}
	else
		enter("B %.100s", head);
	if (c->out.length == 0)
		answer(c, 404, "", "text/plain", "");
}

static Fault
choose_fault(void)
{
	unsigned n = random_below(1000);
	int f;

	for (f = NONE + 1; f < FAULTS; f++)
	{
		if (n < (unsigned) shares[f])
			return (Fault) f;
		n -= shares[f];
	}
	return NONE;
}

/*
 * Returns the length of the request that stands at the beginning, 0 if it is not whole.
 */
static size_t
request_length(const Connection *c, size_t *head_length)
{
	const char *end = c->in.length == 0 ? NULL : strstr(c->in.bytes, "\r\n\r\n");
	const char *length;
	size_t body = 0;

	if (end == NULL)
		return 0;
	*head_length = end - c->in.bytes + 4;
	length = strcasestr(c->in.bytes, "\r\nContent-Length:");
	if (length != NULL && length < end)
		body = strtoul(length + 17, NULL, 10);
	return c->in.length < *head_length + body ? 0 : *head_length + body;
}

static void
drop_surplus(Connection *c)
{
	c->surplus = false;
	c->close_after = false;
	c->out.length = 0;
	c->written = 0;
}

void
look_at_request(Connection *c)
{
	size_t head;
	size_t length;
	char *request;
	char *copy;

	if (c->in.length > 0 && c->surplus && c->written == 0)
		drop_surplus(c);
	if (c->out.length > 0 || c->in.length == 0)
		return;
	c->fault = c->fault == NONE ? choose_fault() : c->fault;
	if (c->fault == BEFORE)
	{
		end_connection(c, random_below(2) == 0);
		return;
	}
	length = request_length(c, &head);
	if (length == 0)
	{
		if (c->in.length > MAX_REQUEST)
		{
			enter("B a request without end");
			end_connection(c, true);
		}
		/*
		 * The fault is kept for the rest of it: NONE is chosen anew, and may become one.
		 */
		return;
	}
	request = strndup(c->in.bytes, head);
	copy = strndup(c->in.bytes + head, length - head);
	c->in.length -= length;
	memmove(c->in.bytes, c->in.bytes + length, c->in.length + 1);
	if (c->in.length > 0)
		enter("B a second request before the answer: %.100s", c->in.bytes);
	answer_request(c, request, copy);
	free(request);
	free(copy);
}

/*
 * What nobody asked for comes a little later, on a connection at rest. One that is in use
 * again gets none: who has sent a request cannot tell that what comes is not its answer.
 */
static void
add_surplus(Connection *c)
{
	if (random_below(2) == 0)
	{
		c->out.length = 0;
		print(&c->out, "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n"
					   "Connection: close\r\n\r\n");
	}
	c->written = 0;
	c->fault = NONE;
	c->surplus = true;
	c->close_after = random_below(2) == 0;
	c->write_at = now_ms() + random_below(30);
}

static void
end_request(Connection *c)
{
	if (c->fault == SURPLUS)
	{
		add_surplus(c);
		return;
	}
	c->out.length = 0;
	c->written = 0;
	c->fault = NONE;
	c->surplus = false;
	want(c, EPOLLIN);
	if (c->close_after)
		end_connection(c, false);
}

void
write_answer(Connection *c)
{
	size_t length = c->out.length - c->written;
	ssize_t n;
	char byte;

	if (c->surplus && c->written == 0 && recv(c->fd, &byte, 1, MSG_PEEK) > 0)
	{
		drop_surplus(c);
		return;
	}

	if ((c->fault == AFTER || c->fault == RESET) && c->out.length > 0)
	{
		end_connection(c, c->fault == RESET);
		return;
	}
	if (c->fault == HALF)
		length = c->out.length / 2;
	if (c->fault == DRIP && length > c->out.length / 20 + 1)
		length = c->out.length / 20 + 1;
	n = write(c->fd, c->out.bytes + c->written, length);
	if (n < 0)
	{
		if (errno == EAGAIN)
			want(c, EPOLLIN | EPOLLOUT);
		else
			end_connection(c, false);
		return;
	}
	c->written += n;
	if (c->fault == HALF)
		end_connection(c, random_below(2) == 0);
	else if (c->written == c->out.length)
		end_request(c);
	else
		c->write_at = now_ms() + (c->fault == DRIP ? 10 : 0);
}
