/* SPDX-License-Identifier: MIT */
/*
 * Reading an experiment: lines, the head, the table of cases, and each case with its words filled in.
 *
 * Theory of operation
 *
 * The text becomes *statements*: a line that begins in the first column and the indented lines below it. The head comes first,
 * each kind of statement at most once and in one order; then the steps. Each case is read as if it had been written out: its
 * words take the places of the $names, a line in which one of them is "-" is left out, and all checks are made anew.
 */
#include "lab/parse.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/gettext.h"
#include "base/parse.h"
#include "base/text.h"

#define MAX_LINES 4000
#define MAX_COLUMNS 12
#define BLOCK 16384

struct iu_exp_block {
	struct iu_exp_block *next;
	size_t used, size;
	_Alignas(16) char data[];
};

struct line {
	unsigned number;
	bool indented;
	char *text; /* without blanks at either end */
};

struct file {
	struct line lines[MAX_LINES];
	size_t n;
	/* the table of cases */
	size_t rows, n_rows;             /* which lines */
	unsigned cases_line;
	char *columns[MAX_COLUMNS];
	bool column_used[MAX_COLUMNS];
	size_t n_columns;
	unsigned needs_line;
	size_t steps;                    /* the first line of the steps */
};

bool iu_parse_wrong(struct iu_parser *p, const char *format, ...)
{
	char text[200], file[80];
	va_list ap;

	if (p->status != INUSE_OK)
		return false;
	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	p->status = iu_fail(p->error, INUSE_E_INPUT, 0, NULL, "%s:%u: %s", iu_escape(p->name, file, sizeof(file)), p->line, text);
	return false;
}

void *iu_parse_alloc(struct iu_parser *p, size_t size)
{
	struct iu_exp_block *block = p->exp->blocks;

	size = (size + 15) & ~(size_t)15;
	if (block == NULL || block->size - block->used < size) {
		size_t room = size > BLOCK ? size : BLOCK;

		block = calloc(1, sizeof(*block) + room);
		if (block == NULL) {
			if (p->status == INUSE_OK)
				p->status = iu_fail(p->error, INUSE_E_MEMORY, 0, NULL, _("out of memory"));
			return NULL;
		}
		block->size = room;
		block->next = p->exp->blocks;
		p->exp->blocks = block;
	}
	block->used += size;
	return block->data + block->used - size;
}

char *iu_parse_string(struct iu_parser *p, const char *text, size_t len)
{
	char *copy = iu_parse_alloc(p, len + 1);

	if (copy != NULL)
		memcpy(copy, text, len);
	return copy;
}

void iu_exp_free(struct iu_exp *exp)
{
	struct iu_exp_block *block = exp != NULL ? exp->blocks : NULL;

	while (block != NULL) {
		struct iu_exp_block *next = block->next;

		free(block);
		block = next;
	}
	free(exp);
}

bool iu_parse_wrong_word(struct iu_parser *p, const char *word, const char *is)
{
	char shown[64];

	return iu_parse_wrong(p, "\"%s\" %s", iu_escape(word, shown, sizeof(shown)), is);
}

