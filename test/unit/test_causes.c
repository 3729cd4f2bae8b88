/* SPDX-License-Identifier: MIT */
/*
 * Which cause is named, and which note is added to a call that would succeed: each with what is almost the same and is another one.
 * The words are those of support/scene.h.
 */
#include "support/check.h"

#include <string.h>

#include "model/judge.h"
#include "support/scene.h"

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

struct row {
	const char *sockets, *call, *facts, *word;
};

static const struct row causes[] = {
	/* bound to a device: its own addresses only, of IPv6, and ::1 is none of them */
	{"", "bind [::1]:5000 dev=2", "device=1 device=2", "device-differs"},
	{"", "bind 192.0.2.77:5000 dev=2", "", "address-not-local"},
	{"", "bind [2001:db8::77]:5000 dev=2", "", "address-not-local"},
	{"", "bind 127.0.0.1:5000", "no-addresses", "address-not-local"},
	{"", "bind [::1]:5000", "no-addresses", "address-not-local"},
	{"LISTEN [::1]:5000", "bind [::1]:5000 dev=1", "", "listener"},
	{"", "bind [fe80::1%9]:5000", "device=1", "device-missing"},
	/* automatic ports */
	{"LISTEN 127.0.0.1:40000", "bind 127.0.0.1:0", "range=40000-40000", "bind-ports-exhausted"},
	{"TW 127.0.0.1:40000>127.0.0.1:5000;LISTEN 127.0.0.1:5000", "connect 127.0.0.1:0>127.0.0.1:5000", "range=40000-40000",
	 "connect-ports-exhausted"},
	/* connected to itself */
	{"ESTAB 127.0.0.1:5000>127.0.0.1:5000 lock", "bind 127.0.0.1:5000 ra", "", "self-connect"},
	{"ESTAB 127.0.0.1:5000>127.0.0.2:5000 lock", "bind 127.0.0.1:5000 ra", "", "living-connection"},
	{"ESTAB 127.0.0.1:5000>127.0.0.1:5001 lock", "bind 127.0.0.1:5000 ra", "", "living-connection"},
	{"TW 127.0.0.1:5000>127.0.0.1:5000 lock", "bind 127.0.0.1:5000 ra", "", "time-wait-old-lacked-reuseaddr"},
	/* what a SYN meets */
	{"", "accept 127.0.0.1:5000>127.0.0.1:9", "", "syn-no-listener"},
	{"TW 127.0.0.1:5000>127.0.0.1:9", "accept 127.0.0.1:5000>127.0.0.1:9", "", "time-wait-without-listener"},
	/* who holds it */
	{"LISTEN 127.0.0.1:5000 kernel", "bind 127.0.0.1:5000", "", "kernel-socket"},
	{"LISTEN 127.0.0.1:5000 kernel ?kernel", "bind 127.0.0.1:5000", "", "listener"},
	{"LISTEN 127.0.0.1:5000 by=1", "bind 127.0.0.1:5000", "process=1,comm=init,socket-unit=ssh.socket", "socket-unit"},
	{"LISTEN 127.0.0.1:5000 by=1", "bind 127.0.0.1:5000", "process=1,comm=systemd", "socket-unit"},
	{"LISTEN 127.0.0.1:5000 by=1", "bind 127.0.0.1:5000", "process=1,comm=init", "listener"},
	{"LISTEN 127.0.0.1:5000 by=7", "bind 127.0.0.1:5000", "process=7,comm=systemd", "listener"},
	{"LISTEN 127.0.0.1:5000 by=7", "bind 127.0.0.1:5000", "process=7,comm=docker-proxy", "docker-proxy"},
	{"LISTEN 127.0.0.1:5000 by=7", "bind 127.0.0.1:5000", "process=7,status=T", "suspended"},
	{"LISTEN 127.0.0.1:5000 by=nobody", "bind 127.0.0.1:5000", "", "in-flight"},
	{"BOUND 127.0.0.1:5000 by=nobody", "bind 127.0.0.1:5000", "", "in-flight"},
	{"LISTEN 127.0.0.1:5000 by=nobody orphan", "bind 127.0.0.1:5000", "", "listener"},
	{"LISTEN 127.0.0.1:5000 by=nobody ?ino", "bind 127.0.0.1:5000", "", "listener"},
	{"ESTAB 127.0.0.1:5000>127.0.0.1:9 lock by=nobody", "bind 127.0.0.1:5000", "", "living-connection"},
	/* two programs have it; not one twice, nor a server and its workers */
	{"LISTEN 127.0.0.1:5000 by=7 by=8", "bind 127.0.0.1:5000", "process=7,comm=make process=8,comm=server", "inherited"},
	{"LISTEN 127.0.0.1:5000 by=7 by=8", "bind 127.0.0.1:5000", "process=7,comm=server process=8,comm=server", "inherited"},
	{"LISTEN 127.0.0.1:5000 by=7 by=8", "bind 127.0.0.1:5000", "process=7,comm=make process=8,comm=server,ppid=7", "inherited"},
	{"LISTEN 127.0.0.1:5000 by=7 by=8", "bind 127.0.0.1:5000", "process=7,comm=server process=8,comm=server,ppid=7", "listener"},
	{"LISTEN 127.0.0.1:5000 by=7 by=7", "bind 127.0.0.1:5000", "", "listener"},
	{"LISTEN 127.0.0.1:5000 by=0 by=0", "bind 127.0.0.1:5000", "", "listener"},
	{"LISTEN 127.0.0.1:5009 by=9;LISTEN 127.0.0.1:5000 by=7 by=8;LISTEN 127.0.0.1:5008 by=6", "bind 127.0.0.1:5000", "", "inherited"},
	/* the asker itself; the same program once more */
	{"LISTEN 127.0.0.1:5000 by=7", "bind 127.0.0.1:5000", "asker=7", "bound-twice"},
	{"LISTEN 127.0.0.1:5000 by=7", "bind 127.0.0.1:5000", "asker=8", "listener"},
	{"LISTEN 127.0.0.1:5000 by=0", "bind 127.0.0.1:5000", "", "listener"},
	{"ESTAB 127.0.0.1:5000>127.0.0.1:9 lock by=7", "bind 127.0.0.1:5000", "asker=7", "living-connection"},
	{"LISTEN 127.0.0.1:5000 by=7", "bind 127.0.0.1:5000", "process=7,same-dir", "started-twice"},
	{"BOUND 127.0.0.1:5000 by=7", "bind 127.0.0.1:5000", "process=7,same-dir", "bound-not-listening"},
	{"ESTAB 127.0.0.1:5000>127.0.0.1:9 lock by=7", "bind 127.0.0.1:5000", "process=7,same-dir", "living-connection"},
	/* MPTCP: a listener only */
	{"LISTEN 127.0.0.1:5000 mptcp", "bind 127.0.0.1:5000", "", "mptcp-listener"},
	{"LISTEN 127.0.0.1:5000 mptcp ?mptcp", "bind 127.0.0.1:5000", "", "listener"},
	{"BOUND 127.0.0.1:5000 mptcp", "bind 127.0.0.1:5000", "", "bound-not-listening"},
	/* a listener that shares its port with one that only waits to listen */
	{"BOUND 127.0.0.1:5000 ra;LISTEN 127.0.0.1:5000 ra", "listen 127.0.0.1:5000 ra", "", "second-listen"},
	{"BOUND 127.0.0.1:5000 ra ns=5;LISTEN 127.0.0.1:5000 ra ns=5", "listen 127.0.0.1:5000 ra", "netns=5", "second-listen"},
	{"BOUND 127.0.0.1:5000 ra;LISTEN 127.0.0.1:5000 ra", "listen 127.0.0.1:5000 ra", "netns=5", "second-listen"},
	{"BOUND 127.0.0.1:5000 ra ns=6;LISTEN 127.0.0.1:5000 ra ns=5", "listen 127.0.0.1:5000 ra", "netns=5", "listener"},
	{"BOUND 127.0.0.1:5001 ra;LISTEN 127.0.0.1:5000 ra", "listen 127.0.0.1:5000 ra", "", "listener"},
	{"BOUND 127.0.0.2:5000;LISTEN 127.0.0.1:5000 ra", "listen 127.0.0.1:5000 ra", "", "listener"},
	{"BOUND 127.0.0.1:5000 ra;LISTEN 127.0.0.1:5000", "listen 127.0.0.1:5000 ra", "", "listener"},
	{"BOUND 127.0.0.1:5000 ra;LISTEN 127.0.0.1:5000 ra ?ra", "listen 127.0.0.1:5000 ra", "", "listener"},
	{"ESTAB 127.0.0.1:5000>127.0.0.1:9 ra;LISTEN 127.0.0.1:5000 ra", "listen 127.0.0.1:5000 ra", "", "listener"},
	/* SO_REUSEPORT: of another user; only on one side */
	{"LISTEN 127.0.0.1:5000 rp uid=7", "bind 127.0.0.1:5000 rp uid=8", "", "reuseport-other-user"},
	{"LISTEN 127.0.0.1:5000 rp uid=7", "bind 127.0.0.1:5000 uid=8", "", "reuseport-one-side"},
	{"LISTEN 127.0.0.1:5000 uid=7", "bind 127.0.0.1:5000 rp uid=8", "", "reuseport-one-side"},
	{"BOUND 127.0.0.1:5000 uid=7", "bind 127.0.0.1:5000 rp uid=8", "", "reuseport-one-side"},
	{"LISTEN 127.0.0.1:5000 rp ?rp uid=7", "bind 127.0.0.1:5000 rp uid=8", "", "listener"},
	{"LISTEN 127.0.0.1:5000 rp ?uid uid=7", "bind 127.0.0.1:5000 rp uid=8", "", "listener"},
	{"TW 127.0.0.1:5000>127.0.0.1:9 rp uid=7 lock", "bind 127.0.0.1:5000 rp grp uid=8", "", "time-wait-neither-reuseaddr"},
	/* both families */
	{"LISTEN [::]:5000", "bind 127.0.0.1:5000", "", "ipv6-listener-covers-ipv4"},
	{"LISTEN 127.0.0.1:5000", "bind [::]:5000", "", "ipv4-listener-in-dual-stack"},
	{"LISTEN 127.0.0.1:5000", "bind [::ffff:127.0.0.1]:5000", "", "listener"},
	{"ESTAB 127.0.0.1:5000>127.0.0.1:9 lock", "bind [::]:5000", "", "living-connection"},
	{"ESTAB 127.0.0.1:5000>127.0.0.1:9 lock", "bind 0.0.0.0:5000", "", "living-connection"},
	/* what is left of connections */
	{"FW2 127.0.0.1:5000>127.0.0.1:9 rem lock", "bind 127.0.0.1:5000 ra", "", "fin-wait2-remains"},
	{"TW 127.0.0.1:5000>127.0.0.1:9", "bind 127.0.0.1:5000 ra", "", "time-wait-of-client"},
	{"TW 127.0.0.1:5000>127.0.0.1:9 ra ?lock", "bind 127.0.0.1:5000", "", "time-wait-new-lacks-reuseaddr"},
	{"TW 127.0.0.1:5000>127.0.0.1:9 lock ?ra;ESTAB 127.0.0.1:5000>127.0.0.1:8 lock left=3", "bind 127.0.0.1:5000 ra", "", "living-connection"},
	{"CW 127.0.0.1:5000>127.0.0.1:9 lock", "bind 127.0.0.1:5000", "", "close-wait-leak"},
	{"CW 127.0.0.1:5000>127.0.0.1:9 lock orphan", "bind 127.0.0.1:5000", "", "living-connection"},
	{"FW1 127.0.0.1:5000>127.0.0.1:9 lock orphan", "bind 127.0.0.1:5000", "", "orphan"},
	{"FW2 127.0.0.1:5000>127.0.0.1:9 lock orphan", "bind 127.0.0.1:5000", "", "orphan"},
	{"CLOSING 127.0.0.1:5000>127.0.0.1:9 lock orphan", "bind 127.0.0.1:5000", "", "orphan"},
	{"LA 127.0.0.1:5000>127.0.0.1:9 lock orphan", "bind 127.0.0.1:5000", "", "orphan"},
	{"LA 127.0.0.1:5000>127.0.0.1:9 lock orphan ?ino", "bind 127.0.0.1:5000", "", "living-connection"},
	{"FW1 127.0.0.1:5000>127.0.0.1:9 lock", "bind 127.0.0.1:5000", "", "living-connection"},
	{"ESTAB 127.0.0.1:5000>127.0.0.1:9 lock orphan", "bind 127.0.0.1:5000", "", "living-connection"},
	{"ESTAB 127.0.0.1:5000>127.0.0.1:9", "bind 127.0.0.1:5000", "", "client-on-port"},
	{"ESTAB 127.0.0.1:5000>127.0.0.1:9 ?lock", "bind 127.0.0.1:5000", "", "living-connection"},
	/* Windows does not name who inherited a socket, and its kernel is a process */
	{"LISTEN 127.0.0.1:5000 by=9", "bind 127.0.0.1:5000", "windows process=9,status=X", "windows-dead-pid"},
	{"LISTEN 127.0.0.1:5000 by=4", "bind 127.0.0.1:5000", "windows", "windows-http-sys"},
	{"LISTEN 127.0.0.1:5000 by=9", "bind 127.0.0.1:5000", "process=9,status=X", "listener"},
	{"LISTEN 127.0.0.1:5000 by=4", "bind 127.0.0.1:5000", "", "listener"},
	{"LISTEN 127.0.0.1:5000 excl", "bind 127.0.0.1:5000", "windows", "windows-exclusive"},
	{"LISTEN 0.0.0.0:5000 excl", "bind 127.0.0.1:5000", "windows", "windows-exclusive"},
	{"LISTEN 127.0.0.1:5000 excl", "bind 127.0.0.1:5000", "", "listener"},
	{"ESTAB 127.0.0.1:5000>127.0.0.1:9 excl lock", "bind 127.0.0.1:5000", "windows", "living-connection"},
	/* all addresses and a single one may stand side by side there: it is for what the new one sets */
	{"LISTEN 127.0.0.1:5000", "bind 0.0.0.0:5000 excl", "windows", "listener"},
	{"LISTEN 127.0.0.1:5000", "bind 0.0.0.0:5000", "", "wildcard-and-specific"},
};

