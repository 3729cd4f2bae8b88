/* SPDX-License-Identifier: MIT */
/* The surroundings of the simulated host, and the facts that it shows to the model. */
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "sim/host.h"

/* Values of a fresh namespace where they are not what an old kernel without the file does. */
static void fresh_settings(struct iu_facts *f)
{
	static const int64_t fallbacks[] = {
#define SETTING(id, path, fallback) fallback,
#include "model/settings.def"
#undef SETTING
	};

	memcpy(f->settings, fallbacks, sizeof(fallbacks));
	f->settings[IU_SET_TW_REUSE] = 2;
	f->settings[IU_SET_MAX_TW_BUCKETS] = 65536;
	f->settings[IU_SET_IPV6] = 0;
	f->settings_known = UINT32_MAX;
}

struct iu_sim *iu_sim_new(const struct iu_profile *profile, uint32_t kernel)
{
	static const struct inuse_addr loopback4 = {.family = 4, .ip = {127}};
	static const struct inuse_addr loopback6 = {.family = 6, .ip = {[15] = 1}};
	struct iu_sim *sim = calloc(1, sizeof(*sim));

	if (sim == NULL)
		return NULL;
	sim->profile = profile;
	sim->facts.kernel = kernel;
	sim->facts.features = iu_features_from_version(kernel != 0 ? kernel : UINT32_MAX);
	fresh_settings(&sim->facts);
	sim->facts.now_ns = 1000 * SECOND_NS;
	sim->facts.hz = 250;
	sim->facts.locals_known = sim->facts.buckets_known = true;
	sim->facts.sockets = sim->view;
	sim->facts.locals = sim->locals;
	sim->facts.devices = sim->devices;
	sim->facts.routes = &sim->route;
	sim->facts.buckets = sim->buckets;
	sim->facts.reserved = sim->reserved;
	for (int i = 0; i < IU_SIM_SOCKETS; i++)
		sim->by_number[i] = NONE;
	iu_sim_device(sim, "lo");
	sim->devices[0].loopback = true;
	iu_sim_address(sim, 1, &loopback4, 8);
	iu_sim_address(sim, 1, &loopback6, 128);
	return sim;
}

void iu_sim_free(struct iu_sim *sim)
{
	free(sim);
}

void iu_sim_without_addresses(struct iu_sim *sim)
{
	sim->facts.n_locals = 0;
	sim->facts.no_v4_table = true;
	sim->devices[0].up = false;
}

void iu_sim_features(struct iu_sim *sim, uint32_t features)
{
	sim->facts.features = features;
}

void iu_sim_forbid(struct iu_sim *sim, unsigned calls)
{
	sim->forbids |= calls;
}

void iu_sim_user(struct iu_sim *sim, uint32_t uid)
{
	sim->uid = uid;
}

void iu_sim_setting(struct iu_sim *sim, enum iu_setting setting, int64_t value)
{
	sim->facts.settings[setting] = value;
}

void iu_sim_reserve(struct iu_sim *sim, const struct iu_range *ranges, size_t n)
{
	size_t max = sizeof(sim->reserved) / sizeof(sim->reserved[0]);

	sim->facts.n_reserved = n < max ? n : max;
	if (n > 0)
		memcpy(sim->reserved, ranges, sim->facts.n_reserved * sizeof(ranges[0]));
}

static void add_local(struct iu_sim *sim, const struct iu_local *local)
{
	if (sim->facts.n_locals < sizeof(sim->locals) / sizeof(sim->locals[0]))
		sim->locals[sim->facts.n_locals++] = *local;
}

void iu_sim_address(struct iu_sim *sim, uint32_t device, const struct inuse_addr *addr, uint8_t prefix_len)
{
	struct iu_local local = {.addr = *addr, .prefix_len = prefix_len, .device = device};

	/* on lo the whole net is local, elsewhere only the address itself */
	if (device != 1) {
		if (sim->n_nets < sizeof(sim->nets) / sizeof(sim->nets[0]))
			sim->nets[sim->n_nets++] = local;
		local.prefix_len = addr->family == 4 ? 32 : 128;
	}
	add_local(sim, &local);
	/* a network of more than two addresses has a last one that all of it hear: linux v6.18 net/ipv4/fib_frontend.c fib_add_ifaddr() */
	if (addr->family == 4 && prefix_len < 31) {
		for (unsigned bit = prefix_len; bit < 32; bit++)
			local.addr.ip[bit / 8] |= (uint8_t)(0x80u >> bit % 8);
		local.prefix_len = 32;
		local.broadcast = true;
		add_local(sim, &local);
	}
}

void iu_sim_tentative(struct iu_sim *sim, const struct inuse_addr *addr)
{
	for (size_t i = 0; i < sim->facts.n_locals; i++)
		if (iu_addr_same(&sim->locals[i].addr, addr))
			sim->locals[i].tentative = true;
}

/* Drops those of the device; returns how many are left. */
static size_t without_device(struct iu_local *list, size_t n, uint32_t device)
{
	size_t left = 0;

	for (size_t i = 0; i < n; i++)
		if (list[i].device != device)
			list[left++] = list[i];
	return left;
}

