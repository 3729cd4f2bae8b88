/* SPDX-License-Identifier: MIT */
/* Random sockets, their options, and whose they are. */
#include "lab/fuzz_make.h"

#include <stdio.h>

#include "base/address.h"

bool iu_make_socket(struct iu_fuzzer *f, struct iu_step *s)
{
	if (f->n_sockets >= IU_SCENE_SOCKETS)
		return false;
	s->action = IU_DO_SOCKET;
	s->kinds = iu_make_chance(f, 50) ? IU_KIND_V4 : IU_KIND_V6;
	s->socket = (uint8_t)f->n_sockets++;
	return true;
}

/* One of UDP, whose ports are others: bound beside those of TCP it is in nobody's way. It does not listen, and there is no second one. */
bool iu_make_datagram(struct iu_fuzzer *f, struct iu_step *s)
{
	static const uint16_t ports[] = {IU_FUZZ_PORT, IU_FUZZ_PORT, IU_FUZZ_PORT + 1, IU_FUZZ_RANGE, IU_FUZZ_RANGE + 1};

	for (unsigned i = 0; i < f->n_sockets; i++) {
		const struct inuse_socket *o = iu_make_peek(f, (int)i);

		if (o == NULL || o->proto != INUSE_PROTO_UDP)
			continue;
		s->socket = (uint8_t)i;
		s->action = o->local.port != 0 || iu_make_chance(f, 20) ? IU_DO_LISTEN : IU_DO_BIND;
		s->number = 1;
		s->at = (struct iu_where){.kind = IU_AT_LITERAL,
					  .addr = iu_make_addr(o->family == 4 ? "0.0.0.0" : "::", ports[iu_make_pick(f, 5)])};
		return s->action == IU_DO_BIND || f->theme == IU_THEME_ODD;
	}
	if (!iu_make_socket(f, s))
		return false;
	s->kinds |= IU_KIND_UDP;
	return true;
}

bool iu_make_option(struct iu_fuzzer *f, struct iu_step *s)
{
	static const enum iu_sockopt options[] = {IU_OPT_REUSEADDR, IU_OPT_REUSEADDR, IU_OPT_REUSEADDR, IU_OPT_REUSEPORT, IU_OPT_REUSEPORT,
						  IU_OPT_V6ONLY, IU_OPT_FREEBIND, IU_OPT_TRANSPARENT};
	int socket = iu_make_pick_socket(f, iu_make_chance(f, 70) ? IU_MAKE_UNBOUND : IU_MAKE_ANY_STATE);
	unsigned share = f->theme == IU_THEME_REUSEPORT ? 60 : 75;

	if (socket < 0)
		return false;
	s->option = options[iu_make_pick(f, f->theme == IU_THEME_ODD && f->user == 0 ? 8 : 6)];
	if (s->option == IU_OPT_V6ONLY && iu_make_peek(f, socket)->family == 4)
		return false;
	s->action = iu_make_chance(f, share) ? IU_DO_SET : IU_DO_CLEAR;
	s->socket = (uint8_t)socket;
	return true;
}

bool iu_make_linger(struct iu_fuzzer *f, struct iu_step *s)
{
	int socket = iu_make_pick_socket(f, IU_MAKE_ANY_STATE);

	if (socket < 0)
		return false;
	s->action = IU_DO_SET;
	s->socket = (uint8_t)socket;
	s->option = iu_make_chance(f, 70) ? IU_OPT_LINGER : IU_OPT_LINGER2;
	s->number = s->option == IU_OPT_LINGER ? 0 : iu_make_chance(f, 50) ? -1 : iu_make_chance(f, 50) ? 30 : 100;
	return true;
}

/* Is it bound to another device, or its other end? By lo comes and goes what is bound to that, whatever its address. */
static bool goes_elsewhere(const struct iu_facts *facts, const struct inuse_socket *o, uint32_t device)
{
	bool elsewhere = o->device != 0 && o->device != device;

	for (size_t i = 0; i < facts->n_sockets; i++) {
		const struct inuse_socket *end = &facts->sockets[i];

		if (end->local.port == o->remote.port && end->remote.port == o->local.port && iu_addr_same(&end->local, &o->remote) &&
		    iu_addr_same(&end->remote, &o->local))
			elsewhere |= end->device != 0 && end->device != device;
	}
	return elsewhere;
}

/*
 * The device that a connection comes and goes by, whatever it is bound to; NULL: by two, or by one that its address tells. Bound to another
 * one it would be deaf, and send again what is never answered.
 */
