/* SPDX-License-Identifier: MIT */
/* The plan of release and kill, in words and in JSON. */
#include <stdlib.h>

#include "cli/release.h"
#include "say/names.h"
#include "say/say.h"

#define EVICTABLE(r) ((r)->evict_refused.status == INUSE_OK)

bool iu_release_has_work(const struct iu_release *r)
{
	return (r->evict.n > 0 && EVICTABLE(r)) || iu_stop_left(&r->stop) > 0;
}

bool iu_release_frees(const struct iu_release *r)
{
	const uint64_t *n = r->evict.n_of_kind;
	bool holders_end = r->kill && r->stop.n_hidden == 0 && iu_stop_left(&r->stop) == r->stop.n && !r->stop.more;

	if (n[IU_KIND_CLIENT] + n[IU_KIND_UNSURE] + n[IU_KIND_KERNEL] > 0 || (r->evict.n > 0 && !EVICTABLE(r)))
		return false;
	return (n[IU_KIND_HOLDER] == 0 || holders_end) && (n[IU_KIND_CONNECTION] == 0 || r->connections || holders_end);
}

/* ------------------------------------------------------------------------------------------------- words */

/* What is to be removed, and the risk. %llu: how many. */
static const struct {
	enum iu_kind kind;
	const char *what, *risk;
} removals[] = {
	{IU_KIND_REMAINS, N_("remove ended connections (TIME-WAIT, FIN-WAIT-2): %llu"),
	 N_("late packets of theirs may reach a new connection of the same ports")},
	{IU_KIND_ORPHAN, N_("remove connections that their process has closed: %llu"),
	 N_("what they have not delivered yet is lost")},
	{IU_KIND_CONNECTION, N_("reset living connections: %llu"), N_("both ends lose them, and what is under way")},
};

/* So many are named, of each kind; a million are a number. */
#define NAMED 4

static void say_sockets(struct iu_text *t, const struct iu_evict_plan *plan, enum iu_kind kind)
{
	char local[INUSE_ADDR_TEXT], remote[INUSE_ADDR_TEXT];
	uint64_t named = 0;

	for (size_t i = 0; i < plan->n && named < NAMED; i++) {
		const struct iu_evict_target *o = &plan->targets[i];

		if (o->kind != kind)
			continue;
		named++;
		iu_text_addf(t, "    %s %s > %s\n", iu_say_state((enum inuse_state)o->state), inuse_addr_text(&o->local, local),
			     inuse_addr_text(&o->remote, remote));
	}
	if (named < plan->n_of_kind[kind])
		iu_text_addf(t, _("    and %llu more\n"), (unsigned long long)(plan->n_of_kind[kind] - named));
}

static void say_removals(struct iu_text *t, const struct iu_release *r)
{
	for (size_t i = 0; i < sizeof(removals) / sizeof(removals[0]); i++) {
		uint64_t n = r->evict.n_of_kind[removals[i].kind];

		if (n == 0 || (removals[i].kind == IU_KIND_CONNECTION && !r->connections))
			continue;
		iu_text_add(t, "  ");
		iu_text_addf(t, _(removals[i].what), (unsigned long long)n);
		iu_text_add(t, "\n");
		say_sockets(t, &r->evict, removals[i].kind);
		iu_text_addf(t, _("    Risk: %s\n"), _(removals[i].risk));
	}
}

static void add_name(struct iu_text *t, const struct inuse_process *p)
{
	iu_text_add_escaped(t, p->comm[0] ? p->comm : _("a process"));
	/* the numbers of Windows' users are ours, and mean nothing */
	if (p->user[0] == 0 && (IU_SYSTEM_HERE == IU_SYSTEM_windows || p->uid == UINT32_MAX)) {
		iu_text_addf(t, _(" (pid %d)"), p->pid);
		return;
	}
	iu_text_addf(t, _(" (pid %d, user "), p->pid);
	if (p->user[0] != 0)
		iu_text_add_escaped(t, p->user);
	else
		iu_text_addf(t, "%u", p->uid);
	iu_text_add(t, ")");
}

