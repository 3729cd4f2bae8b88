/* SPDX-License-Identifier: MIT */
/*
 * Yama: what inuse run, and the eyes of an ordinary user, do when the system says who may look into whom.
 *
 * kernel.yama.ptrace_scope is a setting of the whole machine, and 3 cannot be taken back: these tests are for a machine
 * that is made for them and thrown away (tools/kernels), in the order in which they stand.
 */
#include <stdlib.h>

#include "support/actor.h"

#define ADDR "127.0.0.1:8080"
#define SCOPE "/proc/sys/kernel/yama/ptrace_scope"
#define ROOT (-1)

static void set_scope(const char *level)
{
	if (getenv("INUSE_OWN_KERNEL") == NULL)
		live_skip("changes a setting of the whole machine for good; tools/kernels runs it on one of its own");
	live_need_root();
	if (access(SCOPE, F_OK) != 0)
		live_skip("this kernel has no Yama");
	live_sysctl("kernel.yama.ptrace_scope", level);
	assert_string_equal(live_sysctl_get("kernel.yama.ptrace_scope"), level);
}

/* The program's second bind fails as it would have, and that is explained: so its calls are seen. A cure works, too. */
static void supervises(int uid)
{
	const struct live_run *run = live_inuse_as(uid, "run", actor_path(), "listen", ADDR, ADDR);

	live_complains(run, 0, "bind " ADDR " failed");
	live_says_not(run, "unsupervised");
	assert_string_equal(run->out, actor_bare("listen", ADDR, ADDR)->out);
	assert_string_equal(live_inuse_as(uid, "run", "true")->err, "");
	live_says(live_inuse_as(uid, "run", "--fix=reuseaddr", "--strict", actor_path(), "flags", ADDR), 0, "reuseaddr 1");
}

/* The same of a process that has left its parents: its looked-into ancestor is gone. */
static void supervises_orphans(int uid)
{
	const struct live_run *run = live_inuse_as(uid, "run", actor_path(), "fork", ADDR);

	live_complains(run, 0, "bind " ADDR " failed");
	live_says_not(run, "may not be looked into", "unsupervised");
}

/* The program runs all the same, and that nobody watches is said once, with the reason; with --strict it does not run. */
static void gives_up(int uid, const char *why)
{
	const struct live_run *run = live_inuse_as(uid, "run", actor_path(), "listen", ADDR, ADDR);

	live_complains(run, 0, "runs unsupervised: ", why);
	live_says_not(run, "failed");
	assert_string_equal(run->out, actor_bare("listen", ADDR, ADDR)->out);
	assert_null(strstr(strstr(run->err, "unsupervised") + 1, "unsupervised"));
	assert_int_equal(live_inuse_as(uid, "run", "sh", "-c", "exit 7")->status, 7);
	run = live_inuse_as(uid, "run", "--strict", "echo", "ran");
	live_complains(run, 3, "cannot be supervised: ", why);
	assert_string_equal(run->out, "");
}

static void test_yama__0__everybody_supervises(void **state)
{
	set_scope("0");
	supervises(ROOT);
	supervises(LIVE_NOBODY);
	supervises_orphans(ROOT);
	supervises_orphans(LIVE_NOBODY);
}

static void test_yama__1__everybody_supervises_what_descends_from_him(void **state)
{
	set_scope("1");
	supervises(ROOT);
	supervises(LIVE_NOBODY);
	supervises_orphans(ROOT);
	supervises_orphans(LIVE_NOBODY);
}

/* An ordinary user reads the options of his own sockets as a debugger would, which Yama then forbids. */
static void users_own_flags(int status, const char *words)
{
	LIVE_CHILD_AS(LIVE_NOBODY, {
		struct live_connection c = live_connection(ADDR, LIVE_REUSEADDR, NULL, 0);

		live_close(c.listener);
	});
	live_says(live_inuse("8080"), 0, "FREE");
	live_says(live_inuse_as(LIVE_NOBODY, "8080"), status, words);
	assert_int_equal(live_try_bind(ADDR, LIVE_REUSEADDR), 0);
}

static void test_yama__0__users_own_flags_are_read(void **state)
{
	set_scope("0");
	users_own_flags(0, "FREE");
}

static void test_yama__1__users_own_flags_are_hidden__cannot_tell(void **state)
{
	set_scope("1");
	users_own_flags(3, "CANNOT TELL");
	live_says(live_inuse_as(LIVE_NOBODY, "--version"), 0, "ptrace_scope is 1");
}

static void test_yama__2__only_root_supervises(void **state)
{
	set_scope("2");
	supervises(ROOT);
	supervises_orphans(ROOT);
	gives_up(LIVE_NOBODY, "ptrace_scope is 2: only root");
	live_says(live_inuse_as(LIVE_NOBODY, "--version"), 0, "ptrace_scope is 2");
}

static void test_yama__3__nobody_supervises(void **state)
{
	set_scope("3");
	gives_up(ROOT, "ptrace_scope is 3: nobody");
	gives_up(LIVE_NOBODY, "ptrace_scope is 3: nobody");
	live_says(live_inuse_as(LIVE_NOBODY, "--version"), 0, "ptrace_scope is 3");
}

/* The bucket needs nobody's leave: root's answers are what they were. */
static void test_yama__3__verdict_of_root_stays(void **state)
{
	pid_t owner;

	set_scope("3");
	owner = LIVE_CHILD(live_listener(ADDR, LIVE_REUSEADDR));
	live_says(live_inuse("8080"), 1, "IN USE", live_text("pid %d", owner));
	live_says(live_inuse_as(LIVE_NOBODY, "8080"), 1, "IN USE");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		live_test(test_yama__0__everybody_supervises),
		live_test(test_yama__0__users_own_flags_are_read),
		live_test(test_yama__1__everybody_supervises_what_descends_from_him),
		live_test(test_yama__1__users_own_flags_are_hidden__cannot_tell),
		live_test(test_yama__2__only_root_supervises),
		live_test(test_yama__3__nobody_supervises),
		live_test(test_yama__3__verdict_of_root_stays),
	};

	return LIVE_RUN("yama", tests);
}
