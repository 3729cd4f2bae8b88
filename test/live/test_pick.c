/* SPDX-License-Identifier: MIT */
/* inuse pick: what it offers the kernel grants, and what it passes over the kernel refuses. */
#include <stdio.h>
#include <stdlib.h>

#include "support/live.h"

static void test_pick__taken_in_every_way__passed_over(void **state)
{
	live_need_root(); /* reuse flags */
	live_listener("127.0.0.1:8000", LIVE_REUSEADDR);
	live_bound("127.0.0.1:8001", 0);
	live_time_wait("127.0.0.1:8002", 0, NULL);
	live_time_wait("127.0.0.1:8003", LIVE_REUSEADDR, NULL);
	assert_string_equal(live_inuse("pick", "8000")->out, "8003\n");
	assert_string_equal(live_inuse("pick", "8000-8004", "--count", "2")->out, "8003\n8004\n");
	assert_string_equal(live_inuse("pick", "8000", "--plain")->out, "8004\n");
	assert_string_equal(live_inuse("pick", "127.0.0.2:8000", "--plain")->out, "8000\n");
	assert_int_equal(live_try_listen("0.0.0.0:8002", LIVE_REUSEADDR), EADDRINUSE);
	assert_int_equal(live_try_listen("0.0.0.0:8003", LIVE_REUSEADDR), 0);
	live_complains(live_inuse("pick", "8000-8002"), 1, "there is no such port");
}

static void test_pick__ordinary_user__offers_what_is_certain(void **state)
{
	live_listener("127.0.0.1:1024", 0);
	live_time_wait("127.0.0.1:1025", LIVE_REUSEADDR, NULL);
	assert_string_equal(live_inuse_as(LIVE_NOBODY, "pick", "1020")->out, "1026\n");
	/* whether TIME-WAIT tolerates it is hidden from him */
	live_complains(live_inuse_as(LIVE_NOBODY, "pick", "1024-1025"), 3, "of 1 more it cannot be told");
	assert_string_equal(live_inuse("pick", "1020")->out, "1020\n");
}

static void test_pick__automatic__inside_the_range_without_reserved(void **state)
{
	bool seen[10] = {false};

	live_sysctl("net.ipv4.ip_local_port_range", "40000 40009");
	live_sysctl("net.ipv4.ip_local_reserved_ports", "40002-40004");
	live_listener("127.0.0.1:40005", 0);
	for (int i = 0; i < 12; i++) {
		long port = strtol(live_inuse("pick")->out, NULL, 10);

		assert_in_range(port, 40000, 40009);
		assert_false(port >= 40002 && port <= 40005);
		seen[port - 40000] = true;
	}
	/* not always the same one: two who ask at once shall get two */
	assert_true(seen[0] + seen[1] + seen[6] + seen[7] + seen[8] + seen[9] > 1);
	live_complains(live_inuse("pick", "--count", "7"), 1, "there are only 6 such ports");
	/* who names a reserved port may have it */
	assert_string_equal(live_inuse("pick", "40002")->out, "40002\n");
}

static void test_pick__ipv6__judged_as_ipv4(void **state)
{
	live_need_ipv6();
	live_listener("[::1]:8000", LIVE_V6ONLY);
	assert_string_equal(live_inuse("pick", "[::1]:8000-8001")->out, "8001\n");
	assert_string_equal(live_inuse("pick", "127.0.0.1:8000-8001")->out, "8000\n");
	assert_string_equal(live_inuse("pick", "8000-8001")->out, "8001\n");
}

/* One look for each of 50,000 ports would take minutes; the program is given 30 s. */
static void test_pick__all_ports__one_look(void **state)
{
	const struct live_run *run = live_inuse("pick", "1024", "--count", "60000");
	size_t lines = 0;

	for (const char *at = run->out; *at != 0; at++)
		lines += *at == '\n';
	assert_int_equal(run->status, 0);
	assert_int_equal(lines, 60000);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		live_test(test_pick__taken_in_every_way__passed_over),
		live_test(test_pick__ordinary_user__offers_what_is_certain),
		live_test(test_pick__automatic__inside_the_range_without_reserved),
		live_test(test_pick__ipv6__judged_as_ipv4),
		live_test(test_pick__all_ports__one_look),
	};

	return LIVE_RUN("pick", tests);
}
