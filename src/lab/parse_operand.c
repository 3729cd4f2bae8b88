/* SPDX-License-Identifier: MIT */
/* Reading the operands of steps: each kind of them has a row in `operands`. */
#include <stdio.h>
#include <string.h>

#include "base/address.h"
#include "base/gettext.h"
#include "base/parse.h"
#include "base/text.h"
#include "lab/parse.h"
#include "model/rule.h"

#define SECOND INT64_C(1000000000)

void iu_parse_need(struct iu_parser *p, unsigned need)
{
	for (unsigned i = 0; i < IU_N_NEEDS; i++)
		if ((need & (1u << i)) != 0 && (p->used & (1u << i)) == 0)
			p->used_line[i] = p->line;
	p->used |= need;
}

/* -------------------------------------------------------------------------------------------- operands */

static bool take_new(struct iu_parser *p, struct iu_step *s, const char *word)
{
	size_t i = iu_parse_index(p->exp->sockets, p->exp->n_sockets, word);

	if (!iu_parse_is_name(word))
		return iu_parse_wrong_word(p, word, _("is no name: a small letter, then up to 14 small letters, digits and hyphens"));
	if (i == IU_EXP_MAX_SOCKETS)
		return iu_parse_wrong(p, _("there are more than %d names of sockets"), IU_EXP_MAX_SOCKETS);
	if (p->sockets[i] != IU_NAME_FREE)
		return iu_parse_wrong_word(p, word, _("is the name of a socket already; each socket has one of its own"));
	if (i == p->exp->n_sockets) {
		p->exp->sockets[i] = iu_parse_string(p, word, strlen(word));
		if (p->exp->sockets[i] == NULL)
			return false;
		p->exp->n_sockets++;
	}
	p->sockets[i] = IU_NAME_OPEN;
	if (s->action == IU_DO_ACCEPT)
		s->other = (uint8_t)i;
	else
		s->socket = (uint8_t)i;
	return true;
}

/* The number of an open socket. */
static bool find_socket(struct iu_parser *p, const char *word, uint8_t *ret)
{
	size_t i = iu_parse_index(p->exp->sockets, p->exp->n_sockets, word);

	if (i == p->exp->n_sockets || p->sockets[i] == IU_NAME_FREE)
		return iu_parse_wrong_word(p, word, _("is no socket yet; a step \"socket NAME\" makes it"));
	if (p->sockets[i] == IU_NAME_CLOSED)
		return iu_parse_wrong_word(p, word, _("is closed already"));
	*ret = (uint8_t)i;
	return true;
}

static bool take_socket(struct iu_parser *p, struct iu_step *s, const char *word)
{
	if (!find_socket(p, word, &s->socket))
		return false;
	s->sockets |= UINT64_C(1) << s->socket;
	if (s->action == IU_DO_CLOSE || s->action == IU_DO_FLIGHT)
		p->sockets[s->socket] = IU_NAME_CLOSED;
	return true;
}

static bool take_kind(struct iu_parser *p, struct iu_step *s, const char *word)
{
	static const char *const kinds[] = {"ipv4", "ipv6", "udp", "mptcp"};
	size_t kind = iu_parse_index(kinds, 4, word);

	if (kind == 4 || (s->kinds & (1u << kind)) != 0)
		return iu_parse_wrong_word(p, word, _("is no kind of socket here: ipv4 or ipv6, then udp or mptcp"));
	s->kinds |= (uint8_t)(1u << kind);
	if (kind == 3)
		iu_parse_need(p, IU_NEED_MPTCP);
	return true;
}

static const char *option_at(size_t i)
{
	return i < IU_N_OPTS ? iu_sockopts[i].name : NULL;
}

static bool take_option(struct iu_parser *p, struct iu_step *s, const char *word)
{
	size_t i = 0;

	while (i < IU_N_OPTS && strcmp(iu_sockopts[i].name, word) != 0)
		i++;
	if (i == IU_N_OPTS)
		return iu_parse_unknown(p, word, _("is no option of a socket (see inuse-lab(5))"), option_at);
	if (s->action == IU_DO_CLEAR && !iu_sockopts[i].clears)
		return iu_parse_wrong_word(p, word, _("cannot be cleared"));
	s->option = (enum iu_sockopt)i;
	if (s->option == IU_OPT_REPAIR)
		iu_parse_need(p, IU_NEED_REPAIR);
	return true;
}

