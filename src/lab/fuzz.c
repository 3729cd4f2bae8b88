/* SPDX-License-Identifier: MIT */
/* Scenes one after the other, until there were enough calls. See fuzz.h. */
#include "lab/fuzz_private.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/gettext.h"
#include "host/features.h"
#include "host/host.h"
#include "host/settings.h"

#define PROGRESS_MS 200
#define DISTURBED_NS INT64_C(500000000) /* after that SYNs come again and remains may be taken over */

const char *const iu_fuzz_eyes_names[IU_N_EYES] = {"state", "bucket", "user"};

static uint64_t cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* Keeps what was found, as few steps as show it. */
static void keep(struct iu_fuzzer *f)
{
	static struct iu_scene scene;
	struct iu_fuzz_result *r = f->result;
	char why[sizeof(f->why)];

	scene = f->scene;
	snprintf(why, sizeof(why), "%s", f->why);
	if (!iu_fuzz_shrink(f, &scene)) {
		r->unsteady++;
		return;
	}
	r->disagreements++;
	if (r->n_found < IU_FUZZ_FOUND) {
		iu_fuzz_scene_text(f, &scene, f->why, r->found[r->n_found], IU_FUZZ_TEXT);
		r->n_found++;
	}
}

/* Has the machine been so busy that something came of it that is not simulated? */
static bool was_disturbed(const struct iu_fuzzer *f, enum iu_agreement agreement)
{
	return iu_live_now() - f->began_ns > DISTURBED_NS || (agreement == IU_DIFFERS && iu_fuzz_left_whole(f));
}

static void play_scene(struct iu_fuzzer *f)
{
	enum iu_agreement agreement = IU_AGREES;
	struct iu_fuzz_result *r = f->result;

	iu_fuzz_make_begin(f);
	while (agreement == IU_AGREES && (f->stop == NULL || *f->stop == 0)) {
		struct iu_step *step = &f->scene.steps[f->scene.n];

		if (r->calls >= f->fuzz->calls || !iu_fuzz_make(f, step))
			break;
		agreement = iu_fuzz_step(f, step, &f->scene.kernel[f->scene.n]);
		f->scene.n++;
	}
	if (agreement != IU_AGREES && agreement != IU_ENDED && was_disturbed(f, agreement)) {
		r->disturbed++;
		agreement = IU_AGREES;
	}
	r->choices += agreement == IU_CHOICE;
	r->scenes++;
	iu_fuzz_end(f);
	if (agreement == IU_DIFFERS)
		keep(f);
	else if (agreement == IU_BROKEN)
		f->scenes_here = UINT32_MAX - 1; /* a fresh namespace */
}

void iu_fuzz_play(const struct iu_fuzz *fuzz, struct iu_fuzz_result *r, const volatile sig_atomic_t *stop)
{
	struct iu_fuzzer *f = calloc(1, sizeof(*f));
	struct inuse_error error = {0};
	uint64_t cpu = cpu_ns();
	int64_t wall = iu_host_now();
	unsigned found_max = fuzz->found_max != 0 ? fuzz->found_max : IU_FUZZ_FOUND;

	if (f == NULL)
		return;
	f->fuzz = fuzz;
	f->result = r;
	f->stop = stop;
	f->profile = fuzz->profile != NULL ? fuzz->profile : &iu_profile_linux;
	f->random = fuzz->seed;
	f->root = r->other_users = geteuid() == 0;
	f->features = r->features = iu_features_here();
	if (iu_fuzz_namespace(f, &error) != INUSE_OK) {
		snprintf(r->why_not, sizeof(r->why_not), "%s", error.text);
		iu_live_free(f->live);
		free(f);
		return;
	}
	r->started = true;
	f->eyes = iu_eyes_new(iu_fuzz_ports, IU_FUZZ_N_PORTS, &error);
	if (f->eyes == NULL)
		snprintf(r->why_fewer_eyes, sizeof(r->why_fewer_eyes), "%s", error.text);
	while (r->calls < fuzz->calls && r->disagreements < found_max && (stop == NULL || *stop == 0) && iu_fuzz_begin(f)) {
		play_scene(f);
		r->cpu_ns = cpu_ns() - cpu;
		r->wall_ns = (uint64_t)(iu_host_now() - wall);
	}
	r->finished = r->calls >= fuzz->calls || r->disagreements >= found_max;
	iu_eyes_free(f->eyes);
	iu_live_free(f->live);
	free(f);
}

/* ----------------------------------------------------------------------------------------- a child process */

/* What the child and we have in common. */
struct common {
	struct iu_fuzz_result result;
	volatile sig_atomic_t stop; /* the child is to end */
};

/* Signals are ours: one in the middle of a call would be a difference between kernel and model. */
static void be_child(const struct iu_fuzz *fuzz, struct common *common, pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(0);
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	iu_fuzz_play(fuzz, &common->result, &common->stop);
	_exit(0);
}

/* Waits for the child, which is told to end when we are. */
static bool wait_for(pid_t child, int ended, struct common *common, void (*progress)(void *arg, const struct iu_fuzz_result *result),
		     void *arg, const volatile sig_atomic_t *stop)
{
	struct pollfd pfd = {ended, POLLIN, 0};
	int status;

	while (poll(&pfd, 1, PROGRESS_MS) <= 0) {
		common->stop = stop != NULL && *stop != 0;
		if (progress != NULL)
			progress(arg, &common->result);
	}
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return false;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

enum inuse_status iu_fuzz_run(const struct iu_fuzz *fuzz, struct iu_fuzz_result *ret,
			      void (*progress)(void *arg, const struct iu_fuzz_result *result), void *arg,
			      const volatile sig_atomic_t *stop, struct inuse_error *error)
{
	struct common *common = mmap(NULL, sizeof(*common), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t parent = getpid(), child;
	int ends[2];
	bool well;

	if (common == MAP_FAILED || pipe(ends) < 0)
		return iu_fail(error, INUSE_E_SYSTEM, errno, "mmap", _("no process can be started: %s"), strerror(errno));
	fflush(NULL);
	child = fork();
	if (child == 0) {
		close(ends[0]);
		be_child(fuzz, common, parent); /* its end of the pipe closes with it */
	}
	close(ends[1]);
	well = child > 0 && wait_for(child, ends[0], common, progress, arg, stop);
	close(ends[0]);
	*ret = common->result;
	munmap(common, sizeof(*common));
	if (child < 0)
		return iu_fail(error, INUSE_E_SYSTEM, errno, "fork", _("no process can be started: %s"), strerror(errno));
	if (!well)
		return iu_fail(error, INUSE_E_SYSTEM, 0, NULL, _("the process that played the scenes broke off"));
	if (!ret->started)
		return iu_fail(error, INUSE_E_PERMISSION, 0, NULL, "%s", ret->why_not);
	return INUSE_OK;
}

const char *iu_fuzz_unreached(const struct iu_fuzz_result *r, const char *rule)
{
	if (strcmp(rule, "reuse-memory") == 0 && (r->features & IU_FEATURE_OWNERS_BY_ADDR) != 0)
		return _("only before Linux 6.8: since then nobody is the first on a bucket");
	if (strcmp(rule, "syn-fin-wait2") == 0 && r->why_no_peers[0] != 0)
		return r->why_no_peers;
	if (strncmp(rule, "privileged-port", 15) == 0 && !r->other_users)
		return _("needs a user who is not root; that one who plays is, in a namespace of one's own");
	return NULL;
}
