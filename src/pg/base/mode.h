/*
 * mode.h
 *		May this database write to anybody? The one guard of it.
 *
 * live	everything is done.
 * hold	messages are queued, and nothing is sent or asked for; callbacks are taken.
 * test	no socket is opened at all, whatever the servers' URLs: there is no HTTP client, no
 *		listener, and the worker idles.
 *
 * The setting msgext.mode says which; but where extension msgext_test is installed, the
 * database is a test database whatever it says. Honoured where work begins: by the engine
 * before it takes a message (engine/take.c), by the dispatcher before it starts an HTTP
 * client, by worker and listener.
 */
#ifndef MSGEXT_MODE_H
#define MSGEXT_MODE_H

#include "postgres.h"

typedef enum MsgMode
{
	MSG_MODE_LIVE,
	MSG_MODE_HOLD,
	MSG_MODE_TEST
} MsgMode;

#define MSG_TEST_EXTENSION "msgext_test"

extern int msgext_mode_setting; /* msgext.mode */

/* What holds here; within a transaction. */
extern MsgMode msgext_mode(void);

/* Why nothing is sent here, in words; NULL where that is not by the mode. */
extern const char *msgext_mode_holds(void);

/* Is it a test database by the extension, in which tests can be run? */
extern bool msgext_mode_has_test_extension(void);

#endif /* MSGEXT_MODE_H */
