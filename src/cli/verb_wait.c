/* SPDX-License-Identifier: MIT */
/*
 * inuse wait: comes back when a call would succeed, or when somebody listens.
 *
 * Theory of operation
 *
 * Look, judge, sleep, again. When to look next is decided in patience.c from the verdict; what wakes earlier comes from
 * host/watch.h, which is subscribed to before the first look so that nothing falls between the two. Signals come through
 * a descriptor, too, so that the line on the terminal is taken away before the end.
 */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/call_options.h"
#include "cli/countdown.h"
#include "cli/net_args.h"
#include "cli/patience.h"
#include "compat/system.h"
#include "host/host.h"
#include "host/listening.h"
#include "host/watch.h"
#include "say/names.h"
#include "say/say.h"

#define SECOND 1000000000ll

enum { OPT_LISTENING = 256, OPT_TIMEOUT };
enum { ECHOES = 5 };

static const struct iu_option options[] = {
	{OPT_LISTENING, "listening", NULL, N_("wait until somebody listens there instead")},
	{OPT_TIMEOUT, "timeout", "SEC", N_("give up after that many seconds")},
	IU_FROM_ROW,
	IU_CALL_ROWS,
	IU_PLAIN_ROW,
	IU_NETNS_ROW,
	IU_STRICT_ROW,
	IU_WITHOUT_ROW,
	{IU_OPT_JSON, "json", NULL, N_("print one JSON object at the end")},
	IU_QUIET_ROW,
	{0, NULL, NULL, NULL},
};

static int run(int argc, char **argv);

const struct iu_verb iu_verb_wait = {
	"wait",
	"wait [bind|listen|connect|accept] ADDR [options]\nwait --listening ADDR [--timeout SEC]",
	N_("Waits until a call would succeed, or until somebody listens. Never connects, never binds."),
	options,
	N_("Without a call bind and listen with SO_REUSEADDR are meant, as in inuse ADDR; with one exactly what is said.\n"
	   "It sleeps until the known moment, and wakes when a socket goes away.\n"
	   "Exit status: 0 it would succeed, 1 time is up or waiting does not help, 2 the input was wrong, "
	   "3 cannot tell, 130 interrupted."),
	run,
};

enum end { GOES_ON, FREE, LISTENING, TIME_IS_UP, HOPELESS, INTERRUPTED, FAILED };
static const char *const end_names[] = {"", "free", "listening", "timeout", "hopeless", "interrupted", "failed"};

struct wait {
	struct iu_call call;
	bool listening;
	int64_t timeout_ns; /* -1 none */
	int64_t deadline_ns;
	struct iu_resolved resolved;
	struct iu_watch *watch;
	struct iu_patience patience;
	struct iu_countdown countdown;
	struct inuse_answer *answer; /* of the last look; NULL with --listening */
	struct inuse_socket listener; /* who listens */
	int64_t next_ns; /* when to look again */
	unsigned looks;
	bool told;      /* --listening: the kernel tells of listeners */
	unsigned echo;  /* ... and so many looks have followed; ECHOES: no more are due */
	int signals, signal; /* descriptor; the one that came */
	struct inuse_error error;
};

static bool take_option(void *arg, int option, const struct iu_args *args)
{
	struct wait *w = arg;
	uint64_t ms;

	if (option == OPT_LISTENING)
		w->listening = true;
	if (option != OPT_TIMEOUT)
		return true;
	if (!iu_arg_seconds(args, "timeout", &ms))
		return false;
	w->timeout_ns = (int64_t)ms * IU_PATIENCE_MS;
	return true;
}

/* ---------------------------------------------------------------------------------------------- looking */

/* The processes that hold what is in the way: when one ends it is time to look. */
static void watch_holders(struct wait *w, const struct inuse_verdict *v)
{
	const struct iu_facts *f = w->answer->facts;
	int32_t pids[64];
	size_t n = 0;

	for (uint32_t i = 0; i < v->n_shown; i++)
		for (uint32_t j = 0; j < v->shown[i]->n_holders && n < 64; j++) {
			uint32_t p = f->holders[v->shown[i]->holders + j].process;

			if (f->processes[p].pid > 1)
				pids[n++] = f->processes[p].pid;
		}
	iu_watch_processes(w->watch, pids, n);
}

