/* SPDX-License-Identifier: MIT */
/* inuse run --hold under systemd itself: a manager of our own, in namespaces of its own, with nothing but our units. */
#include <stdlib.h>

#include "support/holder.h"

#define SYSTEMD "/lib/systemd/systemd"

/* In a control group of its own, which systemd takes for the root of all. $3: what to do in there. */
static const char outside[] =
	"cd $1; for top in /sys/fs/cgroup /sys/fs/cgroup/unified; do [ -w $top/cgroup.procs ] && mkdir $top/$2 && echo $top/$2 >group && break; done\n"
	"[ -s group ] && echo $$ >$(cat group)/cgroup.procs || exit 77\n"
	"exec unshare --cgroup --mount --pid --uts --ipc --fork --kill-child sh -c \"$3\"\n";

static const char inside[] =
	"set -e; mount -t proc proc /proc; mount --bind /proc/sys /proc/sys; mount -o remount,ro,bind /proc/sys\n"
	"mount -t cgroup2 none /sys/fs/cgroup; mount -t tmpfs tmpfs /run; mkdir -p /run/systemd/system /run/lock\n"
	"cp only.target web.* /run/systemd/system\n"
	"exec env -i PATH=\"$PATH\" container=inuse-test " SYSTEMD " --system --unit=only.target --log-target=console --show-status=no\n";

static const char *manager; /* the process that is systemd */

#define SYSTEMCTL(...) live_run("nsenter", "-t", manager, "-m", "-p", "systemctl", "--no-pager", __VA_ARGS__)

static const char *group_name(void)
{
	return live_text("inuse-systemd-%d", getpid());
}

static int leave_group(void **state)
{
	char group[256] = "";

	live_end_children();
	live_read_file(live_text("%s/group", actor_dir), group, sizeof(group));
	/* those who were in it end a moment after the first of them */
	if (group[0] == '/')
		live_run("sh", "-c", live_text("for i in $(seq 100); do find %.*s -depth -type d -exec rmdir {} + 2>/dev/null; [ -d %.*s ] || break; sleep 0.1; done",
					       (int)strcspn(group, "\n"), group, (int)strcspn(group, "\n"), group));
	return actor_out_of_folder(state);
}

static void boot(void)
{
	int64_t deadline = live_now_ms() + LIVE_PATIENCE_MS;
	pid_t pid;

	live_need_root();
	actor_need("nsenter");
	if (access(SYSTEMD, X_OK) != 0)
		live_skip("systemd is not installed");
	actor_write("outside", outside);
	actor_write("inside", inside);
	actor_write("only.target", "[Unit]\nDefaultDependencies=no\n");
	if (live_run("sh", live_text("%s/outside", actor_dir), actor_dir, live_text("%s-check", group_name()), "true")->status != 0)
		live_skip("no manager can be started here");
	live_run("sh", "-c", live_text("cd %s; rmdir $(cat group); rm group", actor_dir));
	pid = live_start_any((const char *const[]){"sh", live_text("%s/outside", actor_dir), actor_dir, group_name(), ". ./inside", NULL});
	for (;;) {
		const char *child = live_run("pgrep", "-P", live_text("%d", pid))->out;

		manager = live_text("%.*s", (int)strcspn(child, "\n"), child);
		if (manager[0] != 0 && SYSTEMCTL("is-active", "only.target")->status == 0)
			return;
		if (!live_again(deadline))
			live_fail("systemd does not start: %s", live_finish(pid, SIGKILL)->out);
	}
}

/* A service: the script under inuse run --hold. */
static void write_service(const char *script)
{
	actor_write("script.py", live_text("%s%s", holder_prelude, script));
	actor_write("web.service", live_text("[Unit]\nDefaultDependencies=no\n[Service]\nType=notify\nExecReload=/bin/kill -USR2 $MAINPID\n"
					     "ExecStart=%s run --hold %s %s/script.py %s\n",
					     live_inuse_path(), actor_python(), actor_dir, actor_dir));
}

