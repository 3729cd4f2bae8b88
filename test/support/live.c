/* SPDX-License-Identifier: MIT */
/* The frame of live tests: the namespace, its settings, skipping and failing, and tidying up. */
#include "support/live_private.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>

#include "host/settings.h"
#include "support/netns.h"

bool live_in_child;
static int fds[4096];
static size_t n_fds;
static void **kept;
static size_t n_kept;
static bool in_mount_namespace;

int live_keep_fd(int fd)
{
	if (n_fds == sizeof(fds) / sizeof(fds[0]))
		live_fail("too many descriptors in one live test");
	fds[n_fds++] = fd;
	return fd;
}

void live_close(int fd)
{
	for (size_t i = 0; i < n_fds; i++)
		if (fds[i] == fd)
			fds[i] = fds[--n_fds];
	if (close(fd) < 0)
		live_fail("close(%d): %s", fd, strerror(errno));
}

void live_close_all(void)
{
	while (n_fds > 0)
		close(fds[--n_fds]);
}

void *live_keep(void *memory)
{
	void **more = realloc(kept, (n_kept + 1) * sizeof(*kept));

	if (memory == NULL || more == NULL)
		live_fail("out of memory");
	kept = more;
	kept[n_kept++] = memory;
	return memory;
}

const char *live_text(const char *format, ...)
{
	char *text;
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&text, format, ap) < 0)
		text = NULL;
	va_end(ap);
	return live_keep(text);
}

int64_t live_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

bool live_again(int64_t deadline_ms)
{
	live_hear_children();
	nanosleep(&(struct timespec){0, 500000}, NULL);
	return live_now_ms() < deadline_ms;
}

void live_fail(const char *format, ...)
{
	va_list ap;

	fflush(stdout);
	fputs(live_in_child ? "live test, child: " : "live test: ", stderr);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputs("\n", stderr);
	fflush(stderr);
	if (live_in_child)
		_exit(99);
	fail();
	abort(); /* fail() does not return, but says so to nobody */
}

void live_skip(const char *format, ...)
{
	va_list ap;

	fputs("SKIP: ", stdout);
	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
	fputs("\n", stdout);
	fflush(stdout);
	skip();
}

bool live_write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	size_t len = strlen(text);
	bool ok = fd >= 0 && write(fd, text, len) == (ssize_t)len;
	int error = errno;

	if (fd >= 0)
		close(fd);
	errno = error;
	return ok;
}

bool live_read_file(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t at = 0;
	ssize_t n = -1;

	while (fd >= 0 && at + 1 < size && (n = read(fd, buf + at, size - 1 - at)) > 0)
		at += (size_t)n;
	buf[at] = 0;
	if (fd >= 0)
		close(fd);
	return fd >= 0 && n >= 0;
}

/* -------------------------------------------------------------------------------------- the surroundings */

const char *live_netns_enter(void)
{
	return netns_enter();
}

static void enter_mount_namespace(void)
{
	if (in_mount_namespace)
		return;
	if (unshare(CLONE_NEWNS) < 0)
		live_fail("no mount namespace: %s", strerror(errno));
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		live_skip("mounts cannot be made private here (a chroot?)");
	mkdir("/run/netns", 0755);
	if (mount("live", "/run/netns", "tmpfs", 0, "mode=755") < 0)
		live_fail("mount /run/netns: %s", strerror(errno));
	in_mount_namespace = true;
}

void live_netns_add(const char *name)
{
	const char *path = live_text("/run/netns/%s", name);
	int fd;
	pid_t pid;

	live_need_root();
	enter_mount_namespace();
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0444);
	if (fd < 0)
		live_fail("%s: %s", path, strerror(errno));
	close(fd);
	pid = LIVE_CHILD(if (live_netns_enter() != NULL) live_fail("no second namespace"));
	if (mount(live_text("/proc/%d/ns/net", pid), path, NULL, MS_BIND, NULL) < 0)
		live_fail("mount %s: %s", path, strerror(errno));
	live_kill(pid, SIGTERM);
}

bool live_hide_processes(void)
{
	return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("proc", "/proc", "proc", 0, "hidepid=invisible") == 0;
}

static void leave_names(void)
{
	if (!in_mount_namespace)
		return;
	umount2("/run/netns", MNT_DETACH);
	if (mount("live", "/run/netns", "tmpfs", 0, "mode=755") < 0)
		abort();
}

static const char *setting_path(const char *name)
{
	const char *path = live_text("/proc/sys/%s", name);

	for (char *s = strchr(path + 10, '.'); s != NULL; s = strchr(s, '.'))
		*s = '/';
	return path;
}

void live_sysctl(const char *name, const char *value)
{
	if (!live_write_file(setting_path(name), value))
		live_fail("setting %s to %s: %s", name, value, strerror(errno));
}

bool live_kernel_before(unsigned major, unsigned minor)
{
	struct utsname name;

	if (uname(&name) != 0)
		live_fail("uname: %s", strerror(errno));
	return iu_kernel_from_release(name.release) < IU_KERNEL(major, minor);
}

const char *live_sysctl_get(const char *name)
{
	char value[256];

	if (!live_read_file(setting_path(name), value, sizeof(value)))
		live_fail("reading %s: %s", name, strerror(errno));
	value[strcspn(value, "\n")] = 0;
	return live_text("%s", value);
}

void live_ip(const char *words)
{
	const char *argv[32] = {"ip"};
	char *rest = (char *)live_text("%s", words), *word;
	const struct live_run *run;

	for (size_t n = 1; n < 31 && (word = strtok_r(rest, " ", &rest)) != NULL; n++)
		argv[n] = word;
	run = live_run_any(argv);
	if (run->status == 127)
		live_skip("ip(8) is not installed");
	if (run->status != 0)
		live_fail("%s: %s", run->line, run->err);
}

void live_device(const char *name, const char *addr)
{
	live_ip(live_text("link add %s type veth peer name %s-peer", name, name));
	live_ip(live_text("addr add %s dev %s nodad", addr, name));
	live_ip(live_text("link set %s up", name));
	live_ip(live_text("link set %s-peer up", name));
}

/* ------------------------------------------------------------------------------------------- the frame */

void live_own_signals(void)
{
	struct sigaction action;
	sigset_t none;

	for (int i = 1; i <= SIGRTMAX; i++)
		if (sigaction(i, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
			signal(i, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_IGN);
}

const char *live_begin(void)
{
	const char *reason;

	setvbuf(stdout, NULL, _IOLBF, 0);
	live_own_signals();
	live_guard();
	reason = live_netns_enter();
	if (reason != NULL)
		printf("SKIP: %s\n", reason);
	return reason;
}

int live_setup(void **state)
{
	const char *reason = live_netns_enter();

	if (reason != NULL)
		fprintf(stderr, "live test: %s\n", reason);
	return reason != NULL;
}

int live_teardown(void **state)
{
	live_end_children();
	live_close_all();
	leave_names();
	while (n_kept > 0)
		free(kept[--n_kept]);
	free(kept);
	kept = NULL;
	return 0;
}

void live_need_root(void)
{
	if (geteuid() != 0 || netns_is_in_user_namespace())
		live_skip("this needs root");
}

void live_need_ipv6(void)
{
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0)
		close(fd);
	if (fd < 0 || live_try_bind("[::1]:0", 0) != 0)
		live_skip("this machine has no IPv6");
}
