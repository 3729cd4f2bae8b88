/* SPDX-License-Identifier: MIT */
/* Rows for people, aligned and sorted or as they come, and lines for programs. */
#include "cli/ls_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/error.h"
#include "base/gettext.h"
#include "say/row.h"
#include "say/say.h"

/* So many bytes of rows: more make no write cheaper. */
#define WORTH_WRITING 65536

/*
 * Columns of a stream, whose widest row is not known before the last: an IPv4 address and port,
 * "reuseaddr,reuseport".
 */
static const size_t stream_widths[IU_N_COLUMNS] = {
	[IU_COLUMN_STATE] = 12, [IU_COLUMN_LOCAL] = 21, [IU_COLUMN_REMOTE] = 21, [IU_COLUMN_LEFT] = 4,
	[IU_COLUMN_FLAGS] = 19, [IU_COLUMN_UID] = 5,    [IU_COLUMN_INODE] = 8,   [IU_COLUMN_OWNER] = 0,
};

static bool is_shown(const struct iu_ls_style *style, enum iu_column column)
{
	if (column == IU_COLUMN_OWNER)
		return style->owners;
	return style->verbose || (column != IU_COLUMN_UID && column != IU_COLUMN_INODE);
}

static enum iu_column last_column(const struct iu_ls_style *style)
{
	return style->owners ? IU_COLUMN_OWNER : style->verbose ? IU_COLUMN_INODE : IU_COLUMN_FLAGS;
}

/* ---------------------------------------------------------------------------------------------- a row */

static const char *colour_of(enum inuse_state state)
{
	switch (state) {
	case INUSE_LISTEN:
		return "\033[32m";
	case INUSE_TIME_WAIT:
	case INUSE_FIN_WAIT2:
		return "\033[33m";
	case INUSE_CLOSE_WAIT:
		return "\033[31m";
	default:
		return "";
	}
}

/* An address is as wide as it is long, and nothing else has so many bytes to be looked at. */
static size_t width_of(const struct iu_text *line, size_t start, enum iu_column c)
{
	if (line->data == NULL || c == IU_COLUMN_LOCAL || c == IU_COLUMN_REMOTE)
		return line->len - start;
	return iu_width_n(line->data + start, line->len - start);
}

/* Ends the cell that began at byte `start`: blanks up to the width of its column, two at least. */
static void end_cell(struct iu_text *line, size_t start, enum iu_column c, size_t width)
{
	size_t columns = width_of(line, start, c);

	iu_text_add_blanks(line, columns < width ? width - columns + 2 : 2);
}

static void print_heading(const struct iu_ls_style *style, const size_t *widths)
{
	struct iu_text line = {0};

	if (style->title != NULL)
		fprintf(style->f, "%s\n", style->title);
	for (enum iu_column c = 0; c < IU_N_COLUMNS; c++) {
		size_t start = line.len;

		if (!is_shown(style, c))
			continue;
		iu_text_add(&line, iu_say_column(c));
		if (c != last_column(style))
			end_cell(&line, start, c, widths[c]);
	}
	if (style->colour && !line.failed)
		fprintf(style->f, "\033[1m%s\033[0m\n", line.data);
	else if (!line.failed)
		fprintf(style->f, "%s\n", line.data);
	iu_text_done(&line);
}

static bool is_same_addr(const struct inuse_addr *a, const struct inuse_addr *b)
{
	return a->family == b->family && a->port == b->port && a->scope == b->scope &&
	       memcmp(a->ip, b->ip, sizeof(a->ip)) == 0;
}

/* All that the cell shows is the same in both sockets. False where that is rarely so, or costs as much as the cell itself. */
static bool is_same_cell(enum iu_column c, const struct inuse_socket *a, const struct inuse_socket *b)
{
	switch (c) {
	case IU_COLUMN_STATE:
		return a->state == b->state && a->count == b->count;
	case IU_COLUMN_LOCAL:
		return is_same_addr(&a->local, &b->local);
	case IU_COLUMN_FLAGS:
		return a->flags == b->flags && a->known == b->known && a->family == b->family && a->device == b->device;
	default:
		return false;
	}
}

/* The bare text of a cell, at the end of the pen's text. */
static void say_cell(struct iu_ls_pen *pen, enum iu_column c, const struct inuse_socket *s)
{
	if (c == IU_COLUMN_LEFT)
		iu_say_left(&pen->text, s, pen->facts, &pen->durations);
	else
		iu_say_cell(&pen->text, c, s, pen->facts, pen->style->verbose);
}

static void put_cell(struct iu_ls_pen *pen, enum iu_column c, const struct inuse_socket *s)
{
	const char *colour = pen->style->colour && c == IU_COLUMN_STATE ? colour_of(s->state) : "";
	const size_t *widths = pen->widths != NULL ? pen->widths : stream_widths;
	size_t start;

	if (colour[0] != 0)
		iu_text_add(&pen->text, colour);
	start = pen->text.len;
	say_cell(pen, c, s);
	if (c != last_column(pen->style))
		end_cell(&pen->text, start, c, widths[c]);
	if (colour[0] != 0)
		iu_text_add(&pen->text, "\033[0m");
}

