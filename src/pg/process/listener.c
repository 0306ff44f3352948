/*
 * listener.c
 *		The listener of one database: takes callbacks over HTTP and answers them when they
 *		are in the tables.
 *
 * Owns the transactions in which pushes are taken. What comes in between two commits is
 * taken by the next one. Its port and its wait are http_service.c's, who may push
 * listen_token.c's, what GET /metrics says scrape.c's. It connects as background workers
 * do, and takes every push as msgext.listen_role, which has no more rights than the web
 * tier that it replaces. Never logs what a path or a body says.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/ipc.h"
#include "utils/acl.h"
#include "utils/backend_status.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "net/http_listener.h"
#include "pg/base/clock.h"
#include "pg/base/guc.h"
#include "pg/base/run_as.h"
#include "pg/base/text.h"
#include "pg/catalog/access.h"
#include "pg/catalog/server.h"
#include "pg/inbound/callback.h"
#include "pg/inbound/receive.h"
#include "pg/process/bgworker.h"
#include "pg/process/http_service.h"
#include "pg/process/listen_token.h"
#include "pg/process/scrape.h"
#include "pg/process/worker.h"
#include "pg/store/activity.h"

/* Of one transaction: the locks of its messages are held until its end. */
#define BATCH_MAX 128
#define BATCH_BYTES (1024 * 1024)

/*
 * For rows that others hold: who has to wait does not let his batch wait. Then, alone, he
 * may; all of a batch together for no longer than this, and the rest is repeated by its
 * sender. Below deadlock_timeout: nobody else's transaction is sacrificed for a callback.
 */
#define BATCH_LOCK_MS 10
#define LOCK_MS 500

#define COMPLAINT_PAUSE_US USECS_PER_SEC
#define REFUSAL_PAUSE_US (60 * USECS_PER_SEC)

static MemoryContext push_context;	/* reset after each push */
static MemoryContext batch_context; /* after each batch, when it has been answered */

/* What has been done, and not been written down. */
#define SAVE_US USECS_PER_SEC
static MsgActivity activity;
static TimestampTz saved_at = 0;

static const char *const prefixes[] = {"msgext.listen_", "msgext.metrics_",
									   "msgext.mode=", "msgext.node=", NULL};

static char *
own_settings(void)
{
	return psprintf("%s %d %s %s", msgext_listen_address, msgext_listen_port,
					msgext_listen_role, msgext_metrics_token_file);
}

/* The role that pushes are taken as; ERROR when there is none that is fit for it. */
static Oid
listen_role(void)
{
	Oid role;

	if (msgext_listen_role[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("msgext.listen_role is not set"),
				 errhint("Name a role that has EXECUTE on msgext.receive_callback and "
						 "USAGE on the servers.")));
	role = get_role_oid(msgext_listen_role, true);
	if (!OidIsValid(role))
		ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
						errmsg("role \"%s\" of msgext.listen_role does not exist",
							   msgext_listen_role)));
	if (superuser_arg(role))
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("msgext.listen_role must not be a superuser")));
	return role;
}

/* An error that has been caught, at most one a second, and the transaction's end. */
static void
recover(MemoryContext before, bool tell)
{
	static TimestampTz logged_at = 0;
	static int passed_over = 0;
	TimestampTz now = GetCurrentTimestamp();

	bool logged = tell && !msgext_clock_within(logged_at, COMPLAINT_PAUSE_US, now);

	msgext_bgworker_recover(before, logged);
	if (tell && !logged)
		passed_over++;
	if (!logged)
		return;
	if (passed_over > 0)
		ereport(LOG, (errmsg("%d more callbacks could not be taken before that",
							 passed_over)));
	logged_at = now;
	passed_over = 0;
}

