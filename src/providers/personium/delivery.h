/*
 * delivery.h
 *		A message's targets: which have been reached, which are asked next and under which
 *		id, and how that is remembered in the message's detail.
 *
 * "201 does not mean delivered": the sending cell has stored the message, and each target
 * has a code of its own. Those that failed for now are sent to again, alone. A receiving
 * cell takes an id once, so that a request whose answer was lost is repeated under its
 * id; the sending cell stores an id once too, so that what follows a 201 takes another.
 * Between the two stands a target whose code leaves open whether it has the message: it
 * is sent to once more under the old id, of which it takes no second copy, but of which
 * the sending cell says nothing more either. Under on_unknown 'resend' it gets a new
 * one, and perhaps two messages.
 *
 * The detail holds "targets", for people, and "sending", for the next attempt:
 *
 *	targets		{url: {"state": delivered | waiting | failed | unknown, "code", "reason",
 *				"tries", "round", "doubtful", "repeated"}}
 *	sending		{"attempt", "round", "relation", "id", "lookup", "target", "again"}
 *
 * An attempt that is not the one after sending.attempt follows one of which nothing is
 * known: it asks for the stored copy and sends only if there is none. To send at once
 * would contact the targets a second time, and leave a stored copy that no longer says
 * what they have.
 */
#ifndef MSGEXT_PERSONIUM_DELIVERY_H
#define MSGEXT_PERSONIUM_DELIVERY_H

#include "core/provider.h"
#include "providers/personium/cell.h"

/* Of answers and of what is stored: 1,000 targets of 1,024 characters, more than once. */
extern const MsgJsonLimits msgext_personium_limits;

typedef enum PersoniumFate
{
	PERSONIUM_OPEN,		 /* no answer names it yet */
	PERSONIUM_WAITING,	 /* failed for now */
	PERSONIUM_DELIVERED, /* the receiving cell has it */
	PERSONIUM_FAILED,	 /* it never will */
	PERSONIUM_UNKNOWN	 /* nobody can say */
} PersoniumFate;

typedef struct PersoniumTarget
{
	const char *url;
	size_t len;
	PersoniumFate fate;
	const char *code; /* the last one, or NULL */
	const char *reason;
	int64_t tries; /* answers about it */
	int64_t round; /* of its own, under split_targets */
	bool doubtful; /* the last code leaves open whether it has the message */
	bool repeated; /* it was sent to again after such a code: it may have it twice */
	bool asked;	   /* by this request */
	bool told;	   /* by this answer */
} PersoniumTarget;

typedef struct PersoniumDelivery
{
	MsgArena *arena;
	const MsgConn *conn;
	const MsgJob *job;
	const MsgJson *message; /* as it was stored; NULL of a status request */

	PersoniumTarget *targets;
	int n;
	int room;

	bool split;
	bool keyed;			  /* the id is ours */
	bool resend;		  /* on_unknown */
	bool relation_open;	  /* ToRelation is there, and no answer has named its cells */
	bool relation_asked;  /* by this request */
	bool named_by_answer; /* it is the answer that says who was asked */
	bool again;			  /* more than one request under the id may have come through */
	bool unnameable;	  /* and it names some that cannot be asked again */
	int64_t round;
	const char *lookup; /* the id whose stored copy is asked for, or NULL */
	const char *target; /* who was asked under that id, or NULL = all that are open */
	int64_t attempt;	/* the last that is known */
	const char *id;		/* the last that an answer named, or NULL */
	int64_t tries;		/* of the target asked alone, before this request */

	char *key; /* the id that this request goes under, in the arena */
} PersoniumDelivery;

/* Reads the fragment and the detail of a job. */
extern bool msgext_personium_recall(MsgArena *arena, const MsgConn *conn,
									const MsgJob *job, PersoniumDelivery *delivery,
									MsgError *error);

/*
 * Says who is asked by this attempt and under which id: the same for all of one attempt.
 */
extern void msgext_personium_ask(PersoniumDelivery *delivery);

/* The target of this URL, or NULL. */
extern PersoniumTarget *msgext_personium_find(PersoniumDelivery *delivery,
											  const char *url, size_t len);

/* Adds a target that an answer named; NULL when there are too many. */
extern PersoniumTarget *msgext_personium_add(PersoniumDelivery *delivery, const char *url,
											 size_t len);

/* Is it to be sent to under the id that it may have? */
extern bool msgext_personium_holds(const PersoniumDelivery *delivery,
								   const PersoniumTarget *target);

/* The detail as it is by now; sending says whether another request may follow. */
extern MsgJson *msgext_personium_detail(const PersoniumDelivery *delivery, bool sending);

/* Can it stand in a URL, and is it no longer than any id is? */
extern bool msgext_personium_is_id(const MsgJson *node);

#endif /* MSGEXT_PERSONIUM_DELIVERY_H */
