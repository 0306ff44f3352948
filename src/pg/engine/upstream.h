/*
 * upstream.h
 *		The servers as the dispatcher works them: which there are, who is paused, how far
 *		their lanes have been read, what is due for them next.
 *
 * Runs inside a turn. Owns no table: it keeps memory and tables in step.
 */
#ifndef MSGEXT_UPSTREAM_H
#define MSGEXT_UPSTREAM_H

#include "core/breaker.h"
#include "core/counts.h"
#include "pg/catalog/server.h"
#include "pg/engine/turn_tables.h"
#include "pg/store/health.h"
#include "pg/store/lane.h"
#include "pg/store/server_pause.h"
#include "utils/hsearch.h"

#define MSG_PRIORITIES 5

/*
 * Looking again at messages before their time. They are set aside for want of a usable
 * account, for up to some minutes, and for a limit of their recipient, for up to 31 days.
 * When an account may have become usable, or the limit is another, they are looked at in
 * the order of their reminders.
 */
typedef struct MsgRecheck
{
	bool possible; /* there may be such messages */
	bool wanted;   /* from the first reminder on */
	bool limits;   /* for the limit of recipients too: at all reminders there are */
	bool running;  /* from at and id, up to until */
	TimestampTz at;
	int64 id;
	TimestampTz until;
	bool set_back; /* the clock was ahead: what waits to be sent is looked at by this */
	bool polls_set_back; /* so is what is to be asked about: its position */
	TimestampTz poll_at;
	int64 poll_id;
} MsgRecheck;

/* What has been counted of it: see statistics.h. */
typedef struct MsgCounted
{
	bool written;	   /* both, by this turn */
	MsgCounts turn;	   /* by this turn */
	MsgCounts unsaved; /* and before it, since it was written down */
} MsgCounted;

/*
 * A server at work. It stays when its server is dropped: answers to its requests may
 * still come.
 *
 * Reminders are read forwards, so that no dead entry is walked twice: those before
 * send_from and (poll_from, poll_after) have been taken in this life of the dispatcher.
 * Whoever adds one puts these back as far as is needed (msgext_upstream_remind()).
 *
 * What each turn asks of each of them comes first, and lies together: with a thousand
 * servers at rest it is what a turn costs.
 */
typedef struct MsgUpstream
{
	Oid oid;
	int in_flight; /* requests */
	char *name;
	MsgServer *server; /* pinned; NULL when it is gone, or cannot be read */
	bool may_have_rows[MSG_PRIORITIES]; /* the lane has not been read to its end */
	bool lanes_moved;					/* one of them, since they were written down */
	bool has_blocked;					/* recipients: see addressee.h */
	bool paused;
	TimestampTz next_due;		 /* the first reminder that may be there; 0 = none */
	TimestampTz throttled_until; /* a rate limit holds messages back until then */
	TimestampTz reserved_until;	 /* the last of those set aside for it has its turn */
	HTAB *refused;				 /* accounts, see refusal.h; NULL = none ever was */
	MsgBreaker breaker;			 /* see outage.h */
	MsgBreaker breaker_before;	 /* as it was when the last turn committed */
	MsgHealth health;
	bool pause_copied;		/* the pause is for messages from another database */
	char pause_wanted[512]; /* a pause that could not be written down yet, or "" */
	MsgCounted counted;
	MsgLane *lanes[MSG_PRIORITIES];
	unsigned turns_with_room;	  /* counts those that had room for a request */
	TimestampTz send_from;		  /* reminders before this have been taken */
	TimestampTz poll_from;		  /* likewise, and of those at poll_from itself ... */
	int64 poll_after;			  /* ... those up to this message */
	TimestampTz polls_held_until; /* a login is wanted for them, and not to be had */
	MsgRecheck recheck;
} MsgUpstream;

typedef struct MsgUpstreams
{
	MemoryContext context;
	List *list;	   /* of MsgUpstream * */
	List *missing; /* oids of servers without a provider, of which it has been told */
	uint64 generation;
	int first;	   /* place in the list of who comes first in this turn */
	int rotation;  /* turns that have looked for what may leave */
	int look_from; /* place in the list: see msgext_upstreams_to_look_at() */
	TimestampTz last_save;
} MsgUpstreams;

extern void msgext_upstreams_init(MsgUpstreams *upstreams, MemoryContext context);
/* Unpins their servers. */
extern void msgext_upstreams_release(MsgUpstreams *upstreams);

/* The upstream of a server, or NULL. */
extern MsgUpstream *msgext_upstream_find(const MsgUpstreams *upstreams, Oid server);

/* Which servers there are, and their settings, if the catalogs changed. */
extern void msgext_upstreams_refresh(MsgTurn *turn, MsgUpstreams *upstreams);

/* What memory held of an upstream, read from the tables again. */
extern void msgext_upstream_load(MsgTurn *turn, MsgUpstreams *upstreams,
								 MsgUpstream *upstream);

/*
 * Those that are looked at this time whether there is news of them or not: the next
 * fifty, so that a thousand servers at rest cost little more than these.
 */
extern List *msgext_upstreams_to_look_at(MsgUpstreams *upstreams);

/* Marks those of their lanes that the news may be of as having rows. */
extern void msgext_upstreams_mark_news(const List *upstreams, uint64 news);

/*
 * Is it paused by now? To be asked before anything is claimed: what a restore has written
 * into the tables, no news tells of.
 */
extern bool msgext_upstream_is_paused(MsgUpstream *upstream);

/*
 * Which of those listed are paused, and which no longer. Not all: only of those known to
 * be paused, whether they still are; msgext_upstream_is_paused() asks of the others.
 */
extern void msgext_upstreams_read_pauses(MsgTurn *turn, MsgUpstreams *upstreams,
										 const List *listed, bool all);
/* Writes down whom an answer has paused. */
extern void msgext_upstreams_write_pauses(MsgUpstreams *upstreams);
/* Writes down how far lanes have been read, and health. */
extern void msgext_upstreams_save(MsgTurn *turn, MsgUpstreams *upstreams);

/* Adds a reminder, and makes sure that it is woken up for. */
extern void msgext_upstream_remind(MsgTurn *turn, MsgUpstream *upstream, const char *kind,
								   TimestampTz at, int64 id);

/* Holds it back from the next turn on; the pause is written down then. */
extern void msgext_upstream_pause(MsgUpstream *upstream, const char *code,
								  const char *text, int http_status);

/* The same, for a message that was queued in another database, which may send it too. */
extern void msgext_upstream_refuse_copy(MsgUpstream *upstream);

/* The words of an answer that stops more than its message, for people. */
extern void msgext_upstream_describe(char *reason, size_t size, const char *code,
									 const char *text, int http_status);

/* There is more to do for it than this turn does: the next one follows at once. */
extern void msgext_upstream_come_again(const MsgTurn *turn, MsgUpstream *upstream);

/* Accounts that could not be used may be usable now: what waits for them is looked at again. */
extern void msgext_upstream_recheck(const MsgTurn *turn, MsgUpstream *upstream);

/* Remembers a success or an error, for server_status. */
extern void msgext_upstream_success(const MsgTurn *turn, MsgUpstream *upstream);
extern void msgext_upstream_error(const MsgTurn *turn, MsgUpstream *upstream,
								  const char *text);

/* May one of its lanes have something to read? */
extern bool msgext_upstream_may_have_rows(const MsgUpstream *upstream);

#endif /* MSGEXT_UPSTREAM_H */
