/* SPDX-License-Identifier: MIT */
/* Who holds a socket, and everything else that a template may name. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/gettext.h"
#include "say/names.h"
#include "say/telling.h"

#define MAX_PIDS 6

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

/* A socket that stands in the way just as this one does: with SO_REUSEPORT many listen on one address. */
static bool is_beside(const struct inuse_socket *s, const struct inuse_socket *o)
{
	return s->state == o->state && (o->state == INUSE_LISTEN || o->state == INUSE_BOUND) && s->proto == o->proto &&
	       s->netns == o->netns && s->device == o->device && s->local.port == o->local.port &&
	       iu_addr_same(&s->local, &o->local);
}

static size_t mark_holders(const struct iu_facts *f, const struct inuse_socket *o, bool *seen)
{
	size_t n = 0;

	for (uint32_t i = 0; i < o->n_holders && o->holders + i < f->n_holders; i++) {
		uint32_t process = f->holders[o->holders + i].process;

		if (process >= f->n_processes || seen[process])
			continue;
		seen[process] = true;
		n++;
	}
	return n;
}

/* Number of different processes that hold the socket, or one beside it. */
static size_t n_processes(const struct iu_facts *f, const struct inuse_socket *o)
{
	bool *seen = calloc(f->n_processes + 1, sizeof(*seen));
	size_t n;

	if (seen == NULL)
		return 1;
	n = mark_holders(f, o, seen);
	for (size_t i = 0; i < f->n_sockets; i++)
		if (is_beside(&f->sockets[i], o))
			n += mark_holders(f, &f->sockets[i], seen);
	free(seen);
	return n;
}

