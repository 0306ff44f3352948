/*
 * metrics.c
 *		What a monitoring system is told: see metrics.h.
 *
 * A family is written of all servers before the next one begins, so everything is read
 * first.
 */
#include "postgres.h"

#include "commands/dbcommands.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "core/lengthof.h"
#include "core/openmetrics.h"
#include "pg/base/clock.h"
#include "pg/base/mode.h"
#include "pg/base/text.h"
#include "pg/catalog/access.h"
#include "pg/ipc/registry.h"
#include "pg/monitor/metrics.h"
#include "pg/monitor/server_state.h"
#include "pg/outcome/lag.h"
#include "pg/store/activity.h"
#include "pg/store/origin.h"
#include "pg/store/statistic.h"

/* States of a server. */
typedef enum Gauge
{
	/* Not told of a server whose queue is not counted. */
	GAUGE_QUEUE,
	GAUGE_AGE,
	GAUGE_IN_FLIGHT,
	GAUGE_UNKNOWN,

	GAUGE_STRANDED,
	GAUGE_PAUSED,
	GAUGE_PAUSED_ACCOUNTS,
	GAUGE_BROKEN,
	GAUGE_LAST_SUCCESS,
	GAUGE_LAST_ERROR
} Gauge;

#define GAUGES (GAUGE_LAST_ERROR + 1)

/* States of a consumer. */
typedef enum ConsumerGauge
{
	/* Not told of a consumer of another database. */
	CONSUMER_UNREAD,
	CONSUMER_LAG,

	CONSUMER_FAILURES
} ConsumerGauge;

#define CONSUMER_GAUGES (CONSUMER_FAILURES + 1)

/* Events of a consumer that are looked at, each time. */
#define LOOKS 1000

/* What a number is: as it stands, or microseconds. */
typedef enum Kind
{
	KIND_NUMBER,
	KIND_SECONDS
} Kind;

/* One server, as it is told. */
typedef struct WatchedServer
{
	MsgLabel label; /* its name */
	const char *provider;
	bool counted; /* the queue */
	int64 gauges[GAUGES];
	MsgCounts counts;
} WatchedServer;

static const struct
{
	MsgMetric metric;
	Kind kind;
	MsgMetricType type;
} gauges[GAUGES] = {
	[GAUGE_QUEUE] = {{"queue_messages",
					  "Messages that wait to be sent; 10000 stands for more."},
					 KIND_NUMBER,
					 MSG_METRIC_GAUGE},
	[GAUGE_AGE] = {{"queue_age_seconds",
					"How long the oldest of them has waited; 0 without any."},
				   KIND_SECONDS,
				   MSG_METRIC_GAUGE},
	[GAUGE_IN_FLIGHT] = {{"in_flight_messages", "Messages whose request is on its way."},
						 KIND_NUMBER,
						 MSG_METRIC_GAUGE},
	[GAUGE_UNKNOWN] = {{"unknown_messages",
						"Messages in state unknown, which wait for a person."},
					   KIND_NUMBER,
					   MSG_METRIC_GAUGE},
	[GAUGE_STRANDED] = {{"messages_stranded",
						 "Messages found that nothing led to any more, and sent."},
						KIND_NUMBER,
						MSG_METRIC_COUNTER},
	[GAUGE_PAUSED] = {{"paused", "1 while the server is paused."},
					  KIND_NUMBER,
					  MSG_METRIC_GAUGE},
	[GAUGE_PAUSED_ACCOUNTS] = {{"paused_accounts",
								"Accounts whose credentials the provider refused."},
							   KIND_NUMBER,
							   MSG_METRIC_GAUGE},
	[GAUGE_BROKEN] = {{"circuit_open", "1 while one message at a time tries the server."},
					  KIND_NUMBER,
					  MSG_METRIC_GAUGE},
	[GAUGE_LAST_SUCCESS] = {{"last_success_timestamp_seconds",
							 "When a request last succeeded; 0 = never."},
							KIND_SECONDS,
							MSG_METRIC_GAUGE},
	[GAUGE_LAST_ERROR] = {{"last_error_timestamp_seconds",
						   "When a request last failed; 0 = never."},
						  KIND_SECONDS,
						  MSG_METRIC_GAUGE},
};

