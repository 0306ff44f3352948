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

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_REQUEST (4 << 20)
#define MAX_CONNECTIONS 2048
#define CALLBACK_CONNECTIONS 4

/* How a request is treated; each has its share of a thousand. */
typedef enum Fault
{
	NONE,
	BEFORE,	 /* closed before it is read to its end */
	AFTER,	 /* taken, closed without an answer */
	RESET,	 /* taken, reset without an answer */
	HALF,	 /* taken, closed within the answer */
	LATE,	 /* taken, answered after the client's timeout */
	DRIP,	 /* taken, the answer comes in pieces, in time */
	GARBAGE, /* taken, the answer cannot be read */
	BUSY,	 /* not taken, 503 */
	LIMITED, /* not taken, 429 with Retry-After: 1 */
	FAILED,	 /* taken, 500 */
	SURPLUS, /* taken; a 408 or the answer once more follows it, unasked */
	REFUSED, /* a repeat of what was taken is refused for good; edna alone */
	FAULTS
} Fault;

static const char *const fault_names[FAULTS] = {
	[NONE] = "ok",		  [BEFORE] = "before", [AFTER] = "after", [RESET] = "reset",
	[HALF] = "half",	  [LATE] = "late",	   [DRIP] = "drip",	  [GARBAGE] = "garbage",
	[BUSY] = "busy",	  [LIMITED] = "429",   [FAILED] = "500",  [SURPLUS] = "surplus",
	[REFUSED] = "refused"};

typedef enum Kind
{
	UNUSED,
	LISTENER,
	CLIENT,
	CONTROL_LISTENER,
	CONTROL,
	CALLBACK
} Kind;

typedef struct Text
{
	char *bytes; /* with a zero byte behind it */
	size_t length;
	size_t room;
} Text;

typedef struct Connection
{
	Kind kind;
	int fd;
	uint32_t events;
	Text in;
	Text out;
	size_t written;
	int64_t write_at; /* ms; the answer waits until then */
	Fault fault;	  /* of the request at hand */
	bool close_after;
	bool surplus;		   /* what waits to be written is nobody's answer */
	struct Report *report; /* of a callback */
	int64_t give_up_at;
} Connection;

/* A message that was taken. */
typedef struct Taken
{
	char *id;
	char *tag;
	char *key; /* edna: the clientId */
	int asked; /* how often its status was asked for */
	struct Taken *next_id;
	struct Taken *next_key;
} Taken;

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

#define BUCKETS 65536
static Taken *by_id[BUCKETS];
static Taken *by_key[BUCKETS];

static Connection connections[MAX_CONNECTIONS];
static int epoll_fd;
static int ledger_fd;
static uint64_t random_state;
static int shares[FAULTS]; /* of a thousand */
static int latency = 40;   /* ms, at most */
static int port;
static uint64_t last_id = UINT64_C(3222000000000000000);
static Report *reports;
static int report_count;
static int callback_port;
static char callback_path[256];

static void
die(const char *what)
{
	perror(what);
	exit(1);
}

static int64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t) t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* xorshift64*: the same seed, the same faults for the same order of requests. */
static unsigned
random_below(unsigned n)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (unsigned) ((random_state * UINT64_C(2685821657736338717)) >> 33) % n;
}

static unsigned
hash(const char *text)
{
	unsigned h = 2166136261u;

	while (*text != '\0')
		h = (h ^ (unsigned char) *text++) * 16777619u;
	return h;
}

static void
append(Text *text, const char *bytes, size_t length)
{
	if (text->length + length + 1 > text->room)
	{
		text->room = (text->length + length + 1) * 2;
		text->bytes = realloc(text->bytes, text->room);
		if (text->bytes == NULL)
			die("memory");
	}
	memcpy(text->bytes + text->length, bytes, length);
	text->length += length;
	text->bytes[text->length] = '\0';
}

static void __attribute__((format(printf, 2, 3)))
print(Text *text, const char *format, ...)
{
	char *line;
	va_list args;
	int length;

	va_start(args, format);
	length = vasprintf(&line, format, args);
	va_end(args);
	if (length < 0)
		die("memory");
	append(text, line, length);
	free(line);
}

/* A line is in the file before anything is answered that rests on it. */
static void __attribute__((format(printf, 1, 2))) enter(const char *format, ...)
{
	char line[1024];
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(line, sizeof(line) - 1, format, args);
	va_end(args);
	if (length > (int) sizeof(line) - 2)
		length = sizeof(line) - 2;
	line[length++] = '\n';
	if (write(ledger_fd, line, length) != length)
		die("ledger");
}

/* ---- connections ---- */

static Connection *
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

static void
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

static void
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

static int
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

/* ---- what was taken ---- */

static Taken *
find_id(const char *id)
{
	Taken *t = by_id[hash(id) % BUCKETS];

	while (t != NULL && strcmp(t->id, id) != 0)
		t = t->next_id;
	return t;
}

