/* SPDX-License-Identifier: MIT */
/* The answer for people: headline, sockets, what is to be known, fixes. */
#include <stdio.h>
#include <string.h>

#include "base/address.h"
#include "base/gettext.h"
#include "say/names.h"
#include "say/say.h"

#define MAX_VARS 24

/* Everything that a template may name, made once per answer. */
struct telling {
	const struct iu_facts *f;
	const struct inuse_verdict *v;
	const struct iu_telling *how;
	struct iu_var vars[MAX_VARS];
	size_t n_vars;
	struct iu_text store[MAX_VARS]; /* owns the values */
	size_t width, lines, max_lines;
	struct iu_text *out;
};

size_t iu_say_deciding(const struct inuse_verdict *verdicts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (verdicts[i].outcome == INUSE_FAIL)
			return i;
	for (size_t i = 0; i < n; i++)
		if (verdicts[i].outcome == INUSE_CANNOT_TELL)
			return i;
	return 0;
}

/* ------------------------------------------------------------------------------------------------ names */

static void add_user(struct iu_text *t, const struct iu_facts *f, uint32_t uid)
{
	for (size_t i = 0; i < f->n_processes; i++)
		if (f->processes[i].uid == uid && f->processes[i].user != NULL && f->processes[i].user[0] != 0) {
			iu_text_add_escaped(t, f->processes[i].user);
			return;
		}
	if (uid == 0)
		iu_text_add(t, "root");
	else
		iu_text_addf(t, "%u", uid);
}

static const char *text_or(const char *s, const char *other)
{
	return s != NULL && s[0] != 0 ? s : other;
}

static void who_is_hidden(struct iu_text *t, const struct iu_facts *f, const struct inuse_socket *o)
{
	struct iu_text user = {0};

	if ((o->known & INUSE_KNOW_OWNER) != 0) {
		iu_text_add(t, _("a socket without a process"));
		return;
	}
	if ((o->known & INUSE_KNOW_UID) == 0) {
		iu_text_add(t, _("a process hidden from you"));
		return;
	}
	add_user(&user, f, o->uid);
	iu_say_expand(t, _("a process hidden from you (user {user})"),
		      (struct iu_var[]){{"user", user.data ? user.data : ""}, {NULL, NULL}});
	iu_text_done(&user);
}

/* Number of different processes that hold the socket. */
static size_t n_processes(const struct iu_facts *f, const struct inuse_socket *o)
{
	size_t n = 0;

	for (uint32_t i = 0; i < o->n_holders && o->holders + i < f->n_holders; i++) {
		bool seen = false;

		for (uint32_t j = 0; j < i; j++)
			seen |= f->holders[o->holders + j].process == f->holders[o->holders + i].process;
		n += !seen;
	}
	return n;
}

void iu_say_who(struct iu_text *t, const struct iu_facts *f, const struct inuse_socket *o)
{
	const struct inuse_process *p = iu_holder_of(f, o);
	struct iu_text name = {0}, user = {0};
	char pid[16], more[16];
	size_t n;

	if (p == NULL) {
		who_is_hidden(t, f, o);
		return;
	}
	n = n_processes(f, o);
	iu_text_add_escaped(&name, text_or(p->comm, "?"));
	add_user(&user, f, p->uid);
	snprintf(pid, sizeof(pid), "%d", p->pid);
	snprintf(more, sizeof(more), "%zu", n - 1);
	iu_say_expand(t,
		      n > 1 ? _("{name} (pid {pid}, user {user}) and {more} more")
			    : p->pid == 0 ? _("{name} (in another pid namespace, user {user})")
					  : _("{name} (pid {pid}, user {user})"),
		      (struct iu_var[]){{"name", name.data ? name.data : ""},
					{"pid", pid},
					{"user", user.data ? user.data : ""},
					{"more", more},
					{NULL, NULL}});
	iu_text_done(&name);
	iu_text_done(&user);
}

/* ------------------------------------------------------------------------------------------------ variables */

static struct iu_text *var(struct telling *t, const char *name)
{
	struct iu_text *value = &t->store[t->n_vars];

	if (t->n_vars + 1 >= MAX_VARS)
		return &t->store[MAX_VARS - 1];
	iu_text_add(value, "");
	t->vars[t->n_vars++].name = name;
	return value;
}

