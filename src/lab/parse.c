/* SPDX-License-Identifier: MIT */
/*
 * Reading an experiment: its statements, and each case with its words filled in.
 *
 * Theory of operation
 *
 * The text becomes *statements*: a line that begins in the first column and the indented lines below it. The head comes first,
 * each kind of statement at most once and in one order; then the steps. Each case is read as if it had been written out: its
 * words take the places of the $names, a line in which one of them is "-" is left out, and all checks are made anew.
 */
#include "lab/parse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/gettext.h"
#include "base/text.h"

/* Where the name of a column ends. */
static size_t name_len(const char *s)
{
	return 1 + strspn(s + 1, "abcdefghijklmnopqrstuvwxyz0123456789-");
}

/*
 * The line with the words of this case filled in. *ret NULL: it is left out. False: there is no such column, or no memory.
 */
static bool fill_in(struct iu_parser *p, struct iu_exp_file *f, const char *text, char *const *cells, char **ret)
{
	struct iu_text t = {0};
	bool left_out = false, ok = true;
	char shown[64];

	while (*text != 0 && ok) {
		size_t plain = strcspn(text, "$"), column = 1, len;

		iu_text_add_n(&t, text, plain);
		text += plain;
		if (*text == 0)
			break;
		len = name_len(text);
		while (column < f->n_columns && (strlen(f->columns[column]) != len || strncmp(f->columns[column], text, len) != 0))
			column++;
		if (column >= f->n_columns) {
			snprintf(shown, sizeof(shown), "%.*s", (int)(len < 40 ? len : 40), text);
			ok = iu_parse_wrong(p, f->n_columns > 0 ? _("no column of the table of cases is called %s")
								: _("there is no table for %s; cases covers | $NAME begins one"), shown);
			break;
		}
		f->column_used[column] = true;
		left_out |= strcmp(cells[column], "-") == 0;
		iu_text_add(&t, cells[column]);
		text += len;
	}
	*ret = NULL;
	if (ok && t.len > 2 * IU_EXP_MAX_LINE)
		ok = iu_parse_wrong(p, _("with the words of the case the line becomes too long"));
	if (ok && !left_out) {
		*ret = iu_parse_string(p, t.data ? t.data : "", t.len);
		ok = *ret != NULL;
	}
	iu_text_done(&t);
	return ok;
}

/* The expectations below line i. */
static bool read_expects(struct iu_parser *p, struct iu_exp_file *f, size_t i, char *const *cells, struct iu_step *step)
{
	size_t n = iu_parse_continued(f, i);
	struct iu_expect *list = n > 0 ? iu_parse_alloc(p, n * sizeof(*list)) : NULL;

	step->expects = list;
	for (size_t k = 1; k <= n; k++) {
		char *text;

		p->line = f->lines[i + k].number;
		if (list == NULL || !fill_in(p, f, f->lines[i + k].text, cells, &text))
			return false;
		if (text == NULL)
			continue;
		if (!iu_parse_words(p, text) || !iu_parse_expect(p, step, &list[step->n_expects]))
			return false;
		for (size_t j = 0; j < step->n_expects; j++)
			if (list[j].os == list[step->n_expects].os && list[j].without == list[step->n_expects].without)
				return iu_parse_wrong(p, _("%s is spoken of twice"), iu_os_names[list[j].os]);
		p->exp->speaks_of |= 1u << list[step->n_expects].os;
		step->n_expects++;
	}
	return true;
}

static bool read_step(struct iu_parser *p, struct iu_exp_file *f, size_t i, char *const *cells, struct iu_exp_case *c)
{
	struct iu_step *step = (struct iu_step *)&c->steps[c->n_steps];
	char *text;

	p->line = f->lines[i].number;
	if (iu_parse_is_head(f->lines[i].text))
		return iu_parse_wrong(p, _("%.*s belongs above the steps, in the order shows, because, covers, needs, runs, cases"),
				      (int)strcspn(f->lines[i].text, " \t"), f->lines[i].text);
	if (!fill_in(p, f, f->lines[i].text, cells, &text))
		return false;
	if (text == NULL)
		return true;
	if (++p->n_steps > IU_EXP_MAX_STEPS)
		return iu_parse_wrong(p, _("all cases together have more than %d steps"), IU_EXP_MAX_STEPS);
	*step = (struct iu_step){.line = p->line};
	step->text = iu_parse_string(p, text, strlen(text));
	p->n_steps_before = c->n_steps;
	if (step->text == NULL || !iu_parse_words(p, text) || !iu_parse_step(p, step) || !read_expects(p, f, i, cells, step))
		return false;
	c->n_steps++;
	return true;
}

static size_t count_steps(const struct iu_exp_file *f)
{
	size_t n = 0;

	for (size_t i = f->steps; i < f->n; i++)
		n += !f->lines[i].indented;
	return n;
}

static bool says_something(const struct iu_exp_case *c)
{
	for (size_t i = 0; i < c->n_steps; i++)
		if (c->steps[i].n_expects > 0)
			return true;
	return false;
}

