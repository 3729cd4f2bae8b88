/* SPDX-License-Identifier: MIT */
/*
 * What the kernel shows of its sockets, and what SOCK_DESTROY does to them: the facts that the eyes and the hands rest on.
 *
 * Each test stands for a row of the measured table (test/house/measured-ids.txt), whose id is in brackets above it; the house
 * test lab-covers looks for them. Netlink is spoken here by hand, so that nothing of the program is between the fact and the test.
 */
#include "support/live.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/utsname.h>

#include "host/settings.h"
#include "host/sources.h"

#define ORDINARY 0xfffu        /* all states that every kernel has: TCP_ESTABLISHED 1 to TCP_NEW_SYN_RECV, as bits */
#define BOUND_INACTIVE (1u << 13) /* linux 6.8 include/net/tcp_states.h TCP_BOUND_INACTIVE */
#define DESTROY 21             /* SOCK_DESTROY */
#define SKV6ONLY 11
#define SOCKOPT 22
#define MAX_ROWS 64

struct shown {
	struct inet_diag_msg m;
	bool v6only, sockopt;        /* attributes that are there */
	uint8_t sockopt_bytes[8];
};

struct table {
	struct shown rows[MAX_ROWS];
	size_t n;
	bool interrupted;
};

static int open_diag(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);

	assert_true(fd >= 0);
	return fd;
}

static void take(struct table *t, const struct nlmsghdr *h)
{
	const struct inet_diag_msg *m = NLMSG_DATA(h);
	struct shown *row = &t->rows[t->n];
	int left = (int)(h->nlmsg_len - NLMSG_LENGTH(sizeof(*m)));

	if (t->n == MAX_ROWS)
		return;
	t->n++;
	*row = (struct shown){.m = *m};
	for (const struct nlattr *a = (const void *)(m + 1); left >= (int)sizeof(*a) && a->nla_len >= sizeof(*a);
	     left -= NLA_ALIGN(a->nla_len), a = (const void *)((const char *)a + NLA_ALIGN(a->nla_len))) {
		row->v6only |= a->nla_type == SKV6ONLY;
		if (a->nla_type == SOCKOPT) {
			row->sockopt = true;
			memcpy(row->sockopt_bytes, a + 1, a->nla_len - sizeof(*a) < 8 ? a->nla_len - sizeof(*a) : 8);
		}
	}
}

/* A dump of that family. header_port, code_port: asked for in the request, or by a program for the kernel's filter; 0 neither. */
static struct table dump(int family, uint32_t states, uint16_t header_port, uint16_t code_port)
{
	struct {
		struct nlmsghdr h;
		struct inet_diag_req_v2 r;
		struct nlattr a;
		struct inet_diag_bc_op code[2];
	} request = {
		.h = {sizeof(request), SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP, 1, 0},
		.r = {.sdiag_family = (uint8_t)family, .sdiag_protocol = IPPROTO_TCP, .idiag_states = states},
		.a = {sizeof(request.a) + sizeof(request.code), INET_DIAG_REQ_BYTECODE},
		.code = {{INET_DIAG_BC_S_EQ, 8, 12}, {0, 0, code_port}},
	};
	static char buffer[1 << 16];
	struct table t = {.n = 0};
	int fd = open_diag();
	bool done = false;

	request.r.id.idiag_sport = htons(header_port);
	if (code_port == 0)
		request.h.nlmsg_len = offsetof(__typeof__(request), a);
	assert_int_equal(send(fd, &request, request.h.nlmsg_len, 0), request.h.nlmsg_len);
	while (!done) {
		ssize_t len = recv(fd, buffer, sizeof(buffer), 0);

		assert_true(len > 0);
		for (const struct nlmsghdr *h = (const void *)buffer; NLMSG_OK(h, len) && !done; h = NLMSG_NEXT(h, len)) {
			t.interrupted |= (h->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
			done = h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR;
			assert_true(h->nlmsg_type != NLMSG_ERROR);
			if (!done)
				take(&t, h);
		}
	}
	close(fd);
	return t;
}

static unsigned count(const struct table *t, uint16_t port, uint8_t state)
{
	unsigned n = 0;

	for (size_t i = 0; i < t->n; i++)
		n += ntohs(t->rows[i].m.id.idiag_sport) == port && (state == 0 || t->rows[i].m.idiag_state == state);
	return n;
}

/* The only socket of 127.0.0.0/8 with that local port and state, as sock_diag numbers states. */
static struct shown only(uint16_t port, uint8_t state)
{
	struct table t = dump(AF_INET, ORDINARY, 0, 0);

