/* SPDX-License-Identifier: MIT */
/*
 * inuse release and inuse kill: the plan is made, shown, asked about and carried out.
 *
 * Theory of operation
 *
 * First the call is judged: what is free needs nothing. Then everything that stands in the way is looked at one by one:
 * what can be removed from the kernel, and, for kill, who holds the rest. Processes are ended first; what their end leaves in TIME-WAIT
 * is planned anew afterwards and goes with the remains. Last, the call is judged again, and that is the answer.
 */
#include "cli/release.h"

#include <stdlib.h>
#include <string.h>

#include "cli/countdown.h"
#include "cli/net_args.h"
#include "compat/socket.h"
#include "compat/system.h"
#include "host/host.h"

#define SECOND 1000000000ll
#define AFTER_SIGKILL (5 * SECOND)

static bool take_option(void *arg, int option, const struct iu_args *args)
{
	struct iu_release *r = arg;
	uint64_t ms;

	switch (option) {
	case IU_OPT_CONNECTIONS:
		r->connections = true;
		return true;
	case IU_OPT_KILL:
		r->kill = true;
		return true;
	case IU_OPT_FORCE:
		r->force = true;
		return true;
	case IU_OPT_ANYWAY:
		r->anyway = true;
		return true;
	case IU_OPT_DRY_RUN:
		r->dry_run = true;
		return true;
	case IU_OPT_YES:
		r->yes = true;
		return true;
	default:
		if (!iu_arg_seconds(args, "grace", &ms))
			return false;
		r->grace_ns = (int64_t)ms * 1000000;
		return true;
	}
}

/* ------------------------------------------------------------------------------------------------ the plan */

static bool is_living_in_the_way(void *arg, const struct inuse_socket *o)
{
	const struct iu_release *r = arg;

	return !o->mini && iu_is_in_the_way(r->requests, r->n_requests, r->answer->facts, o);
}

static enum inuse_status plan_ends(struct iu_release *r, struct inuse_error *error)
{
	uint16_t port = r->requests[0].local.port;
	struct iu_scope scope = {.ports = &port,
				 .n_ports = 1,
				 .owners = true,
				 .bound = true,
				 .without = r->call.q.without,
				 .want = is_living_in_the_way,
				 .want_arg = r};
	enum inuse_status status;

	if (!r->kill || port == 0)
		return INUSE_OK;
	status = iu_host_take(&scope, &r->living, error);
	if (status == INUSE_OK)
		iu_stop_plan(iu_snapshot_facts(r->living), r->anyway, &r->stop);
	return status;
}

static enum inuse_status plan_removals(struct iu_release *r, struct inuse_error *error)
{
	enum inuse_status status;

	iu_evict_plan_done(&r->evict);
	status = iu_evict_plan(r->requests, r->n_requests, r->answer->facts, r->connections, r->call.q.without,
			       &r->evict, error);
	if (status == INUSE_OK)
		iu_evict_permitted(&r->evict_refused);
	return status;
}

static enum inuse_status make_plan(struct iu_release *r, struct inuse_error *error)
{
	enum inuse_status status;

	for (; r->n_requests < r->answer->n; r->n_requests++)
		r->requests[r->n_requests] = r->answer->verdicts[r->n_requests].request;
	status = plan_removals(r, error);
	return status == INUSE_OK ? plan_ends(r, error) : status;
}

/* --------------------------------------------------------------------------------------------- asking */

static bool agrees(const char *question)
{
	char line[16];

	fprintf(stderr, "%s [y/N] ", question);
	fflush(stderr);
	return fgets(line, sizeof(line), stdin) != NULL && (line[0] == 'y' || line[0] == 'Y');
}

/* IU_CALL_GO_ON, or how it ends. */
static int ask(const struct iu_release *r)
{
	if (r->dry_run)
		return iu_release_frees(r) ? IU_EXIT_GO : IU_EXIT_FAIL;
	if (!iu_release_has_work(r))
		return r->evict_refused.status < 0 && r->evict.n > 0 ? IU_EXIT_UNKNOWN : IU_EXIT_FAIL;
	if (r->yes)
		return IU_CALL_GO_ON;
	if (!iu_system_is_terminal(stdin))
		return iu_usage(r->call.verb, _("nothing is done without asking, and there is no terminal: say --yes"));
	return agrees(_("Do it?")) ? IU_CALL_GO_ON : IU_EXIT_FAIL;
}

/* ---------------------------------------------------------------------------------------------- doing */

struct progress {
	struct iu_countdown line;
	uint64_t total;
};

static bool show_progress(void *arg, uint64_t n)
{
	struct progress *p = arg;
	char text[128], bar[IU_BAR_TEXT];

	snprintf(text, sizeof(text), _("%s  %llu of %llu removed"), iu_countdown_bar(n, p->total, bar), (unsigned long long)n,
		 (unsigned long long)p->total);
	iu_countdown_show(&p->line, iu_host_now(), text);
	return true;
}

static void end_processes(struct iu_release *r)
{
	bool kill_them;

	if (iu_stop_left(&r->stop) == 0)
		return;
	iu_stop_apply(&r->stop, IU_STOP_ASKING, iu_host_now() + r->grace_ns, -1);
	if (iu_stop_left(&r->stop) == 0)
		return;
	kill_them = r->force;
	if (!kill_them && !r->yes && iu_system_is_terminal(stdin))
		kill_them = agrees(_("There are processes that did not end. End them with SIGKILL?"));
	if (kill_them)
		iu_stop_apply(&r->stop, IU_STOP_AT_ONCE, iu_host_now() + AFTER_SIGKILL, -1);
}