static void say_ends(struct iu_text *t, const struct iu_release *r)
{
	for (size_t i = 0; i < r->stop.n; i++)
		if (r->stop.targets[i].why_not == IU_STOP_MAY) {
			iu_text_add(t, _("  end "));
			add_name(t, r->stop.targets[i].process);
			iu_text_add(t, r->stop.targets[i].follows ? _(", which follows\n") : "\n");
		}
	if (iu_stop_left(&r->stop) > 0)
		iu_text_add(t, _("    Risk: what they have not saved is lost, and their connections break\n"));
}

static const char *why_not_text(const struct iu_stop_target *target)
{
	const struct inuse_process *p = target->process;

	switch (target->why_not) {
	case IU_STOP_INIT:
		return p->pid == 1 ? _("process 1 is not to be ended") : _("it is the system itself");
	case IU_STOP_SELF:
		return _("this program runs below it");
	case IU_STOP_ELSEWHERE:
		return _("it runs in a container that hides its number; end it there");
	case IU_STOP_CHANGED:
		return _("it has just ended, or changed");
	case IU_STOP_UNSURE:
		return _("whose number it is cannot be made certain here (no /proc, or no pidfd_open); kill it yourself");
	case IU_STOP_UNIT:
		return _("it is a service, and may be started again; run instead:");
	case IU_STOP_CONTAINER:
		return _("it belongs to a container; run instead:");
	case IU_STOP_ENDED:
		return _("it has ended; a child that inherited its socket has to end");
	case IU_STOP_DENIED:
		return _("you may not end it; an administrator may");
	default:
		return "";
	}
}

static void say_spared(struct iu_text *t, const struct iu_release *r)
{
	for (size_t i = 0; i < r->stop.n; i++) {
		const struct iu_stop_target *target = &r->stop.targets[i];

		if (target->why_not == IU_STOP_MAY)
			continue;
		iu_text_add(t, "  ");
		add_name(t, target->process);
		iu_text_addf(t, ": %s\n", why_not_text(target));
		if (target->why_not == IU_STOP_UNIT || target->why_not == IU_STOP_CONTAINER) {
			iu_text_add(t, "    ");
			iu_say_stop_command(t, target->process, target->why_not == IU_STOP_CONTAINER);
			iu_text_add(t, "\n");
		}
	}
}

static void say_count(struct iu_text *t, const char *format, uint64_t n)
{
	if (n == 0)
		return;
	iu_text_add(t, "  ");
	iu_text_addf(t, format, (unsigned long long)n);
	iu_text_add(t, "\n");
}

static void say_untouched(struct iu_text *t, const struct iu_release *r)
{
	const uint64_t *n = r->evict.n_of_kind;

	say_spared(t, r);
	if (!r->kill)
		say_count(t, _("sockets that only their process can close: %llu (inuse kill ends it)"),
			  n[IU_KIND_HOLDER]);
	if (!r->kill && !r->connections)
		say_count(t, _("living connections: %llu (--connections resets them)"), n[IU_KIND_CONNECTION]);
	say_count(t, _("connections of clients that got this port from the kernel: %llu (wait for their end)"),
		  n[IU_KIND_CLIENT]);
	say_count(t, _("connections of which it cannot be seen whose they are: %llu (root may see it)"),
		  n[IU_KIND_UNSURE]);
	say_count(t, _("sockets of the kernel itself: %llu"), n[IU_KIND_KERNEL]);
	if (r->kill)
		say_count(t,
			  IU_SYSTEM_HERE == IU_SYSTEM_windows
				  ? _("sockets whose process Windows does not tell: %llu")
				  : _("sockets whose process is hidden from you: %llu (root may see it)"),
			  r->stop.n_hidden);
	if (r->evict.n > 0 && !EVICTABLE(r))
		iu_text_addf(t, "  %s\n", r->evict_refused.text);
}

void iu_release_say_plan(struct iu_text *t, const struct iu_release *r)
{
	struct iu_text part = {0};

	if (EVICTABLE(r))
		say_removals(&part, r);
	say_ends(&part, r);
	if (part.len > 0)
		iu_text_addf(t, _("To free %s:\n%s"), r->answer->asked, part.data);
	iu_text_done(&part);
	say_untouched(&part, r);
	if (part.len > 0)
		iu_text_addf(t, _("Not touched:\n%s"), part.data);
	iu_text_done(&part);
	if (r->evict.partial)
		iu_text_add(t, _("The sockets changed while they were read: there may be more.\n"));
}

/* -------------------------------------------------------------------------------------------------- JSON */

