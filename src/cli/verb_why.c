/* SPDX-License-Identifier: MIT */
/* inuse ADDR, and inuse why bind|listen|connect|accept ADDR: judges a call without making it. */
#include <stdlib.h>
#include <string.h>

#include "base/gettext.h"
#include "base/text.h"
#include "cli/call_options.h"
#include "cli/why.h"
#include "cure/try.h"
#include "host/answer.h"
#include "host/explain.h"
#include "host/host.h"
#include "host/netns.h"
#include "host/resolve.h"
#include "say/names.h"

enum { OPT_TRY = 256, OPT_SNAPSHOT, OPT_VERSION };

#define LOOK_ROWS \
	{OPT_TRY, "try", NULL, N_("make the call for real, in a socket closed at once, and tell")}, \
	IU_NETNS_ALL_ROW, \
	{OPT_SNAPSHOT, "snapshot", "FILE", N_("judge a state saved by inuse ls --save (- is stdin)")}, \
	IU_STRICT_ROW, IU_WITHOUT_ROW, IU_JSON_ROW, IU_QUIET_ROW, \
	{'v', "verbose", NULL, N_("also the rule, its source, options, uid, inode, what could not be seen")}

static const struct iu_option bare_options[] = {
	IU_CALL_ROWS,
	IU_PLAIN_ROW,
	LOOK_ROWS,
	{OPT_VERSION, "version", NULL, N_("version, and what this kernel shows this user")},
	{0, NULL, NULL, NULL},
};

static const struct iu_option why_options[] = {
	IU_FROM_ROW,
	IU_CALL_ROWS,
	LOOK_ROWS,
	{0, NULL, NULL, NULL},
};

static int run_bare(int argc, char **argv);
static int run_why(int argc, char **argv);

const struct iu_verb iu_verb_bare = {
	"", "[options] ADDR", N_("Tells what holds a TCP port, under which rule, for how long, and what frees it."), bare_options,
	N_("Judges bind and listen with SO_REUSEADDR, as most servers ask (on Windows with "
	   "SO_EXCLUSIVEADDRUSE). Never connects, never binds (but for --try).\n"
	   "Exit status: 0 go ahead, 1 would fail, 2 the input was wrong, 3 cannot tell."),
	run_bare,
};

const struct iu_verb iu_verb_why = {
	"why",
	"why bind|listen ADDR [options]\nwhy connect REMOTE [--from LOCAL] [options]\nwhy accept LOCAL [--from PEER] [options]",
	N_("Tells whether a call would succeed now, and if not why, until when, and what helps."), why_options,
	N_("Judges exactly the call that the options describe: without --reuseaddr there is no SO_REUSEADDR.\n"
	   "Exit status: 0 go ahead, 1 would fail, 2 the input was wrong, 3 cannot tell."),
	run_why,
};

struct ask {
	struct iu_call call;
	const char *snapshot;
	bool try_it, verbose, version;
};

static bool take_option(void *arg, int option, const struct iu_args *args)
{
	struct ask *ask = arg;

	switch (option) {
	case OPT_TRY: ask->try_it = true; return true;
	case OPT_SNAPSHOT: ask->snapshot = args->value; return true;
	case OPT_VERSION: ask->version = true; return true;
	case 'v': ask->verbose = true; return true;
	default: return false;
	}
}

/* -v: which sources were used, and which refused. */
static void print_sources(const struct ask *ask, const struct inuse_answer *a)
{
	const struct inuse_snapshot *s = a->own ? a->own : ask->call.q.snapshot;
	const char *source, *text;
	bool ok;

	for (size_t i = 0; s != NULL && i < iu_snapshot_n_said(s); i++) {
		iu_snapshot_said(s, i, &source, &ok, &text);
		struct iu_text line = {0};

		printf(_("Seen   %s%s\n"), ok ? "" : _("not through "), source);
		iu_text_add_blanks(&line, 7);
		iu_say_wrapped(&line, text, 7, 80);
		if (text[0] != 0)
			printf("%s\n", line.data ? line.data : "");
		iu_text_done(&line);
	}
}

static void print_answer(const struct ask *ask, const struct inuse_answer *a)
{
	uint32_t style = (ask->verbose ? INUSE_STYLE_VERBOSE : 0) | (iu_colour(stdout) ? INUSE_STYLE_COLOUR : 0);
	char *text = ask->call.json ? inuse_answer_json(a, style) : inuse_answer_text(a, style);

	if (text != NULL)
		printf(ask->call.json ? "%s\n" : "%s", text);
	free(text);
	if (ask->verbose && !ask->call.json)
		print_sources(ask, a);
}

/* --try: every address of the answer, for real; what was hidden is settled by that. False, and reported, where one cannot be tried. */
static bool try_answer(struct inuse_answer *a, enum inuse_result said[IU_MAX_ADDRS], int *ret_status)
{
	*ret_status = IU_EXIT_GO;
	for (size_t i = 0; i < a->n; i++) {
		struct inuse_error error = {0};

		if (iu_try(&a->verdicts[i].request, &said[i], &error) < 0) {
			*ret_status = iu_report_error(&error);
			return false;
		}
		iu_judge_settle(a->facts, said[i], &a->verdicts[i]);
		if (said[i] != INUSE_R_OK)
			*ret_status = IU_EXIT_FAIL;
	}
	return true;
}