static void remember_cell(struct iu_ls_pen *pen, enum iu_column c, size_t start)
{
	struct iu_text *cell = &pen->last_cell[c];

	cell->len = 0;
	if (pen->text.len > start)
		iu_text_add_n(cell, pen->text.data + start, pen->text.len - start);
}

static void put_row(struct iu_ls_pen *pen, const struct inuse_socket *s)
{
	static const bool repeats[IU_N_COLUMNS] = {
		[IU_COLUMN_STATE] = true, [IU_COLUMN_LOCAL] = true, [IU_COLUMN_FLAGS] = true};

	for (enum iu_column c = 0; c < IU_N_COLUMNS; c++) {
		size_t start = pen->text.len;

		if (!is_shown(pen->style, c))
			continue;
		if (pen->last.count != 0 && is_same_cell(c, s, &pen->last)) {
			iu_text_add_n(&pen->text, pen->last_cell[c].data, pen->last_cell[c].len);
			continue;
		}
		put_cell(pen, c, s);
		if (repeats[c])
			remember_cell(pen, c, start);
	}
	pen->last = *s;
	iu_text_add_n(&pen->text, "\n", 1);
}

static void print_json(const struct iu_ls_style *style, const struct inuse_socket *s, const struct iu_facts *facts)
{
	json_t *line = json_pack("{s:s, s:i}", "schema", "inuse-socket", "version", 1);
	json_t *socket = iu_json_socket(facts, s, style->full);

	json_object_update(line, socket);
	if (s->netns == 0 && facts->netns != 0)
		json_object_set_new(line, "netns", json_integer((json_int_t)facts->netns));
	json_dumpf(line, style->f, JSON_COMPACT);
	fputc('\n', style->f);
	json_decref(socket);
	json_decref(line);
}

static void note_hidden(const struct inuse_socket *s, struct iu_ls_hidden *hidden)
{
	uint32_t flags = INUSE_KNOW_REUSEADDR | INUSE_KNOW_REUSEPORT;

	hidden->flags += (s->known & flags) != flags;
	hidden->owners += !s->mini && s->n_holders == 0 && (s->known & INUSE_KNOW_OWNER) == 0 &&
			  (s->flags & s->known & INUSE_KERNEL) == 0;
}

bool iu_ls_pen_flush(struct iu_ls_pen *pen)
{
	if (!pen->text.failed && pen->text.len > 0)
		fwrite(pen->text.data, 1, pen->text.len, pen->style->f);
	if (ferror(pen->style->f) && pen->write_errno == 0)
		pen->write_errno = errno;
	pen->text.len = 0;
	return pen->write_errno == 0;
}

bool iu_ls_pen_done(struct iu_ls_pen *pen)
{
	bool complete = !pen->text.failed;

	iu_ls_pen_flush(pen);
	iu_text_done(&pen->text);
	for (enum iu_column c = 0; c < IU_N_COLUMNS; c++) {
		complete &= !pen->last_cell[c].failed;
		iu_text_done(&pen->last_cell[c]);
	}
	return complete;
}

bool iu_ls_print_row(struct iu_ls_pen *pen, const struct inuse_socket *socket)
{
	note_hidden(socket, pen->hidden);
	if (!pen->style->json)
		put_row(pen, socket);
	else
		print_json(pen->style, socket, pen->facts);
	return (!pen->style->json && pen->text.len < WORTH_WRITING) || iu_ls_pen_flush(pen);
}

/* -------------------------------------------------------------------------------------------- a stream */

void iu_ls_print_heading(const struct iu_ls_style *style)
{
	if (!style->json)
		print_heading(style, stream_widths);
}

size_t iu_ls_sorted_max(const struct iu_ls_style *style)
{
	return style->sorted_max ? style->sorted_max : IU_LS_SORTED_MAX;
}

void iu_ls_say_unsorted(const struct iu_ls_style *style)
{
	if (!style->json)
		fprintf(stderr, _("inuse ls: more than %zu sockets: they are listed as they come, not sorted\n"),
			iu_ls_sorted_max(style));
}

/* --------------------------------------------------------------------------------------------- a table */

static bool matches(const struct iu_ls_rows *rows, const struct inuse_socket *s)
{
	return rows->filter == NULL || iu_filter_match(rows->filter, s, rows->facts);
}

uint64_t iu_ls_matching(const struct iu_ls_rows *rows, uint64_t stop_at)
{
	uint64_t n = 0;

	for (size_t i = 0; i < rows->facts->n_sockets && n < stop_at; i++)
		n += matches(rows, &rows->facts->sockets[i]);
	return n;
}

