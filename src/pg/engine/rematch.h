/*
 * rematch.h
 *		Reports that came before the answer which names their message.
 *
 * Whoever takes a report and whoever records an answer write first and look then, so that
 * one of them finds the other (inbound/callback.h). What is left over are reports whose
 * transaction took its time: they are rows without a message, and every so often all such
 * rows are looked at.
 */
#ifndef MSGEXT_REMATCH_H
#define MSGEXT_REMATCH_H

#include "pg/engine/upstream.h"

typedef struct MsgRematches
{
	MemoryContext context;
	List *expected;		   /* ids given lately, for which a report may be on its way */
	bool reports_came;	   /* since the last look at all rows */
	TimestampTz looked_at; /* all rows, the last time */
	char *position;		   /* a look under way: this id of this server is done, or NULL */
	int upstream;		   /* which server it is at; -1 = no look is under way */
} MsgRematches;

extern void msgext_rematches_init(MsgRematches *rematches, MemoryContext context);

/* The provider has named a message: reports of it may have come already. */
extern void msgext_rematch_expect(MsgRematches *rematches, const MsgTurn *turn,
								  MsgUpstream *upstream, const char *provider_id,
								  int64 message);

/* Reports have come in since the last turn. */
extern void msgext_rematch_news(MsgRematches *rematches);

/*
 * Gives reports to the messages that this or another turn has named; behind the writing
 * of references. A part of the rows a turn, where there are many. What was found counts
 * when the turn has committed.
 */
extern void msgext_rematch_run(MsgRematches *rematches, MsgTurn *turn,
							   const MsgUpstreams *upstreams);

extern void msgext_rematch_commit(MsgRematches *rematches);
extern void msgext_rematch_abort(MsgRematches *rematches);

#endif /* MSGEXT_REMATCH_H */
