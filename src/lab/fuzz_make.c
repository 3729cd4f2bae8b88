/* SPDX-License-Identifier: MIT */
/*
 * Random steps.
 *
 * Theory of operation
 *
 * A scene has a theme, which says how likely each kind of step is; a maker looks at the sockets as they are now and proposes a step
 * that makes sense, or passes. Senseless steps are made, too, but seldom. Every rule of the model has to decide now and then, so
 * the themes lead to what chance alone would hardly bring about: ranges of one port, clients with a fixed port that meet what was left of
 * them, ports whose memory of SO_REUSEPORT outlives the option.
 */
#include "lab/fuzz_private.h"

#include <stdio.h>
#include <string.h>

#include "base/address.h"

enum theme { SERVERS, CLIENTS, EXHAUST, REUSEPORT, ODD, SYNS, N_THEMES };

#define UNBOUND (1u << INUSE_STATE_UNKNOWN)
#define BOUND (1u << INUSE_BOUND)
#define LISTENS (1u << INUSE_LISTEN)
#define OPEN (1u << INUSE_ESTABLISHED | 1u << INUSE_CLOSE_WAIT | 1u << INUSE_FIN_WAIT1 | 1u << INUSE_FIN_WAIT2)
#define ANY_STATE 0xffffu

static unsigned pick(struct iu_fuzzer *f, unsigned n)
{
	return iu_fuzz_pick(&f->random, n);
}

static bool chance(struct iu_fuzzer *f, unsigned percent)
{
	return pick(f, 100) < percent;
}

/* A random open socket in one of these states; -1: there is none. */
static int pick_socket(struct iu_fuzzer *f, unsigned states)
{
	int found[IU_EXP_MAX_SOCKETS];
	unsigned n = 0;

	for (unsigned i = 0; i < f->n_sockets; i++) {
		const struct inuse_socket *s = iu_sim_peek(f->model.sim, i);

		if (s != NULL && s->proto == INUSE_PROTO_TCP && f->live->fds[i] >= 0 && (states & (1u << s->state)) != 0)
			found[n++] = (int)i;
	}
	return n > 0 ? found[pick(f, n)] : -1;
}

static const struct inuse_socket *peek(struct iu_fuzzer *f, int s)
{
	return iu_sim_peek(f->model.sim, (unsigned)s);
}

static struct inuse_addr addr(const char *text, uint16_t port)
{
	struct inuse_addr a;

	inuse_addr_parse(text, &a, NULL);
	a.port = port;
	return a;
}

/* --------------------------------------------------------------------------------------------- sockets */

static bool make_socket(struct iu_fuzzer *f, struct iu_step *s)
{
	if (f->n_sockets >= IU_SCENE_SOCKETS)
		return false;
	s->action = IU_DO_SOCKET;
	s->kinds = chance(f, 50) ? IU_KIND_V4 : IU_KIND_V6;
	s->socket = (uint8_t)f->n_sockets++;
	return true;
}

/* One that is only good for listen(). */
static bool make_datagram(struct iu_fuzzer *f, struct iu_step *s)
{
	for (unsigned i = 0; i < f->n_sockets; i++) {
		const struct inuse_socket *o = iu_sim_peek(f->model.sim, i);

		if (o == NULL || o->proto != INUSE_PROTO_UDP)
			continue;
		s->action = IU_DO_LISTEN;
		s->socket = (uint8_t)i;
		s->number = 1;
		return true;
	}
	if (!make_socket(f, s))
		return false;
	s->kinds |= IU_KIND_UDP;
	return true;
}

