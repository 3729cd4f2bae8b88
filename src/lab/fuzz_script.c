/* SPDX-License-Identifier: MIT */
/* Steps that a scene begins with where chance alone would hardly lead there. */
#include "lab/fuzz_make.h"

#include <stdio.h>

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
void iu_fuzz_write_script(struct iu_fuzzer *f)
{
	static const char *const addrs[] = {"127.0.0.1", "::1", "::ffff:127.0.0.1"};
	enum { SERVER, OLD, CHILD, NEW };
	struct inuse_addr server = iu_make_addr(addrs[iu_make_pick(f, 3)], IU_FUZZ_PORT), client = server;
	bool no_listener = iu_make_chance(f, 50);

	client.port = IU_FUZZ_PORT + 1;
	if (iu_make_chance(f, 45))
		add_setting(f, "net.ipv4.tcp_timestamps", "0");
	if (iu_make_chance(f, 50))
		add_setting(f, "net.ipv4.tcp_rfc1337", "1");
	add_bound(f, SERVER, &server);
	add(f, IU_DO_LISTEN, SERVER)->number = 16;
	add_bound(f, OLD, &client);
	add_connect(f, OLD, &server);
	add(f, IU_DO_ACCEPT, SERVER)->other = CHILD;
	f->n_sockets = 4;
	switch (iu_make_pick(f, 5)) {
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
