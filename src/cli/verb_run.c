/* SPDX-License-Identifier: MIT */
/* inuse run: a program whose failing bind, listen and connect are explained, or cured. */
#include <signal.h>
#include <string.h>

#include "base/gettext.h"
#include "base/parse.h"
#include "base/text.h"
#include "cli/cli.h"
#include "supervise/run.h"

enum {
	CONNECT = 256, FIX, EVENTS, STRICT, HOLD, RESTART, OVERLAP, READY, STOP_SIGNAL, STOP_TIMEOUT,
	WAIT_S = 65, /* a TIME-WAIT of 60 s, and what timers are late by */
	WAIT_MAX_S = 86400,
	READY_S = 60, /* longer than most programs take to start */
	STOP_S = 10,
};

static const struct iu_option options[] = {
	{FIX, "fix", "[=HOW]", N_("cure: reuseaddr, wait[=SEC], evict (reuseaddr,wait=65)")},
	{HOLD, "hold", NULL, N_("its listening sockets outlive it: a restart refuses nobody")},
	{RESTART, "restart", "WHEN", N_("start it again when it ends: on-failure, always, never")},
	{OVERLAP, "overlap", NULL, N_("--hold, and start the new one before the old one is stopped")},
	{READY, "ready", "SEC", N_("how long a start may take until it listens (60)")},
	{STOP_SIGNAL, "stop-signal", "SIGNAL", N_("what tells it to end for a restart (TERM)")},
	{STOP_TIMEOUT, "stop-timeout", "SEC", N_("how long it may take to end, before SIGKILL (10)")},
	{CONNECT, "connect", NULL, N_("look after connect(), too")},
	{EVENTS, "events", "FILE", N_("append what happens to FILE, as JSON lines")},
	{STRICT, "strict", NULL, N_("do not run it where it cannot be supervised")},
	{'q', "quiet", NULL, N_("print nothing")},
	{'v', "verbose", NULL, N_("with the rule, its source, options, uid, inode")},
	{0},
};

static int run(int argc, char **argv);

const struct iu_verb iu_verb_run = {
	.name = "run",
	.synopsis = "run [OPTION...] [--] CMD [ARG...]",
	.summary = N_("Runs a program: its failing binds are explained, or cured."),
	.options = options,
	.notes = N_("The program keeps its terminal, its signals and its exit status. Nothing is printed as long as nothing fails.\n"
		    "Exit status: the program's own; 2 the input was wrong, 3 cannot be supervised (--strict), 126 cannot be "
		    "executed, 127 is not there."),
	.run = run,
};

static bool take_fix(const struct iu_args *args, struct iu_run_options *o)
{
	const char *list = args->value ? args->value : "reuseaddr,wait";
	char shown[64];

	while (*list != 0) {
		size_t len = strcspn(list, ",");
		uint64_t seconds = WAIT_S;

		if (len == 9 && memcmp(list, "reuseaddr", len) == 0) {
			o->fix |= IU_FIX_REUSEADDR;
		} else if (len == 5 && memcmp(list, "evict", len) == 0) {
			o->fix |= IU_FIX_EVICT;
		} else if (len >= 4 && memcmp(list, "wait", 4) == 0 &&
			   (len == 4 || (list[4] == '=' && iu_parse_u64_n(list + 5, len - 5, 1, WAIT_MAX_S, &seconds)))) {
			o->fix |= IU_FIX_WAIT;
			o->wait_s = (unsigned)seconds;
		} else {
			iu_usage(args->verb, _("--fix takes reuseaddr, wait, wait=SECONDS and evict, not \"%s\""),
				 iu_escape(list, shown, sizeof(shown)));
			return false;
		}
		list += len + (list[len] == ',');
	}
	return true;
}

static bool take_restart(const struct iu_args *args, struct iu_run_options *o)
{
	static const char *const words[] = {
		[IU_RESTART_NEVER] = "never",
		[IU_RESTART_ON_FAILURE] = "on-failure",
		[IU_RESTART_ALWAYS] = "always",
	};
	char shown[64];

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(args->value, words[i]) == 0) {
			o->restart = (enum iu_run_restart)i;
			return true;
		}
	iu_usage(args->verb, _("--restart takes on-failure, always or never, not \"%s\""), iu_escape(args->value, shown, sizeof(shown)));
	return false;
}

static bool take_signal(const struct iu_args *args, struct iu_run_options *o)
{
	static const struct {
		const char *name;
		int number;
	} rows[] = {
		{"HUP", SIGHUP},   {"INT", SIGINT},   {"QUIT", SIGQUIT},   {"KILL", SIGKILL}, {"USR1", SIGUSR1},
		{"USR2", SIGUSR2}, {"TERM", SIGTERM}, {"WINCH", SIGWINCH}, {"ABRT", SIGABRT},
	};
	const char *name = strncmp(args->value, "SIG", 3) == 0 ? args->value + 3 : args->value;
	char shown[64];
	uint64_t number;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(name, rows[i].name) == 0) {
			o->stop_signal = rows[i].number;
			return true;
		}
	if (iu_parse_u64_n(name, strlen(name), 1, (uint64_t)SIGRTMAX, &number)) {
		o->stop_signal = (int)number;
		return true;
	}
	iu_usage(args->verb, _("--stop-signal takes a signal such as TERM, QUIT or 15, not \"%s\""),
		 iu_escape(args->value, shown, sizeof(shown)));
	return false;
}

static bool take_seconds(const struct iu_args *args, const char *name, unsigned *ret)
{
	uint64_t seconds;

	if (!iu_arg_number(args, name, 1, WAIT_MAX_S, &seconds))
		return false;
	*ret = (unsigned)seconds;
	return true;
}

/* False after a sentence on stderr. */
static bool take(const struct iu_args *args, int id, struct iu_run_options *o)
{
	switch (id) {
	case FIX:
		return take_fix(args, o);
	case HOLD:
		return o->hold = true;
	case OVERLAP:
		return o->overlap = o->hold = true;
	case RESTART:
		return take_restart(args, o);
	case READY:
		return take_seconds(args, "ready", &o->ready_s);
	case STOP_SIGNAL:
		return take_signal(args, o);
	case STOP_TIMEOUT:
		return take_seconds(args, "stop-timeout", &o->stop_s);
	case CONNECT:
		return o->connect = true;
	case EVENTS:
		o->events = args->value;
		return true;
	case STRICT:
		return o->strict = true;
	case 'q':
		return o->quiet = true;
	default:
		return o->verbose = true;
	}
}

static int run(int argc, char **argv)
{
	struct iu_args args = {.verb = &iu_verb_run, .argc = argc, .argv = argv, .stop_at_operand = true};
	struct iu_run_options o = {.wait_s = WAIT_S, .ready_s = READY_S, .stop_s = STOP_S, .stop_signal = SIGTERM};
	int id;

	while ((id = iu_args_next(&args)) != IU_ARG_END) {
		if (id == IU_ARG_HELP)
			return iu_flushed(IU_EXIT_GO);
		if (id == IU_ARG_OPERAND) {
			o.argv = argv + args.next - 1;
			return iu_run(&o);
		}
		if (id == IU_ARG_WRONG || !take(&args, id, &o))
			return IU_EXIT_USAGE;
	}
	return iu_usage(args.verb, _("CMD is missing: the program to run, such as node server.js"));
}
