/* SPDX-License-Identifier: MIT */
/* inuse lab: experiments, on the real kernel and on the model. */
#include <stdlib.h>
#include <string.h>

#include "base/gettext.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/lab_fuzz.h"
#include "cli/lab_html.h"
#include "compat/system.h"
#include "lab/live.h"
#include "lab/play.h"
#include "model/rule.h"
#include "say/say.h"

enum { ALL = 256, OS, JSON, WORKERS, PATIENT, HTML, FUZZ, SEED };

static const struct iu_option options[] = {
	{ALL, "all", NULL, N_("play everything side by side, and sum up")},
	{OS, "os", "NAME", N_("the model alone, of linux, windows, freebsd or macos")},
	{WORKERS, "workers", "N", N_("play so many at a time (four a processor)")},
	{PATIENT, "patient", NULL, N_("also what waits for long, as TIME-WAIT to end")},
	{HTML, "html", "FILE", N_("write a page with diagrams, too; alone it plays everything")},
	{FUZZ, "fuzz", "N", N_("N random calls on the kernel and on the model, in step")},
	{SEED, "seed", "S", N_("which random calls: the same number, the same calls")},
	{'v', "verbose", NULL, N_("every step of every run")},
	{JSON, "json", NULL, N_("a line of JSON per run, or per experiment when listing")},
	{0},
};

static int run(int argc, char **argv);

static void list_experiments(void (*fn)(void *arg, const char *word, const char *what), void *arg)
{
	char folder[512], **names = NULL;
	size_t n = 0;

	if (iu_lab_folder(folder, sizeof(folder), NULL) < 0 || iu_lab_list(folder, &names, &n, NULL) < 0)
		return;
	for (size_t i = 0; i < n; i++)
		fn(arg, names[i], NULL);
	iu_lab_names_free(names, n);
}

const struct iu_verb iu_verb_lab = {
	.name = "lab",
	.synopsis = "lab [OPTION...] [NAME...]\nlab --fuzz N [--seed S] [--json]",
	.summary = N_("Experiments: what the kernel does, beside what the model says."),
	.options = options,
	.notes = N_("Without NAME the experiments are listed. NAME is one of them, or a file FILE.exp (see inuse-lab(5)).\n"
		    "They play in a network namespace of their own, which vanishes with them."),
	.run = run,
	.words = list_experiments,
};

#define EXPS_MAX 4096
#define NAME_COLUMN 44
#define SENTENCE_LEAST 44 /* columns: with less room beside a name its sentence stands below */
#define REASONS_MAX 12

struct lab {
	const struct iu_verb *verb;
	bool all, json, verbose, model_only, patient;
	bool headed;             /* the table of --all has its heading */
	bool quiet;              /* standard output is the page's */
	const char *html_path;   /* --html; NULL */
	struct iu_lab_html *html;
	uint64_t workers;
	struct iu_lab_fuzz fuzz;
	enum iu_os os;
	const char *names[EXPS_MAX];
	size_t n_names;
	struct iu_exp *exps[EXPS_MAX];
	size_t n, n_played;
	struct iu_tally tally;
	struct iu_tally of_one;  /* of the experiment that is being played */
	char told[128];          /* its name */
	char why_not[256];       /* why a run of it was not played on the kernel, or "" */
	struct {
		char why[256];
		size_t n;
	} reasons[REASONS_MAX];  /* the same, of all runs */
	size_t n_reasons;
	char why_no_buckets[256]; /* why calls were not judged by the kernel's buckets, or "" */
	size_t n_no_buckets;     /* in so many runs */
};

static bool take_os(const struct iu_args *args, struct lab *lab)
{
	char shown[64];

	for (int i = 0; i < IU_N_OS; i++)
		if (strcmp(args->value, iu_os_names[i]) == 0 && iu_profile_find(args->value) != NULL) {
			lab->os = (enum iu_os)i;
			return lab->model_only = true;
		}
	iu_usage(args->verb, _("there is no model of \"%s\": linux, windows, freebsd or macos"),
		 iu_escape(args->value, shown, sizeof(shown)));
	return false;
}