static void add_pids(struct iu_text *text, const struct iu_facts *f, const struct inuse_socket *o)
{
	int last = -1, shown = 0;

	for (uint32_t i = 0; o != NULL && i < o->n_holders && o->holders + i < f->n_holders && shown < 6; i++) {
		uint32_t p = f->holders[o->holders + i].process;

		if (p >= f->n_processes || f->processes[p].pid == last)
			continue;
		last = f->processes[p].pid;
		iu_text_addf(text, "%s%d", shown++ ? " " : "", last);
	}
}

static const struct inuse_socket *subject(const struct telling *t, const struct inuse_cure *cure)
{
	uint32_t i = cure ? cure->index : 0;

	return i < t->v->n_shown ? t->v->shown[i] : NULL;
}

static bool is_user_unit(const struct inuse_process *p)
{
	return strstr(p->unit, "user@") != NULL;
}

/* The last element: user@1000.service/app.slice/x.service -> x.service */
static const char *unit_name(const struct inuse_process *p)
{
	const char *name = p->socket_unit[0] ? p->socket_unit : p->unit, *slash = strrchr(name, '/');

	return slash ? slash + 1 : name;
}

static void fill_process(struct telling *t, const struct inuse_process *p)
{
	struct iu_text *v;

	iu_text_add_escaped(var(t, "name"), p ? text_or(p->comm, "?") : "");
	v = var(t, "unit");
	iu_text_add_escaped(v, p && unit_name(p)[0] ? unit_name(p) : _("a socket unit"));
	v = var(t, "container");
	if (p && p->container[0])
		iu_text_addf(v, "%.12s", p->container);
	else
		iu_text_add(v, "CONTAINER");
	v = var(t, "tty");
	if (p && p->tty[0]) {
		iu_text_add(v, " (");
		iu_text_add_escaped(v, p->tty);
		iu_text_add(v, ")");
	}
	iu_text_add(var(t, "scope"), p && is_user_unit(p) ? "--user " : "");
	/* ending one's own process needs no sudo; whose the asker is stands in the request */
	iu_text_add(var(t, "sudo"),
		    t->v->request.uid == 0 || (p != NULL && p->uid == t->v->request.uid) ? "" : "sudo ");
}

static void fill(struct telling *t, const struct inuse_cure *cure)
{
	const struct inuse_socket *o = subject(t, cure);
	const struct inuse_process *p = iu_holder_of(t->f, o);
	char buf[INUSE_ADDR_TEXT];
	int64_t low = 1024;

	for (size_t i = 0; i < MAX_VARS; i++)
		iu_text_done(&t->store[i]);
	t->n_vars = 0;
	if (o != NULL)
		iu_say_who(var(t, "who"), t->f, o);
	if (t->v->free_at_ns != 0)
		iu_say_duration(t->v->free_at_ns - t->v->now_ns, t->v->free_slack_ns, buf);
	else
		snprintf(buf, sizeof(buf), "%s", _("some time"));
	iu_text_add(var(t, "time"), buf);
	iu_text_add(var(t, "addr"), o ? inuse_addr_text(&o->local, buf) : "");
	iu_text_add(var(t, "state"), o ? iu_say_state(o->state) : "");
	iu_text_add(var(t, "ssstate"), o && o->state == INUSE_FIN_WAIT2 ? "fin-wait-2" : "time-wait");
	iu_text_addf(var(t, "port"), "%u", o ? o->local.port : t->v->request.local.port);
	add_user(var(t, "user"), t->f, o ? o->uid : t->v->request.uid);
	add_pids(var(t, "pids"), t->f, o);
	iu_setting(t->f, IU_SET_UNPRIVILEGED_PORT_START, &low);
	iu_text_addf(var(t, "low"), "%lld", (long long)low);
	iu_text_addf(var(t, "count"), "%llu", (unsigned long long)t->v->ports_total);
	iu_text_add(var(t, "asked"), t->how->asked);
	fill_process(t, p);
	for (size_t i = 0; i < t->n_vars; i++)
		t->vars[i].value = t->store[i].data ? t->store[i].data : "";
	t->vars[t->n_vars] = (struct iu_var){NULL, NULL};
}

/* ------------------------------------------------------------------------------------------------ lines */

