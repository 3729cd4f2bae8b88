/* SPDX-License-Identifier: MIT */
/* Reading the head of an experiment: what it shows, covers and needs, in which families it runs, and its table of cases. */
#include <stdio.h>
#include <string.h>

#include "base/gettext.h"
#include "base/parse.h"
#include "base/text.h"
#include "lab/parse.h"

/* What follows the first word of line i, and the indented lines below, as one text. */
static const char *take_text(struct iu_parser *p, const struct iu_exp_file *f, size_t i, size_t max)
{
	const char *first = f->lines[i].text + strcspn(f->lines[i].text, " \t");
	struct iu_text t = {0};
	char *copy = NULL;

	iu_text_add(&t, first + strspn(first, " \t"));
	for (size_t k = 1; k <= iu_parse_continued(f, i); k++) {
		if (t.len > 0)
			iu_text_add(&t, " ");
		iu_text_add(&t, f->lines[i + k].text);
	}
	if (t.data == NULL || t.len == 0)
		iu_parse_wrong(p, _("the text is missing"));
	else if (t.len > max)
		iu_parse_wrong(p, _("the text is longer than %zu characters"), max);
	else
		copy = iu_parse_string(p, t.data, t.len);
	iu_text_done(&t);
	return copy;
}

static bool read_shows(struct iu_parser *p, struct iu_exp_file *f, size_t i)
{
	const char *text = take_text(p, f, i, 300);
	size_t len = text != NULL ? strlen(text) : 0;

	p->exp->shows = text;
	if (len > 0 && strchr(".?!", text[len - 1]) == NULL)
		return iu_parse_wrong(p, _("shows takes a sentence; it ends with a full stop"));
	return text != NULL;
}

static bool read_because(struct iu_parser *p, struct iu_exp_file *f, size_t i)
{
	p->exp->because = take_text(p, f, i, 2000);
	return p->exp->because != NULL;
}

static bool read_covers(struct iu_parser *p, struct iu_exp_file *f, size_t i)
{
	p->exp->covers = take_text(p, f, i, 600);
	return p->exp->covers != NULL;
}

/* The words of line i behind the first, and of the indented lines below it: fn for each. */
static bool each_word(struct iu_parser *p, struct iu_exp_file *f, size_t i, bool (*fn)(struct iu_parser *p, const char *word))
{
	char *text = (char *)take_text(p, f, i, 600);

	if (text == NULL || !iu_parse_words(p, text))
		return false;
	for (size_t k = 0; k < p->n_words; k++)
		if (!fn(p, p->words[k]))
			return false;
	return true;
}

bool iu_parse_kernel(const char *text, uint32_t *ret)
{
	size_t len = strcspn(text, ".");
	uint64_t major, minor;
	char only[24];

	if (text[len] == 0 || !iu_parse_u64_n(text, len, 1, 999, &major) || !iu_parse_u64(text + len + 1, 0, 999, &minor))
		return false;
	*ret = (uint32_t)(major << 16 | minor);
	snprintf(only, sizeof(only), "%llu.%llu", (unsigned long long)major, (unsigned long long)minor);
	return strcmp(text, only) == 0;
}

static bool take_need(struct iu_parser *p, const char *word)
{
	size_t need = iu_parse_index(iu_need_names, IU_N_NEEDS, word);
	char shown[64];

	if (strncmp(word, "linux-", 6) == 0 && p->exp->kernel == 0 && iu_parse_kernel(word + 6, &p->exp->kernel))
		return true;
	if (need == IU_N_NEEDS)
		return iu_parse_wrong(p, _("needs \"%s\" is not known: second-user, device, mptcp, repair, ipv6, evict, patience, wire, "
					   "landlock, linux-6.8"), iu_escape(word, shown, sizeof(shown)));
	if ((p->exp->needs & (1u << need)) != 0)
		return iu_parse_wrong(p, _("%s is said twice"), word);
	if (p->exp->needs >= 1u << need || p->exp->kernel != 0)
		return iu_parse_wrong(p, _("%s stands too late: second-user, device, mptcp, repair, ipv6, evict, patience, wire, landlock, "
					   "linux-6.8 is the order"), word);
	p->exp->needs |= 1u << need;
	return true;
}

static bool read_needs(struct iu_parser *p, struct iu_exp_file *f, size_t i)
{
	f->needs_line = f->lines[i].number;
	return each_word(p, f, i, take_need);
}

