/* SPDX-License-Identifier: MIT */
/* Live tests: child processes that hold sockets, and programs with what they print. Every child is ended and reaped. */
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "support/live_private.h"

#define RUN_MS 60000

extern char **environ;

struct stream {
	int fd; /* -1 at the end of file */
	char *data;
	size_t len;
};

struct child {
	pid_t pid;
	int report;        /* from live_tell() and live_stay() */
	long told;
	bool has_told;
	struct stream out; /* of live_start() */
	const char *line;
	int status;
	bool reaped;
};

static struct child children[256];
static size_t n_children;
static int to_parent = -1;

static struct child *child_of(pid_t pid)
{
	for (size_t i = 0; i < n_children; i++)
		if (children[i].pid == pid)
			return &children[i];
	live_fail("process %d is not a child of this test", pid);
}

static struct child *add_child(void)
{
	if (n_children == sizeof(children) / sizeof(children[0]))
		live_fail("too many children in one live test");
	children[n_children] = (struct child){.report = -1, .out.fd = -1};
	return &children[n_children++];
}

static void reap(struct child *child)
{
	int status = 0;

	while (!child->reaped && waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!child->reaped)
		child->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	child->reaped = true;
}

static void end_child(struct child *child, int signal)
{
	if (!child->reaped) {
		kill(child->pid, signal);
		if (signal != SIGKILL)
			kill(child->pid, SIGCONT); /* a stopped process ends only when it runs */
	}
	reap(child);
}

void live_end_children(void)
{
	for (size_t i = 0; i < n_children; i++) {
		end_child(&children[i], SIGKILL);
		if (children[i].report >= 0)
			close(children[i].report);
		if (children[i].out.fd >= 0)
			close(children[i].out.fd);
		free(children[i].out.data);
	}
	n_children = 0;
}

void live_kill(pid_t pid, int signal)
{
	end_child(child_of(pid), signal);
}

void live_suspend(pid_t pid)
{
	int status;

	kill(child_of(pid)->pid, SIGSTOP);
	if (waitpid(pid, &status, WUNTRACED) != pid || !WIFSTOPPED(status))
		live_fail("process %d does not stop", pid);
}

static void become(int uid)
{
	gid_t gid = LIVE_NOBODY;

	if (uid < 0)
		return;
	if (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 ||
	    setresuid((uid_t)uid, (uid_t)uid, (uid_t)uid) < 0)
		live_fail("becoming user %d: %s", uid, strerror(errno));
	prctl(PR_SET_DUMPABLE, 1); /* lost with the old identity; its own user could read any process of his */
}

/* In a new child: dies with the parent, keeps of the signals only what is usual. */
static void begin_child(pid_t parent)
{
	live_in_child = true;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(98);
	signal(SIGPIPE, SIG_DFL);
}

pid_t live_fork(bool inherits, int uid)
{
	pid_t parent = getpid(), pid;
	struct child *child;
	int ends[2];

	if (uid >= 0)
		live_need_root();
	child = add_child();
	fflush(NULL);
	if (pipe2(ends, O_CLOEXEC) < 0 || (pid = fork()) < 0)
		live_fail("fork: %s", strerror(errno));
	if (pid == 0) {
		begin_child(parent);
		close(ends[0]);
		to_parent = ends[1];
		if (!inherits)
			live_close_all();
		become(uid);
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* lost with the old identity */
		n_children = 0;
		return 0;
	}
	close(ends[1]);
	child->pid = pid;
	child->report = ends[0];
	return pid;
}

void live_tell(long number)
{
	if (write(to_parent, &number, sizeof(number)) != sizeof(number))
		_exit(97);
}

void live_stay(void)
{
	live_tell(LONG_MIN);
	for (;;)
		pause();
}

static long hear(struct child *child)
{
	struct pollfd pfd = {child->report, POLLIN, 0};
	long number;

	if (poll(&pfd, 1, LIVE_PATIENCE_MS) != 1)
		live_fail("child %d says nothing", child->pid);
	if (read(child->report, &number, sizeof(number)) != sizeof(number)) {
		reap(child);
		live_fail("child %d ended with status %d before it was ready", child->pid, child->status);
	}
	return number;
}

