/*
 * change.h
 *		What people do to one message: cancel, retry, close, replay.
 *
 * Looks at the newest version of the row, checks the right to change it, writes the change
 * and an event that says who did it and why. The fence against a claim is the caller's.
 */
#ifndef MSGEXT_CHANGE_H
#define MSGEXT_CHANGE_H

#include "pg/store/event.h"
#include "pg/store/outbox.h"

typedef struct MsgAct
{
	bool (*decide)(const MsgRow *row, MsgChange *change); /* may it be, and what is it */
	const char *kind;									  /* of its event */
	bool moves;											  /* to another state: */
	MsgState state;
} MsgAct;

extern const MsgAct msgext_act_cancel;
extern const MsgAct msgext_act_retry;
extern const MsgAct msgext_act_close;
extern const MsgAct msgext_act_replay;
extern const MsgAct msgext_act_replace; /* cancel, and give the operation id away */
extern const MsgAct msgext_act_release; /* give it away, being over */
extern const MsgAct msgext_act_forget;	/* whom it went to, being over */
extern const MsgAct msgext_act_pass_on; /* give it away, whatever has become of it */

typedef struct MsgChanger
{
	const MsgAct *act;
	const char *actor;
	const char *reason; /* or NULL */
	int64 related; /* of a replay: the copy; of a replacement: the new one; 0 = none */
	bool is_own;   /* they are known to be the caller's: no right is asked for */
	MsgTable *outbox;
	MsgTable *events;
} MsgChanger;

typedef enum MsgChanged
{
	MSG_CHANGED,
	MSG_UNCHANGED, /* no such message, not his to change, or not in that state */
	MSG_HELD	   /* another transaction has it, and there was to be no waiting */
} MsgChanged;

extern void msgext_change_open(MsgChanger *changer, const MsgAct *act,
							   const char *reason);
extern void msgext_change_close(MsgChanger *changer);

/* The row as it was is left in *row. ERROR 42501 at a retry without USAGE. */
extern MsgChanged msgext_change(MsgChanger *changer, int64 id, bool wait, MsgRow *row);

/* Would it be changed now? */
extern bool msgext_change_find(MsgChanger *changer, int64 id, MsgRow *row,
							   MsgChange *change);

/*
 * Has a dispatcher claimed the next attempt of the message? Waits at the fence. Where one
 * has just been cancelled, and this is true, that is to be undone.
 */
extern bool msgext_change_is_claimed(const MsgRow *row);

/* Is it his to retry, but that its payload has been removed? */
extern bool msgext_change_lacks_payload(const MsgRow *row);

/* Is it over, and has certainly nothing of it gone out? */
extern bool msgext_change_never_left(const MsgRow *row);

#endif /* MSGEXT_CHANGE_H */
