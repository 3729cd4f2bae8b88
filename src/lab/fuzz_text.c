/* SPDX-License-Identifier: MIT */
/* Steps that the fuzzer made, as the lines of an experiment that anybody can play again. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "lab/fuzz_private.h"

static const char *const users[] = {"root", "alice", "bob"};

static void address_text(const struct iu_where *at, char *buf, size_t size)
{
	char text[INUSE_ADDR_TEXT], *close;

	inuse_addr_text(&at->addr, text);
	close = strchr(text, ']');
	if (at->scope[0] != 0 && close != NULL)
		snprintf(buf, size, "%.*s%%%s%s", (int)(close - text), text, at->scope, close);
	else
		snprintf(buf, size, "%s", text);
}

static void option_text(const struct iu_step *s, char *buf, size_t size)
{
	const struct iu_sockopt_row *row = &iu_sockopts[s->option];
	int n = snprintf(buf, size, "%s s%u %s", s->action == IU_DO_SET ? "set" : "clear", s->socket, row->name);

	if (s->action == IU_DO_CLEAR || n < 0 || (size_t)n >= size)
		return;
	if (row->value == 'n')
		snprintf(buf + n, size - (size_t)n, " %lld", (long long)s->number);
	else if (row->value == 'r')
		snprintf(buf + n, size - (size_t)n, " %lld-%lld", (long long)s->number, (long long)s->number2);
	else if (row->value == 'd')
		snprintf(buf + n, size - (size_t)n, " %s", s->word);
}

static void fork_text(const struct iu_step *s, char *buf, size_t size)
{
	size_t n = (size_t)snprintf(buf, size, "fork p%u with", s->process);

	for (unsigned i = 0; i < IU_EXP_MAX_SOCKETS && n < size; i++)
		if ((s->sockets & (UINT64_C(1) << i)) != 0)
			n += (size_t)snprintf(buf + n, size - n, " s%u", i);
}

static void peer_text(const struct iu_step *s, char *buf, size_t size)
{
	struct inuse_addr to = iu_peer_to(s, IU_RUN_AS_WRITTEN);
	char from_text[INUSE_ADDR_TEXT], to_text[INUSE_ADDR_TEXT];

	snprintf(buf, size, "peer p%u %s to %s%s", s->peer, inuse_addr_text(&s->at.addr, from_text), inuse_addr_text(&to, to_text),
		 s->without_timestamps ? " without-timestamps" : "");
}

static void packet_text(const struct iu_step *s, char *buf, size_t size)
{
	const struct {
		const char *name;
		int32_t by;
	} offs[] = {{"seq", s->seq}, {"ack", s->ack}, {"time", s->time}};
	char flags[24];
	size_t n = (size_t)snprintf(buf, size, "send p%u %s", s->peer, iu_flags_text(s->tcp_flags, flags));

	for (size_t i = 0; i < 3 && n < size; i++)
		if (offs[i].by != 0)
			n += (size_t)snprintf(buf + n, size - n, " %s%+d", offs[i].name, offs[i].by);
}

static void evict_text(const struct iu_step *s, char *buf, size_t size)
{
	char at[INUSE_ADDR_TEXT + 32];

	address_text(&s->at, at, sizeof(at));
	snprintf(buf, size, "evict %lld to %s", (long long)s->number, at);
}

/* What is done without a socket. */
static void other_text(const struct iu_step *s, char *buf, size_t size)
{
	char time[24];

	switch (s->action) {
	case IU_DO_FORK:
		fork_text(s, buf, size);
		break;
	case IU_DO_KILL:
		snprintf(buf, size, "kill p%u", s->process);
		break;
	case IU_DO_WAIT:
		snprintf(buf, size, "wait %s", iu_time_text(s->number, time, sizeof(time)));
		break;
	case IU_DO_PEER:
		peer_text(s, buf, size);
		break;
	case IU_DO_SEND:
		packet_text(s, buf, size);
		break;
	case IU_DO_EVICT:
		evict_text(s, buf, size);
		break;
	case IU_DO_SETTING:
		snprintf(buf, size, "setting %s %s", s->word, s->value);
		break;
	default:
		snprintf(buf, size, "# a step that has no text");
		break;
	}
}