static const struct {
	uint32_t bit;
	const char *text;
} missing_words[] = {
	{INUSE_MISSING_COVERAGE, N_("the saved state does not cover this port")},
	{INUSE_MISSING_REUSEADDR, N_("whether the old socket set SO_REUSEADDR is hidden from you")},
	{INUSE_MISSING_REUSEPORT, N_("whether the old socket set SO_REUSEPORT is hidden from you")},
	{INUSE_MISSING_V6ONLY, N_("whether an IPv6 socket takes IPv4 as well is hidden from you")},
	{INUSE_MISSING_DEVICE, N_("the interface that the old socket is bound to is not known")},
	{INUSE_MISSING_UID, N_("the user of the old socket is not known")},
	{INUSE_MISSING_TIMESTAMPS, N_("whether the last connection had TCP timestamps is hidden from you")},
	{INUSE_MISSING_MEMORY, N_("what the port remembers of earlier sockets is hidden from you")},
	{INUSE_MISSING_PORT_LOCKED, N_("who chose the ports of the connections is hidden from you")},
	{INUSE_MISSING_PRIVILEGE, N_("whether the caller may use a low port is not known")},
	{INUSE_MISSING_ADDRESSES, N_("the addresses of this machine could not be read")},
	{INUSE_MISSING_ROUTE, N_("the address that the connection would come from is not known")},
	{INUSE_MISSING_RANGE, N_("the range of automatic ports is not known")},
	{INUSE_MISSING_SEQUENCE, N_("it depends on a sequence number yet to come")},
	{INUSE_MISSING_BOUND, N_("sockets that took a port and do not listen are hidden from you")},
	{INUSE_MISSING_PARTIAL, N_("the sockets changed faster than they could be read")},
};

static const char *missing_word(uint32_t missing)
{
	for (size_t i = 0; i < sizeof(missing_words) / sizeof(missing_words[0]); i++)
		if ((missing & missing_words[i].bit) != 0)
			return _(missing_words[i].text);
	return _("something is hidden from you");
}

static void emphasise(struct telling *t, const char *code)
{
	if (t->how->colour)
		iu_text_add(t->out, code);
}

static const char *success_of(const struct telling *t)
{
	switch (t->v->request.call) {
	case INUSE_CALL_CONNECT:
		return _("FREE: nothing on this machine stands in the way");
	case INUSE_CALL_ACCEPT:
		return _("FREE: a new connection would be accepted");
	default:
		return _("FREE");
	}
}

static void headline(struct telling *t)
{
	const struct iu_words *w = iu_words_of_cause(t->v->cause);
	struct iu_text line = {0};

	emphasise(t, t->v->outcome == INUSE_GO ? "\033[1;32m" : t->v->outcome == INUSE_FAIL ? "\033[1;31m" : "\033[1;33m");
	iu_text_addf(&line, "%s ", t->how->asked);
	if (t->v->outcome == INUSE_CANNOT_TELL)
		iu_say_expand(&line, _("CANNOT TELL: {why}"),
			      (struct iu_var[]){{"why", missing_word(t->v->missing)}, {NULL, NULL}});
	else if (t->v->as_far_as_seen)
		iu_say_expand(&line, _("FREE, as far as you may see: {why}"),
			      (struct iu_var[]){{"why", missing_word(t->v->unseen & (INUSE_MISSING_BOUND | INUSE_MISSING_PARTIAL))},
						{NULL, NULL}});
	else if (t->v->outcome == INUSE_GO)
		iu_text_add(&line, success_of(t));
	else
		iu_say_expand(&line, w && w->headline ? _(w->headline) : _("WOULD FAIL"), t->vars);
	t->lines += iu_say_wrapped(t->out, line.data ? line.data : "", 2, t->width);
	emphasise(t, "\033[0m");
	iu_text_add(t->out, "\n");
	iu_text_done(&line);
}

/* One indented paragraph; nothing for NULL or "". */
static void paragraph(struct telling *t, const char *format)
{
	struct iu_text text = {0};

	if (format == NULL || format[0] == 0)
		return;
	iu_say_expand(&text, format, t->vars);
	iu_text_add(t->out, "  ");
	t->lines += iu_say_wrapped(t->out, text.data ? text.data : "", 2, t->width);
	iu_text_add(t->out, "\n");
	iu_text_done(&text);
}

