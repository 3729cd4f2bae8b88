/* SPDX-License-Identifier: MIT */
/*
 * The program and its descendants: reaped, signalled, waited for.
 *
 * Theory of operation
 *
 * inuse is a subreaper: whoever loses its parent below it becomes its child, a program that made a daemon of itself too.
 * inuse ends when the last descendant has. (Zombies would keep the filter alive, and nobody else would reap them.)
 * While the program lives, signals are its own business. When it has ended and descendants go on, who wants inuse to end
 * wants them to end: the signal goes to them, after a while SIGTERM to all of them, and at last SIGKILL.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/gettext.h"
#include "supervise/generation.h"
#include "supervise/tree.h"

/* Leftovers that go within this time are nothing to speak of. */
#define ALONE_MS 1500
#define GENTLE_MS 3000
#define HARD_MS 10000

void iu_children_add_helper(struct iu_supervisor *s, pid_t pid)
{
	for (size_t i = 0; i < sizeof(s->helpers) / sizeof(s->helpers[0]); i++)
		if (s->helpers[i] == 0) {
			s->helpers[i] = pid;
			return;
		}
}

bool iu_children_is_helper(const struct iu_supervisor *s, pid_t pid)
{
	for (size_t i = 0; i < sizeof(s->helpers) / sizeof(s->helpers[0]); i++)
		if (s->helpers[i] == pid)
			return true;
	return false;
}

static void remove_helper(struct iu_supervisor *s, pid_t pid)
{
	for (size_t i = 0; i < sizeof(s->helpers) / sizeof(s->helpers[0]); i++)
		if (s->helpers[i] == pid)
			s->helpers[i] = 0;
}

struct iu_generation *iu_children_main(struct iu_supervisor *s)
{
	for (struct iu_generation *g = s->generations; g != NULL; g = g->next)
		if (g->pid != 0 && !g->trial && !g->over)
			return g;
	return NULL;
}

/*
 * A zombie of our own counts until it is reaped: its children may have come after the list of processes was read, and when it is
 * reaped somebody looks again. So does one whose other threads go on, which is nobody's to reap yet.
 */
bool iu_children_is_of_program(const struct iu_supervisor *s, const struct iu_tree *tree, const struct iu_tree_process *p)
{
	int32_t branch = iu_tree_branch(tree, p->pid, getpid());

	return branch != 0 && branch != s->guard.pid && !iu_children_is_helper(s, branch) &&
	       (p->status != 'Z' || p->ppid == getpid());
}

/* The pid may have been given to another since the tree was read: the start tells. */
static void signal_process(const struct iu_tree_process *p, int signal)
{
	int pidfd = iu_pidfd_open(p->pid, false);

	if (pidfd < 0)
		return;
	if (iu_status_started(p->pid) == p->started)
		iu_pidfd_signal(pidfd, signal);
	close(pidfd);
}

size_t iu_children_signal_all(struct iu_supervisor *s, int signal, enum iu_who who, const struct iu_generation *g)
{
	struct iu_tree tree = {0};
	size_t n = 0;

	iu_tree_read(&tree);
	for (size_t i = 0; i < tree.n; i++) {
		const struct iu_tree_process *p = &tree.list[i];

		if (!iu_children_is_of_program(s, &tree, p) || (who == IU_WHO_CHILDREN && p->ppid != getpid()) ||
		    (g != NULL && iu_generation_of(s, &tree, p->pid) != g))
			continue;
		if (signal != 0)
			signal_process(p, signal);
		n++;
	}
	iu_tree_done(&tree);
	return n;
}

/* ----------------------------------------------------------------------------------------- ending */

static void on_gentle_is_over(uv_timer_t *timer);

static void on_hard_is_over(uv_timer_t *timer)
{
	struct iu_supervisor *s = timer->data;
	size_t n = iu_children_signal_all(s, SIGKILL, IU_WHO_ALL, NULL);

	if (n > 0)
		iu_voice_say(&s->voice, iu_ngettext("%zu process did not end and was killed", "%zu processes did not end and were killed", n),
			     n);
	uv_timer_start(timer, on_hard_is_over, HARD_MS, 0);
}

static void on_gentle_is_over(uv_timer_t *timer)
{
	iu_children_signal_all(timer->data, SIGTERM, IU_WHO_ALL, NULL);
	uv_timer_start(timer, on_hard_is_over, HARD_MS, 0);
}

static void end_descendants(struct iu_supervisor *s, int signal)
{
	if (s->ending_signals++ == 0) {
		iu_children_signal_all(s, signal, IU_WHO_CHILDREN, NULL);
		uv_timer_start(&s->ending, on_gentle_is_over, GENTLE_MS, 0);
	} else if (s->ending_signals == 2) {
		on_gentle_is_over(&s->ending);
	} else {
		on_hard_is_over(&s->ending);
	}
}

/* There was a terminal, and it is gone. */
static bool terminal_is_closed(const struct iu_supervisor *s)
{
	int fd = s->had_terminal ? open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC | O_NONBLOCK) : 0;

	if (fd > 0)
		close(fd);
	return fd < 0;
}

