/* SPDX-License-Identifier: MIT */
/*
 * Signals: the program's are the program's.
 *
 * Theory of operation
 *
 * inuse blocks every signal and reads it from a descriptor. A signal to the whole process group has reached the program
 * already; one to inuse alone is passed on. The guard (guard.c) tells which it was: it is in the group, too. Both ways take
 * a moment, so a signal waits a little for the guard's word; then the guard is asked, and what it has not had by its answer
 * was for inuse alone. A second Ctrl-C often means "at once", so none may be made up because a machine is slow.
 * A program that has left the group gets everything passed on.
 *
 * When the program is stopped, inuse stops itself by the same signal, so that the shell sees a stopped job; continuing
 * it is a signal to the group again. Where the program alone is continued, the guard continues inuse: that is for nobody else.
 */
#include <errno.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/error.h"
#include "base/gettext.h"
#include "supervise/generation.h"
#include "supervise/incident.h"

/* Longer than the kernel takes from the first process of a group to the last. */
#define WORD_MS 30
/* A guard that does not answer: somebody has stopped it. */
#define ANSWER_MS 3000
/* A word of the guard that came first is kept so long. */
#define KEPT_MS 1000

static void fill_set(sigset_t *set)
{
	static const int never[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT};

	sigfillset(set);
	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
		sigdelset(set, never[i]);
}

void iu_signals_block(struct iu_signals *signals)
{
	struct sigaction plain = {.sa_handler = SIG_DFL};
	sigset_t set;

	fill_set(&set);
	sigprocmask(SIG_BLOCK, &set, &signals->mask);
	/* ignored, it would have the kernel reap our children before we do */
	sigaction(SIGCHLD, &plain, &signals->child);
}

void iu_signals_restore(const struct iu_signals *signals)
{
	sigaction(SIGCHLD, &signals->child, NULL);
	sigprocmask(SIG_SETMASK, &signals->mask, NULL);
}