static const char *remark(const struct inuse_socket *o)
{
	if (o->state == INUSE_TIME_WAIT)
		return _(" (this side closed first)");
	if (o->state == INUSE_FIN_WAIT2)
		return _(" (this side closed first, the peer has not closed yet)");
	if (o->state == INUSE_BOUND)
		return _(" (took the port, does not listen)");
	return "";
}

static void socket_line(struct telling *t, const struct inuse_socket *o)
{
	char local[INUSE_ADDR_TEXT], remote[INUSE_ADDR_TEXT], count[64] = "";

	inuse_addr_text(&o->local, local);
	inuse_addr_text(&o->remote, remote);
	if (o->count > 1)
		snprintf(count, sizeof(count), _(", and %llu like it"), (unsigned long long)o->count - 1);
	iu_text_addf(t->out, "  %s %s%s%s%s%s\n", iu_say_state(o->state), local,
		     o->state == INUSE_LISTEN || o->state == INUSE_BOUND ? "" : " > ",
		     o->state == INUSE_LISTEN || o->state == INUSE_BOUND ? "" : remote, remark(o), count);
	t->lines++;
}

/* -v: flags, uid, inode: what the rule looked at. */
static void details_line(struct telling *t, const struct inuse_socket *o)
{
	static const struct {
		uint32_t bit;
		const char *name;
	} shown[] = {{INUSE_REUSEADDR, "reuseaddr"}, {INUSE_REUSEPORT, "reuseport"}, {INUSE_V6ONLY, "v6only"},
		     {INUSE_TIMESTAMPS, "timestamps"}};
	char left[64];

	iu_text_add(t->out, "     ");
	for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
		iu_text_addf(t->out, " %s=%s", shown[i].name,
			     (o->known & shown[i].bit) == 0 ? "?" : (o->flags & shown[i].bit) != 0 ? "1" : "0");
	if ((o->known & INUSE_KNOW_UID) != 0)
		iu_text_addf(t->out, " uid=%u", o->uid);
	if (o->device != 0)
		iu_text_addf(t->out, " device=%u", o->device);
	if (o->inode != 0)
		iu_text_addf(t->out, " inode=%llu", (unsigned long long)o->inode);
	if (o->free_at_ns != 0)
		iu_text_addf(t->out, " left=%.3fs", (double)(o->free_at_ns - t->f->now_ns) / 1e9);
	for (uint32_t i = 0; i < o->n_holders && o->holders + i < t->f->n_holders; i++) {
		const struct inuse_holder *h = &t->f->holders[o->holders + i];

		if (h->process < t->f->n_processes)
			iu_text_addf(t->out, " pid=%d/fd=%d", t->f->processes[h->process].pid, h->fd);
	}
	(void)left;
	iu_text_add(t->out, "\n");
	t->lines++;
}

static void more_line(struct telling *t, uint64_t told)
{
	bool first = true;

	if (t->v->n_blockers <= told)
		return;
	iu_text_addf(t->out, _("  and %llu more"), (unsigned long long)(t->v->n_blockers - told));
	for (int s = 0; s < INUSE_N_STATES; s++)
		if (t->v->n_by_state[s] > 0) {
			iu_text_addf(t->out, "%s%llu %s", first ? _("; in all ") : ", ", (unsigned long long)t->v->n_by_state[s],
				     iu_say_state((enum inuse_state)s));
			first = false;
		}
	iu_text_add(t->out, "\n");
	t->lines++;
}

static void sockets(struct telling *t)
{
	uint32_t max = t->how->verbose ? INUSE_MAX_SHOWN : 3;
	uint64_t told = 0;

	for (uint32_t i = 0; i < t->v->n_shown && i < max; i++) {
		socket_line(t, t->v->shown[i]);
		if (t->how->verbose)
			details_line(t, t->v->shown[i]);
		told += t->v->shown[i]->count ? t->v->shown[i]->count : 1;
	}
	more_line(t, told);
}

