/* SPDX-License-Identifier: MIT */
/* What /proc/PID/stat, status, cgroup, fd links and unit files say: real lines of several systems, and hostile ones. */
#include "support/check.h"

#include <stdio.h>
#include <string.h>

#include "host/proc_parse.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ID2 "f123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define TAIL " 1 77 77 34819 77 4194304 1 0 0 0 5 6 0 0 20 0 3 0 987654321 1 1 18446744073709551615 1 1 1 0 0"

static bool parse(const char *text, struct iu_proc_stat *s)
{
	return iu_proc_parse_stat(text, strlen(text), s);
}

static void test_stat__ordinary__every_field(void **state)
{
	struct iu_proc_stat s;

	assert_true(parse("4242 (node) S" TAIL "\n", &s));
	assert_int_equal(s.pid, 4242);
	assert_int_equal(s.ppid, 1);
	assert_int_equal(s.status, 'S');
	assert_int_equal(s.tty, 34819);
	assert_int_equal(s.threads, 3);
	assert_int_equal(s.start_ticks, 987654321);
}

/* Fields 31 to 34 are pending, blocked, ignored and caught; SIGTERM is 15. */
static void test_stat__sigterm__caught_ignored_or_neither(void **state)
{
	struct iu_proc_stat s;

	assert_true(parse("7 (x) S" TAIL " 0 0 16781312 2", &s));
	assert_true(s.dies_of_term);
	assert_true(parse("7 (x) S" TAIL " 16384 16384 0 16387", &s));
	assert_false(s.dies_of_term);
	assert_true(parse("7 (x) S" TAIL " 0 0 16384 0", &s));
	assert_false(s.dies_of_term);
	assert_true(parse("7 (x) S" TAIL " 0 0 0", &s));
	assert_false(s.dies_of_term);
}

static void test_stat__hostile_name__last_bracket_ends_it(void **state)
{
	struct iu_proc_stat s;

	assert_true(parse("7 (a) R 1 2 3) T" TAIL, &s));
	assert_int_equal(s.status, 'T');
	assert_true(parse("7 (a\n)) Z) Z" TAIL, &s));
	assert_int_equal(s.status, 'Z');
	assert_true(parse("7 () S 0 -1 -1 0 -1 1 1 0 0 0 5 6 0 0 20 0 1 0 5 1", &s));
	assert_int_equal(s.tty, 0);
	assert_int_equal(s.start_ticks, 5);
}

static void test_stat__cut_or_foreign__refused(void **state)
{
	static const char *const bad[] = {
		"", ")", "7", "7 (x", "7 (x)", "7 (x) S", "7 (x) S 1 2 3", "(x) S" TAIL, "0 (x) S" TAIL, "7 (x) SS" TAIL,
		"7 (x) S one 77 77 34819 77 4194304 1 0 0 0 5 6 0 0 20 0 3 0 987654321",
		"7 (x) S 1 77 77 34819 77 4194304 1 0 0 0 5 6 0 0 20 0 3 0",
		"99999999999999999999 (x) S" TAIL,
	};
	struct iu_proc_stat s = {.pid = 99};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (parse(bad[i], &s))
			fail_msg("accepted: %s", bad[i]);
	assert_int_equal(s.pid, 99);
}

static void test_uid__effective_one_is_taken(void **state)
{
	static const char text[] = "Name:\tx\nUmask:\t0022\nState:\tS (sleeping)\nUid:\t1000\t33\t1001\t1002\nGid:\t1\t2\t3\t4\n";
	uint32_t uid = 7;

	assert_true(iu_proc_parse_uid(text, sizeof(text) - 1, &uid));
	assert_int_equal(uid, 33);
	/* a name cannot put a line of its own there: the kernel escapes the newline; but one that begins alike is skipped */
	assert_false(iu_proc_parse_uid("Name:\tUid:\n", 11, &uid));
	assert_false(iu_proc_parse_uid("Uid:\t1000\n", 10, &uid));
	assert_true(iu_proc_parse_uid("Uid:\t0\t4294967295\t0\t0", 22, &uid));
	assert_int_equal(uid, UINT32_MAX);
}

static void test_socket_link__only_sockets(void **state)
{
	static const char *const bad[] = {"", "socket:[", "socket:[]", "socket:[12", "socket:[12x]", "pipe:[12]", "/socket:[12]",
					  "socket:[99999999999999999999999]"};
	uint64_t inode = 1;

	assert_true(iu_proc_parse_socket_link("socket:[4096]", 13, &inode));
	assert_int_equal(inode, 4096);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(iu_proc_parse_socket_link(bad[i], strlen(bad[i]), &inode));
	assert_int_equal(inode, 4096);
}