/* Too many of this server are kept already: its sender is to come again later. */
static int
refuse(const char *server, bool inbox)
{
	static TimestampTz told_at = 0;
	TimestampTz now = GetCurrentTimestamp();

	if (msgext_clock_within(told_at, REFUSAL_PAUSE_US, now))
		return 503;
	told_at = now;
	if (inbox)
		ereport(WARNING,
				(errmsg("the inbox of server \"%s\" is full", server),
				 errdetail("msgext.max_unmatched_callbacks = %d pushes of a server wait "
						   "in it at most; further ones are answered with 503.",
						   msgext_max_unmatched_callbacks),
				 errhint("Take what is there with take_pushes(), or raise the limit.")));
	else
		ereport(WARNING,
				(errmsg("too many callbacks of server \"%s\" match no message", server),
				 errdetail("msgext.max_unmatched_callbacks = %d are kept of a server; "
						   "further ones are answered with 503.",
						   msgext_max_unmatched_callbacks),
				 errhint("Look at msgext.callback, whose rows without message_id these "
						 "are; remove those that nobody needs, or raise the limit.")));
	return 503;
}

/*
 * One push, in the current transaction: the HTTP status of its answer, whose text is left
 * in *text and *type.
 */
static int
receive(const MsgPush *push, const char **text, const char **type)
{
	MsgServer *server = msgext_server_find(msgext_from_utf8(push->server));
	MsgError error = {0};
	MsgReceived received;
	char why[300];

	if (server == NULL)
		return 404;
	if (msgext_receive(server, push->headers, push->body, push->body_len, &received,
					   &error))
	{
		*text = received.answer;
		*type = received.answer_type;

		/* RFC 9110, 15.5.20: a proxy may ask another one. What is early is kept all the same. */
		if (received.foreign)
			return 421;
		if (received.full || received.inbox_full)
			return refuse(server->name, received.inbox_full);
		return received.status;
	}
	if (error.offset > 0)
		snprintf(why, sizeof(why), "%s, at byte %zu", error.text, error.offset);
	else
		strlcpy(why, error.text, sizeof(why));
	if (!msgext_callback_keep(server, push->body, push->body_len, why))
		return refuse(server->name, false);
	return received.status;
}

/* Until the batch has been answered. */
static const char *
keep_text(const char *text)
{
	return text != NULL ? MemoryContextStrdup(batch_context, text) : NULL;
}

/*
 * Takes pushes in one transaction; false, with nothing taken, when it failed. Only one
 * that fails alone is worth an entry in the log.
 */
static bool
try_to_receive(MsgPush **pushes, MsgPushAnswer *answers, int n, int lock_ms)
{
	MemoryContext before = CurrentMemoryContext;
	TimestampTz begun = GetCurrentTimestamp();
	char lock_timeout[16];
	volatile bool done = false;

	snprintf(lock_timeout, sizeof(lock_timeout), "%d", lock_ms);
	SetConfigOption("lock_timeout", lock_timeout, PGC_SUSET, PGC_S_OVERRIDE);
	PG_TRY();
	{
		bool saves = begun >= saved_at + SAVE_US;
		MsgRunAs self;
		int i;

		msgext_bgworker_begin();
		PushActiveSnapshot(GetTransactionSnapshot());
		self = msgext_run_as(listen_role());
		msgext_access_receive();
		for (i = 0; i < n; i++)
		{
			MemoryContext outer = MemoryContextSwitchTo(push_context);
			const char *text = NULL;
			const char *type = NULL;

			answers[i] = (MsgPushAnswer){.status = receive(pushes[i], &text, &type)};
			answers[i].text = keep_text(text);
			answers[i].type = keep_text(type);
			MemoryContextSwitchTo(outer);
			MemoryContextReset(push_context);
		}
		msgext_run_as_end(&self);
		saves = saves && activity.any &&
				msgext_activity_add(MSG_ACTIVITY_LISTENER, &activity);
		PopActiveSnapshot();
		msgext_bgworker_commit();
		done = true;
		if (saves)
		{
			msgext_activity_clear(&activity);
			saved_at = begun;
		}
		msgext_activity_turn(&activity, begun, true, n);
	}
	PG_CATCH();
	{
		recover(before, n == 1);
		MemoryContextReset(push_context);
		activity.errors++;
		activity.any = true;
	}
	PG_END_TRY();
	return done;
}

