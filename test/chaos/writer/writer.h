/*
 * writer.h
 *		What the files of the chaos driver's sessions know of one another.
 */
#ifndef CHAOS_WRITER_H
#define CHAOS_WRITER_H

#include <libpq-fe.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "../chance.h"

#define MAX_BATCH 24
#define TAG_SIZE 48

typedef enum Result
{
	DONE,
	FAILED, /* an SQL error */
	LOST	/* the connection */
} Result;

extern volatile sig_atomic_t stopping;

/* ---- ledger.c ---- */

extern long long now_ms(void);
/* False: errno says why. */
extern bool open_ledger(const char *path);
extern void enter(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- session.c ---- */

extern PGconn *db;
extern const char *conninfo;
extern char *answer; /* first field of the last result, or NULL */

extern void pause_ms(unsigned ms);
extern void connect_again(void);
/* One statement. What no fault of the driver's explains goes into the ledger. */
extern Result run(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- transaction.c ---- */

extern int number;		 /* of the session: part of its tags */
extern long count;		 /* of tags */
extern char last_id[32]; /* of the message queued last */
extern char *recent[16]; /* ids of some before it */

/* The messages of the transaction under way. */
extern char tags[MAX_BATCH][TAG_SIZE];
extern int tag_count;
extern long long begun; /* when it was begun */

extern void tell_all(char what);
extern Result begin(void);
/* Whatever the result was, the ledger has the end of the transaction's messages. */
extern Result end_transaction(bool commit);
extern void give_up(void);
/* more: further arguments, as SQL; or "" */
extern Result post(const char *more);
extern Result post_many(unsigned most);

/* ---- act.c ---- */

/* Anything that a session may do, and its end in the ledger. */
extern void do_something(void);

/* ---- observer.c ---- */

extern void observe(void);

#endif /* CHAOS_WRITER_H */