static bool take(const struct iu_args *args, int id, struct lab *lab)
{
	switch (id) {
	case ALL:
		return lab->all = true;
	case OS:
		return take_os(args, lab);
	case WORKERS:
		return iu_arg_number(args, "workers", 1, 64, &lab->workers);
	case PATIENT:
		return lab->patient = true;
	case HTML:
		lab->html_path = args->value;
		return true;
	case FUZZ:
		return iu_arg_number(args, "fuzz", 1, UINT64_MAX / 2, &lab->fuzz.calls);
	case SEED:
		return lab->fuzz.seeded = iu_arg_number(args, "seed", 0, UINT64_MAX, &lab->fuzz.seed);
	case 'v':
		return lab->verbose = true;
	default:
		return lab->json = true;
	}
}

static bool take_name(const struct iu_args *args, struct lab *lab)
{
	if (lab->n_names == EXPS_MAX) {
		iu_usage(args->verb, _("there are more than %d names"), EXPS_MAX);
		return false;
	}
	lab->names[lab->n_names++] = args->value;
	return true;
}

static bool is_file(const char *name)
{
	size_t len = strlen(name);

	return len > 4 && strcmp(name + len - 4, ".exp") == 0;
}

/* Those that one word asks for: a file, or what is called so. names: all that there are. */
static int load_asked(struct lab *lab, const char *folder, const char *asked, char *const *names, size_t n)
{
	const char *found[EXPS_MAX];
	struct inuse_error error = {0};
	size_t n_found = is_file(asked) ? 0 : iu_lab_match(names, n, asked, found, EXPS_MAX);
	int status = IU_EXIT_GO;

	if (n_found == 0) { /* it says what is wrong where there is none */
		found[0] = asked;
		n_found = 1;
	}
	for (size_t i = 0; i < n_found && lab->n < EXPS_MAX; i++) {
		if (iu_lab_load(folder, found[i], &lab->exps[lab->n], &error) == INUSE_OK)
			lab->n++;
		else
			status = iu_report_error(&error);
	}
	return status;
}

/* Every experiment that was asked for. An exit status; GO: all were read. */
static int load(struct lab *lab)
{
	struct inuse_error error = {0};
	char folder[1024] = "", **names = NULL;
	bool need_folder = lab->n_names == 0;
	size_t n = 0;
	int status = IU_EXIT_GO;

	for (size_t i = 0; i < lab->n_names; i++)
		need_folder |= !is_file(lab->names[i]);
	if (need_folder && (iu_lab_folder(folder, sizeof(folder), &error) != INUSE_OK || iu_lab_list(folder, &names, &n, &error) != INUSE_OK))
		return iu_report_error(&error);
	for (size_t i = 0; i < (lab->n_names > 0 ? lab->n_names : n); i++) {
		const char *asked = lab->n_names > 0 ? lab->names[i] : names[i];
		int read = load_asked(lab, folder, asked, names, n);

		status = read != IU_EXIT_GO ? read : status;
	}
	iu_lab_names_free(names, n);
	return status;
}

/* ------------------------------------------------------------------------------------------------ listing */

static json_t *list_json(const struct iu_exp *exp)
{
	json_t *o = json_object(), *systems = json_array(), *needs = json_array();

	json_object_set_new(o, "schema", json_string("inuse-experiment"));
	json_object_set_new(o, "version", json_integer(1));
	json_object_set_new(o, "experiment", json_string(exp->name));
	json_object_set_new(o, "shows", json_string(exp->shows));
	if (exp->because[0] != 0)
		json_object_set_new(o, "because", json_string(exp->because));
	json_object_set_new(o, "covers", json_string(exp->covers));
	json_object_set_new(o, "cases", json_integer((json_int_t)exp->n_cases));
	for (unsigned i = 0; i < IU_N_NEEDS; i++)
		if ((exp->needs & (1u << i)) != 0)
			json_array_append_new(needs, json_string(iu_need_names[i]));
	json_object_set_new(o, "needs", needs);
	for (int i = 0; i < IU_N_OS; i++)
		if ((exp->speaks_of & (1u << i)) != 0)
			json_array_append_new(systems, json_string(iu_os_names[i]));
	json_object_set_new(o, "systems", systems);
	return o;
}

static void print_json(json_t *o)
{
	char *text = o != NULL ? json_dumps(o, JSON_COMPACT) : NULL;

	if (text != NULL)
		puts(text);
	free(text);
}

