/* SPDX-License-Identifier: MIT */
/*
 * Reading one step.
 *
 * Theory of operation
 *
 * Each kind of step has a row with its grammar, which is also what an error tells: small words stand for themselves, capitals
 * for a kind of operand (a row of `operands` in parse_operand.c), "..." behind one means one or more, brackets mean that it may be missing.
 */
#include <string.h>

#include "base/gettext.h"
#include "lab/parse.h"

struct row {
	const char *word;
	enum iu_action action;
	const char *grammar;
	unsigned needs; /* enum iu_need */
};

static const struct row rows[] = {
	{"socket", IU_DO_SOCKET, "NEW [KIND...]", 0},
	{"set", IU_DO_SET, "SOCKET OPTION [VALUE]", 0},
	{"clear", IU_DO_CLEAR, "SOCKET OPTION", 0},
	{"bind", IU_DO_BIND, "SOCKET ADDRESS [as FAMILY]", 0},
	{"listen", IU_DO_LISTEN, "SOCKET [BACKLOG]", 0},
	{"connect", IU_DO_CONNECT, "SOCKET ADDRESS [as FAMILY]", 0},
	{"accept", IU_DO_ACCEPT, "SOCKET as NEW", 0},
	{"write", IU_DO_WRITE, "SOCKET BYTES", 0},
	{"read", IU_DO_READ, "SOCKET BYTES", 0},
	{"fill", IU_DO_FILL, "SOCKET", 0},
	{"shutdown", IU_DO_SHUTDOWN, "SOCKET HOW", 0},
	{"close", IU_DO_CLOSE, "SOCKET", 0},
	{"user", IU_DO_USER, "USER", IU_NEED_SECOND_USER},
	{"chown", IU_DO_CHOWN, "SOCKET USER", IU_NEED_SECOND_USER},
	{"fork", IU_DO_FORK, "PROCESS with SOCKET...", 0},
	{"kill", IU_DO_KILL, "RUNNING", 0},
	{"flight", IU_DO_FLIGHT, "SOCKET", 0},
	{"wait", IU_DO_WAIT, "TIME", 0},
	{"setting", IU_DO_SETTING, "SETTING VALUE", 0},
	{"device", IU_DO_DEVICE, "DEVICE [NET]", IU_NEED_DEVICE},
	{"address", IU_DO_ADDRESS, "INTERFACE NET [tentative]", 0},
	{"down", IU_DO_DOWN, "INTERFACE", 0},
	{"remove", IU_DO_REMOVE, "INTERFACE", IU_NEED_DEVICE},
	{"route", IU_DO_ROUTE, "ROUTE NET", IU_NEED_DEVICE},
	{"evict", IU_DO_EVICT, "PORT [to ADDRESS]", IU_NEED_EVICT},
	{"namespace", IU_DO_NAMESPACE, "without addresses", 0},
	{"forbid", IU_DO_FORBID, "CALL...", IU_NEED_LANDLOCK},
	{"peer", IU_DO_PEER, "NAME FROM to TO [without-timestamps]", IU_NEED_WIRE},
	{"send", IU_DO_SEND, "PEER PACKET [NUMBER...]", 0},
	{"look", IU_DO_LOOK, "PORT", 0},
	{"left", IU_DO_LEFT, "PORT", 0},
	{"port", IU_DO_PORT, "SOCKET", 0},
};
#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

static const struct row *row_of(const char *word)
{
	for (size_t i = 0; i < N_ROWS; i++)
		if (strcmp(rows[i].word, word) == 0)
			return &rows[i];
	return NULL;
}

/* ------------------------------------------------------------------------------------------------ a step */

static bool usage(struct iu_parser *p, const struct row *row)
{
	return iu_parse_wrong(p, _("write: %s %s"), row->word, row->grammar);
}

/* Walks along the grammar. False with nothing said: the words do not fit it. */
static bool take_operands(struct iu_parser *p, struct iu_step *s, const char *grammar)
{
	while (*grammar != 0) {
		const char *name = grammar + (*grammar == '[');
		size_t len = strcspn(name, " .]");
		bool many = strncmp(name + len, "...", 3) == 0;

		if (p->at == p->n_words)
			return *grammar == '[';
		do {
			if (!iu_parse_operand(p, s, name, len))
				return false;
		} while (many && p->at < p->n_words);
		grammar = name + len;
		grammar += strspn(grammar, ".] ");
	}
	return p->at == p->n_words;
}

/* What no single operand can see. */
static bool check_step(struct iu_parser *p, struct iu_step *s)
{
	if (s->action == IU_DO_SOCKET) {
		unsigned families = s->kinds & (IU_KIND_V4 | IU_KIND_V6);

		if (p->exp->runs == 0 && families != IU_KIND_V4 && families != IU_KIND_V6)
			return iu_parse_wrong(p, _("say which it is: socket NAME ipv4, or socket NAME ipv6"));
		if (p->exp->runs != 0 && families != 0)
			return iu_parse_wrong(p, _("a file that says runs leaves the family to the run"));
		if (families == IU_KIND_V6)
			iu_parse_need(p, IU_NEED_IPV6);
	}
	if (s->action == IU_DO_NAMESPACE && (p->n_steps_before > 0))
		return iu_parse_wrong(p, _("the namespace comes first: no step may stand above it"));
	if (s->action == IU_DO_PEER)
		s->without_timestamps = p->n_words > 5;
	if (s->action == IU_DO_ADDRESS)
		s->tentative = p->n_words > 3;
	if (s->tentative && s->at.addr.family != 6)
		return iu_parse_wrong(p, _("only an IPv6 address can be tentative"));
	if (s->action == IU_DO_SET && iu_sockopts[s->option].value != 0 && p->n_words == 3)
		return iu_parse_wrong(p, _("the value of %s is missing"), iu_sockopts[s->option].name);
	if (p->exp->runs != 0 && (s->action == IU_DO_ADDRESS || s->action == IU_DO_ROUTE || (s->action == IU_DO_DEVICE && p->n_words > 2)))
		return iu_parse_wrong(p, _("a file that says runs writes no addresses"));
	return true;
}

/* The words that begin a line, for who misspells one: those of the head are missing at the top then. */
static const char *word_at(size_t i)
{
	static const char *const head[] = {"shows", "because", "covers", "needs", "runs", "cases", NULL};

	return i < N_ROWS ? rows[i].word : head[i - N_ROWS];
}

bool iu_parse_step(struct iu_parser *p, struct iu_step *step)
{
	const struct row *row = row_of(p->words[0]);

	if (row == NULL)
		return iu_parse_unknown(p, p->words[0], _("is no step (see inuse-lab(5))"), word_at);
	step->action = row->action;
	step->number = step->action == IU_DO_LISTEN ? 128 : 0;
	p->at = 1;
	if (!take_operands(p, step, row->grammar))
		return usage(p, row);
	iu_parse_need(p, row->needs);
	return check_step(p, step);
}