void iu_say_who(struct iu_text *t, const struct iu_facts *f, const struct inuse_socket *o)
{
	const struct inuse_process *p = iu_holder_of(f, o);
	struct iu_text name = {0}, user = {0};
	char pid[16], more[24];
	size_t n;

	if (p == NULL) {
		who_is_hidden(t, f, o);
		return;
	}
	n = n_processes(f, o);
	iu_text_add_escaped(&name, text_or(p->comm, _("a process")));
	/* the numbers of Windows' users are ours, and mean nothing to anybody */
	if (f->os == IU_SYSTEM_windows && n == 1 && p->user[0] == 0) {
		iu_text_addf(t, _("%s (pid %d)"), name.data ? name.data : "", p->pid);
		iu_text_done(&name);
		return;
	}
	if (f->os == IU_SYSTEM_windows)
		iu_text_add_escaped(&user, p->user);
	else
		add_user(&user, f, p->uid == UINT32_MAX ? o->uid : p->uid);
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

static struct iu_text *var(struct iu_told *t, const char *name)
{
	struct iu_text *value = &t->store[t->n_vars];

	if (t->n_vars + 1 >= IU_MAX_VARS)
		return &t->store[IU_MAX_VARS - 1];
	iu_text_add(value, "");
	t->vars[t->n_vars++].name = name;
	return value;
}

/* As many as a line takes. False: there are more. */
static bool add_pids(struct iu_text *text, const struct iu_facts *f, const struct inuse_socket *o)
{
	int last = -1, shown = 0;
	uint32_t most = o != NULL && iu_holders_are_family(f, o) ? 1 : UINT32_MAX;

	for (uint32_t i = 0; o != NULL && i < o->n_holders && i < most && o->holders + i < f->n_holders; i++) {
		uint32_t p = f->holders[o->holders + i].process;

		if (p >= f->n_processes || f->processes[p].pid == last)
			continue;
		if (shown == MAX_PIDS)
			return false;
		last = f->processes[p].pid;
		iu_text_addf(text, "%s%d", shown++ ? " " : "", last);
	}
	return true;
}

/* Of a process that has ended: who may have inherited its sockets. */
static void add_children(struct iu_text *text, const struct iu_facts *f, const struct inuse_process *parent)
{
	unsigned n = 0;

	for (size_t i = 0; parent != NULL && i < f->n_processes && n < 6; i++) {
		const struct inuse_process *p = &f->processes[i];

		if (p->ppid != parent->pid || p->status == 'X' || p == parent)
			continue;
		iu_text_add(text, n++ > 0 ? ", " : "");
		iu_text_add_escaped(text, text_or(p->comm, "?"));
		iu_text_addf(text, _(" (pid %d)"), p->pid);
	}
	if (n == 0)
		iu_text_add(text, _("none that can be seen"));
}

static const struct inuse_socket *subject(const struct iu_told *t, const struct inuse_cure *cure)
{
	uint32_t i = cure ? cure->index : 0;

	return i < t->v->n_shown ? t->v->shown[i] : NULL;
}

static bool is_user_unit(const struct inuse_process *p)
{
	return strstr(p->unit, "user@") != NULL;
}

/* The last element: user@1000.service/app.slice/x.service -> x.service */
const char *iu_told_unit(const struct inuse_process *p)
{
	const char *name = p->socket_unit[0] ? p->socket_unit : p->unit, *slash = strrchr(name, '/');

	return slash ? slash + 1 : name;
}

void iu_say_stop_command(struct iu_text *t, const struct inuse_process *p, bool container)
{
	const struct iu_words *w = iu_words_of_cure(container ? "stop-container" : "stop-unit");
	struct iu_text name = {0};

	if (!container)
		iu_text_add_escaped(&name, iu_told_unit(p)[0] ? iu_told_unit(p) : _("a socket unit"));
	else if (p->container[0] != 0)
		iu_text_addf(&name, "%.12s", p->container);
	else
		iu_text_add(&name, "CONTAINER");
	iu_say_expand(t, _(w->headline),
		      (struct iu_var[]){{"sudo", ""},
					{"scope", is_user_unit(p) ? "--user " : ""},
					{"unit", name.data ? name.data : ""},
					{"container", name.data ? name.data : ""},
					{NULL, NULL}});
	iu_text_done(&name);
}

static void fill_process(struct iu_told *t, const struct inuse_socket *o, const struct inuse_process *p)
{
	const char *sudo;
	struct iu_text *v;

	iu_text_add_escaped(var(t, "name"), p ? text_or(p->comm, _("it")) : "");
	v = var(t, "unit");
	iu_text_add_escaped(v, p && iu_told_unit(p)[0] ? iu_told_unit(p) : _("a socket unit"));
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
	sudo = t->v->request.uid == 0 || (p != NULL && p->uid == t->v->request.uid) ? "" : "sudo ";
	iu_text_add(var(t, "sudo"), sudo);
	v = var(t, "cont");
	if (p != NULL && p->status == 'T') {
		iu_text_addf(v, " && %skill -CONT ", sudo);
		add_pids(v, t->f, o);
	}
}

/* "12345", "connect 10.0.0.5:5000 --from :23456": the same call, as inuse wait and inuse release take it. */
static const char *words_again(const struct iu_told *t)
{
	const char *again = t->how->again != NULL ? t->how->again : t->how->asked;

	return strncmp(again, "why ", 4) == 0 ? again + 4 : again;
}

void iu_told_fill(struct iu_told *t, const struct inuse_cure *cure)
{
	const struct inuse_socket *o = subject(t, cure);
	const struct inuse_process *p = iu_holder_of(t->f, o);
	char buf[INUSE_ADDR_TEXT];
	int64_t low = 1024;

	for (size_t i = 0; i < IU_MAX_VARS; i++)
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
	iu_text_add(var(t, "again"), words_again(t));
	iu_text_addf(var(t, "port"), "%u", o ? o->local.port : t->v->request.local.port);
	add_user(var(t, "user"), t->f, o ? o->uid : t->v->request.uid);
	t->pids_cut = !add_pids(var(t, "pids"), t->f, o);
	add_children(var(t, "children"), t->f, p);
	iu_setting(t->f, IU_SET_UNPRIVILEGED_PORT_START, &low);
	iu_text_addf(var(t, "low"), "%lld", (long long)low);
	iu_text_addf(var(t, "count"), "%llu", (unsigned long long)t->v->ports_total);
	iu_text_add(var(t, "asked"), t->how->asked);
	iu_text_add(var(t, "role"), t->v->request.call == INUSE_CALL_CONNECT ? _("client") : _("server"));
	fill_process(t, o, p);
	for (size_t i = 0; i < t->n_vars; i++)
		t->vars[i].value = t->store[i].data ? t->store[i].data : "";
	t->vars[t->n_vars] = (struct iu_var){NULL, NULL};
}

void iu_told_done(struct iu_told *t)
{
	for (size_t i = 0; i < IU_MAX_VARS; i++)
		iu_text_done(&t->store[i]);
}
