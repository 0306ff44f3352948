/*
 * reference.h
 *		Messages by the provider's id: rows of msgext.reference.
 */
#ifndef MSGEXT_REFERENCE_H
#define MSGEXT_REFERENCE_H

#include "pg/store/table.h"

extern MsgTable *msgext_reference_open(bool writable);

/*
 * Written by msgext_table_flush(). A provider's id that stands for another message
 * already keeps standing for that: a WARNING.
 */
extern void msgext_reference_add(MsgTable *references, Oid server,
								 const char *provider_id, int64 message);

/*
 * The message of a provider's id, or 0. Sees also what is not committed: *writer is then
 * the transaction that is writing or removing it, else InvalidTransactionId.
 */
extern int64 msgext_reference_find_dirty(MsgTable *references, Oid server,
										 const char *provider_id, TransactionId *writer);

/* The same as the snapshot sees it. */
extern int64 msgext_reference_find(MsgTable *references, Oid server,
								   const char *provider_id, Snapshot snapshot);

/* Whose a row is. */
extern int64 msgext_reference_message(TupleTableSlot *row);

/* Removes the reference by this id, if it is this message's. */
extern void msgext_reference_remove(MsgTable *references, Oid server,
									const char *provider_id, int64 message);

#endif /* MSGEXT_REFERENCE_H */
