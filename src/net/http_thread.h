/*
 * http_thread.h
 *		The HTTP client in a thread of its own, so that requests move while their owner
 *		waits for a disk: submit, wait for one descriptor, take what is done.
 *
 * The thread runs http_client.c and nothing else: it knows neither PostgreSQL nor the
 * process's signals, and touches no memory of the owner's but the requests that were
 * submitted, to read them. Every function here is for the owner's thread; the first
 * request where nothing is under way leaves from that thread itself.
 */
#ifndef MSGEXT_HTTP_THREAD_H
#define MSGEXT_HTTP_THREAD_H

#include "net/http_client.h"

typedef struct MsgHttpThread MsgHttpThread;

/*
 * Starts libcurl for this process, and the thread. Returns NULL when there is no memory,
 * no descriptor or no thread to be had.
 */
extern MsgHttpThread *msgext_http_thread_start(void);
/* Cuts every request that is under way, and ends the thread. */
extern void msgext_http_thread_stop(MsgHttpThread *thread);

/* How many bytes an answer's body may have; none before this is called. */
extern void msgext_http_thread_limit(MsgHttpThread *thread, size_t max_body);

/*
 * Becomes readable when results are handed over: when half of what is under way is done,
 * or a fair number, or the first of them has waited for a moment, or nothing more is
 * under way. Results are worth a transaction together.
 */
extern int msgext_http_thread_fd(const MsgHttpThread *thread);

/* As msgext_http_submit(). False when there is no memory. */
extern bool msgext_http_thread_submit(MsgHttpThread *thread, const MsgHttpTarget *target,
									  const MsgRequest *request, void *cookie);

/* Have results been handed over that were not taken? */
extern bool msgext_http_thread_ready(MsgHttpThread *thread);
/* The next result that there is, handed over or not; false when there is none. */
extern bool msgext_http_thread_take(MsgHttpThread *thread, MsgHttpResult *result);
extern void msgext_http_thread_release(MsgHttpThread *thread, MsgHttpResult *result);

#endif /* MSGEXT_HTTP_THREAD_H */