void live_await(pid_t pid)
{
	struct child *child = child_of(pid);
	long number;

	while ((number = hear(child)) != LONG_MIN) {
		child->told = number;
		child->has_told = true;
	}
}

long live_heard(pid_t pid)
{
	const struct child *child = child_of(pid);

	if (!child->has_told)
		live_fail("child %d told nothing", pid);
	return child->told;
}

/* ------------------------------------------------------------------------------------------------ programs */

/* Reads what is there; false at the end of file. */
static bool drain(struct stream *s)
{
	char *more = realloc(s->data, s->len + 65536 + 1);
	ssize_t n;

	if (more == NULL)
		live_fail("out of memory");
	s->data = more;
	n = read(s->fd, s->data + s->len, 65536);
	if (n > 0)
		s->len += (size_t)n;
	s->data[s->len] = 0;
	if (n > 0 || (n < 0 && errno == EINTR))
		return true;
	close(s->fd);
	s->fd = -1;
	return false;
}

void live_hear_children(void)
{
	for (size_t i = 0; i < n_children && !live_in_child; i++) {
		struct pollfd pfd = {children[i].out.fd, POLLIN, 0};

		if (pfd.fd >= 0 && poll(&pfd, 1, 0) == 1)
			drain(&children[i].out);
	}
}

/* Reads up to two streams to their end, or until `text` is in the first. False when the time is over. */
static bool collect(struct stream *a, struct stream *b, const char *text, int64_t deadline)
{
	while (a->fd >= 0 || (b != NULL && b->fd >= 0)) {
		struct pollfd pfds[2] = {{a->fd, POLLIN, 0}, {b ? b->fd : -1, POLLIN, 0}};
		int64_t left = deadline - live_now_ms();

		if (text != NULL && a->data != NULL && strstr(a->data, text) != NULL)
			return true;
		if (left <= 0 || poll(pfds, 2, (int)left) == 0)
			return false;
		if (pfds[0].revents != 0)
			drain(a);
		if (b != NULL && pfds[1].revents != 0)
			drain(b);
	}
	return text == NULL || (a->data != NULL && strstr(a->data, text) != NULL);
}

static const char *line_of(const char *const *argv)
{
	const char *line = argv[0];

	for (size_t i = 1; argv[i] != NULL; i++)
		line = live_text("%s %s", line, argv[i]);
	return line;
}

/* bin: a descriptor to execute, so that a user who may not enter its directory can run it, or -1 for a PATH search. */
static void execute(int bin, const char *const *argv, const int fds[2], int uid)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	setenv("LC_ALL", "C", 1);
	setenv("NO_COLOR", "1", 1);
	if (dup2(null, 0) < 0 || dup2(fds[0], 1) < 0 || dup2(fds[1], 2) < 0)
		_exit(126);
	become(uid);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (bin >= 0)
		fexecve(bin, (char *const *)argv, environ);
	else
		execvp(argv[0], (char *const *)argv);
	_exit(127);
}

const char *live_inuse_path(void)
{
	const char *path = getenv("INUSE_BIN");

	if (path == NULL)
		live_fail("INUSE_BIN does not name the built program");
	return path;
}

static int inuse_binary(void)
{
	int fd = open(live_inuse_path(), O_PATH | O_CLOEXEC);

	if (fd < 0)
		live_fail("%s: %s", live_inuse_path(), strerror(errno));
	return live_keep_fd(fd);
}

/* Forks and executes; the two descriptors become stdout and stderr of it and are closed here. */
static pid_t launch(int bin, const char *const *argv, int fds[2], int uid)
{
	pid_t parent = getpid(), pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0)
		live_fail("fork: %s", strerror(errno));
	if (pid == 0) {
		begin_child(parent);
		execute(bin, argv, fds, uid);
	}
	close(fds[0]);
	if (fds[1] != fds[0])
		close(fds[1]);
	return pid;
}

static void open_pipe(int *ret_read, int *ret_write)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		live_fail("pipe: %s", strerror(errno));
	*ret_read = ends[0];
	*ret_write = ends[1];
}

