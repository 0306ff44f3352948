/*
 * test.c
 *		The runner's few words: see test.h.
 */
#include "test.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

MsgArena *test_arena;
const char *test_root = ".";

static int tests;
static int failed_tests;
static int failed_checks; /* of the running test */
static char test_name[256];

uint32_t
test_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

void
test_start(void)
{
	test_arena = msgext_arena_std_create();
}

int
test_finish(void)
{
	msgext_arena_std_destroy(test_arena);
	printf("1..%d\n", tests);
	if (failed_tests > 0)
		printf("# %d of %d failed\n", failed_tests, tests);
	return failed_tests > 0;
}

void
test_begin(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(test_name, sizeof(test_name), format, args);
	va_end(args);
	failed_checks = 0;
}

void
test_end(void)
{
	tests++;
	failed_tests += failed_checks > 0;
	printf("%s %d - %s\n", failed_checks > 0 ? "not ok" : "ok", tests, test_name);
	fflush(stdout);
	msgext_arena_std_reset(test_arena);
}

void
test_fail(const char *file, int line, const char *format, ...)
{
	va_list args;

	failed_checks++;
	printf("# %s, %s:%d: ", test_name, file, line);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
}

void
test_check_text(const char *file, int line, const char *what, const char *actual,
				const char *expected)
{
	bool same = actual == expected ||
				(actual != NULL && expected != NULL && strcmp(actual, expected) == 0);

	if (!same)
		test_fail(file, line, "%s is %s, not %s", what, actual != NULL ? actual : "NULL",
				  expected != NULL ? expected : "NULL");
}

void
test_check_int(const char *file, int line, const char *what, int64_t actual,
			   int64_t expected)
{
	if (actual != expected)
		test_fail(file, line, "%s is %" PRId64 ", not %" PRId64, what, actual, expected);
}