/* What runs, where, since when: enough to recognise it. */
static void process_line(struct telling *t)
{
	const struct inuse_process *p = t->v->n_shown ? iu_holder_of(t->f, t->v->shown[0]) : NULL;
	struct iu_text line = {0};
	char duration[64];

	if (p == NULL)
		return;
	iu_text_add_escaped(&line, text_or(p->args, text_or(p->exe, p->comm)));
	if (iu_width(line.data) > 40 && !t->how->verbose) {
		size_t keep = 0;
		int32_t code;

		while (iu_width_n(line.data, keep) < 37)
			keep += iu_utf8_next(line.data + keep, line.len - keep, &code);
		line.len = keep;
		iu_text_add(&line, "...");
	}
	if (p->cwd[0] != 0) {
		iu_text_add(&line, _(", in "));
		iu_text_add_escaped(&line, p->cwd);
	}
	if (p->tty[0] != 0) {
		iu_text_add(&line, _(", on "));
		iu_text_add_escaped(&line, p->tty);
	}
	if (p->started_ns != 0)
		iu_text_addf(&line, _(", started %s ago"), iu_say_duration(t->f->now_ns - p->started_ns, 0, duration));
	if (p->unit[0] != 0) {
		iu_text_add(&line, ", ");
		iu_text_add_escaped(&line, unit_name(p));
	}
	if (p->container[0] != 0)
		iu_text_addf(&line, _(", container %.12s"), p->container);
	iu_text_add(t->out, "  ");
	t->lines += iu_say_wrapped(t->out, line.data ? line.data : "", 4, t->width);
	iu_text_add(t->out, "\n");
	iu_text_done(&line);
}

static void elsewhere_lines(struct telling *t)
{
	unsigned long long namespaces = 0, udp = 0;

	for (size_t i = 0; i < t->f->n_elsewhere; i++) {
		const struct iu_elsewhere *e = &t->f->elsewhere[i];

		if (e->port != t->v->request.local.port || e->count == 0)
			continue;
		if (e->proto == INUSE_PROTO_UDP)
			udp += e->count;
		else if (e->netns != t->f->netns)
			namespaces++;
	}
	if (udp > 0 && t->v->n_blockers == 0)
		paragraph(t, _("A UDP socket has this port; UDP and TCP do not disturb each other."));
	if (namespaces > 0) {
		char text[160];

		snprintf(text, sizeof(text),
			 iu_ngettext("Sockets in %llu other network namespace have this port; they do not count here.",
				     "Sockets in %llu other network namespaces have this port; they do not count here.", namespaces),
			 namespaces);
		paragraph(t, text);
	}
}

/* Bare `inuse PORT` asks with SO_REUSEADDR; where asking without ends otherwise, one line says so. */
static void plain_line(struct telling *t)
{
	const struct inuse_verdict *other = t->how->other;

	if (other == NULL || other->outcome == t->v->outcome)
		return;
	if (other->outcome == INUSE_FAIL)
		paragraph(t, (other->request.flags & INUSE_REUSEADDR) != 0
				     ? _("With SO_REUSEADDR it would fail.")
				     : _("A server that does not set SO_REUSEADDR would still fail (inuse --plain {asked})."));
	else if (other->outcome == INUSE_GO)
		paragraph(t, (other->request.flags & INUSE_REUSEADDR) != 0 ? _("With SO_REUSEADDR it would succeed.")
									  : _("Without SO_REUSEADDR it would succeed."));
}

/* ------------------------------------------------------------------------------------------------ fixes */

static void fix(struct telling *t, bool *first, const char *command, const char *risk)
{
	size_t start, risk_column = 38;

	iu_text_add(t->out, *first ? _("Fix  ") : "     ");
	*first = false;
	start = t->out->len;
	iu_text_add(t->out, command);
	if (risk != NULL) {
		iu_text_pad(t->out, start, risk_column - 5, 2);
		t->lines += iu_say_wrapped(t->out, risk, risk_column, t->width);
	} else {
		t->lines++;
	}
	iu_text_add(t->out, "\n");
}

