/*
 * lag.c
 *		How far a consumer is behind: see lag.h.
 */
#include "postgres.h"

#include "pg/outcome/event_filter.h"
#include "pg/outcome/lag.h"
#include "pg/outcome/pushes.h"
#include "pg/outcome/reader.h"

/* The oldest comes first. */
static void
count_pushes(const MsgFeed *feed, int64 looks, MsgLag *lag)
{
	MsgPushes *pushes = msgext_pushes_open(feed, false);
	int64 id;

	while (lag->unread < looks && msgext_pushes_next(pushes, &id))
	{
		if (lag->unread++ == 0)
			lag->oldest = msgext_pushes_received_at(pushes);
	}
	msgext_pushes_close(pushes);
}

static void
count_events(MsgFeed *feed, int64 looks, MsgLag *lag)
{
	MsgReader *reader = msgext_reader_open(feed, looks);
	MsgReading reading;

	/* The rest of a batch that was begun; then what came after it. */
	do
	{
		while (msgext_reader_next(reader, &reading))
		{
			TimestampTz at;

			at = msgext_column_time(reading.event, Anum_event_at);
			if (lag->oldest == 0 || at < lag->oldest)
				lag->oldest = at;
			lag->unread++;
		}
	} while (msgext_reader_go_on(reader));
	msgext_reader_close(reader);
}

void
msgext_lag_read(MsgFeed *feed, int64 looks, MsgLag *lag)
{
	lag->unread = 0;
	lag->oldest = 0;
	if (msgext_event_filter_read(feed->filter)->pushes)
		count_pushes(feed, looks, lag);
	else
		count_events(feed, looks, lag);
}