/* Is it there without a step that makes it? The device of peers is, where the experiment needs it. */
static bool is_given_device(const struct iu_parser *p, const char *word)
{
	return strcmp(word, "lo") == 0 || ((p->exp->needs & IU_NEED_WIRE) != 0 && strcmp(word, "wire") == 0);
}

static bool is_device(const struct iu_parser *p, const char *word)
{
	for (size_t i = 0; i < p->n_devices; i++)
		if (strcmp(p->devices[i], word) == 0)
			return true;
	return is_given_device(p, word);
}

static bool take_number(struct iu_parser *p, const char *word, uint64_t min, uint64_t max, int64_t *ret)
{
	uint64_t n;
	char shown[64], only[24];

	if (!iu_parse_u64(word, min, max, &n))
		return iu_parse_wrong(p, _("\"%s\" is no number from %llu to %llu"), iu_escape(word, shown, sizeof(shown)),
				      (unsigned long long)min, (unsigned long long)max);
	*ret = (int64_t)n;
	snprintf(only, sizeof(only), "%llu", (unsigned long long)n);
	return iu_parse_written(p, word, only);
}

/* "20000-20009", first and last; a list has single ports, too, and goes up: "5,7-9". ret: the last one. */
static bool take_ranges(struct iu_parser *p, const char *word, bool list, struct iu_range *ret)
{
	const char *rest = word;
	int previous = -1;

	for (bool more = true; more; more = list && *rest++ == ',') {
		const char *from = rest;
		char piece[24], only[24];

		if (!iu_lab_range(from, ret, &rest) || *rest != (list && *rest == ',' ? ',' : 0))
			return iu_parse_wrong_word(p, word, _("is no range of ports, such as 20000-20009"));
		if (ret->first <= previous)
			return iu_parse_wrong_word(p, word, _("is no list of ports that goes up, each once"));
		snprintf(only, sizeof(only), list && ret->first == ret->last ? "%u" : "%u-%u", ret->first, ret->last);
		snprintf(piece, sizeof(piece), "%.*s", (int)(rest - from), from);
		if (!iu_parse_written(p, piece, only))
			return false;
		previous = ret->last;
	}
	return true;
}

/* The value of an option. */
static bool take_option_value(struct iu_parser *p, struct iu_step *s, const char *word)
{
	struct iu_range range;

	switch (iu_sockopts[s->option].value) {
	case 'n':
		if (s->option == IU_OPT_LINGER2 && strcmp(word, "-1") == 0) {
			s->number = -1;
			return true;
		}
		return take_number(p, word, 0, 3600, &s->number);
	case 'r':
		if (!take_ranges(p, word, false, &range))
			return false;
		s->number = range.first;
		s->number2 = range.last;
		return true;
	case 'd':
		if (!is_device(p, word))
			return iu_parse_wrong_word(p, word, _("is no device yet; a step \"device NAME\" makes it"));
		snprintf(s->word, sizeof(s->word), "%s", word);
		return true;
	default:
		return iu_parse_wrong_word(p, word, _("is too much; this option takes no value"));
	}
}

/* The value of a setting is all that follows. */
static bool take_value(struct iu_parser *p, struct iu_step *s, const char *word)
{
	const struct iu_lab_setting *setting;
	struct iu_range range;
	int64_t n;

	if (s->action == IU_DO_SET)
		return take_option_value(p, s, word);
	setting = iu_lab_setting_find(s->word);
	s->value = iu_parse_string(p, word, strlen(word));
	if (setting->kind == 'n')
		return take_number(p, word, 0, INT32_MAX, &n);
	return s->value != NULL && take_ranges(p, word, setting->kind == 'l', &range);
}

static const char *setting_at(size_t i)
{
	return iu_lab_settings[i].name;
}

static bool take_setting(struct iu_parser *p, struct iu_step *s, const char *word)
{
	if (iu_lab_setting_find(word) == NULL)
		return iu_parse_unknown(p, word, _("is no setting that an experiment may pin (see inuse-lab(5))"), setting_at);
	snprintf(s->word, sizeof(s->word), "%s", word);
	return true;
}

