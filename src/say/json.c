/* SPDX-License-Identifier: MIT */
/*
 * The answer for programs: one object, documented in doc/json.md. Never translated.
 *
 * A failed allocation inside jansson leaves a member out or gives NULL; the callers check the outermost object only, and
 * json_object_set_new() copes with NULL.
 */
#include <string.h>

#include "base/address.h"
#include "say/names.h"
#include "say/say.h"

static json_t *names_of_bits(const struct iu_name *names, uint32_t bits)
{
	json_t *list = json_array();

	for (; names->name != NULL; names++)
		if ((bits & names->value) != 0) {
			bits &= ~names->value;
			json_array_append_new(list, json_string(names->name));
		}
	return list;
}

/* Bytes that are not UTF-8 are escaped: JSON has no other way to hold them. */
static void set_text(json_t *object, const char *key, const char *value)
{
	struct iu_text text = {0};

	if (value == NULL || value[0] == 0)
		return;
	iu_text_add_escaped(&text, value);
	if (text.data != NULL)
		json_object_set_new(object, key, json_string(text.data));
	iu_text_done(&text);
}

static void set_int(json_t *object, const char *key, int64_t value)
{
	json_object_set_new(object, key, json_integer(value));
}

static void set_addr(json_t *object, const char *key, const struct inuse_addr *addr)
{
	char text[INUSE_ADDR_TEXT];
	json_t *o;

	if (addr->family == 0 && addr->port == 0)
		return;
	o = json_object();
	set_text(o, "addr", iu_addr_host_text(addr, text));
	set_int(o, "port", addr->port);
	json_object_set_new(object, key, o);
}

static json_t *process(const struct iu_facts *f, const struct inuse_holder *h, bool full)
{
	json_t *o = json_object();
	const struct inuse_process *p;
	char status[2] = {0};

	if (h->process >= f->n_processes)
		return o;
	p = &f->processes[h->process];
	status[0] = p->status;
	set_int(o, "pid", p->pid);
	if (h->fd >= 0)
		set_int(o, "fd", h->fd);
	set_int(o, "ppid", p->ppid);
	set_int(o, "uid", p->uid);
	set_text(o, "user", p->user);
	set_text(o, "comm", p->comm);
	if (full) {
		set_text(o, "args", p->args);
		set_text(o, "cwd", p->cwd);
	}
	set_text(o, "tty", p->tty);
	set_text(o, "status", status);
	set_text(o, "unit", p->unit);
	set_text(o, "socket_unit", p->socket_unit);
	set_text(o, "container", p->container);
	if (p->started_ns != 0)
		set_int(o, "age_ms", (f->now_ns - p->started_ns) / 1000000);
	return o;
}

json_t *iu_json_socket(const struct iu_facts *f, const struct inuse_socket *s, bool full)
{
	json_t *o = json_object(), *holders = json_array();

	set_text(o, "state", iu_json_state(s->state));
	set_text(o, "proto", s->proto == INUSE_PROTO_UDP ? "udp" : "tcp");
	set_int(o, "family", s->family);
	set_addr(o, "local", &s->local);
	set_addr(o, "remote", &s->remote);
	json_object_set_new(o, "flags", names_of_bits(iu_names_flag, s->flags & s->known));
	json_object_set_new(o, "unknown", names_of_bits(iu_names_known, ~s->known));
	if (s->mini)
		json_object_set_new(o, "remains", json_true());
	if (s->device != 0)
		set_int(o, "device", s->device);
	if ((s->known & INUSE_KNOW_UID) != 0)
		set_int(o, "uid", s->uid);
	if (s->inode != 0)
		set_int(o, "inode", (int64_t)s->inode);
	if (s->netns != 0)
		set_int(o, "netns", (int64_t)s->netns);
	if (s->count > 1)
		set_int(o, "count", (int64_t)s->count);
	if (s->free_at_ns != 0) {
		set_int(o, "left_ms", s->free_at_ns > f->now_ns ? (s->free_at_ns - f->now_ns + 999999) / 1000000 : 0);
		set_int(o, "left_slack_ms", (s->free_slack_ns + 999999) / 1000000);
	}
	for (uint32_t i = 0; i < s->n_holders && s->holders + i < f->n_holders; i++)
		json_array_append_new(holders, process(f, &f->holders[s->holders + i], full));
	json_object_set_new(o, "holders", holders);
	return o;
}