static Taken *
find_key(const char *key)
{
	Taken *t = by_key[hash(key) % BUCKETS];

	while (t != NULL && strcmp(t->key, key) != 0)
		t = t->next_key;
	return t;
}

static Taken *
take(const char *prefix, const char *tag, const char *key)
{
	Taken *t = calloc(1, sizeof(Taken));
	Taken **place;

	if (t == NULL ||
		asprintf(&t->id, "%s%llu", prefix, (unsigned long long) ++last_id) < 0)
		die("memory");
	t->tag = strdup(tag);
	place = &by_id[hash(t->id) % BUCKETS];
	t->next_id = *place;
	*place = t;
	if (key != NULL)
	{
		t->key = strdup(key);
		place = &by_key[hash(key) % BUCKETS];
		t->next_key = *place;
		*place = t;
	}
	return t;
}

/* What becomes of a message is said by its tag alone, so that everybody can tell. */
static bool
is_refused(const char *tag)
{
	return hash(tag) % 20 == 7;
}

static const char *
last_status(const Taken *taken)
{
	return hash(taken->tag) % 10 == 4 ? "undelivered" : "delivered";
}

static void
format_time(char *text, size_t size)
{
	time_t t = time(NULL) + 3 * 3600;
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(text, size, "%Y-%m-%d %H:%M:%S", &tm);
}

static void
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

/* ---- answers ---- */

static void
answer(Connection *c, int status, const char *header, const char *type, const char *body)
{
	print(&c->out,
		  "HTTP/1.1 %d %s\r\nContent-Type: %s\r\n%sContent-Length: %zu\r\n\r\n%s", status,
		  status == 200 ? "OK" : "Oops", type, header, strlen(body), body);
	c->write_at = now_ms() + random_below(latency + 1);
	if (c->fault == LATE)
		c->write_at += 1500;
}

/* Something it did take, but does not say so plainly. */
static void
answer_taken(Connection *c, const char *type, const char *body)
{
	if (c->fault == GARBAGE)
		answer(c, 200, "", "text/html", "<html>welcome to <the gate");
	else if (c->fault == FAILED)
		answer(c, 500, "", "text/html", "internal error");
	else
		answer(c, 200, "", type, body);
}

/* True if the request was answered without being looked at. */
static bool
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

/* The text between two marks, copied; false if they are not there. */
static bool
between(const char *text, const char *from, const char *to, char *found, size_t size)
{
	const char *start = strstr(text, from);
	const char *end;

	if (start == NULL)
		return false;
	start += strlen(from);
	end = strstr(start, to);
	if (end == NULL || (size_t) (end - start) >= size)
		return false;
	memcpy(found, start, end - start);
	found[end - start] = '\0';
	return true;
}

static void
devino_send(Connection *c, const char *server, const char *body)
{
	char tag[64];
	char text[256];
	Taken *taken;

	if (body[0] != '{' ||
		!between(body, "\"templateData\":{\"tag\":\"", "\"", tag, sizeof(tag)))
	{
		enter("B %.200s", body);
		answer(c, 400, "", "text/plain", "");
		return;
	}
	if (turn_away(c, server, tag))
		return;
	if (is_refused(tag))
	{
		enter("J %s %s", server, tag);
		answer_taken(c, "application/json",
					 "{\"code\":\"ok\",\"description\":\"\","
					 "\"result\":{\"code\":\"phone_invalid\"}}");
		return;
	}
	taken = take("", tag, NULL);
	enter("A %s %s - %s %s", server, tag, taken->id, fault_names[c->fault]);
	if (strcmp(server, "vk") == 0)
	{
		int64_t now = now_ms();

		report(taken, "SENT", now + random_below(60));
		report(taken,
			   strcmp(last_status(taken), "delivered") == 0 ? "DELIVERED" : "UNDELIVERED",
			   now + random_below(120));
	}
	snprintf(text, sizeof(text),
			 "{\"code\":\"ok\",\"description\":\"\",\"result\":{\"code\":\"ok\","
			 "\"messageId\":%s}}",
			 taken->id);
	answer_taken(c, "application/json", text);
}

static void
devino_status(Connection *c, const char *query)
{
	char at[32];
	char text[256];
	Taken *taken = find_id(query);

	format_time(at, sizeof(at));
	if (taken == NULL)
	{
		enter("B status of %.50s, which nobody has", query);
		answer(c, 200, "", "application/json",
			   "{\"code\":\"ok\",\"result\":{\"code\":\"unknown_message_id\"}}");
		return;
	}
	snprintf(text, sizeof(text),
			 "{\"code\":\"ok\",\"result\":{\"providerId\":%s,\"code\":\"ok\","
			 "\"status\":\"%s\",\"statusAt\":\"%s\"}}",
			 taken->id, taken->asked++ == 0 ? "sent" : last_status(taken), at);
	answer_taken(c, "application/json", text);
}

