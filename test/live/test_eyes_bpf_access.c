/* SPDX-License-Identifier: MIT */
/* Owners of sockets through BPF, and who may look. */
#include "live/seen.h"
#include "support/live_private.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

/* ----------------------------------------------------------------------------------------- who has it */

static struct {
	unsigned n;
	int32_t pid, fd, last_pid;
} held;

static bool keep_owner(void *arg, uint64_t inode, int32_t pid, int32_t fd)
{
	assert_int_equal(inode, *(const uint64_t *)arg);
	held.n++;
	held.last_pid = pid;
	if (pid != getpid())
		return true;
	held.pid = pid;
	held.fd = fd;
	return true;
}

static bool look_owners(uint64_t inode)
{
	struct inuse_error error = {0};
	bool complete = false;

	memset(&held, 0, sizeof(held));
	need(iu_files_owners(&inode, 1, keep_owner, &inode, &complete, &error), &error);
	return complete;
}

static void test_files__this_process__pid_and_fd(void **state)
{
	int fd = live_listener("127.0.0.1:8080", 0);

	look_owners(live_inode(fd));
	assert_int_equal(held.n, 1);
	assert_int_equal(held.pid, getpid());
	assert_int_equal(held.fd, fd);
}

static void test_files__inherited__both(void **state)
{
	int fd = live_listener("127.0.0.1:8080", 0);

	LIVE_CHILD_INHERITS((void)0);
	look_owners(live_inode(fd));
	assert_int_equal(held.n, 2);
}

static void test_files__in_flight__nobody(void **state)
{
	int fd = live_listener("127.0.0.1:8080", 0);
	uint64_t inode = live_inode(fd);

	live_in_flight(fd);
	look_owners(inode);
	assert_int_equal(held.n, 0);
}

/* The first process of a pid namespace looks for the owner of its own socket. */
static int look_from_a_pid_namespace(void)
{
	int fd = live_listener("127.0.0.1:8080", 0);
	uint64_t inode = live_inode(fd);
	bool complete = true;

	memset(&held, 0, sizeof(held));
	if (iu_files_owners(&inode, 1, keep_owner, &inode, &complete, NULL) != INUSE_OK)
		return 2;
	if (held.n != 1 || held.pid != 1 || held.fd != fd)
		return 3;
	return complete ? 4 : 0;
}

static void test_files__in_a_pid_namespace__its_numbers_and_not_complete(void **state)
{
	int status = 0;
	pid_t pid;

	live_need_root();
	look_owners(1);
	pid = fork();
	if (pid == 0) {
		if (unshare(CLONE_NEWPID) != 0)
			_exit(9);
		pid = fork();
		if (pid == 0)
			_exit(look_from_a_pid_namespace());
		waitpid(pid, &status, 0);
		_exit(WEXITSTATUS(status));
	}
	waitpid(pid, &status, 0);
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_files__more_than_the_map_holds__found_all_the_same(void **state)
{
	enum { N = 70000 };
	uint64_t *inodes = calloc(N, sizeof(*inodes)), inode;
	struct inuse_error error = {0};
	bool complete;

	inode = live_inode(live_listener("127.0.0.1:8080", 0));
	for (uint64_t i = 0; i < N; i++)
		inodes[i] = UINT64_C(1) << 40 | i;
	inodes[N / 2] = inode;
	memset(&held, 0, sizeof(held));
	need(iu_files_owners(inodes, N, keep_owner, &inode, &complete, &error), &error);
	free(inodes);
	assert_int_equal(held.n, 1);
}

/* So many descriptors for this process and those that it makes. */
static void allow_descriptors(unsigned n)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		live_fail("getrlimit: %s", strerror(errno));
	if (limit.rlim_cur >= n)
		return;
	limit.rlim_cur = n;
	if (limit.rlim_max < n)
		limit.rlim_max = n;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		live_skip("no %u descriptors here", n);
}

/* Tables are read 64 descriptors at a time. */
static void test_files__everywhere_in_a_table__each_descriptor_is_told(void **state)
{
	static const int places[] = {62, 63, 64, 127, 128, 255, 256, 1023, 1024, 3000};
	unsigned n = sizeof(places) / sizeof(places[0]);
	int fd = live_listener("127.0.0.1:8080", 0);

	allow_descriptors(4000);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(dup2(fd, places[i]), places[i]);
	look_owners(live_inode(fd));
	assert_int_equal(held.n, n + 1);
	assert_int_equal(held.fd, 3000);
	for (unsigned i = 0; i < n; i++)
		close(places[i]);
	look_owners(live_inode(fd));
	assert_int_equal(held.n, 1);
	assert_int_equal(held.fd, fd);
}

