/*
 * exchange.c
 *		One request from its headers to the end of its answer: its memory, its
 *		sleep, the way its reply becomes a libmicrohttpd response.
 *
 * Owns all exchanges, at work, asleep or spare. Never decides what the answer
 * says or when it is due.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "exchange.h"
#include "timer.h"

#define BUF_KEEP ((size_t) 64 << 10)
#define SPARE_EXCHANGES 1024
#define STREAM_BLOCK (64 * 1024)
#define HANG_CHECK_MS 50

static Exchange *sleepers;
static Exchange *spares;
static int spares_len;

const char *
request_header(const Request *request, const char *name)
{
	return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

const char *
request_argument(const Request *request, const char *name)
{
	return MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, name);
}

void
reply_text(Reply *reply, unsigned status, const char *text)
{
	reply->status = status;
	reply->content_type = "text/plain; charset=utf-8";
	buf_clear(&reply->body);
	buf_puts(&reply->body, text);
}

void
reply_header(Reply *reply, const char *name, const char *value)
{
	ReplyHeader *header = &reply->headers[reply->headers_len];

	if (reply->headers_len == REPLY_HEADERS_MAX)
		die("too many headers");
	reply->headers_len++;
	header->name = name;
	snprintf(header->value, sizeof(header->value), "%s", value);
}

Exchange *
exchange_new(void)
{
	Exchange *ex = spares;

	if (ex == NULL)
		return must_alloc(sizeof(Exchange));
	spares = ex->next;
	spares_len--;
	ex->next = NULL;
	return ex;
}

/* The buffers go along with the spare: in steady state nothing is allocated. */
void
exchange_release(Exchange *ex)
{
	Buf body = ex->request.body;
	Buf answer = ex->reply.body;

	fault_free(&ex->fault);
	ledger_release(&ex->request.entries);
	buf_free(&ex->piece);
	free(ex->reply.source_state);
	if (spares_len >= SPARE_EXCHANGES)
	{
		buf_free(&body);
		buf_free(&answer);
		free(ex);
		return;
	}
	buf_recycle(&body, BUF_KEEP);
	buf_recycle(&answer, BUF_KEEP);
	memset(ex, 0, sizeof(*ex));
	ex->request.body = body;
	ex->reply.body = answer;
	ex->next = spares;
	spares = ex;
	spares_len++;
}

static void
exchange_wake(void *arg)
{
	Exchange *ex = arg;

	if (ex->prev != NULL)
		ex->prev->next = ex->next;
	else
		sleepers = ex->next;
	if (ex->next != NULL)
		ex->next->prev = ex->prev;
	ex->next = ex->prev = NULL;
	MHD_resume_connection(ex->request.connection);
}

static void
exchange_suspend(Exchange *ex)
{
	MHD_suspend_connection(ex->request.connection);
	ex->next = sleepers;
	if (sleepers != NULL)
		sleepers->prev = ex;
	sleepers = ex;
}

void
exchange_sleep(Exchange *ex, int64_t ms)
{
	exchange_suspend(ex);
	timer_after_ms(ms, exchange_wake, ex);
}

/* Its client has closed the connection, though the server may not have noticed. */
bool
exchange_is_abandoned(const Exchange *ex)
{
	char byte;
	ssize_t got = recv(ex->conn->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

	return got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR);
}

/* libmicrohttpd does not watch a suspended connection, so somebody has to. */
static void
hang_check(void *arg)
{
	Exchange *ex = arg;

	if (exchange_is_abandoned(ex))
		exchange_wake(ex);
	else
		timer_after_ms(HANG_CHECK_MS, hang_check, ex);
}

/* Asleep until the client gives up. */
void
exchange_hang(Exchange *ex)
{
	exchange_suspend(ex);
	timer_after_ms(HANG_CHECK_MS, hang_check, ex);
}

static void
release(void *arg)
{
	Exchange *ex = sleepers;

	(void) arg;
	timer_drop(exchange_wake);
	while (ex != NULL)
	{
		Exchange *next = ex->next;

		if (ex->fault.kind != FAULT_HANG)
			exchange_wake(ex);
		ex = next;
	}
}

/*
 * What is delayed is delayed no longer. From the loop, not from here: it does not see
 * connections that are resumed while libmicrohttpd runs.
 */
void
exchanges_release(void)
{
	timer_after_ms(0, release, NULL);
}

/* True if there was one: an awakened exchange may fall asleep again. */
bool
exchanges_wake_all(void)
{
	bool any = sleepers != NULL;

	timer_drop(exchange_wake);
	timer_drop(hang_check);
	while (sleepers != NULL)
		exchange_wake(sleepers);
	return any;
}

void
exchanges_free_spares(void)
{
	while (spares != NULL)
	{
		Exchange *next = spares->next;

		buf_free(&spares->request.body);
		buf_free(&spares->reply.body);
		free(spares);
		spares = next;
	}
	spares_len = 0;
}

static ssize_t
stream_read(void *cls, uint64_t pos, char *out, size_t max)
{
	Exchange *ex = cls;
	size_t len;

	(void) pos;
	if (ex->piece_at == ex->piece.len)
	{
		buf_clear(&ex->piece);
		ex->piece_at = 0;
		if (!ex->reply.source(ex->reply.source_state, &ex->piece))
			return MHD_CONTENT_READER_END_OF_STREAM;
	}
	len = ex->piece.len - ex->piece_at < max ? ex->piece.len - ex->piece_at : max;
	memcpy(out, ex->piece.data + ex->piece_at, len);
	ex->piece_at += len;
	return (ssize_t) len;
}

/* The body is not copied: it lives in the exchange, which outlives the answer. */
struct MHD_Response *
reply_response(Exchange *ex)
{
	if (ex->reply.source != NULL)
		return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK,
												 stream_read, ex, NULL);
	return MHD_create_response_from_buffer(ex->reply.body.len, ex->reply.body.data,
										   MHD_RESPMEM_PERSISTENT);
}

enum MHD_Result
exchange_queue(Exchange *ex, struct MHD_Response *response)
{
	const Reply *reply = &ex->reply;
	enum MHD_Result result;
	int i;

	if (response == NULL)
		return MHD_NO;
	if (reply->content_type != NULL)
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
								reply->content_type);
	for (i = 0; i < reply->headers_len; i++)
		MHD_add_response_header(response, reply->headers[i].name,
								reply->headers[i].value);
	result = MHD_queue_response(ex->request.connection, reply->status, response);
	MHD_destroy_response(response);
	return result;
}