static const struct
{
	MsgMetric metric;
	Kind kind;
} consumer_gauges[CONSUMER_GAUGES] = {
	[CONSUMER_UNREAD] = {{"consumer_unread_events",
						  "Events that it has not passed, of the first 1000."},
						 KIND_NUMBER},
	[CONSUMER_LAG] = {{"consumer_lag_seconds",
					   "How long the oldest of them has waited; 0 without any."},
					  KIND_SECONDS},
	[CONSUMER_FAILURES] = {{"consumer_failures",
							"How often its function has failed in a row; 0 = it works."},
						   KIND_NUMBER},
};

static const struct
{
	MsgMetric metric;
	MsgMetricType type;
	Kind kind;
	size_t offset; /* of an int64 within MsgActivity */
} process_metrics[] = {
	{{"process_starts", "Starts of the process."},
	 MSG_METRIC_COUNTER,
	 KIND_NUMBER,
	 offsetof(MsgActivity, starts)},
	{{"process_turns", "Turns that it has taken."},
	 MSG_METRIC_COUNTER,
	 KIND_NUMBER,
	 offsetof(MsgActivity, turns)},
	{{"process_commits", "Turns that have written something."},
	 MSG_METRIC_COUNTER,
	 KIND_NUMBER,
	 offsetof(MsgActivity, commits)},
	{{"process_results", "Answers, or pushes, that it has recorded."},
	 MSG_METRIC_COUNTER,
	 KIND_NUMBER,
	 offsetof(MsgActivity, results)},
	{{"process_errors", "Turns that failed."},
	 MSG_METRIC_COUNTER,
	 KIND_NUMBER,
	 offsetof(MsgActivity, errors)},
	{{"process_turn_seconds", "Time that its turns took."},
	 MSG_METRIC_COUNTER,
	 KIND_SECONDS,
	 offsetof(MsgActivity, turn_us)},
	{{"process_in_flight_requests", "Requests under way."},
	 MSG_METRIC_GAUGE,
	 KIND_NUMBER,
	 offsetof(MsgActivity, in_flight)},
};

static void
put(MsgBuf *text, MsgMetricType type, Kind kind, const char *name, const MsgLabel *labels,
	int n, int64 value)
{
	if (kind == KIND_SECONDS)
		msgext_openmetrics_seconds(text, type, name, labels, n, value);
	else
		msgext_openmetrics_sample(text, type, name, labels, n, value);
}

static void
write_database(MsgBuf *text)
{
	static const MsgMetric info = {"database", "The database that is told of."};
	static const MsgMetric worker = {"worker_up", "1 while a worker dispatches."};
	static const MsgMetric held = {"held", "1 while msgext.mode keeps all back."};
	MsgLabel database = {"database", msgext_to_utf8(get_database_name(MyDatabaseId))};

	msgext_openmetrics_family(text, MSG_METRIC_INFO, &info);
	put(text, MSG_METRIC_INFO, KIND_NUMBER, info.name, &database, 1, 1);
	msgext_openmetrics_family(text, MSG_METRIC_GAUGE, &worker);
	put(text, MSG_METRIC_GAUGE, KIND_NUMBER, worker.name, NULL, 0,
		msgext_registry_has_worker());
	msgext_openmetrics_family(text, MSG_METRIC_GAUGE, &held);
	put(text, MSG_METRIC_GAUGE, KIND_NUMBER, held.name, NULL, 0,
		msgext_mode() != MSG_MODE_LIVE);
}

