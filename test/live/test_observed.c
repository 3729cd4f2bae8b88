/* SPDX-License-Identifier: MIT */
/*
 * What the kernel shows of its sockets: the facts that the eyes rest on. What SOCK_DESTROY does to them is in test_destroyed.c.
 *
 * Each test stands for a row of the measured table (test/house/measured-ids.txt), whose id is in brackets above it; the house
 * test lab-covers looks for them. Netlink is spoken here by hand, so that nothing of the program is between the fact and the test.
 */
#include "support/live.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>

#include "host/settings.h"
#include "host/sources.h"
#include "support/live_diag.h"

static unsigned in_proc(uint16_t port)
{
	char line[512], want[16];
	FILE *f = fopen("/proc/net/tcp", "re");
	unsigned n = 0;

	assert_non_null(f);
	snprintf(want, sizeof(want), ":%04X ", port);
	while (fgets(line, sizeof(line), f) != NULL) {
		const char *local = strchr(line, ':'); /* of the number of the line */

		n += local != NULL && strncmp(strchr(local + 1, ':'), want, 6) == 0;
	}
	fclose(f);
	return n;
}

static unsigned bound(uint16_t port)
{
	struct diag_table t = diag_dump(AF_INET, DIAG_BOUND_INACTIVE, 0, 0);

	assert_int_equal(diag_count(&t, port, 0), diag_count(&t, port, TCP_CLOSE));
	return diag_count(&t, port, 0);
}

/* [O01] */
static void test_bound_only__one_table_alone_shows_it(void **state)
{
	diag_need_kernel(IU_KERNEL(6, 8));
	live_bound("127.0.0.1:5000", 0);
	assert_int_equal(in_proc(5000), 0);
	assert_int_equal(diag_ordinary(5000), 0);
	assert_int_equal(bound(5000), 1);
}

/* [O02] */
static void test_time_wait__nobodys_and_its_end(void **state)
{
	struct diag_row s;

	live_time_wait("127.0.0.1:5000", 0, NULL);
	s = diag_only(5000, TCP_TIME_WAIT);
	assert_int_equal(s.m.idiag_uid, 0);
	assert_int_equal(s.m.idiag_inode, 0);
	assert_int_equal(s.m.idiag_timer, 3);
	assert_true(s.m.idiag_expires > 50000 && s.m.idiag_expires <= 60000); /* a loaded machine looks late */
}

/* [O10] */
static void test_ordinary_user__looks_and_removes_nothing(void **state)
{
	pid_t user;

	live_need_root();
	live_time_wait("127.0.0.1:5000", 0, NULL);
	user = LIVE_CHILD_AS(LIVE_NOBODY, {
		struct diag_row s = diag_only(5000, TCP_TIME_WAIT);

		live_tell(diag_destroy(&s, 0));
	});
	assert_int_equal(live_heard(user), EPERM);
	assert_int_equal(diag_ordinary(5000), 1);
}

/* [O11] */
static void test_v6only__shown_of_listeners_alone(void **state)
{
	struct diag_table t;

	live_need_ipv6();
	live_connection("[::1]:5000", 0, NULL, 0);
	t = diag_dump(AF_INET6, DIAG_ORDINARY, 0, 0);
	assert_int_equal(diag_count(&t, 5000, TCP_LISTEN), 1);
	assert_int_equal(diag_count(&t, 5000, TCP_ESTABLISHED), 1);
	for (size_t i = 0; i < t.n; i++)
		assert_int_equal(t.rows[i].v6only, t.rows[i].m.idiag_state == TCP_LISTEN);
}

/* [O12] */
static void test_reuse_options__no_bit_of_sock_diag_tells(void **state)
{
	struct diag_row with, without;

	live_listener("127.0.0.1:5000", LIVE_REUSEADDR | LIVE_REUSEPORT);
	live_listener("127.0.0.1:5001", 0);
	with = diag_only(5000, TCP_LISTEN);
	without = diag_only(5001, TCP_LISTEN);
	if (!with.sockopt)
		live_skip("this kernel has no INET_DIAG_SOCKOPT");
	assert_memory_equal(with.sockopt_bytes, without.sockopt_bytes, sizeof(with.sockopt_bytes));
}

