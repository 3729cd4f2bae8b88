/* SPDX-License-Identifier: MIT */
/* What is advised in which situation, and nothing else: all cures of a call that fails, in their order. */
#include "support/check.h"

#include <stdio.h>
#include <string.h>

#include "model/judge.h"
#include "support/scene.h"

static const struct {
	const char *sockets, *call, *facts, *cures; /* later:NAME helps from the next stop on, NAME:PID is about that process */
} rows[] = {
	/* sharing: the same user, and both sides */
	{"LISTEN 127.0.0.1:5000 rp uid=7", "bind 127.0.0.1:5000 rp uid=8", "", "same-user"},
	{"LISTEN 127.0.0.1:5000 rp uid=7", "bind 127.0.0.1:5000 uid=7", "", "reuseport-new"},
	{"LISTEN 127.0.0.1:5000 rp uid=7", "bind 127.0.0.1:5000 uid=8", "", ""},
	{"LISTEN 127.0.0.1:5000 uid=7", "bind 127.0.0.1:5000 rp uid=8", "", ""},
	{"LISTEN 0.0.0.0:5000 uid=7", "bind 127.0.0.1:5000 uid=8", "windows", ""},
	{"LISTEN 127.0.0.1:5000", "bind 127.0.0.1:5000", "", ""},
	{"BOUND 127.0.0.1:5000 ra", "bind 127.0.0.1:5000", "", "reuseaddr-new"},
	{"ESTAB 127.0.0.1:5000>127.0.0.1:4000 ra lock", "bind 127.0.0.1:5000", "", "reuseaddr-new"},
	/* both families */
	{"LISTEN 127.0.0.1:5000", "bind [::]:5000", "", "v6only"},
	{"LISTEN 127.0.0.1:5000", "bind [::ffff:127.0.0.1]:5000", "", ""},
	{"LISTEN [::]:5000", "bind [::]:5000", "", ""},
	{"LISTEN [::1]:5000", "bind [::1]:5000", "", ""},
	{"LISTEN [::]:5000 v6", "bind [::]:5000 v6", "", ""},
	{"LISTEN 127.0.0.1:40000", "bind [::]:0", "range=40000-40000", "no-port wider-range"},
	/* what is left of connections */
	{"TW 127.0.0.1:5000>127.0.0.1:4000 lock", "bind 127.0.0.1:5000", "", "wait evict later:reuseaddr-old"},
	{"TW 127.0.0.1:5000>127.0.0.1:4000 lock", "bind 127.0.0.1:5000 ra", "", "wait evict later:reuseaddr-old"},
	{"TW 127.0.0.1:5000>127.0.0.1:4000 ra lock", "bind 127.0.0.1:5000", "", "reuseaddr-new wait evict"},
	{"TW 127.0.0.1:5000>127.0.0.1:4000 lock", "bind 127.0.0.1:5000 ra", "kernel=5.19", "wait later:reuseaddr-old"},
	{"TW 127.0.0.1:5000>127.0.0.1:4000 lock ?left", "bind 127.0.0.1:5000 ra", "", "evict later:reuseaddr-old"},
	{"TW 127.0.0.1:5000>127.0.0.1:4000 rp lock", "bind 127.0.0.1:5000 ra", "", "wait evict later:reuseaddr-old"},
	{"TW 127.0.0.1:5000>127.0.0.1:9 lock uid=7", "bind 127.0.0.1:5000 rp uid=8", "memory=127.0.0.1:5000,uid=7", "wait evict later:reuseaddr-old"},
	{"FW2 127.0.0.1:5000>127.0.0.1:4000 orphan lock left=9", "bind 127.0.0.1:5000 ra", "", "wait evict"},
	{"FW2 127.0.0.1:5000>127.0.0.1:4000 orphan left=9", "bind 127.0.0.1:5000 ra", "", "wait"},
	/* a port out of the range of automatic ports */
	{"ESTAB 127.0.0.1:40000>127.0.0.1:80", "bind 127.0.0.1:40000 ra", "", "later:reserve-port"},
	{"ESTAB 127.0.0.1:40000>127.0.0.1:80", "bind 127.0.0.1:40000 ra", "reserved=40000-40000", ""},
	{"ESTAB 127.0.0.1:40000>127.0.0.1:80", "bind 127.0.0.1:40000 ra", "range=40001-50000", ""},
	{"ESTAB 127.0.0.1:40000>127.0.0.1:80", "bind 127.0.0.1:40000 ra", "range=30000-39999", ""},
	{"ESTAB 127.0.0.1:40000>127.0.0.1:80", "bind 127.0.0.1:40000 ra", "range=40000-40000", "later:reserve-port"},
	{"TW 127.0.0.1:40000>127.0.0.1:80", "bind 127.0.0.1:40000 ra", "", "wait evict later:reserve-port"},
	/* addresses and privilege */
	{"", "bind 192.0.2.77:5000", "", "own-address freebind"},
	{"LISTEN 0.0.0.0:5000", "bind 192.0.2.77:5000", "", ""},
	{"", "bind [2001:db8::9]:5000", "", "wait-tentative freebind"},
	{"LISTEN [2001:db8::9]:5000", "bind [2001:db8::9]:5000", "", "wait-tentative"},
	{"", "bind 127.0.0.1:80 user", "", "privilege high-port"},
	{"LISTEN 127.0.0.1:80", "bind 127.0.0.1:80 user", "", "high-port"},
	/* automatic ports */
	{"LISTEN 127.0.0.1:40000", "bind 127.0.0.1:0", "range=40000-40000", "no-port wider-range"},
	{"BOUND 127.0.0.1:40000 ra", "bind 127.0.0.1:0", "range=40000-40000", "no-port wider-range"},
	{"LISTEN 127.0.0.1:40000 rp", "bind 127.0.0.1:0", "range=40000-40000", "no-port wider-range"},
	{"LISTEN 127.0.0.1:40000 rp uid=7", "bind 127.0.0.1:0 rp uid=8", "range=40000-40000", "no-port wider-range"},
	/* connect() */
	{"", "connect 127.0.0.1:5001>127.0.0.1:5000", "", "start-server"},
	{"ESTAB 127.0.0.1:5001>127.0.0.1:5000 ra lock;LISTEN 127.0.0.1:5000",
	 "connect 127.0.0.1:5001>127.0.0.1:5000 ra", "", "any-from-port"},
	{"TW 127.0.0.1:5001>127.0.0.1:5000 ra lock;LISTEN 127.0.0.1:5000",
	 "connect 127.0.0.1:5001>127.0.0.1:5000 ra", "", "wait evict any-from-port later:timestamps"},
	{"TW 127.0.0.1:5001>127.0.0.1:5000 ts lock;LISTEN 127.0.0.1:5000",
	 "connect 127.0.0.1:5001>127.0.0.1:5000 ra", "", "wait evict later:reuseaddr-old any-from-port"},
	{"TW 127.0.0.1:40000>127.0.0.1:5000;LISTEN 127.0.0.1:5000",
	 "connect 127.0.0.1:0>127.0.0.1:5000", "range=40000-40000", "wait evict wider-range"},
	{"ESTAB 127.0.0.1:5001>127.0.0.1:5000 ra lock;LISTEN 127.0.0.1:5000",
	 "connect 127.0.0.1:5001>127.0.0.1:5000 ra", "covers=5000-5001", "any-from-port"},
	{"TW 127.0.0.1:5001>127.0.0.1:5000 ra lock;LISTEN 127.0.0.1:5000",
	 "connect 127.0.0.1:5001>127.0.0.1:5000 ra", "covers=5000-5001", "wait evict any-from-port later:timestamps"},
	{"ESTAB 127.0.0.1:5001>127.0.0.1:5000 lock;LISTEN 127.0.0.1:5000",
	 "connect 127.0.0.1:5001>127.0.0.1:5000 ra", "covers=5000-5001", ""},
	{"TW 127.0.0.1:5001>127.0.0.1:5000;LISTEN 127.0.0.1:5000",
	 "connect 127.0.0.1:5001>127.0.0.1:5000", "windows covers=5000-5001", "wait any-from-port"},
	{"LISTEN 127.0.0.1:5001 excl;LISTEN 127.0.0.1:5000", "connect 127.0.0.1:5001>127.0.0.1:5000", "", "any-from-port"},
	{"LISTEN 127.0.0.1:5001 excl;LISTEN 127.0.0.1:5000", "connect 127.0.0.1:5001>127.0.0.1:5000", "covers=5000-5001", ""},
	/* who has it open; everything that it has, and its end is not the asker's own */
	{"LISTEN 127.0.0.1:5000 by=7", "bind 127.0.0.1:5000", "", "end-process:7"},
	{"LISTEN 127.0.0.1:5000 by=7;ESTAB 127.0.0.1:5000>127.0.0.1:9 by=7", "bind 127.0.0.1:5000", "", "end-process:7"},
	{"LISTEN 127.0.0.1:5000 by=7;ESTAB 127.0.0.1:5000>127.0.0.1:9 by=8", "bind 127.0.0.1:5000", "", ""},
	{"LISTEN 127.0.0.1:5000;ESTAB 127.0.0.1:5000>127.0.0.1:9 by=8", "bind 127.0.0.1:5000", "", ""},
	{"LISTEN 127.0.0.1:5000 by=7 by=8", "bind 127.0.0.1:5000", "", "end-process:7"},
	{"LISTEN 127.0.0.1:5000 by=0", "bind 127.0.0.1:5000", "", ""},
	{"LISTEN 127.0.0.1:5000 by=0 by=0", "bind 127.0.0.1:5000", "", ""},
	{"LISTEN 127.0.0.1:5000 by=7", "bind 127.0.0.1:5000", "asker=7", ""},
	{"LISTEN 127.0.0.1:5000 by=7", "bind 127.0.0.1:5000", "asker=7 process=7,status=T", ""},
	{"LISTEN 127.0.0.1:5000 by=7", "bind 127.0.0.1:5000", "process=7,status=T", "continue:7 end-process:7"},
	{"LISTEN 127.0.0.1:5000 by=1", "bind 127.0.0.1:5000", "", ""},
	{"LISTEN 127.0.0.1:5000 by=4", "bind 127.0.0.1:5000", "", "end-process:4"},
	{"LISTEN 127.0.0.1:5000 by=4", "bind 127.0.0.1:5000", "windows", ""},
	{"LISTEN 127.0.0.1:5000 by=1", "bind 127.0.0.1:5000", "process=1,socket-unit=a.socket", "stop-unit:1"},
	{"LISTEN 127.0.0.1:5000 by=7", "bind 127.0.0.1:5000", "process=7,unit=a.service", "stop-unit:7"},
	{"LISTEN 127.0.0.1:5000 by=7", "bind 127.0.0.1:5000", "process=7,unit=x.slice/a.service,container=abc", "stop-container:7"},
	{"LISTEN 127.0.0.1:5000 by=7", "bind 127.0.0.1:5000", "process=7,comm=docker-proxy,unit=docker.service", "stop-container:7"},
	{"LISTEN 127.0.0.1:5000 by=7", "bind 127.0.0.1:5000", "process=7,unit=user@1000.service", "end-process:7"},
	{"LISTEN 127.0.0.1:5000 by=7", "bind 127.0.0.1:5000", "process=7,unit=session-2.scope", "end-process:7"},
	/* what is left of its connections is not the process's any more */
	{"LISTEN 127.0.0.1:5000 by=7;TW 127.0.0.1:5000>127.0.0.1:9 lock", "bind 127.0.0.1:5000 ra", "", "end-process:7"},
	{"LISTEN 127.0.0.1:5000 by=7;FW2 127.0.0.1:5000>127.0.0.1:9 rem lock", "bind 127.0.0.1:5000 ra", "", "end-process:7"},
	/* accept() */
	{"", "accept 127.0.0.1:5000>127.0.0.1:9", "", "start-server"},
	{"TW 127.0.0.1:5000>127.0.0.1:9", "accept 127.0.0.1:5000>127.0.0.1:9", "", "start-server"},
	{"TW 127.0.0.1:5000>127.0.0.1:9", "accept 127.0.0.1:5000>127.0.0.1:9", "rfc1337=1", ""},
};

