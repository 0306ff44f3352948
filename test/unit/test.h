/*
 * test.h
 *		The runner's few words: a test has a name, an arena and checks.
 *
 * Speaks TAP on standard output, so that prove reads it. A failed check is reported with
 * its place and makes its test fail; the test goes on.
 */
#ifndef MSGEXT_TEST_H
#define MSGEXT_TEST_H

#include <stdbool.h>
#include <stdint.h>

#include "core/arena.h"

/* Of the test that runs; emptied at its end. */
extern MsgArena *test_arena;

/* The repository's root. */
extern const char *test_root;

/* Before the first test; after the last one, with the exit status. */
extern void test_start(void);
extern int test_finish(void);

/* The next of the same numbers each time, of 24 bits. */
extern uint32_t test_random(uint32_t *state);

extern void test_begin(const char *format, ...) __attribute__((format(printf, 1, 2)));
extern void test_end(void);

/* Says why the running test fails. */
extern void test_fail(const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

extern void test_check_text(const char *file, int line, const char *what,
							const char *actual, const char *expected);
extern void test_check_int(const char *file, int line, const char *what, int64_t actual,
						   int64_t expected);

#define CHECK(condition)                                                                 \
	do                                                                                   \
	{                                                                                    \
		if (!(condition))                                                                \
			test_fail(__FILE__, __LINE__, "not so: %s", #condition);                     \
	} while (0)
#define CHECK_TEXT(actual, expected)                                                     \
	test_check_text(__FILE__, __LINE__, #actual, actual, expected)
#define CHECK_INT(actual, expected)                                                      \
	test_check_int(__FILE__, __LINE__, #actual, actual, expected)

/* One suite a file; those of src/net are in a program of their own, test_net.c. */
extern void test_base64(void);
extern void test_recipients(void);
extern void test_sha256(void);
extern void test_breaker(void);
extern void test_buf(void);
extern void test_cascade(void);
extern void test_counts(void);
extern void test_error(void);
extern void test_hmac(void);
extern void test_query_string(void);
extern void test_hostile(void);
extern void test_json(void);
extern void test_lane_cursor(void);
extern void test_feed_cursor(void);
extern void test_lifecycle(void);
extern void test_login(void);
extern void test_mask(void);
extern void test_mutations(void);
extern void test_net_address(void);
extern void test_net_client(void);
extern void test_net_endpoint(void);
extern void test_net_http2(void);
extern void test_net_listener(void);
extern void test_net_connections(void);
extern void test_net_thread(void);
extern void test_net_tls(void);
extern void test_openmetrics(void);
extern void test_option(void);
extern void test_pb_read(void);
extern void test_pb_schema(void);
extern void test_pb_write(void);
extern void test_provider(void);
extern void test_rate(void);
extern void test_sample_reply(void);
extern void test_samples(void);
extern void test_template(void);
extern void test_timestamp(void);
extern void test_utf8(void);
extern void test_verdict(void);
extern void test_xml(void);

#endif /* MSGEXT_TEST_H */