/* [O13] */
static void test_port_in_the_request__bound_sockets_ignore_it(void **state)
{
	struct diag_table t;

	diag_need_kernel(IU_KERNEL(6, 8));
	for (uint16_t port = 5000; port < 5003; port++) {
		live_listener(live_text("127.0.0.1:%d", port), 0);
		live_bound(live_text("127.0.0.2:%d", port), 0);
	}
	live_time_wait("127.0.0.3:5001", 0, NULL);
	t = diag_dump(AF_INET, 1u << TCP_LISTEN | 1u << TCP_TIME_WAIT, 5001, 0);
	assert_int_equal(diag_count(&t, 5001, TCP_LISTEN), 1);
	assert_int_equal(diag_count(&t, 5001, TCP_TIME_WAIT), 1);
	assert_int_equal(t.n, 2);
	assert_int_equal(diag_dump(AF_INET, DIAG_BOUND_INACTIVE, 5001, 0).n, 3);
}

/* [O14] */
static void test_port_in_the_filter__bound_sockets_heed_it(void **state)
{
	struct diag_table t;

	diag_need_kernel(IU_KERNEL(6, 8));
	for (uint16_t port = 5000; port < 5003; port++)
		live_bound(live_text("127.0.0.1:%d", port), 0);
	t = diag_dump(AF_INET, DIAG_BOUND_INACTIVE, 0, 5002);
	assert_int_equal(t.n, 1);
	assert_int_equal(diag_count(&t, 5002, TCP_CLOSE), 1);
}

static void churn(void)
{
	for (;;) {
		int fds[20];

		for (int i = 0; i < 20; i++)
			fds[i] = live_listener("127.0.0.1:0", 0);
		for (int i = 0; i < 20; i++)
			live_close(fds[i]);
	}
}

/* [O15] */
static void test_dump_while_sockets_come_and_go__never_marked_as_interrupted(void **state)
{
	pid_t child = live_fork(false, -1);

	if (child == 0)
		churn();
	for (int i = 0; i < 100; i++)
		assert_false(diag_dump(AF_INET, DIAG_ORDINARY, 0, 0).interrupted);
	live_kill(child, SIGKILL);
}

/* [O16] */
static void test_not_yet_accepted__no_inode_and_the_listeners_user(void **state)
{
	struct diag_row s;

	live_listener("127.0.0.1:5000", 0);
	live_dial("127.0.0.1:5000", NULL, 0);
	live_wait(5000, 0, INUSE_ESTABLISHED);
	s = diag_only(5000, TCP_ESTABLISHED);
	assert_int_equal(s.m.idiag_inode, 0);
	assert_int_equal(s.m.idiag_uid, getuid());
}

/* [O17] */
static void test_accepted_by_another_user__his_from_then_on(void **state)
{
	struct live_connection c = {.server_port = 5000};

	live_need_root();
	c.listener = live_listener("127.0.0.1:5000", 0);
	live_chown(c.listener, 1000);
	live_dial("127.0.0.1:5000", NULL, 0);
	live_wait(5000, 0, INUSE_ESTABLISHED);
	assert_int_equal(diag_only(5000, TCP_ESTABLISHED).m.idiag_uid, 1000);
	live_accept(c.listener);
	assert_int_equal(diag_only(5000, TCP_ESTABLISHED).m.idiag_uid, 0);
}