static const struct live_run *run_to_end(int bin, const char *const *argv, int uid)
{
	struct live_run *run = live_keep(calloc(1, sizeof(*run)));
	struct stream out = {0}, err = {0};
	struct child *child = add_child();
	int fds[2];
	bool ended;

	run->line = line_of(argv);
	open_pipe(&out.fd, &fds[0]);
	open_pipe(&err.fd, &fds[1]);
	child->pid = launch(bin, argv, fds, uid);
	ended = collect(&out, &err, NULL, live_now_ms() + RUN_MS);
	run->out = out.data != NULL ? live_keep(out.data) : "";
	run->err = err.data != NULL ? live_keep(err.data) : "";
	end_child(child, ended ? 0 : SIGKILL);
	run->status = child->status;
	n_children--;
	if (!ended)
		live_fail("%s does not end; so far:\n%s%s", run->line, run->out, run->err);
	return run;
}

const struct live_run *live_run_inuse(int uid, const char *const *argv)
{
	if (uid >= 0)
		live_need_root();
	return run_to_end(inuse_binary(), argv, uid);
}

const struct live_run *live_run_any(const char *const *argv)
{
	return run_to_end(-1, argv, -1);
}

static pid_t start(int bin, const char *const *argv, int uid)
{
	struct child *child = add_child();
	int fds[2];

	child->line = line_of(argv);
	open_pipe(&child->out.fd, &fds[0]);
	fds[1] = fds[0];
	child->pid = launch(bin, argv, fds, uid);
	return child->pid;
}

pid_t live_start_inuse(int uid, const char *const *argv)
{
	if (uid >= 0)
		live_need_root();
	return start(inuse_binary(), argv, uid);
}

pid_t live_start_any(const char *const *argv)
{
	return start(-1, argv, -1);
}

void live_expect(pid_t pid, const char *text)
{
	struct child *child = child_of(pid);

	if (!collect(&child->out, NULL, text, live_now_ms() + LIVE_PATIENCE_MS))
		live_fail("%s does not print \"%s\"; so far:\n%s", child->line, text,
			  child->out.data ? child->out.data : "");
}

const struct live_run *live_finish(pid_t pid, int signal)
{
	struct live_run *run = live_keep(calloc(1, sizeof(*run)));
	struct child *child = child_of(pid);

	if (signal != 0)
		kill(pid, signal);
	if (!collect(&child->out, NULL, NULL, live_now_ms() + LIVE_PATIENCE_MS)) {
		end_child(child, SIGKILL);
		live_fail("%s does not end; so far:\n%s", child->line, child->out.data ? child->out.data : "");
	}
	reap(child);
	run->line = child->line;
	run->status = child->status;
	run->out = live_text("%s", child->out.data ? child->out.data : "");
	run->err = "";
	return run;
}

static void disagree(const struct live_run *run, const char *what, const char *file, int line)
{
	live_fail("%s:%d: %s\n$ %s   (status %d)\n%s%s%s", file, line, what, run->line, run->status, run->out,
		  run->err[0] ? "--- stderr\n" : "", run->err);
}

static void check(const struct live_run *run, int status, const char *in, const char *const *texts, const char *file,
		  int line)
{
	if (run->status != status)
		disagree(run, live_text("exit status %d instead of %d", run->status, status), file, line);
	for (size_t i = 0; texts[i] != NULL; i++)
		if (strstr(in, texts[i]) == NULL)
			disagree(run, live_text("\"%s\" is missing", texts[i]), file, line);
}

void live_check_says(const struct live_run *run, int status, const char *const *texts, const char *file, int line)
{
	check(run, status, run->out, texts, file, line);
}

void live_check_complains(const struct live_run *run, int status, const char *const *texts, const char *file, int line)
{
	check(run, status, run->err, texts, file, line);
}

void live_check_says_not(const struct live_run *run, const char *const *texts, const char *file, int line)
{
	for (size_t i = 0; texts[i] != NULL; i++)
		if (strstr(run->out, texts[i]) != NULL || strstr(run->err, texts[i]) != NULL)
			disagree(run, live_text("\"%s\" should not be there", texts[i]), file, line);
}
