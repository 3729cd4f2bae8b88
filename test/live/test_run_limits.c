/* SPDX-License-Identifier: MIT */
/* inuse run where it is hard: storms, programs that vanish or hide, rights that differ. */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "support/actor.h"

static void test_run__signals_in_storms__no_spurious_error(void **state)
{
	/* without SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV hundreds of these fail */
	live_says(actor_run("storm", "127.0.0.1:8080", "20000", "restart"), 0, "wrong 0\n");
	/* a handler without SA_RESTART: a signal just before inuse takes the call makes it EINTR, with nothing done */
	live_says(actor_run("storm", "127.0.0.1:8080", "5000", "break"), 0, "wrong 0\n");
}

static void test_run__processes_that_vanish_in_a_call__supervisor_goes_on(void **state)
{
	live_says(actor_run("vanish", "127.0.0.1:8080", "300"), 0, "bind 127.0.0.1:8080 ok\n");
}

static void test_run__memory_that_vanishes__supervisor_goes_on(void **state)
{
	live_says(actor_run("unmap", "127.0.0.1:8080", "3000"), 0, "done\n");
}

static void test_run__ten_thousand_sockets__all_good(void **state)
{
	live_says(live_run("sh", "-c", live_text("ulimit -n 11000 && exec %s run %s many 10000", live_inuse_path(), actor_path())),
		  0, "good 10000\n");
}

static void test_run__many_children_at_once__all_good(void **state)
{
	live_says(actor_run("spawn", "1000"), 0, "good 1000\n");
}

/* ---------------------------------------------------------------------------------- no more rights than it has */

static void test_run__child_that_dropped_root__has_no_low_port(void **state)
{
	const struct live_run *run;

	live_need_root();
	run = actor_same("drop", "65534", "127.0.0.1:80", "127.0.0.1:8080");
	live_complains(run, 0, "other rights than inuse");
	assert_non_null(strstr(run->out, "bind 127.0.0.1:80 EACCES"));
	assert_non_null(strstr(run->out, "bind 127.0.0.1:8080 ok"));
}

static void test_run__capability_dropped__has_no_low_port(void **state)
{
	const struct live_run *run;

	live_need_root();
	if (access("/usr/bin/setpriv", X_OK) != 0)
		live_skip("setpriv is not installed");
	run = live_inuse("run", "setpriv", "--bounding-set", "-net_bind_service", "--inh-caps", "-net_bind_service", actor_path(), "listen",
			 "127.0.0.1:80");
	live_complains(run, 0, "other rights than inuse");
	assert_non_null(strstr(run->out, "bind 127.0.0.1:80 EACCES"));
}

static void test_run__user_namespace_of_its_own__same_result(void **state)
{
	if (actor_bare("user-ns", "127.0.0.1:80")->status == 77)
		live_skip("no user namespace can be made here");
	actor_same("user-ns", "127.0.0.1:80");
}

static void test_run__landlock__stays_in_force(void **state)
{
	const struct live_run *bare = actor_bare("landlock", "127.0.0.1:8080", "127.0.0.1:8081"), *run;

	if (bare->status == 77)
		live_skip("this kernel has no Landlock for the network");
	assert_non_null(strstr(bare->out, "bind 127.0.0.1:8081 EACCES"));
	run = actor_same("landlock", "127.0.0.1:8080", "127.0.0.1:8081");
	live_complains(run, 0, "restricts itself with Landlock");
}

/* A descriptor of the actor that any user may execute, wherever the build is. */
static const char *open_actor(void)
{
	int fd = open(actor_path(), O_PATH);

	if (fd < 0)
		live_fail("%s: %s", actor_path(), strerror(errno));
	return live_text("/proc/self/fd/%d", fd);
}

static void check_process_that_hides(void)
{
	const struct live_run *run = live_inuse_as(LIVE_NOBODY, "run", open_actor(), "hidden", "127.0.0.1:8080");

	live_complains(run, 0, "may not be looked into");
	if (strcmp(run->out, "bind 127.0.0.1:8080 ok\nbind 127.0.0.1:8080 EADDRINUSE\n") != 0)
		live_fail("%s", run->out);
}

