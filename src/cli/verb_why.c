/* SPDX-License-Identifier: MIT */
/* inuse ADDR, and inuse why bind|listen|connect|accept ADDR: judges a call without making it. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/gettext.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/why.h"
#include "cure/try.h"
#include "host/answer.h"
#include "host/host.h"
#include "host/netns.h"
#include "host/resolve.h"
#include "say/names.h"

enum {
	OPT_REUSEADDR = 256,
	OPT_NO_REUSEADDR,
	OPT_REUSEPORT,
	OPT_V6ONLY,
	OPT_NO_V6ONLY,
	OPT_FREEBIND,
	OPT_DEVICE,
	OPT_UID,
	OPT_PLAIN,
	OPT_FROM,
	OPT_TRY,
	OPT_NETNS,
	OPT_SNAPSHOT,
	OPT_STRICT,
	OPT_WITHOUT,
	OPT_JSON,
	OPT_VERSION,
};

#define CALL_OPTIONS \
	{OPT_REUSEADDR, "reuseaddr", NULL, N_("the call sets SO_REUSEADDR")}, \
	{OPT_NO_REUSEADDR, "no-reuseaddr", NULL, N_("it does not")}, \
	{OPT_REUSEPORT, "reuseport", NULL, N_("it sets SO_REUSEPORT")}, \
	{OPT_V6ONLY, "v6only", NULL, N_("it sets IPV6_V6ONLY (else net.ipv6.bindv6only decides)")}, \
	{OPT_NO_V6ONLY, "no-v6only", NULL, N_("it clears IPV6_V6ONLY")}, \
	{OPT_FREEBIND, "freebind", NULL, N_("it sets IP_FREEBIND")}, \
	{OPT_DEVICE, "device", "IF", N_("it binds to this interface (SO_BINDTODEVICE)")}, \
	{OPT_UID, "uid", "N", N_("the socket belongs to this user, not to you")}
#define LOOK_OPTIONS \
	{OPT_TRY, "try", NULL, N_("make the call for real, in a socket closed at once, and tell")}, \
	{OPT_NETNS, "netns", "NAME|PID|all", N_("look in another network namespace, or in each of them")}, \
	{OPT_SNAPSHOT, "snapshot", "FILE", N_("judge a state saved by inuse ls --save (- is stdin)")}, \
	{OPT_STRICT, "strict", NULL, N_("exit 3 where something could not be seen, even if all else is free")}, \
	{OPT_WITHOUT, "without", "LIST", N_("do not use these sources (inuse --version lists them)")}, \
	{OPT_JSON, "json", NULL, N_("print one JSON object")}, \
	{'q', "quiet", NULL, N_("print nothing; the exit status tells")}, \
	{'v', "verbose", NULL, N_("also the rule, its source, options, uid, inode, what could not be seen")}

static const struct iu_option bare_options[] = {
	CALL_OPTIONS,
	{OPT_PLAIN, "plain", NULL, N_("judge a call without SO_REUSEADDR (as --no-reuseaddr)")},
	LOOK_OPTIONS,
	{OPT_VERSION, "version", NULL, N_("version, and what this kernel shows this user")},
	{0, NULL, NULL, NULL},
};

static const struct iu_option why_options[] = {
	{OPT_FROM, "from", "ADDR", N_("connect: the local address or port; accept: the peer")},
	CALL_OPTIONS,
	LOOK_OPTIONS,
	{0, NULL, NULL, NULL},
};

static int run_bare(int argc, char **argv);
static int run_why(int argc, char **argv);

const struct iu_verb iu_verb_bare = {
	"", "[options] ADDR", N_("Tells what holds a TCP port, under which rule, for how long, and what frees it."), bare_options,
	N_("Judges bind and listen with SO_REUSEADDR, as most servers ask. Never connects, never binds (but for --try).\n"
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
	const struct iu_verb *verb;
	struct inuse_question q;
	const char *netns, *snapshot;
	bool try_it, strict, json, quiet, verbose, have_call;
};

static const char *const source_names[] = {
#define SOURCE(id, name, each, use, tells) name,
#include "host/hosts.def"
#undef SOURCE
};

/* "bucket,iter": one bit per row of hosts.def. */
static bool choose_without(struct ask *ask, const char *list)
{
	char shown[64];

	while (*list != 0) {
		size_t len = strcspn(list, ","), i = 0;

		while (i < IU_N_SOURCES && (strlen(source_names[i]) != len || memcmp(source_names[i], list, len) != 0))
			i++;
		if (i == IU_N_SOURCES) {
			iu_usage(ask->verb, _("there is no source \"%s\" (inuse --version lists them)"),
				 iu_escape(list, shown, sizeof(shown)));
			return false;
		}
		ask->q.without |= 1u << i;
		list += len + (list[len] == ',');
	}
	return true;
}