/* [O18] */
static void test_orphan__keeps_its_user_and_no_inode(void **state)
{
	static const char bytes[65536];
	struct live_connection c;
	struct diag_row s;

	diag_need_kernel(IU_KERNEL(6, 17));
	live_need_root();
	c = live_connection("127.0.0.1:5000", 0, "127.0.0.1:5001", 0);
	live_chown(c.client, 1000);
	while (send(c.client, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		;
	live_close(c.client);
	live_wait(5001, 0, INUSE_FIN_WAIT1);
	s = diag_only(5001, TCP_FIN_WAIT1);
	assert_int_equal(s.m.idiag_uid, 1000);
	assert_int_equal(s.m.idiag_inode, 0);
}

static bool nobody(void *arg, uint64_t inode, int32_t pid, int32_t fd)
{
	fail_msg("pid %d has it as %d", pid, fd);
	return false;
}

/* [O19] */
static void test_in_flight__an_inode_that_no_process_has(void **state)
{
	int fd = live_listener("127.0.0.1:5000", 0);
	uint64_t inode = live_inode(fd);
	bool complete;

	live_in_flight(fd);
	assert_int_equal(diag_only(5000, TCP_LISTEN).m.idiag_inode, inode);
	assert_int_equal(iu_proc_owners(&inode, 1, nobody, NULL, &complete, NULL), INUSE_OK);
}

/* [O20] */
static void test_mptcp_listener__the_inode_of_its_descriptor(void **state)
{
	int fd = live_listener("127.0.0.1:5000", LIVE_MPTCP);

	assert_int_equal(diag_only(5000, TCP_LISTEN).m.idiag_inode, live_inode(fd));
}

/* [O21] */
static void test_descriptor_of_a_process__tells_its_options(void **state)
{
	struct inuse_socket s = {.state = INUSE_LISTEN};
	pid_t owner;
	uint64_t inode;

	owner = LIVE_CHILD({
		int fd = live_listener("127.0.0.1:5000", LIVE_REUSEADDR | LIVE_REUSEPORT);

		live_tell((long)fd);
	});
	inode = diag_only(5000, TCP_LISTEN).m.idiag_inode;
	assert_int_equal(iu_proc_flags(owner, (int32_t)live_heard(owner), inode, &s), INUSE_OK);
	assert_int_equal(s.flags & (INUSE_REUSEADDR | INUSE_REUSEPORT), INUSE_REUSEADDR | INUSE_REUSEPORT);
}

/* [O25] */
static void test_client_after_a_reset__bound_again_and_out_of_sight(void **state)
{
	struct live_connection c;

	diag_need_kernel(IU_KERNEL(6, 8));
	c = live_connection("127.0.0.1:5000", 0, "127.0.0.1:5001", 0);
	live_reset(c.server);
	live_wait_gone(5001, 0);
	assert_int_equal(in_proc(5001), 0);
	assert_int_equal(bound(5001), 1);
}

/* [O26] */
static void test_client_still_open__its_time_wait_and_a_twin(void **state)
{
	struct live_connection c;

	diag_need_kernel(IU_KERNEL(6, 8));
	c = live_connection("127.0.0.1:5000", 0, "127.0.0.1:5001", 0);
	assert_int_equal(shutdown(c.client, SHUT_WR), 0);
	live_close(c.server);
	live_wait(5001, 0, INUSE_TIME_WAIT);
	assert_int_equal(diag_ordinary(5001), 1);
	assert_int_equal(bound(5001), 1);
	live_close(c.client);
	assert_int_equal(diag_ordinary(5001), 1);
	assert_int_equal(bound(5001), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		live_test(test_bound_only__one_table_alone_shows_it),
		live_test(test_time_wait__nobodys_and_its_end),
		live_test(test_ordinary_user__looks_and_removes_nothing),
		live_test(test_v6only__shown_of_listeners_alone),
		live_test(test_reuse_options__no_bit_of_sock_diag_tells),
		live_test(test_port_in_the_request__bound_sockets_ignore_it),
		live_test(test_port_in_the_filter__bound_sockets_heed_it),
		live_test(test_dump_while_sockets_come_and_go__never_marked_as_interrupted),
		live_test(test_not_yet_accepted__no_inode_and_the_listeners_user),
		live_test(test_accepted_by_another_user__his_from_then_on),
		live_test(test_orphan__keeps_its_user_and_no_inode),
		live_test(test_in_flight__an_inode_that_no_process_has),
		live_test(test_mptcp_listener__the_inode_of_its_descriptor),
		live_test(test_descriptor_of_a_process__tells_its_options),
		live_test(test_client_after_a_reset__bound_again_and_out_of_sight),
		live_test(test_client_still_open__its_time_wait_and_a_twin),
	};

	return LIVE_RUN("observed", tests);
}