static void test_files__more_than_there_is_room_for__all_are_told(void **state)
{
	enum { N = 3000 };
	int fd = live_listener("127.0.0.1:8080", 0), copies[N];

	allow_descriptors(N + 100);
	for (int i = 0; i < N; i++) {
		copies[i] = dup(fd);
		assert_true(copies[i] >= 0);
	}
	look_owners(live_inode(fd));
	assert_int_equal(held.n, N + 1);
	for (int i = 0; i < N; i++)
		close(copies[i]);
}

/* Processes, each with descriptors of its own, that end as soon as they are there. */
static void come_and_go(void)
{
	for (;;) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(socket(AF_INET, SOCK_STREAM, 0) < 0);
		if (pid > 0)
			waitpid(pid, NULL, 0);
	}
}

/* Starts it beside the test, with nothing that is held here. */
static pid_t start_coming_and_going(void)
{
	pid_t pid = live_fork(false, -1);

	if (pid == 0)
		come_and_go();
	return pid;
}

static void test_files__processes_come_and_go__the_owner_and_nobody_else(void **state)
{
	pid_t pids[] = {start_coming_and_going(), start_coming_and_going()};
	int fd = live_listener("127.0.0.1:8080", 0);

	for (int i = 0; i < 100; i++) {
		look_owners(live_inode(fd));
		assert_int_equal(held.n, 1);
		assert_int_equal(held.pid, getpid());
		assert_int_equal(held.fd, fd);
	}
	for (size_t i = 0; i < 2; i++) {
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
	}
}

/* ------------------------------------------------------------------------------------------- permissions */

#define CAP(name) (UINT64_C(1) << (name))
#define NO_NAMESPACE 94 /* as_nobody(): no user namespace can be made */

/* Becomes nobody with these capabilities, and tells what the eyes then say. Writes nothing to stderr, or it is 99. */
static int as_nobody(uint64_t caps, bool in_user_namespace, struct inuse_error *error)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	uint32_t low = (uint32_t)caps, high = (uint32_t)(caps >> 32);
	struct __user_cap_data_struct data[2] = {{low, low, 0}, {high, high, 0}};
	struct iu_scope scope = {.ports = (const uint16_t[]){8080}, .n_ports = 1};
	int pipe_fds[2], status;
	char c;

	if (pipe2(pipe_fds, O_NONBLOCK) != 0 || dup2(pipe_fds[1], STDERR_FILENO) < 0)
		return 98;
	if (prctl(PR_SET_KEEPCAPS, 1) != 0 || setresuid(LIVE_NOBODY, LIVE_NOBODY, LIVE_NOBODY) != 0)
		return 97;
	if (syscall(SYS_capset, &header, data) != 0)
		return 96;
	if (in_user_namespace && unshare(CLONE_NEWUSER) != 0)
		return errno == EPERM || errno == ENOSPC ? NO_NAMESPACE : 95;
	memset(&seen, 0, sizeof(seen));
	status = iu_bucket_each(&scope, keep_socket, keep_bucket, NULL, NULL, &seen.unseen, error);
	if (read(pipe_fds[0], &c, 1) == 1)
		return 99;
	return -status;
}

/* Runs it in a child; ret_text: the sentence of the refusal. */
static int try_as_nobody(uint64_t caps, bool in_user_namespace, char *ret_text, size_t size)
{
	struct inuse_error *error;
	int status = 0;
	pid_t pid;

	error = mmap(NULL, sizeof(*error), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid = fork();
	if (pid == 0)
		_exit(as_nobody(caps, in_user_namespace, error));
	waitpid(pid, &status, 0);
	snprintf(ret_text, size, "%s", error->text);
	munmap(error, sizeof(*error));
	return WEXITSTATUS(status);
}

static void test_permission__two_capabilities__enough(void **state)
{
	char text[256];

	live_need_root();
	look(8080);
	assert_int_equal(try_as_nobody(CAP(CAP_BPF) | CAP(CAP_PERFMON), false, text, sizeof(text)), 0);
}

static void test_permission__lacking__named_in_one_sentence_and_silent(void **state)
{
	static const struct {
		uint64_t caps;
		const char *text;
	} table[] = {
		{0, "CAP_BPF and CAP_PERFMON are missing"},
		{CAP(CAP_NET_ADMIN), "CAP_BPF and CAP_PERFMON are missing"},
		{CAP(CAP_BPF), "CAP_PERFMON is missing"},
		{CAP(CAP_PERFMON), "CAP_BPF is missing"},
	};
	char text[256];

	live_need_root();
	look(8080);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		assert_int_equal(try_as_nobody(table[i].caps, false, text, sizeof(text)), -INUSE_E_PERMISSION);
		assert_string_equal(text, table[i].text);
	}
}