static void test_run__process_that_hides__makes_its_calls_itself(void **state)
{
	live_need_root();
	check_process_that_hides();
}

static void test_run__process_that_hides_where_proc_does_not_show_it__the_same(void **state)
{
	live_need_root();
	LIVE_CHILD(if (live_hide_processes()) check_process_that_hides());
}

static const char *copy_actor(mode_t mode)
{
	const char *path = live_text("%s/actor", actor_dir);

	live_run("cp", actor_path(), path);
	assert_int_equal(chmod(path, mode), 0);
	return path;
}

static void test_run__program_that_may_not_be_read__makes_its_calls_itself(void **state)
{
	const struct live_run *run;
	const char *path;

	live_need_root();
	path = copy_actor(0711);
	run = live_inuse_as(LIVE_NOBODY, "run", path, "listen", "127.0.0.1:8080", "127.0.0.1:8080");
	live_complains(run, 0, "may not be looked into");
	assert_non_null(strstr(run->out, "listen 127.0.0.1:8080 ok\nbind 127.0.0.1:8080 EADDRINUSE\n"));
}

static void test_run__set_uid_program__said(void **state)
{
	const struct live_run *run;
	const char *path;

	live_need_root();
	path = copy_actor(04755);
	run = live_inuse_as(LIVE_NOBODY, "run", "sh", "-c", live_text("%s listen 127.0.0.1:80; true", path));
	live_complains(run, 0, "set-uid program");
	assert_non_null(strstr(run->out, "EACCES"));
}

/* ------------------------------------------------------------------------------------------ what it cannot */

static void test_run__nested__inner_one_says_so(void **state)
{
	const struct live_run *run = live_inuse("run", live_inuse_path(), "run", actor_path(), "listen", "127.0.0.1:8080", "127.0.0.1:8080");

	live_complains(run, 0, "unsupervised: another supervisor", "bind 127.0.0.1:8080 failed");
	live_complains(live_inuse("run", live_inuse_path(), "run", "--strict", "true"), 3, "cannot be supervised");
}

/* A surrounding in which a system call fails so: the program runs all the same, unless --strict. */
static void check_forbidden(int code, long number, const char *why)
{
	const char *errno_text = live_text("%d", code), *nr = live_text("%ld", number);
	const struct live_run *run;

	run = live_run(actor_path(), "forbid", errno_text, nr, getenv("INUSE_BIN"), "run", actor_path(), "listen", "127.0.0.1:8080",
		       "127.0.0.1:8080");
	if (run->status == 77)
		live_skip("no filter can be made here");
	live_complains(run, 0, "runs unsupervised: ", why);
	assert_ptr_equal(strchr(run->err, '\n'), run->err + strlen(run->err) - 1); /* that, and nothing else */
	assert_string_equal(run->out, "bind 127.0.0.1:8080 ok\nlisten 127.0.0.1:8080 ok\n"
				      "bind 127.0.0.1:8080 EADDRINUSE\nlisten 127.0.0.1:8080 ok\n");
	run = live_run(actor_path(), "forbid", errno_text, nr, getenv("INUSE_BIN"), "run", "--strict", "echo", "ran");
	live_complains(run, 3, "cannot be supervised: ", why);
	assert_string_equal(run->out, "");
}

static void test_run__profile_of_a_container_forbids_it__said(void **state)
{
	check_forbidden(EPERM, SYS_seccomp, "forbidden here, as by the profile of a container");
	check_forbidden(EPERM, SYS_process_vm_readv, "looking into the program is forbidden here");
	check_forbidden(EPERM, SYS_pidfd_getfd, "looking into the program is forbidden here");
	check_forbidden(EPERM, SYS_pidfd_open, "looking into the program is forbidden here");
}

