/* SPDX-License-Identifier: MIT */
/* sock_diag messages, byte by byte: every kind of socket, what is known of it, and damaged ones refused. */
#include "support/check.h"

#include <arpa/inet.h>
#include <linux/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "host/diag_message.h"
#include "host/netlink.h"
#include "host/settings.h"

#define MS INT64_C(1000000)

struct message {
	union {
		struct inet_diag_msg head;
		char bytes[1024];
		uint64_t align;
	};
	size_t len;
};

static const struct iu_diag_context context = {
	.now_ns = 1000 * MS, .kernel = IU_KERNEL(6, 18), .hz = 250, .doubtful_uid = -1};

static void put(struct message *m, uint16_t type, const void *data, size_t len)
{
	struct nlattr attr = {.nla_type = type, .nla_len = (uint16_t)(sizeof(attr) + len)};

	memcpy(m->bytes + m->len, &attr, sizeof(attr));
	memcpy(m->bytes + m->len + sizeof(attr), data, len);
	m->len += MNL_ALIGN(attr.nla_len);
}

static void put_u8(struct message *m, uint16_t type, uint8_t value)
{
	put(m, type, &value, 1);
}

static void set_addr(__be32 *words, const char *text)
{
	struct inuse_addr a;

	assert_int_equal(inuse_addr_parse(text, &a, NULL), INUSE_OK);
	memcpy(words, a.ip, sizeof(a.ip));
}

/* A message of that state between two addresses, ports 8080 and 50514. */
static struct message make(int tcp_state, const char *local, const char *remote)
{
	struct message m = {.len = sizeof(struct inet_diag_msg)};

	m.head.idiag_family = strchr(local, ':') ? AF_INET6 : AF_INET;
	m.head.idiag_state = (uint8_t)tcp_state;
	m.head.id.idiag_sport = htons(8080);
	m.head.id.idiag_dport = htons(50514);
	m.head.id.idiag_cookie[0] = 5;
	m.head.id.idiag_cookie[1] = 1;
	set_addr(m.head.id.idiag_src, local);
	set_addr(m.head.id.idiag_dst, remote);
	return m;
}

static struct message make_full(int tcp_state, const char *local, const char *remote)
{
	struct message m = make(tcp_state, local, remote);

	m.head.idiag_uid = 1000;
	m.head.idiag_inode = 4711;
	put_u8(&m, INET_DIAG_SHUTDOWN, 0);
	return m;
}

static struct inuse_socket read_it(const struct message *m, const struct iu_diag_context *c)
{
	struct inuse_socket s;

	assert_true(iu_diag_read(m->bytes, m->len, c, &s));
	return s;
}

static void test_diag_read__listener__everything_but_reuse_flags(void **state)
{
	struct message m = make_full(10, "0.0.0.0", "0.0.0.0");
	struct inet_diag_sockopt options = {.freebind = 1};
	struct tcp_info info = {.tcpi_options = TCPI_OPT_TIMESTAMPS};
	struct inuse_socket s;

	m.head.id.idiag_dport = 0;
	m.head.id.idiag_if = 7;
	put(&m, INET_DIAG_SOCKOPT, &options, sizeof(options));
	put(&m, INET_DIAG_INFO, &info, sizeof(info));
	s = read_it(&m, &context);
	assert_int_equal(s.state, INUSE_LISTEN);
	assert_int_equal(s.family, 4);
	assert_int_equal(s.local.port, 8080);
	assert_true(iu_addr_is_any(&s.local));
	assert_int_equal(s.remote.port, 0);
	assert_int_equal(s.uid, 1000);
	assert_int_equal(s.inode, 4711);
	assert_int_equal(s.device, 7);
	assert_int_equal(s.cookie, (UINT64_C(1) << 32) + 5);
	assert_int_equal(s.count, 1);
	assert_int_equal(s.flags, INUSE_FREEBIND);
	assert_int_equal(s.known, INUSE_KNOW_DEVICE | INUSE_KNOW_INODE | INUSE_KNOW_UID | INUSE_V6ONLY | INUSE_MPTCP);
	assert_int_equal(s.free_at_ns, 0);
	assert_false(s.mini);
}