static bool make_option(struct iu_fuzzer *f, struct iu_step *s)
{
	static const enum iu_sockopt options[] = {IU_OPT_REUSEADDR, IU_OPT_REUSEADDR, IU_OPT_REUSEADDR, IU_OPT_REUSEPORT, IU_OPT_REUSEPORT,
						  IU_OPT_V6ONLY};
	int socket = pick_socket(f, chance(f, 70) ? UNBOUND : ANY_STATE);
	unsigned share = f->theme == REUSEPORT ? 60 : 75;

	if (socket < 0)
		return false;
	s->option = options[pick(f, 6)];
	if (s->option == IU_OPT_V6ONLY && (peek(f, socket)->family == 4 || peek(f, socket)->local.family != 0))
		return false;
	s->action = chance(f, share) ? IU_DO_SET : IU_DO_CLEAR;
	s->socket = (uint8_t)socket;
	return true;
}

static bool make_linger(struct iu_fuzzer *f, struct iu_step *s)
{
	int socket = pick_socket(f, ANY_STATE);

	if (socket < 0)
		return false;
	s->action = IU_DO_SET;
	s->socket = (uint8_t)socket;
	s->option = chance(f, 70) ? IU_OPT_LINGER : IU_OPT_LINGER2;
	s->number = s->option == IU_OPT_LINGER ? 0 : chance(f, 50) ? -1 : chance(f, 50) ? 30 : 100;
	return true;
}

static bool make_device(struct iu_fuzzer *f, struct iu_step *s)
{
	int socket = pick_socket(f, UNBOUND);

	if (socket < 0 || f->user != 0)
		return false;
	s->action = IU_DO_SET;
	s->socket = (uint8_t)socket;
	s->option = IU_OPT_DEVICE;
	snprintf(s->word, sizeof(s->word), "%s", chance(f, 60) ? "lo" : "v0");
	return true;
}

/* TCP_REPAIR on, or off again. */
static bool make_repair(struct iu_fuzzer *f, struct iu_step *s)
{
	int socket = pick_socket(f, f->theme == SYNS ? OPEN : UNBOUND | BOUND | OPEN);

	if (socket < 0 || f->user != 0)
		return false;
	s->action = (peek(f, socket)->flags & INUSE_REPAIR) != 0 ? IU_DO_CLEAR : IU_DO_SET;
	/* out of repair a connection sends what the kernel thinks it owes: only unconnected ones come back */
	if (s->action == IU_DO_CLEAR && peek(f, socket)->state != INUSE_STATE_UNKNOWN && peek(f, socket)->state != INUSE_BOUND)
		return false;
	s->socket = (uint8_t)socket;
	s->option = IU_OPT_REPAIR;
	return true;
}

static bool make_group(struct iu_fuzzer *f, struct iu_step *s)
{
	int socket = pick_socket(f, UNBOUND);

	if (socket < 0 || (peek(f, socket)->flags & INUSE_REUSEPORT) == 0)
		return false;
	s->action = IU_DO_SET;
	s->socket = (uint8_t)socket;
	s->option = IU_OPT_GROUP;
	return true;
}

static bool make_port_choice(struct iu_fuzzer *f, struct iu_step *s)
{
	int socket = pick_socket(f, UNBOUND);

	if (socket < 0)
		return false;
	s->action = IU_DO_SET;
	s->socket = (uint8_t)socket;
	s->option = chance(f, 50) ? IU_OPT_NO_PORT : IU_OPT_PORT_RANGE;
	s->number = IU_FUZZ_RANGE + pick(f, 3);
	s->number2 = chance(f, 80) ? s->number + pick(f, 3) : IU_FUZZ_RANGE_LAST + 1;
	return true;
}

static bool make_chown(struct iu_fuzzer *f, struct iu_step *s)
{
	int socket = pick_socket(f, ANY_STATE);

	if (socket < 0 || !f->root)
		return false;
	s->action = IU_DO_CHOWN;
	s->socket = (uint8_t)socket;
	s->number = pick(f, 3);
	return true;
}

static bool make_user(struct iu_fuzzer *f, struct iu_step *s)
{
	if (!f->root)
		return false;
	s->action = IU_DO_USER;
	s->number = f->user = f->user != 0 ? 0 : 1 + pick(f, 2);
	return true;
}