/* The note; NULL: none. All of these succeed. */
static const struct row notes[] = {
	{"TW 127.0.0.1:5001>127.0.0.1:5000 ra ts lock;LISTEN 127.0.0.1:5000", "connect 127.0.0.1:5001>127.0.0.1:5000 ra", "", "tuple-recycled"},
	{"LISTEN 127.0.0.1:5000", "connect 127.0.0.1:5001>127.0.0.1:5000 ra", "", NULL},
	{"LISTEN 127.0.0.1:5001 rp;LISTEN 127.0.0.1:5000", "connect 127.0.0.1:5001>127.0.0.1:5000 rp", "", NULL},
	{"TW 127.0.0.1:5000>127.0.0.1:9;LISTEN 127.0.0.1:5000", "accept 127.0.0.1:5000>127.0.0.1:9", "", "syn-time-wait"},
	{"ESTAB 127.0.0.1:5000>127.0.0.1:9;LISTEN 127.0.0.1:5000", "accept 127.0.0.1:5000>127.0.0.1:9", "", "syn-live"},
	{"LISTEN 127.0.0.1:5000 rp", "accept 127.0.0.1:5000>127.0.0.1:9 rp", "", NULL},
	/* sharing a port */
	{"LISTEN 127.0.0.1:5000 rp", "listen 127.0.0.1:5000 rp", "", "reuseport-shared"},
	{"LISTEN 127.0.0.1:5000 rp", "listen 127.0.0.1:5000 rp", "netns=5", "reuseport-shared"},
	{"LISTEN 127.0.0.1:5000 rp ns=5", "listen 127.0.0.1:5000 rp", "netns=5", "reuseport-shared"},
	{"LISTEN 127.0.0.1:5000 rp ns=6", "listen 127.0.0.1:5000 rp", "netns=5", NULL},
	{"LISTEN 127.0.0.1:5001 rp", "listen 127.0.0.1:5000 rp", "", NULL},
	{"LISTEN 127.0.0.1:5000 rp", "bind 127.0.0.1:0 rp", "", NULL},
	{"BOUND 127.0.0.1:5000 rp", "listen 127.0.0.1:5000 rp", "", NULL},
	{"LISTEN 127.0.0.2:5000", "listen 127.0.0.1:5000 rp", "", NULL},
	{"LISTEN 127.0.0.2:5000 rp", "listen 127.0.0.1:5000", "", NULL},
	{"BOUND 127.0.0.1:5000 ra", "listen 127.0.0.1:5000 ra", "", "bind-shared"},
	{"ESTAB 127.0.0.1:5000>127.0.0.1:9 ra lock", "listen 127.0.0.1:5000 ra", "", NULL},
	{"BOUND 127.0.0.2:5000", "listen 127.0.0.1:5000 ra", "", NULL},
	{"BOUND 127.0.0.2:5000 ra", "listen 127.0.0.1:5000", "", NULL},
};