static void test_diag_read__time_wait__end_and_slack_known_uid_not(void **state)
{
	struct message m = make(6, "127.0.0.1", "127.0.0.1");
	struct inuse_socket s;

	m.head.idiag_timer = 3;
	m.head.idiag_expires = 43000;
	s = read_it(&m, &context);
	assert_int_equal(s.state, INUSE_TIME_WAIT);
	assert_true(s.mini);
	assert_int_equal(s.free_at_ns, 44000 * MS);
	assert_int_equal(s.free_slack_ns, 2048 * MS);
	assert_int_equal(s.since_ns, s.free_at_ns - 60000 * MS);
	assert_int_equal(s.known, INUSE_KNOW_DEVICE | INUSE_KNOW_INODE | INUSE_V6ONLY | INUSE_HAS_FILE);
	assert_int_equal(s.flags, 0);
}

static void test_diag_read__written_some_time_before__end_is_as_much_less_exact(void **state)
{
	struct message m = make(6, "127.0.0.1", "127.0.0.1");
	struct iu_diag_context late = context;
	struct inuse_socket s;

	late.late_ns = 250 * MS;
	m.head.idiag_timer = 3;
	m.head.idiag_expires = 43000;
	s = read_it(&m, &late);
	assert_int_equal(s.free_at_ns, 44000 * MS);
	assert_int_equal(s.free_slack_ns, 2298 * MS);
	m.head.idiag_timer = 0;
	assert_int_equal(read_it(&m, &late).free_slack_ns, 0);
}

static void test_diag_read__fin_wait_2__remains_and_living_told_apart(void **state)
{
	struct message remains = make(5, "127.0.0.1", "127.0.0.1"), living = make_full(5, "127.0.0.1", "127.0.0.1");
	struct inuse_socket s;

	remains.head.idiag_timer = 3;
	remains.head.idiag_expires = 60000;
	s = read_it(&remains, &context);
	assert_int_equal(s.state, INUSE_FIN_WAIT2);
	assert_true(s.mini);
	assert_int_equal(s.free_at_ns, 61000 * MS);
	living.head.idiag_timer = 2;
	living.head.idiag_expires = 5000;
	s = read_it(&living, &context);
	assert_int_equal(s.state, INUSE_FIN_WAIT2);
	assert_false(s.mini);
	assert_int_equal(s.free_at_ns, 0);
	assert_true(s.known & INUSE_KNOW_UID);
}

/* Its timer, and then again what the time for that state is above a minute, which is not shown. */
static void test_diag_read__orphan_in_fin_wait_2__from_its_timer_on(void **state)
{
	struct message m = make_full(5, "127.0.0.1", "127.0.0.1");
	struct iu_diag_context c = context;
	struct inuse_socket s;

	m.head.idiag_inode = 0;
	m.head.idiag_timer = 2;
	m.head.idiag_expires = 5000;
	c.fin_most_ns = 120000 * MS;
	s = read_it(&m, &c);
	assert_false(s.mini);
	assert_int_equal(s.free_at_ns, 6000 * MS);
	assert_int_equal(s.free_slack_ns, 60000 * MS + 2 * 2048 * MS);
	c.fin_most_ns = 180000 * MS;
	assert_true(read_it(&m, &c).free_slack_ns > 120000 * MS);
	c.fin_most_ns = 0;
	assert_int_equal(read_it(&m, &c).free_at_ns, 0);
	c.fin_most_ns = 120000 * MS;
	m.head.idiag_timer = 1; /* the next attempt, not the end */
	assert_int_equal(read_it(&m, &c).free_at_ns, 0);
	m.head.idiag_timer = 2;
	m.head.idiag_state = 4;
	assert_int_equal(read_it(&m, &c).free_at_ns, 0);
	m.head.idiag_state = 5;
	m.head.idiag_inode = 4711; /* half closed, and kept alive */
	assert_int_equal(read_it(&m, &c).free_at_ns, 0);
}

static void test_diag_read__syn_recv__request_and_full_socket_told_apart(void **state)
{
	struct message request = make(3, "::1", "::1"), full = make_full(3, "::1", "::1");

	assert_true(read_it(&request, &context).mini);
	assert_int_equal(read_it(&request, &context).state, INUSE_SYN_RECV);
	assert_int_equal(read_it(&request, &context).free_at_ns, 0);
	assert_false(read_it(&full, &context).mini);
}