bool iu_parse_is_name(const char *word)
{
	size_t len = strlen(word);

	return len >= 1 && len <= 15 && word[0] >= 'a' && word[0] <= 'z' &&
	       strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

size_t iu_parse_index(const char *const *names, size_t n, const char *word)
{
	size_t i = 0;

	while (i < n && strcmp(names[i], word) != 0)
		i++;
	return i;
}

/* ------------------------------------------------------------------------------------------------ lines */

/* Cuts the text into lines; comments and empty ones are left out. */
static bool take_lines(struct iu_parser *p, struct file *f, const char *text, size_t len)
{
	for (size_t at = 0, number = 1; at < len; number++) {
		const char *end = memchr(text + at, '\n', len - at);
		size_t length = end != NULL ? (size_t)(end - text) - at : len - at, start = 0;
		const char *line = text + at;

		p->line = (unsigned)number;
		at += length + 1;
		if (length > IU_EXP_MAX_LINE)
			return iu_parse_wrong(p, _("the line is longer than %d characters"), IU_EXP_MAX_LINE);
		for (size_t i = 0, step; i < length; i += step) {
			int32_t code;

			step = iu_utf8_next(line + i, length - i, &code);
			if (code < 0 || (code < ' ' && code != '\t') || code == 127)
				return iu_parse_wrong(p, _("column %zu is not text (UTF-8 without control characters)"), i + 1);
		}
		while (length > 0 && (line[length - 1] == ' ' || line[length - 1] == '\t'))
			length--;
		while (start < length && (line[start] == ' ' || line[start] == '\t'))
			start++;
		if (start == length || line[start] == '#')
			continue;
		if (f->n == MAX_LINES)
			return iu_parse_wrong(p, _("there are more than %d lines"), MAX_LINES);
		f->lines[f->n] = (struct line){(unsigned)number, start > 0, iu_parse_string(p, line + start, length - start)};
		if (f->lines[f->n++].text == NULL)
			return false;
	}
	return true;
}

/* How many indented lines follow line i. */
static size_t continued(const struct file *f, size_t i)
{
	size_t n = 0;

	while (i + 1 + n < f->n && f->lines[i + 1 + n].indented)
		n++;
	return n;
}

/* Cuts text, which is written to, into the words of the parser. */
static bool take_words(struct iu_parser *p, char *text)
{
	char *save = NULL;

	p->n_words = p->at = 0;
	for (char *word = strtok_r(text, " \t", &save); word != NULL; word = strtok_r(NULL, " \t", &save)) {
		if (p->n_words == IU_PARSE_WORDS)
			return iu_parse_wrong(p, _("there are more than %d words in the line"), IU_PARSE_WORDS);
		p->words[p->n_words++] = word;
	}
	return true;
}

/* ------------------------------------------------------------------------------------------------ the head */

/* What follows the first word of line i, and the indented lines below, as one text. */
static const char *take_text(struct iu_parser *p, const struct file *f, size_t i, size_t max)
{
	const char *first = f->lines[i].text + strcspn(f->lines[i].text, " \t");
	struct iu_text t = {0};
	char *copy = NULL;

	iu_text_add(&t, first + strspn(first, " \t"));
	for (size_t k = 1; k <= continued(f, i); k++) {
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

static bool read_shows(struct iu_parser *p, struct file *f, size_t i)
{
	const char *text = take_text(p, f, i, 300);
	size_t len = text != NULL ? strlen(text) : 0;

	p->exp->shows = text;
	if (len > 0 && strchr(".?!", text[len - 1]) == NULL)
		return iu_parse_wrong(p, _("shows takes a sentence; it ends with a full stop"));
	return text != NULL;
}

static bool read_because(struct iu_parser *p, struct file *f, size_t i)
{
	p->exp->because = take_text(p, f, i, 2000);
	return p->exp->because != NULL;
}

static bool read_covers(struct iu_parser *p, struct file *f, size_t i)
{
	p->exp->covers = take_text(p, f, i, 600);
	return p->exp->covers != NULL;
}

/* The words of line i behind the first, and of the indented lines below it: fn for each. */
static bool each_word(struct iu_parser *p, struct file *f, size_t i, bool (*fn)(struct iu_parser *p, const char *word))
{
	char *text = (char *)take_text(p, f, i, 600);

	if (text == NULL || !take_words(p, text))
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

	if (text[len] == 0 || !iu_parse_u64_n(text, len, 1, 999, &major) || !iu_parse_u64(text + len + 1, 0, 999, &minor))
		return false;
	*ret = (uint32_t)(major << 16 | minor);
	return true;
}

static bool take_need(struct iu_parser *p, const char *word)
{
	size_t need = iu_parse_index(iu_need_names, IU_N_NEEDS, word);
	char shown[64];

	if (strncmp(word, "linux-", 6) == 0 && p->exp->kernel == 0 && iu_parse_kernel(word + 6, &p->exp->kernel))
		return true;
	if (need == IU_N_NEEDS)
		return iu_parse_wrong(p, _("needs \"%s\" is not known: second-user, device, mptcp, repair, ipv6, evict, patience, "
					   "linux-6.8"), iu_escape(word, shown, sizeof(shown)));
	if ((p->exp->needs & (1u << need)) != 0)
		return iu_parse_wrong(p, _("%s is said twice"), word);
	p->exp->needs |= 1u << need;
	return true;
}

static bool read_needs(struct iu_parser *p, struct file *f, size_t i)
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
	p->exp->runs |= 1u << run;
	return true;
}

static bool read_runs(struct iu_parser *p, struct file *f, size_t i)
{
	return each_word(p, f, i, take_run);
}

/* Cuts a row of the table at its bars, in place. The number of cells, 0 and the error said when there are too many. */
static size_t take_cells(struct iu_parser *p, char *text, char *cells[MAX_COLUMNS])
{
	size_t n = 0;

	for (char *next = text; next != NULL;) {
		char *cell = next, *bar = strchr(cell, '|'), *end;

		if (n == MAX_COLUMNS)
			return iu_parse_wrong(p, _("a table has at most %d columns"), MAX_COLUMNS);
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

static bool read_cases(struct iu_parser *p, struct file *f, size_t i)
{
	char *text = f->lines[i].text + strcspn(f->lines[i].text, " \t");

	f->cases_line = f->lines[i].number;
	f->rows = i + 1;
	f->n_rows = continued(f, i);
	f->n_columns = take_cells(p, text, f->columns);
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
	bool (*read)(struct iu_parser *p, struct file *f, size_t i);
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

static bool read_head(struct iu_parser *p, struct file *f)
{
	size_t i = 0, next = 0;

	for (; i < f->n && head_of(f->lines[i].text) < N_HEADS && !f->lines[i].indented; i += 1 + continued(f, i)) {
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

/* ------------------------------------------------------------------------------------------------ cases */

/* Where the name of a column ends. */
static size_t name_len(const char *s)
{
	return 1 + strspn(s + 1, "abcdefghijklmnopqrstuvwxyz0123456789-");
}

/*
 * The line with the words of this case filled in. *ret NULL: it is left out. False: there is no such column, or no memory.
 */
static bool fill_in(struct iu_parser *p, struct file *f, const char *text, char *const *cells, char **ret)
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
			ok = iu_parse_wrong(p, _("no column of the table of cases is called %s"), shown);
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
static bool read_expects(struct iu_parser *p, struct file *f, size_t i, char *const *cells, struct iu_step *step)
{
	size_t n = continued(f, i);
	struct iu_expect *list = n > 0 ? iu_parse_alloc(p, n * sizeof(*list)) : NULL;

	step->expects = list;
	for (size_t k = 1; k <= n; k++) {
		char *text;

		p->line = f->lines[i + k].number;
		if (list == NULL || !fill_in(p, f, f->lines[i + k].text, cells, &text))
			return false;
		if (text == NULL)
			continue;
		if (!take_words(p, text) || !iu_parse_expect(p, step, &list[step->n_expects]))
			return false;
		for (size_t j = 0; j < step->n_expects; j++)
			if (list[j].os == list[step->n_expects].os && list[j].before == list[step->n_expects].before)
				return iu_parse_wrong(p, _("%s is spoken of twice"), iu_os_names[list[j].os]);
		p->exp->speaks_of |= 1u << list[step->n_expects].os;
		step->n_expects++;
	}
	return true;
}

static bool read_step(struct iu_parser *p, struct file *f, size_t i, char *const *cells, struct iu_exp_case *c)
{
	struct iu_step *step = (struct iu_step *)&c->steps[c->n_steps];
	size_t head = head_of(f->lines[i].text);
	char *text;

	p->line = f->lines[i].number;
	if (head < N_HEADS)
		return iu_parse_wrong(p, _("%s belongs above the steps, in the order shows, because, covers, needs, runs, cases"),
				      heads[head].word);
	if (!fill_in(p, f, f->lines[i].text, cells, &text))
		return false;
	if (text == NULL)
		return true;
	if (++p->n_steps > IU_EXP_MAX_STEPS)
		return iu_parse_wrong(p, _("all cases together have more than %d steps"), IU_EXP_MAX_STEPS);
	*step = (struct iu_step){.line = p->line};
	step->text = iu_parse_string(p, text, strlen(text));
	if (step->text == NULL || !take_words(p, text) || !iu_parse_step(p, step) || !read_expects(p, f, i, cells, step))
		return false;
	c->n_steps++;
	return true;
}

static size_t count_steps(const struct file *f)
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

static bool read_case(struct iu_parser *p, struct file *f, char *const *cells, struct iu_exp_case *c)
{
	size_t n = count_steps(f);
	struct iu_text label = {0};

	memset(p->sockets, 0, sizeof(p->sockets));
	memset(p->processes, 0, sizeof(p->processes));
	p->n_devices = 0;
	c->covers = f->n_columns > 0 && strcmp(cells[0], "-") != 0 ? iu_parse_string(p, cells[0], strlen(cells[0])) : "";
	for (size_t k = 1; k < f->n_columns; k++)
		iu_text_addf(&label, "%s%s %s", k > 1 ? ", " : "", f->columns[k] + 1, cells[k]);
	c->label = label.len > 0 ? iu_parse_string(p, label.data, label.len) : "";
	iu_text_done(&label);
	c->steps = iu_parse_alloc(p, n * sizeof(*c->steps));
	if (c->covers == NULL || c->label == NULL || c->steps == NULL)
		return false;
	for (size_t i = f->steps; i < f->n; i += 1 + continued(f, i))
		if (!read_step(p, f, i, cells, c))
			return false;
	if (!says_something(c))
		return iu_parse_wrong(p, _("no step says what is expected; write below a step, indented: linux EADDRINUSE live"));
	return true;
}

static bool read_all_cases(struct iu_parser *p, struct file *f)
{
	size_t n = f->n_rows > 0 ? f->n_rows : 1;
	struct iu_exp_case *cases;
	char nothing[1] = "", *cells[MAX_COLUMNS];

	for (size_t k = 0; k < MAX_COLUMNS; k++)
		cells[k] = nothing;
	if (n * count_steps(f) > IU_EXP_MAX_STEPS)
		return iu_parse_wrong(p, _("all cases together have more than %d steps"), IU_EXP_MAX_STEPS);
	cases = iu_parse_alloc(p, n * sizeof(*cases));
	p->exp->cases = cases;
	for (size_t row = 0; cases != NULL && row < n; row++) {
		if (f->n_rows > 0) {
			size_t n_cells;

			p->line = f->lines[f->rows + row].number;
			n_cells = take_cells(p, f->lines[f->rows + row].text, cells);
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
static bool check_needs(struct iu_parser *p, const struct file *f)
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
	struct file *f = calloc(1, sizeof(*f));

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
	else if (take_lines(&p, f, text, len) && read_head(&p, f) && read_all_cases(&p, f))
		check_needs(&p, f);
	free(f);
	if (p.status == INUSE_OK) {
		*ret = p.exp;
		return INUSE_OK;
	}
	iu_exp_free(p.exp);
	return p.status;
}
