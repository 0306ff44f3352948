/*
 * fault.c
 *		How each fault is done: which of them take the message, what becomes of
 *		the answer, how a connection is cut.
 *
 * A fault has two moments. When the request is complete fault_serve() lets the
 * provider take it or not; when the answer is due fault_answer() sends it, or
 * something else. Which request is hit is decided in script.c.
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "exchange.h"

#define DRIP_BLOCK 1
#define HUGE_BLOCK (64 * 1024)

static void
html_page(Reply *reply, unsigned status)
{
	reply->status = status;
	reply->content_type = "text/html; charset=utf-8";
	reply->headers_len = 0;
	buf_clear(&reply->body);
	buf_printf(&reply->body,
			   "<!DOCTYPE html>\n<html><head><title>%u</title></head>"
			   "<body><h1>%u</h1><p>This is a proxy speaking, not the application.</p>"
			   "</body></html>\n",
			   status, status);
}

/* The same bytes in every run, so that a failure can be repeated. */
static void
garbage(Reply *reply, size_t len)
{
	static uint64_t state = 88172645463325252u;

	reply->status = 200;
	reply->content_type = "application/json; charset=utf-8";
	reply->headers_len = 0;
	buf_clear(&reply->body);
	buf_reserve(&reply->body, len);
	while (reply->body.len < len)
	{
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		reply->body.data[reply->body.len++] = (char) (state >> 24);
	}
	reply->body.data[len] = '\0';
}

static void
retry_after(Reply *reply, long seconds)
{
	char value[32];

	snprintf(value, sizeof(value), "%ld", seconds);
	reply_header(reply, "Retry-After", value);
}

static void
plain_status(Reply *reply, const Fault *fault)
{
	const char *text = fault->text;

	if (text == NULL)
		html_page(reply, (unsigned) fault->number);
	else
	{
		reply_text(reply, (unsigned) fault->number, text);
		if (*text == '{' || *text == '[')
			reply->content_type = "application/json; charset=utf-8";
	}
	if (fault->retry_after >= 0)
		retry_after(reply, fault->retry_after);
	if (fault->echo != NULL)
		reply_header(reply, "X-Echo", fault->echo);
}

/*
 * Diadoc, PostMessage: "if the answer has a Retry-After header, the previous call with
 * the same operation id is not finished". Which status it comes with is not said.
 */
static void
still_running(Reply *reply, const Fault *fault)
{
	unsigned status = (unsigned) fault->number;

	if (status == 409)
		reply_text(reply, status, "The operation is still running, repeat it later");
	else if (status >= 300)
		html_page(reply, status);
	else
		reply_text(reply, status, "");
	reply->headers_len = 0;
	retry_after(reply, fault->retry_after);
}

/*
 * Devino VK API, «Пример ответа на запрос отправки сообщения»: the example
 * has a comma before its last brace, which no strict parser reads.
 */
static void
trailing_comma(Buf *body)
{
	size_t at = body->len;

	while (at > 0 && body->data[at - 1] != '}')
		at--;
	if (at > 0)
	{
		body->len = at - 1;
		buf_puts(body, ",}");
	}
}