/* A port behind the name of a place. */
static bool take_place_port(struct iu_parser *p, const char *word, const char *colon, struct iu_where *at)
{
	uint64_t port;
	char only[32];

	if (colon == NULL || !iu_parse_u64(colon + 1, 0, 65535, &port))
		return iu_parse_wrong_word(p, word, _("lacks a port, such as here:5000"));
	at->addr.port = (uint16_t)port;
	snprintf(only, sizeof(only), "%.*s:%u", (int)(colon - word), word, at->addr.port);
	return iu_parse_written(p, word, only);
}

bool iu_parse_place(struct iu_parser *p, const char *word, struct iu_where *at)
{
	static const char *const places[] = {"here", "second", "any", "foreign", "wire", "far"};
	static const enum iu_where_kind kinds[] = {IU_AT_HERE, IU_AT_SECOND, IU_AT_ANY, IU_AT_FOREIGN, IU_AT_WIRE, IU_AT_FAR};
	const char *colon = strchr(word, ':');
	size_t len = colon != NULL ? (size_t)(colon - word) : strlen(word);

	for (size_t i = 0; i < 6; i++)
		if (strlen(places[i]) == len && strncmp(places[i], word, len) == 0) {
			at->kind = kinds[i];
			if (at->kind == IU_AT_WIRE || at->kind == IU_AT_FAR)
				iu_parse_need(p, IU_NEED_WIRE);
			if (p->exp->runs == 0)
				return iu_parse_wrong_word(p, word, _("is for files that say runs; write the address itself"));
			return take_place_port(p, word, colon, at);
		}
	return iu_parse_wrong_word(p, word, _("is no address; a file that says runs has here, second, any, foreign, wire and far, with a port"));
}

bool iu_parse_address(struct iu_parser *p, const char *word, struct iu_where *at)
{
	struct inuse_target target;
	char only[INUSE_ADDR_TEXT + 20], host[INUSE_ADDR_TEXT];

	if (p->exp->runs != 0 || strspn(word, "abcdefghijklmnopqrstuvwxyz") >= 3)
		return iu_parse_place(p, word, at);
	if (inuse_target_parse(word, &target, NULL) != INUSE_OK || target.kind != INUSE_TARGET_ADDR || target.service[0] != 0 ||
	    target.udp || strchr(word, '/') != NULL || strchr(word, ':') == NULL || word[0] == '*' || word[0] == ':')
		return iu_parse_wrong_word(p, word, _("is no address with a port, such as 127.0.0.1:5000 or [::1]:5000"));
	at->kind = IU_AT_LITERAL;
	at->addr = target.addr;
	if (target.scope_name[0] != 0) {
		if (!is_device(p, target.scope_name))
			return iu_parse_wrong_word(p, target.scope_name, _("is no device yet; a step \"device NAME\" makes it"));
		snprintf(at->scope, sizeof(at->scope), "%.15s", target.scope_name);
	}
	if (target.addr.family == 6)
		iu_parse_need(p, IU_NEED_IPV6);
	iu_addr_host_text(&at->addr, host);
	snprintf(only, sizeof(only), target.addr.family == 4 ? "%s%s%s:%u" : "[%s%s%s]:%u", host, at->scope[0] != 0 ? "%" : "", at->scope,
		 at->addr.port);
	return iu_parse_written(p, word, only);
}

static bool take_address(struct iu_parser *p, struct iu_step *s, const char *word)
{
	if (word[0] == '@') {
		s->at.kind = IU_AT_SOCKET;
		return find_socket(p, word + 1, &s->at.socket);
	}
	return iu_parse_address(p, word, &s->at);
}

static bool take_family(struct iu_parser *p, struct iu_step *s, const char *word)
{
	if (strcmp(word, "unspec") != 0)
		return iu_parse_wrong_word(p, word, _("is no family that the address may claim: unspec"));
	s->at.claims = IU_UNSPEC;
	return true;
}

static bool take_backlog(struct iu_parser *p, struct iu_step *s, const char *word)
{
	return take_number(p, word, 0, 4096, &s->number);
}