static void list_cures(const struct inuse_verdict *v, char *text, size_t size)
{
	size_t len = 0;

	text[0] = 0;
	for (uint32_t i = 0; i < v->n_cures; i++) {
		const struct inuse_cure *c = &v->cures[i];

		len += (size_t)snprintf(text + len, size - len, "%s%s%s", i > 0 ? " " : "", c->later ? "later:" : "", c->id);
		if (c->pid != 0)
			len += (size_t)snprintf(text + len, size - len, ":%d", c->pid);
		assert_true(len < size);
	}
}

static void test_cures__each_situation__all_that_help_and_no_other(void **state)
{
	int wrong = 0;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct inuse_verdict v;
		struct scene s;
		char list[256];

		scene_make(&s, rows[i].sockets, rows[i].call, rows[i].facts);
		iu_judge(iu_profile_of(&s.f), &s.f, &s.r, &v);
		assert_int_equal(v.outcome, INUSE_FAIL);
		list_cures(&v, list, sizeof(list));
		if (strcmp(list, rows[i].cures) == 0)
			continue;
		wrong++;
		print_error("[%s] %s [%s]: %s; expected %s\n", rows[i].sockets, rows[i].call, rows[i].facts, list, rows[i].cures);
	}
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_cures__each_situation__all_that_help_and_no_other)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
