/*
 * subtransaction.c
 *		A function in a subtransaction: see subtransaction.h.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/resowner.h"

#include "pg/base/subtransaction.h"

bool
msgext_subtransaction(bool (*run)(void *arg), void *arg, ErrorData **error)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData *volatile failure = NULL;
	volatile bool done = false;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		done = run(arg);
		if (done)
			ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		done = false;
		MemoryContextSwitchTo(context);
		failure = CopyErrorData();
		FlushErrorState();
	}
	PG_END_TRY();

	/* Left open, outside of a block, the session would stay in it. */
	if (!done)
		RollbackAndReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	if (error != NULL)
		*error = failure;
	else if (failure != NULL)
		ReThrowError(failure);
	return done;
}