static bool is_ignored(int signal)
{
	struct sigaction action;

	return sigaction(signal, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

static bool ends_programs(int signal)
{
	return signal == SIGINT || signal == SIGTERM || signal == SIGHUP || signal == SIGQUIT;
}

/* The program is where a signal to our group reaches it. */
static bool shares_group(struct iu_supervisor *s)
{
	struct iu_generation *g = iu_children_main(s);

	return g != NULL && getpgid(g->pid) == getpgrp();
}

/* The program has got it, or will have at once: what it waits for is given up, and then it may act on it. */
static void settle(struct iu_supervisor *s, size_t i)
{
	struct iu_signals *q = &s->signals;
	int signal = q->waiting[i].signal;

	q->waiting[i] = q->waiting[--q->n_waiting];
	if (ends_programs(signal)) {
		s->asked_to_end_ms = uv_now(&s->loop);
		iu_incidents_hurry(s);
	}
	if (ends_programs(signal) && signal != SIGHUP)
		iu_generation_give_up(s, signal);
	if (signal == SIGHUP)
		iu_children_hangup(s);
}

static void pass_on(struct iu_supervisor *s, size_t i)
{
	const struct iu_signals *q = &s->signals;

	if (q->waiting[i].signal == SIGUSR2 && iu_generation_may_follow(s))
		iu_generation_restart(s, "SIGUSR2");
	else
		iu_children_signal(s, q->waiting[i].signal, q->waiting[i].code, q->waiting[i].value);
	settle(s, i);
}

bool iu_signals_are_asking(const struct iu_supervisor *s)
{
	for (size_t i = 0; i < s->signals.n_waiting; i++)
		if (ends_programs(s->signals.waiting[i].signal))
			return true;
	return false;
}

/* Strikes out what the guard has had, too. */
static void compare(struct iu_supervisor *s)
{
	struct iu_signals *q = &s->signals;
	uint64_t now = uv_now(&s->loop);
	bool shared = shares_group(s);

	for (size_t h = 0; h < q->n_heard;) {
		bool used = now - q->heard_ms[h] > KEPT_MS;

		for (size_t i = 0; !used && i < q->n_waiting; i++)
			if (q->waiting[i].signal == q->heard[h].signal) {
				used = true;
				if (shared)
					settle(s, i);
				else
					pass_on(s, i);
			}
		if (used) {
			q->n_heard--;
			q->heard[h] = q->heard[q->n_heard];
			q->heard_ms[h] = q->heard_ms[q->n_heard];
		} else {
			h++;
		}
	}
}

/* Passes on what the guard had not got when it answered that question, and what it gives no answer about. */
static void pass_on_rest(struct iu_supervisor *s, uint32_t answered)
{
	struct iu_signals *q = &s->signals;
	uint64_t now = uv_now(&s->loop);

	for (size_t i = 0; i < q->n_waiting;) {
		uint32_t question = q->waiting[i].question;

		if ((question != 0 && question <= answered) || now - q->waiting[i].at_ms >= ANSWER_MS)
			pass_on(s, i);
		else
			i++;
	}
}

static void on_word_is_due(uv_timer_t *timer)
{
	struct iu_supervisor *s = timer->data;
	struct iu_signals *q = &s->signals;
	uint64_t now = uv_now(&s->loop);

	compare(s);
	for (size_t i = 0; i < q->n_waiting; i++)
		if (q->waiting[i].question == 0 && now - q->waiting[i].at_ms >= WORD_MS) {
			q->waiting[i].question = ++q->questions;
			iu_guard_ask(&s->guard, q->questions);
		}
	pass_on_rest(s, 0);
	if (q->n_waiting > 0)
		uv_timer_start(timer, on_word_is_due, WORD_MS, 0);
}

/*
 * The guard saw the program run and has continued us. Meanwhile the program may have been stopped again, and we with it, before the
 * guard heard of that: then it continued us in vain.
 */
static void on_woken(struct iu_supervisor *s)
{
	const struct iu_generation *g = iu_children_main(s);

	if (g != NULL && iu_status_is_stopped(g->pid))
		iu_signals_stop(s, g->pid, s->signals.stopped_by);
}

static void take_signal(struct iu_supervisor *s, const struct signalfd_siginfo *info)
{
	struct iu_signals *q = &s->signals;
	int signal = (int)info->ssi_signo;

	if (signal == SIGCHLD) {
		iu_children_look(s);
		return;
	}
	if (signal == SIGPIPE)
		return;
	if (signal == SIGCONT && s->guard.pid > 0 && info->ssi_pid == (uint32_t)s->guard.pid) {
		on_woken(s);
		return;
	}
	if (q->n_waiting == sizeof(q->waiting) / sizeof(q->waiting[0]))
		pass_on(s, 0);
	q->waiting[q->n_waiting].signal = signal;
	q->waiting[q->n_waiting].code = info->ssi_code;
	q->waiting[q->n_waiting].value = info->ssi_int;
	q->waiting[q->n_waiting].question = 0;
	q->waiting[q->n_waiting++].at_ms = uv_now(&s->loop);
	if (s->guard.channel < 0) {
		pass_on(s, q->n_waiting - 1);
		return;
	}
	compare(s);
	if (q->n_waiting > 0 && !uv_is_active((uv_handle_t *)&q->timer))
		uv_timer_start(&q->timer, on_word_is_due, WORD_MS, 0);
}

static void on_signal(uv_poll_t *poll, int status, int events)
{
	struct iu_supervisor *s = poll->data;
	struct signalfd_siginfo info;

	uv_update_time(&s->loop);
	while (read(s->signals.fd, &info, sizeof(info)) == sizeof(info))
		take_signal(s, &info);
}

static void on_guard(uv_poll_t *poll, int status, int events)
{
	struct iu_supervisor *s = poll->data;
	struct iu_signals *q = &s->signals;
	struct iu_guard_report report;
	uint32_t answered = 0;
	bool gone;

	uv_update_time(&s->loop);
	while (iu_guard_hear(&s->guard, &report, &gone)) {
		if (report.signal == 0) {
			answered = report.question;
			continue;
		}
		if (q->n_heard == sizeof(q->heard) / sizeof(q->heard[0]))
			q->n_heard = 0;
		q->heard[q->n_heard] = report;
		q->heard_ms[q->n_heard++] = uv_now(&s->loop);
	}
	compare(s);
	pass_on_rest(s, answered);
	if (gone) {
		while (q->n_waiting > 0)
			pass_on(s, 0); /* nobody is left who could tell */
		uv_poll_stop(poll);
		close(s->guard.channel);
		s->guard.channel = -1;
	}
}

enum inuse_status iu_signals_begin(struct iu_supervisor *s, struct inuse_error *error)
{
	struct iu_signals *q = &s->signals;
	sigset_t set;

	fill_set(&set);
	/* blocked and ignored, they would be kept for us: those stay without effect, as the user wanted (nohup) */
	for (int signal = 1; signal <= SIGRTMAX; signal++)
		if (signal != SIGCHLD && sigismember(&set, signal) == 1 && is_ignored(signal))
			sigdelset(&set, signal);
	q->fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (q->fd < 0)
		return iu_fail(error, INUSE_E_SYSTEM, errno, "signalfd", _("signals cannot be received: %s"), strerror(errno));
	uv_timer_init(&s->loop, &q->timer);
	q->timer.data = q->poll.data = q->guard_poll.data = s;
	if (uv_poll_init(&s->loop, &q->poll, q->fd) != 0)
		return iu_fail(error, INUSE_E_SYSTEM, 0, "poll", _("signals cannot be received: %s"), strerror(errno));
	uv_poll_start(&q->poll, UV_READABLE, on_signal);
	if (s->guard.channel >= 0 && uv_poll_init(&s->loop, &q->guard_poll, s->guard.channel) == 0)
		uv_poll_start(&q->guard_poll, UV_READABLE | UV_DISCONNECT, on_guard);
	return INUSE_OK;
}

void iu_signals_stop(struct iu_supervisor *s, pid_t program, int signal)
{
	sigset_t set;

	s->signals.stopped_by = signal;
	iu_guard_stopping(&s->guard, program);
	if (signal == SIGSTOP || is_ignored(signal)) {
		kill(getpid(), SIGSTOP);
		return;
	}
	/* of the same kind, so that the shell tells the same; without effect where no shell would continue it */
	sigemptyset(&set);
	sigaddset(&set, signal);
	kill(getpid(), signal);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	sigprocmask(SIG_BLOCK, &set, NULL);
}
