/* SPDX-License-Identifier: MIT */
/* Reading what is expected of a step: the system, the outcome, and how that is known. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/gettext.h"
#include "base/text.h"
#include "lab/parse.h"
#include "say/names.h"
#include "sim/peer.h"

/* Where the rank stands among the words; n_words: nowhere. *ret_colon: a source follows. */
static size_t find_rank(const struct iu_parser *p, enum iu_rank *ret_rank, bool *ret_colon)
{
	for (size_t i = p->at; i < p->n_words; i++) {
		size_t len = strcspn(p->words[i], ":");

		for (size_t r = 0; r < IU_N_RANKS; r++)
			if (strlen(iu_rank_names[r]) == len && strncmp(iu_rank_names[r], p->words[i], len) == 0 &&
			    (p->words[i][len] == 0 || p->words[i][len + 1] == 0)) {
				*ret_rank = (enum iu_rank)r;
				*ret_colon = p->words[i][len] == ':';
				return i;
			}
	}
	return p->n_words;
}

static const char *join(struct iu_parser *p, size_t from, size_t to)
{
	struct iu_text t = {0};
	const char *joined;

	for (size_t i = from; i < to; i++)
		iu_text_addf(&t, "%s%s", i > from ? " " : "", p->words[i]);
	joined = iu_parse_string(p, t.data ? t.data : "", t.len);
	iu_text_done(&t);
	return joined;
}

/* Errors beyond the model's own, which data and odd calls bring. */
static const char *const other_results[] = {"ECONNRESET", "EPIPE",    "EAGAIN", "EINPROGRESS", "ENOTCONN",
					    "ECONNABORTED", "EPROTO", "end",    "undocumented"};

static bool is_result(const char *word)
{
	size_t n = sizeof(other_results) / sizeof(other_results[0]);
	uint32_t value;

	return iu_parse_index(other_results, n, word) < n ||
	       (iu_name_find(iu_names_result, word, strlen(word), &value) && strcmp(iu_say_result((enum inuse_result)value), word) == 0);
}

/* "LISTEN, 2 TIME-WAIT", "nothing"; into ret_only as look prints it. */
static bool are_states(const char *outcome, char *ret_only, size_t size)
{
	unsigned of[INUSE_N_STATES] = {0};
	char text[200], *save = NULL;

	snprintf(text, sizeof(text), "%s", strcmp(outcome, "nothing") != 0 ? outcome : "");
	for (char *one = strtok_r(text, ",", &save); one != NULL; one = strtok_r(NULL, ",", &save)) {
		char *name = one + strspn(one, " 0123456789");
		uint64_t n = strtoull(one, NULL, 10);
		uint32_t state;

		if (!iu_name_find(iu_names_state, name, strlen(name), &state) || strcmp(iu_say_state((enum inuse_state)state), name) != 0)
			return false;
		of[state] += n > 1 ? (unsigned)(n < 10000 ? n : 10000) : 1;
	}
	iu_state_counts_text(of, ret_only, size);
	return outcome[0] != 0;
}

static bool is_port(const char *outcome)
{
	struct iu_range range;
	const char *rest;
	char only[24];

	if (!iu_lab_range(outcome, &range, &rest))
		return strcmp(outcome, "odd") == 0 || strcmp(outcome, "even") == 0;
	snprintf(only, sizeof(only), range.first == range.last ? "%u" : "%u-%u", range.first, range.last);
	return strcmp(outcome, only) == 0;
}

static bool is_packet(const char *outcome)
{
	static const uint8_t flags[] = {IU_SYN | IU_ACK, IU_ACK, IU_FIN | IU_ACK, IU_RST, IU_RST | IU_ACK};
	char text[24];

	for (size_t i = 0; i < sizeof(flags); i++)
		if (strcmp(iu_flags_text(flags[i], text), outcome) == 0)
			return true;
	return strcmp(outcome, "nothing") == 0;
}