/* ----------------------------------------------------------------------------------------------- calls */

static uint16_t pick_port(struct iu_fuzzer *f)
{
	unsigned p = pick(f, 100);

	if (f->theme == EXHAUST)
		return p < 55 ? 0 : p < 90 ? (uint16_t)(IU_FUZZ_RANGE + pick(f, 3)) : IU_FUZZ_PORT;
	if (p < 4)
		return 0;
	if (p < 10)
		return (uint16_t)(IU_FUZZ_RANGE + pick(f, 3));
	return p < 25 ? IU_FUZZ_PORT + 1 : IU_FUZZ_PORT;
}

static bool make_bind(struct iu_fuzzer *f, struct iu_step *s)
{
	static const char *const v4[] = {"0.0.0.0", "0.0.0.0", "127.0.0.1", "127.0.0.1", "127.0.0.1", "127.0.0.2", "10.9.0.1"};
	static const char *const v6[] = {"::", "::", "::1", "::1", "fd00::2", "::ffff:127.0.0.1", "::ffff:127.0.0.1", "::ffff:0.0.0.0"};
	int socket = pick_socket(f, chance(f, 97) ? UNBOUND : ANY_STATE);
	const struct inuse_socket *o;

	if (socket < 0)
		return false;
	o = peek(f, socket);
	s->action = IU_DO_BIND;
	s->socket = (uint8_t)socket;
	s->at.kind = IU_AT_LITERAL;
	s->at.addr = o->family == 4 ? addr(v4[pick(f, 7)], pick_port(f)) : addr(v6[pick(f, 8)], pick_port(f));
	return true;
}

/* Addresses that are refused, and some that surprisingly are not. */
static bool make_odd_bind(struct iu_fuzzer *f, struct iu_step *s)
{
	static const struct {
		const char *addr;
		uint8_t family, claims;
		const char *scope;
	} rows[] = {
		{"192.0.2.1", 4, 0, ""},       {"224.0.0.1", 4, 0, ""},        {"255.255.255.255", 4, 0, ""}, {"0.0.0.1", 4, 0, ""},
		{"0.0.0.0", 4, IU_UNSPEC, ""}, {"127.0.0.1", 4, IU_UNSPEC, ""}, {"10.9.0.2", 4, 0, ""},
		{"2001:db8::1", 6, 0, ""},     {"ff02::1", 6, 0, ""},          {"fe80::1", 6, 0, ""},         {"fe80::1", 6, 0, "v0"},
		{"fe80::1", 6, 0, "gone"},     {"127.0.0.1", 6, 4, ""},              {"::", 6, IU_UNSPEC, ""},
		{"::ffff:192.0.2.1", 6, 0, ""}, {"::ffff:224.0.0.1", 6, 0, ""}, {"::ffff:127.0.0.1", 6, 0, ""},
	};
	size_t i = pick(f, sizeof(rows) / sizeof(rows[0]));
	int socket = pick_socket(f, chance(f, 70) ? UNBOUND : ANY_STATE);

	if (socket < 0 || peek(f, socket)->family != rows[i].family)
		return false;
	s->action = IU_DO_BIND;
	s->socket = (uint8_t)socket;
	s->at.kind = IU_AT_LITERAL;
	s->at.addr = addr(rows[i].addr, chance(f, 30) ? IU_FUZZ_LOW : pick_port(f));
	s->at.claims = rows[i].claims;
	if (strcmp(rows[i].scope, "gone") == 0)
		s->at.addr.scope = 99;
	else
		snprintf(s->at.scope, sizeof(s->at.scope), "%s", rows[i].scope);
	return true;
}

