/* SPDX-License-Identifier: MIT */
/* What is advised in which situation, and nothing else: all cures of a call that fails, in their order. */
#include "support/check.h"

#include <string.h>

#include "model/judge.h"
#include "support/scene.h"

static const struct {
	const char *sockets, *call, *facts, *cures;
} rows[] = {
	/* sharing: the same user, and both sides */
	{"LISTEN 127.0.0.1:5000 rp uid=7", "bind 127.0.0.1:5000 rp uid=8", "", "same-user"},
	{"LISTEN 127.0.0.1:5000 rp uid=7", "bind 127.0.0.1:5000 uid=7", "", "reuseport-new"},
	{"LISTEN 127.0.0.1:5000 rp uid=7", "bind 127.0.0.1:5000 uid=8", "", ""},
	{"LISTEN 127.0.0.1:5000 uid=7", "bind 127.0.0.1:5000 rp uid=8", "", ""},
	{"LISTEN 127.0.0.1:5000", "bind 127.0.0.1:5000", "", ""},
	{"BOUND 127.0.0.1:5000 ra", "bind 127.0.0.1:5000", "", "reuseaddr-new"},
	{"ESTAB 127.0.0.1:5000>127.0.0.1:4000 ra lock", "bind 127.0.0.1:5000", "", "reuseaddr-new"},
	/* both families */
	{"LISTEN 127.0.0.1:5000", "bind [::]:5000", "", "v6only"},
	{"LISTEN 127.0.0.1:5000", "bind [::ffff:127.0.0.1]:5000", "", ""},
	{"LISTEN [::]:5000", "bind [::]:5000", "", ""},
	/* what is left of connections */
	{"TW 127.0.0.1:5000>127.0.0.1:4000 lock", "bind 127.0.0.1:5000", "", "wait evict reuseaddr-old"},
	{"TW 127.0.0.1:5000>127.0.0.1:4000 lock", "bind 127.0.0.1:5000 ra", "", "wait evict reuseaddr-old"},
	{"TW 127.0.0.1:5000>127.0.0.1:4000 ra lock", "bind 127.0.0.1:5000", "", "reuseaddr-new wait evict"},
	{"TW 127.0.0.1:5000>127.0.0.1:4000 lock", "bind 127.0.0.1:5000 ra", "kernel=5.19", "wait reuseaddr-old"},
	/* a port out of the range of automatic ports */
	{"ESTAB 127.0.0.1:40000>127.0.0.1:80", "bind 127.0.0.1:40000 ra", "", "reserve-port"},
	{"ESTAB 127.0.0.1:40000>127.0.0.1:80", "bind 127.0.0.1:40000 ra", "reserved=40000-40000", ""},
	{"ESTAB 127.0.0.1:40000>127.0.0.1:80", "bind 127.0.0.1:40000 ra", "range=40001-50000", ""},
	{"ESTAB 127.0.0.1:40000>127.0.0.1:80", "bind 127.0.0.1:40000 ra", "range=30000-39999", ""},
	{"TW 127.0.0.1:40000>127.0.0.1:80", "bind 127.0.0.1:40000 ra", "", "wait evict reserve-port"},
	/* addresses and privilege */
	{"", "bind 192.0.2.77:5000", "", "own-address freebind"},
	{"LISTEN 0.0.0.0:5000", "bind 192.0.2.77:5000", "", ""},
	{"", "bind 127.0.0.1:80 user", "", "privilege high-port"},
	{"LISTEN 127.0.0.1:80", "bind 127.0.0.1:80 user", "", "high-port"},
	/* automatic ports */
	{"LISTEN 127.0.0.1:40000", "bind 127.0.0.1:0", "range=40000-40000", "no-port wider-range"},
	/* connect() */
	{"", "connect 127.0.0.1:5001>127.0.0.1:5000", "", "start-server"},
	{"ESTAB 127.0.0.1:5001>127.0.0.1:5000 ra lock;LISTEN 127.0.0.1:5000",
	 "connect 127.0.0.1:5001>127.0.0.1:5000 ra", "", "any-from-port"},
	{"TW 127.0.0.1:5001>127.0.0.1:5000 ra lock;LISTEN 127.0.0.1:5000",
	 "connect 127.0.0.1:5001>127.0.0.1:5000 ra", "", "wait evict any-from-port timestamps"},
	{"TW 127.0.0.1:5001>127.0.0.1:5000 ts lock;LISTEN 127.0.0.1:5000",
	 "connect 127.0.0.1:5001>127.0.0.1:5000 ra", "", "wait evict reuseaddr-old any-from-port"},
	{"TW 127.0.0.1:40000>127.0.0.1:5000;LISTEN 127.0.0.1:5000",
	 "connect 127.0.0.1:0>127.0.0.1:5000", "range=40000-40000", "wait evict wider-range"},
	/* accept() */
	{"", "accept 127.0.0.1:5000>127.0.0.1:9", "", "start-server"},
	{"TW 127.0.0.1:5000>127.0.0.1:9", "accept 127.0.0.1:5000>127.0.0.1:9", "", "start-server"},
};

static void test_cures__each_situation__all_that_help_and_no_other(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct inuse_verdict v;
		struct scene s;
		char list[256] = "";

		scene_make(&s, rows[i].sockets, rows[i].call, rows[i].facts);
		iu_judge(&iu_profile_linux, &s.f, &s.r, &v);
		assert_int_equal(v.outcome, INUSE_FAIL);
		for (uint32_t k = 0; k < v.n_cures; k++) {
			strncat(list, k > 0 ? " " : "", sizeof(list) - strlen(list) - 1);
			strncat(list, v.cures[k].id, sizeof(list) - strlen(list) - 1);
		}
		if (strcmp(list, rows[i].cures) != 0)
			fail_msg("%s, %s: %s", rows[i].sockets, rows[i].call, list);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_cures__each_situation__all_that_help_and_no_other)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
