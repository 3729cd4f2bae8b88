/* SPDX-License-Identifier: MIT */
/*
 * The fixes of an answer: a command to paste, and its risk, in two columns.
 *
 * Theory of operation
 *
 * All rows are made first, so that the column of the risks can follow the longest command; then as many are written as
 * there are lines left. A row that would not fit whole is left out with all that follow.
 */
#include <string.h>

#include "base/gettext.h"
#include "say/telling.h"

#define MAX_ROWS (INUSE_MAX_CURES + 3)
#define LEAD 5       /* "Fix  " */
#define MAX_COMMAND 44

struct row {
	struct iu_text command, risk;
};

struct rows {
	struct row row[MAX_ROWS];
	size_t n, command_width;
};

static struct row *add(struct rows *rows)
{
	return &rows->row[rows->n < MAX_ROWS - 1 ? rows->n++ : rows->n];
}

static const char *text(const struct iu_text *t)
{
	return t->data ? t->data : "";
}

/*
 * The cures whose command is another one on Windows, or that are words and true there, too: all others are commands
 * and options of Linux. NULL: the words are the same.
 */
static const struct {
	const char *id, *command;
} on_windows[] = {
	{"end-process", "taskkill /PID {pids} /F"},
	{"wait", NULL},
	{"v6only", NULL},
	{"own-address", NULL},
	{"any-from-port", NULL},
	{"start-server", NULL},
	{"other-port", NULL},
	{"wider-range", "netsh int ipv4 set dynamicport tcp start=15000 num=50536"},
};

/* The command of a cure on the system of the facts; NULL: it does not exist there. */
static const char *command_of(const struct iu_facts *f, const char *id, const char *here)
{
	if (f->os != IU_SYSTEM_windows)
		return _(here);
	for (size_t i = 0; i < sizeof(on_windows) / sizeof(on_windows[0]); i++)
		if (strcmp(on_windows[i].id, id) == 0)
			return on_windows[i].command ? on_windows[i].command : _(here);
	return NULL;
}

static void add_cure(struct iu_told *t, struct rows *rows, const struct inuse_cure *cure)
{
	const struct iu_words *w;
	const char *command;
	struct row *row;

	iu_told_fill(t, cure);
	/* to end but some of them would free nothing */
	w = iu_words_of_cure(t->pids_cut && strcmp(cure->id, "end-process") == 0 ? "end-processes" : cure->id);
	command = w ? command_of(t->f, cure->id, w->headline) : NULL;
	if (command == NULL)
		return;
	row = add(rows);
	iu_say_expand(&row->command, command, t->vars);
	if (w->more != NULL)
		iu_say_expand(&row->risk, _(w->more), t->vars);
}

/* The same question by somebody who sees more. */
static void add_again(struct iu_told *t, struct rows *rows, const char *risk)
{
	struct row *row = add(rows);

	iu_text_addf(&row->command, "sudo inuse %s", t->how->again ? t->how->again : t->how->asked);
	iu_text_add(&row->risk, risk);
}

static void collect(struct iu_told *t, struct rows *rows)
{
	const uint32_t nobody_knows = INUSE_MISSING_COVERAGE | INUSE_MISSING_SEQUENCE | INUSE_MISSING_DRAW;
	const struct inuse_socket *o = t->v->n_shown > 0 ? t->v->shown[0] : NULL;
	struct row *row;

	for (uint32_t i = 0; i < t->v->n_cures; i++)
		add_cure(t, rows, &t->v->cures[i]);
	if (t->f->os != IU_SYSTEM_linux)
		return; /* nobody sees more there */
	if (t->v->outcome == INUSE_FAIL && o != NULL && (o->known & INUSE_KNOW_OWNER) == 0 && !o->mini && t->v->request.uid != 0 &&
	    (o->n_holders == 0 || iu_maker_is_hidden(t->f, o)))
		add_again(t, rows, o->n_holders == 0 ? _("names the process") : _("names the others"));
	if (t->v->outcome != INUSE_CANNOT_TELL || (t->v->missing & nobody_knows) != 0)
		return;
	if (t->v->request.uid != 0) /* root without BPF sees no more by asking again */
		add_again(t, rows, _("root may see it"));
	if (t->v->request.call == INUSE_CALL_ACCEPT)
		return;
	row = add(rows);
	iu_text_addf(&row->command, "inuse --try %s", t->how->again ? t->how->again : t->how->asked);
	iu_text_add(&row->risk, _("makes the call for an instant and tells"));
}

/* A risk that does not fit behind a long command has a line of its own. Returns the number of lines. */
static size_t put(struct iu_text *out, const struct row *row, size_t column, size_t width)
{
	size_t start = out->len, command = LEAD + iu_width(text(&row->command));

	iu_text_add(out, text(&row->command));
	if (row->risk.len == 0)
		return 1;
	if (command + 2 > column && command + 2 + iu_width(text(&row->risk)) > width) {
		iu_text_add(out, "\n");
		iu_text_add_blanks(out, LEAD + 2);
		return 1 + iu_say_wrapped(out, text(&row->risk), LEAD + 2, width);
	}
	iu_text_pad(out, start, column - LEAD, 2);
	return iu_say_wrapped(out, text(&row->risk), column, width);
}

void iu_told_fixes(struct iu_told *t)
{
	struct rows rows = {.n = 0};
	bool room = true;
	size_t column;

	collect(t, &rows);
	for (size_t i = 0; i < rows.n; i++) {
		size_t width = iu_width(text(&rows.row[i].command));

		if (width > rows.command_width && width <= MAX_COMMAND)
			rows.command_width = width;
	}
	column = LEAD + rows.command_width + 2;
	for (size_t i = 0; i < rows.n; i++) {
		struct iu_text shown = {0};
		size_t lines;

		iu_text_add(&shown, i == 0 ? _("Fix  ") : "     ");
		lines = put(&shown, &rows.row[i], column, t->width);
		room = room && t->lines + lines <= t->max_lines;
		if (room) {
			iu_text_addf(t->out, "%s\n", text(&shown));
			t->lines += lines;
		}
		iu_text_done(&shown);
		iu_text_done(&rows.row[i].command);
		iu_text_done(&rows.row[i].risk);
	}
}