/* As wide as the terminal, and no wider than is good to read. */
static size_t text_width(void)
{
	size_t wide = iu_system_columns(stdout);

	return wide > 0 && wide < IU_REPORT_WIDTH ? wide : IU_REPORT_WIDTH;
}

/* The name without its topic. */
static const char *short_name(const struct iu_exp *exp)
{
	const char *slash = strchr(exp->name, '/');

	return slash != NULL ? slash + 1 : exp->name;
}

static int list(const struct lab *lab)
{
	struct iu_text t = {0};
	size_t topic_len = 0, column = 2;
	const char *topic = "";
	bool below;

	for (size_t i = 0; i < lab->n; i++) {
		size_t width = iu_width(short_name(lab->exps[i])) + 4;

		column = width > column && width <= NAME_COLUMN ? width : column;
	}
	below = text_width() < column + SENTENCE_LEAST;
	column = below ? 6 : column;
	for (size_t i = 0; i < lab->n; i++) {
		const struct iu_exp *exp = lab->exps[i];
		size_t len = strcspn(exp->name, "/"), start;

		if (lab->json) {
			json_t *o = list_json(exp);

			print_json(o);
			json_decref(o);
			continue;
		}
		if (len != topic_len || strncmp(exp->name, topic, len) != 0) {
			iu_text_addf(&t, "%s%.*s\n", i > 0 ? "\n" : "", (int)len, exp->name);
			topic = exp->name;
			topic_len = len;
		}
		start = t.len;
		iu_text_addf(&t, "  %s", short_name(exp));
		if (below)
			iu_text_addf(&t, "\n%*s", (int)column, "");
		else
			iu_text_pad(&t, start, column, 2);
		iu_say_wrapped(&t, exp->shows, column, text_width());
		iu_text_add(&t, "\n");
	}
	if (!lab->json) {
		iu_text_add(&t, "\n");
		iu_say_wrapped(&t, _("Play one: inuse lab NAME.  All of them: inuse lab --all.  As a page to read: inuse lab --html FILE."), 0,
			       text_width());
		fputs(t.data ? t.data : "", stdout);
		putchar('\n');
	}
	iu_text_done(&t);
	return iu_flushed(IU_EXIT_GO);
}

/* ------------------------------------------------------------------------------------------------ playing */

/* --all: a line for the experiment whose runs are all there. */
static void end_of_one(struct lab *lab)
{
	const struct iu_tally *t = &lab->of_one;
	struct iu_text line = {0};

	if (t->runs == 0)
		return;
	if (!lab->headed) {
		iu_text_add(&line, _("name"));
		iu_text_pad(&line, 0, NAME_COLUMN, 2);
		iu_text_addf(&line, "%s\n", _("runs"));
		fputs(line.data ? line.data : "", stdout);
		line.len = 0;
		lab->headed = true;
	}
	iu_text_addf(&line, "%s", lab->told);
	iu_text_pad(&line, 0, NAME_COLUMN, 2);
	iu_text_addf(&line, "%4zu  ", t->runs);
	if (t->differ > 0)
		iu_text_addf(&line, _("DIFFERS in %zu"), t->differ);
	else if (t->unplayed > 0)
		iu_text_addf(&line, _("agrees; %zu not played on the kernel: %s"), t->unplayed, lab->why_not);
	else
		iu_text_add(&line, _("agrees"));
	if (t->again > 0)
		iu_text_addf(&line, _("; %zu played again"), t->again);
	puts(line.data ? line.data : "");
	fflush(stdout);
	iu_text_done(&line);
	lab->of_one = (struct iu_tally){0};
	lab->why_not[0] = 0;
}

static void tell_all(struct lab *lab, const json_t *played, const char *name, bool agrees)
{
	const char *why = json_string_value(json_object_get(played, "why_not"));
	struct iu_report_look look = {.colour = iu_colour(stdout), .width = text_width()};
	struct iu_text t = {0};

	if (strcmp(name, lab->told) != 0)
		end_of_one(lab);
	snprintf(lab->told, sizeof(lab->told), "%s", name);
	iu_tally_add(&lab->of_one, played);
	if (why != NULL)
		snprintf(lab->why_not, sizeof(lab->why_not), "%s", why);
	if (agrees)
		return;
	iu_report_run(&t, played, &look);
	fputs(t.data ? t.data : "", stdout);
	iu_text_done(&t);
}

