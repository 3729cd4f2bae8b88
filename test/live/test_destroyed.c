/* SPDX-License-Identifier: MIT */
/*
 * What SOCK_DESTROY does to sockets: the facts that the hands rest on.
 *
 * As in test_observed.c each test stands for a row of the measured table, whose id is in brackets above it.
 */
#include "support/live.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "model/facts.h"
#include "support/live_diag.h"

static void removes_and_frees(uint8_t kernel_state)
{
	struct diag_row s = diag_only(5000, kernel_state);

	assert_int_equal(live_try_bind("127.0.0.1:5000", 0), EADDRINUSE);
	assert_int_equal(diag_destroy(&s, 0), 0);
	assert_int_equal(diag_ordinary(5000), 0);
	assert_int_equal(live_try_bind("127.0.0.1:5000", 0), 0);
}

/* [O03] */
static void test_destroyed_time_wait__the_port_is_free(void **state)
{
	live_need_root();
	diag_need_kernel(IU_KERNEL(6, 0));
	live_time_wait("127.0.0.1:5000", 0, NULL);
	removes_and_frees(TCP_TIME_WAIT);
}

/* [O04] */
static void test_destroyed_remains_in_fin_wait_2__the_port_is_free(void **state)
{
	live_need_root();
	diag_need_kernel(IU_KERNEL(6, 0));
	live_fin_wait2("127.0.0.1:5000", 0);
	removes_and_frees(TCP_FIN_WAIT2);
}

/* [O05] */
static void test_destroyed_listener__keeps_its_port(void **state)
{
	struct diag_row s;
	int fd;

	live_need_root();
	fd = live_listener("127.0.0.1:5000", 0);
	s = diag_only(5000, TCP_LISTEN);
	assert_int_equal(diag_destroy(&s, 0), 0);
	assert_int_equal(diag_ordinary(5000), 0);
	assert_int_equal(live_try_bind("127.0.0.1:5000", 0), EADDRINUSE);
	assert_int_equal(accept4(fd, NULL, NULL, SOCK_NONBLOCK), -1);
	live_close(fd);
	assert_int_equal(live_try_bind("127.0.0.1:5000", 0), 0);
}

/* [O06] */
static void test_destroyed_listener_with_reuseaddr__another_can_listen(void **state)
{
	struct diag_row s;

	live_need_root();
	live_listener("127.0.0.1:5000", LIVE_REUSEADDR);
	s = diag_only(5000, TCP_LISTEN);
	assert_int_equal(diag_destroy(&s, 0), 0);
	assert_int_equal(live_try_listen("127.0.0.1:5000", LIVE_REUSEADDR), 0);
}

/* [O07] */
static void test_destroyed_connection_of_a_server__the_port_is_free(void **state)
{
	struct live_connection c;

	live_need_root();
	c = live_connection("127.0.0.1:5000", 0, NULL, 0);
	live_close(c.listener);
	removes_and_frees(TCP_ESTABLISHED);
}

/* [O08] */
static void test_destroyed_connection_of_a_fixed_port__keeps_it(void **state)
{
	struct diag_row s;

	live_need_root();
	live_connection("127.0.0.1:5000", 0, "127.0.0.1:5001", 0);
	s = diag_only(5001, TCP_ESTABLISHED);
	assert_int_equal(diag_destroy(&s, 0), 0);
	assert_int_equal(live_try_bind("127.0.0.1:5001", 0), EADDRINUSE);
}

/* [O09] */
static void test_destroyed_bound_socket__not_found(void **state)
{
	struct diag_table t;

	live_need_root();
	diag_need_kernel(IU_KERNEL(6, 8));
	live_bound("127.0.0.1:5000", 0);
	t = diag_dump(AF_INET, DIAG_BOUND_INACTIVE, 0, 5000);
	assert_int_equal(t.n, 1);
	assert_int_equal(diag_destroy(&t.rows[0], 0), ENOENT);
}

/* [O22] */
static void test_destroyed_with_another_cookie__not_found(void **state)
{
	struct diag_row s;

	live_need_root();
	live_time_wait("127.0.0.1:5000", 0, NULL);
	s = diag_only(5000, TCP_TIME_WAIT);
	assert_int_equal(diag_destroy(&s, 1), ENOENT);
	assert_int_equal(diag_ordinary(5000), 1);
}

/* The handshake is not complete before data arrives, so the request stays one. */
static int half_open(void)
{
	int listener = live_listener("127.0.0.1:5000", 0), seconds = 30;

	assert_int_equal(setsockopt(listener, IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds, sizeof(seconds)), 0);
	live_dial("127.0.0.1:5000", NULL, 0);
	live_wait(5000, 0, INUSE_SYN_RECV);
	return listener;
}

/* [O23] */
static void test_destroyed_request__gone(void **state)
{
	struct diag_row s;

	live_need_root();
	half_open();
	s = diag_only(5000, TCP_SYN_RECV);
	assert_int_equal(s.m.idiag_inode, 0);
	assert_int_equal(diag_destroy(&s, 0), 0);
	assert_int_equal(live_count(5000, 0, INUSE_SYN_RECV), 0);
}

/* [O24] */
static void test_request_without_its_listener__holds_no_port(void **state)
{
	live_close(half_open());
	assert_int_equal(live_try_bind("127.0.0.1:5000", 0), 0);
}

/* [O27] */
static void test_destroyed_time_wait_of_an_open_client__the_client_has_the_port(void **state)
{
	struct live_connection c;
	struct diag_row s;

	live_need_root();
	c = live_connection("127.0.0.1:5000", 0, "127.0.0.1:5001", 0);
	assert_int_equal(shutdown(c.client, SHUT_WR), 0);
	live_close(c.server);
	live_wait(5001, 0, INUSE_TIME_WAIT);
	s = diag_only(5001, TCP_TIME_WAIT);
	assert_int_equal(diag_destroy(&s, 0), 0);
	assert_int_equal(live_try_bind("127.0.0.1:5001", 0), EADDRINUSE);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		live_test(test_destroyed_time_wait__the_port_is_free),
		live_test(test_destroyed_remains_in_fin_wait_2__the_port_is_free),
		live_test(test_destroyed_listener__keeps_its_port),
		live_test(test_destroyed_listener_with_reuseaddr__another_can_listen),
		live_test(test_destroyed_connection_of_a_server__the_port_is_free),
		live_test(test_destroyed_connection_of_a_fixed_port__keeps_it),
		live_test(test_destroyed_bound_socket__not_found),
		live_test(test_destroyed_with_another_cookie__not_found),
		live_test(test_destroyed_request__gone),
		live_test(test_request_without_its_listener__holds_no_port),
		live_test(test_destroyed_time_wait_of_an_open_client__the_client_has_the_port),
	};

	return LIVE_RUN("destroyed", tests);
}
