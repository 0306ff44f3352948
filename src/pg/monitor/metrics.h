/*
 * metrics.h
 *		What a monitoring system is told: counters, histograms and states of the servers,
 *		processes and consumers of this database, as OpenMetrics.
 *
 * Names servers, consumers and their owners, and nothing of any message: neither a text of
 * a provider nor one of a person is in it.
 */
#ifndef MSGEXT_METRICS_H
#define MSGEXT_METRICS_H

#include "core/buf.h"

/*
 * Of the servers that the current user may watch, in UTF-8, in the current context; within
 * a transaction with a snapshot. Takes few pages for each server.
 */
extern void msgext_metrics_write(MsgBuf *text);

#endif /* MSGEXT_METRICS_H */
