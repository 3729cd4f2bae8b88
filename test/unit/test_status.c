/* SPDX-License-Identifier: MIT */
/* /proc/TID/status: rights and signals. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "supervise/status.h"
#include "support/check.h"

static const char text[] = "Name:\tUid: 7 7 7 7\\n\nUmask:\t0022\nState:\tS (sleeping)\nTgid:\t812\nNgid:\t0\nPid:\t815\nPPid:\t1\n"
			   "Uid:\t1000\t1001\t1002\t1003\nGid:\t10\t11\t12\t13\nGroups:\t10 20\nNoNewPrivs:\t1\nSigQ:\t0/1\n"
			   "SigPnd:\t0000000000000000\nShdPnd:\t0000000000004000\nSigBlk:\t0000000000000000\n"
			   "SigIgn:\t0000000000001000\nSigCgt:\t0000000000004002\nCapInh:\t0000000000000000\n"
			   "CapPrm:\t00000000a80425fb\nCapEff:\t0000000000000400\n";

static void test_status__whole_file__read(void **state)
{
	struct iu_status s;

	assert_true(iu_status_parse(text, &s));
	assert_int_equal(s.pid, 812);
	assert_int_equal(s.ppid, 1);
	assert_int_equal(s.rights.uid[0], 1000);
	assert_int_equal(s.rights.uid[3], 1003);
	assert_int_equal(s.rights.gid[2], 12);
	assert_true(iu_rights_have(&s.rights, IU_CAP_NET_BIND_SERVICE));
	assert_false(iu_rights_have(&s.rights, IU_CAP_SYS_ADMIN));
	/* a name may look like anything else */
	assert_string_equal(s.name, "Uid: 7 7 7 7\\n");
}

static void test_status__cut_anywhere__refused_or_read_but_no_crash(void **state)
{
	char cut[sizeof(text)];
	struct iu_status s;

	for (size_t len = 0; len < sizeof(text); len++) {
		memcpy(cut, text, len);
		cut[len] = 0;
		if (iu_status_parse(cut, &s))
			assert_true(len > strlen(text) - 20);
	}
}

static void test_status__sigterm_pending__asked_to_end(void **state)
{
	struct iu_status s;

	assert_true(iu_status_parse(text, &s));
	assert_int_equal(s.pending, 1u << (SIGTERM - 1));
	assert_true(iu_status_is_called(&s));
	s.blocked = 1u << (SIGTERM - 1);
	assert_false(iu_status_is_called(&s));
	s.blocked = 0;
	s.ignored = 1u << (SIGTERM - 1);
	assert_false(iu_status_is_called(&s));
	s.ignored = 0;
	s.pending = 1u << (SIGCHLD - 1);
	assert_false(iu_status_is_called(&s));
}

static void test_rights__each_part_differs__not_same(void **state)
{
	struct iu_status s, t;

	assert_true(iu_status_parse(text, &s));
	t = s;
	assert_true(iu_rights_same(&s.rights, &t.rights));
	t.rights.uid[3]++;
	assert_false(iu_rights_same(&s.rights, &t.rights));
	t = s;
	t.rights.gid[1]++;
	assert_false(iu_rights_same(&s.rights, &t.rights));
	t = s;
	t.rights.capabilities ^= 1;
	assert_false(iu_rights_same(&s.rights, &t.rights));
	t = s;
	t.rights.user_ns++;
	assert_false(iu_rights_same(&s.rights, &t.rights));
	t = s;
	t.rights.labelled = true;
	assert_false(iu_rights_same(&s.rights, &t.rights));
	/* a label that could not be read may be any */
	s.rights.labelled = true;
	assert_false(iu_rights_same(&s.rights, &t.rights));
	strcpy(s.rights.label, "one");
	strcpy(t.rights.label, "one");
	assert_true(iu_rights_same(&s.rights, &t.rights));
	strcpy(t.rights.label, "other");
	assert_false(iu_rights_same(&s.rights, &t.rights));
}

static void test_status__own_process__as_the_kernel_says(void **state)
{
	struct iu_status s;

	assert_true(iu_status_read(0, &s));
	assert_int_equal(s.pid, getpid());
	assert_int_equal(s.ppid, getppid());
	assert_int_equal(s.rights.uid[1], geteuid());
	assert_true(iu_status_started(getpid()) > 0);
	assert_int_equal(iu_status_started(0x7fffffff), 0);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_status__whole_file__read),
		cmocka_unit_test(test_status__cut_anywhere__refused_or_read_but_no_crash),
		cmocka_unit_test(test_status__sigterm_pending__asked_to_end),
		cmocka_unit_test(test_rights__each_part_differs__not_same),
		cmocka_unit_test(test_status__own_process__as_the_kernel_says),
	};

	return cmocka_run_group_tests_name("status", tests, NULL, NULL);
}
