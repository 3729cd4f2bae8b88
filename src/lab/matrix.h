/* SPDX-License-Identifier: MIT */
/*
 * An experiment as a table: what an old socket asked for, down, by what a new one asks for, across.
 *
 * Theory of operation
 *
 * The old socket is the one that a run makes first, the new one the one that it binds last. What a socket asks for are the options that
 * the run sets on it, and the address that it binds. An experiment is a matrix when its cases are a whole table of both, of at least
 * three by three: then each cell has a case. Nothing is known but what the runs say.
 */
#ifndef IU_LAB_MATRIX_H
#define IU_LAB_MATRIX_H

#include "lab/html_parts.h"

#define IU_MATRIX_SIDE 32

/* What one socket asks for. */
struct iu_matrix_side {
	char options[96]; /* "reuseaddr reuseport", "" */
	char address[64]; /* "here:5000" */
};

struct iu_matrix {
	const struct iu_html_exp *exp;
	struct iu_matrix_side rows[IU_MATRIX_SIDE], columns[IU_MATRIX_SIDE];
	size_t n_rows, n_columns;
	bool row_addresses, column_addresses; /* they are not all the same */
	bool played;                          /* on the kernel, in at least one run */
};

/* What one run came to. */
struct iu_matrix_fate {
	const char *bind, *listen; /* "OK", an error; NULL: not called */
	bool agrees, played;
};

/* False: the experiment is none. */
bool iu_matrix_read(struct iu_matrix *ret, const struct iu_html_exp *exp);
/* The runs of a cell: the next one after `after` (SIZE_MAX: the first one), or SIZE_MAX. */
size_t iu_matrix_run(const struct iu_matrix *m, size_t row, size_t column, size_t after);
struct iu_matrix_fate iu_matrix_fate(const json_t *run);

#endif
