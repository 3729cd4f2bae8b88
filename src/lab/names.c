/* SPDX-License-Identifier: MIT */
/* The words of the format, and small questions to an experiment that was read. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/parse.h"
#include "lab/exp.h"
#include "model/rule.h"
#include "say/names.h"

const char *const iu_os_names[IU_N_OS] = {"linux", "windows", "freebsd", "macos"};
const char *const iu_rank_names[IU_N_RANKS] = {"live", "recorded", "documented", "reasoned"};
const char *const iu_need_names[IU_N_NEEDS] = {"second-user", "device", "mptcp", "repair", "ipv6", "evict", "patience",
					     "wire", "landlock"};
const char *const iu_run_names[IU_N_RUNS] = {"as written", "ipv4", "ipv6", "mapped"};

const struct iu_sockopt_row iu_sockopts[IU_N_OPTS] = {
	[IU_OPT_REUSEADDR] = {"reuseaddr", INUSE_REUSEADDR, 0, true},
	[IU_OPT_REUSEPORT] = {"reuseport", INUSE_REUSEPORT, 0, true},
	[IU_OPT_EXCLUSIVE] = {"exclusiveaddruse", INUSE_EXCLUSIVE, 0, true},
	[IU_OPT_V6ONLY] = {"v6only", INUSE_V6ONLY, 0, true},
	[IU_OPT_FREEBIND] = {"freebind", INUSE_FREEBIND, 0, true},
	[IU_OPT_TRANSPARENT] = {"transparent", INUSE_TRANSPARENT, 0, true},
	[IU_OPT_GROUP] = {"reuseport-program", INUSE_GROUP, 0, false},
	[IU_OPT_REPAIR] = {"repair", INUSE_REPAIR, 0, true},
	[IU_OPT_NO_PORT] = {"bind-address-no-port", 0, 0, true},
	[IU_OPT_PORT_RANGE] = {"local-port-range", 0, 'r', false},
	[IU_OPT_LINGER] = {"linger", 0, 'n', true},
	[IU_OPT_LINGER2] = {"linger2", 0, 'n', false},
	[IU_OPT_DEVICE] = {"device", 0, 'd', true},
	[IU_OPT_NONBLOCKING] = {"nonblocking", 0, 0, true},
};

/* The defaults are those of the kernel; they are set all the same, so that an experiment does not depend on the machine. */
const struct iu_lab_setting iu_lab_settings[] = {
	{"net.ipv4.ip_unprivileged_port_start", "ipv4/ip_unprivileged_port_start", IU_SET_UNPRIVILEGED_PORT_START, 'n', "1024"},
	{"net.ipv4.ip_nonlocal_bind", "ipv4/ip_nonlocal_bind", IU_SET_NONLOCAL_BIND, 'n', "0"},
	{"net.ipv6.ip_nonlocal_bind", "ipv6/ip_nonlocal_bind", IU_SET_NONLOCAL_BIND6, 'n', "0"},
	{"net.ipv4.ip_local_port_range", "ipv4/ip_local_port_range", IU_SET_RANGE_FIRST, 'r', "32768-60999"},
	{"net.ipv4.ip_local_reserved_ports", "ipv4/ip_local_reserved_ports", -1, 'l', ""},
	{"net.ipv4.ip_autobind_reuse", "ipv4/ip_autobind_reuse", IU_SET_AUTOBIND_REUSE, 'n', "0"},
	{"net.ipv4.tcp_tw_reuse", "ipv4/tcp_tw_reuse", IU_SET_TW_REUSE, 'n', "2"},
	{"net.ipv4.tcp_tw_reuse_delay", "ipv4/tcp_tw_reuse_delay", IU_SET_TW_REUSE_DELAY, 'n', "1000"},
	{"net.ipv4.tcp_timestamps", "ipv4/tcp_timestamps", IU_SET_TIMESTAMPS, 'n', "1"},
	{"net.ipv4.tcp_fin_timeout", "ipv4/tcp_fin_timeout", IU_SET_FIN_TIMEOUT, 'n', "60"},
	{"net.ipv4.tcp_rfc1337", "ipv4/tcp_rfc1337", IU_SET_RFC1337, 'n', "0"},
	{"net.ipv4.tcp_max_tw_buckets", "ipv4/tcp_max_tw_buckets", IU_SET_MAX_TW_BUCKETS, 'n', "65536"},
	{"net.ipv6.bindv6only", "ipv6/bindv6only", IU_SET_BINDV6ONLY, 'n', "0"},
	{"net.ipv4.tcp_migrate_req", "ipv4/tcp_migrate_req", -1, 'n', "0"},
	{"net.ipv4.tcp_invalid_ratelimit", "ipv4/tcp_invalid_ratelimit", IU_SET_INVALID_RATELIMIT, 'n', "500"},
	{NULL, NULL, -1, 0, NULL},
};