void iu_fuzz_step_text(const struct iu_step *s, char *buf, size_t size)
{
	static const char *const hows[] = {"read", "write", "both"};
	char at[INUSE_ADDR_TEXT + 32];

	address_text(&s->at, at, sizeof(at));
	switch (s->action) {
	case IU_DO_SOCKET:
		snprintf(buf, size, "socket s%u %s%s", s->socket, s->kinds & IU_KIND_V6 ? "ipv6" : "ipv4", s->kinds & IU_KIND_UDP ? " udp" : "");
		break;
	case IU_DO_SET:
	case IU_DO_CLEAR:
		option_text(s, buf, size);
		break;
	case IU_DO_BIND:
		snprintf(buf, size, "bind s%u %s%s", s->socket, at, s->at.claims == 0 ? "" : " as unspec");
		break;
	case IU_DO_LISTEN:
		snprintf(buf, size, "listen s%u %lld", s->socket, (long long)s->number);
		break;
	case IU_DO_CONNECT:
		snprintf(buf, size, "connect s%u %s%s", s->socket, at, s->at.claims == 0 ? "" : " as unspec");
		break;
	case IU_DO_ACCEPT:
		snprintf(buf, size, "accept s%u as s%u", s->socket, s->other);
		break;
	case IU_DO_WRITE:
	case IU_DO_READ:
		snprintf(buf, size, "%s s%u %lld", s->action == IU_DO_READ ? "read" : "write", s->socket, (long long)s->number);
		break;
	case IU_DO_FILL:
	case IU_DO_CLOSE:
		snprintf(buf, size, "%s s%u", s->action == IU_DO_FILL ? "fill" : "close", s->socket);
		break;
	case IU_DO_SHUTDOWN:
		snprintf(buf, size, "shutdown s%u %s", s->socket, hows[s->number]);
		break;
	case IU_DO_USER:
		snprintf(buf, size, "user %s", users[s->number]);
		break;
	case IU_DO_CHOWN:
		snprintf(buf, size, "chown s%u %s", s->socket, users[s->number]);
		break;
	default:
		other_text(s, buf, size);
		break;
	}
}

/* What the namespace of the scenes has beside lo, and by what a step is known to use it. */
static const struct {
	const char *line, *keys[5]; /* NULL after the last */
} surroundings[] = {
	{"device v0 10.9.0.1/24", {"v0", "10.9.0.", "2001:db8:1::", "fe80::2"}},
	{"address v0 fe80::2/64", {"fe80::2"}},
	{"address v0 2001:db8:1::1/64 tentative", {"2001:db8:1::"}},
	{"address lo fd00::2/128", {"fd00::2"}},
	{"route unreachable 203.0.113.0/26", {"203.0.113.1:", "203.0.113.1]"}},
	{"route prohibit 203.0.113.64/26", {"203.0.113.65:", "203.0.113.65]"}},
	{"route blackhole 203.0.113.128/26", {"203.0.113.129:", "203.0.113.129]"}},
	{"setting net.ipv4.tcp_invalid_ratelimit 0", {"send "}},
};

static unsigned needs_of_step(const struct iu_step *s)
{
	unsigned needs = 0;

	if (s->action == IU_DO_USER || s->action == IU_DO_CHOWN)
		needs |= IU_NEED_SECOND_USER;
	if ((s->kinds & IU_KIND_V6) != 0 || s->at.addr.family == 6)
		needs |= IU_NEED_IPV6;
	if (s->action == IU_DO_PEER)
		needs |= IU_NEED_WIRE;
	if (s->action == IU_DO_EVICT)
		needs |= IU_NEED_EVICT;
	if ((s->action == IU_DO_SET || s->action == IU_DO_CLEAR) && s->option == IU_OPT_REPAIR)
		needs |= IU_NEED_REPAIR;
	return needs;
}

