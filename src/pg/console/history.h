/*
 * history.h
 *		The counters of all servers, once a minute for the last hour, as long as the process
 *		lives: what the charts are drawn from. Who may see which is decided when it is asked
 *		for.
 */
#ifndef MSGEXT_CONSOLE_HISTORY_H
#define MSGEXT_CONSOLE_HISTORY_H

#include "postgres.h"

extern bool msgext_console_history_is_due(void);
/* Within a transaction. After an error, the next one is due a minute later. */
extern void msgext_console_history_take(void);

/* The samples, the oldest first, as a JSON array in the database's encoding. */
extern char *msgext_console_history(void);

#endif /* MSGEXT_CONSOLE_HISTORY_H */
