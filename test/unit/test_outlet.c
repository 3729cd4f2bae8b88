/* SPDX-License-Identifier: MIT */
/* Text that goes out without ever making its writer wait. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervise/outlet.h"
#include "support/check.h"

static void make_pipe(int ends[2])
{
	assert_int_equal(pipe(ends), 0);
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
}

static void test_outlet__room__written_at_once(void **state)
{
	struct iu_outlet o = {0};
	char got[16] = "";
	int ends[2];

	make_pipe(ends);
	o.fd = ends[1];
	iu_outlet_write(&o, "hello", 5);
	assert_int_equal(read(ends[0], got, sizeof(got)), 5);
	assert_string_equal(got, "hello");
	iu_outlet_done(&o);
	close(ends[0]);
	close(ends[1]);
}

/* The test itself would hang if the writer waited. */
static void test_outlet__nobody_reads__kept_in_order_then_lost(void **state)
{
	struct iu_outlet o = {0};
	char line[101], *all = malloc(4 << 20);
	size_t len = 0, n_lines = 0;
	ssize_t n;
	int ends[2];

	make_pipe(ends);
	o.fd = ends[1];
	for (int i = 0; i < 5000; i++) {
		snprintf(line, sizeof(line), "%099d\n", i);
		iu_outlet_write(&o, line, 100);
	}
	assert_true(o.lost > 0);
	do {
		iu_outlet_flush(&o);
		n = read(ends[0], all + len, 65536);
		len += n > 0 ? (size_t)n : 0;
	} while (n > 0);
	for (size_t at = 0; at < len; at += 100)
		assert_int_equal(strtol(all + at, NULL, 10), (long)n_lines++);
	assert_int_equal(n_lines + o.lost, 5000);
	iu_outlet_done(&o);
	free(all);
	close(ends[0]);
	close(ends[1]);
}

static void test_outlet__reader_gone_or_none__no_harm(void **state)
{
	struct iu_outlet o = {.fd = -1};
	int ends[2];

	iu_outlet_write(&o, "x", 1);
	assert_int_equal(o.waiting.len, 0);
	signal(SIGPIPE, SIG_IGN);
	make_pipe(ends);
	close(ends[0]);
	o.fd = ends[1];
	iu_outlet_write(&o, "x", 1);
	iu_outlet_done(&o);
	close(ends[1]);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_outlet__room__written_at_once),
		cmocka_unit_test(test_outlet__nobody_reads__kept_in_order_then_lost),
		cmocka_unit_test(test_outlet__reader_gone_or_none__no_harm),
	};

	return cmocka_run_group_tests_name("outlet", tests, NULL, NULL);
}
