/*
 * http_thread.c
 *		The HTTP client in a thread of its own: see http_thread.h.
 *
 * Owner and thread share three lists under one lock: requests to start, results to take
 * and results to give back. Each side is woken by an eventfd, written and read under the
 * lock too, so that it is readable exactly while there is something to do.
 *
 * The client itself belongs to whoever holds the lock "driving": the thread, except while
 * it sleeps. A request that goes out alone is sent by the owner in that time: to wake the
 * thread for it would take longer than to send it.
 */
#include "net/http_thread.h"

#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

/* Results wait for others this long at most, and not when this many are there. */
#define PATIENCE_MS 2
#define GROUP_MAX 32

/* One request on its way through the thread and back. */
typedef struct Queued
{
	struct Queued *next;
	const MsgHttpTarget *target;
	MsgRequest request;
	void *cookie;
	MsgHttpResult result;
} Queued;

typedef struct Queue
{
	Queued *first;
	Queued **last;
	int n;
} Queue;

struct MsgHttpThread
{
	pthread_t thread;
	int wake;  /* the owner has something for the thread */
	int ready; /* the thread has something for the owner */

	pthread_mutex_t lock;
	Queue requests;
	Queue results;
	Queue returned; /* results to release */
	size_t max_body;
	bool woken;
	bool handed_over;
	bool stopping;

	pthread_mutex_t driving;
	MsgHttp *http;

	/* the thread's own */
	int64_t waiting_since_ms; /* the first result that was not handed over; 0 = none */

	/* the owner's own */
	Queue taken;
	int outstanding; /* submitted, and not taken */
	bool resolves;	 /* libcurl looks names up without blocking, as it mostly is built */
};

static int64_t
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void
init(Queue *queue)
{
	queue->first = NULL;
	queue->last = &queue->first;
	queue->n = 0;
}

static void
push(Queue *queue, Queued *queued)
{
	queued->next = NULL;
	*queue->last = queued;
	queue->last = &queued->next;
	queue->n++;
}

static Queued *
pop(Queue *queue)
{
	Queued *queued = queue->first;

	if (queued == NULL)
		return NULL;
	queue->first = queued->next;
	if (queue->first == NULL)
		queue->last = &queue->first;
	queue->n--;
	return queued;
}

/* Moves everything of one queue behind the other's. */
static void
move(Queue *from, Queue *to)
{
	if (from->first == NULL)
		return;
	*to->last = from->first;
	to->last = from->last;
	to->n += from->n;
	init(from);
}

