/* SPDX-License-Identifier: MIT */
/*
 * From one start of the program to the next.
 *
 * Theory of operation
 *
 * A *turn* is what happens between two generations. There are two ways. Usually the old one is stopped: the program is sent
 * a signal, what is left of its descendants when it has ended as well, and who has not ended in time is killed; only when
 * nobody is left the next one is started, so that two of them never work on the same files. With --overlap the next one
 * is started first, on trial: when it listens on all that the old one does, the old one is stopped; when it ends or takes
 * too long, it is stopped and the old one goes on.
 * A program that ends by itself is started again where --restart says so, after a pause that grows while it keeps
 * ending early. Whoever asks inuse itself to end ends the turn: what is there ends, nothing is started.
 *
 * A process belongs to the generation whose program it descends from; an orphan to the newest one that was started
 * before it. Two ticks of the clock are too close to tell: then it is the newer one's, which at worst has its bind refused as it would
 * have been without inuse.
 */
#include "supervise/generation.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/gettext.h"
#include "supervise/control.h"
#include "supervise/hold.h"
#include "supervise/notify.h"
#include "supervise/tree.h"

/* A start that lasted so long was a good one. */
#define STEADY_MS 10000
#define PAUSE_LEAST_MS 100
#define PAUSE_MOST_MS 30000
/* After the stop signal: whoever has not taken it by then does not. */
#define HEARD_MS 1000
/* After SIGKILL: until the last one is reaped. */
#define KILL_MS 2000

static void next_step(struct iu_supervisor *s);

/* ---------------------------------------------------------------------------------------------- who is who */

struct iu_generation *iu_generation_of(struct iu_supervisor *s, const struct iu_tree *tree, int32_t pid)
{
	int32_t branch = iu_tree_branch(tree, pid, getpid());
	const struct iu_tree_process *top = branch != 0 ? iu_tree_find(tree, branch) : NULL;

	for (struct iu_generation *g = s->generations; g != NULL; g = g->next)
		if (branch != 0 && g->pid == branch)
			return g;
	for (struct iu_generation *g = s->generations; g != NULL; g = g->next)
		if (top != NULL && g->started_ticks <= top->started)
			return g;
	return NULL;
}

struct iu_generation *iu_generation_established(struct iu_supervisor *s)
{
	for (struct iu_generation *g = s->generations; g != NULL; g = g->next)
		if (!g->trial && !g->over)
			return g;
	return NULL;
}

static bool is_alive(struct iu_supervisor *s, const struct iu_generation *g)
{
	return g != NULL && (g->pid != 0 || iu_children_signal_all(s, 0, IU_WHO_ALL, g) > 0 || iu_children_are_unreaped());
}

/* --------------------------------------------------------------------------------------------- what is told */

bool iu_generation_may_follow(const struct iu_supervisor *s)
{
	return s->o->hold || s->o->restart != IU_RESTART_NEVER;
}

/* Where there is only one start, nothing is told of it. */
static void event(struct iu_generation *g, const char *what, json_t *more_own)
{
	json_t *object = more_own ? more_own : json_object();

	if (!iu_generation_may_follow(g->s)) {
		json_decref(object);
		return;
	}
	if (object != NULL)
		json_object_set_new(object, "generation", json_integer(g->number));
	iu_voice_event(&g->s->voice, what, object);
}

static const char *program(const struct iu_supervisor *s, char buf[128])
{
	return iu_escape(s->o->argv[0], buf, 128);
}

static char *fate(int status, char buf[64])
{
	if (WIFSIGNALED(status))
		snprintf(buf, 64, _("was ended by signal %d"), WTERMSIG(status));
	else
		snprintf(buf, 64, _("ended with status %d"), WEXITSTATUS(status));
	return buf;
}

void iu_generation_ended(struct iu_generation *g, int status)
{
	g->s->last_wait_status = g->trial ? g->s->last_wait_status : status;
	event(g, "ended", WIFSIGNALED(status) ? json_pack("{s:i}", "signal", WTERMSIG(status)) : json_pack("{s:i}", "status", WEXITSTATUS(status)));
}

/* ------------------------------------------------------------------------------------------------ starting */