void iu_sim_remove(struct iu_sim *sim, uint32_t device)
{
	sim->facts.n_locals = without_device(sim->locals, sim->facts.n_locals, device);
	sim->n_nets = without_device(sim->nets, sim->n_nets, device);
	for (size_t i = 0; i < sim->facts.n_devices; i++)
		if (sim->devices[i].index == device) /* its number is not given again */
			sim->devices[i] = (struct iu_device){.name = ""};
}

uint32_t iu_sim_device(struct iu_sim *sim, const char *name)
{
	uint32_t n = (uint32_t)sim->facts.n_devices;

	if (n == sizeof(sim->devices) / sizeof(sim->devices[0]))
		return n;
	sim->devices[n] = (struct iu_device){.index = n + 1, .up = true, .name = name};
	sim->facts.n_devices++;
	return n + 1;
}

void iu_sim_route(struct iu_sim *sim, const struct inuse_addr *addr, uint8_t prefix_len, enum inuse_result result)
{
	if (sim->n_rejects == sizeof(sim->rejects) / sizeof(sim->rejects[0]))
		return;
	sim->rejects[sim->n_rejects].net = *addr;
	sim->rejects[sim->n_rejects].prefix_len = prefix_len;
	sim->rejects[sim->n_rejects++].result = result;
}

/* 127.0.0.1 speaks to all of 127.0.0.0/8; every other address of the host to itself. */
static struct inuse_addr source_for(const struct inuse_addr *to)
{
	struct inuse_addr u = iu_addr_unmapped(to);

	if (u.family == 4 && u.ip[0] == 127)
		inuse_addr_parse(to->family == 4 ? "127.0.0.1" : "::ffff:127.0.0.1", &u, NULL);
	else
		u = *to;
	u.port = 0;
	return u;
}

void iu_sim_ask_route(struct iu_sim *sim, const struct inuse_addr *to)
{
	struct inuse_addr u = iu_addr_unmapped(to);

	sim->route = (struct iu_route){.remote = *to, .source = source_for(to), .device = 1, .result = INUSE_R_OK};
	sim->facts.n_routes = 1;
	if (iu_addr_is_local(&sim->facts, to) == INUSE_YES)
		return;
	for (size_t i = 0; i < sim->n_rejects; i++)
		if (iu_addr_in(&u, &sim->rejects[i].net, sim->rejects[i].prefix_len)) {
			sim->route.result = sim->rejects[i].result;
			return;
		}
	sim->route.result = INUSE_R_NETUNREACH;
	for (size_t i = 0; i < sim->n_nets; i++)
		if (iu_addr_in(&u, &sim->nets[i].addr, sim->nets[i].prefix_len) && (u.scope == 0 || u.scope == sim->nets[i].device)) {
			sim->route.result = INUSE_R_OK;
			sim->route.source = sim->nets[i].addr;
			sim->route.source.port = 0;
			sim->route.source.scope = u.scope;
			sim->route.device = sim->nets[i].device;
		}
}

/* A request is on no port, and yet has its 4-tuple. */
static struct inuse_socket request_of(const struct iu_sim_far *far)
{
	return (struct inuse_socket){.state = INUSE_SYN_RECV,
				     .mini = true,
				     .proto = INUSE_PROTO_TCP,
				     .family = far->family,
				     .local = iu_addr_as_family(&far->to, far->family),
				     .remote = iu_addr_as_family(&far->at, far->family),
				     .device = far->device,
				     .known = UINT32_MAX & ~(uint32_t)INUSE_KNOW_OWNER,
				     .count = 1};
}

void iu_sim_view(struct iu_sim *sim)
{
	size_t n = 0;

	for (int i = 0; i < sim->top; i++) {
		sim->view_of[i] = NONE;
		if (!sim->nodes[i].used || !sim->nodes[i].on_port)
			continue;
		sim->view_of[i] = (int)n;
		sim->view[n] = sim->nodes[i].s;
		if (sim->nodes[i].refs > 0)
			sim->view[n].flags |= INUSE_HAS_FILE;
		sim->view[n].known = UINT32_MAX & ~(uint32_t)INUSE_KNOW_OWNER;
		sim->view[n].count = 1;
		n++;
	}
	for (size_t i = 0; i < IU_SIM_PEERS; i++)
		if (sim->fars[i].used && sim->fars[i].half_open)
			sim->view[n++] = request_of(&sim->fars[i]);
	sim->facts.n_sockets = n;
	sim->facts.n_buckets = sim->n_buckets;
}

const struct iu_facts *iu_sim_facts(struct iu_sim *sim)
{
	iu_sim_view(sim);
	return &sim->facts;
}

int iu_sim_find(const struct iu_sim *sim, const struct inuse_addr *local, const struct inuse_addr *remote, uint32_t arrival, int except)
{
	for (int i = 0; i < sim->top; i++) {
		const struct inuse_socket *s = &sim->nodes[i].s;

		if (i != except && sim->nodes[i].used && sim->nodes[i].on_port && s->state != INUSE_LISTEN &&
		    s->state != INUSE_BOUND && (arrival == 0 || s->device == 0 || s->device == arrival) && s->local.port == local->port && s->remote.port == remote->port &&
		    iu_addr_same(&s->local, local) && iu_addr_same(&s->remote, remote))
			return i;
	}
	return NONE;
}
