/* SPDX-License-Identifier: MIT */
/* Options from one socket to another, and the processes below one, read quickly. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervise/carry.h"
#include "supervise/tree.h"
#include "support/check.h"

static int listener(int family)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(listen(fd, 5), 0);
	return fd;
}

static void test_carry__untouched_sockets__nothing_stands_in_the_way(void **state)
{
	static const int families[] = {AF_INET, AF_INET6};

	for (size_t i = 0; i < 2; i++) {
		int from = socket(families[i], SOCK_STREAM | SOCK_CLOEXEC, 0), to;

		if (from < 0)
			continue; /* a machine without IPv6 */
		to = listener(families[i]);
		assert_null(iu_carry_options(from, to, false));
		assert_null(iu_carry_options(from, to, true));
		close(from);
		close(to);
	}
}

static int read_option(int fd, int level, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	assert_int_equal(getsockopt(fd, level, name, &value, &len), 0);
	return value;
}

static void test_carry__set_on_either__as_on_the_first(void **state)
{
	static const struct {
		int level, name, value;
	} rows[] = {
		{SOL_SOCKET, SO_KEEPALIVE, 1}, {SOL_SOCKET, SO_RCVBUF, 40000}, {SOL_SOCKET, SO_SNDBUF, 40000}, {IPPROTO_IP, IP_TOS, 0x10},
		{IPPROTO_TCP, TCP_NODELAY, 1}, {IPPROTO_TCP, TCP_MAXSEG, 900}, {IPPROTO_TCP, TCP_KEEPIDLE, 5}, {SOL_SOCKET, SO_REUSEPORT, 1},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int from = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), to = listener(AF_INET);
		int usual = read_option(to, rows[i].level, rows[i].name);

		assert_int_equal(setsockopt(from, rows[i].level, rows[i].name, &rows[i].value, sizeof(int)), 0);
		assert_null(iu_carry_options(from, to, false));
		assert_int_equal(read_option(to, rows[i].level, rows[i].name), read_option(from, rows[i].level, rows[i].name));
		close(from);
		/* and back */
		from = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		assert_null(iu_carry_options(from, to, false));
		assert_int_equal(read_option(to, rows[i].level, rows[i].name), usual);
		close(from);
		close(to);
	}
}

static void test_carry__shared__timeouts_of_waiting_calls_stay(void **state)
{
	int from = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), to = listener(AF_INET);
	struct timeval wanted = {7, 0}, found = {0};
	socklen_t len = sizeof(found);

	assert_int_equal(setsockopt(from, SOL_SOCKET, SO_RCVTIMEO, &wanted, sizeof(wanted)), 0);
	assert_null(iu_carry_options(from, to, true));
	assert_int_equal(getsockopt(to, SOL_SOCKET, SO_RCVTIMEO, &found, &len), 0);
	assert_int_equal(found.tv_sec, 0);
	assert_null(iu_carry_options(from, to, false));
	assert_int_equal(getsockopt(to, SOL_SOCKET, SO_RCVTIMEO, &found, &len), 0);
	assert_int_equal(found.tv_sec, 7);
	close(from);
	close(to);
}

static void test_identity__each_part__tells_them_apart(void **state)
{
	struct iu_identity a, b;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(iu_identity_read(fd, 1, &a));
	assert_int_equal(a.domain, AF_INET);
	assert_int_equal(a.protocol, IPPROTO_TCP);
	assert_true(iu_identity_same(&a, &a));
	for (int part = 0; part < 5; part++) {
		b = a;
		b.domain = part == 0 ? AF_INET6 : a.domain;
		b.protocol = part == 1 ? 262 : a.protocol;
		b.device = part == 2;
		b.v6only = part == 3;
		b.netns += part == 4;
		assert_false(iu_identity_same(&a, &b));
	}
	close(fd);
	assert_false(iu_identity_read(STDIN_FILENO, 1, &a) && a.protocol == IPPROTO_TCP);
}

/* A child with a child, both waiting until the pipe closes. */
static void test_tree__below__children_of_children_and_nobody_else(void **state)
{
	struct iu_tree tree = {0};
	int ends[2], told[2];
	pid_t child, grandchild = 0;
	char byte;

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(pipe(told), 0);
	child = fork();
	if (child == 0) {
		close(ends[1]);
		grandchild = fork();
		if (grandchild > 0 && write(told[1], &grandchild, sizeof(grandchild)) < 0)
			_exit(1);
		_exit(read(ends[0], &byte, 1) == 0 ? 0 : 1);
	}
	assert_int_equal(read(told[0], &grandchild, sizeof(grandchild)), sizeof(grandchild));
	assert_true(iu_tree_read_below(&tree, getpid()));
	assert_non_null(iu_tree_find(&tree, child));
	assert_int_equal(iu_tree_branch(&tree, grandchild, getpid()), child);
	assert_null(iu_tree_find(&tree, 1));
	iu_tree_done(&tree);
	for (int i = 0; i < 2; i++) {
		close(ends[i]);
		close(told[i]);
	}
	assert_int_equal(waitpid(child, NULL, 0), child);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_carry__untouched_sockets__nothing_stands_in_the_way),
		cmocka_unit_test(test_carry__set_on_either__as_on_the_first),
		cmocka_unit_test(test_carry__shared__timeouts_of_waiting_calls_stay),
		cmocka_unit_test(test_identity__each_part__tells_them_apart),
		cmocka_unit_test(test_tree__below__children_of_children_and_nobody_else),
	};

	return cmocka_run_group_tests_name("carry", tests, NULL, NULL);
}