static void set_flag(struct ask *ask, uint32_t flag, bool on)
{
	ask->q.given |= flag;
	ask->q.flags = on ? ask->q.flags | flag : ask->q.flags & ~flag;
}

/* True when the option was understood. */
static bool take_option(struct ask *ask, int option, const struct iu_args *args)
{
	uint64_t number;

	switch (option) {
	case OPT_REUSEADDR: set_flag(ask, INUSE_REUSEADDR, true); return true;
	case OPT_NO_REUSEADDR:
	case OPT_PLAIN: set_flag(ask, INUSE_REUSEADDR, false); return true;
	case OPT_REUSEPORT: set_flag(ask, INUSE_REUSEPORT, true); return true;
	case OPT_V6ONLY: set_flag(ask, INUSE_V6ONLY, true); return true;
	case OPT_NO_V6ONLY: set_flag(ask, INUSE_V6ONLY, false); return true;
	case OPT_FREEBIND: set_flag(ask, INUSE_FREEBIND, true); return true;
	case OPT_DEVICE: ask->q.device = args->value; return true;
	case OPT_FROM: ask->q.from = args->value; return true;
	case OPT_TRY: ask->try_it = true; return true;
	case OPT_NETNS: ask->netns = args->value; return true;
	case OPT_SNAPSHOT: ask->snapshot = args->value; return true;
	case OPT_STRICT: ask->strict = true; return true;
	case OPT_JSON: ask->json = true; return true;
	case OPT_WITHOUT: return choose_without(ask, args->value);
	case 'q': ask->quiet = true; return true;
	case 'v': ask->verbose = true; return true;
	case OPT_UID:
		if (!iu_arg_number(args, "uid", 0, UINT32_MAX - 1, &number))
			return false;
		ask->q.uid = (int64_t)number;
		return true;
	default: return false;
	}
}

static int exit_of(const struct ask *ask, const struct inuse_verdict *v)
{
	if (v->outcome == INUSE_GO && v->as_far_as_seen && ask->strict)
		return IU_EXIT_UNKNOWN;
	return v->outcome == INUSE_GO ? IU_EXIT_GO : v->outcome == INUSE_FAIL ? IU_EXIT_FAIL : IU_EXIT_UNKNOWN;
}

static int flushed(int status)
{
	return fflush(stdout) == 0 && !ferror(stdout) ? status : IU_EXIT_UNKNOWN;
}

/* -v: which sources were used, and which refused. */
static void print_sources(const struct ask *ask, const struct inuse_answer *a)
{
	const struct inuse_snapshot *s = a->own ? a->own : ask->q.snapshot;
	const char *source, *text;
	bool ok;

	for (size_t i = 0; s != NULL && i < iu_snapshot_n_said(s); i++) {
		iu_snapshot_said(s, i, &source, &ok, &text);
		printf(_("Seen   %s%s%s\n"), ok ? "" : _("not through "), source, "");
		if (text[0] != 0)
			printf("       %s\n", text);
	}
}

static void print_answer(const struct ask *ask, const struct inuse_answer *a)
{
	uint32_t style = (ask->verbose ? INUSE_STYLE_VERBOSE : 0) | (iu_colour(stdout) ? INUSE_STYLE_COLOUR : 0);
	char *text = ask->json ? inuse_answer_json(a, style) : inuse_answer_text(a, style);

	if (text != NULL)
		printf(ask->json ? "%s\n" : "%s", text);
	free(text);
	if (ask->verbose && !ask->json)
		print_sources(ask, a);
}

/* --try: every address of the answer, for real. The kernel's word replaces the model's. */
static int try_answer(const struct ask *ask, const struct inuse_answer *a)
{
	int exit_status = IU_EXIT_GO;
	char text[INUSE_ADDR_TEXT];

	for (size_t i = 0; i < a->n; i++) {
		const struct inuse_request *req = &a->verdicts[i].request;
		struct inuse_error error = {0};
		enum inuse_result result = INUSE_R_OK;

		if (iu_try(req, &result, &error) < 0)
			return iu_report_error(&error);
		if (result != INUSE_R_OK)
			exit_status = IU_EXIT_FAIL;
		if (!ask->quiet && !ask->json)
			printf(_("Tried  %s: %s\n"),
			       inuse_addr_text(req->call == INUSE_CALL_CONNECT ? &req->remote : &req->local, text),
			       result == INUSE_R_OK ? _("the kernel says yes") : iu_say_result(result));
	}
	return exit_status;
}

