/* SPDX-License-Identifier: MIT */
/*
 * Fewer steps that show the same disagreement: delta debugging (Zeller, Hildebrandt: Simplifying and isolating failure-inducing
 * input), from large pieces down to single steps. Steps of sockets that are not made any more go with them. In the end nothing is left to chance.
 */
#include "lab/fuzz_private.h"

#include <assert.h>
#include <string.h>

#define PLAYS_MAX 3000
#define TRIES 40

/* As much of the reason as does not vary with the sockets: "only the kernel has: TIME-WAIT", "the kernel says EADDRINUSE with". */
static size_t telling(enum iu_fuzz_kind kind)
{
	return kind == IU_BY_SOCKETS ? 32 : kind == IU_BY_REMOVAL ? 20 : sizeof(((struct iu_fuzzer *)0)->why);
}

/* Leaves out steps [from, from + n), and what then makes no sense. */
static void without(const struct iu_scene *all, size_t from, size_t n, struct iu_scene *ret)
{
	uint64_t made = 0;
	uint32_t running = 0, peers = 0;

	ret->n = 0;
	ret->removal.n = 0;
	ret->random = all->random;
	for (size_t i = 0; i < all->n; i++) {
		const struct iu_step *s = &all->steps[i];
		bool of_socket = s->action != IU_DO_SOCKET && s->action != IU_DO_USER && s->action != IU_DO_SETTING &&
				 s->action != IU_DO_WAIT && s->action != IU_DO_FORK && s->action != IU_DO_KILL && s->action != IU_DO_PEER &&
				 s->action != IU_DO_SEND;

		if (i >= from && i < from + n)
			continue;
		if (of_socket && (made >> s->socket & 1) == 0)
			continue;
		if ((s->action == IU_DO_FORK && (made & s->sockets) != s->sockets) ||
		    (s->action == IU_DO_KILL && (running >> s->process & 1) == 0) || (s->action == IU_DO_SEND && (peers >> s->peer & 1) == 0))
			continue;
		if (s->action == IU_DO_SOCKET)
			made |= UINT64_C(1) << s->socket;
		else if (s->action == IU_DO_ACCEPT)
			made |= UINT64_C(1) << s->other;
		else if (s->action == IU_DO_CLOSE)
			made &= ~(UINT64_C(1) << s->socket);
		else if (s->action == IU_DO_FORK)
			running |= 1u << s->process;
		else if (s->action == IU_DO_PEER)
			peers |= 1u << s->peer;
		ret->steps[ret->n++] = *s;
	}
}

/* Plays it; true: it ends in a disagreement of the same kind. Then it is cut behind that step. */
static bool still_differs(struct iu_fuzzer *f, struct iu_scene *scene, enum iu_fuzz_kind kind, const char *why)
{
	enum iu_agreement agreement = IU_AGREES;
	size_t i;

	if (!iu_fuzz_begin(f))
		return false;
	f->scene.random = scene->random;
	f->n_sockets = IU_SCENE_SOCKETS;
	f->n_processes = IU_EXP_MAX_PROCESSES;
	f->settings_changed = true;
	for (i = 0; i < scene->n && agreement == IU_AGREES; i++) {
		f->last = i + 1 == scene->n;
		f->kind = kind;
		agreement = iu_fuzz_step(f, &scene->steps[i], &scene->kernel[i]);
	}
	if (agreement == IU_DIFFERS && iu_fuzz_left_whole(f))
		agreement = IU_AGREES;
	iu_fuzz_end(f);
	if (agreement != IU_DIFFERS || f->kind != kind)
		return false;
	/* with fewer steps another disagreement might come to light, which is another finding */
	if (strncmp(f->why, why, telling(kind)) != 0)
		return false;
	scene->n = i;
	if (kind == IU_BY_REMOVAL)
		scene->removal = f->removal;
	return true;
}

/* ------------------------------------------------------------------------------------- ports that the kernel chose */

#define PIN_TRIES 4
static const char *const pins[] = {"20001-20001", "20002-20002", "20003-20003", "20004-20004"};
static_assert(sizeof(pins) / sizeof(pins[0]) == IU_FUZZ_RANGE_LAST - IU_FUZZ_RANGE + 1, "a pin for each port");

/* Before each step in which the kernel chose a port the range becomes that one alone. False: there is no such step, or no room. */
static bool pin(struct iu_scene *scene)
{
	bool any = false;

	for (size_t i = scene->n; i-- > 0;) {
		struct iu_step *step = &scene->steps[i];
		uint16_t port = scene->kernel[i].chosen;

		if (port < IU_FUZZ_RANGE || port > IU_FUZZ_RANGE_LAST)
			continue;
		if (scene->n == IU_SCENE_STEPS)
			return false;
		memmove(step + 1, step, (scene->n - i) * sizeof(*step));
		*step = (struct iu_step){.action = IU_DO_SETTING, .word = "net.ipv4.ip_local_port_range", .value = pins[port - IU_FUZZ_RANGE]};
		scene->n++;
		any = true;
	}
	return any;
}

/* What is left to chance would come out another way where it is played again. */
static void leave_no_choice(struct iu_fuzzer *f, struct iu_scene *scene, struct iu_scene *pinned, enum iu_fuzz_kind kind, const char *why)
{
	bool differs = false;

	*pinned = *scene;
	if (!pin(pinned))
		return;
	for (unsigned tries = 0; tries < PIN_TRIES && !differs; tries++)
		differs = still_differs(f, pinned, kind, why);
	if (differs)
		*scene = *pinned;
}

bool iu_fuzz_shrink(struct iu_fuzzer *f, struct iu_scene *scene)
{
	static struct iu_scene fewer;
	enum iu_fuzz_kind kind = f->kind;
	char why[sizeof(f->why)];
	unsigned plays = 0;
	bool shorter = true, differs = false;

	memcpy(why, f->why, sizeof(why));
	f->again = true;
	/* ports that the kernel chose may have to be chosen again */
	for (plays = 0; plays < TRIES && !differs; plays++)
		differs = still_differs(f, scene, kind, why);
	if (!differs) {
		f->again = false;
		return false;
	}
	plays = 0;
	while (shorter && plays < PLAYS_MAX && !f->fuzz->keep_whole && (f->stop == NULL || *f->stop == 0)) {
		shorter = false;
		for (size_t size = scene->n / 2; size >= 1; size /= 2)
			for (size_t at = scene->n; at-- > 0 && plays < PLAYS_MAX;) {
				size_t from = at >= size - 1 ? at - (size - 1) : 0;

				without(scene, from, size, &fewer);
				plays++;
				if (fewer.n < scene->n && still_differs(f, &fewer, kind, why)) {
					*scene = fewer;
					shorter = true;
					at = at > scene->n ? scene->n : at;
				} else if (size > 1) {
					at = from; /* the next piece */
				}
			}
	}
	if (!f->fuzz->keep_whole)
		leave_no_choice(f, scene, &fewer, kind, why);
	/* the answers of a play that did show it: what came last may have been one that did not */
	for (plays = 0, differs = false; plays < TRIES && !differs; plays++)
		differs = still_differs(f, scene, kind, why);
	f->again = false;
	f->kind = kind;
	return true;
}
