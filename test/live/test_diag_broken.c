/* SPDX-License-Identifier: MIT */
/*
 * sock_diag dumps that break off. The linker puts a function of ours in front of libmnl's receive function, which loses
 * the second half of a piece and reports an overrun, as a full receive buffer does.
 */
#include "support/live.h"

#include <libmnl/libmnl.h>

#include "base/address.h"
#include "cure/evict.h"
#include "host/sources.h"

#define N_LISTENERS 20

ssize_t __real_mnl_socket_recvfrom(const struct mnl_socket *socket, void *buffer, size_t size);
ssize_t __wrap_mnl_socket_recvfrom(const struct mnl_socket *socket, void *buffer, size_t size);

static int breaks_left;
static bool overrun_next;

/* The length of the first half of the messages. */
static ssize_t half(const char *buffer, ssize_t len)
{
	ssize_t at = 0, n = 0, keep;

	while (at < len) {
		at += MNL_ALIGN(((const struct nlmsghdr *)(const void *)(buffer + at))->nlmsg_len);
		n++;
	}
	keep = n / 2;
	for (at = 0; keep > 0; keep--)
		at += MNL_ALIGN(((const struct nlmsghdr *)(const void *)(buffer + at))->nlmsg_len);
	return at;
}

ssize_t __wrap_mnl_socket_recvfrom(const struct mnl_socket *socket, void *buffer, size_t size)
{
	ssize_t len;

	if (overrun_next) {
		overrun_next = false;
		errno = ENOBUFS;
		return -1;
	}
	len = __real_mnl_socket_recvfrom(socket, buffer, size);
	if (len <= 0 || breaks_left == 0 || half(buffer, len) == 0)
		return len;
	breaks_left--;
	overrun_next = true;
	return half(buffer, len);
}

struct tally {
	unsigned n_of_port[N_LISTENERS], total;
};

static bool count(void *arg, const struct inuse_socket *s)
{
	struct tally *t = arg;

	if (s->local.port >= 8000 && s->local.port < 8000 + N_LISTENERS)
		t->n_of_port[s->local.port - 8000]++;
	t->total++;
	return true;
}

static struct tally dump(int breaks, uint32_t *ret_unseen)
{
	struct iu_scope scope = {.bound = false};
	struct tally t = {0};

	for (int i = 0; i < N_LISTENERS; i++)
		live_listener(live_text("127.0.0.1:%d", 8000 + i), 0);
	breaks_left = breaks;
	overrun_next = false;
	assert_int_equal(iu_diag_each(&scope, INUSE_PROTO_TCP, count, &t, ret_unseen, NULL), INUSE_OK);
	breaks_left = 0;
	overrun_next = false;
	return t;
}

static void test_diag__dump_breaks_off_twice__asked_again_and_nothing_twice(void **state)
{
	uint32_t unseen = 0;
	struct tally t = dump(2, &unseen);

	for (int i = 0; i < N_LISTENERS; i++)
		assert_int_equal(t.n_of_port[i], 1);
	assert_int_equal(t.total, N_LISTENERS);
	assert_int_equal(unseen & INUSE_MISSING_PARTIAL, 0);
}

static void test_diag__dump_always_breaks_off__partial_and_says_so(void **state)
{
	uint32_t unseen = 0;
	struct tally t = dump(1000, &unseen);

	assert_true(t.total > 0 && t.total < N_LISTENERS);
	assert_int_equal(unseen & INUSE_MISSING_PARTIAL, INUSE_MISSING_PARTIAL);
}

/* The answer about the one whose cookie was not known is lost: neither was asked to go. */
static void test_evict__answer_lost__each_counted_with_the_reason(void **state)
{
	struct iu_evict_target targets[] = {
		{.local = iu_addr_any(4, 8001), .remote = iu_addr_any(4, 0), .family = 4, .state = INUSE_LISTEN},
		{.local = iu_addr_any(4, 8000), .remote = iu_addr_any(4, 0), .family = 4, .state = INUSE_LISTEN, .cookie = 1},
	};
	struct iu_evict_plan plan = {.targets = targets, .n = 2};
	struct iu_evict_done done;

	live_listener("0.0.0.0:8000", 0);
	live_listener("0.0.0.0:8001", 0);
	overrun_next = true;
	iu_evict_apply(&plan, NULL, NULL, &done, NULL);
	assert_int_equal(done.n_refused, 2);
	assert_int_equal(done.os_code, ENOBUFS);
	assert_int_equal(live_try_bind("0.0.0.0:8000", 0), EADDRINUSE);
	assert_int_equal(live_try_bind("0.0.0.0:8001", 0), EADDRINUSE);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		live_test(test_diag__dump_breaks_off_twice__asked_again_and_nothing_twice),
		live_test(test_diag__dump_always_breaks_off__partial_and_says_so),
		live_test(test_evict__answer_lost__each_counted_with_the_reason),
	};

	return LIVE_RUN("diag_broken", tests);
}