const struct iu_lab_setting *iu_lab_setting_find(const char *name)
{
	for (const struct iu_lab_setting *s = iu_lab_settings; s->name != NULL; s++)
		if (strcmp(s->name, name) == 0)
			return s;
	return NULL;
}

bool iu_lab_range(const char *text, struct iu_range *ret, const char **ret_rest)
{
	size_t len = strspn(text, "0123456789"), second = 0;
	uint64_t first, last;

	if (!iu_parse_u64_n(text, len, 0, 65535, &first))
		return false;
	last = first;
	if (text[len] == '-') {
		second = strspn(text + len + 1, "0123456789");
		if (!iu_parse_u64_n(text + len + 1, second, first, 65535, &last))
			return false;
		second++;
	}
	*ret = (struct iu_range){(uint16_t)first, (uint16_t)last};
	*ret_rest = text + len + second;
	return true;
}

/*
 * The addresses of each place, by family. The second one is added to lo, those of the wire to its device (network.c); the
 * foreign one is nowhere. All of them are for documentation (RFC 5737, RFC 3849).
 */
struct inuse_addr iu_where_addr(const struct iu_where *at, enum iu_run run)
{
	static const char *const places[][IU_N_RUNS] = {
		[IU_AT_HERE] = {"", "127.0.0.1", "::1", "::ffff:127.0.0.1"},
		[IU_AT_SECOND] = {"", "127.0.0.2", "fd00::2", "::ffff:127.0.0.2"},
		[IU_AT_ANY] = {"", "0.0.0.0", "::", "::ffff:0.0.0.0"},
		[IU_AT_WIRE] = {"", "198.51.100.1", "2001:db8:5::1", "::ffff:198.51.100.1"},
		[IU_AT_FAR] = {"", "198.51.100.2", "2001:db8:5::2", "::ffff:198.51.100.2"},
		[IU_AT_FOREIGN] = {"", "192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1"},
	};
	struct inuse_addr a = at->addr;

	if (at->kind == IU_AT_LITERAL || at->kind == IU_AT_SOCKET)
		return a;
	inuse_addr_parse(places[at->kind][run], &a, NULL);
	a.port = at->addr.port;
	return a;
}

struct inuse_addr iu_peer_to(const struct iu_step *step, enum iu_run run)
{
	struct iu_where to = {.kind = IU_AT_WIRE, .addr.port = (uint16_t)step->number};

	if (run == IU_RUN_AS_WRITTEN)
		run = step->at.addr.family == 6 ? IU_RUN_IPV6 : IU_RUN_IPV4;
	return iu_where_addr(&to, run);
}

bool iu_wire_has_ipv6(const struct iu_exp *exp, enum iu_run run)
{
	return run == IU_RUN_IPV6 || (run == IU_RUN_AS_WRITTEN && (exp->needs & IU_NEED_IPV6) != 0);
}

const struct iu_expect *iu_step_expects(const struct iu_step *step, enum iu_os os, uint32_t lacks)
{
	const struct iu_expect *found = NULL;

	for (size_t i = 0; i < step->n_expects; i++) {
		const struct iu_expect *e = &step->expects[i];

		if (e->os != os || (e->without & ~lacks) != 0)
			continue;
		/* of several that fit the first counts, and one for every kernel last */
		if (found == NULL || (found->without == 0 && e->without != 0))
			found = e;
	}
	return found;
}