static void
edna_send(Connection *c, const char *body)
{
	const char *at = body;
	char key[64];
	char tag[64];
	Text text = {0};

	if (c->fault == BUSY || c->fault == LIMITED)
	{
		turn_away(c, "edna", "packet");
		return;
	}
	print(&text, "<?xml version=\"1.0\" encoding=\"UTF-8\"?><consumeOutMessageResponse>"
				 "<header/><payload><code>ok</code><outMessageList>");
	while ((at = strstr(at, "<outMessage clientId=\"")) != NULL)
	{
		Taken *taken;

		if (!between(at, "clientId=\"", "\"", key, sizeof(key)) ||
			!between(at, "<content>", "</content>", tag, sizeof(tag)))
		{
			enter("B packet %.200s", at);
			break;
		}
		at++;
		taken = find_key(key);
		if (taken != NULL && strcmp(taken->tag, tag) != 0)
			enter("B clientId %s of %s for %s too", key, taken->tag, tag);
		if (taken != NULL && c->fault == REFUSED)
		{
			enter("D edna %s %s %s refused", tag, key, taken->id);
			print(&text,
				  "<outMessage "
				  "clientId=\"%s\"><code>error-address-format</code></outMessage>",
				  key);
		}
		else if (taken != NULL)
		{
			enter("D edna %s %s %s %s", tag, key, taken->id, fault_names[c->fault]);
			print(&text,
				  "<outMessage clientId=\"%s\" providerId=\"%s\">"
				  "<code>error-out-message-client-id-not-unique</code></outMessage>",
				  key, taken->id);
		}
		else if (is_refused(tag))
		{
			enter("J edna %s", tag);
			print(&text,
				  "<outMessage "
				  "clientId=\"%s\"><code>error-address-format</code></outMessage>",
				  key);
		}
		else
		{
			taken = take("e", tag, key);
			enter("A edna %s %s %s %s", tag, key, taken->id, fault_names[c->fault]);
			print(&text,
				  "<outMessage clientId=\"%s\" "
				  "providerId=\"%s\"><code>ok</code></outMessage>",
				  key, taken->id);
		}
	}
	print(&text, "</outMessageList></payload></consumeOutMessageResponse>");
	answer_taken(c, "text/xml", text.bytes);
	free(text.bytes);
}

static void
edna_status(Connection *c, const char *body)
{
	const char *at = body;
	char id[64];
	char when[32];
	Text text = {0};

	format_time(when, sizeof(when));
	print(&text, "<provideOutMessageDlvStatusResponse><header/><payload><code>ok</code>"
				 "<outMessageList>");
	while ((at = strstr(at, "<outMessage providerId=\"")) != NULL)
	{
		Taken *taken;

		if (!between(at, "providerId=\"", "\"", id, sizeof(id)))
			break;
		at++;
		taken = find_id(id);
		if (taken == NULL)
		{
			enter("B status of %s, which nobody has", id);
			continue;
		}
		print(
			&text,
			"<outMessage providerId=\"%s\"><code>ok</code><outMessageDlvStatus>"
			"<dlvStatus>%s</dlvStatus><dlvStatusAt>%s</dlvStatusAt></outMessageDlvStatus>"
			"</outMessage>",
			id, taken->asked++ == 0 ? "sent" : last_status(taken), when);
	}
	print(&text, "</outMessageList></payload></provideOutMessageDlvStatusResponse>");
	answer_taken(c, "text/xml", text.bytes);
	free(text.bytes);
}

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

/* ---- one request ---- */

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

static void
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

static void
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

/* False when the connection has ended. */
static bool
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

/* ---- callbacks ---- */

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
static void
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

static void
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

/* ---- control ---- */

static void
go_down(bool down)
{
	int i;
	int fd;

	for (i = 0; i < MAX_CONNECTIONS; i++)
		if (connections[i].kind == LISTENER)
		{
			if (!down)
				return;
			end_connection(&connections[i], false);
		}
	if (down)
		return;
	fd = listen_at(&port);
	if (fd < 0)
		die("listen");
	add_connection(LISTENER, fd, EPOLLIN);
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
		callback_port = atoi(strtok(NULL, " "));
		snprintf(callback_path, sizeof(callback_path), "%s", strtok(NULL, " "));
	}
	else if (strcmp(word, "pending") == 0)
	{
		print(&c->out, "%d\n", report_count);
		return;
	}
	print(&c->out, "ok\n");
}

static void
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

/* ---- the loop ---- */

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
	int fd;

	if (argc != 3)
	{
		fprintf(stderr, "usage: peer LEDGER SEED\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	ledger_fd = open(argv[1], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (ledger_fd < 0)
		die(argv[1]);
	random_state = strtoull(argv[2], NULL, 10) * 2 + 1;
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	go_down(false);
	fd = listen_at(&control_port);
	if (fd < 0)
		die("listen");
	add_connection(CONTROL_LISTENER, fd, EPOLLIN);
	printf("%d %d\n", port, control_port);
	fflush(stdout);
	for (;;)
	{
		struct epoll_event events[64];
		int n = epoll_wait(epoll_fd, events, 64, 3);
		int64_t now = now_ms();
		int i;

		for (i = 0; i < n; i++)
			serve(events[i].data.ptr, events[i].events);
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