static bool make_listen(struct iu_fuzzer *f, struct iu_step *s)
{
	unsigned p = pick(f, 100);
	int socket = pick_socket(f, p < 85 ? BOUND : p < 90 ? UNBOUND : ANY_STATE);

	/* of an IPv6 socket that dialled IPv4 before, the kernel makes a listener whose connections do not work */
	if (socket < 0 || (f->went_v4 >> socket & 1) != 0)
		return false;
	s->action = IU_DO_LISTEN;
	s->socket = (uint8_t)socket;
	s->number = chance(f, 90) ? 16 : 0;
	return true;
}

/* An address of a listener, as this socket may dial it. */
static bool address_of_listener(struct iu_fuzzer *f, const struct inuse_socket *o, struct inuse_addr *ret)
{
	static const char *const any4[] = {"127.0.0.1", "127.0.0.1", "127.0.0.2", "10.9.0.1", "0.0.0.0"};
	static const char *const mapped[] = {"::ffff:127.0.0.1", "::ffff:127.0.0.1", "::ffff:127.0.0.2", "::ffff:0.0.0.0"};
	static const char *const any6[] = {"::1", "::1", "fd00::2", "::"};
	int listener = pick_socket(f, LISTENS);
	struct inuse_addr a;
	bool wants_v4;

	if (listener < 0)
		return false;
	a = iu_addr_unmapped(&peek(f, listener)->local);
	wants_v4 = o->family == 4 || a.family == 4 || iu_addr_is_mapped(&o->local) ||
		   (iu_addr_is_any(&a) && (peek(f, listener)->flags & INUSE_V6ONLY) == 0 && chance(f, 30));
	if (iu_addr_is_any(&a))
		*ret = addr(o->family == 4 ? any4[pick(f, 5)] : wants_v4 ? mapped[pick(f, 4)] : any6[pick(f, 4)], a.port);
	else if (o->family == 6 && a.family == 4)
		*ret = addr(a.ip[3] == 2 ? "::ffff:127.0.0.2" : "::ffff:127.0.0.1", a.port);
	else
		*ret = a;
	return o->family == 6 || ret->family == 4;
}

static bool odd_destination(struct iu_fuzzer *f, const struct inuse_socket *o, struct inuse_addr *ret)
{
	static const char *const v4[] = {"192.0.2.1", "198.51.100.1", "198.51.100.65", "198.51.100.129", "224.0.0.1", "127.0.0.1", "127.0.0.1"};
	static const char *const v6[] = {"2001:db8::1", "::ffff:198.51.100.1", "::ffff:198.51.100.65", "::ffff:198.51.100.129", "ff02::1", "::1",
					 "::ffff:127.0.0.1"};

	/* a port where nobody listens, outside of the range: inside of it the kernel might take it for the socket itself */
	*ret = addr(o->family == 4 ? v4[pick(f, 7)] : v6[pick(f, 7)], IU_FUZZ_PORT + pick(f, 2));
	return true;
}

static bool range_is_one(struct iu_fuzzer *f)
{
	const struct iu_facts *facts = iu_sim_facts(f->model.sim);

	return facts->settings[IU_SET_RANGE_FIRST] == facts->settings[IU_SET_RANGE_LAST];
}

/* A young TIME-WAIT that a client may take over once it is 1 ms old: the model's clock stands still, the kernel's does not. */
static bool must_wait(struct iu_fuzzer *f, struct iu_step *s)
{
	const struct iu_facts *facts = iu_sim_facts(f->model.sim);

	if (facts->settings[IU_SET_TW_REUSE_DELAY] > 1)
		return false;
	for (size_t i = 0; i < facts->n_sockets; i++)
		if (facts->sockets[i].mini && facts->sockets[i].free_at_ns > facts->now_ns + INT64_C(59996000000)) {
			*s = (struct iu_step){.action = IU_DO_WAIT, .number = 6000000};
			return true;
		}
	return false;
}

