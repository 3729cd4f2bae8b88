/* SPDX-License-Identifier: MIT */
/* inuse serve: the reference server. */
#include <limits.h>
#include <string.h>

#include "base/gettext.h"
#include "base/text.h"
#include "cli/net_args.h"
#include "compat/socket.h"

enum {
	REPLY = 256, REUSEADDR, NO_REUSEADDR, REUSEPORT, V6ONLY, BACKLOG, CLOSE, LINGER_S, COUNT, TIMEOUT, GRACE, JSON,
	IDLE_MS = 60000,
	GRACE_MS = 10000,
};

static const struct iu_option options[] = {
	{REPLY, "reply", "TEXT", N_("what hello says (HELLO)")},
	{REUSEADDR, "reuseaddr", NULL, N_("set SO_REUSEADDR (as by default), or do not:")},
	{NO_REUSEADDR, "no-reuseaddr", NULL, NULL},
	{REUSEPORT, "reuseport", NULL, N_("set SO_REUSEPORT: several servers share the port")},
	{V6ONLY, "v6only", NULL, N_("set IPV6_V6ONLY: take no IPv4 on an IPv6 address")},
	{BACKLOG, "backlog", "N", N_("how many clients may wait (all the system allows)")},
	{CLOSE, "close", "first|half|after-peer|reset", N_("how a connection ends (hello: half, else after-peer)")},
	{LINGER_S, "linger", "SECONDS", N_("set SO_LINGER: close waits so long; 0 resets")},
	{COUNT, "count", "N", N_("end after N connections")},
	{TIMEOUT, "timeout", "SECONDS", N_("give up a client after so much silence (60; 0 never)")},
	{GRACE, "grace", "SECONDS", N_("after SIGTERM, time for what is in flight (10)")},
	{'v', "verbose", NULL, N_("a line per connection: bytes, who closed first")},
	{JSON, "json", NULL, N_("the same lines as JSON")},
	{0},
};

static int run(int argc, char **argv);

const struct iu_verb iu_verb_serve = {
	.name = "serve",
	.synopsis = "serve [hello|echo|drain] [OPTION...] ADDR",
	.summary = N_("A server whose every choice about its sockets is an option."),
	.options = options,
	.notes = N_("hello sends the reply, echo sends back what it reads, drain throws it away.\n"
		    "--close first (close at once, as textbooks do: unread data makes a reset of it), half (end this side's "
		    "sending, read the peer's rest, close), after-peer (wait for the peer's end, then close) or reset.\n"
		    "echo and drain do so after the first bytes, but for after-peer. SIGTERM lets what is in flight finish."),
	.run = run,
};

struct words {
	const char *job, *addr;
	bool close_given;
};

static bool take_number(const struct iu_args *args, const char *name, uint64_t max, uint64_t *ret)
{
	return iu_arg_number(args, name, 1, max, ret);
}

/* False after a sentence on stderr. */
static bool take(const struct iu_args *args, int id, struct iu_serve_options *o, struct words *w)
{
	uint64_t number;

	switch (id) {
	case REPLY:
		o->reply = args->value;
		return true;
	case REUSEADDR:
	case NO_REUSEADDR:
		o->listener.reuseaddr = id == REUSEADDR;
		return true;
	case REUSEPORT:
		return o->listener.reuseport = true;
	case V6ONLY:
		return o->listener.v6only = true;
	case BACKLOG:
		if (!take_number(args, "backlog", INT_MAX, &number))
			return false;
		o->listener.backlog = (int)number;
		return true;
	case CLOSE:
		w->close_given = true;
		return iu_arg_close(args, &o->close);
	case LINGER_S:
		return iu_arg_linger(args, &o->linger_s);
	case COUNT:
		return take_number(args, "count", UINT64_MAX, &o->count);
	case TIMEOUT:
		return iu_arg_seconds(args, "timeout", &o->idle_ms);
	case GRACE:
		return iu_arg_seconds(args, "grace", &o->grace_ms);
	case 'v':
		return o->verbose = true;
	default:
		return o->json = true;
	}
}

static bool take_operand(const struct iu_args *args, struct words *w)
{
	char shown[64];

	if (w->addr != NULL) {
		iu_usage(args->verb, _("there is one ADDR only, not \"%s\" as well"), iu_escape(args->value, shown, sizeof(shown)));
		return false;
	}
	if (w->job == NULL && (strcmp(args->value, "hello") == 0 || strcmp(args->value, "echo") == 0 ||
			       strcmp(args->value, "drain") == 0))
		w->job = args->value;
	else
		w->addr = args->value;
	return true;
}

static bool settle(const struct iu_verb *verb, struct iu_serve_options *o, const struct words *w)
{
	struct inuse_target target;
	size_t n;

	if (w->addr == NULL) {
		iu_usage(verb, _("ADDR is missing: where to listen, such as 8080 or 127.0.0.1:8080"));
		return false;
	}
	o->job = w->job == NULL || w->job[0] == 'h' ? IU_JOB_SEND : w->job[0] == 'e' ? IU_JOB_ECHO : IU_JOB_DRAIN;
	if (!w->close_given)
		o->close = o->job == IU_JOB_SEND ? IU_CLOSE_HALF : IU_CLOSE_AFTER_PEER;
	if (!iu_arg_addrs(verb, w->addr, &target, &o->listener.at, 1, &n))
		return false;
	if (target.kind == INUSE_TARGET_PORT)
		o->listener.at.family = 0; /* both families */
	if (o->listener.v6only && o->listener.at.family == 4) {
		iu_usage(verb, _("--v6only needs an IPv6 address"));
		return false;
	}
	return true;
}

static int run(int argc, char **argv)
{
	struct iu_args args = {.verb = &iu_verb_serve, .argc = argc, .argv = argv};
	struct iu_serve_options o = {
		.listener = {.reuseaddr = iu_socket_reuse_is_harmless(), .backlog = INT_MAX}, /* the kernel cuts it down to net.core.somaxconn */
		.reply = "HELLO",
		.linger_s = -1,
		.idle_ms = IDLE_MS,
		.grace_ms = GRACE_MS,
	};
	struct words words = {0};
	int id;

	while ((id = iu_args_next(&args)) != IU_ARG_END) {
		if (id == IU_ARG_HELP)
			return iu_flushed(IU_EXIT_GO);
		if (id == IU_ARG_WRONG || !(id == IU_ARG_OPERAND ? take_operand(&args, &words) : take(&args, id, &o, &words)))
			return IU_EXIT_USAGE;
	}
	if (!settle(args.verb, &o, &words))
		return IU_EXIT_USAGE;
	return iu_serve_run(&o);
}
