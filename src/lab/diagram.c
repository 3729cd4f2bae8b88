/* SPDX-License-Identifier: MIT */
/* Where everything of a sequence diagram stands. See diagram.h. */
#include "lab/diagram.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define LINE 16         /* from one line of text to the next */
#define EDGE 6          /* between the drawing's edge, or a rectangle's, and what stands in it */
#define GAP 12          /* between two columns' texts */
#define STRIP_GAP 5     /* below a strip */
#define PACKET 30       /* a packet's row: its label, and the arrow below it */
#define ARROW_AT 21     /* where the arrow is in that row */
#define HEAD 14         /* room for an arrow's head beside its label, and for the lifeline */
#define LOOP 26         /* how far a packet to oneself goes out */
#define NAMES_COLUMNS 18
#define LEAST_COLUMNS 12 /* of a call */
#define LEAST_CALL 146  /* what these take, with what stands around them */

int iu_diagram_width(const char *text, size_t len)
{
	/* 0.62 em: the widest of the usual monospaced fonts; the usual ones have 0.6 */
	return (int)((iu_width_n(text, len) * IU_DIAGRAM_FONT * 62 + 99) / 100);
}

static int max_int(int a, int b)
{
	return a > b ? a : b;
}

/* -------------------------------------------------------------------------------------------- lines of text */

/* Bytes of the first line of text when it may be so many columns wide; at least one character. Breaks at blanks where it can. */
static size_t first_line(const char *text, size_t len, size_t columns)
{
	size_t at = 0, width = 0, blank = 0;

	while (at < len) {
		int32_t code;
		size_t n = iu_utf8_next(text + at, len - at, &code);

		if (text[at] == ' ')
			blank = at;
		width += iu_width_n(text + at, n);
		if (width > columns && at > 0)
			return blank > 0 ? blank : at;
		at += n;
	}
	return len;
}

static size_t skip_blanks(const char *text, size_t len)
{
	size_t n = 0;

	while (n < len && text[n] == ' ')
		n++;
	return n;
}

static size_t count_wrapped(const char *text, size_t columns)
{
	size_t len = strlen(text), lines = 0;

	do {
		size_t n = first_line(text, len, columns);

		n += skip_blanks(text + n, len - n);
		text += n;
		len -= n;
		lines++;
	} while (len > 0);
	return lines;
}

/* The widest of the wrapped lines, or of those between '\n' when columns is 0. */
static int widest(const char *text, size_t columns)
{
	int width = 0;

	for (size_t len = strlen(text); len > 0;) {
		size_t n = columns > 0 ? first_line(text, len, columns) : strcspn(text, "\n"), rest;

		width = max_int(width, iu_diagram_width(text, n));
		rest = columns > 0 ? n + skip_blanks(text + n, len - n) : n + (n < len);
		text += rest;
		len -= rest;
	}
	return width;
}

static int count_lines(const char *text)
{
	int lines = *text != 0;

	for (; *text != 0; text++)
		lines += *text == '\n';
	return lines;
}

/* ---------------------------------------------------------------------------------------------------- marks */

struct layout {
	const struct iu_diagram *d;
	struct iu_drawing *out;
	int column[IU_DIAGRAM_ENDS]; /* the lifelines' x */
	int half[IU_DIAGRAM_ENDS];   /* half the width of the widest text that is centred on each */
	int since[IU_DIAGRAM_ENDS];
	enum iu_life life[IU_DIAGRAM_ENDS];
	int y;
};

static void add(struct layout *l, struct iu_mark mark)
{
	struct iu_drawing *out = l->out;

	if (out->n == out->cap) {
		size_t cap = out->cap > 0 ? out->cap * 2 : 64;
		struct iu_mark *more = reallocarray(out->marks, cap, sizeof(*more));

		if (more == NULL) {
			out->failed = true;
			return;
		}
		out->marks = more;
		out->cap = cap;
	}
	out->marks[out->n++] = mark;
}

static struct iu_mark text_mark(enum iu_mark_role role, const char *text, size_t len)
{
	return (struct iu_mark){.kind = IU_MARK_TEXT, .role = role, .text = text, .len = len, .w = iu_diagram_width(text, len), .h = LINE};
}

/* A text whose middle is at x. */
static void add_centred(struct layout *l, enum iu_mark_role role, const char *text, size_t len, int x, int y)
{
	struct iu_mark m = text_mark(role, text, len);

	m.align = IU_ALIGN_MIDDLE;
	m.x = x - m.w / 2;
	m.y = y;
	add(l, m);
}

static void add_from(struct layout *l, enum iu_mark_role role, const char *text, size_t len, int x, int y)
{
	struct iu_mark m = text_mark(role, text, len);

	m.x = x;
	m.y = y;
	add(l, m);
}

