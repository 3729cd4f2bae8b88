/* SPDX-License-Identifier: MIT */
/*
 * Starting the program.
 *
 * Theory of operation
 *
 * The child puts everything back as it was when inuse was started (signals, limits), loads the filter, and hands the
 * listener over. Then comes a rehearsal: it makes a bind that can only fail, and inuse sees whether it gets the
 * notification and may look into the child, as it must for every later call. Only then is it told to go on and execute
 * the program, or, if something is missing and the user insists (--strict), to end. What the child has to tell goes through a
 * socket that is closed by the exec.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/gettext.h"
#include "supervise/notify.h"

/* Longer than a loaded machine takes to get to the child. */
#define REHEARSAL_MS 10000

enum tiding { FILTER_LOADED, FILTER_REFUSED, EXEC_FAILED };

struct report {
	enum tiding tiding;
	int os_code;
	bool no_new_privs, interruptible;
};

/* --------------------------------------------------------------------------------- in the child */

static void send_report(int channel, const struct report *report, int fd)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec part = {(void *)report, sizeof(*report)};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

	if (fd >= 0) {
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(&control.align), &fd, sizeof(fd));
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
	}
	while (sendmsg(channel, &message, MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
}

/* Variables that name the process they are meant for: they were for the one that inuse is. */
static void rename_process(const char *name)
{
	char own[16], parent[16];
	const char *value = getenv(name);

	snprintf(parent, sizeof(parent), "%d", getppid());
	snprintf(own, sizeof(own), "%d", getpid());
	if (value != NULL && strcmp(value, parent) == 0)
		setenv(name, own, 1);
}

static void load_filter(const struct iu_supervisor *s, int channel)
{
	struct iu_seccomp_loaded loaded;
	struct report report = {FILTER_REFUSED, 0, false, false};

	if (s->filter.n == 0)
		return;
	if (iu_seccomp_load(&s->filter, &loaded, &report.os_code)) {
		report = (struct report){FILTER_LOADED, 0, loaded.no_new_privs, loaded.interruptible};
		send_report(channel, &report, loaded.listener);
		close(loaded.listener);
		(void)bind(-1, NULL, 0); /* the rehearsal: that the supervisor hears of it is all that matters */
	} else {
		send_report(channel, &report, -1);
	}
}

static _Noreturn void become_program(struct iu_supervisor *s, int channel)
{
	struct report report = {EXEC_FAILED, 0, false, false};
	char go = 0;

	load_filter(s, channel);
	if (recv(channel, &go, 1, 0) != 1 || go == 0)
		_exit(IU_RUN_UNABLE);
	setrlimit(RLIMIT_NOFILE, &s->files);
	for (int i = 0; i < 2; i++)
		if (s->std[i] >= 0)
			dup2(s->std[i], i);
	rename_process("LISTEN_PID");
	rename_process("WATCHDOG_PID");
	unsetenv("LISTEN_PIDFDID"); /* systemd 258: names the process as well */
	iu_notify_in_child(s);
	iu_signals_restore(&s->signals);
	execvp(s->o->argv[0], s->o->argv);
	report.os_code = errno;
	send_report(channel, &report, -1);
	_exit(report.os_code == ENOENT ? IU_RUN_NOT_FOUND : IU_RUN_NOT_EXECUTABLE);
}

/* --------------------------------------------------------------------------------- in the supervisor */

/* False: the child has ended or executed. */
static bool read_report(int channel, struct report *ret, int *ret_fd)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec part = {ret, sizeof(*ret)};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(channel, &message, MSG_CMSG_CLOEXEC);
	struct cmsghdr *c;

	*ret_fd = -1;
	if (n != sizeof(*ret))
		return false;
	c = CMSG_FIRSTHDR(&message);
	if (c != NULL && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(ret_fd, CMSG_DATA(c), sizeof(int));
	return true;
}

const char *iu_spawn_refusal(int os_code)
{
	switch (os_code) {
	case EBUSY:
		return _("another supervisor is here already (inuse run inside inuse run, or a container's own)");
	case ENOSYS:
	case EINVAL:
		return _("this kernel cannot do it (Linux 5.9 or newer, with seccomp, is needed)");
	case EPERM:
	case EACCES:
		return _("it is forbidden here, as by the profile of a container");
	default:
		return strerror(os_code);
	}
}

static const char *obstacle(enum iu_reach reach)
{
	char text[16];
	long level = iu_read_small("/proc/sys/kernel/yama/ptrace_scope", text, sizeof(text)) > 0 ? strtol(text, NULL, 10) : 0;

	if (access("/proc/self/status", R_OK) != 0)
		return _("/proc is not mounted");
	if (reach == IU_REACH_DENIED && level >= 3)
		return _("kernel.yama.ptrace_scope is 3: nobody may look into a program, root included");
	if (reach == IU_REACH_DENIED && level == 2)
		return _("kernel.yama.ptrace_scope is 2: only root may look into a program");
	if (reach == IU_REACH_DENIED || reach == IU_REACH_RIGHTS)
		return _("looking into the program is forbidden here, as by the profile of a container");
	return _("this kernel cannot do it (Linux 5.9 or newer, with seccomp, is needed)");
}

/* The child waits in its first trapped call: whatever later calls need is tried on it. */
static enum iu_reach rehearse(struct iu_supervisor *s, int listener, int32_t child)
{
	struct pollfd pfd = {.fd = listener, .events = POLLIN};
	enum iu_reach reach = IU_REACH_UNABLE;
	struct iu_notice notice;
	struct iu_caller caller;
	char byte = 0;
	int fd;

	if (poll(&pfd, 1, REHEARSAL_MS) != 1 || iu_seccomp_receive(listener, &notice) != IU_RECEIVED)
		return IU_REACH_UNABLE;
	if (notice.tid == child)
		reach = iu_caller_look(&s->rights, child, &caller);
	if (reach == IU_REACH_OK)
		reach = iu_caller_memory(&caller, (uint64_t)(uintptr_t)&s->o, &byte, 1);
	if (reach == IU_REACH_OK) {
		reach = iu_caller_fd(&caller, STDERR_FILENO, &fd);
		if (reach == IU_REACH_OK)
			close(fd);
		if (reach == IU_REACH_GONE)
			reach = IU_REACH_OK; /* started without stderr */
	}
	iu_seccomp_let_go(listener, notice.id);
	return reach;
}

/* False: it must not run. */
static bool unsupervised(struct iu_supervisor *s, const char *why)
{
	if (s->o->strict) {
		fprintf(stderr, _("inuse run: %s cannot be supervised: %s\n"), s->o->argv[0], why);
		s->exit_status = IU_RUN_UNABLE;
		return false;
	}
	iu_voice_say(&s->voice, _("%s runs unsupervised: %s"), s->o->argv[0], why);
	iu_voice_event(&s->voice, "unsupervised", json_pack("{s:s}", "text", why));
	return true;
}

/* Takes the listener over, or says why there is none. False: the program must not run. */
static bool settle(struct iu_supervisor *s, struct iu_generation *g)
{
	struct report report = {0};
	enum iu_reach reach;
	int listener;

	if (s->filter.n == 0)
		return true;
	if (!read_report(g->report, &report, &listener))
		return unsupervised(s, _("the child process ended early"));
	if (report.tiding != FILTER_LOADED || listener < 0)
		return unsupervised(s, iu_spawn_refusal(report.os_code));
	g->listener = listener;
	g->watched = iu_guard_watch(&s->guard, listener);
	iu_seccomp_hurry(listener);
	reach = rehearse(s, listener, g->pid);
	if (report.interruptible)
		iu_voice_note(&s->voice, IU_NOTE_OLD_KERNEL, s->o->argv[0], g->pid);
	/* the filter is there to stay; what waits is let go one by one */
	g->blind = reach != IU_REACH_OK;
	return !g->blind || unsupervised(s, obstacle(reach));
}

void iu_generation_read_report(struct iu_generation *g)
{
	struct report report = {0};
	int fd;

	if (g->report < 0)
		return;
	if (read_report(g->report, &report, &fd) && report.tiding == EXEC_FAILED)
		g->exec_os_code = report.os_code;
	if (fd >= 0)
		close(fd);
	uv_close((uv_handle_t *)&g->report_poll, iu_generation_on_closed);
	close(g->report);
	g->report = -1;
}

static void on_report(uv_poll_t *poll, int status, int events)
{
	iu_generation_read_report(poll->data);
}

static void watch(struct iu_supervisor *s, struct iu_generation *g)
{
	g->poll.data = g->report_poll.data = g;
	if (g->listener >= 0 && uv_poll_init(&s->loop, &g->poll, g->listener) == 0) {
		g->handles++;
		uv_poll_start(&g->poll, UV_READABLE, iu_trap_ready);
	}
	if (uv_poll_init(&s->loop, &g->report_poll, g->report) == 0) {
		g->handles++;
		uv_poll_start(&g->report_poll, UV_READABLE | UV_DISCONNECT, on_report);
	}
}

bool iu_spawn(struct iu_supervisor *s, struct iu_generation **ret_generation)
{
	struct iu_generation *g = calloc(1, sizeof(*g));
	int ends[2] = {-1, -1};
	char go;

	if (g != NULL && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0)
		g->pid = fork();
	if (g != NULL && ends[0] >= 0 && g->pid == 0)
		become_program(s, ends[1]);
	if (ends[1] >= 0)
		close(ends[1]);
	if (g == NULL || ends[0] < 0 || g->pid < 0) {
		fprintf(stderr, _("inuse run: %s cannot be started: %s\n"), s->o->argv[0], strerror(errno));
		s->exit_status = IU_RUN_UNABLE;
		if (ends[0] >= 0)
			close(ends[0]);
		free(g);
		return false;
	}
	g->s = s;
	g->listener = -1;
	g->report = ends[0];
	g->number = ++s->n_generations;
	g->started_ticks = iu_status_started(g->pid);
	g->started_ms = uv_now(&s->loop);
	g->next = s->generations;
	s->generations = g;
	go = settle(s, g);
	send(g->report, &go, 1, MSG_NOSIGNAL);
	watch(s, g);
	*ret_generation = g;
	return go;
}