static void test_diag_read__ipv6__v6only_only_where_the_kernel_tells(void **state)
{
	struct message listener = make_full(10, "::", "::"), child = make_full(1, "2001:db8::1", "2001:db8::2");
	struct message mapped = make_full(1, "::ffff:10.0.0.1", "::ffff:10.0.0.2");
	struct message link = make_full(1, "fe80::1", "fe80::2");
	struct inuse_socket s;

	assert_false(read_it(&listener, &context).known & INUSE_V6ONLY);
	put_u8(&listener, INET_DIAG_SKV6ONLY, 1);
	s = read_it(&listener, &context);
	assert_true(s.known & INUSE_V6ONLY);
	assert_true(s.flags & INUSE_V6ONLY);
	assert_int_equal(s.family, 6);
	assert_false(read_it(&child, &context).known & INUSE_V6ONLY);
	s = read_it(&mapped, &context);
	assert_true(s.known & INUSE_V6ONLY);
	assert_false(s.flags & INUSE_V6ONLY);
	assert_int_equal(s.family, 6);
	assert_true(iu_addr_is_mapped(&s.local));
	link.head.id.idiag_if = 3;
	assert_int_equal(read_it(&link, &context).local.scope, 3);
	assert_int_equal(read_it(&link, &context).remote.scope, 3);
	assert_int_equal(read_it(&child, &context).local.scope, 0);
}

static void test_diag_read__timestamps__known_of_connected_sockets(void **state)
{
	struct tcp_info with = {.tcpi_options = TCPI_OPT_TIMESTAMPS | TCPI_OPT_SACK};
	struct tcp_info without = {.tcpi_options = TCPI_OPT_SACK};
	struct message m = make_full(1, "127.0.0.1", "127.0.0.1"), n = m, sent = make_full(2, "127.0.0.1", "127.0.0.1");

	assert_false(read_it(&m, &context).known & INUSE_TIMESTAMPS);
	put(&m, INET_DIAG_INFO, &with, sizeof(with));
	assert_true(read_it(&m, &context).known & read_it(&m, &context).flags & INUSE_TIMESTAMPS);
	put(&n, INET_DIAG_INFO, &without, 8); /* an old kernel's is shorter */
	assert_true(read_it(&n, &context).known & INUSE_TIMESTAMPS);
	assert_false(read_it(&n, &context).flags & INUSE_TIMESTAMPS);
	put(&sent, INET_DIAG_INFO, &without, sizeof(without));
	assert_false(read_it(&sent, &context).known & INUSE_TIMESTAMPS);
}

static void test_diag_read__mptcp__from_the_name_on_top(void **state)
{
	struct message m = make_full(10, "0.0.0.0", "0.0.0.0"), tls, none, nest = {0};
	struct iu_diag_context old = context;
	struct tcp_info info = {0};

	old.kernel = IU_KERNEL(6, 1);
	put(&m, INET_DIAG_INFO, &info, sizeof(info));
	none = tls = m;
	put(&nest, INET_ULP_INFO_NAME, "mptcp", 6);
	put(&m, INET_DIAG_ULP_INFO, nest.bytes, nest.len);
	assert_true(read_it(&m, &context).flags & INUSE_MPTCP);
	assert_true(read_it(&m, &old).known & INUSE_MPTCP);
	nest.len = 0;
	put(&nest, INET_ULP_INFO_NAME, "tls", 4);
	put(&tls, INET_DIAG_ULP_INFO, nest.bytes, nest.len);
	assert_false(read_it(&tls, &old).flags & INUSE_MPTCP);
	assert_true(read_it(&tls, &old).known & INUSE_MPTCP);
	assert_true(read_it(&none, &context).known & INUSE_MPTCP);
	assert_false(read_it(&none, &old).known & INUSE_MPTCP); /* an old kernel hides it from ordinary users */
	put(&none, INET_DIAG_MARK, "\0\0\0", 4);                /* but we have CAP_NET_ADMIN */
	assert_true(read_it(&none, &old).known & INUSE_MPTCP);
}

static void test_diag_read__uid_of_nobody_in_a_user_namespace__not_known(void **state)
{
	struct message m = make_full(10, "0.0.0.0", "0.0.0.0");
	struct iu_diag_context c = context;

	c.doubtful_uid = 1000;
	assert_false(read_it(&m, &c).known & INUSE_KNOW_UID);
	c.doubtful_uid = 65534;
	assert_true(read_it(&m, &c).known & INUSE_KNOW_UID);
}

static void test_diag_read__orphan__no_file(void **state)
{
	struct message m = make_full(9, "127.0.0.1", "127.0.0.1");

	assert_false(read_it(&m, &context).known & INUSE_HAS_FILE);
	m.head.idiag_inode = 0;
	assert_true(read_it(&m, &context).known & INUSE_HAS_FILE);
	assert_false(read_it(&m, &context).flags & INUSE_HAS_FILE);
}

