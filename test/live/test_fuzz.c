/* SPDX-License-Identifier: MIT */
/*
 * The fuzzer: fixed seeds find nothing, and a model with one row broken is found out.
 *
 * Theory of operation
 *
 * A profile is data, so a broken one is a copy in which one row answers something else. The fuzzer is given that copy and 10 s of
 * processor time. A list of blockers is broken by one more row before the others: it is asked only once something is known to be in
 * the way, so that what comes of the call stays right, and only who removes what is named finds out. INUSE_SEED sets another seed ("time": a new one each time), INUSE_CALLS another number of calls.
 */
#include "support/live.h"

#include <jansson.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "lab/fuzz_private.h"

#define CALLS 20000
#define LIMIT_NS UINT64_C(10000000000)

static volatile sig_atomic_t stop;

static void watch(void *arg, const struct iu_fuzz_result *r)
{
	stop = r->cpu_ns > LIMIT_NS;
}

static const struct iu_fuzz_result *play(const struct iu_fuzz *fuzz)
{
	static struct iu_fuzz_result result;
	struct inuse_error error = {0};

	stop = 0;
	if (iu_fuzz_run(fuzz, &result, fuzz->profile != NULL ? watch : NULL, NULL, &stop, &error) != INUSE_OK)
		live_skip("%s", error.text);
	return &result;
}

static void test_fuzz__fixed_seeds__kernel_and_model_agree(void **state)
{
	const char *seed = getenv("INUSE_SEED"), *calls = getenv("INUSE_CALLS");
	struct iu_fuzz fuzz = {.calls = calls != NULL ? strtoull(calls, NULL, 10) : CALLS, .seed = 9293};
	const struct iu_fuzz_result *r;

	live_need_root();
	live_need_ipv6();
	if (seed != NULL)
		fuzz.seed = strcmp(seed, "time") == 0 ? (uint64_t)time(NULL) : strtoull(seed, NULL, 10);
	for (int i = 0; i < 2; i++, fuzz.seed++) {
		r = play(&fuzz);
		print_message("seed %llu: %llu calls, %llu by the kernel's buckets, %llu a second of processor time\n",
			      (unsigned long long)fuzz.seed, (unsigned long long)r->calls, (unsigned long long)r->judged[IU_EYES_BUCKET],
			      (unsigned long long)((double)r->calls * 1e9 / (double)(r->cpu_ns + 1)));
		if (r->disagreements > 0)
			fail_msg("%s", r->found[0]);
		assert_int_equal(r->calls, fuzz.calls);
		assert_true(r->why_fewer_eyes[0] != 0 || (r->judged[IU_EYES_BUCKET] > r->calls / 5 && r->removed > 0));
		assert_true(r->user_cannot_tell > 0 && r->user_cannot_tell < r->calls / 4 && r->user_tried > 0);
	}
}

/* Who may make user namespaces plays in one, with fewer eyes and no other users; what an ordinary user sees is never wrong there either. */
static void test_fuzz__ordinary_user__plays_and_agrees(void **state)
{
	struct iu_fuzz fuzz = {.calls = 10000, .seed = 9293};
	static struct iu_fuzz_result result;
	struct inuse_error error = {0};
	enum inuse_status status;

	live_need_root();
	live_need_ipv6();
	assert_int_equal(seteuid(65534), 0);
	prctl(PR_SET_DUMPABLE, 1); /* else its own /proc/self is not the new user's */
	status = iu_fuzz_run(&fuzz, &result, NULL, NULL, NULL, &error);
	assert_int_equal(seteuid(0), 0);
	if (status != INUSE_OK)
		live_skip("%s", error.text);
	print_message("%s; %s\n", result.why_fewer_eyes, result.why_no_peers);
	if (result.disagreements > 0)
		fail_msg("%s", result.found[0]);
	assert_int_equal(result.calls, fuzz.calls);
	assert_false(result.other_users);
	assert_true(result.removed > 0 && result.judged[IU_EYES_USER] > 0 && result.user_cannot_tell < result.calls / 4);
	assert_non_null(iu_fuzz_unreached(&result, "privileged-port"));
}