static void test_tty_name__devices__as_ps_prints_them(void **state)
{
	static const struct {
		uint32_t tty;
		const char *name;
	} rows[] = {
		{0, ""}, {34816, "pts/0"}, {34819, "pts/3"}, {(136 << 8) | 1u << 20 | 4, "pts/260"}, {(137 << 8) | 1, "pts/257"},
		{4 << 8 | 1, "tty1"}, {4 << 8 | 64, "ttyS0"}, {5 << 8 | 1, "console"}, {204 << 8 | 64, "ttyAMA0"},
		{229 << 8, "hvc0"}, {99 << 8, ""},
	};
	char buf[32];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(iu_proc_tty_name(rows[i].tty, buf, sizeof(buf)), rows[i].name);
}

static void test_args__zeros__become_blanks(void **state)
{
	char args[] = "node\0server.js\0--port=1\0\0";
	size_t n = iu_proc_join_args(args, sizeof(args) - 1);

	assert_int_equal(n, strlen("node server.js --port=1"));
	assert_memory_equal(args, "node server.js --port=1", n);
	assert_int_equal(iu_proc_join_args(args, 0), 0);
}

static const struct {
	const char *text, *unit;
	bool user;
	const char *container, *kind;
} groups[] = {
	{"", "", false, "", ""},
	{"0::/\n", "", false, "", ""},
	{"0::/system.slice/nginx.service\n", "nginx.service", false, "", ""},
	{"0::/system.slice/nginx.service/worker\n", "nginx.service", false, "", ""},
	{"0::/system.slice/system-getty.slice/getty@tty1.service", "getty@tty1.service", false, "", ""},
	{"0::/system.slice/dev-disk-by\\x2duuid.service", "dev-disk-by\\x2duuid.service", false, "", ""},
	{"0::/system.slice/_cpu.service", "cpu.service", false, "", ""},
	{"0::/init.scope\n", "", false, "", ""},
	{"0::/user.slice/user-1000.slice/session-3.scope\n", "", false, "", ""},
	{"0::/user.slice/user-1000.slice/user@1000.service/app.slice/foo.service\n", "foo.service", true, "", ""},
	{"0::/user.slice/user-1000.slice/user@1000.service/foo.service/deeper\n", "foo.service", true, "", ""},
	{"0::/user.slice/user-1000.slice/user@1000.service/init.scope\n", "", false, "", ""},
	{"0::/user.slice/user-1000.slice/user@1000.service/app.slice/vte-spawn-1.scope\n", "", false, "", ""},
	/* cgroup v1, and both at once */
	{"12:pids:/system.slice/cron.service\n1:name=systemd:/system.slice/ssh.service\n0::/\n", "ssh.service", false, "", ""},
	{"3:cpu,cpuacct:/made/up.service\n", "", false, "", ""},
	{"9:name=systemd:/\n4:memory:/process/88906b235ee46c3ec59f0db7f9870f26\n0::/\n", "", false, "", ""},
	/* containers */
	{"0::/system.slice/docker-" ID ".scope\n", "", false, ID, "docker"},
	{"11:pids:/docker/" ID "\n0::/system.slice/containerd.service\n", "", false, ID, "docker"},
	{"0::/docker/" ID "/docker/" ID2 "\n", "", false, ID, "docker"},
	{"0::/docker/" ID "/system.slice/nginx.service\n", "", false, ID, "docker"},
	{"0::/machine.slice/libpod-" ID ".scope/container\n", "", false, ID, "podman"},
	{"0::/machine.slice/libpod-conmon-" ID ".scope\n", "", false, "", ""},
	{"0::/system.slice/web.service/libpod-payload-" ID "\n", "web.service", false, ID, "podman"},
	{"0::/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" ID ".scope/container", "", false, ID, "podman"},
	{"0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1_2.slice/cri-containerd-" ID ".scope\n", "", false,
	 ID, "kubernetes"},
	{"0::/kubepods/burstable/pod12-34/" ID "\n", "", false, ID, "kubernetes"},
	{"0::/kubepods.slice/kubepods-pod1.slice/crio-" ID ".scope\n", "", false, ID, "kubernetes"},
	{"0::/system.slice/containerd.service/kubepods-burstable-pod1.slice:cri-containerd:" ID "\n", "", false, ID, "kubernetes"},
	{"0::/lxc.payload.web1/system.slice/nginx.service\n", "", false, "web1", "lxc"},
	{"4:memory:/lxc/web1\n", "", false, "web1", "lxc"},
	{"0::/machine.slice/systemd-nspawn@web.service/payload\n", "", false, "web", "nspawn"},
	/* seen from within a cgroup namespace */
	{"0::/../../system.slice/nginx.service\n", "nginx.service", false, "", ""},
	/* what a command to paste must never hold */
	{"0::/system.slice/a;reboot.service\n", "", false, "", ""},
	{"0::/system.slice/$(reboot).service\n", "", false, "", ""},
	{"0::/system.slice/--force.service\n", "", false, "", ""},
	{"0::/system.slice/a b.service\n", "", false, "", ""},
	{"0::/system.slice/\x1b[31m.service\n", "", false, "", ""},
	{"0::/lxc.payload.$(x)\n", "", false, "", ""},
	{"0::/lxc.payload.--force\n", "", false, "", ""},
	{"0::/docker/0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef\n", "", false, "", ""},
	{"0:no colon", "", false, "", ""},
	{"no colon at all\n::\n:::\n\n", "", false, "", ""},
};