/* Reloads it, and comes back when that start serves. */
static void reload(int number)
{
	int64_t deadline = live_now_ms() + LIVE_PATIENCE_MS;

	holder_await_served(10);
	live_says(SYSTEMCTL("reload", "web.service"), 0, "");
	while (holder_ask(ADDR) != number || SYSTEMCTL("is-active", "web.service")->status != 0)
		if (!live_again(deadline))
			live_fail("start %d does not serve", number);
}

static void test_systemd__notify_service__reload_refuses_nobody(void **state)
{
	const char *main_pid;

	write_service("time.sleep(0.5); s = listen(); serve(s)");
	boot();
	live_says(SYSTEMCTL("start", "web.service"), 0, "");
	assert_int_equal(holder_ask(ADDR), 1); /* Type=notify: it listens when start comes back */
	main_pid = SYSTEMCTL("show", "-P", "MainPID", "web.service")->out;
	holder_begin_crowd(ADDR, 3);
	for (int i = 2; i <= 4; i++)
		reload(i);
	holder_await_served(10);
	holder_end_crowd(0);
	assert_string_equal(SYSTEMCTL("show", "-P", "MainPID", "web.service")->out, main_pid);
	assert_string_equal(SYSTEMCTL("show", "-P", "NRestarts", "web.service")->out, "0\n");
	live_says(SYSTEMCTL("stop", "web.service"), 0, "");
	live_says(SYSTEMCTL("show", "-P", "Result", "web.service"), 0, "success");
	assert_int_equal(live_count(8080, 0, INUSE_LISTEN), 0);
}

static void test_systemd__socket_unit__restart_of_inuse_itself_refuses_nobody(void **state)
{
	write_service("s = listen(); serve(s)"); /* knows nothing of sockets handed over */
	actor_write("web.socket", "[Unit]\nDefaultDependencies=no\n[Socket]\nListenStream=127.0.0.1:8080\n");
	boot();
	live_says(SYSTEMCTL("start", "web.socket"), 0, "");
	assert_int_equal(holder_ask(ADDR), 1); /* which starts it */
	holder_begin_crowd(ADDR, 3);
	reload(2);
	holder_await_served(10);
	live_says(SYSTEMCTL("restart", "web.service"), 0, "");
	assert_int_equal(holder_ask(ADDR), 3);
	reload(4);
	holder_await_served(10);
	holder_end_crowd(0);
	live_says(SYSTEMCTL("stop", "web.socket", "web.service"), 0, "");
	assert_int_equal(live_count(8080, 0, INUSE_LISTEN), 0);
}

/* A program of systemd's that needs no manager. */
static void test_systemd__socket_activate__reaches_every_start(void **state)
{
	pid_t pid;

	actor_need("systemd-socket-activate");
	pid = live_start_any((const char *const[]){"systemd-socket-activate", "-l", ADDR, live_inuse_path(), "run", "--hold", actor_python(), "-c",
						   live_text("%ss = socket(fileno=3); up(os.environ['LISTEN_FDS']); serve(s)", holder_prelude),
						   actor_dir, NULL});
	live_wait(8080, 0, INUSE_LISTEN);
	assert_int_equal(holder_ask(ADDR), 1);
	live_expect(pid, "up 1 1");
	holder_begin_crowd(ADDR, 3);
	for (int i = 2; i <= 4; i++) {
		holder_await_served(10);
		live_says(live_inuse("restart", "8080"), 0, "listens again");
		live_expect(pid, live_text("up %d 1", i));
	}
	holder_await_served(10);
	holder_end_crowd(0);
	holder_end(pid);
}

#define systemd_test(fn) cmocka_unit_test_setup_teardown(fn, actor_in_folder, leave_group)

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		systemd_test(test_systemd__notify_service__reload_refuses_nobody),
		systemd_test(test_systemd__socket_unit__restart_of_inuse_itself_refuses_nobody),
		folder_test(test_systemd__socket_activate__reaches_every_start),
	};

	return LIVE_RUN("systemd", tests);
}