	for (size_t i = 0; i < t.n; i++)
		if (ntohs(t.rows[i].m.id.idiag_sport) == port && t.rows[i].m.idiag_state == state)
			return t.rows[i];
	fail_msg("nothing in state %d on port %d", state, port);
	return (struct shown){.v6only = false};
}

/* SOCK_DESTROY of that socket; 0, or the errno. */
static int destroy(const struct shown *s, uint32_t cookie_off)
{
	struct {
		struct nlmsghdr h;
		struct inet_diag_req_v2 r;
	} request = {
		.h = {sizeof(request), DESTROY, NLM_F_REQUEST | NLM_F_ACK, 1, 0},
		.r = {.sdiag_family = s->m.idiag_family, .sdiag_protocol = IPPROTO_TCP, .idiag_states = ~0u, .id = s->m.id},
	};
	struct {
		struct nlmsghdr h;
		struct nlmsgerr e;
		char more[64];
	} answer;
	int fd = open_diag();

	request.r.id.idiag_cookie[0] += cookie_off;
	assert_int_equal(send(fd, &request, sizeof(request), 0), sizeof(request));
	assert_true(recv(fd, &answer, sizeof(answer), 0) >= (ssize_t)sizeof(answer.h));
	close(fd);
	assert_int_equal(answer.h.nlmsg_type, NLMSG_ERROR);
	return -answer.e.error;
}

/* The table of bound sockets came with 6.8, SOCK_DESTROY of TIME-WAIT with 6.0, the user of an orphan with 6.17. */
static void need_kernel(uint32_t version)
{
	struct utsname name;

	assert_int_equal(uname(&name), 0);
	if (iu_kernel_from_release(name.release) < version)
		live_skip("this kernel is older than %u.%u", version >> 16, version & 0xffff);
}

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
	struct table t = dump(AF_INET, BOUND_INACTIVE, 0, 0);

	assert_int_equal(count(&t, port, 0), count(&t, port, TCP_CLOSE));
	return count(&t, port, 0);
}

static unsigned ordinary(uint16_t port)
{
	struct table t = dump(AF_INET, ORDINARY, 0, 0);

	return count(&t, port, 0);
}

/* ------------------------------------------------------------------------------------------------ looking */

/* [O01] */
static void test_bound_only__one_table_alone_shows_it(void **state)
{
	need_kernel(IU_KERNEL(6, 8));
	live_bound("127.0.0.1:5000", 0);
	assert_int_equal(in_proc(5000), 0);
	assert_int_equal(ordinary(5000), 0);
	assert_int_equal(bound(5000), 1);
}

/* [O02] */
static void test_time_wait__nobodys_and_its_end(void **state)
{
	struct shown s;

	live_time_wait("127.0.0.1:5000", 0, NULL);
	s = only(5000, TCP_TIME_WAIT);
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
		struct shown s = only(5000, TCP_TIME_WAIT);

		live_tell(destroy(&s, 0));
	});
	assert_int_equal(live_heard(user), EPERM);
	assert_int_equal(ordinary(5000), 1);
}

/* [O11] */
static void test_v6only__shown_of_listeners_alone(void **state)
{
	struct table t;

	live_need_ipv6();
	live_connection("[::1]:5000", 0, NULL, 0);
	t = dump(AF_INET6, ORDINARY, 0, 0);
	assert_int_equal(count(&t, 5000, TCP_LISTEN), 1);
	assert_int_equal(count(&t, 5000, TCP_ESTABLISHED), 1);
	for (size_t i = 0; i < t.n; i++)
		assert_int_equal(t.rows[i].v6only, t.rows[i].m.idiag_state == TCP_LISTEN);
}

/* [O12] */
static void test_reuse_options__no_bit_of_sock_diag_tells(void **state)
{
	struct shown with, without;

	live_listener("127.0.0.1:5000", LIVE_REUSEADDR | LIVE_REUSEPORT);
	live_listener("127.0.0.1:5001", 0);
	with = only(5000, TCP_LISTEN);
	without = only(5001, TCP_LISTEN);
	if (!with.sockopt)
		live_skip("this kernel has no INET_DIAG_SOCKOPT");
	assert_memory_equal(with.sockopt_bytes, without.sockopt_bytes, sizeof(with.sockopt_bytes));
}