static void test_cgroup__paths_of_many_systems__unit_and_container(void **state)
{
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		struct iu_proc_cgroup g;

		iu_proc_parse_cgroup(groups[i].text, strlen(groups[i].text), &g);
		if (strcmp(g.unit, groups[i].unit) != 0 || g.user_unit != groups[i].user ||
		    strcmp(g.container, groups[i].container) != 0 || strcmp(g.container_kind, groups[i].kind) != 0)
			fail_msg("%s: unit \"%s\" user %d container \"%s\" kind \"%s\"", groups[i].text, g.unit, g.user_unit,
				 g.container, g.container_kind);
	}
}

static const struct {
	const char *text, *instance, *local;
	int match;
} units[] = {
	{"[Unit]\nDescription=x\n[Socket]\nListenStream=8080\n", NULL, "[::]:8080", 2},
	{"[Socket]\nListenStream=8080\n", NULL, "0.0.0.0:8080", 2},
	{"[Socket]\nListenStream=8080\n", NULL, "127.0.0.1:8080", 1},
	{"[Socket]\nListenStream=8081\n", NULL, "[::]:8080", 0},
	{"[Socket]\nListenStream = 127.0.0.1:8080 \r\n", NULL, "127.0.0.1:8080", 2},
	{"[Socket]\nListenStream=127.0.0.1:8080\n", NULL, "[::ffff:127.0.0.1]:8080", 2},
	{"[Socket]\nListenStream=127.0.0.1:8080\n", NULL, "127.0.0.2:8080", 1},
	{"[Socket]\nListenStream=[::1]:8080\nListenStream=/run/x.sock\nListenStream=@abstract\n", NULL, "[::1]:8080", 2},
	{"[Socket]\nListenStream=/run/8080\nListenStream=@8080\nListenStream=vsock::8080\n", NULL, "[::]:8080", 0},
	{"[Socket]\nListenDatagram=8080\n#ListenStream=8080\n;ListenStream=8080\n", NULL, "[::]:8080", 0},
	{"[Service]\nListenStream=8080\n", NULL, "[::]:8080", 0},
	{"[Socket]\nListenStream=8080\nListenStream=\n", NULL, "[::]:8080", 0},
	{"[Socket]\nListenStream=\nListenStream=8080", NULL, "[::]:8080", 2},
	{"[Socket]\nListenStream=%i\n", "8080", "[::]:8080", 2},
	{"[Socket]\nListenStream=127.0.0.1:%i\n", "8080", "127.0.0.1:8080", 2},
	{"[Socket]\nListenStream=%i\n", NULL, "[::]:8080", 0},
	{"[Socket]\nListenStream=0\n", NULL, "[::]:0", 0},
	{"", NULL, "[::]:8080", 0},
};

static void test_socket_unit__listen_stream__matches_port_and_address(void **state)
{
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		struct inuse_target t;
		int match = 0;

		assert_int_equal(inuse_target_parse(units[i].local, &t, NULL), INUSE_OK);
		iu_unit_parse_listen(units[i].text, strlen(units[i].text), units[i].instance, &t.addr, &match);
		if (match != units[i].match)
			fail_msg("row %zu: %s on %s: %d", i, units[i].text, units[i].local, match);
	}
}

static void test_socket_unit__drop_in_resets__main_file_forgotten(void **state)
{
	static const char main_file[] = "[Socket]\nListenStream=22\n", drop_in[] = "[Socket]\nListenStream=\nListenStream=2222\n";
	struct inuse_addr on22 = {.family = 6, .port = 22}, on2222 = {.family = 6, .port = 2222};
	int at22 = 0, at2222 = 0;

	iu_unit_parse_listen(main_file, sizeof(main_file) - 1, NULL, &on22, &at22);
	assert_int_equal(at22, 2);
	iu_unit_parse_listen(drop_in, sizeof(drop_in) - 1, NULL, &on22, &at22);
	iu_unit_parse_listen(drop_in, sizeof(drop_in) - 1, NULL, &on2222, &at2222);
	assert_int_equal(at22, 0);
	assert_int_equal(at2222, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stat__ordinary__every_field),
		cmocka_unit_test(test_stat__sigterm__caught_ignored_or_neither),
		cmocka_unit_test(test_stat__hostile_name__last_bracket_ends_it),
		cmocka_unit_test(test_stat__cut_or_foreign__refused),
		cmocka_unit_test(test_uid__effective_one_is_taken),
		cmocka_unit_test(test_socket_link__only_sockets),
		cmocka_unit_test(test_tty_name__devices__as_ps_prints_them),
		cmocka_unit_test(test_args__zeros__become_blanks),
		cmocka_unit_test(test_cgroup__paths_of_many_systems__unit_and_container),
		cmocka_unit_test(test_socket_unit__listen_stream__matches_port_and_address),
		cmocka_unit_test(test_socket_unit__drop_in_resets__main_file_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
