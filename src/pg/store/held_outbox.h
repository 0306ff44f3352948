/*
 * held_outbox.h
 *		The outbox, held open for writing while a statement runs.
 *
 * To open it and its indexes takes a tenth of the time that a message does, and a
 * statement may queue many: INSERT ... SELECT or COPY with a trigger FOR EACH ROW, or
 * SELECT post_message(...) FROM a table. Each message is in the table at once, as if it
 * had been opened for it.
 */
#ifndef MSGEXT_HELD_OUTBOX_H
#define MSGEXT_HELD_OUTBOX_H

#include "postgres.h"

#include "pg/store/table.h"

/* Looks at each statement of this session from now on. */
extern void msgext_outbox_begin_to_hold(void);

/*
 * The outbox, writable, to be given back: what the statement holds from its second message
 * on; else one opened for the caller, as for the first one, where a subtransaction has begun
 * in the statement, and while somebody else has it.
 */
extern MsgTable *msgext_outbox_take(void);
extern void msgext_outbox_give_back(MsgTable *outbox);

/* For a message that will be put into it. */
extern int64 msgext_outbox_next_id(void);

#endif /* MSGEXT_HELD_OUTBOX_H */