static int ask_once(const struct ask *ask)
{
	struct inuse_answer *a = NULL;
	struct inuse_error error = {0};
	int status;

	if (inuse_ask(&ask->q, &a, &error) < 0)
		return iu_report_error(&error);
	status = exit_of(ask, inuse_answer_deciding(a));
	if (!ask->quiet)
		print_answer(ask, a);
	if (ask->try_it)
		status = try_answer(ask, a);
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
	int status;

	if (iu_netns_enter_fd(ns->fd, ns->name, &error) < 0 || inuse_ask(&e->ask->q, &a, &error) < 0) {
		fprintf(stderr, "inuse: %s: %s\n", ns->name, error.text);
		e->status = e->status == IU_EXIT_FAIL ? IU_EXIT_FAIL : IU_EXIT_UNKNOWN;
		return true;
	}
	status = exit_of(e->ask, inuse_answer_deciding(a));
	e->n++;
	e->free_in += status == IU_EXIT_GO;
	if (status == IU_EXIT_FAIL || e->status == IU_EXIT_GO)
		e->status = status;
	if (!e->ask->quiet && (status != IU_EXIT_GO || e->ask->verbose || e->ask->json)) {
		if (!e->ask->json)
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
	if (!ask->quiet && !ask->json)
		printf(_("Free in %zu of %zu network namespaces.\n"), e.free_in, e.n);
	if (!complete && !ask->quiet)
		fputs(_("inuse: there may be namespaces that are hidden from you\n"), stderr);
	return e.status == IU_EXIT_GO && !complete && ask->strict ? IU_EXIT_UNKNOWN : e.status;
}

static int answer(struct ask *ask)
{
	struct inuse_error error = {0};
	struct inuse_target target;
	struct inuse_snapshot *snapshot = NULL;
	int status;

	if (inuse_target_parse(ask->q.address, &target, &error) < 0)
		return iu_report_error(&error);
	if (target.kind == INUSE_TARGET_UNIX)
		return flushed(iu_why_unix(target.host, ask->json, ask->quiet));
	if (target.udp)
		return iu_usage(ask->verb, _("inuse judges TCP; leave out /udp"));
	if (ask->snapshot != NULL && (ask->try_it || ask->netns != NULL))
		return iu_usage(ask->verb, _("--snapshot judges a saved state: --try and --netns need the live one"));
	if (ask->netns != NULL && strcmp(ask->netns, "all") == 0)
		return ask->try_it ? iu_usage(ask->verb, _("--try works in one namespace, not in all")) : flushed(ask_everywhere(ask));
	if (ask->netns != NULL && iu_netns_enter(ask->netns, &error) < 0)
		return iu_report_error(&error);
	if (ask->snapshot != NULL && inuse_snapshot_load(ask->snapshot, &snapshot, &error) < 0)
		return iu_report_error(&error);
	ask->q.snapshot = snapshot;
	status = ask_once(ask);
	inuse_snapshot_free(snapshot);
	return flushed(status);
}

static bool find_call(const char *word, enum inuse_call *ret)
{
	static const char *const names[] = {"bind", "listen", "connect", "accept"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(word, names[i]) == 0) {
			*ret = (enum inuse_call)i;
			return true;
		}
	return false;
}

/* An operand: the call (why), then the address. False after a sentence on stderr. */
static bool take_operand(struct ask *ask, const char *word)
{
	char shown[80];

	if (ask->verb == &iu_verb_why && !ask->have_call) {
		ask->have_call = find_call(word, &ask->q.call);
		if (!ask->have_call)
			iu_usage(ask->verb, _("the call is bind, listen, connect or accept, not \"%s\""),
				 iu_escape(word, shown, sizeof(shown)));
		return ask->have_call;
	}
	if (ask->q.address != NULL) {
		iu_usage(ask->verb, _("one address at a time: \"%s\" is too much"), iu_escape(word, shown, sizeof(shown)));
		return false;
	}
	ask->q.address = word;
	return true;
}

static int run(const struct iu_verb *verb, int argc, char **argv)
{
	struct iu_args args = {.verb = verb, .argc = argc, .argv = argv};
	struct ask ask = {.verb = verb, .q = INUSE_QUESTION_INIT};
	int option;

	if (verb == &iu_verb_why)
		ask.q.flags = 0;
	while ((option = iu_args_next(&args)) != IU_ARG_END) {
		if (option == IU_ARG_HELP)
			return IU_EXIT_GO;
		if (option == IU_ARG_WRONG)
			return IU_EXIT_USAGE;
		if (option == OPT_VERSION)
			return flushed(iu_print_version(stdout));
		if (option == IU_ARG_OPERAND ? !take_operand(&ask, args.value) : !take_option(&ask, option, &args))
			return IU_EXIT_USAGE;
	}
	if (verb == &iu_verb_why && !ask.have_call)
		return iu_usage(verb, _("say which call: bind, listen, connect or accept"));
	if (ask.q.address == NULL)
		return iu_usage(verb, _("the address is missing"));
	if (ask.q.from != NULL && (ask.q.call == INUSE_CALL_BIND || ask.q.call == INUSE_CALL_LISTEN))
		return iu_usage(verb, _("--from goes with connect and accept"));
	return answer(&ask);
}

static int run_bare(int argc, char **argv)
{
	return run(&iu_verb_bare, argc, argv);
}

static int run_why(int argc, char **argv)
{
	return run(&iu_verb_why, argc, argv);
}
