/*
 * server_status.h
 *		What can be told from the tables about the work there is.
 */
#ifndef MSGEXT_SERVER_STATUS_H
#define MSGEXT_SERVER_STATUS_H

#include "postgres.h"

/* Nothing is queued for now, under way, or due, on any server that is not paused. */
extern bool msgext_status_nothing_due(void);

#endif /* MSGEXT_SERVER_STATUS_H */