/* Writes down what has been done, when no push does so along the way. */
static void
save_activity(void)
{
	MemoryContext before = CurrentMemoryContext;

	if (!activity.any || msgext_clock_within(saved_at, SAVE_US, GetCurrentTimestamp()))
		return;
	saved_at = GetCurrentTimestamp();
	PG_TRY();
	{
		bool written;

		msgext_bgworker_begin();
		PushActiveSnapshot(GetTransactionSnapshot());
		written = msgext_activity_add(MSG_ACTIVITY_LISTENER, &activity);
		PopActiveSnapshot();
		msgext_bgworker_commit();
		if (written)
			msgext_activity_clear(&activity);
	}
	PG_CATCH();
	{
		recover(before, true);
	}
	PG_END_TRY();
}

/* Takes what has come in, and answers it. */
static void
take_pushes(MsgHttpListener *http)
{
	MsgPush *pushes[BATCH_MAX];
	MsgPushAnswer answers[BATCH_MAX];
	MsgPush *push;

	do
	{
		TimestampTz begun;
		size_t bytes = 0;
		int n = 0;
		int i;

		while (n < BATCH_MAX && bytes < BATCH_BYTES &&
			   (push = msgext_http_listener_take(http)) != NULL)
		{
			if (push->server == NULL)
			{
				msgext_scrape(http, push);
				continue;
			}
			bytes += push->body_len;
			pushes[n++] = push;
		}
		if (n == 0)
			return;
		pgstat_report_activity(STATE_RUNNING, "taking callbacks");
		begun = GetCurrentTimestamp();
		if (n == 1 || !try_to_receive(pushes, answers, n, BATCH_LOCK_MS))
		{
			for (i = 0; i < n; i++)
			{
				int64 waited_ms = (GetCurrentTimestamp() - begun) / 1000;

				if (!try_to_receive(&pushes[i], &answers[i], 1,
									(int) Max(LOCK_MS - waited_ms, BATCH_LOCK_MS)))
					answers[i] = (MsgPushAnswer){.status = 503};
			}
		}
		begun = GetCurrentTimestamp();
		for (i = 0; i < n; i++)
			msgext_http_listener_answer(http, pushes[i], &answers[i],
										msgext_unix_us(begun));
		MemoryContextReset(batch_context);
	} while (push != NULL);
	pgstat_report_activity(STATE_IDLE, "waiting for callbacks");
}

/* Is the role fit? Says why not. Without one, there may be metrics at least. */
static bool
check_role(void)
{
	MemoryContext before = CurrentMemoryContext;
	volatile bool fit = false;

	if (msgext_listen_role[0] == '\0' && msgext_metrics_token_file[0] != '\0')
		return true;
	PG_TRY();
	{
		msgext_bgworker_begin();
		(void) listen_role();
		msgext_bgworker_commit();
		fit = true;
	}
	PG_CATCH();
	{
		recover(before, true);
	}
	PG_END_TRY();
	return fit;
}

static const MsgHttpService service = {.kind = MSG_HTTP_LISTENER,
									   .what = "callbacks",
									   .waiting = "waiting for callbacks",
									   .wait_event = "MsgextListener",
									   .prefixes = prefixes,
									   .settings = own_settings,
									   .prepare = msgext_listen_tokens_keep,
									   .serve = take_pushes,
									   .look = save_activity};

void
msgext_listener_main(Datum arg)
{
	msgext_bgworker_start(DatumGetObjectId(arg));
	pgstat_report_appname("msgext listener");
	if (msgext_listen_port == 0 || msgext_bgworker_in_test_database() || !check_role())
		proc_exit(1);
	push_context =
		AllocSetContextCreate(TopMemoryContext, "msgext push", ALLOCSET_DEFAULT_SIZES);
	batch_context =
		AllocSetContextCreate(TopMemoryContext, "msgext batch", ALLOCSET_SMALL_SIZES);

	/* Its waits for rows are short, and somebody waits for the answer. */
	msgext_bgworker_set_busy(true);
	activity.starts = 1;
	activity.started_at = GetCurrentTimestamp();
	activity.any = true;
	msgext_http_service_run(&service, msgext_listen_address, msgext_listen_port);
}