static bool make_connect(struct iu_fuzzer *f, struct iu_step *s)
{
	unsigned p = pick(f, 100);
	int socket = pick_socket(f, p < 60 ? UNBOUND : p < 94 ? BOUND : p < 97 ? 1u << INUSE_SYN_SENT : ANY_STATE);
	const struct inuse_socket *o;
	struct inuse_addr to;
	bool found;

	if (socket < 0)
		return false;
	o = peek(f, socket);
	/* with a 4-tuple on two devices it is the kernel's choice which of the two gets a packet */
	/* a device that is not there is told at once */
	if (o->device == 1 || o->device == 2 || iu_addr_is_link_local6(&o->local) || (f->haunted && o->local.port == 0))
		return false;
	if ((o->flags & INUSE_REPAIR) != 0)
		return false; /* makes a connection of its own, without a packet: for checkpoints, not for the rules */
	if (o->local.port != 0 && chance(f, 3))
		to = iu_addr_is_any(&o->local) ? addr(o->family == 4 ? "127.0.0.1" : "::1", o->local.port) : o->local; /* itself */
	else if (chance(f, f->theme == ODD ? 50 : 4) ? !odd_destination(f, o, &to) : !address_of_listener(f, o, &to))
		return false;
	if (iu_addr_is_link_local6(&to))
		return false;
	found = iu_sim_choices(f->model.sim, (unsigned)socket, &to) > 0;
	if ((iu_sim_choices(f->model.sim, (unsigned)socket, &to) > 1 && chance(f, 90)) || iu_addr_is_mapped_any(&to))
		return false;
	if (!found && o->local.port == 0 && to.port >= IU_FUZZ_RANGE && !range_is_one(f))
		return false;
	if (o->local.port == 0 && must_wait(f, s))
		return true;
	/* what is not here is no source, though it was bindable; and who has dialled IPv4 does not come back to IPv6 */
	if ((o->local.family != 0 && iu_addr_is_local(iu_sim_facts(f->model.sim), &o->local) != INUSE_YES) ||
	    ((f->went_v4 >> socket & 1) != 0 && !iu_addr_is_mapped(&to)))
		return false;
	/* answers to 10.9.0.1 do not come by lo, to which a listener may be bound */
	if (o->local.family == 4 && o->local.ip[0] == 10 && to.ip[0] != 10)
		return false;
	if (o->family == 6 && iu_addr_is_mapped(&to))
		f->went_v4 |= UINT64_C(1) << socket;
	s->action = IU_DO_CONNECT;
	s->socket = (uint8_t)socket;
	s->at.kind = IU_AT_LITERAL;
	s->at.addr = to;
	return true;
}

static bool make_accept(struct iu_fuzzer *f, struct iu_step *s)
{
	int socket = pick_socket(f, LISTENS);

	if (socket < 0 || f->n_sockets >= IU_SCENE_SOCKETS || iu_sim_waiting(f->model.sim, (unsigned)socket) == 0)
		return false;
	s->action = IU_DO_ACCEPT;
	s->socket = (uint8_t)socket;
	s->other = (uint8_t)f->n_sockets++;
	return true;
}

/* --------------------------------------------------------------------------------------- what ends them */

static bool make_close(struct iu_fuzzer *f, struct iu_step *s)
{
	int socket = pick_socket(f, chance(f, 70) ? OPEN : ANY_STATE);

	if (socket < 0 || f->haunted)
		return false;
	/* a connection whose one end vanished without a word: the other end is still there to be met */
	f->haunted = (peek(f, socket)->flags & INUSE_REPAIR) != 0 && (OPEN & (1u << peek(f, socket)->state)) != 0;
	s->action = IU_DO_CLOSE;
	s->socket = (uint8_t)socket;
	return true;
}

static bool make_shutdown(struct iu_fuzzer *f, struct iu_step *s)
{
	int socket = pick_socket(f, chance(f, 80) ? OPEN : LISTENS);

	if (socket < 0 || f->haunted)
		return false;
	s->action = IU_DO_SHUTDOWN;
	s->socket = (uint8_t)socket;
	s->number = pick(f, 3);
	return true;
}

