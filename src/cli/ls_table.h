/* SPDX-License-Identifier: MIT */
/* What `inuse ls` prints: rows for people, aligned and sorted or as they come, and lines for programs. */
#ifndef IU_CLI_LS_TABLE_H
#define IU_CLI_LS_TABLE_H

#include <stdio.h>

#include "host/filter.h"
#include "say/row.h"

/* Up to so many rows are sorted and aligned; beyond that they come in the order of whoever tells of them. */
#define IU_LS_SORTED_MAX 100000

struct iu_ls_style {
	FILE *f;
	size_t sorted_max; /* so many rows are sorted, of more none; 0: IU_LS_SORTED_MAX */
	bool json, colour;
	bool verbose; /* every flag, user number and inode */
	bool owners;  /* a column for them */
	bool full;    /* json: whole command lines */
	const char *title; /* a line before the headings, escaped, or NULL */
};

/* What of the printed rows was not known. */
struct iu_ls_hidden {
	uint64_t owners, flags;
};

/* Which sockets are to be printed. */
struct iu_ls_rows {
	const struct iu_facts *facts;
	const struct iu_filter *filter; /* NULL: all */
};

size_t iu_ls_sorted_max(const struct iu_ls_style *style);

/* How many match, counted no further than stop_at. */
uint64_t iu_ls_matching(const struct iu_ls_rows *rows, uint64_t stop_at);
/* Prints all that match: sorted and aligned if they are few enough, and says on stderr when they are not. */
enum inuse_status iu_ls_print(const struct iu_ls_style *style, const struct iu_ls_rows *rows,
			      struct iu_ls_hidden *hidden, struct inuse_error *error);
/*
 * What rows are written with, one after the other; the first three fields are the caller's to set, the others are zero.
 * Most rows have cells in common with the row before them: those are copied, with their blanks. Rows are kept until they
 * are worth a write.
 */
struct iu_ls_pen {
	const struct iu_ls_style *style;
	const struct iu_facts *facts; /* names of processes, the present moment */
	struct iu_ls_hidden *hidden;  /* added to */
	const size_t *widths;         /* of the columns; NULL: what fits most rows */
	struct iu_text text;          /* what is not yet written */
	int write_errno;              /* why the output failed, in whatever thread that was; 0: it has not */
	struct iu_durations durations;
	struct inuse_socket last; /* whose cells are in last_cell; count 0: of none */
	struct iu_text last_cell[IU_N_COLUMNS];
};
/* A row, sooner or later. False when there is no use in going on: the output failed. */
bool iu_ls_print_row(struct iu_ls_pen *pen, const struct inuse_socket *socket);
/* Writes what is kept. False when the output failed. */
bool iu_ls_pen_flush(struct iu_ls_pen *pen);
/* The same, and frees what the pen holds. False when rows are missing because memory ran out. */
bool iu_ls_pen_done(struct iu_ls_pen *pen);
/* The headings of a stream, with widths that fit most rows. */
void iu_ls_print_heading(const struct iu_ls_style *style);
/* One line on stderr about the order of rows that are too many to sort. */
void iu_ls_say_unsorted(const struct iu_ls_style *style);

#endif
