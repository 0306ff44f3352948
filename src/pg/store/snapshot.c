/*
 * snapshot.c
 *		Snapshots in transaction ids of 64 bits: see snapshot.h.
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "pg/store/snapshot.h"

/* As pg_snapshot's own code widens them: none is ahead of the next transaction id. */
static uint64
widen(TransactionId xid, FullTransactionId next)
{
	uint32 epoch = EpochFromFullTransactionId(next);

	if (xid > XidFromFullTransactionId(next))
		epoch--;
	return (uint64) epoch << 32 | xid;
}

static int
compare_xids(const void *a, const void *b)
{
	uint64 left = *(const uint64 *) a;
	uint64 right = *(const uint64 *) b;

	return left < right ? -1 : left > right;
}

void
msgext_snapshot_take(MemoryContext context, Snapshot from, bool own, MsgSnapshot *taken)
{
	FullTransactionId next = ReadNextFullTransactionId();
	uint64 self = U64FromFullTransactionId(GetTopFullTransactionIdIfAny());
	uint32 i;

	taken->xmin = widen(from->xmin, next);
	taken->xmax = widen(from->xmax, next);
	taken->nxip = from->xcnt;
	taken->xip = MemoryContextAlloc(context, sizeof(uint64) * (from->xcnt + 1));
	for (i = 0; i < from->xcnt; i++)
		taken->xip[i] = widen(from->xip[i], next);
	if (own && self != 0 && self < taken->xmax)
		taken->xip[taken->nxip++] = self;
	qsort(taken->xip, taken->nxip, sizeof(uint64), compare_xids);
}

void
msgext_snapshot_free(MsgSnapshot *snapshot)
{
	if (snapshot->xip != NULL)
		pfree(snapshot->xip);
	memset(snapshot, 0, sizeof(*snapshot));
}

Datum
msgext_snapshot_write(const MsgSnapshot *snapshot)
{
	StringInfoData text;
	Oid in;
	Oid param;
	int i;

	initStringInfo(&text);
	appendStringInfo(&text, UINT64_FORMAT ":" UINT64_FORMAT ":", snapshot->xmin,
					 snapshot->xmax);
	for (i = 0; i < snapshot->nxip; i++)
		appendStringInfo(&text, "%s" UINT64_FORMAT, i > 0 ? "," : "", snapshot->xip[i]);
	getTypeInputInfo(PG_SNAPSHOTOID, &in, &param);
	return OidInputFunctionCall(in, text.data, param, -1);
}

void
msgext_snapshot_read(MemoryContext context, Datum value, MsgSnapshot *snapshot)
{
	const char *text;
	const char *c;
	bool varlena;
	char *end;
	Oid out;
	int n = 1;

	getTypeOutputInfo(PG_SNAPSHOTOID, &out, &varlena);
	text = OidOutputFunctionCall(out, value);
	for (c = text; *c != '\0'; c++)
		n += *c == ',';
	snapshot->xmin = strtou64(text, &end, 10);
	snapshot->xmax = strtou64(end + 1, &end, 10);
	snapshot->xip = MemoryContextAlloc(context, sizeof(uint64) * n);
	snapshot->nxip = 0;
	while (*end != '\0' && end[1] != '\0')
		snapshot->xip[snapshot->nxip++] = strtou64(end + 1, &end, 10);
}
