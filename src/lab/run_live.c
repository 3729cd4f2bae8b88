/* SPDX-License-Identifier: MIT */
/*
 * Jobs on the real kernel, many side by side.
 *
 * Theory of operation
 *
 * What plays on the kernel does so in a child process of its own, which moves into a namespace, plays one run, writes what came
 * of it to a pipe and ends. At most so many run at a time. A child that does not end in time is killed, and its run counts as one
 * that could not be played. Where a packet crossed again or too late, because the machine was too busy to answer in time, the
 * run is played once more: that is not what the experiment is about.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/gettext.h"
#include "host/features.h"
#include "lab/eyes.h"
#include "lab/jobs.h"
#include "lab/live.h"

#define WORKERS_MAX 64
#define PLAYS 3
#define DEADLINE_MS 60000
#define PATIENT_DEADLINE_MS 600000

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

struct worker {
	pid_t pid;   /* 0: free */
	int fd;
	size_t job;
	int64_t deadline_ms;
	struct iu_text said;
	struct iu_eyes *eyes; /* of one child after the other, so that the program is loaded once; NULL: not yet, or they cannot be had */
};

struct crew {
	struct iu_runner *r;
	struct worker workers[WORKERS_MAX];
	unsigned n_workers;
	struct inuse_error no_eyes; /* status < 0: they cannot be had */
};

/* In the child: everything it makes ends with it. */
static void be_worker(const struct iu_runner *r, struct iu_play play, int fd)
{
	struct inuse_error error = {0};
	struct iu_live *live = NULL;
	json_t *run;
	char *text;

	signal(SIGPIPE, SIG_IGN);
	play.lacks = ~r->features;
	if (iu_live_new(play.exp, play.run, r->jobs->patient, &live, &error) != INUSE_OK)
		play.why_not = error.text;
	play.live = live;
	run = iu_play(&play);
	text = run != NULL ? json_dumps(run, JSON_COMPACT) : NULL;
	for (size_t at = 0, len = text != NULL ? strlen(text) : 0; at < len;) {
		ssize_t n = write(fd, text + at, len - at);

		if (n <= 0)
			break;
		at += (size_t)n;
	}
	iu_live_free(live);
	_exit(0);
}

static bool start(struct iu_runner *r, struct worker *w, size_t job)
{
	pid_t parent = getpid();
	int ends[2];

	if (pipe(ends) < 0)
		return false;
	fflush(NULL);
	w->pid = fork();
	if (w->pid < 0) {
		close(ends[0]);
		close(ends[1]);
		w->pid = 0;
		return false;
	}
	if (w->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(0);
		close(ends[0]);
		r->list[job].play.eyes = w->eyes;
		be_worker(r, r->list[job].play, ends[1]);
	}
	close(ends[1]);
	w->fd = ends[0];
	w->job = job;
	r->list[job].plays++;
	w->deadline_ms = now_ms() + (r->jobs->patient ? PATIENT_DEADLINE_MS : DEADLINE_MS);
	return true;
}

/* True: it is played once more, and what came of it is forgotten. What waits for long is played once: it has been patient enough. */
static bool play_again(struct iu_runner *r, struct worker *w)
{
	struct iu_job *job = &r->list[w->job];

	if (!iu_play_was_disturbed(job->run) || (job->play.exp->needs & IU_NEED_PATIENCE) != 0 || job->plays == PLAYS ||
	    !start(r, w, w->job))
		return false;
	json_decref(job->run);
	job->run = NULL;
	return true;
}

/* The child has said all it will, or its time is over. */
static void finish(struct iu_runner *r, struct worker *w, bool late)
{
	struct iu_job *job = &r->list[w->job];

	if (late)
		kill(w->pid, SIGKILL);
	close(w->fd);
	while (waitpid(w->pid, NULL, 0) < 0 && errno == EINTR)
		;
	w->pid = 0;
	if (!late && w->said.data != NULL)
		job->run = json_loads(w->said.data, 0, NULL);
	iu_text_done(&w->said);
	w->said = (struct iu_text){0};
	if (play_again(r, w))
		return;
	if (job->run == NULL)
		job->run = iu_jobs_unplayed(&job->play, late ? _("it did not end in time") : _("the process that played it broke off"));
	if (job->plays > 1 || iu_play_was_disturbed(job->run))
		json_object_set_new(job->run, "plays", json_integer(job->plays));
	job->done = true;
}

static void hear(struct iu_runner *r, struct worker *w)
{
	char bytes[65536];
	ssize_t n = read(w->fd, bytes, sizeof(bytes));

	if (n > 0)
		iu_text_add_n(&w->said, bytes, (size_t)n);
	else if (n == 0 || errno != EINTR)
		finish(r, w, false);
}

/* Waits for whoever speaks next, or until the next deadline. */
static void listen_to_all(struct crew *c)
{
	struct pollfd pfds[WORKERS_MAX];
	struct worker *of[WORKERS_MAX];
	int64_t now = now_ms(), first = now + 1000;
	nfds_t n = 0;

	for (unsigned i = 0; i < c->n_workers; i++) {
		struct worker *w = &c->workers[i];

		if (w->pid == 0)
			continue;
		if (now >= w->deadline_ms) {
			finish(c->r, w, true);
			continue;
		}
		if (w->deadline_ms < first)
			first = w->deadline_ms;
		pfds[n] = (struct pollfd){w->fd, POLLIN, 0};
		of[n++] = w;
	}
	if (n == 0 || poll(pfds, n, (int)(first - now)) <= 0)
		return;
	for (nfds_t i = 0; i < n; i++)
		if (pfds[i].revents != 0)
			hear(c->r, of[i]);
}

static void open_eyes(struct crew *c, struct worker *w)
{
	if (w->eyes == NULL && c->no_eyes.status == INUSE_OK)
		w->eyes = iu_eyes_new((const uint16_t[]){1}, 1, &c->no_eyes);
}

static void run_all(struct crew *c)
{
	struct iu_runner *r = c->r;
	bool working = true;

	while (working) {
		working = false;
		for (unsigned i = 0; i < c->n_workers; i++) {
			struct worker *w = &c->workers[i];

			if (w->pid == 0 && r->next < r->n) {
				struct iu_job *job = &r->list[r->next];

				open_eyes(c, w);
				job->play.why_no_eyes = w->eyes == NULL ? c->no_eyes.text : NULL;
				job->done = !start(r, w, r->next++);
				if (job->done)
					job->run = iu_jobs_unplayed(&job->play, _("no process can be started"));
			}
			working |= w->pid != 0;
		}
		listen_to_all(c);
		iu_jobs_give(r);
		working |= r->next < r->n;
	}
	iu_jobs_give(r);
}

enum inuse_status iu_jobs_live(struct iu_runner *r, struct inuse_error *error)
{
	struct crew *c = calloc(1, sizeof(*c));
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	if (c == NULL)
		return iu_fail(error, INUSE_E_MEMORY, 0, NULL, _("out of memory"));
	c->r = r;
	r->features = iu_features_here();
	/* most of a run is waiting, so more of them than there are processors */
	c->n_workers = r->jobs->workers != 0 ? r->jobs->workers : (unsigned)(cpus > 0 ? 4 * cpus : 4);
	if (c->n_workers > WORKERS_MAX)
		c->n_workers = WORKERS_MAX;
	run_all(c);
	for (unsigned i = 0; i < c->n_workers; i++)
		iu_eyes_free(c->workers[i].eyes);
	free(c);
	return INUSE_OK;
}