static bool take_bytes(struct iu_parser *p, struct iu_step *s, const char *word)
{
	return take_number(p, word, 1, 4096, &s->number);
}

static bool take_port(struct iu_parser *p, struct iu_step *s, const char *word)
{
	return take_number(p, word, 1, 65535, &s->number);
}

static bool take_how(struct iu_parser *p, struct iu_step *s, const char *word)
{
	static const char *const hows[] = {"read", "write", "both"};

	s->number = (int64_t)iu_parse_index(hows, 3, word);
	return s->number < 3 || iu_parse_wrong_word(p, word, _("is not what shutdown can end: read, write or both"));
}

static bool take_user(struct iu_parser *p, struct iu_step *s, const char *word)
{
	static const char *const users[] = {"root", "alice", "bob"};

	s->number = (int64_t)iu_parse_index(users, 3, word);
	return s->number < 3 || iu_parse_wrong_word(p, word, _("is no user here: root, alice or bob"));
}

static bool take_process(struct iu_parser *p, struct iu_step *s, const char *word)
{
	size_t i = iu_parse_index(p->exp->processes, p->exp->n_processes, word);

	if (!iu_parse_is_name(word))
		return iu_parse_wrong_word(p, word, _("is no name: a small letter, then up to 14 small letters, digits and hyphens"));
	if (i == IU_EXP_MAX_PROCESSES)
		return iu_parse_wrong(p, _("there are more than %d processes"), IU_EXP_MAX_PROCESSES);
	if (p->processes[i] != IU_NAME_FREE)
		return iu_parse_wrong_word(p, word, _("is the name of a process already"));
	if (i == p->exp->n_processes) {
		p->exp->processes[i] = iu_parse_string(p, word, strlen(word));
		if (p->exp->processes[i] == NULL)
			return false;
		p->exp->n_processes++;
	}
	p->processes[i] = IU_NAME_OPEN;
	s->process = (uint8_t)i;
	return true;
}

static bool take_running(struct iu_parser *p, struct iu_step *s, const char *word)
{
	size_t i = iu_parse_index(p->exp->processes, p->exp->n_processes, word);

	if (i == p->exp->n_processes || p->processes[i] != IU_NAME_OPEN)
		return iu_parse_wrong_word(p, word, _("is no running process; a step \"fork NAME with SOCKET\" starts it"));
	p->processes[i] = IU_NAME_CLOSED;
	s->process = (uint8_t)i;
	return true;
}

/* "20ms", "1.5s": at most three digits behind the point. */
static bool take_time(struct iu_parser *p, struct iu_step *s, const char *word)
{
	size_t whole = strspn(word, "0123456789"), part = word[whole] == '.' ? strspn(word + whole + 1, "0123456789") : 0;
	const char *unit = word + whole + (part > 0 ? part + 1 : 0);
	int64_t unit_ns = strcmp(unit, "s") == 0 ? SECOND : strcmp(unit, "ms") == 0 ? SECOND / 1000 : 0;
	uint64_t n, fraction = 0;
	char only[24];

	if (unit_ns == 0 || part > 3 || !iu_parse_u64_n(word, whole, 0, 86400, &n) ||
	    (part > 0 && !iu_parse_u64_n(word + whole + 1, part, 0, 999, &fraction)))
		return iu_parse_wrong_word(p, word, _("is no time, such as 20ms or 1.5s"));
	s->number = (int64_t)n * unit_ns;
	for (size_t i = 0; i < part; i++)
		unit_ns /= 10;
	s->number += (int64_t)fraction * unit_ns;
	p->waited_ns += s->number;
	if (p->waited_ns > 3 * SECOND)
		iu_parse_need(p, IU_NEED_PATIENCE);
	return iu_parse_written(p, word, iu_time_text(s->number, only, sizeof(only)));
}

static bool take_device(struct iu_parser *p, struct iu_step *s, const char *word)
{
	if (!iu_parse_is_name(word) || is_device(p, word))
		return iu_parse_wrong_word(p, word, _("is no new name for a device"));
	if (p->n_devices == 8)
		return iu_parse_wrong(p, _("there are more than %d devices"), 8);
	snprintf(p->devices[p->n_devices++], 16, "%s", word);
	snprintf(s->word, sizeof(s->word), "%s", word);
	return true;
}