static bool is_time(const char *outcome)
{
	size_t digits = strspn(outcome, "0123456789");

	return strcmp(outcome, "nothing") == 0 || strcmp(outcome, "unlimited") == 0 ||
	       (digits > 0 && digits < 6 && (outcome[0] != '0' || digits == 1) && strcmp(outcome + digits, " s") == 0);
}

static bool check_outcome(struct iu_parser *p, const struct iu_step *step, const char *outcome)
{
	char shown[64], only[300];

	iu_escape(outcome, shown, sizeof(shown));
	switch (step->action) {
	case IU_DO_LOOK:
		if (!are_states(outcome, only, sizeof(only)))
			return iu_parse_wrong(p, _("\"%s\" is no list of states, such as LISTEN, 2 TIME-WAIT, or nothing"), shown);
		return iu_parse_written(p, outcome, only);
	case IU_DO_LEFT:
		return is_time(outcome) || strcmp(outcome, "undocumented") == 0 || iu_parse_wrong(p, _("\"%s\" is no time, such as 60 s, unlimited or nothing"), shown);
	case IU_DO_SEND:
		return is_packet(outcome) || iu_parse_wrong(p, _("\"%s\" is no answer to a packet, such as SYN,ACK, or nothing"), shown);
	case IU_DO_PORT:
		return is_port(outcome) || iu_parse_wrong(p, _("\"%s\" is no port, such as 5000, 20000-20009, odd or even"), shown);
	default:
		return is_result(outcome) || iu_parse_wrong(p, _("\"%s\" is no outcome of a call: OK or an error such as EADDRINUSE"),
							    shown);
	}
}

/* An outcome of kernels that lack something (src/model/features.def). */
static bool take_without(struct iu_parser *p, struct iu_expect *e)
{
	const char *feature = p->at + 1 < p->n_words ? p->words[p->at + 1] : "";

	if (p->at == p->n_words || strcmp(p->words[p->at], "without") != 0)
		return true;
	if (!iu_name_find(iu_names_feature, feature, strlen(feature), &e->without))
		return iu_parse_wrong(p, _("without takes what kernels differ in, as inuse --version lists it, such as owners-by-addr"));
	p->at += 2;
	if (!iu_parse_written(p, feature, iu_name_of(iu_names_feature, e->without)))
		return false;
	return e->os == IU_OS_LINUX || iu_parse_wrong(p, _("without is for linux alone"));
}

bool iu_parse_expect(struct iu_parser *p, const struct iu_step *step, struct iu_expect *e)
{
	size_t os = iu_parse_index(iu_os_names, IU_N_OS, p->words[0]), rank;
	bool colon = false;

	if (os == IU_N_OS)
		return iu_parse_wrong_word(p, p->words[0], _("is no system: linux, windows, freebsd or macos, its outcome and its rank"));
	*e = (struct iu_expect){.os = (enum iu_os)os, .line = p->line};
	p->at = 1;
	if (!take_without(p, e))
		return false;
	rank = find_rank(p, &e->rank, &colon);
	if (rank == p->n_words || rank == p->at)
		return iu_parse_wrong(p, _("write: SYSTEM OUTCOME live, or SYSTEM OUTCOME documented: SOURCE (recorded:, reasoned:)"));
	e->outcome = join(p, p->at, rank);
	e->source = join(p, rank + 1, p->n_words);
	if (e->outcome == NULL || e->source == NULL)
		return false;
	if (e->rank == IU_RANK_LIVE && (e->os != IU_OS_LINUX || e->without != 0))
		return iu_parse_wrong(p, _("live is for linux as it runs here; the others are recorded, documented or reasoned"));
	if ((e->rank == IU_RANK_LIVE) != !colon || (colon && e->source[0] == 0) || (!colon && e->source[0] != 0))
		return iu_parse_wrong(p, _("live takes nothing behind it; every other rank a colon and where it is from"));
	return check_outcome(p, step, e->outcome);
}
