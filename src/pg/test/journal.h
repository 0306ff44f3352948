/*
 * journal.h
 *		Every simulated request and its answer: rows of msgext_test.attempt.
 */
#ifndef MSGEXT_JOURNAL_H
#define MSGEXT_JOURNAL_H

#include "nodes/pg_list.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

/* One message of one request; texts are in the database's encoding, without secrets. */
typedef struct MsgJournalEntry
{
	int n; /* of the message, in its case */
	int64 message;
	const char *kind; /* send, status or push */
	int attempt;	  /* of a send, else 0 */
	TimestampTz at;
	Oid server_oid;
	const char *server;
	const char *limit_key; /* or NULL */
	int64 number;		   /* of which the provider's id is made, or 0 */
	bool taken;			   /* the provider has it from here on */
	const char *answer;	   /* in a test's words */
	const char *method;	   /* NULL where there was no request of ours */
	const char *url;
	Jsonb *headers;
	const char *body;
	size_t body_len;
	int status; /* 0 = no answer */
	const char *reply;
	size_t reply_len;
	const char *state; /* of the message, when it was recorded */
} MsgJournalEntry;

/*
 * What has been written in the case: a list of MsgJournalEntry *, without requests and
 * replies. *highest becomes the highest number in any case.
 */
extern List *msgext_journal_read(int64 number, int64 *highest);

/* Appends a list of them behind so many others. */
extern void msgext_journal_write(int64 number, int behind, List *entries);

#endif /* MSGEXT_JOURNAL_H */