static bool take_interface(struct iu_parser *p, struct iu_step *s, const char *word)
{
	if (!is_device(p, word))
		return iu_parse_wrong_word(p, word, _("is no device yet; a step \"device NAME\" makes it"));
	snprintf(s->word, sizeof(s->word), "%s", word);
	if (s->action != IU_DO_REMOVE)
		return true;
	if (is_given_device(p, word))
		return iu_parse_wrong(p, _("%s cannot be removed"), word);
	for (size_t i = 0; i < p->n_devices; i++)
		if (strcmp(p->devices[i], word) == 0)
			p->devices[i][0] = 0; /* no word is empty */
	return true;
}

static bool take_net(struct iu_parser *p, struct iu_step *s, const char *word)
{
	char text[INUSE_ADDR_TEXT], only[INUSE_ADDR_TEXT + 8];
	const char *slash = strchr(word, '/');
	uint64_t bits;

	if (slash == NULL || (size_t)(slash - word) >= sizeof(text))
		return iu_parse_wrong_word(p, word, _("is no address with its length, such as 192.0.2.1/24"));
	snprintf(text, sizeof(text), "%.*s", (int)(slash - word), word);
	if (inuse_addr_parse(text, &s->at.addr, NULL) != INUSE_OK || s->at.addr.scope != 0 ||
	    !iu_parse_u64(slash + 1, 0, s->at.addr.family == 4 ? 32 : 128, &bits))
		return iu_parse_wrong_word(p, word, _("is no address with its length, such as 192.0.2.1/24"));
	s->number = (int64_t)bits;
	if (s->at.addr.family == 6)
		iu_parse_need(p, IU_NEED_IPV6);
	snprintf(only, sizeof(only), "%s/%u", iu_addr_host_text(&s->at.addr, text), (unsigned)bits);
	return iu_parse_written(p, word, only);
}

static bool take_route(struct iu_parser *p, struct iu_step *s, const char *word)
{
	static const char *const kinds[] = {"unreachable", "prohibit", "blackhole"};

	if (iu_parse_index(kinds, 3, word) == 3)
		return iu_parse_wrong_word(p, word, _("is no kind of route here: unreachable, prohibit or blackhole"));
	snprintf(s->word, sizeof(s->word), "%s", word);
	return true;
}

static bool take_call(struct iu_parser *p, struct iu_step *s, const char *word)
{
	static const char *const calls[] = {"bind", "connect"};
	size_t i = iu_parse_index(calls, 2, word);

	if (i == 2 || s->number >= 1 << i)
		return iu_parse_wrong_word(p, word, _("is no call that can be forbidden: bind, connect is the order, each once"));
	s->number |= 1 << i;
	return true;
}

static const struct {
	const char *name;
	bool (*take)(struct iu_parser *p, struct iu_step *s, const char *word);
} operands[] = {
	{"NEW", take_new},         {"SOCKET", take_socket},       {"KIND", take_kind},       {"OPTION", take_option},
	{"VALUE", take_value},     {"ADDRESS", take_address},     {"FAMILY", take_family},   {"BACKLOG", take_backlog},
	{"BYTES", take_bytes},     {"HOW", take_how},             {"USER", take_user},       {"PROCESS", take_process},
	{"RUNNING", take_running}, {"TIME", take_time},           {"SETTING", take_setting}, {"DEVICE", take_device},
	{"INTERFACE", take_interface}, {"NET", take_net},         {"ROUTE", take_route},     {"PORT", take_port},
	{"CALL", take_call},       {"NAME", iu_parse_peer_name},  {"PEER", iu_parse_peer},   {"FROM", iu_parse_peer_from},
	{"TO", iu_parse_peer_to},  {"PACKET", iu_parse_packet},   {"NUMBER", iu_parse_packet_number},
};

bool iu_parse_operand(struct iu_parser *p, struct iu_step *s, const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof(operands) / sizeof(operands[0]); i++)
		if (strlen(operands[i].name) == len && strncmp(operands[i].name, name, len) == 0)
			return operands[i].take(p, s, p->words[p->at++]);
	/* a word that stands for itself */
	return strlen(p->words[p->at]) == len && strncmp(p->words[p->at++], name, len) == 0;
}
