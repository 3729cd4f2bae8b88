/* SPDX-License-Identifier: MIT */
/* inuse run: sets the supervisor up, lets it work, and ends as the program has ended. */
#include "supervise/run.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/gettext.h"
#include "supervise/control.h"
#include "supervise/generation.h"
#include "supervise/hold.h"
#include "supervise/notify.h"
#include "supervise/thread.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

#define FLUSH_MS 200
/* Beyond the descriptors that were handed to inuse. */
#define STD_FLOOR 10
#define OWN_FILES 1024
#define STATUS_USAGE 2

static uint64_t own_netns_cookie(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &len) != 0)
		cookie = 0;
	if (fd >= 0)
		close(fd);
	return cookie;
}

/* Duplicates of sockets need room; the program gets the limit as it was. */
static void raise_limit(struct iu_supervisor *s)
{
	struct rlimit most;

	if (getrlimit(RLIMIT_NOFILE, &s->files) != 0)
		return;
	most = s->files;
	most.rlim_cur = most.rlim_max;
	setrlimit(RLIMIT_NOFILE, &most);
	/* who may go beyond it has room for all that one program can have, and for what inuse itself needs */
	if (most.rlim_max < RLIM_INFINITY / 2) {
		most.rlim_cur = most.rlim_max += most.rlim_max < OWN_FILES ? most.rlim_max : OWN_FILES;
		setrlimit(RLIMIT_NOFILE, &most);
	}
}

/* The kernel's answers decide later; without a filter the program runs unsupervised, or not at all. */
static bool prepare_filter(struct iu_supervisor *s)
{
	struct inuse_error error = {0};
	int32_t pid;
	unsigned wishes = s->o->connect ? IU_TRAP_CONNECT : 0;

	/* where they cannot be read, the rehearsal fails as well, and says so */
	iu_thread_rights(getpid(), NULL, &pid, &s->rights);
	/* who may not load a filter otherwise takes set-uid programs their effect by it */
	if (!iu_rights_have(&s->rights, IU_CAP_SYS_ADMIN) && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0)
		wishes |= IU_TRAP_EXEC;
	if (s->o->hold)
		wishes |= IU_TRAP_HOLD;
	if (iu_seccomp_prepare() && iu_seccomp_build(wishes, &s->filter, &error) == INUSE_OK)
		return true;
	if (error.status == 0)
		snprintf(error.text, sizeof(error.text), "%s", iu_spawn_refusal(errno));
	if (s->o->strict) {
		fprintf(stderr, _("inuse run: %s cannot be supervised: %s\n"), s->o->argv[0], error.text);
		return false;
	}
	iu_voice_say(&s->voice, _("%s runs unsupervised: %s"), s->o->argv[0], error.text);
	return true;
}

static void on_flush(uv_timer_t *timer)
{
	struct iu_supervisor *s = timer->data;
	bool told = iu_outlet_flush(&s->voice.err), written = iu_outlet_flush(&s->voice.events);

	if (told && written)
		uv_timer_stop(timer);
}

/* Before the loop sleeps: only as long as there are words that found no room is it woken by the clock. */
static void on_prepare(uv_prepare_t *prepare)
{
	struct iu_supervisor *s = prepare->data;
	bool waiting = s->voice.err.waiting.len > 0 || s->voice.events.waiting.len > 0;

	if (waiting && !uv_is_active((uv_handle_t *)&s->flush))
		uv_timer_start(&s->flush, on_flush, FLUSH_MS, FLUSH_MS);
}

/* The program's output ends when the program closes it, not when inuse ends; unless there may be another one that needs it. */
static void let_go_of_output(struct iu_supervisor *s)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		return;
	for (int i = 0; i < 2; i++)
		if (iu_generation_may_follow(s))
			s->std[i] = fcntl(i, F_DUPFD_CLOEXEC, STD_FLOOR);
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	close(null);
}

/* False: nothing was started; it was said why. */
static bool begin(struct iu_supervisor *s)
{
	struct inuse_error error = {0};
	int terminal = open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);

	s->had_terminal = terminal >= 0;
	if (terminal >= 0)
		close(terminal);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	s->netns_cookie = own_netns_cookie();
	raise_limit(s);
	iu_signals_block(&s->signals);
	s->exit_status = IU_RUN_UNABLE;
	if (!prepare_filter(s))
		return false;
	iu_guard_begin(&s->guard);
	if (uv_loop_init(&s->loop) != 0 || iu_signals_begin(s, &error) < 0) {
		fprintf(stderr, "inuse run: %s\n", error.status ? error.text : _("out of memory"));
		return false;
	}
	uv_timer_init(&s->loop, &s->flush);
	uv_timer_init(&s->loop, &s->ending);
	uv_prepare_init(&s->loop, &s->prepare);
	s->flush.data = s->ending.data = s->prepare.data = s;
	uv_prepare_start(&s->prepare, on_prepare);
	iu_hold_begin(s);
	iu_control_begin(s);
	iu_notify_begin(s);
	iu_notify_take_sockets(s);
	if (!iu_generation_first(s))
		return false;
	let_go_of_output(s);
	return true;
}

/* As the program did: whoever waits for inuse sees what it would have seen of the program. */
static int end(struct iu_supervisor *s)
{
	struct rlimit none = {0, 0};
	sigset_t set;

	iu_voice_done(&s->voice);
	iu_guard_done(&s->guard);
	if (s->exit_signal != 0) {
		setrlimit(RLIMIT_CORE, &none); /* the program has left its own */
		signal(s->exit_signal, SIG_DFL);
		sigemptyset(&set);
		sigaddset(&set, s->exit_signal);
		kill(getpid(), s->exit_signal);
		sigprocmask(SIG_UNBLOCK, &set, NULL);
	}
	return s->exit_status;
}

int iu_run(const struct iu_run_options *options)
{
	/* as long-lived as the process: handles of the loop are never torn down one by one */
	static struct iu_supervisor s;
	struct inuse_error error = {0};

	s = (struct iu_supervisor){.o = options, .guard.channel = -1, .std = {-1, -1}};
	if (iu_voice_open(&s.voice, options->events, options->quiet, &error) < 0) {
		fprintf(stderr, "inuse run: %s\n", error.text);
		return STATUS_USAGE;
	}
	if (begin(&s))
		uv_run(&s.loop, UV_RUN_DEFAULT);
	return end(&s);
}