static void test_diag_read__cut_or_damaged__refused(void **state)
{
	struct message m = make_full(10, "0.0.0.0", "0.0.0.0");
	struct inuse_socket s;
	struct nlattr attr;

	put(&m, INET_DIAG_SOCKOPT, "\0\0", 2);
	/* Every cut but those between two attributes; each in memory of its own, so that a tool sees an overread. */
	for (size_t len = 0; len < m.len; len++) {
		char *copy = malloc(len ? len : 1);

		memcpy(copy, m.bytes, len);
		/* the padding of the last attribute may be missing, the attribute not */
		if (iu_diag_read(copy, len, &context, &s) !=
		    (len == sizeof(m.head) || len == m.len - 8 || len == m.len - 8 - 3 || len == m.len - 8 - 2 ||
		     len == m.len - 8 - 1 || len >= m.len - 2))
			fail_msg("cut at %zu", len);
		free(copy);
	}
	m.head.idiag_family = AF_UNIX;
	assert_false(iu_diag_read(m.bytes, m.len, &context, &s));
	m.head.idiag_family = AF_INET;
	for (unsigned len = 0; len < 4; len++) { /* shorter than its own header: no progress, for ever */
		attr = (struct nlattr){.nla_len = (uint16_t)len, .nla_type = 1};
		memcpy(m.bytes + sizeof(m.head), &attr, sizeof(attr));
		assert_false(iu_diag_read(m.bytes, m.len, &context, &s));
	}
	attr = (struct nlattr){.nla_len = 0xffff, .nla_type = 1};
	memcpy(m.bytes + sizeof(m.head), &attr, sizeof(attr));
	assert_false(iu_diag_read(m.bytes, m.len, &context, &s));
}

/* The kernel's machine, as its header describes it. */
static bool passes(const struct inet_diag_bc_op *ops, size_t n, uint16_t port)
{
	long at = 0, end = (long)(n * 4);

	while (at < end) {
		const struct inet_diag_bc_op *op = &ops[at / 4];
		bool yes = op->code == INET_DIAG_BC_S_EQ ? op[1].no == port : false;

		assert_true(op->code == INET_DIAG_BC_S_EQ || op->code == INET_DIAG_BC_JMP);
		at += yes ? op->yes : op->no;
		assert_true(at <= end + 4);
	}
	return at == end;
}

static void test_diag_filter__any_number_of_ports__exactly_these_pass(void **state)
{
	uint16_t ports[IU_DIAG_FILTER_PORTS];
	struct inet_diag_bc_op ops[IU_DIAG_FILTER_OPS];

	for (size_t i = 0; i < IU_DIAG_FILTER_PORTS; i++)
		ports[i] = (uint16_t)(65535 - 3 * i);
	for (size_t n = 1; n <= IU_DIAG_FILTER_PORTS; n++) {
		size_t total = iu_diag_filter(ports, n, ops);

		assert_true(total <= IU_DIAG_FILTER_OPS);
		for (unsigned port = 65000; port < 65536; port++) {
			bool wanted = (65535 - port) % 3 == 0 && (65535 - port) / 3 < n;

			if (passes(ops, total, (uint16_t)port) != wanted)
				fail_msg("%zu ports: %u", n, port);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_diag_read__listener__everything_but_reuse_flags),
		cmocka_unit_test(test_diag_read__time_wait__end_and_slack_known_uid_not),
		cmocka_unit_test(test_diag_read__written_some_time_before__end_is_as_much_less_exact),
		cmocka_unit_test(test_diag_read__fin_wait_2__remains_and_living_told_apart),
		cmocka_unit_test(test_diag_read__orphan_in_fin_wait_2__from_its_timer_on),
		cmocka_unit_test(test_diag_read__syn_recv__request_and_full_socket_told_apart),
		cmocka_unit_test(test_diag_read__ipv6__v6only_only_where_the_kernel_tells),
		cmocka_unit_test(test_diag_read__timestamps__known_of_connected_sockets),
		cmocka_unit_test(test_diag_read__mptcp__from_the_name_on_top),
		cmocka_unit_test(test_diag_read__uid_of_nobody_in_a_user_namespace__not_known),
		cmocka_unit_test(test_diag_read__orphan__no_file),
		cmocka_unit_test(test_diag_read__cut_or_damaged__refused),
		cmocka_unit_test(test_diag_filter__any_number_of_ports__exactly_these_pass),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