static void set_phase(struct iu_supervisor *s, enum iu_phase phase)
{
	uv_timer_stop(&s->turn.timer);
	s->turn.phase = phase;
}

static void become_ready(struct iu_generation *g)
{
	struct iu_supervisor *s = g->s;
	char name[128];

	g->ready = true;
	s->turn.waited_ms = uv_now(&s->loop) - s->turn.began_ms;
	event(g, "ready", json_pack("{s:i}", "waited_ms", (int)s->turn.waited_ms));
	if (g->number > 1)
		iu_voice_say(&s->voice, _("%s listens again (pid %d), after %.2f s"), program(s, name), g->pid,
			     (double)s->turn.waited_ms / 1000);
	iu_notify_ready(s);
	/* with --overlap when the old one has gone */
	if (!g->trial)
		iu_control_report(s, g, NULL);
}

void iu_generation_says_ready(struct iu_generation *g)
{
	iu_notify_ready(g->s);
	if (g != iu_generation_established(g->s) || g->s->turn.phase != IU_PHASE_STEADY)
		return;
	iu_hold_close_unclaimed(g->s, g);
	if (!g->ready)
		become_ready(g);
}

static void on_ready_is_due(uv_timer_t *timer)
{
	struct iu_supervisor *s = timer->data;
	struct iu_generation *g = iu_generation_established(s);

	if (s->turn.phase != IU_PHASE_STEADY || !is_alive(s, g))
		return;
	iu_hold_close_unclaimed(s, g);
	if (g->listens && !g->ready)
		become_ready(g);
	else if (!g->ready)
		iu_control_report(s, NULL, _("it runs, but does not listen"));
	iu_notify_ready(s);
}

/* True: there is a new generation. Else it was said why, and exit_status is set. */
static bool start(struct iu_supervisor *s, bool trial)
{
	struct iu_generation *g = NULL;
	bool ok = iu_spawn(s, &g);

	if (g != NULL) {
		g->trial = trial;
		event(g, "started", json_pack("{s:i, s:s}", "pid", (int)g->pid, "why", s->turn.why));
	}
	if (ok)
		uv_timer_start(&s->turn.ready, on_ready_is_due, (uint64_t)s->o->ready_s * 1000, 0);
	return ok;
}

bool iu_generation_first(struct iu_supervisor *s)
{
	uv_timer_init(&s->loop, &s->turn.timer);
	uv_timer_init(&s->loop, &s->turn.ready);
	s->turn.timer.data = s->turn.ready.data = s;
	s->turn.why = "first";
	s->turn.began_ms = uv_now(&s->loop);
	return start(s, false);
}

static void give_up(struct iu_supervisor *s)
{
	set_phase(s, IU_PHASE_STEADY);
	s->no_next = true;
	iu_children_look(s);
}

static void start_next(struct iu_supervisor *s)
{
	bool listened = iu_hold_listened_count(s) > 0;

	set_phase(s, IU_PHASE_STEADY);
	if (!start(s, false)) {
		give_up(s);
	} else if (!listened) {
		iu_notify_ready(s);
		iu_control_report(s, s->generations, NULL);
	}
	iu_hold_sole(s);
}

static void on_pause_is_over(uv_timer_t *timer)
{
	start_next(timer->data);
}

/* ------------------------------------------------------------------------------------------------ stopping */

static void on_patience_is_over(uv_timer_t *timer);

/*
 * A program that only runs another one may ignore the signal, or keep it blocked: strace -o takes Ctrl-C to be for the other. Then
 * its descendants are told to end as well.
 */
static void on_heard_is_due(uv_timer_t *timer)
{
	struct iu_supervisor *s = timer->data;
	struct iu_generation *g = s->turn.leaving;
	uint64_t bit = UINT64_C(1) << (s->o->stop_signal - 1);
	struct iu_status status;

	if (g->pid != 0 && iu_status_read(g->pid, &status) && ((status.ignored | (status.pending & status.blocked)) & bit) != 0)
		iu_children_signal_all(s, s->o->stop_signal, IU_WHO_ALL, g);
	uv_timer_start(timer, on_patience_is_over, (uint64_t)s->o->stop_s * 1000 - HEARD_MS, 0);
}