static enum end look_at_call(struct wait *w)
{
	const struct inuse_verdict *v;
	bool told;

	/* an interface that was not there may have come */
	if (w->resolved.device == UINT32_MAX && iu_resolve_question(&w->call.q, &w->resolved, &w->error) < 0)
		return FAILED;
	inuse_answer_free(w->answer);
	w->answer = NULL;
	if (iu_ask_resolved(&w->resolved, &w->answer, &w->error) < 0)
		return FAILED;
	iu_answer_again_in(w->answer, w->call.netns);
	v = inuse_answer_deciding(w->answer);
	if (iu_patience_is_hopeless(v, w->call.strict))
		return HOPELESS;
	if (v->outcome == INUSE_GO)
		return FREE;
	/* that nobody listens is not ended by a socket that goes */
	told = iu_watch_sees_sockets(w->watch) && v->n_blockers > 0;
	w->next_ns = iu_patience_next(&w->patience, v, told);
	watch_holders(w, v);
	return GOES_ON;
}

/* When to look again: the word of a listener comes a moment before it can be found, so that it has echoes; rare ones where many come. */
static int64_t listener_due(struct wait *w, bool by_event)
{
	static const int64_t echoes_ms[ECHOES] = {1, 8, 64, 512, 4000};
	int64_t due, least = iu_patience_after_event(&w->patience);

	if (!w->told)
		return iu_patience_back_off(&w->patience);
	if (by_event)
		w->echo = 0;
	if (w->echo == ECHOES)
		return w->patience.looked_ns + IU_PATIENCE_MOST;
	due = w->patience.looked_ns + echoes_ms[w->echo++] * IU_PATIENCE_MS;
	return due < least ? least : due;
}

static enum end look_for_listener(struct wait *w, bool by_event)
{
	char text[INUSE_ADDR_TEXT];
	bool listening = false, ours = true;

	if (iu_listening(&w->resolved, &listening, &w->listener, &w->error) < 0)
		return FAILED;
	if (listening)
		return LISTENING;
	w->next_ns = listener_due(w, by_event);
	if (w->looks > 1 || iu_listening_is_ours(&w->resolved, &ours, &w->error) < 0 || ours)
		return w->error.status < 0 ? FAILED : GOES_ON;
	w->error.status = INUSE_E_UNSUPPORTED;
	snprintf(w->error.text, sizeof(w->error.text),
		 _("%s is not an address of this host; without connecting only listeners here can be seen"),
		 inuse_addr_text(&w->resolved.addrs[0], text));
	return FAILED;
}

static enum end look(struct wait *w, bool by_event)
{
	enum end end;

	iu_watch_forget(w->watch);
	if (!by_event && w->echo < ECHOES)
		w->patience.looked_ns = iu_host_now(); /* it is the last event's look, once more */
	else
		iu_patience_looked(&w->patience, iu_host_now(), by_event);
	w->looks++;
	end = w->listening ? look_for_listener(w, by_event) : look_at_call(w);
	return end == GOES_ON && iu_host_now() >= w->deadline_ns ? TIME_IS_UP : end;
}

/* -------------------------------------------------------------------------------------------- sleeping */

/* Rounded down, where iu_say_duration() rounds up: so long has been waited. */
static char *say_waited(int64_t ns, char buf[64])
{
	long long tenths = ns / (SECOND / 10);

	if (tenths < 100 && tenths % 10 != 0)
		snprintf(buf, 64, _("%lld.%lld s"), tenths / 10, tenths % 10);
	else
		iu_say_duration(ns - ns % SECOND, 0, buf);
	return buf;
}

