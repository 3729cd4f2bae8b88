/* SPDX-License-Identifier: MIT */
/* Unix sockets: which one has a file, and what /proc/net/unix says. */
#include "support/check.h"

#include <string.h>
#include <sys/socket.h>

#include "host/unix_socket.h"

static struct iu_unix_socket named(const char *name)
{
	return (struct iu_unix_socket){.name = name, .name_len = strlen(name), .type = SOCK_STREAM, .listening = true};
}

static void test_unix_has_file__inode_and_device__decide(void **state)
{
	struct iu_unix_file file = {
		.path = "x.sock", .whole = "/run/x.sock", .inode = (UINT64_C(7) << 32) + 42, .device = 25};
	struct iu_unix_socket s = named("/tmp/other-name");

	s.has_file = true;
	s.file_inode = 42;
	s.file_device = 25;
	assert_true(iu_unix_has_file(&s, &file)); /* moved after bind() */
	s.file_device = 26;
	assert_false(iu_unix_has_file(&s, &file));
	s = named("x.sock"); /* a file system with two numbers for its device */
	s.has_file = true;
	s.file_inode = 42;
	s.file_device = 26;
	assert_true(iu_unix_has_file(&s, &file));
	s.file_inode = 43; /* an older socket whose file was removed */
	assert_false(iu_unix_has_file(&s, &file));
	s = named("/run/x.sock");
	s.has_file = true;
	s.file_inode = 43;
	assert_false(iu_unix_has_file(&s, &file));
	file.overlay = true;
	assert_true(iu_unix_has_file(&s, &file));
}

static void test_unix_has_file__only_names__decide(void **state)
{
	struct iu_unix_file file = {.path = "x.sock", .whole = "/run/x.sock", .inode = 42};
	struct iu_unix_socket s = named("/run/x.sock");

	assert_true(iu_unix_has_file(&s, &file));
	s = named("x.sock");
	assert_true(iu_unix_has_file(&s, &file));
	s = named("/run/xx.sock");
	assert_false(iu_unix_has_file(&s, &file));
	s = named("/run/x.soc");
	assert_false(iu_unix_has_file(&s, &file));
	s.name = NULL;
	assert_false(iu_unix_has_file(&s, &file));
}

static void test_unix_kind__each(void **state)
{
	struct iu_unix_socket s = {.type = SOCK_STREAM, .listening = true};

	assert_int_equal(iu_unix_kind_of(&s), IU_UNIX_LISTENS);
	s.listening = false;
	assert_int_equal(iu_unix_kind_of(&s), IU_UNIX_BOUND);
	s.connected = true;
	assert_int_equal(iu_unix_kind_of(&s), IU_UNIX_LEFT_OVER);
	s.type = SOCK_DGRAM;
	assert_int_equal(iu_unix_kind_of(&s), IU_UNIX_RECEIVES);
}

static void test_unix_line__as_the_kernel_writes_it__understood(void **state)
{
	static const char line[] = "ffff888012345678: 00000002 00000000 00010000 0001 01 12345 /run/a b.sock\n";
	struct iu_unix_socket s;

	assert_true(iu_unix_line(line, strlen(line), &s));
	assert_true(s.listening);
	assert_false(s.connected);
	assert_int_equal(s.type, SOCK_STREAM);
	assert_int_equal(s.inode, 12345);
	assert_int_equal(s.name_len, strlen("/run/a b.sock"));
	assert_memory_equal(s.name, "/run/a b.sock", s.name_len);
	assert_false(s.has_file);
	assert_true(iu_unix_line("0: 00000002 00000000 00000000 0002 03 99\n", 41, &s));
	assert_null(s.name);
	assert_true(s.connected);
	assert_int_equal(s.type, SOCK_DGRAM);
}

static void test_unix_line__cut_or_damaged__refused(void **state)
{
	static const char *const bad[] = {
		"",
		"\n",
		"Num       RefCount Protocol Flags    Type St Inode Path\n",
		"0: 00000002 00000000 00010000 0001 01 123", /* cut within the inode */
		"0: 00000002 00000000 00010000 0001 01\n",
		"0: 00000002 00000000 00010000 0001 01 12x45 /run/x\n",
	};
	struct iu_unix_socket s;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (iu_unix_line(bad[i], strlen(bad[i]), &s))
			fail_msg("accepted: %s", bad[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unix_has_file__inode_and_device__decide),
		cmocka_unit_test(test_unix_has_file__only_names__decide),
		cmocka_unit_test(test_unix_kind__each),
		cmocka_unit_test(test_unix_line__as_the_kernel_writes_it__understood),
		cmocka_unit_test(test_unix_line__cut_or_damaged__refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
