/* SPDX-License-Identifier: MIT */
/*
 * The end of TIME-WAIT is what was predicted, to within one tick of the kernel's timers; that of FIN-WAIT-2 where it waits twice, too.
 *
 * It takes the minute that a TIME-WAIT takes, so it is not among the other tests: tools/kernels runs it, on emulated
 * machines whose clock runs ahead while they idle, and beside them on this one. (The remains in FIN-WAIT-2, which go
 * sooner: test_eyes_bpf_many.c.)
 */
#include "support/live.h"

#include <stdio.h>
#include <time.h>

#include "host/settings.h"
#include "host/sources.h"

#define S INT64_C(1000000000)
#define EARLY_NS S

static bool keep_remains(void *arg, const struct inuse_socket *socket)
{
	if (socket->state == INUSE_TIME_WAIT || (socket->state == INUSE_FIN_WAIT2 && socket->inode == 0))
		*(struct inuse_socket *)arg = *socket;
	return true;
}

static void sleep_until(int64_t ns)
{
	const struct timespec at = {.tv_sec = ns / S, .tv_nsec = ns % S};

	clock_nanosleep(CLOCK_BOOTTIME, TIMER_ABSTIME, &at, NULL);
}

/*
 * Between which moments did the port become free? The socket's own disappearance from the kernel's tables is what is
 * looked for, by the call that it hinders. The looks begin EARLY_NS before it can be: whoever sleeps until then may be
 * woken late on a busy machine, by more than the few ticks in question.
 */
static void watch_end(int64_t from_ns, int64_t to_ns, int64_t *ret_last_taken, int64_t *ret_free)
{
	const struct timespec pause = {.tv_nsec = 200000};
	int64_t before;

	sleep_until(from_ns - EARLY_NS);
	*ret_last_taken = 0;
	for (;;) {
		before = iu_host_now();
		if (live_try_bind("127.0.0.1:8080", 0) == 0)
			break;
		*ret_last_taken = before;
		if (before > to_ns)
			live_fail("still there %.3f s after its predicted end", (double)(before - from_ns) / 1e9);
		nanosleep(&pause, NULL);
	}
	*ret_free = iu_host_now();
	if (*ret_last_taken == 0)
		live_fail("gone when it was first looked for, before its predicted end");
}

static void test_bucket__end_of_time_wait__to_within_one_tick(void **state)
{
	uint16_t port = 8080;
	struct iu_scope scope = {.ports = &port, .n_ports = 1};
	struct inuse_socket tw = {0};
	struct inuse_error error = {0};
	enum inuse_status status;
	int64_t tick = S / iu_host_hz(), last_taken, freed;
	uint32_t unseen;

	live_time_wait("127.0.0.1:8080", 0, NULL);
	status = iu_bucket_each(&scope, keep_remains, NULL, NULL, &tw, &unseen, &error);
	if (status == INUSE_E_PERMISSION || status == INUSE_E_UNSUPPORTED)
		live_skip("%s", error.text);
	assert_int_equal(status, INUSE_OK);
	assert_int_equal(tw.free_slack_ns, 0);
	watch_end(tw.free_at_ns, tw.free_at_ns + 5 * S, &last_taken, &freed);
	printf("predicted, in ms after the last refusal: %.3f; from then to the first success: %.3f; tick: %.3f\n",
	       (double)(tw.free_at_ns - last_taken) / 1e6, (double)(freed - last_taken) / 1e6, (double)tick / 1e6);
	if (tw.free_at_ns < last_taken - tick || tw.free_at_ns > freed + tick)
		live_fail("it went %.3f to %.3f ms after its predicted end, a tick is %.3f ms",
			  (double)(last_taken - tw.free_at_ns) / 1e6, (double)(freed - tw.free_at_ns) / 1e6,
			  (double)tick / 1e6);
}

#define WITHOUT_BPF (1u << IU_SOURCE_BUCKET | 1u << IU_SOURCE_ITER)

/* What is left on the port, by the best eye that is not left out. */
static struct inuse_socket remains(unsigned without)
{
	uint16_t port = 8080;
	struct iu_scope scope = {.ports = &port, .n_ports = 1, .without = without};
	struct inuse_snapshot *snapshot;
	struct inuse_socket s = {0};
	const struct iu_facts *facts;

	assert_int_equal(iu_host_take(&scope, &snapshot, NULL), INUSE_OK);
	facts = iu_snapshot_facts(snapshot);
	for (size_t i = 0; i < facts->n_sockets; i++)
		keep_remains(&s, &facts->sockets[i]);
	iu_snapshot_free(snapshot);
	assert_int_not_equal(s.state, INUSE_STATE_UNKNOWN);
	return s;
}

static void check_slack(const struct inuse_socket *s, int64_t last_taken, int64_t freed)
{
	printf("predicted: %.3f s, within %.3f s; it took from then %.3f s\n", (double)s->free_at_ns / 1e9,
	       (double)s->free_slack_ns / 1e9, (double)(freed - s->free_at_ns) / 1e9);
	if (freed < s->free_at_ns || last_taken > s->free_at_ns + s->free_slack_ns)
		live_fail("it went %.3f s after its predicted end, which was to be right to within %.3f s",
			  (double)(freed - s->free_at_ns) / 1e9, (double)s->free_slack_ns / 1e9);
}

static void test_diag__end_of_time_wait__within_the_slack_it_tells(void **state)
{
	struct inuse_socket tw;
	int64_t last_taken, freed;

	live_time_wait("127.0.0.1:8080", 0, NULL);
	tw = remains(WITHOUT_BPF);
	assert_int_equal(tw.state, INUSE_TIME_WAIT);
	watch_end(tw.free_at_ns, tw.free_at_ns + tw.free_slack_ns + 5 * S, &last_taken, &freed);
	check_slack(&tw, last_taken, freed);
}

/* 15 s as a whole socket, and then as long again. */
static void test_every_eye__end_of_an_orphan_that_is_whole_first__within_the_slack_it_tells(void **state)
{
	struct inuse_socket best, plain;
	int64_t tick = S / iu_host_hz(), last_taken, freed;

	live_sysctl("net.ipv4.tcp_fin_timeout", "75");
	live_fin_wait2("127.0.0.1:8080", 0);
	best = remains(0);
	plain = remains(WITHOUT_BPF);
	assert_int_equal(best.state, INUSE_FIN_WAIT2);
	assert_false(best.mini || plain.mini);
	assert_true(best.free_at_ns + S / 10 >= plain.free_at_ns);
	watch_end(best.free_at_ns, plain.free_at_ns + plain.free_slack_ns + 5 * S, &last_taken, &freed);
	best.free_at_ns -= tick; /* it is as exact as the clock that it was read from */
	best.free_slack_ns += 2 * tick;
	check_slack(&best, last_taken, freed);
	check_slack(&plain, last_taken, freed);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		live_test(test_bucket__end_of_time_wait__to_within_one_tick),
		live_test(test_diag__end_of_time_wait__within_the_slack_it_tells),
		live_test(test_every_eye__end_of_an_orphan_that_is_whole_first__within_the_slack_it_tells),
	};

	return LIVE_RUN("expiry", tests);
}
