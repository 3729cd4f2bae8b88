/* SPDX-License-Identifier: MIT */
/* Questions to the facts that several rules ask. */
#include <string.h>

#include "base/address.h"
#include "model/judge.h"

uint32_t iu_features_from_version(uint32_t kernel)
{
	static const struct {
		uint32_t since, feature;
	} table[] = {
#define FEATURE(id, name, major, minor, ...) {IU_KERNEL(major, minor), IU_FEATURE_##id},
#include "model/features.def"
#undef FEATURE
	};
	uint32_t features = 0;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (kernel >= table[i].since)
			features |= table[i].feature;
	return features;
}

bool iu_setting(const struct iu_facts *f, enum iu_setting setting, int64_t *ret)
{
	*ret = f->settings[setting];
	return (f->settings_known & (1u << setting)) != 0;
}

enum inuse_tri iu_setting_on(const struct iu_facts *f, enum iu_setting setting, uint32_t *missing)
{
	int64_t value;

	if (iu_setting(f, setting, &value))
		return iu_is(value != 0);
	if (f->os != IU_SYSTEM_linux)
		return INUSE_NO; /* nobody else has it */
	*missing |= INUSE_MISSING_SETTING;
	return INUSE_MAYBE;
}

static bool in_ranges(const struct iu_range *r, size_t n, uint16_t port)
{
	for (size_t i = 0; i < n; i++)
		if (port >= r[i].first && port <= r[i].last)
			return true;
	return false;
}

bool iu_port_covered(const struct iu_facts *f, uint16_t port)
{
	return f->n_covered == 0 || in_ranges(f->covered, f->n_covered, port);
}

bool iu_port_excluded(const struct iu_facts *f, uint16_t port)
{
	return in_ranges(f->excluded, f->n_excluded, port);
}

bool iu_port_reserved(const struct iu_facts *f, uint16_t port)
{
	return in_ranges(f->reserved, f->n_reserved, port) || iu_port_excluded(f, port);
}

static void mark_ranges(const struct iu_range *r, size_t n, uint8_t marks[IU_ALL_PORTS], uint8_t mark)
{
	for (size_t i = 0; i < n; i++)
		if (r[i].first <= r[i].last)
			memset(marks + r[i].first, mark, (size_t)(r[i].last - r[i].first) + 1);
}

void iu_ports_mark_reserved(const struct iu_facts *f, uint8_t marks[IU_ALL_PORTS], uint8_t mark)
{
	mark_ranges(f->reserved, f->n_reserved, marks, mark);
	mark_ranges(f->excluded, f->n_excluded, marks, mark);
}

enum inuse_tri iu_addr_is_local(const struct iu_facts *f, const struct inuse_addr *a)
{
	struct inuse_addr u = iu_addr_unmapped(a);

	if (iu_addr_is_any(&u) || (u.family == 4 && f->no_v4_table))
		return INUSE_YES;
	for (size_t i = 0; i < f->n_locals; i++)
		if (iu_addr_in(&u, &f->locals[i].addr, f->locals[i].prefix_len) &&
		    (u.scope == 0 || f->locals[i].device == 0 || u.scope == f->locals[i].device || !iu_addr_is_link_local6(&u)))
			return INUSE_YES;
	return f->locals_known ? INUSE_NO : INUSE_MAYBE;
}

enum inuse_tri iu_socket_has(const struct iu_world *w, const struct inuse_socket *o, enum inuse_flag flag,
			     enum inuse_missing lacking, uint32_t *missing)
{
	if (flag == INUSE_REUSEADDR && w->old_had_reuseaddr)
		return INUSE_YES;
	if ((o->known & flag) != 0)
		return iu_is((o->flags & flag) != 0);
	*missing |= lacking;
	return INUSE_MAYBE;
}

bool iu_addr_is_broadcast(const struct iu_facts *f, const struct inuse_addr *a, uint32_t device)
{
	for (size_t i = 0; i < f->n_locals; i++)
		if (f->locals[i].broadcast && (device == 0 || f->locals[i].device == 0 || f->locals[i].device == device) &&
		    iu_addr_same(&f->locals[i].addr, a))
			return true;
	return false;
}

bool iu_addr_is_of_many(const struct iu_facts *f, const struct inuse_addr *a)
{
	struct inuse_addr u = iu_addr_unmapped(a);

	return u.family == 4 && (iu_addr_is_multicast(&u) || iu_addr_is_limited_broadcast(&u) || iu_addr_is_broadcast(f, &u, 0));
}

uint32_t iu_device_of(const struct iu_facts *f, const struct inuse_addr *a)
{
	struct inuse_addr u = iu_addr_unmapped(a);

	/* the same one may be on several devices: connect/link-local-on-two-devices */
	if (iu_addr_is_link_local6(&u) && u.scope != 0)
		return u.scope;
	for (size_t i = 0; i < f->n_locals; i++)
		if (iu_addr_in(&u, &f->locals[i].addr, f->locals[i].prefix_len))
			return f->locals[i].device;
	return 0;
}

bool iu_socket_device_known(const struct iu_world *w, const struct inuse_socket *o)
{
	return (o->known & INUSE_KNOW_DEVICE) != 0 || w->facts->os != IU_SYSTEM_linux;
}

enum inuse_tri iu_socket_is_elsewhere(const struct iu_world *w, const struct inuse_socket *o, uint32_t *missing)
{
	if (iu_socket_device_known(w, o))
		return iu_is(o->device != 0 && o->device != w->req.device);
	*missing |= INUSE_MISSING_DEVICE;
	return INUSE_MAYBE;
}

/* A socket that is bound to a device hears only what arrives there. */
static enum inuse_tri hears(const struct iu_world *w, const struct inuse_socket *o, const struct inuse_addr *to, uint32_t *missing)
{
	uint32_t device = iu_device_of(w->facts, to);

