/*
 * test_openmetrics.c
 *		Metrics as OpenMetrics wants them.
 */
#include "test.h"

#include "core/openmetrics.h"

static void
test_samples_of_a_family(void)
{
	static const MsgMetric bytes = {"sent_bytes", "Bytes \\ and\nmore."};
	static const MsgMetric plain = {"paused", "Is it?"};
	static const MsgMetric time = {"age_seconds", "How long."};
	static const MsgMetric seconds = {"seconds", "No unit: it is the whole name."};
	MsgLabel labels[] = {{"server", "a \"b\"\\\n\xc3\xbc"}, {"provider", ""}};
	MsgBuf text;

	test_begin("openmetrics: a counter with a unit, and labels to be escaped");
	msgext_buf_init(&text, test_arena, 1);
	msgext_openmetrics_family(&text, MSG_METRIC_COUNTER, &bytes);
	msgext_openmetrics_sample(&text, MSG_METRIC_COUNTER, bytes.name, labels, 2,
							  INT64_MAX);
	CHECK_TEXT(text.data,
			   "# TYPE msgext_sent_bytes counter\n# UNIT msgext_sent_bytes bytes\n"
			   "# HELP msgext_sent_bytes Bytes \\\\ and\\nmore.\n"
			   "msgext_sent_bytes_total{server=\"a \\\"b\\\"\\\\\\n\xc3\xbc\",provider="
			   "\"\"} 9223372036854775807\n");
	test_end();

	test_begin("openmetrics: gauges, an info, the end");
	msgext_buf_init(&text, test_arena, 1);
	msgext_openmetrics_family(&text, MSG_METRIC_GAUGE, &plain);
	msgext_openmetrics_sample(&text, MSG_METRIC_GAUGE, plain.name, NULL, 0, -1);
	msgext_openmetrics_family(&text, MSG_METRIC_GAUGE, &seconds);
	msgext_openmetrics_family(&text, MSG_METRIC_INFO, &plain);
	msgext_openmetrics_sample(&text, MSG_METRIC_INFO, plain.name, labels + 1, 1, 1);
	msgext_openmetrics_end(&text);
	CHECK_TEXT(text.data, "# TYPE msgext_paused gauge\n# HELP msgext_paused Is it?\n"
						  "msgext_paused -1\n"
						  "# TYPE msgext_seconds gauge\n"
						  "# HELP msgext_seconds No unit: it is the whole name.\n"
						  "# TYPE msgext_paused info\n# HELP msgext_paused Is it?\n"
						  "msgext_paused_info{provider=\"\"} 1\n# EOF\n");
	test_end();

	test_begin("openmetrics: seconds");
	msgext_buf_init(&text, test_arena, 1);
	msgext_openmetrics_seconds(&text, MSG_METRIC_GAUGE, time.name, NULL, 0, 0);
	msgext_openmetrics_seconds(&text, MSG_METRIC_GAUGE, time.name, NULL, 0, 1);
	msgext_openmetrics_seconds(&text, MSG_METRIC_GAUGE, time.name, NULL, 0, 50000);
	msgext_openmetrics_seconds(&text, MSG_METRIC_GAUGE, time.name, NULL, 0, 300000000);
	msgext_openmetrics_seconds(&text, MSG_METRIC_GAUGE, time.name, NULL, 0, -1500000);
	msgext_openmetrics_seconds(&text, MSG_METRIC_COUNTER, time.name, NULL, 0, 1000001);
	CHECK_TEXT(text.data, "msgext_age_seconds 0.0\nmsgext_age_seconds 0.000001\n"
						  "msgext_age_seconds 0.05\nmsgext_age_seconds 300.0\n"
						  "msgext_age_seconds -1.5\nmsgext_age_seconds_total 1.000001\n");
	test_end();
}

static void
test_histogram(void)
{
	MsgLabel label = {"server", "vk"};
	MsgCounts counts = {0};
	MsgBuf text;

	test_begin("openmetrics: a histogram is cumulative, and ends with all");
	msgext_buf_init(&text, test_arena, 1);
	msgext_counts_time(&counts, MSG_TIME_REQUEST, 900);
	msgext_counts_time(&counts, MSG_TIME_REQUEST, 1000);
	msgext_counts_time(&counts, MSG_TIME_REQUEST, 30000);
	msgext_counts_time(&counts, MSG_TIME_REQUEST, INT64_C(400000000));
	msgext_openmetrics_histogram(&text, "request_seconds", &label,
								 msgext_time_bounds_us[MSG_TIME_REQUEST],
								 &counts.times[MSG_TIME_REQUEST]);
	CHECK_TEXT(text.data, "msgext_request_seconds_bucket{server=\"vk\",le=\"0.001\"} 2\n"
						  "msgext_request_seconds_bucket{server=\"vk\",le=\"0.002\"} 2\n"
						  "msgext_request_seconds_bucket{server=\"vk\",le=\"0.005\"} 2\n"
						  "msgext_request_seconds_bucket{server=\"vk\",le=\"0.01\"} 2\n"
						  "msgext_request_seconds_bucket{server=\"vk\",le=\"0.025\"} 2\n"
						  "msgext_request_seconds_bucket{server=\"vk\",le=\"0.05\"} 3\n"
						  "msgext_request_seconds_bucket{server=\"vk\",le=\"0.1\"} 3\n"
						  "msgext_request_seconds_bucket{server=\"vk\",le=\"0.25\"} 3\n"
						  "msgext_request_seconds_bucket{server=\"vk\",le=\"0.5\"} 3\n"
						  "msgext_request_seconds_bucket{server=\"vk\",le=\"1.0\"} 3\n"
						  "msgext_request_seconds_bucket{server=\"vk\",le=\"2.0\"} 3\n"
						  "msgext_request_seconds_bucket{server=\"vk\",le=\"5.0\"} 3\n"
						  "msgext_request_seconds_bucket{server=\"vk\",le=\"10.0\"} 3\n"
						  "msgext_request_seconds_bucket{server=\"vk\",le=\"30.0\"} 3\n"
						  "msgext_request_seconds_bucket{server=\"vk\",le=\"60.0\"} 3\n"
						  "msgext_request_seconds_bucket{server=\"vk\",le=\"300.0\"} 3\n"
						  "msgext_request_seconds_bucket{server=\"vk\",le=\"+Inf\"} 4\n"
						  "msgext_request_seconds_count{server=\"vk\"} 4\n"
						  "msgext_request_seconds_sum{server=\"vk\"} 400.0319\n");
	test_end();
}

void
test_openmetrics(void)
{
	test_samples_of_a_family();
	test_histogram();
}
