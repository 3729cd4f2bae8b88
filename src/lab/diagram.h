/* SPDX-License-Identifier: MIT */
/*
 * Where everything of a sequence diagram stands.
 *
 * Theory of operation
 *
 * Time runs downwards. An *end* is a local address and port; it has a lifeline whose look says what is there: nothing, a
 * listener, a connection, TIME-WAIT. Each *step* is a strip across all lifelines with the call and its outcome; below it come its
 * packets, an arrow each, and then, where the sockets of an end have changed, their states on the lifeline. Every row has its own
 * height and every column its own width, both derived from the text in them, so nothing can stand on anything else.
 *
 * Text is measured in characters: it is to be drawn in a monospaced font of IU_DIAGRAM_FONT units. Pure. Lengths are
 * user units, pixels at natural size; y grows downwards.
 */
#ifndef IU_LAB_DIAGRAM_H
#define IU_LAB_DIAGRAM_H

#include <stdbool.h>
#include <stddef.h>

#define IU_DIAGRAM_ENDS 8
#define IU_DIAGRAM_FONT 12
#define IU_DIAGRAM_LEAST_WIDTH 328 /* what a phone of 360 pixels has between its margins */

/* What is at an end. */
enum iu_life {
	IU_LIFE_NONE, IU_LIFE_BOUND, IU_LIFE_LISTEN, IU_LIFE_OPENING, IU_LIFE_OPEN, IU_LIFE_CLOSING, IU_LIFE_TIME_WAIT, IU_N_LIVES,
};

/* How an outcome is told. */
enum iu_tone { IU_TONE_QUIET, IU_TONE_PLAIN, IU_TONE_REFUSED, IU_TONE_WRONG };

struct iu_diagram_end {
	const char *address, *names; /* names: of the sockets that it had, or "" */
};

struct iu_diagram_packet {
	int from, to;      /* indices of ends */
	const char *label;
};

struct iu_diagram_step {
	const char *call, *outcome;
	enum iu_tone tone;
	const struct iu_diagram_packet *packets;
	size_t n_packets;
	const char *more;  /* a sentence about what is not drawn, or "" */
	/* Afterwards, for each end. states: a line for each kind of socket, separated by '\n'; NULL: as before. */
	const char *states[IU_DIAGRAM_ENDS];
	enum iu_life lives[IU_DIAGRAM_ENDS];
};

struct iu_diagram {
	const struct iu_diagram_end *ends;
	size_t n_ends; /* at most IU_DIAGRAM_ENDS */
	const struct iu_diagram_step *steps;
	size_t n_steps;
};

/* In the order in which they are drawn, so that later ones cover earlier ones. */
enum iu_mark_kind {
	IU_MARK_LIFE,  /* a vertical line from (x, y) to (x, y + h); life */
	IU_MARK_GAP,   /* a rectangle that hides the lifelines behind a packet's label */
	IU_MARK_STRIP, /* a rectangle behind a call; tone */
	IU_MARK_PILL,  /* a rectangle behind states; life */
	IU_MARK_ARROW, /* from (x, y) to (x + w, y); w < 0 points to the left; w 0: a loop of h to the right */
	IU_MARK_TEXT,  /* inside its rectangle, which is reserved for it; align */
	IU_N_MARKS,
};
enum iu_mark_align { IU_ALIGN_START, IU_ALIGN_MIDDLE, IU_ALIGN_END };
enum iu_mark_role { IU_ROLE_CALL, IU_ROLE_OUTCOME, IU_ROLE_ADDRESS, IU_ROLE_NAMES, IU_ROLE_STATE, IU_ROLE_PACKET, IU_ROLE_MORE };

struct iu_mark {
	enum iu_mark_kind kind;
	int x, y, w, h;
	enum iu_mark_align align;
	enum iu_mark_role role;
	enum iu_life life;
	enum iu_tone tone;
	const char *text; /* borrowed, not ended by NUL */
	size_t len;
};

struct iu_drawing {
	int width, height;
	struct iu_mark *marks;
	size_t n, cap;
	bool failed; /* memory ran out: marks are missing */
};

/* Lays it out; free with iu_drawing_done(). The texts must live as long. */
void iu_diagram_lay(const struct iu_diagram *diagram, struct iu_drawing *ret);
void iu_drawing_done(struct iu_drawing *drawing);
/* The width of a text in a diagram, in units. */
int iu_diagram_width(const char *text, size_t len);

#endif