static void fixes(struct telling *t)
{
	bool first = true;

	for (uint32_t i = 0; i < t->v->n_cures; i++) {
		const struct inuse_cure *cure = &t->v->cures[i];
		const struct iu_words *w = iu_words_of_cure(cure->id);
		struct iu_text command = {0}, risk = {0};

		if (w == NULL || t->lines + 1 > t->max_lines)
			break;
		fill(t, cure);
		iu_say_expand(&command, _(w->headline), t->vars);
		if (w->more != NULL)
			iu_say_expand(&risk, _(w->more), t->vars);
		/* a fix that would take a second line past the end is left out */
		if (t->lines + (risk.len + 38 > t->width ? 2 : 1) <= t->max_lines)
			fix(t, &first, command.data ? command.data : "", w->more ? risk.data : NULL);
		iu_text_done(&command);
		iu_text_done(&risk);
	}
	if (t->v->outcome == INUSE_CANNOT_TELL && (t->v->missing & (INUSE_MISSING_COVERAGE | INUSE_MISSING_SEQUENCE)) == 0) {
		struct iu_text again = {0};

		iu_text_addf(&again, "sudo inuse %s", t->how->asked);
		fix(t, &first, again.data ? again.data : "", _("root may see it"));
		if (t->v->request.call != INUSE_CALL_CONNECT)
			fix(t, &first, _("add --try"), _("makes the call for an instant and tells"));
		iu_text_done(&again);
	}
}

/* Of several addresses, which would do and which would not, where they differ. */
static void addresses_line(struct telling *t, const struct inuse_verdict *verdicts, size_t n)
{
	struct iu_text line = {0};
	char addr[INUSE_ADDR_TEXT];
	bool differ = false;

	for (size_t i = 1; i < n; i++)
		differ |= verdicts[i].outcome != verdicts[0].outcome;
	if (!differ)
		return;
	for (size_t i = 0; i < n; i++)
		iu_text_addf(&line, "%s%s: %s", i ? "; " : "",
			     inuse_addr_text(verdicts[i].request.call == INUSE_CALL_CONNECT ? &verdicts[i].request.remote
											    : &verdicts[i].request.local,
					     addr),
			     verdicts[i].outcome == INUSE_GO      ? _("free")
			     : verdicts[i].outcome == INUSE_FAIL ? _("would fail")
								  : _("cannot tell"));
	iu_text_add(t->out, "  ");
	t->lines += iu_say_wrapped(t->out, line.data ? line.data : "", 2, t->width);
	iu_text_add(t->out, "\n");
	iu_text_done(&line);
}

static void rule_lines(struct telling *t)
{
	const struct iu_words *w = iu_words_of_rule(t->v->rule);
	const struct iu_call_rule *call = iu_call_rule_find(&iu_profile_linux, t->v->rule);
	const struct iu_owner_rule *owner = iu_owner_rule_find(&iu_profile_linux, t->v->rule);
	const char *ref = call ? call->ref : owner ? owner->ref : NULL;

	if (w != NULL) {
		iu_text_add(t->out, _("Rule   "));
		iu_say_wrapped(t->out, _(w->headline), 7, t->width);
		iu_text_add(t->out, "\n");
	}
	if (ref != NULL) {
		iu_text_add(t->out, _("Source "));
		iu_say_wrapped(t->out, ref, 7, t->width);
		iu_text_add(t->out, "\n");
	}
}

void iu_say_answer(struct iu_text *out, const struct iu_facts *facts, const struct inuse_verdict *verdicts, size_t n,
		   const struct iu_telling *how)
{
	const struct inuse_verdict *v = &verdicts[iu_say_deciding(verdicts, n)];
	struct telling t = {.f = facts, .v = v, .how = how, .out = out};
	const struct iu_words *cause = iu_words_of_cause(v->cause), *note = iu_words_of_cause(v->note);

	t.width = how->width ? how->width : 80;
	t.max_lines = how->max_lines ? how->max_lines : how->verbose ? SIZE_MAX : 12;
	fill(&t, NULL);
	headline(&t);
	if (v->outcome != INUSE_GO) {
		sockets(&t);
		process_line(&t);
	}
	if (v->outcome == INUSE_FAIL && cause != NULL && cause->more != NULL)
		paragraph(&t, _(cause->more));
	if (note != NULL && note->more != NULL)
		paragraph(&t, _(note->more));
	addresses_line(&t, verdicts, n);
	plain_line(&t);
	elsewhere_lines(&t);
	fixes(&t);
	if (how->verbose)
		rule_lines(&t);
	for (size_t i = 0; i < MAX_VARS; i++)
		iu_text_done(&t.store[i]);
}
