/* SPDX-License-Identifier: MIT */
/*
 * Many runs side by side.
 *
 * Theory of operation
 *
 * What plays on the kernel does so in a child process of its own, which moves into a namespace, plays one run, writes what came
 * of it to a pipe and ends. At most so many run at a time; the results are handed out in the order of the experiments. A child that
 * does not end in time is killed, and its run counts as one that could not be played.
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
#include "lab/live.h"
#include "lab/play.h"

#define WORKERS_MAX 64
#define DEADLINE_MS 60000
#define PATIENT_DEADLINE_MS 600000

struct job {
	struct iu_play play;
	json_t *run;
	bool done;
};

struct worker {
	pid_t pid;   /* 0: free */
	int fd;
	size_t job;
	int64_t deadline_ms;
	struct iu_text said;
};

struct runner {
	const struct iu_jobs *jobs;
	struct job *list;
	size_t n, next, given;
	struct worker workers[WORKERS_MAX];
	unsigned n_workers;
	void (*fn)(void *arg, const json_t *run);
	void *arg;
};

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static size_t count_runs(const struct iu_exp *exp)
{
	size_t n = 0;

	for (int r = 1; r < IU_N_RUNS; r++)
		n += (exp->runs & (1u << r)) != 0;
	return (n > 0 ? n : 1) * exp->n_cases;
}

static void add_jobs(struct runner *r, const struct iu_exp *exp)
{
	for (size_t c = 0; c < exp->n_cases; c++)
		for (int run = 0; run < IU_N_RUNS; run++) {
			bool wanted = exp->runs == 0 ? run == IU_RUN_AS_WRITTEN : (exp->runs & (1u << run)) != 0;

			if (wanted)
				r->list[r->n++].play = (struct iu_play){.exp = exp, .which = c, .run = (enum iu_run)run, .os = r->jobs->os};
		}
}

/* In the child: everything it makes ends with it. */
static void be_worker(const struct runner *r, struct iu_play play, int fd)
{
	struct inuse_error error = {0};
	struct iu_live *live = NULL;
	json_t *run;
	char *text;

	signal(SIGPIPE, SIG_IGN);
	play.kernel = iu_live_kernel();
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

/* A run of which nothing is known but why. */
static json_t *unplayed(const struct iu_play *play, const char *why)
{
	struct iu_play alone = *play;

	alone.live = NULL;
	alone.why_not = why;
	return iu_play(&alone);
}

static bool start(struct runner *r, struct worker *w)
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
		be_worker(r, r->list[r->next].play, ends[1]);
	}
	close(ends[1]);
	w->fd = ends[0];
	w->job = r->next++;
	w->deadline_ms = now_ms() + (r->jobs->patient ? PATIENT_DEADLINE_MS : DEADLINE_MS);
	return true;
}

static void give(struct runner *r)
{
	while (r->given < r->n && r->list[r->given].done) {
		if (r->list[r->given].run != NULL)
			r->fn(r->arg, r->list[r->given].run);
		json_decref(r->list[r->given].run);
		r->list[r->given++].run = NULL;
	}
}

/* The child has said all it will, or its time is over. */
static void finish(struct runner *r, struct worker *w, bool late)
{
	struct job *job = &r->list[w->job];

	if (late)
		kill(w->pid, SIGKILL);
	close(w->fd);
	while (waitpid(w->pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (!late && w->said.data != NULL)
		job->run = json_loads(w->said.data, 0, NULL);
	if (job->run == NULL)
		job->run = unplayed(&job->play, late ? _("it did not end in time") : _("the process that played it broke off"));
	job->done = true;
	iu_text_done(&w->said);
	w->said = (struct iu_text){0};
	w->pid = 0;
}

static void hear(struct runner *r, struct worker *w)
{
	char bytes[65536];
	ssize_t n = read(w->fd, bytes, sizeof(bytes));

	if (n > 0)
		iu_text_add_n(&w->said, bytes, (size_t)n);
	else if (n == 0 || errno != EINTR)
		finish(r, w, false);
}

/* Waits for whoever speaks next, or until the next deadline. */
static void listen_to_all(struct runner *r)
{
	struct pollfd pfds[WORKERS_MAX];
	struct worker *of[WORKERS_MAX];
	int64_t now = now_ms(), first = now + 1000;
	nfds_t n = 0;

	for (unsigned i = 0; i < r->n_workers; i++) {
		struct worker *w = &r->workers[i];

		if (w->pid == 0)
			continue;
		if (now >= w->deadline_ms) {
			finish(r, w, true);
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
			hear(r, of[i]);
}

static void run_live(struct runner *r)
{
	bool working = true;

	while (working) {
		working = false;
		for (unsigned i = 0; i < r->n_workers; i++) {
			struct worker *w = &r->workers[i];

			if (w->pid == 0 && r->next < r->n && !start(r, w)) {
				r->list[r->next].run = unplayed(&r->list[r->next].play, _("no process can be started"));
				r->list[r->next++].done = true;
			}
			working |= w->pid != 0;
		}
		listen_to_all(r);
		give(r);
		working |= r->next < r->n;
	}
	give(r);
}

enum inuse_status iu_jobs_run(const struct iu_jobs *jobs, void (*fn)(void *arg, const json_t *run), void *arg,
			      struct inuse_error *error)
{
	struct runner *r = calloc(1, sizeof(*r));
	size_t n = 0;
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	for (size_t i = 0; i < jobs->n_exps; i++)
		n += count_runs(jobs->exps[i]);
	if (r != NULL)
		r->list = calloc(n > 0 ? n : 1, sizeof(*r->list));
	if (r == NULL || r->list == NULL) {
		free(r);
		return iu_fail(error, INUSE_E_MEMORY, 0, NULL, _("out of memory"));
	}
	r->jobs = jobs;
	r->fn = fn;
	r->arg = arg;
	/* most of a run is waiting, so more of them than there are processors */
	r->n_workers = jobs->workers != 0 ? jobs->workers : (unsigned)(cpus > 0 ? 4 * cpus : 4);
	if (r->n_workers > WORKERS_MAX)
		r->n_workers = WORKERS_MAX;
	for (size_t i = 0; i < jobs->n_exps; i++)
		add_jobs(r, jobs->exps[i]);
	for (size_t i = 0; jobs->model_only && i < r->n; i++) {
		r->list[i].run = iu_play(&r->list[i].play);
		r->list[i].done = true;
		give(r);
	}
	if (!jobs->model_only)
		run_live(r);
	free(r->list);
	free(r);
	return INUSE_OK;
}