static void note_reason(struct lab *lab, const json_t *played)
{
	const char *why = json_string_value(json_object_get(played, "why_not"));
	const char *blind = json_string_value(json_object_get(played, "why_no_buckets"));
	size_t i = 0;

	if (blind != NULL) {
		snprintf(lab->why_no_buckets, sizeof(lab->why_no_buckets), "%s", blind);
		lab->n_no_buckets++;
	}
	if (why == NULL || !json_is_true(json_object_get(played, "agrees")))
		return;
	while (i < lab->n_reasons && strcmp(lab->reasons[i].why, why) != 0)
		i++;
	if (i == REASONS_MAX)
		return;
	if (i == lab->n_reasons) {
		snprintf(lab->reasons[i].why, sizeof(lab->reasons[i].why), "%s", why);
		lab->n_reasons++;
	}
	lab->reasons[i].n++;
}

/* In full: everything that differs, and of what was named the first run of each experiment. */
static void tell(void *arg, const json_t *played)
{
	struct lab *lab = arg;
	const char *name = json_string_value(json_object_get(played, "experiment"));
	bool agrees = json_is_true(json_object_get(played, "agrees"));
	bool first = name != NULL && strcmp(name, lab->told) != 0;
	struct iu_report_look look = {.quiet = agrees && !lab->verbose && !first, .colour = iu_colour(stdout), .width = text_width()};
	struct iu_text t = {0};

	iu_tally_add(&lab->tally, played);
	note_reason(lab, played);
	if (lab->html != NULL)
		iu_lab_html_add(lab->html, played);
	if (lab->quiet)
		return;
	if (lab->json) {
		print_json((json_t *)played);
		return;
	}
	if (lab->all && !lab->verbose) {
		tell_all(lab, played, name != NULL ? name : "", agrees);
		return;
	}
	iu_report_run(&t, played, &look);
	if (name != NULL)
		snprintf(lab->told, sizeof(lab->told), "%s", name);
	fputs(t.data ? t.data : "", stdout);
	fflush(stdout);
	iu_text_done(&t);
}

static void sum_up(const struct lab *lab)
{
	const struct iu_tally *t = &lab->tally;
	char runs[64], exps[64];

	snprintf(runs, sizeof(runs), iu_ngettext("%zu run", "%zu runs", t->runs), t->runs);
	snprintf(exps, sizeof(exps), iu_ngettext("%zu experiment", "%zu experiments", lab->n_played), lab->n_played);
	/* TRANSLATORS: "3 runs of 1 experiment: ..." */
	printf(_("\n%s of %s: %zu agree, %zu differ, %zu not played on the kernel\n"), runs, exps, t->agree, t->differ, t->unplayed);
	for (size_t i = 0; i < lab->n_reasons; i++)
		printf(_("%6zu not played: %s\n"), lab->reasons[i].n, lab->reasons[i].why);
	if (t->again > 0)
		printf(_("%6zu played again, as packets crossed again or too late: the machine is busy\n"), t->again);
}

/* A system of which it says something. */
static const char *other_system(const struct iu_exp *exp)
{
	size_t os = 0;

	while (os + 1 < IU_N_OS && (exp->speaks_of & (1u << os)) == 0)
		os++;
	return iu_os_names[os];
}

/* An experiment that says nothing of this system is not played on its model. */
static size_t keep_speaking(struct lab *lab, const struct iu_exp **ret)
{
	char shown[128];
	size_t n = 0;

	for (size_t i = 0; i < lab->n; i++) {
		if ((lab->exps[i]->speaks_of & (1u << lab->os)) != 0)
			ret[n++] = lab->exps[i];
		else if (!lab->all)
			fprintf(stderr, _("inuse lab: %s says nothing of %s; with --os %s it is played on the model of that system\n"),
				iu_escape(lab->exps[i]->name, shown, sizeof(shown)), iu_os_names[lab->os], other_system(lab->exps[i]));
	}
	return n;
}