void iu_drawing_done(struct iu_drawing *drawing)
{
	free(drawing->marks);
	*drawing = (struct iu_drawing){0};
}

/* -------------------------------------------------------------------------------------------------- columns */

static void measure_halves(struct layout *l)
{
	for (size_t i = 0; i < l->d->n_ends; i++) {
		int width = max_int(widest(l->d->ends[i].address, 0), widest(l->d->ends[i].names, NAMES_COLUMNS));

		for (size_t s = 0; s < l->d->n_steps; s++)
			if (l->d->steps[s].states[i] != NULL)
				width = max_int(width, widest(l->d->steps[s].states[i], 0) + 2 * EDGE);
		l->half[i] = width / 2 + 1;
	}
}

/* Moves the columns from `first` on so far to the right that `first` stands at `least` or beyond. */
static void push(struct layout *l, size_t first, int least)
{
	int by = least - l->column[first];

	for (size_t i = first; by > 0 && i < l->d->n_ends; i++)
		l->column[i] += by;
}

/* Room for one packet; returns how far it reaches to the right. */
static int make_room(struct layout *l, const struct iu_diagram_packet *p)
{
	int label = iu_diagram_width(p->label, strlen(p->label));
	size_t left = (size_t)(p->from < p->to ? p->from : p->to), right = (size_t)(p->from < p->to ? p->to : p->from);

	if (left == right) {
		int end = l->column[left] + LOOP + EDGE + label;

		if (left + 1 < l->d->n_ends)
			push(l, left + 1, end + EDGE);
		return end;
	}
	push(l, right, l->column[left] + label + 2 * HEAD);
	return 0;
}

static void place_columns(struct layout *l)
{
	size_t n = l->d->n_ends;
	int right = 0, spare;

	measure_halves(l);
	for (size_t i = 0; i < n; i++)
		l->column[i] = i == 0 ? EDGE + l->half[0] : l->column[i - 1] + l->half[i - 1] + GAP + l->half[i];
	for (size_t s = 0; s < l->d->n_steps; s++)
		for (size_t k = 0; k < l->d->steps[s].n_packets; k++)
			make_room(l, &l->d->steps[s].packets[k]);
	/* again, because columns may have moved since */
	for (size_t s = 0; s < l->d->n_steps; s++)
		for (size_t k = 0; k < l->d->steps[s].n_packets; k++)
			right = max_int(right, make_room(l, &l->d->steps[s].packets[k]));
	if (n > 0)
		right = max_int(right, l->column[n - 1] + l->half[n - 1]);
	l->out->width = max_int(right + EDGE, IU_DIAGRAM_LEAST_WIDTH);
	for (size_t s = 0; s < l->d->n_steps; s++) /* beside an outcome there is always room for a word of the call */
		l->out->width = max_int(l->out->width, iu_diagram_width(l->d->steps[s].outcome, strlen(l->d->steps[s].outcome)) + LEAST_CALL);
	spare = l->out->width - (right + EDGE);
	for (size_t i = 0; i < n && spare > 0; i++)
		l->column[i] += n == 1 ? spare / 2 : spare * (int)i / (int)(n - 1);
}

/* ----------------------------------------------------------------------------------------------------- rows */

static void lay_heads(struct layout *l)
{
	size_t lines = 0;

	for (size_t i = 0; i < l->d->n_ends; i++) {
		const struct iu_diagram_end *e = &l->d->ends[i];
		const char *names = e->names;
		size_t len = strlen(names), line = 1;

		add_centred(l, IU_ROLE_ADDRESS, e->address, strlen(e->address), l->column[i], l->y);
		for (; len > 0; line++) {
			size_t n = first_line(names, len, NAMES_COLUMNS), rest = n + skip_blanks(names + n, len - n);

			add_centred(l, IU_ROLE_NAMES, names, n, l->column[i], l->y + (int)line * LINE);
			names += rest;
			len -= rest;
		}
		lines = line > lines ? line : lines;
	}
	l->y += (int)lines * LINE + (lines > 0 ? EDGE : 0);
	for (size_t i = 0; i < l->d->n_ends; i++)
		l->since[i] = l->y;
}

static void lay_call(struct layout *l, const struct iu_diagram_step *step)
{
	const char *call = step->call;
	int outcome = iu_diagram_width(step->outcome, strlen(step->outcome));
	int room = l->out->width - 2 * EDGE - outcome - GAP, top = l->y;
	size_t columns = (size_t)max_int(room * 100 / (IU_DIAGRAM_FONT * 62), LEAST_COLUMNS), len = strlen(call);
	struct iu_mark text = text_mark(IU_ROLE_OUTCOME, step->outcome, strlen(step->outcome));
	int height = (int)count_wrapped(call, columns) * LINE + 6;

	add(l, (struct iu_mark){.kind = IU_MARK_STRIP, .x = 0, .y = top, .w = l->out->width, .h = height, .tone = step->tone});
	for (int y = top + 3; len > 0; y += LINE) {
		size_t n = first_line(call, len, columns), rest = n + skip_blanks(call + n, len - n);

		add_from(l, IU_ROLE_CALL, call, n, EDGE, y);
		call += rest;
		len -= rest;
	}
	text.x = l->out->width - EDGE - text.w;
	text.y = top + 3;
	text.align = IU_ALIGN_END;
	text.tone = step->tone;
	if (text.len > 0)
		add(l, text);
	l->y = top + height + STRIP_GAP;
}