static void test_run__kernel_lacks_it__said(void **state)
{
	check_forbidden(ENOSYS, SYS_seccomp, "this kernel cannot do it (Linux 5.9 or newer, with seccomp, is needed)");
	check_forbidden(ENOSYS, SYS_pidfd_getfd, "this kernel cannot do it (Linux 5.9 or newer, with seccomp, is needed)");
}

static void test_run__io_uring__said_once(void **state)
{
	const struct live_run *run = actor_same("uring");
	const char *first;

	live_complains(run, 0, "uses io_uring");
	run = live_inuse("run", "sh", "-c", live_text("%s uring; %s uring; true", actor_path(), actor_path()));
	first = strstr(run->err, "uses io_uring");
	assert_non_null(first);
	assert_null(strstr(first + 1, "uses io_uring"));
}

static void test_run__thirty_two_bits__said(void **state)
{
#if defined(__x86_64__)
	const struct live_run *bare = actor_bare("int80", "127.0.0.1:8080");

	if (bare->status != 0)
		live_skip("this kernel runs no 32-bit calls");
	live_complains(actor_same("int80", "127.0.0.1:8080"), 0, "32-bit");
#else
	live_skip("not on this processor");
#endif
}

static void test_run__supervisor_killed__program_goes_on(void **state)
{
	const char *flag = live_text("%s/flag", actor_dir);
	const struct live_run *run;
	pid_t pid;

	pid = live_start("run", actor_path(), "later", flag, "127.0.0.1:8080");
	live_expect(pid, "pid ");
	kill(pid, SIGKILL);
	/* the pipe of both is the same: it ends when the actor does */
	assert_int_equal(creat(flag, 0600) >= 0, 1);
	run = live_finish(pid, 0);
	assert_non_null(strstr(run->out, "bind 127.0.0.1:8080 ok\nlisten 127.0.0.1:8080 ok\n"));
}

static void need_tool(const char *path)
{
	if (access(path, X_OK) != 0)
		live_skip("%s is not installed", path);
}

static void test_run__program_inside_strace__works(void **state)
{
	need_tool("/usr/bin/strace");
	live_listener("127.0.0.1:8080", 0);
	live_complains(live_inuse("run", "strace", "-f", "-o", "/dev/null", actor_path(), "listen", "127.0.0.1:8080"), 0,
		       "inuse: actor", "bind 127.0.0.1:8080 failed");
}

static void test_run__program_inside_gdb__works(void **state)
{
	need_tool("/usr/bin/gdb");
	live_listener("127.0.0.1:8080", 0);
	live_complains(live_inuse("run", "gdb", "-batch", "-nx", "-ex", "run", "--args", actor_path(), "listen", "127.0.0.1:8080"), 0,
		       "inuse: actor", "bind 127.0.0.1:8080 failed");
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		live_test(test_run__signals_in_storms__no_spurious_error),
		live_test(test_run__processes_that_vanish_in_a_call__supervisor_goes_on),
		live_test(test_run__memory_that_vanishes__supervisor_goes_on),
		live_test(test_run__ten_thousand_sockets__all_good),
		live_test(test_run__many_children_at_once__all_good),
		live_test(test_run__child_that_dropped_root__has_no_low_port),
		live_test(test_run__capability_dropped__has_no_low_port),
		live_test(test_run__user_namespace_of_its_own__same_result),
		live_test(test_run__landlock__stays_in_force),
		live_test(test_run__process_that_hides__makes_its_calls_itself),
		live_test(test_run__process_that_hides_where_proc_does_not_show_it__the_same),
		folder_test(test_run__program_that_may_not_be_read__makes_its_calls_itself),
		folder_test(test_run__set_uid_program__said),
		live_test(test_run__nested__inner_one_says_so),
		live_test(test_run__profile_of_a_container_forbids_it__said),
		live_test(test_run__kernel_lacks_it__said),
		live_test(test_run__io_uring__said_once),
		live_test(test_run__thirty_two_bits__said),
		folder_test(test_run__supervisor_killed__program_goes_on),
		live_test(test_run__program_inside_strace__works),
		live_test(test_run__program_inside_gdb__works),
	};

	return LIVE_RUN("run_limits", tests);
}