static int play(struct lab *lab)
{
	struct inuse_error error = {0};
	const struct iu_exp **list = calloc(lab->n + 1, sizeof(*list));
	struct iu_jobs jobs = {.exps = list, .os = lab->os, .model_only = lab->model_only, .patient = lab->patient,
			       .workers = (unsigned)lab->workers};
	bool left_out;

	if (list == NULL)
		return IU_EXIT_UNKNOWN;
	jobs.n_exps = keep_speaking(lab, list);
	left_out = jobs.n_exps < lab->n && !lab->all;
	if (iu_jobs_run(&jobs, tell, lab, &error) != INUSE_OK) {
		free(list);
		return iu_report_error(&error);
	}
	lab->n_played = jobs.n_exps;
	if (!lab->quiet && !lab->json && lab->all && !lab->verbose)
		end_of_one(lab);
	if (!lab->quiet && !lab->json && (lab->all || lab->tally.runs > 1))
		sum_up(lab);
	if (!lab->quiet && !lab->json && lab->n_no_buckets > 0)
		printf(_("%6zu played without a look into the kernel's buckets before each call: %s\n"), lab->n_no_buckets, lab->why_no_buckets);
	free(list);
	if (lab->html != NULL && iu_lab_html_write(lab->html, iu_os_names[lab->os], !lab->model_only, &error) != INUSE_OK)
		return iu_report_error(&error);
	return iu_flushed(lab->tally.differ > 0 ? IU_EXIT_FAIL : lab->tally.unplayed > 0 || left_out ? IU_EXIT_UNKNOWN : IU_EXIT_GO);
}

/* --html: without names it is a page of everything. An exit status. */
static int prepare_html(struct lab *lab)
{
	struct inuse_error error = {0};

	if (lab->html_path == NULL)
		return IU_EXIT_GO;
	lab->all |= lab->n_names == 0;
	lab->quiet = strcmp(lab->html_path, "-") == 0;
	if (lab->quiet && lab->json)
		return iu_usage(&iu_verb_lab, _("--html - and --json both write to standard output"));
	lab->html = iu_lab_html_new(lab->html_path, &error);
	return lab->html != NULL ? IU_EXIT_GO : iu_report_error(&error);
}

static int fuzz(struct lab *lab)
{
	if (lab->fuzz.calls == 0)
		return iu_usage(&iu_verb_lab, _("--seed belongs to --fuzz N"));
	if (lab->all || lab->n_names > 0 || (lab->model_only && iu_live_plays) || lab->html_path != NULL || lab->patient || lab->workers != 0)
		return iu_usage(&iu_verb_lab, _("--fuzz makes steps of its own: it goes with --seed, --verbose and --json alone"));
	lab->fuzz.json = lab->json;
	lab->fuzz.verbose = lab->verbose;
	return iu_lab_fuzz(&lab->fuzz);
}

static int run(int argc, char **argv)
{
	struct iu_args args = {.verb = &iu_verb_lab, .argc = argc, .argv = argv};
	struct lab *lab = calloc(1, sizeof(*lab));
	int id, status = IU_EXIT_UNKNOWN;
	bool plays;

	if (lab == NULL)
		return IU_EXIT_UNKNOWN;
	lab->os = iu_live_os;
	lab->model_only = !iu_live_plays;
	while ((id = iu_args_next(&args)) != IU_ARG_END) {
		if (id == IU_ARG_HELP || id == IU_ARG_WRONG ||
		    !(id == IU_ARG_OPERAND ? take_name(&args, lab) : take(&args, id, lab))) {
			free(lab);
			return id == IU_ARG_HELP ? iu_flushed(IU_EXIT_GO) : IU_EXIT_USAGE;
		}
	}
	if (lab->all && lab->n_names > 0) {
		free(lab);
		return iu_usage(&iu_verb_lab, _("--all plays everything; name experiments, or say --all"));
	}
	if (lab->fuzz.calls > 0 || lab->fuzz.seeded) {
		status = fuzz(lab);
		free(lab);
		return status;
	}
	status = prepare_html(lab);
	plays = lab->all || lab->n_names > 0;
	if (status == IU_EXIT_GO)
		status = load(lab);
	if (status == IU_EXIT_GO)
		status = plays ? play(lab) : list(lab);
	for (size_t i = 0; i < lab->n; i++)
		iu_exp_free(lab->exps[i]);
	iu_lab_html_free(lab->html);
	free(lab);
	return status;
}