static void on_hangup_is_over(uv_timer_t *timer)
{
	struct iu_supervisor *s = timer->data;
	struct iu_generation *g = iu_children_main(s);

	if (g != NULL)
		kill(g->pid, SIGTERM);
}

void iu_children_signal(struct iu_supervisor *s, int signal, int code, int value)
{
	if (iu_children_main(s) == NULL) {
		if (signal == SIGINT || signal == SIGTERM || signal == SIGQUIT || (signal == SIGHUP && terminal_is_closed(s)))
			end_descendants(s, signal);
		else if (signal != SIGCONT)
			iu_children_signal_all(s, signal, IU_WHO_CHILDREN, NULL);
		return;
	}
	for (struct iu_generation *g = s->generations; g != NULL; g = g->next) {
		if (g->pid == 0)
			continue;
		if (code == SI_QUEUE)
			sigqueue(g->pid, signal, (union sigval){.sival_int = value});
		else
			kill(g->pid, signal);
	}
}

void iu_children_hangup(struct iu_supervisor *s)
{
	if (!terminal_is_closed(s))
		return;
	iu_generation_give_up(s, SIGHUP);
	/* a program that takes SIGHUP for "read your configuration" would stay, with nobody to see it */
	if (iu_children_main(s) != NULL)
		uv_timer_start(&s->ending, on_hangup_is_over, GENTLE_MS, 0);
	else
		end_descendants(s, SIGTERM);
}

/* ---------------------------------------------------------------------------------------- reaping */

static void finish(struct iu_supervisor *s)
{
	int status = s->last_wait_status;

	s->exit_signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	s->exit_status = s->no_next ? IU_RUN_UNABLE : WIFEXITED(status) ? WEXITSTATUS(status) : 128 + s->exit_signal;
	s->finished = true;
	uv_stop(&s->loop);
}

static void on_alone(uv_timer_t *timer)
{
	struct iu_supervisor *s = timer->data;
	size_t n = iu_children_signal_all(s, 0, IU_WHO_ALL, NULL);
	char program[128];

	if (s->alone || n == 0 || iu_children_main(s) != NULL)
		return;
	s->alone = true;
	iu_voice_say(&s->voice, iu_ngettext("%s has ended; %zu process that it started goes on, and inuse stays with it",
					    "%s has ended; %zu processes that it started go on, and inuse stays with them", n),
		     iu_escape(s->o->argv[0], program, sizeof(program)), n);
}

/*
 * A process that has a child and ends while /proc is being read may be seen dead, and its child not at all: then it is
 * there to be reaped.
 */
bool iu_children_are_unreaped(void)
{
	siginfo_t info = {0};

	return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0;
}

/*
 * One child that lives is enough to know that it is not over. That none is left only a look at every process tells: one may
 * be handed down to us from its parent just now.
 */
static bool somebody_is_left(struct iu_supervisor *s)
{
	struct iu_tree tree = {0};
	bool found = false;

	if (iu_tree_read_children(&tree, getpid()))
		for (size_t i = 0; i < tree.n && !found; i++)
			found = tree.list[i].pid != getpid() && iu_children_is_of_program(s, &tree, &tree.list[i]);
	iu_tree_done(&tree);
	return found || iu_children_signal_all(s, 0, IU_WHO_CHILDREN, NULL) > 0;
}

static void look_whether_all_is_over(struct iu_supervisor *s)
{
	if (s->finished || iu_generation_look(s) || iu_children_main(s) != NULL)
		return;
	if (!somebody_is_left(s)) {
		if (!iu_children_are_unreaped())
			finish(s);
	} else if (!s->alone && !uv_is_active((uv_handle_t *)&s->ending)) {
		uv_timer_start(&s->ending, on_alone, ALONE_MS, 0);
	}
}

static void program_ended(struct iu_supervisor *s, struct iu_generation *g, int status)
{
	g->pid = 0;
	g->wait_status = status;
	iu_generation_read_report(g);
	if (g->exec_os_code != 0)
		fprintf(stderr, "inuse run: %s: %s\n", s->o->argv[0], strerror(g->exec_os_code));
	iu_generation_ended(g, status);
}

static void changed(struct iu_supervisor *s, pid_t pid, int status)
{
	bool ended = WIFEXITED(status) || WIFSIGNALED(status), helper = iu_children_is_helper(s, pid);

	if (pid == s->guard.pid && ended)
		s->guard.pid = 0;
	if (ended)
		remove_helper(s, pid);
	for (struct iu_generation *g = s->generations; g != NULL; g = g->next) {
		if (g->pid != pid)
			continue;
		if (ended)
			program_ended(s, g, status);
		else if (WIFSTOPPED(status) && g == iu_children_main(s))
			iu_signals_stop(s, pid, WSTOPSIG(status));
		return;
	}
	if (ended && pid != s->guard.pid && !helper)
		s->orphan_status = status;
}

void iu_children_look(struct iu_supervisor *s)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED)) > 0)
		changed(s, pid, status);
	look_whether_all_is_over(s);
	iu_generation_sweep(s);
}
