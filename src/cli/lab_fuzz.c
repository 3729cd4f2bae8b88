/* SPDX-License-Identifier: MIT */
/* inuse lab --fuzz: random calls on the kernel and on the model, and what came of them. */
#include "cli/lab_fuzz.h"

#include <inttypes.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/gettext.h"
#include "base/text.h"
#include "cli/cli.h"
#include "host/host.h"
#include "lab/fuzz.h"
#include "lab/live.h"

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
	interrupted = 1;
}

static double share(uint64_t part, uint64_t whole)
{
	return whole > 0 ? 100.0 * (double)part / (double)whole : 0.0;
}

static uint64_t rate(uint64_t calls, uint64_t ns)
{
	return ns > 0 ? (uint64_t)((double)calls * 1e9 / (double)ns) : 0;
}

/* On a terminal: one line that is written over. */
static void tell_progress(void *arg, const struct iu_fuzz_result *r)
{
	const struct iu_lab_fuzz *what = arg;

	fputc('\r', stderr);
	fprintf(stderr, _("%" PRIu64 " of %" PRIu64 " calls, %" PRIu64 " a second, %" PRIu64 " disagreements "), r->calls, what->calls,
		rate(r->calls, r->wall_ns), r->disagreements);
	fflush(stderr);
}

/* ------------------------------------------------------------------------------------------- for people */

static void add_row(struct iu_text *t, const char *id, const struct iu_fuzz_row *row, const char *unreached)
{
	size_t start = t->len;

	iu_text_addf(t, "  %s", id);
	iu_text_pad(t, start, 28, 1);
	iu_text_addf(t, "%12" PRIu64 "%12" PRIu64 "%12" PRIu64, row->decided, row->agreed, row->open);
	if (unreached != NULL)
		iu_text_addf(t, "  %s", unreached);
	iu_text_add(t, "\n");
}

static void add_table(struct iu_text *t, const struct iu_fuzz_result *r)
{
	const struct iu_profile *p = &iu_profile_linux;
	size_t start = t->len;

	iu_text_addf(t, "  %s", _("rule"));
	iu_text_pad(t, start, 28, 1);
	iu_text_addf(t, "%12s%12s%12s\n", _("decided"), _("agreed"), _("left open"));
	for (size_t i = 0; i < p->n_calls; i++)
		add_row(t, p->calls[i].id, &r->calls_of[i], r->calls_of[i].decided ? NULL : iu_fuzz_unreached(r, p->calls[i].id));
	for (size_t i = 0; i < p->n_owners; i++)
		add_row(t, p->owners[i].id, &r->owners_of[i], NULL);
}

static void add_eyes(struct iu_text *t, const struct iu_fuzz_result *r)
{
	iu_text_addf(t, _("Judged by the simulated sockets: %" PRIu64 " (%.1f %%); by the kernel's buckets, read the moment before: %" PRIu64
			  " (%.1f %%).\n"),
		     r->judged[IU_EYES_STATE], share(r->judged[IU_EYES_STATE], r->calls), r->judged[IU_EYES_BUCKET],
		     share(r->judged[IU_EYES_BUCKET], r->calls));
	if (r->why_fewer_eyes[0] != 0)
		iu_text_addf(t, _("The buckets could not be read: %s\n"), r->why_fewer_eyes);
	if (r->why_no_peers[0] != 0)
		iu_text_addf(t, _("Packets of other hosts could not be made: %s\n"), r->why_no_peers);
	iu_text_addf(t, _("With an ordinary user's eyes: %" PRIu64 " calls, of which %" PRIu64 " (%.1f %%) cannot be told; of %" PRIu64
			  " of these all values of the unknown were tried, and the outcomes do differ.\n"),
		     r->judged[IU_EYES_USER], r->user_cannot_tell, share(r->user_cannot_tell, r->judged[IU_EYES_USER]), r->user_tried);
	if (r->removed > 0)
		iu_text_addf(t, _("Named blockers removed one by one: %" PRIu64 " calls, %" PRIu64 " blockers; each call succeeded exactly after the last.\n"),
		     r->removed, r->blockers);
}

static void tell(const struct iu_lab_fuzz *what, const struct iu_fuzz_result *r)
{
	struct iu_text t = {0};

	for (unsigned i = 0; i < r->n_found; i++)
		iu_text_addf(&t, "%s\n", r->found[i]);
	if (r->n_found > 0)
		iu_text_add(&t, _("Saved as FILE.exp each of these can be played again: inuse lab FILE.exp\n\n"));
	add_table(&t, r);
	iu_text_add(&t, "\n");
	add_eyes(&t, r);
	iu_text_addf(&t, _("%" PRIu64 " scenes ended with a choice that is the kernel's, %" PRIu64 " were disturbed, %" PRIu64
			   " differed once and not again.\n"),
		     r->choices, r->disturbed, r->unsteady);
	iu_text_addf(&t, _("Seed %" PRIu64 ": %" PRIu64 " calls in %" PRIu64 " scenes (%" PRIu64 " steps, %" PRIu64
			   " calls refused), %" PRIu64 " a second of processor time: %" PRIu64 " disagreements.\n"),
		     what->seed, r->calls, r->scenes, r->steps, r->failed, rate(r->calls, r->cpu_ns), r->disagreements);
	if (!r->finished)
		iu_text_add(&t, _("Interrupted.\n"));
	fputs(t.data != NULL ? t.data : "", stdout);
	iu_text_done(&t);
}