static void on_patience_is_over(uv_timer_t *timer)
{
	struct iu_supervisor *s = timer->data;
	struct iu_generation *g = s->turn.leaving;
	size_t n = iu_children_signal_all(s, SIGKILL, IU_WHO_ALL, g);

	if (n > 0 && !s->turn.killed)
		iu_voice_say(&s->voice, iu_ngettext("%zu process did not end and was killed", "%zu processes did not end and were killed", n), n);
	s->turn.killed = true;
	uv_timer_start(timer, on_patience_is_over, KILL_MS, 0);
	next_step(s);
}

/* Tells that generation to end. */
static void stop(struct iu_supervisor *s, struct iu_generation *g, enum iu_phase phase)
{
	set_phase(s, phase);
	s->turn.leaving = g;
	s->turn.killed = false;
	s->turn.told_rest = g->pid == 0;
	if (g->pid != 0)
		kill(g->pid, s->o->stop_signal);
	else
		iu_children_signal_all(s, s->o->stop_signal, IU_WHO_CHILDREN, g);
	if (s->o->stop_s * 1000 > HEARD_MS)
		uv_timer_start(&s->turn.timer, on_heard_is_due, HEARD_MS, 0);
	else
		uv_timer_start(&s->turn.timer, on_patience_is_over, (uint64_t)s->o->stop_s * 1000, 0);
}

/* The program itself has ended: whom it left behind ends, too. True: nobody is left. */
static bool has_left(struct iu_supervisor *s)
{
	struct iu_generation *g = s->turn.leaving;

	if (g->pid != 0)
		return false;
	if (iu_children_signal_all(s, s->turn.told_rest ? 0 : s->o->stop_signal, IU_WHO_ALL, g) > 0) {
		s->turn.told_rest = true;
		return false;
	}
	if (iu_children_are_unreaped())
		return false;
	g->over = true;
	return true;
}

/* ------------------------------------------------------------------------------------------------- turns */

static void begin_trial(struct iu_supervisor *s)
{
	set_phase(s, IU_PHASE_TRIAL);
	if (!start(s, true)) {
		if (s->generations->trial)
			s->generations->over = true;
		set_phase(s, IU_PHASE_STEADY);
		iu_voice_say(&s->voice, _("the one that runs goes on"));
		iu_notify_ready(s);
		iu_control_report(s, NULL, _("the new one could not be started; the old one goes on"));
	}
}

static void on_trial_is_over(uv_timer_t *timer)
{
	struct iu_supervisor *s = timer->data;
	char name[128];

	if (s->turn.phase != IU_PHASE_TRIAL)
		return;
	iu_voice_say(&s->voice, _("the new %s does not listen on all that the old one does within %u s: the old one goes on"),
		     program(s, name), s->o->ready_s);
	stop(s, s->generations, IU_PHASE_WITHDRAWAL);
}

void iu_generation_restart(struct iu_supervisor *s, const char *why)
{
	struct iu_generation *g = iu_generation_established(s);

	if (s->finished || s->asked_to_end)
		return;
	if (s->turn.phase == IU_PHASE_PAUSE) {
		s->turn.number++;
		start_next(s);
		return;
	}
	if (s->turn.phase == IU_PHASE_STOP)
		return; /* the next one is still to come */
	if (s->turn.phase != IU_PHASE_STEADY) {
		s->turn.again = true;
		return;
	}
	if (!is_alive(s, g))
		return;
	s->turn.number++;
	s->turn.why = why;
	s->turn.failures = 0;
	s->turn.began_ms = uv_now(&s->loop);
	iu_notify_reloading(s);
	/* one that listens on nothing cannot show that it is ready */
	if (s->o->overlap && iu_hold_listened_count(s) > 0) {
		begin_trial(s);
		if (s->turn.phase == IU_PHASE_TRIAL)
			uv_timer_start(&s->turn.timer, on_trial_is_over, (uint64_t)s->o->ready_s * 1000, 0);
		return;
	}
	iu_hold_gap(s, false);
	stop(s, g, IU_PHASE_STOP);
}