static json_t *cure(const struct inuse_cure *c)
{
	json_t *o = json_object();

	set_text(o, "id", c->id);
	if (c->pid != 0)
		set_int(o, "pid", c->pid);
	json_object_set_new(o, "later", json_boolean(c->later));
	if (c->wait_ns != 0)
		set_int(o, "wait_ms", (c->wait_ns + 999999) / 1000000);
	return o;
}

static void set_blockers(json_t *o, const struct iu_facts *f, const struct inuse_verdict *v, bool full)
{
	json_t *blockers = json_array(), *states = json_object();

	for (uint32_t i = 0; i < v->n_shown; i++)
		json_array_append_new(blockers, iu_json_socket(f, v->shown[i], full));
	for (int s = 0; s < INUSE_N_STATES; s++)
		if (v->n_by_state[s] != 0)
			set_int(states, iu_json_state((enum inuse_state)s), (int64_t)v->n_by_state[s]);
	set_int(o, "n_blockers", (int64_t)v->n_blockers);
	json_object_set_new(o, "blockers_by_state", states);
	json_object_set_new(o, "blockers", blockers);
}

static json_t *verdict(const struct iu_facts *f, const struct inuse_verdict *v, bool full)
{
	json_t *o = json_object(), *cures = json_array();

	set_text(o, "call", iu_name_of(iu_names_call, v->request.call));
	set_text(o, "proto", iu_name_of(iu_names_proto, v->request.proto));
	set_addr(o, "local", &v->request.local);
	set_addr(o, "remote", &v->request.remote);
	json_object_set_new(o, "options", names_of_bits(iu_names_flag, v->request.flags));
	if (v->request.uid != UINT32_MAX)
		set_int(o, "uid", v->request.uid);
	if (v->request.device != 0)
		set_int(o, "device", v->request.device);
	set_text(o, "outcome", iu_name_of(iu_names_outcome, v->outcome));
	set_text(o, "step", iu_name_of(iu_names_call, v->step));
	set_text(o, "result", iu_json_result(v->result));
	if (f->os == IU_SYSTEM_windows && v->result != INUSE_R_OK)
		set_int(o, "winsock", iu_winsock_number(v->result));
	set_text(o, "rule", v->rule);
	set_text(o, "cause", v->cause);
	set_text(o, "note", v->note);
	json_object_set_new(o, "as_far_as_seen", json_boolean(v->as_far_as_seen));
	json_object_set_new(o, "missing", names_of_bits(iu_names_missing, v->missing));
	json_object_set_new(o, "unseen", names_of_bits(iu_names_missing, v->unseen));
	if (v->free_at_ns != 0) {
		set_int(o, "free_in_ms", v->free_at_ns > v->now_ns ? (v->free_at_ns - v->now_ns + 999999) / 1000000 : 0);
		set_int(o, "free_slack_ms", (v->free_slack_ns + 999999) / 1000000);
	}
	if (v->ports_total != 0) {
		set_int(o, "ports_total", (int64_t)v->ports_total);
		set_int(o, "ports_left", (int64_t)v->ports_left);
	}
	set_blockers(o, f, v, full);
	for (uint32_t i = 0; i < v->n_cures; i++)
		json_array_append_new(cures, cure(&v->cures[i]));
	json_object_set_new(o, "cures", cures);
	return o;
}

static json_t *elsewhere(const struct iu_facts *f)
{
	json_t *list = json_array();

	for (size_t i = 0; i < f->n_elsewhere; i++) {
		const struct iu_elsewhere *e = &f->elsewhere[i];
		json_t *o = json_object();

		set_text(o, "proto", iu_name_of(iu_names_proto, e->proto));
		set_int(o, "port", e->port);
		set_int(o, "netns", (int64_t)e->netns);
		set_int(o, "count", (int64_t)e->count);
		json_object_set_new(o, "listening", json_boolean(e->listening));
		json_array_append_new(list, o);
	}
	return list;
}

json_t *iu_json_answer(const struct iu_facts *facts, const struct inuse_verdict *verdicts, size_t n,
		       const struct iu_telling *how)
{
	json_t *o = json_object(), *list = json_array();
	size_t deciding = iu_say_deciding(verdicts, n);

	set_text(o, "schema", "inuse-verdict");
	set_int(o, "version", 1);
	set_text(o, "asked", how->asked);
	set_text(o, "outcome", iu_name_of(iu_names_outcome, verdicts[deciding].outcome));
	set_int(o, "deciding", (int64_t)deciding);
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, verdict(facts, &verdicts[i], how->verbose));
	json_object_set_new(o, "verdicts", list);
	json_object_set_new(o, "elsewhere", elsewhere(facts));
	return o;
}