/* "8080/tcp: in use by node (pid 47, user ann); waited 12 s" */
static void add_state(struct iu_text *t, const struct wait *w, int64_t now_ns)
{
	const struct inuse_verdict *v = w->listening ? NULL : inuse_answer_deciding(w->answer);
	struct iu_text who = {0};
	char left[64], waited[64], address[160];

	say_waited((now_ns - w->patience.began_ns) / SECOND * SECOND, waited); /* whole ones, as the line is written each second */
	if (v == NULL) {
		iu_text_addf(t, _("%s: nobody listens yet, for %s"),
			     iu_escape(w->call.q.address, address, sizeof(address)), waited);
	} else if (v->free_at_ns != 0) {
		iu_say_duration(v->free_at_ns > now_ns ? v->free_at_ns - now_ns : 0, v->free_slack_ns, left);
		iu_text_addf(t, _("%s: in use for %s more"), w->answer->asked, left);
	} else if (v->n_shown > 0) {
		iu_say_who(&who, w->answer->facts, v->shown[0]);
		iu_text_addf(t, _("%s: in use by %s; waited %s"), w->answer->asked, who.data ? who.data : "", waited);
		iu_text_done(&who);
	} else {
		iu_text_addf(t, _("%s: would fail (%s); waited %s"), w->answer->asked, iu_say_result(v->result),
			     waited);
	}
}