static void lay_packets(struct layout *l, const struct iu_diagram_step *step)
{
	for (size_t k = 0; k < step->n_packets; k++) {
		const struct iu_diagram_packet *p = &step->packets[k];
		int from = l->column[p->from], to = l->column[p->to];

		if (from == to) {
			add(l, (struct iu_mark){.kind = IU_MARK_ARROW, .x = from, .y = l->y + 5, .h = PACKET - 12});
			add_from(l, IU_ROLE_PACKET, p->label, strlen(p->label), from + LOOP + EDGE, l->y + 5);
		} else {
			int width = iu_diagram_width(p->label, strlen(p->label)) + EDGE;

			add(l, (struct iu_mark){.kind = IU_MARK_ARROW, .x = from, .y = l->y + ARROW_AT, .w = to - from});
			if (p->to - p->from > 1 || p->from - p->to > 1)
				add(l, (struct iu_mark){.kind = IU_MARK_GAP, .x = (from + to - width) / 2, .y = l->y, .w = width, .h = LINE});
			add_centred(l, IU_ROLE_PACKET, p->label, strlen(p->label), (from + to) / 2, l->y);
		}
		l->y += PACKET;
	}
	if (step->more[0] != 0) {
		size_t columns = (size_t)(l->out->width - 2 * EDGE) * 100 / (IU_DIAGRAM_FONT * 62), len = strlen(step->more);

		for (const char *text = step->more; len > 0; l->y += LINE) {
			size_t n = first_line(text, len, columns), rest = n + skip_blanks(text + n, len - n);

			add_centred(l, IU_ROLE_MORE, text, n, l->out->width / 2, l->y);
			text += rest;
			len -= rest;
		}
		l->y += STRIP_GAP;
	}
}

static void end_life(struct layout *l, size_t i, int y)
{
	if (y > l->since[i])
		add(l, (struct iu_mark){.kind = IU_MARK_LIFE, .x = l->column[i], .y = l->since[i], .h = y - l->since[i], .life = l->life[i]});
	l->since[i] = y;
}

static void lay_states(struct layout *l, const struct iu_diagram_step *step)
{
	int tallest = 0;

	for (size_t i = 0; i < l->d->n_ends; i++) {
		const char *states = step->states[i];
		int lines = states != NULL ? count_lines(states) : 0, width, y = l->y + 3;

		if (lines == 0)
			continue;
		tallest = max_int(tallest, lines);
		width = widest(states, 0) + 2 * EDGE;
		end_life(l, i, l->y + lines * LINE / 2);
		l->life[i] = step->lives[i];
		add(l, (struct iu_mark){.kind = IU_MARK_PILL, .x = l->column[i] - width / 2, .y = l->y, .w = width, .h = lines * LINE + 6,
					.life = step->lives[i]});
		for (; *states != 0; y += LINE) {
			size_t len = strcspn(states, "\n");
			struct iu_mark m = text_mark(IU_ROLE_STATE, states, len);

			m.align = IU_ALIGN_MIDDLE;
			m.x = l->column[i] - m.w / 2;
			m.y = y;
			m.life = step->lives[i];
			add(l, m);
			states += len + (states[len] == '\n');
		}
	}
	if (tallest > 0)
		l->y += tallest * LINE + 6 + STRIP_GAP;
}

static int by_kind(const void *a, const void *b)
{
	const struct iu_mark *x = a, *y = b;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return x->y != y->y ? (x->y < y->y ? -1 : 1) : (x->x > y->x) - (x->x < y->x);
}

void iu_diagram_lay(const struct iu_diagram *diagram, struct iu_drawing *ret)
{
	struct layout l = {.d = diagram, .out = ret, .y = EDGE};

	*ret = (struct iu_drawing){0};
	place_columns(&l);
	lay_heads(&l);
	for (size_t s = 0; s < diagram->n_steps; s++) {
		lay_call(&l, &diagram->steps[s]);
		lay_packets(&l, &diagram->steps[s]);
		lay_states(&l, &diagram->steps[s]);
	}
	for (size_t i = 0; i < diagram->n_ends; i++)
		end_life(&l, i, l.y);
	ret->height = l.y + 1;
	if (ret->n > 0)
		qsort(ret->marks, ret->n, sizeof(ret->marks[0]), by_kind);
}
