/* SPDX-License-Identifier: MIT */
/* Steps that a scene begins with where chance alone would hardly lead there. */
#include "lab/fuzz_make.h"

#include <stdio.h>

#include "base/address.h"

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
static void one_tuple_twice(struct iu_fuzzer *f)
{
	static const char *const addrs[] = {"127.0.0.1", "::1", "::ffff:127.0.0.1"};
	enum { SERVER, OLD, CHILD, NEW };
	enum { CLIENT_FIRST, SERVER_FIRST, SERVER_ALONE, VANISHED, ALIVE };
	static const uint8_t ways[] = {CLIENT_FIRST, CLIENT_FIRST, SERVER_FIRST, SERVER_FIRST, SERVER_ALONE, VANISHED, ALIVE};
	unsigned way = ways[iu_make_pick(f, sizeof(ways))];
	struct inuse_addr server = iu_make_addr(addrs[iu_make_pick(f, 3)], IU_FUZZ_PORT), client = server;
	bool no_listener = iu_make_chance(f, 50);

	client.port = IU_FUZZ_PORT + 1;
	if (iu_make_chance(f, 45))
		add_setting(f, "net.ipv4.tcp_timestamps", "0");
	if (iu_make_chance(f, way == SERVER_FIRST ? 70 : 40))
		add_setting(f, "net.ipv4.tcp_rfc1337", "1");
	add_bound(f, SERVER, &server);
	add(f, IU_DO_LISTEN, SERVER)->number = 16;
	add_bound(f, OLD, &client);
	add_connect(f, OLD, &server);
	add(f, IU_DO_ACCEPT, SERVER)->other = CHILD;
	f->n_sockets = 4;
	switch (way) {
	case CLIENT_FIRST: /* and so it keeps TIME-WAIT */
		add(f, IU_DO_CLOSE, OLD);
		add(f, IU_DO_CLOSE, CHILD);
		break;
	case SERVER_FIRST:
		add(f, IU_DO_CLOSE, CHILD);
		add(f, IU_DO_CLOSE, OLD);
		break;
	case SERVER_ALONE: /* what is left of the server waits for a FIN that does not come */
		add(f, IU_DO_CLOSE, CHILD);
		add_vanish(f, OLD);
		break;
	case VANISHED:
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

/* ------------------------------------------------------------------------------------------------ peers */

static void add_packet(struct iu_fuzzer *f, unsigned peer, uint8_t flags)
{
	struct iu_step *s = add(f, IU_DO_SEND, 0);

	s->peer = (uint8_t)peer;
	s->tcp_flags = flags;
}

static void add_peer(struct iu_fuzzer *f, const struct inuse_addr *to)
{
	struct iu_step *s = add(f, IU_DO_PEER, 0);

	s->peer = (uint8_t)f->n_peers++;
	s->at = (struct iu_where){.kind = IU_AT_LITERAL, .addr = iu_make_addr(to->family == 4 ? "198.51.100.2" : "2001:db8:5::2",
									     iu_make_peer_port(s->peer))};
	s->number = to->port;
	s->without_timestamps = iu_make_chance(f, 30);
}

/* What has become of a connection with a peer elsewhere, whose packets are ours: its numbers are known, whatever it sends next. */
static void end_of_peer(struct iu_fuzzer *f, unsigned peer, unsigned child)
{
	enum { NOTHING, CLOSE, ACKNOWLEDGE, FINISH, FINISH_TOO };
	static const uint8_t ways[][5] = {
		{NOTHING},                               /* it lives */
		{CLOSE},                                 /* FIN-WAIT-1 */
		{CLOSE, ACKNOWLEDGE},                    /* FIN-WAIT-2 */
		{CLOSE, ACKNOWLEDGE},
		{CLOSE, ACKNOWLEDGE},
		{CLOSE, ACKNOWLEDGE, FINISH},            /* TIME-WAIT */
		{CLOSE, ACKNOWLEDGE, FINISH},
		{CLOSE, FINISH_TOO, ACKNOWLEDGE},        /* both at once: CLOSING, then TIME-WAIT */
		{FINISH},                                /* CLOSE-WAIT */
		{FINISH, CLOSE},                         /* LAST-ACK */
		{FINISH, CLOSE, ACKNOWLEDGE},            /* gone */
	};
	const uint8_t *way = ways[iu_make_pick(f, sizeof(ways) / sizeof(ways[0]))];

	for (unsigned i = 0; i < 5 && way[i] != NOTHING; i++)
		if (way[i] == CLOSE) {
			add(f, IU_DO_CLOSE, child);
		} else {
			add_packet(f, peer, way[i] == ACKNOWLEDGE ? IU_ACK : IU_FIN | IU_ACK);
			if (way[i] == FINISH_TOO)
				f->script[f->n_script - 1].ack = -1;
		}
}

/* A SYN with the 4-tuple of the peer's old connection. */
static void add_syn(struct iu_fuzzer *f, unsigned peer)
{
	static const int32_t offs[] = {0, 1000, 1000, -1000, 100000, -100000}, times[] = {0, 0, 1, 1, -1};

	add_packet(f, peer, IU_SYN);
	f->script[f->n_script - 1].seq = offs[iu_make_pick(f, 6)];
	f->script[f->n_script - 1].time = times[iu_make_pick(f, 5)];
}

static void peers(struct iu_fuzzer *f)
{
	static const char *const addrs[] = {"198.51.100.1", "0.0.0.0", "2001:db8:5::1", "::", "::ffff:198.51.100.1"};
	struct inuse_addr server = iu_make_addr(addrs[iu_make_pick(f, 5)], IU_FUZZ_PORT), to;
	bool v4 = iu_addr_unmapped(&server).family == 4 || (iu_addr_is_any(&server) && iu_make_chance(f, 40));
	unsigned n = 1 + iu_make_pick(f, 3);

	to = iu_make_addr(v4 ? "198.51.100.1" : "2001:db8:5::1", IU_FUZZ_PORT);
	if (iu_make_chance(f, 15))
		add_setting(f, "net.ipv4.tcp_timestamps", "0");
	if (iu_make_chance(f, 40))
		add_setting(f, "net.ipv4.tcp_rfc1337", "1");
	add_bound(f, 0, &server);
	add(f, IU_DO_LISTEN, 0)->number = 16;
	f->n_sockets = 1;
	for (unsigned peer = 0; peer < n; peer++) {
		add_peer(f, &to);
		add_packet(f, peer, IU_SYN);
		if (iu_make_chance(f, 25)) /* it stays half open */
			continue;
		add_packet(f, peer, IU_ACK);
		add(f, IU_DO_ACCEPT, 0)->other = (uint8_t)f->n_sockets++;
		end_of_peer(f, peer, f->n_sockets - 1);
	}
	if (iu_make_chance(f, 40))
		add(f, IU_DO_CLOSE, 0);
	for (unsigned peer = 0; peer < n; peer++)
		add_syn(f, peer);
}

/* One that has an address and no port, and changes IPV6_V6ONLY in between. */
static void v6only_late(struct iu_fuzzer *f)
{
	static const char *const addrs[] = {"::1", "::1", "fd00::2", "::ffff:127.0.0.1", "::ffff:0.0.0.0"};
	unsigned address = iu_make_pick(f, 5), socket = f->n_sockets++;
	bool mapped = address >= 3;

	add(f, IU_DO_SOCKET, socket)->kinds = IU_KIND_V6;
	add(f, IU_DO_SET, socket)->option = IU_OPT_NO_PORT;
	add(f, IU_DO_BIND, socket)->at = (struct iu_where){.kind = IU_AT_LITERAL, .addr = iu_make_addr(addrs[address], 0)};
	add(f, mapped ? IU_DO_SET : IU_DO_CLEAR, socket)->option = IU_OPT_V6ONLY;
	if (mapped && iu_make_chance(f, 60)) {
		add(f, IU_DO_LISTEN, socket)->number = 16;
	} else if (!mapped && iu_make_chance(f, 60)) { /* to one that listens since the last time, or to nobody */
		struct inuse_addr server = iu_make_addr("::ffff:127.0.0.1", IU_FUZZ_PORT);

		add_connect(f, socket, &server);
		f->went_v4 |= UINT64_C(1) << socket;
		add_bound(f, f->n_sockets, &server);
		add(f, IU_DO_LISTEN, f->n_sockets++)->number = 16;
	}
}

/* The first on a port takes its option back: what the port remembers lets the next in, of SO_REUSEADDR only before 6.8. */
static void option_taken_back(struct iu_fuzzer *f)
{
	static const char *const addrs[] = {"127.0.0.1", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1"};
	enum iu_sockopt option = iu_make_chance(f, 60) ? IU_OPT_REUSEADDR : IU_OPT_REUSEPORT;
	struct inuse_addr at = iu_make_addr(addrs[iu_make_pick(f, 5)], IU_FUZZ_PORT);

	for (unsigned socket = 0; socket < 2; socket++) {
		add(f, IU_DO_SOCKET, socket)->kinds = at.family == 4 ? IU_KIND_V4 : IU_KIND_V6;
		add(f, IU_DO_SET, socket)->option = option;
		add(f, IU_DO_BIND, socket)->at = (struct iu_where){.kind = IU_AT_LITERAL, .addr = at};
		add(f, IU_DO_CLEAR, socket)->option = option;
	}
	f->n_sockets = 2;
}

void iu_fuzz_write_script(struct iu_fuzzer *f)
{
	if (f->theme == IU_THEME_EXHAUST || f->theme == IU_THEME_CLIENTS)
		for (unsigned n = iu_make_chance(f, 25) ? 1 + iu_make_pick(f, 3) : 0; n > 0; n--)
			v6only_late(f);
	else if (f->theme == IU_THEME_PEERS)
		peers(f);
	else if (f->theme == IU_THEME_SYNS)
		one_tuple_twice(f);
	else if ((f->theme == IU_THEME_SERVERS || f->theme == IU_THEME_REUSEPORT) && iu_make_chance(f, 15))
		option_taken_back(f);
}
