/* SPDX-License-Identifier: MIT */
/* What a thread may: read at each call, through handles that are kept. */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervise/caller.h"
#include "supervise/thread.h"
#include "support/check.h"

/* Linux before 6.13: no PIDFD_GET_INFO. */
static bool old_kernel;

int __real_ioctl(int fd, unsigned long request, void *arg);
int __wrap_ioctl(int fd, unsigned long request, void *arg);

int __wrap_ioctl(int fd, unsigned long request, void *arg)
{
	if (!old_kernel)
		return __real_ioctl(fd, request, arg);
	errno = ENOTTY;
	return -1;
}

static int make_old(void **state)
{
	old_kernel = true;
	return 0;
}

/* linux v6.18 include/uapi/linux/sched.h struct clone_args, up to set_tid */
struct clone_words {
	uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size;
};

/* A child that waits; with that number if it is not 0, or -1 where nobody may choose it. as: its user, -1 ours. */
static pid_t child_with(pid_t number, int as)
{
	struct clone_words words = {.exit_signal = SIGCHLD, .set_tid = number ? (uint64_t)(uintptr_t)&number : 0,
				    .set_tid_size = number ? 1 : 0};
	int ready[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = (pid_t)syscall(SYS_clone3, &words, sizeof(words));
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (as >= 0 && (setresgid(as, as, as) < 0 || setresuid(as, as, as) < 0))
			_exit(1);
		if (write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	if (pid > 0)
		assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void test_thread__own__as_the_status_file_says(void **state)
{
	struct iu_rights rights;
	struct iu_status status;
	int32_t pid;

	assert_true(iu_thread_rights(getpid(), NULL, &pid, &rights));
	assert_true(iu_status_read(0, &status));
	assert_int_equal(pid, getpid());
	assert_memory_equal(rights.uid, status.rights.uid, sizeof(rights.uid));
	assert_memory_equal(rights.gid, status.rights.gid, sizeof(rights.gid));
	assert_true(rights.capabilities == status.rights.capabilities);
	assert_true(iu_rights_same(&rights, &rights));
}

static void test_thread__again_and_again__the_same(void **state)
{
	struct iu_rights own, other;
	int32_t pid;
	pid_t child = child_with(0, -1);

	assert_true(iu_thread_rights(getpid(), NULL, &pid, &own));
	for (int i = 0; i < 100; i++) {
		assert_true(iu_thread_rights(child, &own, &pid, &other));
		assert_int_equal(pid, child);
		assert_true(iu_rights_same(&own, &other));
	}
	end(child);
}

static void test_thread__ended__gone(void **state)
{
	struct iu_rights rights;
	int32_t pid;
	pid_t child = child_with(0, -1);

	assert_true(iu_thread_rights(child, NULL, &pid, &rights));
	assert_true(iu_thread_pidfd(child) >= 0 || errno == EINVAL);
	end(child);
	assert_false(iu_thread_rights(child, NULL, &pid, &rights));
	assert_true(errno == ENOENT || errno == ESRCH);
}

static void test_thread__number_given_to_another__rights_are_the_others(void **state)
{
	struct iu_rights own, rights;
	struct iu_caller caller = {0};
	int32_t pid, fd;
	pid_t child, next;

	if (geteuid() != 0)
		skip();
	assert_true(iu_thread_rights(getpid(), NULL, &pid, &own));
	child = child_with(0, -1);
	assert_true(iu_thread_rights(child, &own, &pid, &rights));
	assert_true(iu_rights_same(&own, &rights));
	caller.tid = caller.pid = child;
	assert_int_equal(iu_caller_fd(&caller, 0, &fd), IU_REACH_OK);
	close(fd);
	end(child);
	next = child_with(child, 65534);
	if (next < 0)
		skip(); /* nobody may choose numbers here */
	assert_int_equal(next, child);
	assert_int_equal(iu_caller_fd(&caller, 0, &fd), IU_REACH_OK);
	close(fd);
	assert_true(iu_thread_rights(child, &own, &pid, &rights));
	assert_int_equal(rights.uid[1], 65534);
	assert_false(iu_rights_same(&own, &rights));
	end(next);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_thread__own__as_the_status_file_says),
		cmocka_unit_test(test_thread__again_and_again__the_same),
		cmocka_unit_test(test_thread__ended__gone),
		cmocka_unit_test(test_thread__number_given_to_another__rights_are_the_others),
		/* and once more: from here on the kernel is an old one */
		cmocka_unit_test_setup(test_thread__own__as_the_status_file_says, make_old),
		cmocka_unit_test(test_thread__again_and_again__the_same),
		cmocka_unit_test(test_thread__ended__gone),
		cmocka_unit_test(test_thread__number_given_to_another__rights_are_the_others),
	};

	return cmocka_run_group_tests_name("thread", tests, NULL, NULL);
}