static bool make_write(struct iu_fuzzer *f, struct iu_step *s)
{
	bool fill = chance(f, 10);
	int socket = pick_socket(f, 1u << INUSE_ESTABLISHED | (fill ? 0 : 1u << INUSE_CLOSE_WAIT));

	if (socket < 0 || (peek(f, socket)->flags & INUSE_REPAIR) != 0 || f->haunted)
		return false;
	s->action = fill ? IU_DO_FILL : IU_DO_WRITE;
	s->socket = (uint8_t)socket;
	s->number = 1;
	return true;
}

static bool make_fork(struct iu_fuzzer *f, struct iu_step *s)
{
	int socket = pick_socket(f, ANY_STATE);

	if (socket < 0 || f->n_processes >= IU_EXP_MAX_PROCESSES)
		return false;
	s->action = IU_DO_FORK;
	s->process = (uint8_t)f->n_processes++;
	s->sockets = UINT64_C(1) << socket;
	return true;
}

static bool make_kill(struct iu_fuzzer *f, struct iu_step *s)
{
	for (unsigned i = 0; i < f->n_processes; i++)
		if (f->live->pids[i] > 0) {
			s->action = IU_DO_KILL;
			s->process = (uint8_t)i;
			return f->user == 0; /* another user may not end it */
		}
	return false;
}

/* ------------------------------------------------------------------------------------------ surroundings */

static const struct {
	const char *name, *value, *fallback;
} settings[] = {
	{"net.ipv4.tcp_timestamps", "0", "1"},         {"net.ipv4.tcp_tw_reuse", "1", "2"},        {"net.ipv4.tcp_tw_reuse", "0", "2"},
	{"net.ipv4.tcp_tw_reuse_delay", "1", "1000"},  {"net.ipv4.tcp_fin_timeout", "90", "60"},   {"net.ipv4.tcp_rfc1337", "1", "0"},
	{"net.ipv4.tcp_max_tw_buckets", "0", "65536"}, {"net.ipv4.ip_autobind_reuse", "1", "0"},   {"net.ipv6.bindv6only", "1", "0"},
	{"net.ipv4.ip_nonlocal_bind", "1", "0"},       {"net.ipv6.ip_nonlocal_bind", "1", "0"},
	{"net.ipv4.ip_local_reserved_ports", "20002", "20003"}, {"net.ipv4.ip_unprivileged_port_start", "5001", "1024"},
	{"net.ipv4.ip_unprivileged_port_start", "0", "1024"},
};

static bool make_setting(struct iu_fuzzer *f, struct iu_step *s)
{
	size_t i = pick(f, sizeof(settings) / sizeof(settings[0]));

	s->action = IU_DO_SETTING;
	snprintf(s->word, sizeof(s->word), "%s", settings[i].name);
	s->value = chance(f, 65) ? settings[i].value : settings[i].fallback;
	f->settings_changed = true;
	return true;
}

static bool make_range(struct iu_fuzzer *f, struct iu_step *s)
{
	static const char *const ranges[] = {"20001-20004", "20001-20001", "20001-20002", "20002-20004"};

	s->action = IU_DO_SETTING;
	snprintf(s->word, sizeof(s->word), "net.ipv4.ip_local_port_range");
	s->value = ranges[pick(f, 4)];
	f->settings_changed = true;
	return true;
}