/* Else SOCK_DESTROY would look for the remains of a connection on another device than theirs. */
static void test_fuzz_on_kernel__each_device__the_one_of_that_name(void **state)
{
	live_need_root();
	live_need_ipv6();
	play(&(struct iu_fuzz){.calls = 1, .seed = 1}); /* where nothing can be played at all, it is skipped */
	LIVE_CHILD({
		struct iu_fuzzer *f = calloc(1, sizeof(*f));
		const struct iu_facts *facts;

		f->fuzz = &(struct iu_fuzz){.seed = 1};
		f->result = calloc(1, sizeof(*f->result));
		f->profile = &iu_profile_linux;
		if (iu_fuzz_namespace(f, NULL) != INUSE_OK || !iu_fuzz_begin(f))
			live_fail("no scene");
		facts = iu_sim_facts(f->model.sim);
		for (size_t i = 0; i < facts->n_devices; i++) {
			struct inuse_socket one = {.device = facts->devices[i].index};

			if (iu_fuzz_on_kernel(f, &one).device != if_nametoindex(facts->devices[i].name))
				live_fail("another device than %s", facts->devices[i].name);
		}
		if (facts->n_devices < 2)
			live_fail("no device but lo");
		iu_fuzz_end(f);
	});
}

/*
 * What the row answers instead. Where the opposite makes no difference, because another row says the same right after it, it is
 * another error.
 */
static enum inuse_result broken(const char *id, enum inuse_result then)
{
	if (strcmp(id, "nobody-listens") == 0 || strcmp(id, "syn-no-listener") == 0)
		return INUSE_R_ADDRNOTAVAIL;
	if (then == INUSE_R_TIMEDOUT)
		return INUSE_R_CONNREFUSED;
	return then == INUSE_R_OK ? INUSE_R_ADDRINUSE : INUSE_R_OK;
}

static bool is_found(const struct iu_profile *profile, const char *id)
{
	struct iu_fuzz fuzz = {.calls = 10000000, .seed = 9293, .profile = profile, .found_max = 1, .keep_whole = true};
	const struct iu_fuzz_result *r = play(&fuzz);

	/* what is printed is an experiment */
	for (unsigned i = 0; i < r->n_found; i++) {
		struct inuse_error error = {0};
		struct iu_exp *exp;

		if (iu_exp_parse("found.exp", r->found[i], strlen(r->found[i]), &exp, &error) != INUSE_OK)
			fail_msg("%s\n%s", error.text, r->found[i]);
		iu_exp_free(exp);
	}
	if (r->disagreements == 0)
		print_message("%s is broken, and nothing was found in %llu calls\n", id, (unsigned long long)r->calls);
	return r->disagreements > 0;
}

static void test_fuzz__one_row_broken__found(void **state)
{
	const struct iu_profile *linux_rules = &iu_profile_linux;
	struct iu_call_rule calls[IU_MAX_CALL_RULES];
	struct iu_owner_rule owners[IU_MAX_OWNER_RULES];
	struct iu_profile profile = *linux_rules;
	struct iu_fuzz_result here;
	unsigned missed = 0, tried = 0;

	live_need_root();
	live_need_ipv6();
	here = *play(&(struct iu_fuzz){.calls = 1, .seed = 1});
	assert_true(linux_rules->n_calls <= IU_MAX_CALL_RULES && linux_rules->n_owners <= IU_MAX_OWNER_RULES);
	profile.calls = calls;
	profile.owners = owners;
	for (size_t i = 0; i < linux_rules->n_calls + linux_rules->n_owners; i++) {
		size_t o = i - linux_rules->n_calls;
		const char *id = i < linux_rules->n_calls ? linux_rules->calls[i].id : linux_rules->owners[o].id;

		if (iu_fuzz_unreached(&here, id) != NULL) {
			print_message("%s: %s\n", id, iu_fuzz_unreached(&here, id));
			continue;
		}
		memcpy(calls, linux_rules->calls, linux_rules->n_calls * sizeof(calls[0]));
		memcpy(owners, linux_rules->owners, linux_rules->n_owners * sizeof(owners[0]));
		if (i < linux_rules->n_calls)
			calls[i].then = broken(id, calls[i].then);
		else
			owners[o].then = owners[o].then == INUSE_R_OK ? INUSE_R_ADDRINUSE : INUSE_R_OK;
		tried++;
		missed += !is_found(&profile, id);
	}
	print_message("%u rows broken, one at a time: %u found\n", tried, tried - missed);
	assert_int_equal(missed, 0);
}

