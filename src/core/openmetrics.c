/*
 * openmetrics.c
 *		Writes metrics as OpenMetrics 1.0 wants them: see openmetrics.h.
 */
#include "core/openmetrics.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "core/lengthof.h"

/* Every family's name begins so. */
#define PREFIX "msgext_"

static const char *const type_names[] = {
	[MSG_METRIC_COUNTER] = "counter",
	[MSG_METRIC_GAUGE] = "gauge",
	[MSG_METRIC_HISTOGRAM] = "histogram",
	[MSG_METRIC_INFO] = "info",
};

/* What a sample's name has behind that of its family. */
static const char *const suffixes[] = {
	[MSG_METRIC_COUNTER] = "_total",
	[MSG_METRIC_GAUGE] = "",
	[MSG_METRIC_HISTOGRAM] = "",
	[MSG_METRIC_INFO] = "_info",
};

static void
put_escaped(MsgBuf *text, const char *value)
{
	for (; *value != '\0'; value++)
	{
		if (*value == '\n')
			msgext_buf_puts(text, "\\n");
		else
		{
			if (*value == '\\' || *value == '"')
				msgext_buf_putc(text, '\\');
			msgext_buf_putc(text, *value);
		}
	}
}

/* As a float that is written the same way by everybody: 0.05, 300.0. */
static void
put_seconds(MsgBuf *text, int64_t us)
{
	msgext_buf_printf(text, "%s%" PRId64 ".%06d", us < 0 ? "-" : "",
					  us < 0 ? -(us / 1000000) : us / 1000000,
					  (int) (us < 0 ? -(us % 1000000) : us % 1000000));
	while (text->data[text->len - 1] == '0' && text->data[text->len - 2] != '.')
		text->data[--text->len] = '\0';
}

void
msgext_openmetrics_family(MsgBuf *text, MsgMetricType type, const MsgMetric *metric)
{
	static const char *const units[] = {"seconds", "bytes"};
	size_t len = strlen(metric->name);
	size_t i;

	msgext_buf_printf(text, "# TYPE " PREFIX "%s %s\n", metric->name, type_names[type]);
	for (i = 0; i < lengthof(units); i++)
	{
		size_t unit = strlen(units[i]);

		if (len > unit && metric->name[len - unit - 1] == '_' &&
			strcmp(metric->name + len - unit, units[i]) == 0)
			msgext_buf_printf(text, "# UNIT " PREFIX "%s %s\n", metric->name, units[i]);
	}
	msgext_buf_printf(text, "# HELP " PREFIX "%s ", metric->name);
	put_escaped(text, metric->help);
	msgext_buf_putc(text, '\n');
}

/* A sample up to its value. */
static void
begin_sample(MsgBuf *text, const char *name, const char *suffix, const MsgLabel *labels,
			 int n)
{
	int i;

	msgext_buf_printf(text, PREFIX "%s%s", name, suffix);
	for (i = 0; i < n; i++)
	{
		msgext_buf_printf(text, "%c%s=\"", i == 0 ? '{' : ',', labels[i].name);
		put_escaped(text, labels[i].value);
		msgext_buf_putc(text, '"');
	}
	msgext_buf_puts(text, n > 0 ? "} " : " ");
}

void
msgext_openmetrics_sample(MsgBuf *text, MsgMetricType type, const char *name,
						  const MsgLabel *labels, int n, int64_t value)
{
	begin_sample(text, name, suffixes[type], labels, n);
	msgext_buf_printf(text, "%" PRId64 "\n", value);
}

void
msgext_openmetrics_seconds(MsgBuf *text, MsgMetricType type, const char *name,
						   const MsgLabel *labels, int n, int64_t us)
{
	begin_sample(text, name, suffixes[type], labels, n);
	put_seconds(text, us);
	msgext_buf_putc(text, '\n');
}

void
msgext_openmetrics_histogram(MsgBuf *text, const char *name, const MsgLabel *label,
							 const int64_t *bounds_us, const MsgHistogram *histogram)
{
	int64_t so_far = 0;
	int i;

	for (i = 0; i < MSG_BUCKETS; i++)
	{
		so_far += histogram->buckets[i];
		msgext_buf_printf(text, PREFIX "%s_bucket{%s=\"", name, label->name);
		put_escaped(text, label->value);
		msgext_buf_puts(text, "\",le=\"");
		if (i < MSG_BOUNDS)
			put_seconds(text, bounds_us[i]);
		else
			msgext_buf_puts(text, "+Inf");
		msgext_buf_printf(text, "\"} %" PRId64 "\n", so_far);
	}
	begin_sample(text, name, "_count", label, 1);
	msgext_buf_printf(text, "%" PRId64 "\n", so_far);
	begin_sample(text, name, "_sum", label, 1);
	put_seconds(text, histogram->sum_us);
	msgext_buf_putc(text, '\n');
}

void
msgext_openmetrics_end(MsgBuf *text)
{
	msgext_buf_puts(text, "# EOF\n");
}