void iu_fuzz_restore_settings(void)
{
	static const struct {
		const char *path, *value;
	} rows[] = {
		{"ipv4/tcp_timestamps", "1"},      {"ipv4/tcp_tw_reuse", "2"},
		{"ipv4/tcp_tw_reuse_delay", "1000"}, {"ipv4/tcp_fin_timeout", "60"},
		{"ipv4/tcp_rfc1337", "0"},         {"ipv4/tcp_max_tw_buckets", "65536"},
		{"ipv4/ip_autobind_reuse", "0"},   {"ipv6/bindv6only", "0"},
		{"ipv4/ip_nonlocal_bind", "0"},    {"ipv6/ip_nonlocal_bind", "0"},
		{"ipv4/ip_local_reserved_ports", ""}, {"ipv4/ip_unprivileged_port_start", "1024"},
		{"ipv4/ip_local_port_range", "20001 20004"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		iu_lab_write_setting(rows[i].path, rows[i].value);
}

/* ------------------------------------------------------------------------------------------------ choosing */

static const struct {
	bool (*make)(struct iu_fuzzer *f, struct iu_step *s);
	uint8_t weight[N_THEMES]; /* SERVERS CLIENTS EXHAUST REUSEPORT ODD SYNS */
} makers[] = {
	{make_socket, {12, 12, 14, 12, 10, 12}},   {make_datagram, {0, 0, 0, 0, 3, 0}},
	{make_option, {16, 12, 8, 26, 8, 10}},     {make_linger, {1, 2, 1, 1, 1, 1}},
	{make_device, {2, 1, 1, 3, 2, 0}},         {make_repair, {0, 1, 0, 1, 1, 8}},
	{make_group, {0, 0, 0, 2, 0, 0}},          {make_port_choice, {0, 1, 4, 0, 1, 0}},
	{make_chown, {1, 1, 1, 4, 1, 0}},          {make_user, {1, 1, 1, 2, 2, 0}},
	{make_bind, {60, 36, 40, 60, 16, 24}},     {make_odd_bind, {0, 0, 0, 0, 60, 0}},
	{make_listen, {9, 7, 6, 10, 7, 8}},        {make_connect, {6, 26, 30, 5, 16, 26}},
	{make_accept, {5, 9, 6, 4, 3, 9}},         {make_close, {8, 11, 4, 8, 5, 14}},
	{make_shutdown, {2, 2, 1, 1, 1, 2}},       {make_write, {1, 1, 0, 0, 0, 1}},
	{make_fork, {0, 0, 0, 0, 0, 0}},           {make_kill, {1, 1, 1, 1, 1, 1}},
	{make_setting, {0, 1, 1, 0, 1, 1}},        {make_range, {0, 0, 1, 0, 0, 0}},
};

/* ------------------------------------------------------------------------------ one 4-tuple, twice */

static struct iu_step *add(struct iu_fuzzer *f, enum iu_action action, unsigned socket)
{
	struct iu_step *s = &f->script[f->n_script++];

	*s = (struct iu_step){.action = action, .socket = (uint8_t)socket};
	return s;
}

static void add_setting(struct iu_fuzzer *f, const char *name, const char *value)
{
	struct iu_step *s = add(f, IU_DO_SETTING, 0);

	snprintf(s->word, sizeof(s->word), "%s", name);
	s->value = value;
	f->settings_changed = true;
}

static void add_bound(struct iu_fuzzer *f, unsigned socket, const struct inuse_addr *at)
{
	struct iu_step *s = add(f, IU_DO_SOCKET, socket);

	s->kinds = at->family == 4 ? IU_KIND_V4 : IU_KIND_V6;
	add(f, IU_DO_SET, socket)->option = IU_OPT_REUSEADDR;
	add(f, IU_DO_BIND, socket)->at = (struct iu_where){.kind = IU_AT_LITERAL, .addr = *at};
}

static void add_connect(struct iu_fuzzer *f, unsigned socket, const struct inuse_addr *to)
{
	add(f, IU_DO_CONNECT, socket)->at = (struct iu_where){.kind = IU_AT_LITERAL, .addr = *to};
}

/* One end goes without a word. */
static void add_vanish(struct iu_fuzzer *f, unsigned socket)
{
	add(f, IU_DO_SET, socket)->option = IU_OPT_REPAIR;
	add(f, IU_DO_CLOSE, socket);
	f->haunted = true;
}

/*
 * A client with a fixed port, and another one after it that wants the same 4-tuple, whatever has become of the first: it lives, has closed
 * first or last, or one end has vanished. Chance would hardly lead there.
 */
static void write_script(struct iu_fuzzer *f)
{
	static const char *const addrs[] = {"127.0.0.1", "::1", "::ffff:127.0.0.1"};
	enum { SERVER, OLD, CHILD, NEW };
	struct inuse_addr server = addr(addrs[pick(f, 3)], IU_FUZZ_PORT), client = server;
	bool no_listener = chance(f, 50);

	client.port = IU_FUZZ_PORT + 1;
	if (chance(f, 45))
		add_setting(f, "net.ipv4.tcp_timestamps", "0");
	if (chance(f, 50))
		add_setting(f, "net.ipv4.tcp_rfc1337", "1");
	add_bound(f, SERVER, &server);
	add(f, IU_DO_LISTEN, SERVER)->number = 16;
	add_bound(f, OLD, &client);
	add_connect(f, OLD, &server);
	add(f, IU_DO_ACCEPT, SERVER)->other = CHILD;
	f->n_sockets = 4;
	switch (pick(f, 5)) {
	case 0: /* the client keeps TIME-WAIT */
		add(f, IU_DO_CLOSE, OLD);
		add(f, IU_DO_CLOSE, CHILD);
		break;
	case 1: /* the server does */
		add(f, IU_DO_CLOSE, CHILD);
		add(f, IU_DO_CLOSE, OLD);
		break;
	case 2: /* what is left of the server waits for a FIN that does not come */
		add(f, IU_DO_CLOSE, CHILD);
		add_vanish(f, OLD);
		break;
	case 3:
		add_vanish(f, OLD);
		break;
	default:
		break;
	}
	if (no_listener)
		add(f, IU_DO_CLOSE, SERVER);
	add_bound(f, NEW, &client);
	add_connect(f, NEW, &server);
}

void iu_fuzz_make_begin(struct iu_fuzzer *f)
{
	static const uint8_t shares[N_THEMES] = {24, 18, 12, 16, 8, 22};
	unsigned p = pick(f, 100);

	f->theme = 0;
	while (p >= shares[f->theme])
		p -= shares[f->theme++];
	f->scene.random = f->random;
	f->n_script = f->at_script = 0;
	if (f->theme == SYNS)
		write_script(f);
}

static bool try_maker(struct iu_fuzzer *f, struct iu_step *ret)
{
	unsigned total = 0, p;
	size_t i = 0;

	for (i = 0; i < sizeof(makers) / sizeof(makers[0]); i++)
		total += makers[i].weight[f->theme];
	p = pick(f, total);
	for (i = 0; p >= makers[i].weight[f->theme]; i++)
		p -= makers[i].weight[f->theme];
	memset(ret, 0, sizeof(*ret));
	return makers[i].make(f, ret);
}

bool iu_fuzz_make(struct iu_fuzzer *f, struct iu_step *ret)
{
	if (f->scene.n >= IU_SCENE_STEPS)
		return false;
	if (f->at_script < f->n_script) {
		*ret = f->script[f->at_script++];
		return true;
	}
	/* what the theme needs comes first: small ranges, and sometimes other settings or a process that shares a socket */
	memset(ret, 0, sizeof(*ret));
	if (f->scene.n == 0 && (f->theme == EXHAUST || f->theme == CLIENTS || chance(f, 10)))
		return make_range(f, ret);
	if (f->scene.n < 3 && chance(f, 6))
		return make_setting(f, ret);
	if (chance(f, 100) && pick(f, 1500) == 0 && make_fork(f, ret))
		return true;
	for (int i = 0; i < 50; i++)
		if (try_maker(f, ret))
			return true;
	return false;
}
