/*
 * openmetrics.h
 *		Writes metrics as OpenMetrics 1.0 wants them.
 *
 * A family is written whole before the next one begins: its head, then a sample of each
 * thing it is about. Names are the caller's constants; the values of labels are any
 * UTF-8.
 */
#ifndef MSGEXT_OPENMETRICS_H
#define MSGEXT_OPENMETRICS_H

#include "core/buf.h"
#include "core/counts.h"

#define MSG_OPENMETRICS_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"

typedef enum MsgMetricType
{
	MSG_METRIC_COUNTER,
	MSG_METRIC_GAUGE,
	MSG_METRIC_HISTOGRAM,
	MSG_METRIC_INFO
} MsgMetricType;

typedef struct MsgLabel
{
	const char *name;
	const char *value;
} MsgLabel;

/*
 * The head of a family. Its unit is the end of its name, where that is _seconds or
 * _bytes.
 */
extern void msgext_openmetrics_family(MsgBuf *text, MsgMetricType type,
									  const MsgMetric *metric);

/* A sample of a counter, of a gauge, or of an info, whose value is 1. */
extern void msgext_openmetrics_sample(MsgBuf *text, MsgMetricType type, const char *name,
									  const MsgLabel *labels, int n, int64_t value);
/* The same, of a number of microseconds that is told in seconds. */
extern void msgext_openmetrics_seconds(MsgBuf *text, MsgMetricType type, const char *name,
									   const MsgLabel *labels, int n, int64_t us);
/* The samples of a histogram of times. */
extern void msgext_openmetrics_histogram(MsgBuf *text, const char *name,
										 const MsgLabel *label, const int64_t *bounds_us,
										 const MsgHistogram *histogram);

extern void msgext_openmetrics_end(MsgBuf *text);

#endif /* MSGEXT_OPENMETRICS_H */
