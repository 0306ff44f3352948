/*
 * message_list.h
 *		A page of messages, newest first, as the console shows them.
 */
#ifndef MSGEXT_MESSAGE_LIST_H
#define MSGEXT_MESSAGE_LIST_H

#include "postgres.h"

#include "utils/jsonb.h"

/*
 * The query for what is asked for: its text depends on which members there are, so that
 * each is planned for what it is; values stay parameters. ERROR 22023 for a member that is
 * none.
 */
extern char *msgext_console_message_list(Jsonb *args);

#endif /* MSGEXT_MESSAGE_LIST_H */