/* Who may take new connections comes first, what only has to end comes last. */
static int rank_of(enum inuse_state state)
{
	static const int ranks[INUSE_N_STATES] = {
		[INUSE_LISTEN] = 0,     [INUSE_BOUND] = 1,     [INUSE_ESTABLISHED] = 2, [INUSE_SYN_SENT] = 3,
		[INUSE_SYN_RECV] = 4,   [INUSE_CLOSE_WAIT] = 5, [INUSE_FIN_WAIT1] = 6,  [INUSE_LAST_ACK] = 7,
		[INUSE_CLOSING] = 8,    [INUSE_FIN_WAIT2] = 9, [INUSE_TIME_WAIT] = 10,  [INUSE_STATE_UNKNOWN] = 11,
	};

	return ranks[(unsigned)state < INUSE_N_STATES ? state : INUSE_STATE_UNKNOWN];
}

static int compare_numbers(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int compare_addrs(const struct inuse_addr *a, const struct inuse_addr *b)
{
	int c = compare_numbers(a->family, b->family);

	if (c == 0)
		c = memcmp(a->ip, b->ip, sizeof(a->ip));
	if (c == 0)
		c = compare_numbers(a->scope, b->scope);
	return c != 0 ? c : compare_numbers(a->port, b->port);
}

static int compare(const void *x, const void *y)
{
	const struct inuse_socket *a = *(const struct inuse_socket *const *)x,
				  *b = *(const struct inuse_socket *const *)y;
	int c = compare_numbers(a->local.port, b->local.port);

	if (c == 0)
		c = rank_of(a->state) - rank_of(b->state);
	if (c == 0)
		c = compare_addrs(&a->local, &b->local);
	if (c == 0)
		c = compare_addrs(&a->remote, &b->remote);
	return c != 0 ? c : compare_numbers(a->inode, b->inode);
}

/* Rows have most cells in common with the row before them: those need no second look. */
static void measure(const struct iu_ls_style *style, const struct inuse_socket *const *list, size_t n,
		    const struct iu_facts *facts, size_t widths[IU_N_COLUMNS])
{
	struct iu_ls_pen pen = {.style = style, .facts = facts};

	for (enum iu_column c = 0; c < IU_N_COLUMNS; c++)
		widths[c] = iu_width(iu_say_column(c));
	for (size_t i = 0; i < n; i++)
		for (enum iu_column c = 0; c < last_column(style); c++) {
			size_t width;

			if (!is_shown(style, c) || (i > 0 && is_same_cell(c, list[i], list[i - 1])))
				continue;
			pen.text.len = 0;
			say_cell(&pen, c, list[i]);
			width = width_of(&pen.text, 0, c);
			widths[c] = width > widths[c] ? width : widths[c];
		}
	pen.text.len = 0;
	iu_ls_pen_done(&pen);
}

/* False when out of memory. */
static bool print_sorted(const struct iu_ls_style *style, const struct inuse_socket **list, size_t n,
			 const struct iu_facts *facts, struct iu_ls_hidden *hidden)
{
	size_t widths[IU_N_COLUMNS];
	struct iu_ls_pen pen = {.style = style, .facts = facts, .hidden = hidden, .widths = widths};
	bool go_on = true;

	qsort(list, n, sizeof(*list), compare);
	if (!style->json) {
		measure(style, list, n, facts, widths);
		print_heading(style, widths);
	}
	for (size_t i = 0; i < n && go_on; i++)
		go_on = iu_ls_print_row(&pen, list[i]);
	return iu_ls_pen_done(&pen);
}

/* False when out of memory. */
static bool print_unsorted(const struct iu_ls_style *style, const struct iu_ls_rows *rows, struct iu_ls_hidden *hidden)
{
	struct iu_ls_pen pen = {.style = style, .facts = rows->facts, .hidden = hidden};
	bool go_on = true;

	iu_ls_say_unsorted(style);
	iu_ls_print_heading(style);
	for (size_t i = 0; i < rows->facts->n_sockets && go_on; i++)
		if (matches(rows, &rows->facts->sockets[i]))
			go_on = iu_ls_print_row(&pen, &rows->facts->sockets[i]);
	return iu_ls_pen_done(&pen);
}

/* The same if they are few enough to be sorted: n. */
static bool print_few(const struct iu_ls_style *style, const struct iu_ls_rows *rows, size_t n,
		      struct iu_ls_hidden *hidden)
{
	const struct inuse_socket **list = malloc(n * sizeof(*list));
	size_t at = 0;
	bool complete;

	if (list == NULL)
		return false;
	for (size_t i = 0; i < rows->facts->n_sockets && at < n; i++)
		if (matches(rows, &rows->facts->sockets[i]))
			list[at++] = &rows->facts->sockets[i];
	complete = print_sorted(style, list, at, rows->facts, hidden);
	free(list);
	return complete;
}

enum inuse_status iu_ls_print(const struct iu_ls_style *style, const struct iu_ls_rows *rows,
			      struct iu_ls_hidden *hidden, struct inuse_error *error)
{
	size_t n = (size_t)iu_ls_matching(rows, iu_ls_sorted_max(style) + 1);
	bool complete = n == 0 || (n > iu_ls_sorted_max(style) ? print_unsorted(style, rows, hidden)
							       : print_few(style, rows, n, hidden));

	return complete ? INUSE_OK : iu_fail(error, INUSE_E_MEMORY, 0, "ls", _("out of memory"));
}