/* ----------------------------------------------------------------------------------- the list of blockers */

/* Is something known to be in the way of this bind() already? */
static bool is_blocked(const struct iu_world *w)
{
	return w->req.call == INUSE_CALL_BIND && w->req.local.port != 0 && w->scan.n_shown > 0 && w->scan.certain[0];
}

static enum inuse_tri is_another(const struct iu_world *w, const struct inuse_socket *o, uint32_t *missing)
{
	return iu_is(is_blocked(w));
}

static enum inuse_tri is_another_listener(const struct iu_world *w, const struct inuse_socket *o, uint32_t *missing)
{
	return iu_is(is_blocked(w) && o->state == INUSE_LISTEN);
}

static bool is_connection(const struct inuse_socket *o)
{
	return o->state != INUSE_LISTEN && o->state != INUSE_BOUND && !o->mini;
}

static enum inuse_tri is_another_connection(const struct iu_world *w, const struct inuse_socket *o, uint32_t *missing)
{
	return iu_is(is_blocked(w) && is_connection(o));
}

static enum inuse_tri is_beside_a_connection(const struct iu_world *w, const struct inuse_socket *o, uint32_t *missing)
{
	return iu_is(is_blocked(w) && is_connection(w->scan.shown[0]));
}

static enum inuse_tri is_beside_a_mini(const struct iu_world *w, const struct inuse_socket *o, uint32_t *missing)
{
	return iu_is(is_blocked(w) && w->scan.shown[0]->mini);
}

static enum inuse_tri is_another_mini(const struct iu_world *w, const struct inuse_socket *o, uint32_t *missing)
{
	return iu_is(is_blocked(w) && o->mini);
}

static const struct {
	const char *says;
	iu_owner_when *when;
	enum inuse_result then;
	const char *step; /* how one of them is removed there, or NULL: as it happens */
} lists[] = {
	{"names one blocker only", is_another, INUSE_R_OK},
	{"leaves out listeners", is_another_listener, INUSE_R_OK},
	{"leaves out connections", is_another_connection, INUSE_R_OK},
	{"leaves out all but a connection", is_beside_a_connection, INUSE_R_OK, " repair\nclose s"},
	{"leaves out all but a TIME-WAIT", is_beside_a_mini, INUSE_R_OK, "\nevict "},
	{"leaves out TIME-WAIT and FIN-WAIT-2 remains", is_another_mini, INUSE_R_OK},
	{"names whatever is on the port", is_another, INUSE_R_ADDRINUSE},
	{"names listeners too many", is_another_listener, INUSE_R_ADDRINUSE},
	{"names connections too many", is_another_connection, INUSE_R_ADDRINUSE},
	{"names remains too many", is_another_mini, INUSE_R_ADDRINUSE},
};

/* The experiment differs where it is played again, in its last step and in none before. */
static void assert_replays(const char *exp)
{
	char path[] = "/tmp/inuse-found-XXXXXX.exp";
	int fd = mkstemps(path, 4);
	const struct live_run *played;
	json_t *run, *steps, *step;
	size_t i;

	assert_true(fd >= 0 && write(fd, exp, strlen(exp)) == (ssize_t)strlen(exp));
	close(fd);
	played = live_inuse("lab", "--json", path);
	unlink(path);
	run = json_loads(played->out, 0, NULL);
	steps = json_object_get(run, "steps");
	if (json_array_size(steps) == 0 || played->status != 1)
		fail_msg("exit status %d\n%s\n%s", played->status, exp, played->out);
	json_array_foreach(steps, i, step)
		if (json_is_true(json_object_get(step, "agrees")) != (i + 1 < json_array_size(steps)))
			fail_msg("step %zu\n%s\n%s", i, exp, played->out);
	json_decref(run);
}

