/* SPDX-License-Identifier: MIT */
/* The answer for people: headline, sockets, what is to be known. */
#include <stdio.h>
#include <string.h>

#include "base/address.h"
#include "base/gettext.h"
#include "say/names.h"
#include "say/telling.h"

/* Somebody has this very address. A bare port stands for both families, and it is told of the one that was taken itself. */
static bool is_taken_itself(const struct inuse_verdict *v)
{
	const struct inuse_addr *asked = &v->request.local, *taken = v->n_shown > 0 ? &v->shown[0]->local : NULL;

	return v->outcome == INUSE_FAIL && taken != NULL && taken->family == asked->family && iu_addr_same(taken, asked);
}

size_t iu_say_deciding(const struct inuse_verdict *verdicts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (is_taken_itself(&verdicts[i]))
			return i;
	for (size_t i = 0; i < n; i++)
		if (verdicts[i].outcome == INUSE_FAIL)
			return i;
	for (size_t i = 0; i < n; i++)
		if (verdicts[i].outcome == INUSE_CANNOT_TELL)
			return i;
	return 0;
}

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
	{INUSE_MISSING_DOCUMENT, N_("the documents of that system do not say")},
	{INUSE_MISSING_SETTING, N_("a setting of the kernel that decides this could not be read")},
	{INUSE_MISSING_TIMER, N_("how long the old connection has been in TIME-WAIT is not known")},
	{INUSE_MISSING_DRAW, N_("it depends on where the kernel, at random, begins to look for a port")},
	{INUSE_MISSING_SEQUENCE, N_("it depends on a sequence number yet to come")},
	{INUSE_MISSING_BOUND, N_("sockets that took a port and do not listen are hidden from you")},
	{INUSE_MISSING_PARTIAL, N_("the sockets changed faster than they could be read")},
};

const char *iu_told_missing(const struct iu_facts *f, uint32_t missing)
{
	if (f->os == IU_SYSTEM_windows && (missing & INUSE_MISSING_REUSEADDR) != 0)
		return _("Windows tells nobody which options the other socket has set");
	for (size_t i = 0; i < sizeof(missing_words) / sizeof(missing_words[0]); i++)
		if ((missing & missing_words[i].bit) != 0)
			return _(missing_words[i].text);
	return _("something is hidden from you");
}

static void emphasise(struct iu_told *t, const char *code)
{
	if (t->how->colour)
		iu_text_add(t->out, code);
}

static const char *success_of(const struct iu_told *t)
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

static void headline(struct iu_told *t)
{
	const struct iu_words *w = iu_words_of_cause(t->v->cause);
	struct iu_text line = {0}, shown = {0};

	emphasise(t, t->v->outcome == INUSE_GO ? "\033[1;32m" : t->v->outcome == INUSE_FAIL ? "\033[1;31m" : "\033[1;33m");
	iu_text_addf(&line, "%s ", t->how->asked);
	if (t->v->outcome == INUSE_CANNOT_TELL)
		iu_say_expand(&line, _("CANNOT TELL: {why}"),
			      (struct iu_var[]){{"why", iu_told_missing(t->f, t->v->missing)}, {NULL, NULL}});
	else if (t->v->as_far_as_seen)
		iu_say_expand(&line, _("FREE, as far as you may see: {why}"),
			      (struct iu_var[]){{"why", iu_told_missing(t->f, t->v->unseen & (INUSE_MISSING_BOUND | INUSE_MISSING_PARTIAL))},
						{NULL, NULL}});
	else if (t->v->outcome == INUSE_GO)
		iu_text_add(&line, success_of(t));
	else
		iu_say_expand(&line, w && w->headline ? _(w->headline) : _("WOULD FAIL"), t->vars);
	/* wrapped apart from the colour, which has no width */
	t->lines += iu_say_wrapped(&shown, line.data ? line.data : "", 2, t->width);
	iu_text_add(t->out, shown.data ? shown.data : "");
	emphasise(t, "\033[0m");
	iu_text_add(t->out, "\n");
	iu_text_done(&shown);
	iu_text_done(&line);
}

/* One indented paragraph; nothing for NULL or "". */
static void paragraph(struct iu_told *t, const char *format)
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