static void
signal_fd(int fd)
{
	uint64_t one = 1;

	/* It fails only when the counter is full, which is as good. */
	while (write(fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

static void
clear_fd(int fd)
{
	uint64_t count;

	while (read(fd, &count, sizeof(count)) < 0 && errno == EINTR)
		;
}

/* Under the lock. */
static void
wake(MsgHttpThread *thread)
{
	if (!thread->woken)
		signal_fd(thread->wake);
	thread->woken = true;
}

/* libcurl would not take it: it never left. */
static void
refuse(Queued *queued)
{
	memset(&queued->result, 0, sizeof(queued->result));
	queued->result.cookie = queued->cookie;
	queued->result.transport = MSG_TRANSPORT_NEVER_LEFT;
	queued->result.reply.body = queued->result.reply.headers = "";
	queued->result.reply.retry_after_ms = -1;
	queued->result.error = "libcurl did not take the request";
}

static void
free_queue(MsgHttpThread *thread, Queue *queue)
{
	Queued *queued;

	while ((queued = pop(queue)) != NULL)
	{
		if (queued->result.slot != NULL)
			msgext_http_release(thread->http, &queued->result);
		free(queued);
	}
}

/* Starts what was submitted and frees what was given back. */
static bool
receive(MsgHttpThread *thread, Queue *done)
{
	Queue requests;
	Queue returned;
	Queued *queued;
	bool stopping;

	init(&requests);
	init(&returned);
	pthread_mutex_lock(&thread->lock);
	if (thread->woken)
		clear_fd(thread->wake);
	thread->woken = false;
	move(&thread->requests, &requests);
	move(&thread->returned, &returned);
	msgext_http_limit(thread->http, thread->max_body);
	stopping = thread->stopping;
	pthread_mutex_unlock(&thread->lock);

	free_queue(thread, &returned);
	while ((queued = pop(&requests)) != NULL)
	{
		if (!msgext_http_submit(thread->http, queued->target, &queued->request, queued))
		{
			refuse(queued);
			push(done, queued);
		}
	}
	return !stopping;
}

/* Passes results on; tells the owner when there are enough, or it is time. */
static void
hand_over(MsgHttpThread *thread, Queue *done, int under_way)
{
	if (done->n == 0 && thread->waiting_since_ms == 0)
		return;
	pthread_mutex_lock(&thread->lock);
	move(done, &thread->results);
	if (thread->results.n == 0 || thread->handed_over)
		thread->waiting_since_ms = 0;
	else
	{
		if (thread->waiting_since_ms == 0)
			thread->waiting_since_ms = now_ms();
		if (thread->results.n >= GROUP_MAX || thread->results.n >= under_way ||
			now_ms() >= thread->waiting_since_ms + PATIENCE_MS)
		{
			thread->handed_over = true;
			thread->waiting_since_ms = 0;
			signal_fd(thread->ready);
		}
	}
	pthread_mutex_unlock(&thread->lock);
}

static void *
run(void *arg)
{
	MsgHttpThread *thread = arg;
	MsgHttpResult result;
	Queue done;
	bool going = true;

	init(&done);
	while (going)
	{
		bool moved;
		int under_way;
		int wait_ms;

		pthread_mutex_lock(&thread->driving);
		going = receive(thread, &done);
		moved = msgext_http_pump(thread->http);
		while (msgext_http_take(thread->http, &result))
		{
			Queued *queued = result.cookie;

			queued->result = result;
			queued->result.cookie = queued->cookie;
			push(&done, queued);
		}
		under_way = msgext_http_in_flight(thread->http);
		wait_ms = msgext_http_timeout_ms(thread->http);
		pthread_mutex_unlock(&thread->driving);

		hand_over(thread, &done, under_way);
		if (moved || !going)
			continue;
		if (thread->waiting_since_ms != 0 && (wait_ms < 0 || wait_ms > PATIENCE_MS))
			wait_ms = PATIENCE_MS;
		msgext_http_wait(thread->http, wait_ms);
	}
	return NULL;
}

static void
destroy(MsgHttpThread *thread)
{
	void *queued;

	while (thread->http != NULL && (queued = msgext_http_cut(thread->http)) != NULL)
		free(queued);
	free_queue(thread, &thread->requests);
	free_queue(thread, &thread->results);
	free_queue(thread, &thread->returned);
	free_queue(thread, &thread->taken);
	if (thread->http != NULL)
		msgext_http_destroy(thread->http);
	if (thread->wake >= 0)
		close(thread->wake);
	if (thread->ready >= 0)
		close(thread->ready);
	pthread_mutex_destroy(&thread->lock);
	pthread_mutex_destroy(&thread->driving);
	free(thread);
}

MsgHttpThread *
msgext_http_thread_start(void)
{
	MsgHttpThread *thread;
	sigset_t all;
	sigset_t saved;
	int failed;

	/* libcurl would write the keys of every connection into that file. */
	unsetenv("SSLKEYLOGFILE");
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK ||
		(thread = calloc(1, sizeof(MsgHttpThread))) == NULL)
		return NULL;
	init(&thread->requests);
	init(&thread->results);
	init(&thread->returned);
	init(&thread->taken);
	pthread_mutex_init(&thread->lock, NULL);
	pthread_mutex_init(&thread->driving, NULL);
	thread->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	thread->ready = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	thread->http = msgext_http_create();
	thread->resolves =
		(curl_version_info(CURLVERSION_NOW)->features & CURL_VERSION_ASYNCHDNS) != 0;
	if (thread->wake < 0 || thread->ready < 0 || thread->http == NULL ||
		!msgext_http_watch(thread->http, thread->wake))
	{
		destroy(thread);
		return NULL;
	}

	/* A new thread inherits the mask: none of the owner's handlers may run there. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &saved);
	failed = pthread_create(&thread->thread, NULL, run, thread);
	pthread_sigmask(SIG_SETMASK, &saved, NULL);
	if (failed)
	{
		destroy(thread);
		return NULL;
	}
	return thread;
}

void
msgext_http_thread_stop(MsgHttpThread *thread)
{
	sigset_t all;
	sigset_t saved;

	pthread_mutex_lock(&thread->lock);
	thread->stopping = true;
	wake(thread);
	pthread_mutex_unlock(&thread->lock);
	pthread_join(thread->thread, NULL);

	/* Closing connections may start libcurl's own thread for the last time. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &saved);
	destroy(thread);
	pthread_sigmask(SIG_SETMASK, &saved, NULL);
}

void
msgext_http_thread_limit(MsgHttpThread *thread, size_t max_body)
{
	pthread_mutex_lock(&thread->lock);
	thread->max_body = max_body;
	pthread_mutex_unlock(&thread->lock);
}

int
msgext_http_thread_fd(const MsgHttpThread *thread)
{
	return thread->ready;
}

/* Sends it from here, unless the thread is at work. */
static bool
send_at_once(MsgHttpThread *thread, Queued *queued)
{
	bool sent = false;
	sigset_t all;
	sigset_t saved;

	/* libcurl may start a thread to resolve a name: it inherits the mask. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &saved);
	if (pthread_mutex_trylock(&thread->driving) == 0)
	{
		msgext_http_limit(thread->http, thread->max_body);
		sent = msgext_http_submit(thread->http, queued->target, &queued->request, queued);
		if (sent)
			msgext_http_pump(thread->http);
		pthread_mutex_unlock(&thread->driving);
	}
	pthread_sigmask(SIG_SETMASK, &saved, NULL);
	return sent;
}

bool
msgext_http_thread_submit(MsgHttpThread *thread, const MsgHttpTarget *target,
						  const MsgRequest *request, void *cookie)
{
	Queued *queued = calloc(1, sizeof(Queued));
	bool sent;

	if (queued == NULL)
		return false;
	queued->target = target;
	queued->request = *request;
	queued->cookie = cookie;
	sent = thread->outstanding++ == 0 && thread->resolves && send_at_once(thread, queued);

	/* Of what was sent, it has to learn until when it may sleep. */
	pthread_mutex_lock(&thread->lock);
	if (!sent)
		push(&thread->requests, queued);
	wake(thread);
	pthread_mutex_unlock(&thread->lock);
	return true;
}

bool
msgext_http_thread_ready(MsgHttpThread *thread)
{
	bool ready;

	pthread_mutex_lock(&thread->lock);
	ready = thread->handed_over;
	pthread_mutex_unlock(&thread->lock);
	return ready || thread->taken.n > 0;
}

bool
msgext_http_thread_take(MsgHttpThread *thread, MsgHttpResult *result)
{
	Queued *queued;

	if (thread->taken.n == 0)
	{
		pthread_mutex_lock(&thread->lock);
		if (thread->handed_over)
			clear_fd(thread->ready);
		thread->handed_over = false;
		move(&thread->results, &thread->taken);
		pthread_mutex_unlock(&thread->lock);
	}
	if ((queued = pop(&thread->taken)) == NULL)
		return false;
	thread->outstanding--;
	*result = queued->result;
	result->slot = queued;
	return true;
}

void
msgext_http_thread_release(MsgHttpThread *thread, MsgHttpResult *result)
{
	/* Nobody waits for it: the thread finds it with the next request. */
	pthread_mutex_lock(&thread->lock);
	push(&thread->returned, result->slot);
	pthread_mutex_unlock(&thread->lock);
}