/* [O13] */
static void test_port_in_the_request__bound_sockets_ignore_it(void **state)
{
	struct table t;

	need_kernel(IU_KERNEL(6, 8));
	for (uint16_t port = 5000; port < 5003; port++) {
		live_listener(live_text("127.0.0.1:%d", port), 0);
		live_bound(live_text("127.0.0.2:%d", port), 0);
	}
	live_time_wait("127.0.0.3:5001", 0, NULL);
	t = dump(AF_INET, 1u << TCP_LISTEN | 1u << TCP_TIME_WAIT, 5001, 0);
	assert_int_equal(count(&t, 5001, TCP_LISTEN), 1);
	assert_int_equal(count(&t, 5001, TCP_TIME_WAIT), 1);
	assert_int_equal(t.n, 2);
	assert_int_equal(dump(AF_INET, BOUND_INACTIVE, 5001, 0).n, 3);
}

/* [O14] */
static void test_port_in_the_filter__bound_sockets_heed_it(void **state)
{
	struct table t;

	need_kernel(IU_KERNEL(6, 8));
	for (uint16_t port = 5000; port < 5003; port++)
		live_bound(live_text("127.0.0.1:%d", port), 0);
	t = dump(AF_INET, BOUND_INACTIVE, 0, 5002);
	assert_int_equal(t.n, 1);
	assert_int_equal(count(&t, 5002, TCP_CLOSE), 1);
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
		assert_false(dump(AF_INET, ORDINARY, 0, 0).interrupted);
	live_kill(child, SIGKILL);
}

/* [O16] */
static void test_not_yet_accepted__no_inode_and_the_listeners_user(void **state)
{
	struct shown s;

	live_listener("127.0.0.1:5000", 0);
	live_dial("127.0.0.1:5000", NULL, 0);
	live_wait(5000, 0, INUSE_ESTABLISHED);
	s = only(5000, TCP_ESTABLISHED);
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
	assert_int_equal(only(5000, TCP_ESTABLISHED).m.idiag_uid, 1000);
	live_accept(c.listener);
	assert_int_equal(only(5000, TCP_ESTABLISHED).m.idiag_uid, 0);
}

