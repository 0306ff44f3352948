/*
 * replicated.c
 *		A commit, and whether it is where synchronous_commit wants it: see replicated.h.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "miscadmin.h"
#include "replication/syncrep.h"
#include "replication/walsender.h"
#include "replication/walsender_private.h"
#include "storage/lwlock.h"

#include "pg/base/replicated.h"

/* What SyncRepWaitForLSN() waits for. */
static int
wait_mode(void)
{
	switch (synchronous_commit)
	{
		case SYNCHRONOUS_COMMIT_REMOTE_WRITE:
			return SYNC_REP_WAIT_WRITE;
		case SYNCHRONOUS_COMMIT_REMOTE_APPLY:
			return SYNC_REP_WAIT_APPLY;
		default:
			return SYNC_REP_WAIT_FLUSH;
	}
}

/* Are there standbys that a commit waits for? Under SyncRepLock. */
static bool
are_standbys_defined(void)
{
#ifdef SYNC_STANDBY_DEFINED
	/* Not in the first minor versions of 15 to 17. What is not set up yet, settings tell. */
	if ((WalSndCtl->sync_standbys_status & SYNC_STANDBY_INIT) == 0)
		return SyncRepStandbyNames != NULL && SyncRepStandbyNames[0] != '\0';
	return (WalSndCtl->sync_standbys_status & SYNC_STANDBY_DEFINED) != 0;
#else
	return WalSndCtl->sync_standbys_defined;
#endif
}

static bool
is_replicated(void)
{
	bool replicated;

	if (!SyncRepRequested())
		return true;
	LWLockAcquire(SyncRepLock, LW_SHARED);
	replicated =
		!are_standbys_defined() || XactLastCommitEnd <= WalSndCtl->lsn[wait_mode()];
	LWLockRelease(SyncRepLock);
	return replicated;
}

bool
msgext_commit(void (*commit)(void))
{
	bool wrote = TransactionIdIsValid(GetTopTransactionIdIfAny());

	commit();
	return !wrote || is_replicated();
}

bool
msgext_commit_wait_again(void)
{
	HOLD_INTERRUPTS();
	SyncRepWaitForLSN(XactLastCommitEnd, true);
	RESUME_INTERRUPTS();
	return is_replicated();
}