static void socket_line(struct iu_told *t, const struct inuse_socket *o)
{
	bool alone = o->state == INUSE_LISTEN || o->state == INUSE_BOUND;
	char local[INUSE_ADDR_TEXT], remote[INUSE_ADDR_TEXT];
	struct iu_text line = {0};

	inuse_addr_text(&o->local, local);
	inuse_addr_text(&o->remote, remote);
	iu_text_addf(&line, "%s %s%s%s", iu_say_state(o->state), local, alone ? "" : " > ", alone ? "" : remote);
	if (o->count > 1)
		iu_text_addf(&line, _(" and %llu more like it"), (unsigned long long)o->count - 1);
	else
		iu_text_add(&line, remark(o));
	iu_text_add(t->out, "  ");
	t->lines += iu_say_wrapped(t->out, line.data ? line.data : "", 4, t->width);
	iu_text_add(t->out, "\n");
	iu_text_done(&line);
}

/* -v: flags, uid, inode: what the rule looked at. */
static void details_line(struct iu_told *t, const struct inuse_socket *o)
{
	static const struct {
		uint32_t bit;
		const char *name;
	} shown[] = {{INUSE_REUSEADDR, "reuseaddr"}, {INUSE_REUSEPORT, "reuseport"}, {INUSE_V6ONLY, "v6only"},
		     {INUSE_TIMESTAMPS, "timestamps"}};

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
	iu_text_add(t->out, "\n");
	t->lines++;
}

static void more_line(struct iu_told *t, uint64_t told)
{
	struct iu_text line = {0};
	bool first = true;

	if (t->v->n_blockers <= told)
		return;
	iu_text_addf(&line, _("and %llu more"), (unsigned long long)(t->v->n_blockers - told));
	for (int s = 0; s < INUSE_N_STATES; s++)
		if (t->v->n_by_state[s] > 0) {
			iu_text_addf(&line, "%s%llu %s", first ? _("; in all ") : ", ", (unsigned long long)t->v->n_by_state[s],
				     iu_say_state((enum inuse_state)s));
			first = false;
		}
	iu_text_add(t->out, "  ");
	t->lines += iu_say_wrapped(t->out, line.data ? line.data : "", 4, t->width);
	iu_text_add(t->out, "\n");
	iu_text_done(&line);
}

static void sockets(struct iu_told *t)
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

/* At most 40 columns: the folder of the program goes first, then the end. */
static void add_command(const struct iu_told *t, struct iu_text *line, const char *command)
{
	const char *name = command;
	size_t keep = 0;
	int32_t code;

	iu_text_add_escaped(line, command);
	if (t->how->verbose || line->len == 0 || iu_width(line->data) <= 40)
		return;
	for (const char *p = command; *command == '/' && *p != 0 && *p != ' '; p++)
		if (*p == '/')
			name = p + 1;
	line->len = 0;
	iu_text_add_escaped(line, name);
	if (line->len == 0 || iu_width(line->data) <= 40)
		return;
	while (iu_width_n(line->data, keep) < 37)
		keep += iu_utf8_next(line->data + keep, line->len - keep, &code);
	line->len = keep;
	iu_text_add(line, "...");
}

/* What runs, where, since when: enough to recognise it. */
static void process_line(struct iu_told *t)
{
	const struct inuse_process *p = t->v->n_shown ? iu_holder_of(t->f, t->v->shown[0]) : NULL;
	struct iu_text line = {0};
	char duration[64];

	if (p == NULL)
		return;
	add_command(t, &line, p->args[0] ? p->args : p->exe[0] ? p->exe : p->comm);
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
		iu_text_add_escaped(&line, iu_told_unit(p));
	}
	if (p->container[0] != 0)
		iu_text_addf(&line, _(", container %.12s"), p->container);
	if (line.len > 0) {
		iu_text_add(t->out, "  ");
		t->lines += iu_say_wrapped(t->out, line.data, 4, t->width);
		iu_text_add(t->out, "\n");
	}
	iu_text_done(&line);
}

static void elsewhere_lines(struct iu_told *t)
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
static void plain_line(struct iu_told *t)
{
	const struct inuse_verdict *other = t->how->other;
	bool with = other != NULL && (other->request.flags & INUSE_REUSEADDR) != 0;

	if (other == NULL || other->outcome == t->v->outcome)
		return;
	if (other->outcome == INUSE_FAIL)
		paragraph(t, with ? _("With SO_REUSEADDR it would fail.") : _("A server that does not set SO_REUSEADDR would fail."));
	else if (other->outcome == INUSE_GO)
		paragraph(t, with ? _("With SO_REUSEADDR it would succeed.") : _("Without SO_REUSEADDR it would succeed."));
}

