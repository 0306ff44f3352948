/*
 * reader.h
 *		The next events of a consumer: in order, each once, those its owner may see.
 *
 * Reads with the latest snapshot, whatever the isolation level: how far the consumer has
 * read is judged by that too. The caller holds the consumer's lock, or only looks.
 */
#ifndef MSGEXT_READER_H
#define MSGEXT_READER_H

#include "pg/store/event.h"
#include "pg/store/feed.h"
#include "pg/store/outbox.h"

typedef struct MsgReader MsgReader;

/* An event, in memory that lasts until the next one is asked for. */
typedef struct MsgReading
{
	int64 id;
	TupleTableSlot *event; /* the row of msgext.event, all of it read */
	MsgRow message;
} MsgReading;

/*
 * So many rows, of which perhaps none is wanted, are looked at in one transaction of a
 * process that works for all. The next one goes on behind them.
 */
#define MSG_READER_LOOKS 100000

/* Moves feed's cursor, in memory, as it reads: so many rows at most, wanted or not. */
extern MsgReader *msgext_reader_open(MsgFeed *feed, int64 looks);

/*
 * False when there is no further one in this batch, or enough was looked at. A batch is
 * what became visible between two snapshots: one call begins the next one at most, and
 * never goes on from one to the next after it has found something.
 */
extern bool msgext_reader_next(MsgReader *reader, MsgReading *reading);

/* When there is no further one: to the next batch, for those who only count. */
extern bool msgext_reader_go_on(MsgReader *reader);

/* How many there were so far. */
extern int64 msgext_reader_looked_at(const MsgReader *reader);

/*
 * Were there so many that the cursor is to be written even where nothing was found? Else
 * they would be looked at again each time.
 */
extern bool msgext_reader_is_worth_a_write(const MsgReader *reader);

extern void msgext_reader_close(MsgReader *reader);

/* Has the event of this id been given out in the batch being read, and not passed? */
extern bool msgext_reader_is_open(const MsgFeed *feed, int64 id);

/* Ends with an ERROR where the consumer is of another database: a restored copy. */
extern void msgext_reader_check_origin(const MsgFeed *feed);

#endif /* MSGEXT_READER_H */