static void show_countdown(struct wait *w)
{
	int64_t now_ns = iu_host_now();
	struct iu_text t = {0};
	char left[64];

	if (now_ns < iu_countdown_due(&w->countdown))
		return;
	add_state(&t, w, now_ns);
	if (w->deadline_ns != INT64_MAX) {
		iu_say_duration(w->deadline_ns > now_ns ? w->deadline_ns - now_ns : 0, 0, left);
		iu_text_addf(&t, _(" (giving up in %s)"), left);
	}
	iu_countdown_show(&w->countdown, now_ns, t.data ? t.data : "");
	iu_text_done(&t);
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Sleeps until the next look is due. False: a signal came. */
static bool sleep_until_next(struct wait *w, bool *ret_by_event)
{
	unsigned want = w->listening ? IU_WATCH_LISTENER : IU_WATCH_SOCKET | IU_WATCH_PROCESS | IU_WATCH_NETWORK, events;

	*ret_by_event = false;
	w->next_ns = earlier(w->next_ns, w->deadline_ns);
	while (iu_host_now() < w->next_ns) {
		events =
			iu_watch_wait(w->watch, want, earlier(w->next_ns, iu_countdown_due(&w->countdown)), w->signals);
		if ((events & IU_WATCH_OTHER) != 0) {
			w->signal = iu_system_interrupt(w->signals);
			if (w->signal != 0)
				return false;
		}
		if ((events & want) != 0) {
			/* one is enough: those that follow are met by the same look */
			*ret_by_event = true;
			want = 0;
			w->next_ns = earlier(w->next_ns, iu_patience_after_event(&w->patience));
		}
		if (iu_host_now() < w->next_ns)
			show_countdown(w);
	}
	return true;
}

static enum end wait_for_it(struct wait *w)
{
	bool by_event = false;
	enum end end;

	while ((end = look(w, by_event)) == GOES_ON)
		if (!sleep_until_next(w, &by_event))
			return INTERRUPTED;
	return end;
}

/* --------------------------------------------------------------------------------------------- telling */

static int exit_status(const struct wait *w, enum end end)
{
	bool unknown = w->answer != NULL && inuse_answer_deciding(w->answer)->outcome != INUSE_FAIL;

	switch (end) {
	case FREE:
	case LISTENING:
		return IU_EXIT_GO;
	case TIME_IS_UP:
	case HOPELESS:
		return unknown ? IU_EXIT_UNKNOWN : IU_EXIT_FAIL;
	case INTERRUPTED:
		return 128 + w->signal;
	default:
		return IU_EXIT_UNKNOWN;
	}
}

static void print_json(const struct wait *w, enum end end, int64_t waited_ns)
{
	char *answer = w->answer != NULL ? inuse_answer_json(w->answer, 0) : NULL, *text;
	struct iu_facts none = {.now_ns = iu_host_now()};
	json_t *o = json_object();

	json_object_set_new(o, "schema", json_string("inuse-wait"));
	json_object_set_new(o, "version", json_integer(1));
	json_object_set_new(o, "ended", json_string(end_names[end]));
	json_object_set_new(o, "waited_ms", json_integer(waited_ns / IU_PATIENCE_MS));
	json_object_set_new(o, "looks", json_integer(w->looks));
	if (answer != NULL)
		json_object_set_new(o, "answer", json_loads(answer, 0, NULL));
	if (end == LISTENING)
		json_object_set_new(o, "listener", iu_json_socket(&none, &w->listener, false));
	text = json_dumps(o, JSON_COMPACT);
	if (text != NULL)
		puts(text);
	free(text);
	free(answer);
	json_decref(o);
}

static void print_text(const struct wait *w, enum end end, int64_t waited_ns)
{
	char *answer =
		w->answer != NULL ? inuse_answer_text(w->answer, iu_colour(stdout) ? INUSE_STYLE_COLOUR : 0) : NULL;
	char text[INUSE_ADDR_TEXT], waited[64], address[160];

	say_waited(waited_ns, waited);
	if (answer != NULL)
		fputs(answer, stdout);
	else if (end == LISTENING)
		printf(_("Somebody listens on %s.\n"), inuse_addr_text(&w->listener.local, text));
	else if (end == TIME_IS_UP)
		printf(_("Nobody listens at %s.\n"), iu_escape(w->call.q.address, address, sizeof(address)));
	fflush(stdout);
	if (end == TIME_IS_UP)
		fprintf(stderr, _("inuse wait: gave up after %s\n"), waited);
	if (end == HOPELESS)
		fputs(_("inuse wait: waiting does not change that\n"), stderr);
	free(answer);
}

static int tell(struct wait *w, enum end end)
{
	int64_t waited_ns = iu_host_now() - w->patience.began_ns;

	iu_countdown_clear(&w->countdown);
	if (end == FAILED)
		return iu_report_error(&w->error);
	if (end == INTERRUPTED || w->call.quiet)
		return exit_status(w, end);
	if (w->call.json)
		print_json(w, end, waited_ns);
	else
		print_text(w, end, waited_ns);
	return iu_flushed(exit_status(w, end));
}

/* ----------------------------------------------------------------------------------------------- begin */

static int wait_resolved(struct wait *w)
{
	uint16_t ports[2] = {w->resolved.addrs[0].port, w->resolved.from.port};
	bool connects = w->call.q.call == INUSE_CALL_CONNECT;
	size_t n = 0;

	/* a client's own port is what it competes for; without one, sockets of any port may be in its way */
	if (!connects)
		n = ports[0] != 0;
	else if (ports[1] != 0)
		n = 2;
	if (iu_watch_new(ports, n, connects, &w->watch, &w->error) < 0)
		return iu_report_error(&w->error);
	w->told = w->listening && iu_watch_for_listeners(w->watch, ports[0]);
	w->echo = ECHOES;
	w->signals = iu_system_catch_interrupts();
	w->patience.began_ns = w->patience.looked_ns = iu_host_now();
	w->deadline_ns = w->timeout_ns < 0 ? INT64_MAX : w->patience.began_ns + w->timeout_ns;
	iu_countdown_init(&w->countdown, w->patience.began_ns + 2 * SECOND, SECOND, w->call.quiet);
	return tell(w, wait_for_it(w));
}

static int run(int argc, char **argv)
{
	struct wait w = {.call = IU_CALL_INIT(&iu_verb_wait, IU_CALL_WORD_MAY), .timeout_ns = -1, .signals = -1};
	int status;

	w.call.other = take_option;
	w.call.arg = &w;
	status = iu_call_parse(&w.call, argc, argv);
	if (status != IU_CALL_GO_ON)
		return status;
	if (w.listening && (w.call.have_call || w.call.q.given != 0 || w.call.q.device != NULL || w.call.q.uid >= 0))
		return iu_usage(&iu_verb_wait,
				_("--listening waits for somebody else's listener: no call and none of its options "
				  "go with it"));
	status = iu_call_enter(&w.call);
	if (status != IU_CALL_GO_ON)
		return status;
	if (iu_resolve_question(&w.call.q, &w.resolved, &w.error) < 0)
		return iu_report_error(&w.error);
	if (w.listening && w.resolved.addrs[0].port == 0)
		return iu_usage(&iu_verb_wait, _("--listening needs a port, not 0"));
	status = wait_resolved(&w);
	inuse_answer_free(w.answer);
	iu_watch_free(w.watch);
	iu_system_release_interrupts(w.signals);
	return status;
}