static void print_tried(const struct inuse_answer *a, const enum inuse_result *said)
{
	const char *forbidden = NULL;
	char text[INUSE_ADDR_TEXT];

	for (size_t i = 0; i < a->n; i++) {
		const struct inuse_request *req = &a->verdicts[i].request;

		printf(_("Tried  %s: %s\n"), inuse_addr_text(req->call == INUSE_CALL_CONNECT ? &req->remote : &req->local, text),
		       said[i] == INUSE_R_OK			 ? _("the kernel says yes")
		       : IU_SYSTEM_HERE == IU_SYSTEM_windows ? iu_say_winsock(said[i])
							     : iu_say_result(said[i]));
		if (forbidden == NULL)
			forbidden = iu_explain_forbidden(a->facts, &a->verdicts[i], said[i]);
	}
	if (forbidden != NULL)
		fputs(forbidden, stdout);
}

static int ask_once(const struct ask *ask)
{
	enum inuse_result said[IU_MAX_ADDRS];
	struct inuse_answer *a = NULL;
	struct inuse_error error = {0};
	bool tried = false;
	int status;

	if (inuse_ask(&ask->call.q, &a, &error) < 0)
		return iu_report_error(&error);
	iu_answer_again_in(a, ask->call.netns);
	if (ask->try_it)
		tried = try_answer(a, said, &status);
	else
		status = iu_call_exit(inuse_answer_deciding(a), ask->call.strict);
	if (!ask->call.quiet)
		print_answer(ask, a);
	if (tried && !ask->call.quiet && !ask->call.json)
		print_tried(a, said);
	inuse_answer_free(a);
	return status;
}

struct everywhere {
	const struct ask *ask;
	int status;
	size_t n, free_in;
};

static bool ask_in(void *arg, const struct iu_netns *ns)
{
	struct everywhere *e = arg;
	struct inuse_error error = {0};
	struct inuse_answer *a = NULL;
	char pid[16];
	int status;

	if (iu_netns_enter_fd(ns->fd, ns->name, &error) < 0 || inuse_ask(&e->ask->call.q, &a, &error) < 0) {
		fprintf(stderr, "inuse: %s: %s\n", ns->name, error.text);
		e->status = e->status == IU_EXIT_FAIL ? IU_EXIT_FAIL : IU_EXIT_UNKNOWN;
		return true;
	}
	snprintf(pid, sizeof(pid), "%d", (int)ns->pid);
	if (!ns->own)
		iu_answer_again_in(a, strchr(ns->name, ' ') == NULL ? ns->name : pid);
	status = iu_call_exit(inuse_answer_deciding(a), e->ask->call.strict);
	e->n++;
	e->free_in += status == IU_EXIT_GO;
	if (status == IU_EXIT_FAIL || e->status == IU_EXIT_GO)
		e->status = status;
	if (!e->ask->call.quiet && (status != IU_EXIT_GO || e->ask->verbose || e->ask->call.json)) {
		if (!e->ask->call.json)
			printf(_("In namespace %s:\n"), ns->name);
		print_answer(e->ask, a);
	}
	inuse_answer_free(a);
	return true;
}

static int ask_everywhere(const struct ask *ask)
{
	struct everywhere e = {.ask = ask};
	struct inuse_error error = {0};
	bool complete = false;

	if (iu_netns_each(ask_in, &e, &complete, &error) < 0)
		return iu_report_error(&error);
	if (!ask->call.quiet && !ask->call.json)
		printf(_("Free in %zu of %zu network namespaces.\n"), e.free_in, e.n);
	if (!complete && !ask->call.quiet)
		fputs(_("inuse: there may be namespaces that are hidden from you\n"), stderr);
	return e.status == IU_EXIT_GO && !complete && ask->call.strict ? IU_EXIT_UNKNOWN : e.status;
}

static int answer(struct ask *ask)
{
	struct inuse_error error = {0};
	struct inuse_target target;
	struct inuse_snapshot *snapshot = NULL;
	int status;

	if (inuse_target_parse(ask->call.q.address, &target, &error) < 0)
		return iu_report_error(&error);
	if (target.kind == INUSE_TARGET_UNIX)
		return iu_flushed(iu_why_unix(target.host, ask->call.json, ask->call.quiet));
	if (target.udp)
		return iu_usage(ask->call.verb, _("inuse judges TCP; leave out /udp"));
	if (ask->snapshot != NULL && (ask->try_it || ask->call.netns != NULL))
		return iu_usage(ask->call.verb, _("--snapshot judges a saved state: --try and --netns need the live one"));
	if (ask->call.netns != NULL && strcmp(ask->call.netns, "all") == 0)
		return ask->try_it ? iu_usage(ask->call.verb, _("--try works in one namespace, not in all"))
				   : iu_flushed(ask_everywhere(ask));
	if (ask->call.netns != NULL && iu_netns_enter(ask->call.netns, &error) < 0)
		return iu_report_error(&error);
	if (ask->snapshot != NULL && inuse_snapshot_load(ask->snapshot, &snapshot, &error) < 0)
		return iu_report_error(&error);
	ask->call.q.snapshot = snapshot;
	status = ask_once(ask);
	inuse_snapshot_free(snapshot);
	return iu_flushed(status);
}

static int run(const struct iu_verb *verb, enum iu_call_word word, int argc, char **argv)
{
	struct ask ask = {.call = IU_CALL_INIT(verb, word)};
	int status;

	ask.call.other = take_option;
	ask.call.arg = &ask;
	ask.call.may_lack_address = verb == &iu_verb_bare; /* --version */
	status = iu_call_parse(&ask.call, argc, argv);
	if (status != IU_CALL_GO_ON)
		return status;
	if (ask.version)
		return iu_flushed(iu_print_version(stdout, ask.call.json));
	if (ask.call.q.address == NULL)
		return iu_usage(verb, _("the address is missing"));
	return answer(&ask);
}

static int run_bare(int argc, char **argv)
{
	return run(&iu_verb_bare, IU_CALL_WORD_NONE, argc, argv);
}

static int run_why(int argc, char **argv)
{
	return run(&iu_verb_why, IU_CALL_WORD_MUST, argc, argv);
}
