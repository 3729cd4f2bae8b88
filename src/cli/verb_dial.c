/* SPDX-License-Identifier: MIT */
/* inuse dial: the reference client. */
#include <string.h>

#include "base/address.h"
#include "base/gettext.h"
#include "base/text.h"
#include "cli/net_args.h"
#include "compat/socket.h"

enum {
	FROM = 256, REUSEADDR, NO_REUSEADDR, SEND, REPEAT, INTERVAL, CLOSE, LINGER_S, TIMEOUT, JSON,
	TIMEOUT_MS = 10000,
	MAX_ADDRS = 16,
};

static const struct iu_option options[] = {
	{FROM, "from", "ADDR", N_("local address and port, such as :23456 or 127.0.0.1:23456")},
	{REUSEADDR, "reuseaddr", NULL, N_("set SO_REUSEADDR (default: with a port in --from), or do not:")},
	{NO_REUSEADDR, "no-reuseaddr", NULL, NULL},
	{SEND, "send", "TEXT", N_("what to send")},
	{REPEAT, "repeat", "N", N_("connect N times (1); 0: until it fails")},
	{INTERVAL, "interval", "MS", N_("milliseconds between two rounds (until the last one is over)")},
	{CLOSE, "close", "first|half|after-peer|reset", N_("how a connection ends (after-peer)")},
	{LINGER_S, "linger", "SECONDS", N_("set SO_LINGER: close waits so long; 0 resets")},
	{TIMEOUT, "timeout", "SECONDS", N_("give up connecting, or after so much silence (10; 0 never)")},
	{'v', "verbose", NULL, N_("a line per round on stderr: both ends, time, who closed first")},
	{JSON, "json", NULL, N_("a line of JSON per round on stdout, with what was received")},
	{0},
};

static int run(int argc, char **argv);

const struct iu_verb iu_verb_dial = {
	.name = "dial",
	.synopsis = "dial [OPTION...] ADDR",
	.summary = N_("A client whose every choice about its sockets is an option."),
	.options = options,
	.notes = N_("What is received goes to stdout as it is. The addresses of a name are tried in order.\n"
		    "--close first (close at once, as textbooks do: unread data makes a reset of it), half (end this side's "
		    "sending, read the peer's rest, close), after-peer (wait for the peer's end, then close) or reset."),
	.run = run,
};

struct words {
	const char *addr, *from;
	enum inuse_tri reuseaddr;
};

static bool take(const struct iu_args *args, int id, struct iu_dial_options *o, struct words *w)
{
	switch (id) {
	case FROM:
		w->from = args->value;
		return true;
	case REUSEADDR:
	case NO_REUSEADDR:
		w->reuseaddr = id == REUSEADDR ? INUSE_YES : INUSE_NO;
		return true;
	case SEND:
		o->text = args->value;
		return true;
	case REPEAT:
		return iu_arg_number(args, "repeat", 0, UINT64_MAX, &o->rounds);
	case INTERVAL:
		o->at_once = true;
		return iu_arg_number(args, "interval", 0, 86400000, &o->interval_ms);
	case CLOSE:
		return iu_arg_close(args, &o->close);
	case LINGER_S:
		return iu_arg_linger(args, &o->linger_s);
	case TIMEOUT:
		return iu_arg_seconds(args, "timeout", &o->timeout_ms);
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
	w->addr = args->value;
	return true;
}

/* An address with or without a port; a port alone leaves the family open. */
static bool take_from(const struct iu_verb *verb, const char *text, struct inuse_addr *ret)
{
	struct inuse_target target;
	size_t n;

	if (inuse_addr_parse(text, ret, NULL) == INUSE_OK)
		return true;
	if (!iu_arg_addrs(verb, text, &target, ret, 1, &n))
		return false;
	if (target.kind == INUSE_TARGET_PORT)
		ret->family = 0;
	return true;
}

/* Keeps those of the family of --from. */
static size_t keep_family(struct inuse_addr *addrs, size_t n, uint8_t family)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (family == 0 || addrs[i].family == family)
			addrs[kept++] = addrs[i];
	return kept;
}

/* A port alone means this host, and IPv6 is tried first, as where a name has both. */
static void make_loopback(struct inuse_addr *addrs, size_t n)
{
	uint16_t port = addrs[0].port;

	inuse_addr_parse("::1", &addrs[0], NULL);
	inuse_addr_parse("127.0.0.1", &addrs[1], NULL);
	addrs[0].port = addrs[1].port = port;
}

static bool settle(const struct iu_verb *verb, struct iu_dial_options *o, const struct words *w, struct inuse_addr *to)
{
	struct inuse_target target;
	char shown[64];

	if (w->addr == NULL) {
		iu_usage(verb, _("ADDR is missing: where to connect to, such as 127.0.0.1:8080 or localhost:http"));
		return false;
	}
	if (!iu_arg_addrs(verb, w->addr, &target, to, MAX_ADDRS, &o->n_to) ||
	    (w->from != NULL && !take_from(verb, w->from, &o->from)))
		return false;
	if (target.kind == INUSE_TARGET_PORT)
		make_loopback(to, o->n_to);
	if (to[0].port == 0) {
		iu_usage(verb, _("nobody listens on port 0"));
		return false;
	}
	o->n_to = keep_family(to, o->n_to, o->from.family);
	if (o->n_to == 0) {
		iu_usage(verb, _("\"%s\" has no address of the family of --from"), iu_escape(w->addr, shown, sizeof(shown)));
		return false;
	}
	o->to = to;
	o->reuseaddr = w->reuseaddr == INUSE_MAYBE ? o->from.port != 0 && iu_socket_reuse_is_harmless() : w->reuseaddr == INUSE_YES;
	return true;
}

static int run(int argc, char **argv)
{
	struct iu_args args = {.verb = &iu_verb_dial, .argc = argc, .argv = argv};
	struct iu_dial_options o = {
		.close = IU_CLOSE_AFTER_PEER,
		.text = "",
		.linger_s = -1,
		.rounds = 1,
		.timeout_ms = TIMEOUT_MS,
	};
	struct words words = {.reuseaddr = INUSE_MAYBE};
	struct inuse_addr to[MAX_ADDRS];
	int id;

	while ((id = iu_args_next(&args)) != IU_ARG_END) {
		if (id == IU_ARG_HELP)
			return iu_flushed(IU_EXIT_GO);
		if (id == IU_ARG_WRONG || !(id == IU_ARG_OPERAND ? take_operand(&args, &words) : take(&args, id, &o, &words)))
			return IU_EXIT_USAGE;
	}
	if (!settle(args.verb, &o, &words, to))
		return IU_EXIT_USAGE;
	return iu_dial_run(&o);
}
