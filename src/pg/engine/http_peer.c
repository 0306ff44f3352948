/*
 * http_peer.c
 *		The provider over HTTP: see http_peer.h.
 */
#include "postgres.h"

#include "storage/ipc.h"

#include "pg/base/guc.h"
#include "pg/engine/http_peer.h"

/* The thread of this process; at its exit it must be gone before libraries clean up. */
static MsgHttpThread *running;

static void
stop_at_exit(int code, Datum arg)
{
	if (running != NULL)
		msgext_http_thread_stop(running);
	running = NULL;
}

static MsgHttpThread *
thread_of(MsgPeer *peer)
{
	return ((MsgHttpPeer *) peer)->thread;
}

static bool
submit(MsgPeer *peer, MsgFlight *flight)
{
	return msgext_http_thread_submit(thread_of(peer), &flight->server->target,
									 &flight->request, flight);
}

static bool
take(MsgPeer *peer, MsgHttpResult *result)
{
	return msgext_http_thread_take(thread_of(peer), result);
}

static void
release(MsgPeer *peer, MsgHttpResult *result)
{
	msgext_http_thread_release(thread_of(peer), result);
}

void
msgext_http_peer_start(MsgHttpPeer *http)
{
	static bool registered = false;

	if (!registered)
		on_proc_exit(stop_at_exit, 0);
	registered = true;
	running = msgext_http_thread_start();
	if (running == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY), errmsg("could not start libcurl")));
	http->peer.submit = submit;
	http->peer.take = take;
	http->peer.release = release;
	http->thread = running;
	msgext_http_peer_limit(http);
}

void
msgext_http_peer_stop(MsgHttpPeer *http)
{
	running = NULL;
	msgext_http_thread_stop(http->thread);
}

void
msgext_http_peer_limit(MsgHttpPeer *http)
{
	msgext_http_thread_limit(http->thread, (size_t) msgext_max_response_size * 1024);
}