static void end_of_retirement(struct iu_supervisor *s)
{
	set_phase(s, IU_PHASE_STEADY);
	iu_control_report(s, s->generations, NULL);
}

static void on_proven(uv_timer_t *timer)
{
	struct iu_supervisor *s = timer->data;
	struct iu_generation *old = s->generations;

	while (old != NULL && (old->over || old == s->generations))
		old = old->next;
	if (old == NULL)
		end_of_retirement(s);
	else
		stop(s, old, IU_PHASE_RETIREMENT);
	next_step(s);
}

void iu_generation_progress(struct iu_generation *g)
{
	struct iu_supervisor *s = g->s;

	g->listens = true;
	if (g->ready || iu_hold_has_unclaimed(s, g))
		return;
	become_ready(g);
	if (s->turn.phase != IU_PHASE_TRIAL || !g->trial)
		return;
	g->trial = false;
	/* what follows takes the old one's listeners from it; it is told when this call has been answered */
	uv_timer_start(&s->turn.timer, on_proven, 0, 0);
}

static bool failed(int status)
{
	/* as systemd.service(5) has it: who is told to end ends cleanly */
	if (WIFSIGNALED(status))
		return WTERMSIG(status) != SIGTERM && WTERMSIG(status) != SIGINT && WTERMSIG(status) != SIGHUP && WTERMSIG(status) != SIGPIPE;
	return WEXITSTATUS(status) != 0;
}

static bool shall_restart(const struct iu_supervisor *s, int status)
{
	return !s->asked_to_end && !s->no_next && !iu_signals_are_asking(s) &&
	       (s->o->restart == IU_RESTART_ALWAYS || (s->o->restart == IU_RESTART_ON_FAILURE && failed(status)));
}

static void pause_before_next(struct iu_supervisor *s)
{
	uint64_t ms = 0;

	if (s->turn.failures > 0) {
		ms = (uint64_t)PAUSE_LEAST_MS << (s->turn.failures < 10 ? s->turn.failures - 1 : 9);
		ms = ms < PAUSE_MOST_MS ? ms : PAUSE_MOST_MS;
	}
	set_phase(s, IU_PHASE_PAUSE);
	uv_timer_start(&s->turn.timer, on_pause_is_over, ms, 0);
}

/* The program has ended by itself. True: it is started again. */
static bool ended_by_itself(struct iu_supervisor *s, struct iu_generation *g)
{
	bool daemon = g->pid == 0 && WIFEXITED(g->wait_status) && WEXITSTATUS(g->wait_status) == 0;
	int status = daemon && s->orphan_status != 0 ? s->orphan_status : g->wait_status;
	char name[128], how[64];
	bool rest;

	/* what was never there will not come; what was there may be back in a moment, as when it is being installed */
	if (g->number == 1 && g->exec_os_code != 0)
		return false;
	/* asked after every death below us: every process of the host is looked at only where something hangs on it */
	if (!shall_restart(s, status))
		return false;
	rest = iu_children_signal_all(s, 0, IU_WHO_ALL, g) > 0 || iu_children_are_unreaped();
	if (daemon && rest)
		return false;
	if (uv_now(&s->loop) - g->started_ms >= STEADY_MS)
		s->turn.failures = 0;
	iu_voice_say(&s->voice, _("%s %s: it is started again"), program(s, name), fate(status, how));
	if (!g->ready)
		iu_control_report(s, NULL, _("it has ended, and is started again"));
	s->turn.why = "ended";
	s->turn.began_ms = uv_now(&s->loop);
	iu_hold_gap(s, !rest);
	if (rest) {
		stop(s, g, IU_PHASE_STOP);
		s->turn.failed = true;
		return true;
	}
	g->over = true;
	pause_before_next(s);
	s->turn.failures++;
	return true;
}

static void stopped(struct iu_supervisor *s)
{
	iu_hold_gap(s, true);
	if (s->turn.failed) {
		s->turn.failed = false;
		pause_before_next(s);
		s->turn.failures++;
	} else {
		start_next(s);
	}
}

static void end_of_trial(struct iu_supervisor *s)
{
	/* first: who is told that the old one goes on finds its sockets as they were */
	iu_hold_withdraw(s, s->turn.leaving);
	set_phase(s, IU_PHASE_STEADY);
	iu_notify_ready(s);
	iu_control_report(s, NULL, _("the new one did not get to listen on all that the old one does; the old one goes on"));
}