static void test_permission__of_a_user_namespace__not_enough_and_said(void **state)
{
	char text[256];
	int status;

	live_need_root();
	look(8080);
	status = try_as_nobody(0, true, text, sizeof(text));
	if (status == NO_NAMESPACE)
		live_skip("no user namespace can be made here (user_namespaces(7): not in a chroot)");
	assert_int_equal(status, -INUSE_E_PERMISSION);
	assert_string_equal(text, "the capabilities of a user namespace are not enough to read the kernel's tables");
}

/* ------------------------------------------------------------------------------------------------ signals */

static volatile sig_atomic_t alarms;

static void on_alarm(int signal)
{
	alarms = alarms + 1;
}

static void test_signals__all_the_time__answers_all_the_same(void **state)
{
	const struct itimerval often = {{0, 500}, {0, 500}}, never = {{0, 0}, {0, 0}};
	struct iu_scope scope = {.bound = true};
	struct sigaction action = {.sa_handler = on_alarm}, old;

	live_listener("127.0.0.1:8080", 0);
	look(8080);
	sigaction(SIGALRM, &action, &old);
	setitimer(ITIMER_REAL, &often, NULL);
	look(8080);
	assert_int_equal(seen.n, 1);
	look_table(&scope);
	assert_int_equal(seen.n, 1);
	look_owners(seen.sockets[0].inode);
	assert_int_equal(held.n, 1);
	setitimer(ITIMER_REAL, &never, NULL);
	sigaction(SIGALRM, &old, NULL);
	assert_true(alarms > 0);
}

/* Looks until it is killed, and counts; what went wrong is the errno of the last look that did. */
struct looker {
	_Atomic unsigned looks, failures;
	_Atomic int os_code;
};

static _Noreturn void look_on(struct looker *l)
{
	uint16_t port = 8080;
	struct iu_scope scope = {.ports = &port, .n_ports = 1, .bound = true};

	for (;;) {
		struct inuse_error error = {0};

		if (iu_bucket_each(&scope, keep_socket, keep_bucket, NULL, NULL, &seen.unseen, &error) != INUSE_OK) {
			l->os_code = error.os_code;
			l->failures++;
		}
		l->looks++;
	}
}

static void test_signals__stopped_in_the_middle__answers_all_the_same(void **state)
{
	struct looker *l = mmap(NULL, sizeof(*l), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid;

	assert_true(l != MAP_FAILED);
	look(8080);
	pid = live_fork(false, -1);
	if (pid == 0)
		look_on(l);
	/* no mask keeps this signal waiting; each look is stopped once, each at another place */
	for (long i = 0; i < 50; i++) {
		const struct timespec pause = {.tv_nsec = i * 60000};
		int64_t deadline = live_now_ms() + LIVE_PATIENCE_MS;
		unsigned before = l->looks;

		nanosleep(&pause, NULL);
		kill(pid, SIGSTOP);
		kill(pid, SIGCONT);
		while (l->looks < before + 2)
			if (!live_again(deadline))
				live_fail("it does not go on after %u looks", before);
	}
	if (l->failures > 0)
		live_fail("%u of %u looks failed: %s", l->failures, l->looks, strerror(l->os_code));
	live_kill(pid, SIGKILL);
	munmap(l, sizeof(*l));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		live_test(test_files__this_process__pid_and_fd),
		live_test(test_files__inherited__both),
		live_test(test_files__in_flight__nobody),
		live_test(test_files__in_a_pid_namespace__its_numbers_and_not_complete),
		live_test(test_files__more_than_the_map_holds__found_all_the_same),
		live_test(test_files__everywhere_in_a_table__each_descriptor_is_told),
		live_test(test_files__more_than_there_is_room_for__all_are_told),
		live_test(test_files__processes_come_and_go__the_owner_and_nobody_else),
		live_test(test_permission__two_capabilities__enough),
		live_test(test_permission__lacking__named_in_one_sentence_and_silent),
		live_test(test_permission__of_a_user_namespace__not_enough_and_said),
		live_test(test_signals__all_the_time__answers_all_the_same),
		live_test(test_signals__stopped_in_the_middle__answers_all_the_same),
	};

	return LIVE_RUN("eyes_bpf_access", tests);
}