static bool take_run(struct iu_parser *p, const char *word)
{
	size_t run = iu_parse_index(iu_run_names, IU_N_RUNS, word);
	char shown[64];

	if (run == IU_N_RUNS || run == IU_RUN_AS_WRITTEN)
		return iu_parse_wrong(p, _("runs \"%s\" is not known: ipv4, ipv6, mapped"), iu_escape(word, shown, sizeof(shown)));
	if ((p->exp->runs & (1u << run)) != 0)
		return iu_parse_wrong(p, _("%s is said twice"), word);
	if (p->exp->runs >= 1u << run)
		return iu_parse_wrong(p, _("%s stands too late: ipv4, ipv6, mapped is the order"), word);
	p->exp->runs |= 1u << run;
	return true;
}

static bool read_runs(struct iu_parser *p, struct iu_exp_file *f, size_t i)
{
	return each_word(p, f, i, take_run);
}

size_t iu_parse_cells(struct iu_parser *p, char *text, char *cells[IU_PARSE_COLUMNS])
{
	size_t n = 0;

	for (char *next = text; next != NULL;) {
		char *cell = next, *bar = strchr(cell, '|'), *end;

		if (n == IU_PARSE_COLUMNS)
			return iu_parse_wrong(p, _("a table has at most %d columns"), IU_PARSE_COLUMNS);
		next = bar != NULL ? bar + 1 : NULL;
		end = bar != NULL ? bar : cell + strlen(cell);
		while (cell < end && (*cell == ' ' || *cell == '\t'))
			cell++;
		while (end > cell && (end[-1] == ' ' || end[-1] == '\t'))
			end--;
		*end = 0;
		cells[n++] = cell;
	}
	return n;
}

static bool read_cases(struct iu_parser *p, struct iu_exp_file *f, size_t i)
{
	char *text = f->lines[i].text + strcspn(f->lines[i].text, " \t");

	f->cases_line = f->lines[i].number;
	f->rows = i + 1;
	f->n_rows = iu_parse_continued(f, i);
	f->n_columns = iu_parse_cells(p, text, f->columns);
	if (f->n_columns == 0)
		return false;
	if (f->n_columns < 2 || strcmp(f->columns[0], "covers") != 0)
		return iu_parse_wrong(p, _("write: cases covers | $NAME | ... with a row for each case below, indented"));
	for (size_t k = 1; k < f->n_columns; k++) {
		char shown[64];

		if (f->columns[k][0] != '$' || !iu_parse_is_name(f->columns[k] + 1))
			return iu_parse_wrong(p, _("\"%s\" is not the name of a column, such as $old"),
					      iu_escape(f->columns[k], shown, sizeof(shown)));
		for (size_t j = 1; j < k; j++)
			if (strcmp(f->columns[j], f->columns[k]) == 0)
				return iu_parse_wrong(p, _("two columns are called %s"), f->columns[k]);
	}
	if (f->n_rows == 0 || f->n_rows > IU_EXP_MAX_CASES)
		return iu_parse_wrong(p, _("a table has 1 to %d rows, indented, below its headings"), IU_EXP_MAX_CASES);
	return true;
}

/* In the order in which they are to be written. */
static const struct {
	const char *word;
	bool (*read)(struct iu_parser *p, struct iu_exp_file *f, size_t i);
} heads[] = {{"shows", read_shows}, {"because", read_because}, {"covers", read_covers},
	     {"needs", read_needs}, {"runs", read_runs},       {"cases", read_cases}};
#define N_HEADS (sizeof(heads) / sizeof(heads[0]))

static size_t head_of(const char *text)
{
	size_t i = 0, len = strcspn(text, " \t");

	while (i < N_HEADS && (strlen(heads[i].word) != len || strncmp(heads[i].word, text, len) != 0))
		i++;
	return i;
}

bool iu_parse_is_head(const char *text)
{
	return head_of(text) < N_HEADS;
}

bool iu_parse_head(struct iu_parser *p, struct iu_exp_file *f)
{
	size_t i = 0, next = 0;

	for (; i < f->n && head_of(f->lines[i].text) < N_HEADS && !f->lines[i].indented; i += 1 + iu_parse_continued(f, i)) {
		size_t head = head_of(f->lines[i].text);

		p->line = f->lines[i].number;
		if (head < next)
			return iu_parse_wrong(p, _("%s stands twice or too late: shows, because, covers, needs, runs, cases is the "
						   "order, each once"), heads[head].word);
		if (next == 0 && head != 0)
			break;
		if (!heads[head].read(p, f, i))
			return false;
		next = head + 1;
	}
	p->line = i < f->n ? f->lines[i].number : p->line;
	if (p->exp->shows == NULL)
		return iu_parse_wrong(p, _("an experiment begins with: shows SENTENCE."));
	if (i == f->n)
		return iu_parse_wrong(p, _("there are no steps"));
	f->steps = i;
	return true;
}