static void
write_processes(MsgBuf *text)
{
	static const char *const names[] = {MSG_ACTIVITY_DISPATCHER, MSG_ACTIVITY_LISTENER};
	MsgActivityRow rows[lengthof(names)];
	bool found[lengthof(names)];
	int i;
	int k;

	if (!msgext_access_monitor_all())
		return;
	for (k = 0; k < lengthof(names); k++)
		found[k] = msgext_activity_read(names[k], &rows[k]);
	for (i = 0; i < lengthof(process_metrics); i++)
	{
		const MsgMetric *metric = &process_metrics[i].metric;

		msgext_openmetrics_family(text, process_metrics[i].type, metric);
		for (k = 0; k < lengthof(names); k++)
		{
			MsgLabel label = {"process", names[k]};
			const char *activity = (const char *) &rows[k].activity;

			if (found[k])
				put(text, process_metrics[i].type, process_metrics[i].kind, metric->name,
					&label, 1, *(const int64 *) (activity + process_metrics[i].offset));
		}
	}
}

static void
read_gauges(const MsgServerEntry *server, const MsgInFlight *in_flight,
			WatchedServer *watched)
{
	MemoryContext context = AllocSetContextCreate(
		CurrentMemoryContext, "msgext state of a server", ALLOCSET_DEFAULT_SIZES);
	MemoryContext before = MemoryContextSwitchTo(context);
	int64 *values = watched->gauges;
	MsgServerState state;

	msgext_server_state_read(server, in_flight, false, &state);
	watched->counted = state.counted;
	values[GAUGE_QUEUE] = state.counts.queued;
	values[GAUGE_AGE] =
		state.counts.oldest == 0 ? 0 : Max(msgext_clock() - state.counts.oldest, 0);
	values[GAUGE_IN_FLIGHT] = state.counts.in_flight;
	values[GAUGE_UNKNOWN] = state.counts.unknown;
	values[GAUGE_STRANDED] = state.health.stranded;
	values[GAUGE_PAUSED] = state.pause.paused;
	values[GAUGE_PAUSED_ACCOUNTS] = list_length(state.paused_accounts);
	values[GAUGE_BROKEN] = state.health.broken_at != 0;
	values[GAUGE_LAST_SUCCESS] = msgext_unix_us(state.health.last_success_at);
	values[GAUGE_LAST_ERROR] = msgext_unix_us(state.health.last_error_at);
	MemoryContextSwitchTo(before);
	MemoryContextDelete(context);
}

static List *
read_servers(void)
{
	MsgInFlight *in_flight = NULL;
	List *servers = NIL;
	ListCell *cell;

	foreach (cell, msgext_server_entries())
	{
		const MsgServerEntry *server = lfirst(cell);
		TimestampTz reset_at;
		WatchedServer *watched;

		if (!msgext_access_monitor(server->oid))
			continue;
		if (in_flight == NULL)
			in_flight = msgext_in_flight_read();
		watched = palloc(sizeof(WatchedServer));
		watched->label.name = "server";
		watched->label.value = msgext_to_utf8(server->name);
		watched->provider = server->provider_name;
		read_gauges(server, in_flight, watched);
		msgext_statistic_read(server->oid, &watched->counts, &reset_at);
		servers = lappend(servers, watched);
	}
	return servers;
}

static void
write_states(MsgBuf *text, const List *servers)
{
	static const MsgMetric info = {"server", "The servers of the database."};
	ListCell *cell;
	int i;

	msgext_openmetrics_family(text, MSG_METRIC_INFO, &info);
	foreach (cell, servers)
	{
		const WatchedServer *watched = lfirst(cell);
		MsgLabel labels[] = {watched->label, {"provider", watched->provider}};

		put(text, MSG_METRIC_INFO, KIND_NUMBER, info.name, labels, lengthof(labels), 1);
	}
	for (i = 0; i < GAUGES; i++)
	{
		msgext_openmetrics_family(text, gauges[i].type, &gauges[i].metric);
		foreach (cell, servers)
		{
			const WatchedServer *watched = lfirst(cell);

			if (watched->counted || i > GAUGE_UNKNOWN)
				put(text, gauges[i].type, gauges[i].kind, gauges[i].metric.name,
					&watched->label, 1, watched->gauges[i]);
		}
	}
}