static int judge_rows(const struct row *rows, size_t n, bool note)
{
	int wrong = 0;

	for (size_t i = 0; i < n; i++) {
		const char *got, *wanted = rows[i].word != NULL ? rows[i].word : "none";
		struct inuse_verdict v;
		struct scene s;

		scene_make(&s, rows[i].sockets, rows[i].call, rows[i].facts);
		iu_judge(iu_profile_of(&s.f), &s.f, &s.r, &v);
		if (note && v.outcome != INUSE_GO)
			fail_msg("%s, %s: fails", rows[i].sockets, rows[i].call);
		got = note ? v.note : v.cause;
		if (strcmp(got != NULL ? got : "none", wanted) == 0)
			continue;
		wrong++;
		print_error("[%s] %s [%s]: %s; expected %s\n", rows[i].sockets, rows[i].call, rows[i].facts, got, wanted);
	}
	return wrong;
}

static void test_cause__each_situation__its_name(void **state)
{
	assert_int_equal(judge_rows(causes, ROWS(causes), false), 0);
}

static void test_note__would_succeed__what_is_worth_a_word(void **state)
{
	assert_int_equal(judge_rows(notes, ROWS(notes), true), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cause__each_situation__its_name),
		cmocka_unit_test(test_note__would_succeed__what_is_worth_a_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