/* ------------------------------------------------------------------------------------------ for programs */

static json_t *row_json(const char *id, const struct iu_fuzz_row *row, const char *unreached)
{
	json_t *o = json_object();

	json_object_set_new(o, "rule", json_string(id));
	json_object_set_new(o, "decided", json_integer((json_int_t)row->decided));
	json_object_set_new(o, "agreed", json_integer((json_int_t)row->agreed));
	json_object_set_new(o, "left_open", json_integer((json_int_t)row->open));
	if (unreached != NULL)
		json_object_set_new(o, "unreached", json_string(unreached));
	return o;
}

static json_t *rules_json(const struct iu_fuzz_result *r)
{
	const struct iu_profile *p = &iu_profile_linux;
	json_t *a = json_array();

	for (size_t i = 0; i < p->n_calls; i++)
		json_array_append_new(a, row_json(p->calls[i].id, &r->calls_of[i],
						  r->calls_of[i].decided ? NULL : iu_fuzz_unreached(r, p->calls[i].id)));
	for (size_t i = 0; i < p->n_owners; i++)
		json_array_append_new(a, row_json(p->owners[i].id, &r->owners_of[i], NULL));
	return a;
}

static void tell_json(const struct iu_lab_fuzz *what, const struct iu_fuzz_result *r)
{
	const struct {
		const char *name;
		uint64_t value;
	} numbers[] = {
		{"seed", what->seed},           {"calls", r->calls},
		{"steps", r->steps},            {"scenes", r->scenes},
		{"refused", r->failed},         {"cpu_ns", r->cpu_ns},
		{"wall_ns", r->wall_ns},        {"calls_per_cpu_second", rate(r->calls, r->cpu_ns)},
		{"kernel_choices", r->choices}, {"disturbed", r->disturbed},
		{"unsteady", r->unsteady},      {"user_cannot_tell", r->user_cannot_tell},
		{"user_tried", r->user_tried},  {"removal_calls", r->removed},
		{"removed_blockers", r->blockers}, {"disagreements", r->disagreements},
	};
	json_t *o = json_object(), *judged = json_object(), *found = json_array();
	char *text;

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		json_object_set_new(o, numbers[i].name, json_integer((json_int_t)numbers[i].value));
	for (unsigned i = 0; i < IU_N_EYES; i++)
		json_object_set_new(judged, iu_fuzz_eyes_names[i], json_integer((json_int_t)r->judged[i]));
	for (unsigned i = 0; i < r->n_found; i++)
		json_array_append_new(found, json_string(r->found[i]));
	json_object_set_new(o, "judged", judged);
	json_object_set_new(o, "finished", json_boolean(r->finished));
	if (r->why_fewer_eyes[0] != 0)
		json_object_set_new(o, "why_fewer_eyes", json_string(r->why_fewer_eyes));
	if (r->why_no_peers[0] != 0)
		json_object_set_new(o, "why_no_peers", json_string(r->why_no_peers));
	json_object_set_new(o, "rules", rules_json(r));
	json_object_set_new(o, "found", found);
	text = json_dumps(o, JSON_COMPACT);
	if (text != NULL)
		puts(text);
	free(text);
	json_decref(o);
}

int iu_lab_fuzz(const struct iu_lab_fuzz *asked)
{
	static struct iu_fuzz_result result;
	struct iu_lab_fuzz what = *asked;
	struct sigaction action = {.sa_handler = on_interrupt};
	struct inuse_error error = {0};
	struct iu_fuzz fuzz;
	bool terminal = isatty(STDERR_FILENO);

	if (!what.seeded)
		what.seed = (uint64_t)iu_host_now() & 0xffffffff;
	fuzz = (struct iu_fuzz){.calls = what.calls, .seed = what.seed};
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	if (iu_fuzz_run(&fuzz, &result, terminal ? tell_progress : NULL, &what, &interrupted, &error) != INUSE_OK)
		return iu_report_error(&error);
	if (terminal)
		fprintf(stderr, "\r%*s\r", 78, "");
	if (what.json)
		tell_json(&what, &result);
	else
		tell(&what, &result);
	return iu_flushed(result.disagreements > 0 ? IU_EXIT_FAIL : result.finished && result.unsteady == 0 ? IU_EXIT_GO : IU_EXIT_UNKNOWN);
}