static bool read_case(struct iu_parser *p, struct iu_exp_file *f, char *const *cells, struct iu_exp_case *c)
{
	size_t n = count_steps(f);
	struct iu_text label = {0};

	memset(p->sockets, 0, sizeof(p->sockets));
	memset(p->processes, 0, sizeof(p->processes));
	memset(p->peers, 0, sizeof(p->peers));
	p->n_devices = 0;
	p->waited_ns = 0;
	c->covers = f->n_columns > 0 && strcmp(cells[0], "-") != 0 ? iu_parse_string(p, cells[0], strlen(cells[0])) : "";
	for (size_t k = 1; k < f->n_columns; k++)
		iu_text_addf(&label, "%s%s: %s", k > 1 ? "; " : "", f->columns[k] + 1, strcmp(cells[k], "-") == 0 ? "none" : cells[k]);
	c->label = label.len > 0 ? iu_parse_string(p, label.data, label.len) : "";
	iu_text_done(&label);
	c->steps = iu_parse_alloc(p, n * sizeof(*c->steps));
	if (c->covers == NULL || c->label == NULL || c->steps == NULL)
		return false;
	for (size_t i = f->steps; i < f->n; i += 1 + iu_parse_continued(f, i))
		if (!read_step(p, f, i, cells, c))
			return false;
	if (!says_something(c))
		return iu_parse_wrong(p, _("no step says what is expected; write below a step, indented: linux EADDRINUSE live"));
	return true;
}

static bool read_all_cases(struct iu_parser *p, struct iu_exp_file *f)
{
	size_t n = f->n_rows > 0 ? f->n_rows : 1;
	struct iu_exp_case *cases;
	char nothing[1] = "", *cells[IU_PARSE_COLUMNS];

	for (size_t k = 0; k < IU_PARSE_COLUMNS; k++)
		cells[k] = nothing;
	if (n * count_steps(f) > IU_EXP_MAX_STEPS)
		return iu_parse_wrong(p, _("all cases together have more than %d steps"), IU_EXP_MAX_STEPS);
	cases = iu_parse_alloc(p, n * sizeof(*cases));
	p->exp->cases = cases;
	for (size_t row = 0; cases != NULL && row < n; row++) {
		if (f->n_rows > 0) {
			size_t n_cells;

			p->line = f->lines[f->rows + row].number;
			n_cells = iu_parse_cells(p, f->lines[f->rows + row].text, cells);
			if (n_cells != f->n_columns)
				return iu_parse_wrong(p, _("the row has %zu cells, the table %zu columns"), n_cells, f->n_columns);
			for (size_t k = 0; k < n_cells; k++)
				if (cells[k][0] == 0)
					return iu_parse_wrong(p, _("cell %zu is empty; \"-\" leaves its lines out"), k + 1);
		}
		if (!read_case(p, f, cells, &cases[row]))
			return false;
		p->exp->n_cases++;
	}
	return cases != NULL;
}

/* What the steps need has to be said in the head, and nothing else. */
static bool check_needs(struct iu_parser *p, const struct iu_exp_file *f)
{
	for (size_t k = 1; k < f->n_columns; k++)
		if (!f->column_used[k]) {
			p->line = f->cases_line;
			return iu_parse_wrong(p, _("no step uses %s"), f->columns[k]);
		}
	for (unsigned i = 0; i < IU_N_NEEDS; i++) {
		bool used = (p->used & (1u << i)) != 0, said = (p->exp->needs & (1u << i)) != 0;

		p->line = used ? p->used_line[i] : f->needs_line;
		if (used && !said)
			return iu_parse_wrong(p, _("this works only with \"needs %s\" in the head"), iu_need_names[i]);
		if (!used && said)
			return iu_parse_wrong(p, _("no step needs %s"), iu_need_names[i]);
	}
	return true;
}

enum inuse_status iu_exp_parse(const char *name, const char *text, size_t len, struct iu_exp **ret,
			       struct inuse_error *error)
{
	struct iu_parser p = {.name = name, .error = error, .line = 1};
	struct iu_exp_file *f = calloc(1, sizeof(*f));

	p.exp = calloc(1, sizeof(*p.exp));
	if (f == NULL || p.exp == NULL) {
		free(f);
		free(p.exp);
		return iu_fail(error, INUSE_E_MEMORY, 0, NULL, _("out of memory"));
	}
	p.exp->because = p.exp->covers = "";
	p.exp->name = iu_parse_string(&p, name, strlen(name));
	if (len > IU_EXP_MAX_BYTES)
		iu_parse_wrong(&p, _("an experiment has at most %d bytes"), IU_EXP_MAX_BYTES);
	else if (iu_parse_lines(&p, f, text, len) && iu_parse_head(&p, f) && read_all_cases(&p, f))
		check_needs(&p, f);
	free(f);
	if (p.status == INUSE_OK) {
		*ret = p.exp;
		return INUSE_OK;
	}
	iu_exp_free(p.exp);
	return p.status;
}
