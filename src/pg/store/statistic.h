/*
 * statistic.h
 *		What has been counted of a server: rows of msgext.statistic.
 *
 * A row is made and added to by the dispatcher alone, about once a second; people set it
 * back to zero.
 */
#ifndef MSGEXT_STATISTIC_H
#define MSGEXT_STATISTIC_H

#include "postgres.h"

#include "core/counts.h"
#include "datatype/timestamp.h"

/*
 * What is in the row; zeroes where there is none. *reset_at is when it was set to zero
 * last, or made; 0 = there is none.
 */
extern void msgext_statistic_read(Oid server, MsgCounts *counts, TimestampTz *reset_at);

/* The buckets of a histogram as a bigint[], as the row and the views have them. */
extern Datum msgext_statistic_buckets(const MsgHistogram *histogram);

/*
 * Adds to the row, or makes it. False, with nothing written, when somebody is setting it
 * back, or has done so since the snapshot: to be tried again later.
 */
extern bool msgext_statistic_add(Oid server, const MsgCounts *counts);

/* Sets it back to zero, waiting for who is about to write it. */
extern void msgext_statistic_reset(Oid server);

#endif /* MSGEXT_STATISTIC_H */
