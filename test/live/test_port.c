/* SPDX-License-Identifier: MIT */
/*
 * What `inuse PORT` says of the commonest sockets, with the eyes that this kernel is known to have: through BPF everything
 * is told for certain, without it what is hidden is said to be hidden. Made to run on other kernels.
 *
 * INUSE_EYES says which answers are due: "bpf", or "plain" where the kernel has no type information. Unset: whichever
 * inuse itself finds, so that a kernel whose BPF ceases to work is noticed only where it is set.
 */
#include "support/live.h"

#include <stdlib.h>

static bool through_bpf(void)
{
	const char *due = getenv("INUSE_EYES");
	const struct live_run *version = live_inuse("--version");
	bool works = strstr(version->out, "bucket   yes") != NULL;

	if (due != NULL && works != (strcmp(due, "bpf") == 0))
		live_fail("INUSE_EYES is %s, but:\n%s", due, version->out);
	return works;
}

/* sock_diag shows sockets that are only bound since 6.8. */
static bool bound_is_seen(void)
{
	return through_bpf() ||
	       (strstr(live_inuse("--version")->out, "diag     yes") != NULL && !live_kernel_before(6, 8));
}

static void test_port__nothing__free(void **state)
{
	live_says(live_inuse("8080"), 0, "8080/tcp FREE");
	live_says(live_inuse("--strict", "8080"), bound_is_seen() ? 0 : 3, "8080/tcp");
}

static void test_port__listener__its_process(void **state)
{
	pid_t owner = LIVE_CHILD(live_listener("127.0.0.1:8080", LIVE_REUSEADDR));

	live_says(live_inuse("8080"), 1, "IN USE", live_text("pid %d", owner));
	live_says(live_inuse("ls", ":8080"), 0, "LISTEN", live_text("[%d]", owner));
	assert_int_equal(live_try_listen("127.0.0.1:8080", LIVE_REUSEADDR), EADDRINUSE);
}

static void test_port__listener6__its_process(void **state)
{
	pid_t owner;

	live_need_ipv6();
	owner = LIVE_CHILD(live_listener("[::]:8080", LIVE_REUSEADDR));
	live_says(live_inuse("8080"), 1, "IN USE", live_text("pid %d", owner));
	assert_int_equal(live_try_listen("127.0.0.1:8080", LIVE_REUSEADDR), EADDRINUSE);
}

static void test_port__bound_only__seen_or_said_to_be_hidden(void **state)
{
	pid_t owner = LIVE_CHILD(live_bound("127.0.0.1:8080", 0));

	if (bound_is_seen())
		live_says(live_inuse("--plain", "8080"), 1, "IN USE", live_text("pid %d", owner));
	else
		live_says(live_inuse("--plain", "8080"), 0, "FREE, as far as you may see");
	assert_int_equal(live_try_bind("127.0.0.1:8080", 0), EADDRINUSE);
}

static void test_port__time_wait_without_reuseaddr__in_use(void **state)
{
	live_time_wait("127.0.0.1:8080", 0, NULL);
	live_says(live_inuse("--plain", "8080"), 1, "IN USE", "TIME-WAIT");
	if (through_bpf())
		live_says(live_inuse("8080"), 1, "IN USE", "TIME-WAIT", "The old socket lacked SO_REUSEADDR");
	else
		live_says(live_inuse("8080"), 3, "CANNOT TELL", "whether the old socket set SO_REUSEADDR");
	assert_int_equal(live_try_listen("127.0.0.1:8080", LIVE_REUSEADDR), EADDRINUSE);
}

static void test_port__time_wait_with_reuseaddr__free_for_whoever_sets_it(void **state)
{
	live_time_wait("127.0.0.1:8080", LIVE_REUSEADDR, NULL);
	live_says(live_inuse("--plain", "8080"), 1, "IN USE", "TIME-WAIT");
	if (through_bpf())
		live_says(live_inuse("8080"), 0, "8080/tcp FREE");
	else
		live_says(live_inuse("8080"), 3, "CANNOT TELL");
	assert_int_equal(live_try_listen("127.0.0.1:8080", 0), EADDRINUSE);
	assert_int_equal(live_try_listen("127.0.0.1:8080", LIVE_REUSEADDR), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		live_test(test_port__nothing__free),
		live_test(test_port__listener__its_process),
		live_test(test_port__listener6__its_process),
		live_test(test_port__bound_only__seen_or_said_to_be_hidden),
		live_test(test_port__time_wait_without_reuseaddr__in_use),
		live_test(test_port__time_wait_with_reuseaddr__free_for_whoever_sets_it),
	};

	return LIVE_RUN("port", tests);
}