static void
write_statistics(MsgBuf *text, const List *servers)
{
	ListCell *cell;
	int i;

	for (i = 0; i < MSG_COUNTERS; i++)
	{
		const MsgMetric *metric = &msgext_counter_metrics[i];

		msgext_openmetrics_family(text, MSG_METRIC_COUNTER, metric);
		foreach (cell, servers)
		{
			const WatchedServer *watched = lfirst(cell);

			put(text, MSG_METRIC_COUNTER, KIND_NUMBER, metric->name, &watched->label, 1,
				watched->counts.n[i]);
		}
	}
	for (i = 0; i < MSG_TIMES; i++)
	{
		const MsgMetric *metric = &msgext_time_metrics[i];

		msgext_openmetrics_family(text, MSG_METRIC_HISTOGRAM, metric);
		foreach (cell, servers)
		{
			const WatchedServer *watched = lfirst(cell);

			msgext_openmetrics_histogram(text, metric->name, &watched->label,
										 msgext_time_bounds_us[i],
										 &watched->counts.times[i]);
		}
	}
}

/* One consumer, as it is told. */
typedef struct WatchedConsumer
{
	MsgLabel labels[2];
	bool ours; /* and not of the database that this one is a copy of */
	int64 gauges[CONSUMER_GAUGES];
} WatchedConsumer;

static void
read_lag(MsgFeed *feed, WatchedConsumer *consumer)
{
	MemoryContext context = AllocSetContextCreate(
		CurrentMemoryContext, "msgext lag of a consumer", ALLOCSET_DEFAULT_SIZES);
	MemoryContext before = MemoryContextSwitchTo(context);
	MsgLag lag;

	msgext_lag_read(feed, LOOKS, &lag);
	consumer->gauges[CONSUMER_UNREAD] = lag.unread;
	consumer->gauges[CONSUMER_LAG] =
		lag.oldest == 0 ? 0 : Max(msgext_clock() - lag.oldest, 0);
	MemoryContextSwitchTo(before);
	MemoryContextDelete(context);
}

/* Those of roles whose privileges the current user has; for pg_monitor, all. */
static List *
read_consumers(void)
{
	MsgTable *feeds = msgext_feed_open(false);
	List *consumers = NIL;
	ListCell *cell;

	foreach (cell, msgext_feed_list(feeds, NULL, GetActiveSnapshot()))
	{
		MsgFeed *feed = lfirst(cell);
		WatchedConsumer *consumer;

		if (!msgext_access_monitor_all() && !has_privs_of_role(GetUserId(), feed->owner))
			continue;
		consumer = palloc0(sizeof(WatchedConsumer));
		consumer->labels[0] = (MsgLabel){"consumer", msgext_to_utf8(feed->name)};
		consumer->labels[1] = (MsgLabel){"owner", msgext_to_utf8(feed->owner_name)};
		consumer->gauges[CONSUMER_FAILURES] = feed->failures;
		consumer->ours = feed->origin == msgext_origin();
		if (consumer->ours)
			read_lag(feed, consumer);
		consumers = lappend(consumers, consumer);
	}
	msgext_table_close(feeds);
	return consumers;
}

static void
write_consumers(MsgBuf *text)
{
	List *consumers = read_consumers();
	ListCell *cell;
	int i;

	for (i = 0; i < CONSUMER_GAUGES; i++)
	{
		const MsgMetric *metric = &consumer_gauges[i].metric;

		msgext_openmetrics_family(text, MSG_METRIC_GAUGE, metric);
		foreach (cell, consumers)
		{
			const WatchedConsumer *consumer = lfirst(cell);

			if (consumer->ours || i > CONSUMER_LAG)
				put(text, MSG_METRIC_GAUGE, consumer_gauges[i].kind, metric->name,
					consumer->labels, lengthof(consumer->labels), consumer->gauges[i]);
		}
	}
}

void
msgext_metrics_write(MsgBuf *text)
{
	List *servers = read_servers();

	write_database(text);
	write_processes(text);
	write_states(text, servers);
	write_statistics(text, servers);
	write_consumers(text);
	msgext_openmetrics_end(text);
}