/* What is found first may be something else, about once in a million calls: then another seed is played. */
static const struct iu_fuzz_result *play_until_removal(struct iu_fuzz *fuzz, const char *says, const char *step)
{
	for (fuzz->seed = 9293; fuzz->seed < 9296; fuzz->seed++) {
		const struct iu_fuzz_result *r = play(fuzz);

		if (r->n_found == 0)
			fail_msg("a list that %s: nothing was found in %llu calls", says, (unsigned long long)r->calls);
		if (strstr(r->found[0], "named blockers removed") != NULL && (step == NULL || strstr(r->found[0], step) != NULL))
			return r;
		print_message("a list that %s: seed %llu finds something else:\n%s", says, (unsigned long long)fuzz->seed, r->found[0]);
	}
	fail_msg("a list that %s is found in another way", says);
	return NULL;
}

static void test_fuzz__blockers_left_out_or_too_many__found_by_removal_and_replayed(void **state)
{
	const struct iu_profile *linux_rules = &iu_profile_linux;
	struct iu_owner_rule owners[IU_MAX_OWNER_RULES];
	struct iu_profile profile = *linux_rules;
	/* often, as some of these lists are wrong in few scenes only */
	struct iu_fuzz fuzz = {.calls = 10000000, .profile = &profile, .found_max = 1, .remove_every = 4};

	live_need_root();
	live_need_ipv6();
	assert_true(linux_rules->n_owners < IU_MAX_OWNER_RULES);
	memcpy(owners + 1, linux_rules->owners, linux_rules->n_owners * sizeof(owners[0]));
	profile.owners = owners;
	profile.n_owners = linux_rules->n_owners + 1;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		const struct iu_fuzz_result *r;

		owners[0] = (struct iu_owner_rule){.id = "broken", .when = lists[i].when, .then = lists[i].then};
		r = play_until_removal(&fuzz, lists[i].says, lists[i].step);
		print_message("a list that %s: found in %llu calls, %llu ms\n%s", lists[i].says, (unsigned long long)r->calls,
			      (unsigned long long)(r->cpu_ns / 1000000), r->found[0]);
		assert_replays(r->found[0]);
	}
}

static void stop_at_first(void *arg, const struct iu_fuzz_result *r)
{
	stop = r->n_found > 0;
}

static void test_fuzz__interrupted__what_was_found_so_far_is_there(void **state)
{
	struct iu_owner_rule owners[IU_MAX_OWNER_RULES];
	struct iu_profile profile = iu_profile_linux;
	struct iu_fuzz fuzz = {.calls = UINT64_MAX / 2, .seed = 9293, .profile = &profile, .found_max = 1000000};
	static struct iu_fuzz_result result;
	struct inuse_error error = {0};

	live_need_root();
	live_need_ipv6();
	memcpy(owners, iu_profile_linux.owners, iu_profile_linux.n_owners * sizeof(owners[0]));
	owners[0].then = INUSE_R_ADDRINUSE; /* no-overlap: others are in the way, too */
	profile.owners = owners;
	stop = 0;
	if (iu_fuzz_run(&fuzz, &result, stop_at_first, NULL, &stop, &error) != INUSE_OK)
		live_skip("%s", error.text);
	assert_false(result.finished);
	assert_true(result.n_found > 0 && result.disagreements >= result.n_found);
	assert_non_null(strstr(result.found[0], "# the kernel says "));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {live_test(test_fuzz__fixed_seeds__kernel_and_model_agree),
						  live_test(test_fuzz__ordinary_user__plays_and_agrees),
						  live_test(test_fuzz_on_kernel__each_device__the_one_of_that_name),
						  live_test(test_fuzz__interrupted__what_was_found_so_far_is_there),
						  live_test(test_fuzz__one_row_broken__found),
						  live_test(test_fuzz__blockers_left_out_or_too_many__found_by_removal_and_replayed)};

	return LIVE_RUN("fuzz", tests);
}