/* [O18] */
static void test_orphan__keeps_its_user_and_no_inode(void **state)
{
	static const char bytes[65536];
	struct live_connection c;
	struct shown s;

	need_kernel(IU_KERNEL(6, 17));
	live_need_root();
	c = live_connection("127.0.0.1:5000", 0, "127.0.0.1:5001", 0);
	live_chown(c.client, 1000);
	while (send(c.client, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		;
	live_close(c.client);
	live_wait(5001, 0, INUSE_FIN_WAIT1);
	s = only(5001, TCP_FIN_WAIT1);
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
	assert_int_equal(only(5000, TCP_LISTEN).m.idiag_inode, inode);
	assert_int_equal(iu_proc_owners(&inode, 1, nobody, NULL, &complete, NULL), INUSE_OK);
}

/* [O20] */
static void test_mptcp_listener__the_inode_of_its_descriptor(void **state)
{
	int fd = live_listener("127.0.0.1:5000", LIVE_MPTCP);

	assert_int_equal(only(5000, TCP_LISTEN).m.idiag_inode, live_inode(fd));
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
	inode = only(5000, TCP_LISTEN).m.idiag_inode;
	assert_int_equal(iu_proc_flags(owner, (int32_t)live_heard(owner), inode, &s), INUSE_OK);
	assert_int_equal(s.flags & (INUSE_REUSEADDR | INUSE_REUSEPORT), INUSE_REUSEADDR | INUSE_REUSEPORT);
}

/* [O25] */
static void test_client_after_a_reset__bound_again_and_out_of_sight(void **state)
{
	struct live_connection c;

	need_kernel(IU_KERNEL(6, 8));
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

	need_kernel(IU_KERNEL(6, 8));
	c = live_connection("127.0.0.1:5000", 0, "127.0.0.1:5001", 0);
	assert_int_equal(shutdown(c.client, SHUT_WR), 0);
	live_close(c.server);
	live_wait(5001, 0, INUSE_TIME_WAIT);
	assert_int_equal(ordinary(5001), 1);
	assert_int_equal(bound(5001), 1);
	live_close(c.client);
	assert_int_equal(ordinary(5001), 1);
	assert_int_equal(bound(5001), 0);
}

/* ------------------------------------------------------------------------------------------------ removing */

static void removes_and_frees(uint8_t kernel_state)
{
	struct shown s = only(5000, kernel_state);

	assert_int_equal(live_try_bind("127.0.0.1:5000", 0), EADDRINUSE);
	assert_int_equal(destroy(&s, 0), 0);
	assert_int_equal(ordinary(5000), 0);
	assert_int_equal(live_try_bind("127.0.0.1:5000", 0), 0);
}

/* [O03] */
static void test_destroyed_time_wait__the_port_is_free(void **state)
{
	live_need_root();
	need_kernel(IU_KERNEL(6, 0));
	live_time_wait("127.0.0.1:5000", 0, NULL);
	removes_and_frees(TCP_TIME_WAIT);
}

/* [O04] */
static void test_destroyed_remains_in_fin_wait_2__the_port_is_free(void **state)
{
	live_need_root();
	need_kernel(IU_KERNEL(6, 0));
	live_fin_wait2("127.0.0.1:5000", 0);
	removes_and_frees(TCP_FIN_WAIT2);
}

/* [O05] */
static void test_destroyed_listener__keeps_its_port(void **state)
{
	struct shown s;
	int fd;

	live_need_root();
	fd = live_listener("127.0.0.1:5000", 0);
	s = only(5000, TCP_LISTEN);
	assert_int_equal(destroy(&s, 0), 0);
	assert_int_equal(ordinary(5000), 0);
	assert_int_equal(live_try_bind("127.0.0.1:5000", 0), EADDRINUSE);
	assert_int_equal(accept4(fd, NULL, NULL, SOCK_NONBLOCK), -1);
	live_close(fd);
	assert_int_equal(live_try_bind("127.0.0.1:5000", 0), 0);
}

/* [O06] */
static void test_destroyed_listener_with_reuseaddr__another_can_listen(void **state)
{
	struct shown s;

	live_need_root();
	live_listener("127.0.0.1:5000", LIVE_REUSEADDR);
	s = only(5000, TCP_LISTEN);
	assert_int_equal(destroy(&s, 0), 0);
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
	struct shown s;

	live_need_root();
	live_connection("127.0.0.1:5000", 0, "127.0.0.1:5001", 0);
	s = only(5001, TCP_ESTABLISHED);
	assert_int_equal(destroy(&s, 0), 0);
	assert_int_equal(live_try_bind("127.0.0.1:5001", 0), EADDRINUSE);
}

/* [O09] */
static void test_destroyed_bound_socket__not_found(void **state)
{
	struct table t;

	live_need_root();
	need_kernel(IU_KERNEL(6, 8));
	live_bound("127.0.0.1:5000", 0);
	t = dump(AF_INET, BOUND_INACTIVE, 0, 5000);
	assert_int_equal(t.n, 1);
	assert_int_equal(destroy(&t.rows[0], 0), ENOENT);
}

/* [O22] */
static void test_destroyed_with_another_cookie__not_found(void **state)
{
	struct shown s;

	live_need_root();
	live_time_wait("127.0.0.1:5000", 0, NULL);
	s = only(5000, TCP_TIME_WAIT);
	assert_int_equal(destroy(&s, 1), ENOENT);
	assert_int_equal(ordinary(5000), 1);
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
	struct shown s;

	live_need_root();
	half_open();
	s = only(5000, TCP_SYN_RECV);
	assert_int_equal(s.m.idiag_inode, 0);
	assert_int_equal(destroy(&s, 0), 0);
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
	struct shown s;

	live_need_root();
	c = live_connection("127.0.0.1:5000", 0, "127.0.0.1:5001", 0);
	assert_int_equal(shutdown(c.client, SHUT_WR), 0);
	live_close(c.server);
	live_wait(5001, 0, INUSE_TIME_WAIT);
	s = only(5001, TCP_TIME_WAIT);
	assert_int_equal(destroy(&s, 0), 0);
	assert_int_equal(live_try_bind("127.0.0.1:5001", 0), EADDRINUSE);
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

	return LIVE_RUN("observed", tests);
}