	if (device == 0)
		return INUSE_YES;
	if (iu_socket_device_known(w, o))
		return iu_is(o->device == 0 || o->device == device);
	*missing |= INUSE_MISSING_DEVICE;
	return INUSE_MAYBE;
}

/* Is its address one that takes connections to this one? */
static enum inuse_tri takes(const struct iu_world *w, const struct inuse_socket *o, const struct inuse_addr *to, uint32_t *missing)
{
	if (iu_listens_to_nobody(o))
		return INUSE_NO;
	if (iu_addr_same(&o->local, to) || (iu_addr_is_mapped_any(&o->local) && iu_addr_unmapped(to).family == 4))
		return INUSE_YES;
	if (!iu_addr_is_any(&o->local))
		return INUSE_NO;
	if (iu_addr_unmapped(to).family == o->family)
		return INUSE_YES;
	return o->family == 6 ? iu_not(iu_socket_has(w, o, INUSE_V6ONLY, INUSE_MISSING_V6ONLY, missing)) : INUSE_NO;
}

static bool held_only_by(const struct iu_facts *f, const struct inuse_socket *o, int32_t pid)
{
	if (o->n_holders == 0)
		return false;
	for (uint32_t i = 0; i < o->n_holders && o->holders + i < f->n_holders; i++) {
		uint32_t process = f->holders[o->holders + i].process;

		if (process >= f->n_processes || f->processes[process].pid != pid)
			return false;
	}
	return true;
}

bool iu_socket_is_request(const struct inuse_socket *o)
{
	return o->state == INUSE_SYN_RECV && o->mini;
}

bool iu_socket_is_remains(const struct inuse_socket *o)
{
	if (o->mini)
		return !iu_socket_is_request(o);
	return o->state == INUSE_FIN_WAIT2 && (o->known & INUSE_KNOW_INODE) != 0 && o->inode == 0 && o->free_at_ns != 0;
}

bool iu_listens_to_nobody(const struct inuse_socket *o)
{
	return o->state == INUSE_LISTEN && iu_addr_is_mapped(&o->local) && (o->known & o->flags & INUSE_V6ONLY) != 0;
}

bool iu_socket_is_owner(const struct iu_world *w, const struct inuse_socket *o, uint16_t port)
{
	return !iu_socket_is_request(o) && iu_socket_has_tuple(w, o, port); /* half-open requests hold no port [O24] */
}

bool iu_socket_is_here(const struct iu_facts *f, const struct inuse_socket *o)
{
	return o->netns == 0 || o->netns == f->netns;
}

bool iu_socket_has_tuple(const struct iu_world *w, const struct inuse_socket *o, uint16_t port)
{
	if (o->local.port != port || o->proto != w->req.proto || !iu_socket_is_here(w->facts, o))
		return false;
	if (o == w->caller.self || (w->without_remains && iu_socket_is_remains(o)))
		return false;
	return w->without_pid == 0 || !held_only_by(w->facts, o, w->without_pid);
}

enum inuse_tri iu_listener_for(const struct iu_world *w, const struct inuse_addr *to, uint32_t *missing)
{
	enum inuse_tri found = INUSE_NO;
	uint32_t lacking = 0;

	for (size_t i = 0; i < w->facts->n_sockets; i++) {
		const struct inuse_socket *o = &w->facts->sockets[i];
		uint32_t takes_lacks = 0, hears_lacks = 0;
		enum inuse_tri taken, heard;

		if (o->state != INUSE_LISTEN || !iu_socket_is_owner(w, o, to->port))
			continue;
		taken = takes(w, o, to, &takes_lacks);
		heard = hears(w, o, to, &hears_lacks);
		found = iu_or(found, iu_both(taken, takes_lacks, heard, hears_lacks, &lacking));
	}
	if (found != INUSE_YES && !iu_port_covered(w->facts, to->port)) {
		lacking |= INUSE_MISSING_COVERAGE;
		found = INUSE_MAYBE;
	}
	if (found == INUSE_MAYBE)
		*missing |= lacking;
	return found;
}

const struct inuse_process *iu_holder_of(const struct iu_facts *f, const struct inuse_socket *o)
{
	if (o == NULL || o->n_holders == 0 || o->holders >= f->n_holders ||
	    f->holders[o->holders].process >= f->n_processes)
		return NULL;
	return &f->processes[f->holders[o->holders].process];
}

bool iu_holders_are_family(const struct iu_facts *f, const struct inuse_socket *o)
{
	const struct inuse_process *parent = iu_holder_of(f, o);

	/* one that SIGTERM ends at once leaves its children, and the socket with them */
	if (parent == NULL || parent->pid == 0 || parent->dies_of_term || o->n_holders < 2)
		return false;
	for (uint32_t i = 1; i < o->n_holders && o->holders + i < f->n_holders; i++) {
		uint32_t index = f->holders[o->holders + i].process;

		if (index >= f->n_processes || (f->processes[index].pid != parent->pid && f->processes[index].ppid != parent->pid) ||
		    strcmp(f->processes[index].comm, parent->comm) != 0)
			return false;
	}
	return true;
}

bool iu_maker_is_hidden(const struct iu_facts *f, const struct inuse_socket *o)
{
	if ((o->known & INUSE_KNOW_OWNER) != 0 || (o->known & INUSE_KNOW_UID) == 0 || o->n_holders == 0)
		return false;
	for (uint32_t i = 0; i < o->n_holders && o->holders + i < f->n_holders; i++) {
		uint32_t index = f->holders[o->holders + i].process;

		if (index < f->n_processes && f->processes[index].uid == o->uid)
			return false;
	}
	return true;
}