static const char *device_of_connection(struct iu_fuzzer *f, const struct inuse_socket *o)
{
	const struct iu_facts *facts = iu_sim_facts(f->model.sim);
	uint32_t device = iu_device_of(facts, &o->local), there = iu_device_of(facts, &o->remote);

	if (iu_addr_is_link_local6(&o->local) || iu_addr_is_link_local6(&o->remote) || (there != 0 && there != device) ||
	    goes_elsewhere(facts, o, device))
		return NULL;
	for (size_t i = 0; i < facts->n_devices; i++)
		if (facts->devices[i].index == device)
			return facts->devices[i].name;
	return NULL;
}

/* The device of a connection is changed, too, for the sake of what is left of it. */
bool iu_make_device(struct iu_fuzzer *f, struct iu_step *s)
{
	bool peers = f->theme == IU_THEME_PEERS, connection = iu_make_chance(f, 25);
	int socket = iu_make_pick_socket(f, connection               ? IU_MAKE_OPEN
					    : iu_make_chance(f, 60) ? IU_MAKE_UNBOUND
								    : IU_MAKE_UNBOUND | IU_MAKE_BOUND | IU_MAKE_LISTENS);
	const char *name = iu_make_chance(f, 60) ? peers ? "wire" : "lo" : "v0";

	if (socket < 0 || f->user != 0)
		return false;
	if (connection)
		name = device_of_connection(f, iu_make_peek(f, socket));
	if (name == NULL)
		return false;
	s->action = iu_make_chance(f, 80) ? IU_DO_SET : IU_DO_CLEAR;
	s->socket = (uint8_t)socket;
	s->option = IU_OPT_DEVICE;
	if (s->action == IU_DO_SET)
		snprintf(s->word, sizeof(s->word), "%s", name);
	return true;
}

/* TCP_REPAIR on, or off again. */
bool iu_make_repair(struct iu_fuzzer *f, struct iu_step *s)
{
	int socket = iu_make_pick_socket(f, f->theme == IU_THEME_SYNS ? IU_MAKE_OPEN : IU_MAKE_UNBOUND | IU_MAKE_BOUND | IU_MAKE_OPEN);

	if (socket < 0 || f->user != 0)
		return false;
	s->action = (iu_make_peek(f, socket)->flags & INUSE_REPAIR) != 0 ? IU_DO_CLEAR : IU_DO_SET;
	/* out of repair a connection sends what the kernel thinks it owes: only unconnected ones come back */
	if (s->action == IU_DO_CLEAR && iu_make_peek(f, socket)->state != INUSE_STATE_UNKNOWN && iu_make_peek(f, socket)->state != INUSE_BOUND)
		return false;
	s->socket = (uint8_t)socket;
	s->option = IU_OPT_REPAIR;
	return true;
}

bool iu_make_group(struct iu_fuzzer *f, struct iu_step *s)
{
	int socket = iu_make_pick_socket(f, iu_make_chance(f, 70) ? IU_MAKE_UNBOUND : IU_MAKE_BOUND);

	if (socket < 0 || (iu_make_peek(f, socket)->flags & INUSE_REUSEPORT) == 0)
		return false;
	s->action = IU_DO_SET;
	s->socket = (uint8_t)socket;
	s->option = IU_OPT_GROUP;
	return true;
}

bool iu_make_port_choice(struct iu_fuzzer *f, struct iu_step *s)
{
	int socket = iu_make_pick_socket(f, iu_make_chance(f, 80) ? IU_MAKE_UNBOUND : IU_MAKE_ANY_STATE);

	if (socket < 0)
		return false;
	s->option = iu_make_chance(f, 50) ? IU_OPT_NO_PORT : IU_OPT_PORT_RANGE;
	s->action = s->option == IU_OPT_NO_PORT && iu_make_chance(f, 20) ? IU_DO_CLEAR : IU_DO_SET;
	s->socket = (uint8_t)socket;
	s->number = IU_FUZZ_RANGE + iu_make_pick(f, 3);
	s->number2 = iu_make_chance(f, 80) ? s->number + iu_make_pick(f, 3) : IU_FUZZ_RANGE_LAST + 1;
	return true;
}

bool iu_make_chown(struct iu_fuzzer *f, struct iu_step *s)
{
	int socket = iu_make_pick_socket(f, IU_MAKE_ANY_STATE);

	if (socket < 0 || !f->root)
		return false;
	s->action = IU_DO_CHOWN;
	s->socket = (uint8_t)socket;
	s->number = iu_make_pick(f, 3);
	return true;
}

bool iu_make_user(struct iu_fuzzer *f, struct iu_step *s)
{
	if (!f->root)
		return false;
	s->action = IU_DO_USER;
	s->number = f->user = f->user != 0 ? 0 : 1 + iu_make_pick(f, 2);
	return true;
}