static const char *const kind_names[IU_N_KINDS] = {
	[IU_KIND_REMAINS] = "remains", [IU_KIND_ORPHAN] = "orphans", [IU_KIND_CONNECTION] = "connections",
	[IU_KIND_CLIENT] = "clients",  [IU_KIND_UNSURE] = "unsure",  [IU_KIND_HOLDER] = "holders",
	[IU_KIND_KERNEL] = "kernel",
};

static const char *const why_not_names[] = {
	[IU_STOP_MAY] = "",
	[IU_STOP_INIT] = "init",
	[IU_STOP_SELF] = "ancestor",
	[IU_STOP_ELSEWHERE] = "elsewhere",
	[IU_STOP_CHANGED] = "changed",
	[IU_STOP_UNSURE] = "unsure",
	[IU_STOP_UNIT] = "unit",
	[IU_STOP_CONTAINER] = "container",
	[IU_STOP_ENDED] = "ended",
	[IU_STOP_DENIED] = "denied",
};

static json_t *process_json(const struct iu_stop_target *t, bool done)
{
	json_t *o = json_object();
	struct iu_text text = {0};

	iu_text_add_escaped(&text, t->process->comm);
	json_object_set_new(o, "pid", json_integer(t->process->pid));
	json_object_set_new(o, "comm", json_string(text.data ? text.data : ""));
	json_object_set_new(o, "uid", json_integer(t->process->uid));
	if (t->why_not != IU_STOP_MAY)
		json_object_set_new(o, "why_not", json_string(why_not_names[t->why_not]));
	iu_text_done(&text);
	if (t->why_not == IU_STOP_UNIT || t->why_not == IU_STOP_CONTAINER)
		iu_say_stop_command(&text, t->process, t->why_not == IU_STOP_CONTAINER);
	if (text.data != NULL)
		json_object_set_new(o, "instead", json_string(text.data));
	iu_text_done(&text);
	if (done)
		json_object_set_new(o, "ended", json_boolean(t->ended));
	return o;
}

/* The first of those that are to be removed. */
static json_t *targets_json(const struct iu_evict_plan *plan)
{
	char local[INUSE_ADDR_TEXT], remote[INUSE_ADDR_TEXT];
	json_t *list = json_array();

	for (size_t i = 0; i < plan->n && i < 64; i++) {
		const struct iu_evict_target *o = &plan->targets[i];

		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s}", "kind", kind_names[o->kind], "state",
						      iu_json_state((enum inuse_state)o->state), "local",
						      inuse_addr_text(&o->local, local), "remote",
						      inuse_addr_text(&o->remote, remote)));
	}
	return list;
}

static json_t *answer_json(const struct inuse_answer *a)
{
	char *text = a != NULL ? inuse_answer_json(a, 0) : NULL;
	json_t *o = text != NULL ? json_loads(text, 0, NULL) : NULL;

	free(text);
	return o;
}

json_t *iu_release_json(const struct iu_release *r, bool done)
{
	json_t *o = json_object(), *sockets = json_object(), *processes = json_array();

	for (int i = 0; i < IU_N_KINDS; i++)
		json_object_set_new(sockets, kind_names[i], json_integer((json_int_t)r->evict.n_of_kind[i]));
	for (size_t i = 0; i < r->stop.n; i++)
		json_array_append_new(processes, process_json(&r->stop.targets[i], done));
	json_object_set_new(o, "schema", json_string("inuse-release"));
	json_object_set_new(o, "version", json_integer(1));
	json_object_set_new(o, "sockets", sockets);
	json_object_set_new(o, "to_remove", json_integer(EVICTABLE(r) ? (json_int_t)r->evict.n : 0));
	json_object_set_new(o, "targets", targets_json(&r->evict));
	json_object_set_new(o, "processes", processes);
	json_object_set_new(o, "frees", json_boolean(iu_release_frees(r)));
	json_object_set_new(o, "done", json_boolean(done));
	if (done) {
		json_object_set_new(o, "removed", json_integer((json_int_t)r->done.n_removed));
		json_object_set_new(o, "gone", json_integer((json_int_t)r->done.n_gone));
		json_object_set_new(o, "refused", json_integer((json_int_t)r->done.n_refused));
	}
	json_object_set_new(o, "answer", answer_json(r->after ? r->after : r->answer));
	return o;
}