static void say_refusals(const struct iu_release *r)
{
	for (size_t i = 0; i < r->stop.n; i++) {
		const struct iu_stop_target *t = &r->stop.targets[i];

		if (t->os_code != 0)
			fprintf(stderr, _("inuse %s: process %d cannot be ended: %s\n"), r->call.verb->name,
				t->process->pid, strerror(t->os_code));
		else if (t->why_not == IU_STOP_MAY && !t->ended)
			fprintf(stderr, _("inuse %s: process %d did not end (--force ends it with SIGKILL)\n"),
				r->call.verb->name, t->process->pid);
	}
	if (r->done.n_refused > 0)
		fprintf(stderr, _("inuse %s: the kernel refused to remove some sockets (%llu): %s\n"),
			r->call.verb->name, (unsigned long long)r->done.n_refused, strerror(r->done.os_code));
}

static enum inuse_status judge(const struct iu_release *r, struct inuse_answer **ret, struct inuse_error *error)
{
	enum inuse_status status = iu_ask_resolved(&r->resolved, ret, error);

	if (status == INUSE_OK)
		iu_answer_again_in(*ret, r->call.netns);
	return status;
}

static enum inuse_status carry_out(struct iu_release *r, struct inuse_error *error)
{
	struct progress progress = {0};
	enum inuse_status status = INUSE_OK;

	end_processes(r);
	if (r->stop.n > 0)
		status = plan_removals(r, error);
	if (status == INUSE_OK && r->evict_refused.status == INUSE_OK) {
		progress.total = r->evict.n;
		iu_countdown_init(&progress.line, iu_host_now(), SECOND / 5, r->call.quiet);
		iu_evict_apply(&r->evict, show_progress, &progress, &r->done, NULL);
		iu_countdown_clear(&progress.line);
	}
	return status < 0 ? status : judge(r, &r->after, error);
}

/* ------------------------------------------------------------------------------------------------- telling */

static void print_json(const struct iu_release *r, bool done)
{
	json_t *o = iu_release_json(r, done);
	char *text = json_dumps(o, JSON_COMPACT);

	if (text != NULL)
		puts(text);
	free(text);
	json_decref(o);
}

static void print_answer(const struct iu_release *r, const struct inuse_answer *a)
{
	char *text = inuse_answer_text(a, iu_colour(stdout) ? INUSE_STYLE_COLOUR : 0);

	if (text != NULL && !r->call.quiet && !r->call.json)
		fputs(text, stdout);
	free(text);
}

static void print_plan(const struct iu_release *r)
{
	struct iu_text plan = {0};

	if (r->call.quiet || r->call.json)
		return;
	iu_release_say_plan(&plan, r);
	fputs(plan.data ? plan.data : "", stdout);
	if (!iu_release_has_work(r))
		puts(_("There is nothing that can be done here."));
	fflush(stdout);
	iu_text_done(&plan);
}

static int finish(struct iu_release *r, int status)
{
	struct inuse_error error = {0};
	bool done = status == IU_CALL_GO_ON;

	if (done && carry_out(r, &error) < 0)
		return iu_report_error(&error);
	if (r->call.json && !r->call.quiet)
		print_json(r, done);
	if (!done)
		return iu_flushed(status);
	if (!r->call.quiet)
		say_refusals(r);
	print_answer(r, r->after);
	return iu_flushed(iu_call_exit(inuse_answer_deciding(r->after), r->call.strict));
}

static int release(struct iu_release *r)
{
	struct inuse_error error = {0};
	const struct inuse_verdict *v;

	if (iu_resolve_question(&r->call.q, &r->resolved, &error) < 0 ||
	    judge(r, &r->answer, &error) < 0)
		return iu_report_error(&error);
	v = inuse_answer_deciding(r->answer);
	/* free already, or no socket's fault: the answer says what it is */
	if (v->outcome == INUSE_GO || v->n_blockers == 0) {
		print_answer(r, r->answer);
		return finish(r, iu_call_exit(v, r->call.strict));
	}
	if (make_plan(r, &error) < 0)
		return iu_report_error(&error);
	print_plan(r);
	return finish(r, ask(r));
}

int iu_release_run(const struct iu_verb *verb, bool kill, int argc, char **argv)
{
	struct iu_release *r = calloc(1, sizeof(*r));
	int status;

	if (r == NULL)
		return IU_EXIT_UNKNOWN;
	r->call = (struct iu_call)IU_CALL_INIT(verb, IU_CALL_WORD_MAY);
	r->call.other = take_option;
	r->call.arg = r;
	r->kill = kill;
	r->grace_ns = 10 * SECOND;
	status = iu_call_parse(&r->call, argc, argv);
	if (status == IU_CALL_GO_ON && r->call.q.call == INUSE_CALL_ACCEPT)
		status = iu_usage(verb, _("what arrives from elsewhere cannot be freed here: bind, listen or connect"));
	if (status == IU_CALL_GO_ON)
		status = iu_call_enter(&r->call);
	if (status == IU_CALL_GO_ON)
		status = release(r);
	iu_stop_plan_done(&r->stop);
	iu_evict_plan_done(&r->evict);
	iu_snapshot_free(r->living);
	inuse_answer_free(r->answer);
	inuse_answer_free(r->after);
	free(r);
	return status;
}