static bool port_agrees(const char *expected, const char *happened)
{
	struct iu_range range;
	const char *rest;
	uint64_t port;

	if (!iu_parse_u64(happened, 0, 65535, &port))
		return false;
	if (strcmp(expected, "odd") == 0 || strcmp(expected, "even") == 0)
		return port != 0 && (port & 1) == (expected[0] == 'o');
	return iu_lab_range(expected, &range, &rest) && *rest == 0 && port >= range.first && port <= range.last;
}

/* "60 s" is what was set; up to two seconds of it may have passed already. */
static bool seconds_agree(const char *expected, const char *happened)
{
	char *end;
	long want = strtol(expected, &end, 10), have;

	if (end == expected)
		return strcmp(expected, happened) == 0;
	have = strtol(happened, &end, 10);
	return end != happened && have <= want && have >= want - 2;
}

bool iu_outcome_agrees(const struct iu_step *step, const char *expected, const char *happened)
{
	if (step->action == IU_DO_PORT)
		return port_agrees(expected, happened);
	if (step->action == IU_DO_LEFT)
		return seconds_agree(expected, happened);
	return strcmp(expected, happened) == 0;
}

uint32_t iu_lab_uid(int64_t user)
{
	return user == 0 ? 0 : 61000 + (uint32_t)user; /* far from the users of a machine */
}

static bool counts(const struct inuse_socket *s, uint16_t port, bool bound)
{
	if (iu_socket_is_request(s))
		return false; /* on no port */
	return s->proto == INUSE_PROTO_TCP && s->local.port == port && (bound || s->state != INUSE_BOUND);
}

char *iu_states_text(const struct inuse_socket *sockets, size_t n, uint16_t port, bool bound, char *buf, size_t size)
{
	unsigned of[INUSE_N_STATES] = {0};

	for (size_t i = 0; i < n; i++)
		if (counts(&sockets[i], port, bound))
			of[sockets[i].state]++;
	return iu_state_counts_text(of, buf, size);
}

char *iu_state_counts_text(const unsigned of[INUSE_N_STATES], char *buf, size_t size)
{
	size_t at = 0;

	snprintf(buf, size, "nothing");
	for (int s = 0; s < INUSE_N_STATES && at < size; s++) {
		const char *comma = at > 0 ? ", " : "";

		if (of[s] == 1)
			at += (size_t)snprintf(buf + at, size - at, "%s%s", comma, iu_say_state((enum inuse_state)s));
		else if (of[s] > 1)
			at += (size_t)snprintf(buf + at, size - at, "%s%u %s", comma, of[s], iu_say_state((enum inuse_state)s));
	}
	return buf;
}

char *iu_time_text(int64_t ns, char *buf, size_t size)
{
	long long ms = ns / 1000000;
	int n;

	if (ms < 1000) {
		snprintf(buf, size, "%lldms", ms);
		return buf;
	}
	n = snprintf(buf, size, "%lld.%03lld", ms / 1000, ms % 1000);
	while (buf[n - 1] == '0')
		n--;
	snprintf(buf + n - (buf[n - 1] == '.'), 2, "s");
	return buf;
}

char *iu_left_text(const struct inuse_socket *sockets, size_t n, uint16_t port, int64_t now_ns, char *buf, size_t size)
{
	const int64_t second = 1000000000;
	int64_t end = 0;
	bool any = false, unlimited = false;

	for (size_t i = 0; i < n; i++) {
		if (!counts(&sockets[i], port, true))
			continue;
		any = true;
		unlimited |= sockets[i].free_at_ns == 0;
		if (sockets[i].free_at_ns > end)
			end = sockets[i].free_at_ns;
	}
	if (!any || unlimited)
		snprintf(buf, size, "%s", any ? "unlimited" : "nothing");
	else
		snprintf(buf, size, "%lld s", (long long)(end > now_ns ? (end - now_ns + second - 1) / second : 0));
	return buf;
}