static unsigned needs_of(const struct iu_scene *scene, const char *steps)
{
	unsigned needs = 0;

	for (size_t i = 0; i < scene->n; i++)
		needs |= needs_of_step(&scene->steps[i]);
	for (size_t i = 0; i < scene->removal.n; i++)
		needs |= needs_of_step(&scene->removal.steps[i]);
	if (strstr(steps, "\ndevice ") != NULL || strstr(steps, "\nroute ") != NULL)
		needs |= IU_NEED_DEVICE;
	if (strstr(steps, "\naddress ") != NULL)
		needs |= IU_NEED_IPV6;
	return needs;
}

/* The last step says what is expected even where that is OK: without an expectation it is no experiment. */
static void add_step(struct iu_text *t, const struct iu_step *s, const struct iu_scene_answer *kernel, bool last)
{
	char line[512];

	iu_fuzz_step_text(s, line, sizeof(line));
	iu_text_addf(t, "%s\n", line);
	if (kernel->text[0] != 0 && (last || strcmp(kernel->text, "OK") != 0))
		iu_text_addf(t, "  linux  %s  live\n", kernel->text);
	if (kernel->chosen != 0)
		iu_text_addf(t, "  # port %u\n", kernel->chosen);
}

/* The named blockers go, and the call is made again: what is expected of it in the end is what the model's list of them says. */
static void add_removal(struct iu_text *t, const struct iu_removal *removal)
{
	for (size_t i = 0; i < removal->n; i++) {
		const struct iu_step *s = &removal->steps[i];
		char line[512];

		iu_fuzz_step_text(s, line, sizeof(line));
		iu_text_addf(t, "%s\n", line);
		if (i + 1 == removal->n)
			iu_text_add(t, removal->too_many ? "  linux  EADDRINUSE  reasoned: another that the model named is still there\n"
							 : "  linux  OK  reasoned: all that the model named are gone\n");
		else if (s->action == IU_DO_BIND)
			iu_text_add(t, "  linux  EADDRINUSE  live\n");
	}
}

/* The device of peers; the player makes it where there is one, else it is like any other. In the kernel's order it is the first. */
static void add_wire(struct iu_text *t, const char *steps)
{
	bool addresses = strstr(steps, "198.51.100.1") != NULL || strstr(steps, "2001:db8:5::1") != NULL;

	if (strstr(steps, "peer ") == NULL && (addresses || strstr(steps, " device wire\n") != NULL))
		iu_text_add(t, "device wire 198.51.100.1/24\naddress wire 2001:db8:5::1/64\n");
}

static void add_surroundings(struct iu_text *t, const char *steps)
{
	iu_text_add(t, "setting net.ipv4.ip_local_port_range 20001-20004\n");
	add_wire(t, steps);
	for (size_t i = 0; i < sizeof(surroundings) / sizeof(surroundings[0]); i++) {
		bool used = false;

		for (const char *const *key = surroundings[i].keys; *key != NULL; key++)
			used |= strstr(steps, *key) != NULL;
		if (used)
			iu_text_addf(t, "%s\n", surroundings[i].line);
	}
}

void iu_fuzz_scene_text(const struct iu_fuzzer *f, const struct iu_scene *scene, const char *why, char *buf, size_t size)
{
	struct iu_text steps = {0}, before = {0};
	unsigned needs;
	size_t n;

	for (size_t i = 0; i < scene->n; i++)
		add_step(&steps, &scene->steps[i], &scene->kernel[i], i + 1 == scene->n);
	add_removal(&steps, &scene->removal);
	if (steps.data != NULL)
		add_surroundings(&before, steps.data);
	iu_text_add(&before, steps.data != NULL ? steps.data : "");
	needs = needs_of(scene, before.data != NULL ? before.data : "");
	n = (size_t)snprintf(buf, size, "shows  The kernel and the model disagree in the last step: found by inuse lab --fuzz.\n");
	for (unsigned i = 0, first = 1; i < IU_N_NEEDS && n < size; i++)
		if ((needs & (1u << i)) != 0) {
			n += (size_t)snprintf(buf + n, size - n, "%s%s", first ? "needs  " : " ", iu_need_names[i]);
			first = 0;
		}
	if (n < size)
		snprintf(buf + n, size - n, "%s\n# %s\n%s", needs != 0 ? "\n" : "", why, before.data != NULL ? before.data : "");
	iu_text_done(&steps);
	iu_text_done(&before);
}
