/*
 * main.c
 *		Runs every suite that needs neither a server nor the network: unit [repository
 *		root].
 *
 * Exit status 0 when all passed.
 */
#include "test.h"

int
main(int argc, char **argv)
{
	if (argc > 1)
		test_root = argv[1];
	test_start();

	test_buf();
	test_utf8();
	test_error();
	test_json();
	test_xml();
	test_base64();
	test_recipients();
	test_sha256();
	test_hmac();
	test_query_string();
	test_pb_write();
	test_pb_read();
	test_pb_schema();
	test_timestamp();
	test_option();
	test_verdict();
	test_lane_cursor();
	test_feed_cursor();
	test_lifecycle();
	test_cascade();
	test_provider();
	test_rate();
	test_breaker();
	test_counts();
	test_openmetrics();
	test_template();
	test_samples();
	test_sample_reply();
	test_login();
	test_mask();
	test_hostile();
	test_mutations();

	return test_finish();
}