void
fault_serve(Exchange *ex)
{
	Request *request = &ex->request;
	Reply *reply = &ex->reply;
	Fault *fault = &ex->fault;

	switch (fault->kind)
	{
		case FAULT_DROP_BEFORE:
			break;
		case FAULT_STATUS:
			plain_status(reply, fault);
			break;
		case FAULT_HTML:
			html_page(reply, 200);
			break;
		case FAULT_GARBAGE:
			garbage(reply, (size_t) fault->number);
			break;
		case FAULT_EMPTY:
			reply_text(reply, 200, "");
			break;
		case FAULT_CODE:
			request->provider->refuse(request, reply, fault->text, fault->description);
			break;
		case FAULT_INNER:
			request->provider->reject(request, reply, fault->text);
			break;
		case FAULT_TAKEN_STATUS:
			request->route->handle(request, reply);
			html_page(reply, (unsigned) fault->number);
			break;
		case FAULT_RETRY_AFTER:
			request->route->handle(request, reply);
			still_running(reply, fault);
			break;
		case FAULT_TAKEN_HTML:
			request->route->handle(request, reply);
			html_page(reply, 200);
			break;
		case FAULT_TAKEN_GARBAGE:
			request->route->handle(request, reply);
			garbage(reply, (size_t) fault->number);
			break;
		case FAULT_TRAILING_COMMA:
			request->route->handle(request, reply);
			trailing_comma(&reply->body);
			break;
		case FAULT_TAKEN_HALF:
			request->route->handle(request, reply);
			reply->body.len /= 2;
			break;
		case FAULT_ODD:
			request->oddity = fault->text;
			request->route->handle(request, reply);
			break;
		case FAULT_NONE:
		case FAULT_MISSING:
		case FAULT_DROP_AFTER:
		case FAULT_RESET_MID_BODY:
		case FAULT_DELAY:
		case FAULT_DRIP:
		case FAULT_HUGE:
		case FAULT_HANG:
			request->route->handle(request, reply);
			break;
	}
}

/* One byte at a time; between two of them the connection is suspended. */
static ssize_t
drip_read(void *cls, uint64_t pos, char *out, size_t max)
{
	Exchange *ex = cls;

	if (max == 0)
		return 0;
	if (server_is_stopping())
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (!ex->drip_due)
	{
		ex->drip_due = true;
		exchange_sleep(ex, ex->fault.number);
		return 0;
	}
	ex->drip_due = false;
	*out = ex->reply.body.data[pos];
	return 1;
}

/*
 * The first half, then a reset. Zero linger makes close() answer with RST; the
 * half is already in the client's buffer by then, for libmicrohttpd asks for
 * more only when it has written what it had.
 */
static ssize_t
reset_read(void *cls, uint64_t pos, char *out, size_t max)
{
	Exchange *ex = cls;
	size_t half = ex->reply.body.len / 2;
	struct linger linger = {.l_onoff = 1, .l_linger = 0};

	if (pos < half)
	{
		size_t len = half - (size_t) pos < max ? half - (size_t) pos : max;

		memcpy(out, ex->reply.body.data + pos, len);
		return (ssize_t) len;
	}
	setsockopt(ex->conn->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	return MHD_CONTENT_READER_END_WITH_ERROR;
}

/* Blanks, and the true answer at the very end: a reader without a limit finds it. */
static ssize_t
huge_read(void *cls, uint64_t pos, char *out, size_t max)
{
	Exchange *ex = cls;
	uint64_t blanks = ((uint64_t) ex->fault.number << 20) - ex->reply.body.len;
	size_t len;

	if (pos < blanks)
	{
		len = blanks - pos < max ? (size_t) (blanks - pos) : max;
		memset(out, ' ', len);
		return (ssize_t) len;
	}
	len = ex->reply.body.len - (size_t) (pos - blanks);
	len = len < max ? len : max;
	memcpy(out, ex->reply.body.data + (pos - blanks), len);
	return (ssize_t) len;
}

static enum MHD_Result
queue_reader(Exchange *ex, uint64_t size, size_t block, MHD_ContentReaderCallback reader)
{
	return exchange_queue(
		ex, MHD_create_response_from_callback(size, block, reader, ex, NULL));
}

/* MHD_NO closes the connection without an answer. */
enum MHD_Result
fault_answer(Exchange *ex)
{
	switch (ex->fault.kind)
	{
		case FAULT_DROP_BEFORE:
		case FAULT_DROP_AFTER:
		case FAULT_HANG:
			return MHD_NO;
		case FAULT_RESET_MID_BODY:
			return queue_reader(ex, ex->reply.body.len, HUGE_BLOCK, reset_read);
		case FAULT_DRIP:
			ex->drip_due = true;
			return queue_reader(ex, ex->reply.body.len, DRIP_BLOCK, drip_read);
		case FAULT_HUGE:
			return queue_reader(ex, (uint64_t) ex->fault.number << 20, HUGE_BLOCK,
								huge_read);
		default:
			return exchange_queue(ex, reply_response(ex));
	}
}