static void trial_step(struct iu_supervisor *s)
{
	struct iu_generation *g = s->generations;
	char name[128], how[64];

	if (!is_alive(s, iu_generation_established(s))) {
		/* there is no old one to go on any more */
		iu_generation_established(s)->over = true;
		g->trial = false;
		set_phase(s, IU_PHASE_STEADY);
	} else if (g->pid == 0 && g->trial) {
		bool daemon = WIFEXITED(g->wait_status) && WEXITSTATUS(g->wait_status) == 0 && is_alive(s, g);

		if (daemon)
			return;
		iu_voice_say(&s->voice, _("the new %s %s before it listened on all that the old one does: the old one goes on"),
			     program(s, name), fate(g->wait_status, how));
		stop(s, g, IU_PHASE_WITHDRAWAL);
	}
}

/* What has happened changes something about the turn? Called after every death. */
static void next_step(struct iu_supervisor *s)
{
	enum iu_phase before = s->turn.phase;

	if (before == IU_PHASE_TRIAL)
		trial_step(s);
	if ((s->turn.phase == IU_PHASE_STOP || s->turn.phase == IU_PHASE_RETIREMENT || s->turn.phase == IU_PHASE_WITHDRAWAL) && has_left(s)) {
		if (s->turn.phase == IU_PHASE_STOP)
			stopped(s);
		else if (s->turn.phase == IU_PHASE_WITHDRAWAL)
			end_of_trial(s);
		else
			end_of_retirement(s);
		s->turn.leaving = NULL;
		iu_hold_sole(s);
	}
	if (s->turn.phase == IU_PHASE_STEADY && before != IU_PHASE_STEADY && s->turn.again) {
		s->turn.again = false;
		iu_generation_restart(s, "asked");
	}
}

bool iu_generation_look(struct iu_supervisor *s)
{
	struct iu_generation *g;

	if (s->finished)
		return true;
	next_step(s);
	if (s->turn.phase == IU_PHASE_STEADY) {
		g = s->generations;
		while (g != NULL && g->over)
			g = g->next;
		if (g != NULL && g->pid == 0 && ended_by_itself(s, g))
			return true;
	}
	return s->turn.phase != IU_PHASE_STEADY;
}

void iu_generation_give_up(struct iu_supervisor *s, int signal)
{
	enum iu_phase phase = s->turn.phase;

	s->asked_to_end = true;
	iu_notify_stopping(s);
	if (phase == IU_PHASE_STEADY)
		return;
	set_phase(s, IU_PHASE_STEADY);
	s->turn.leaving = NULL;
	if (phase == IU_PHASE_PAUSE) {
		/* as the program would have ended, were it there */
		s->last_wait_status = signal;
		iu_children_look(s);
	}
}

/* ---------------------------------------------------------------------------------------------- tidying up */

void iu_generation_on_closed(uv_handle_t *handle)
{
	struct iu_generation *g = handle->data;

	if (--g->handles > 0 || !g->swept)
		return;
	if (g->listener >= 0)
		close(g->listener);
	free(g);
}

static bool is_referred_to(const struct iu_supervisor *s, const struct iu_generation *g)
{
	for (const struct iu_incident *i = s->incidents; i != NULL; i = i->next)
		if (i->w.generation == g)
			return true;
	return g == s->turn.leaving;
}

void iu_generation_sweep(struct iu_supervisor *s)
{
	for (struct iu_generation **at = &s->generations; *at != NULL;) {
		struct iu_generation *g = *at;

		/* the newest one stays: it tells how all has ended */
		if (g == s->generations || !g->over || g->pid != 0 || g->report >= 0 || (g->listener >= 0 && !g->deserted) ||
		    is_referred_to(s, g)) {
			at = &g->next;
			continue;
		}
		*at = g->next;
		g->swept = true;
		if (g->listener >= 0)
			uv_close((uv_handle_t *)&g->poll, iu_generation_on_closed);
		else if (g->handles == 0)
			free(g);
	}
}