/* Windows: the number that a program prints, and what an option means there that has another meaning elsewhere. */
static void windows_lines(struct iu_told *t)
{
	const char *name = iu_say_winsock(t->v->result);
	char text[160];

	if (t->f->os != IU_SYSTEM_windows)
		return;
	if (t->v->outcome == INUSE_FAIL && name[0] != 0) {
		snprintf(text, sizeof(text), _("%s() says %s."), iu_name_of(iu_names_call, t->v->step), name);
		paragraph(t, text);
	}
	if (t->v->request.call != INUSE_CALL_CONNECT && (t->v->request.flags & INUSE_REUSEADDR) != 0)
		paragraph(t, _("SO_REUSEADDR on Windows lets any program take a port from the one that has it."));
}

/* Ports that the kernel would choose from. */
static void ports_line(struct iu_told *t)
{
	char left[32], total[32];
	struct iu_var vars[] = {{"left", left}, {"total", total}, {NULL, NULL}};
	struct iu_text line = {0};

	if (t->v->ports_total == 0 || t->v->outcome != INUSE_GO)
		return;
	snprintf(left, sizeof(left), "%llu", (unsigned long long)t->v->ports_left);
	snprintf(total, sizeof(total), "%llu", (unsigned long long)t->v->ports_total);
	iu_say_expand(&line,
		      t->v->request.call == INUSE_CALL_CONNECT ? _("Automatic ports left for this destination: {left} of {total}.")
							       : _("Automatic ports left: {left} of {total}."),
		      vars);
	iu_text_addf(t->out, "  %s\n", line.data ? line.data : "");
	t->lines++;
	iu_text_done(&line);
}

/* Of several addresses, which would do and which would not, where they differ. */
static void addresses_line(struct iu_told *t, const struct inuse_verdict *verdicts, size_t n)
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

static void rule_lines(struct iu_told *t)
{
	const struct iu_profile *rules = iu_profile_of(t->f);
	const struct iu_words *w = iu_words_of_rule(rules, t->v->rule);
	const struct iu_call_rule *call = iu_call_rule_find(rules, t->v->rule);
	const struct iu_owner_rule *owner = iu_owner_rule_find(rules, t->v->rule);
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

/* Where to read on: the page of the cause, or of what is worth knowing about a call that would succeed. */
static void topic_line(struct iu_told *t)
{
	const char *cause = t->v->outcome == INUSE_FAIL || t->v->n_shown > 0 ? t->v->cause : NULL;
	const char *topic = t->v->outcome == INUSE_GO ? t->v->note : cause;

	if (topic != NULL)
		iu_text_addf(t->out, "%sinuse explain %s\n", _("More   "), topic);
}

void iu_say_answer(struct iu_text *out, const struct iu_facts *facts, const struct inuse_verdict *verdicts, size_t n,
		   const struct iu_telling *how)
{
	const struct inuse_verdict *v = &verdicts[iu_say_deciding(verdicts, n)];
	struct iu_told t = {.f = facts, .v = v, .how = how, .out = out};
	const struct iu_words *cause = iu_words_of_cause(v->cause), *note = iu_words_of_cause(v->note);

	t.width = how->width ? how->width : 80;
	t.max_lines = how->max_lines ? how->max_lines : how->verbose ? SIZE_MAX : 12;
	iu_told_fill(&t, NULL);
	headline(&t);
	if (v->outcome != INUSE_GO) {
		sockets(&t);
		process_line(&t);
	}
	if (cause != NULL && cause->more != NULL &&
	    (v->outcome == INUSE_FAIL || (v->missing & INUSE_MISSING_SEQUENCE) != 0))
		paragraph(&t, _(cause->more));
	if (v->outcome == INUSE_FAIL && v->n_shown > 0 && iu_maker_is_hidden(facts, v->shown[0]))
		paragraph(&t, _("A process of user {user} may hold it as well, hidden from you."));
	if (note != NULL && note->more != NULL)
		paragraph(&t, _(note->more));
	ports_line(&t);
	addresses_line(&t, verdicts, n);
	plain_line(&t);
	windows_lines(&t);
	elsewhere_lines(&t);
	iu_told_fixes(&t);
	if (how->verbose) {
		rule_lines(&t);
		topic_line(&t);
	}
	iu_told_done(&t);
}
