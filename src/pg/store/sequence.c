/*
 * sequence.c
 *		Numbers from the extension's sequences: see sequence.h.
 *
 * Knows how PostgreSQL keeps a sequence: as one row on one page, changed in place. A crash
 * must not give a number twice, so numbers are logged ahead, many at a time, and logged
 * again when a checkpoint has begun since.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "access/xloginsert.h"
#include "catalog/pg_sequence.h"
#include "commands/sequence.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "pg/base/compat.h"
#include "pg/store/relation.h"
#include "pg/store/sequence.h"

/* As many as nextval() logs ahead. */
#define AHEAD 32

/* What somebody has altered is left to nextval(). */
static bool
is_plain(Oid oid)
{
	HeapTuple row = SearchSysCache1(SEQRELID, ObjectIdGetDatum(oid));
	Form_pg_sequence form;
	bool plain;

	if (!HeapTupleIsValid(row))
		return false;
	form = (Form_pg_sequence) GETSTRUCT(row);
	plain = form->seqincrement == 1 && form->seqcache == 1 && !form->seqcycle &&
			form->seqmax == PG_INT64_MAX;
	ReleaseSysCache(row);
	return plain;
}

static HeapTupleData
row_of(Buffer buffer)
{
	Page page = BufferGetPage(buffer);
	ItemId line = PageGetItemId(page, FirstOffsetNumber);
	HeapTupleData row = {.t_data = (HeapTupleHeader) PageGetItem(page, line),
						 .t_len = ItemIdGetLength(line)};

	return row;
}

void
msgext_sequence_open(MsgSequence *sequence, const char *name)
{
	Oid oid = msgext_relation_oid(name);
	Relation rel = relation_open(oid, RowExclusiveLock);

	sequence->plain = is_plain(oid);
	sequence->buffer = ReadBuffer(rel, 0);
	sequence->rel = rel;
}

void
msgext_sequence_close(MsgSequence *sequence)
{
	ReleaseBuffer(sequence->buffer);
	relation_close(sequence->rel, NoLock);
}

/* The page says now what it is to say after a crash. */
static void
log_page(Relation rel, Buffer buffer, const HeapTupleData *row)
{
	xl_seq_rec record = MSG_SEQUENCE_RECORD(rel);
	XLogRecPtr end;

	XLogBeginInsert();
	XLogRegisterBuffer(0, buffer, REGBUF_WILL_INIT);
	XLogRegisterData((char *) &record, sizeof(record));
	XLogRegisterData((char *) row->t_data, row->t_len);
	end = XLogInsert(RM_SEQ_ID, XLOG_SEQ_LOG);
	PageSetLSN(BufferGetPage(buffer), end);
}

int64
msgext_sequence_next(MsgSequence *sequence)
{
	Relation rel = sequence->rel;
	Buffer buffer = sequence->buffer;
	Form_pg_sequence_data data;
	HeapTupleData row;
	int64 next;
	bool logs;

	PreventCommandIfReadOnly("nextval()");
	PreventCommandIfParallelMode("nextval()");

	/* A number that is logged is so by a transaction whose commit is flushed. */
	if (RelationNeedsWAL(rel))
		(void) GetTopTransactionId();

	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	row = row_of(buffer);
	data = (Form_pg_sequence_data) GETSTRUCT(&row);
	if (!sequence->plain || data->last_value > PG_INT64_MAX - 2 * AHEAD)
	{
		LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
		return nextval_internal(RelationGetRelid(rel), false);
	}
	next = data->is_called ? data->last_value + 1 : data->last_value;
	logs = !data->is_called || data->log_cnt < 1 ||
		   PageGetLSN(BufferGetPage(buffer)) <= GetRedoRecPtr();

	START_CRIT_SECTION();
	MarkBufferDirty(buffer);
	data->is_called = true;
	if (logs && RelationNeedsWAL(rel))
	{
		data->last_value = next + AHEAD;
		data->log_cnt = 0;
		log_page(rel, buffer, &row);
	}
	data->last_value = next;
	data->log_cnt = logs ? AHEAD : data->log_cnt - 1;
	END_CRIT_SECTION();
	LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
	return next;
}

int64
msgext_sequence_take(const char *name)
{
	MsgSequence sequence;
	int64 number;

	msgext_sequence_open(&sequence, name);
	number = msgext_sequence_next(&sequence);
	msgext_sequence_close(&sequence);
	return number;
}

int64
msgext_sequence_last(const char *name)
{
	Relation rel = relation_open(msgext_relation_oid(name), AccessShareLock);
	Buffer buffer = ReadBuffer(rel, 0);
	Form_pg_sequence_data data;
	HeapTupleData row;
	int64 last;

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	row = row_of(buffer);
	data = (Form_pg_sequence_data) GETSTRUCT(&row);
	last = data->is_called ? data->last_value : data->last_value - 1;
	UnlockReleaseBuffer(buffer);
	relation_close(rel, NoLock);
	return last;
}
