/* SPDX-License-Identifier: MIT */
/* An experiment as a table. See matrix.h. */
#include "lab/matrix.h"

#include <stdio.h>
#include <string.h>

#include "lab/sequence.h"

#define LEAST 3
#define NAME 32

static const char *step_of(const json_t *run, size_t i)
{
	return iu_html_string(json_array_get(json_object_get(run, "steps"), i), "step");
}

static size_t count_steps(const json_t *run)
{
	return json_array_size(json_object_get(run, "steps"));
}

/* What follows "VERB NAME " in a step, or NULL when it is another step. name "": any, and it is copied there. */
static const char *after(const char *step, const char *verb, char name[NAME])
{
	size_t len = strlen(verb), word;

	if (strncmp(step, verb, len) != 0 || step[len] != ' ')
		return NULL;
	step += len + 1;
	word = strcspn(step, " ");
	if (name[0] == 0 && word < NAME)
		snprintf(name, NAME, "%.*s", (int)word, step);
	else if (strlen(name) != word || strncmp(name, step, word) != 0)
		return NULL;
	return step + word + (step[word] == ' ');
}

/* The sockets of a run. False: there are no two. */
static bool find_names(const json_t *run, char old[NAME], char new[NAME])
{
	old[0] = new[0] = 0;
	for (size_t i = 0; i < count_steps(run) && old[0] == 0; i++)
		after(step_of(run, i), "socket", old);
	for (size_t i = count_steps(run); i-- > 0 && new[0] == 0;)
		after(step_of(run, i), "bind", new);
	return old[0] != 0 && new[0] != 0 && strcmp(old, new) != 0;
}

static struct iu_matrix_side side_of(const json_t *run, char name[NAME])
{
	struct iu_matrix_side side = {"", ""};

	for (size_t i = 0; i < count_steps(run); i++) {
		const char *option = after(step_of(run, i), "set", name), *address = after(step_of(run, i), "bind", name);
		size_t len = strlen(side.options);

		if (option != NULL)
			snprintf(side.options + len, sizeof(side.options) - len, "%s%s", len > 0 ? " " : "", option);
		if (address != NULL && side.address[0] == 0)
			snprintf(side.address, sizeof(side.address), "%s", address);
	}
	return side;
}

static bool same_side(const struct iu_matrix_side *a, const struct iu_matrix_side *b)
{
	return strcmp(a->options, b->options) == 0 && strcmp(a->address, b->address) == 0;
}

/* Adds it where it is not there. False: there is no room. */
static bool add_side(struct iu_matrix_side *list, size_t *n, const struct iu_matrix_side *side)
{
	for (size_t i = 0; i < *n; i++)
		if (same_side(&list[i], side))
			return true;
	if (*n == IU_MATRIX_SIDE)
		return false;
	list[(*n)++] = *side;
	return true;
}

static bool addresses_differ(const struct iu_matrix_side *list, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if (strcmp(list[i].address, list[0].address) != 0)
			return true;
	return false;
}

bool iu_matrix_read(struct iu_matrix *ret, const struct iu_html_exp *exp)
{
	*ret = (struct iu_matrix){.exp = exp};
	if (exp->n_cases < LEAST * LEAST)
		return false;
	for (size_t i = 0; i < exp->n_runs; i++) {
		char old[NAME], new[NAME];
		struct iu_matrix_side row, column;

		if (!find_names(exp->runs[i], old, new))
			return false;
		row = side_of(exp->runs[i], old);
		column = side_of(exp->runs[i], new);
		if (!add_side(ret->rows, &ret->n_rows, &row) || !add_side(ret->columns, &ret->n_columns, &column))
			return false;
		ret->played |= iu_html_played(exp->runs[i]);
	}
	ret->row_addresses = addresses_differ(ret->rows, ret->n_rows);
	ret->column_addresses = addresses_differ(ret->columns, ret->n_columns);
	return ret->n_rows >= LEAST && ret->n_columns >= LEAST && ret->n_rows * ret->n_columns == exp->n_cases;
}

size_t iu_matrix_run(const struct iu_matrix *m, size_t row, size_t column, size_t previous)
{
	for (size_t i = previous == SIZE_MAX ? 0 : previous + 1; i < m->exp->n_runs; i++) {
		char old[NAME], new[NAME];
		struct iu_matrix_side a, b;

		if (!find_names(m->exp->runs[i], old, new))
			continue;
		a = side_of(m->exp->runs[i], old);
		b = side_of(m->exp->runs[i], new);
		if (same_side(&a, &m->rows[row]) && same_side(&b, &m->columns[column]))
			return i;
	}
	return SIZE_MAX;
}

struct iu_matrix_fate iu_matrix_fate(const json_t *run)
{
	struct iu_matrix_fate f = {.agrees = json_is_true(json_object_get(run, "agrees")), .played = iu_html_played(run)};
	char old[NAME], new[NAME];

	if (!find_names(run, old, new))
		return f;
	for (size_t i = 0; i < count_steps(run); i++) {
		const json_t *step = json_array_get(json_object_get(run, "steps"), i);

		if (after(step_of(run, i), "bind", new) != NULL)
			f.bind = iu_step_outcome(step);
		else if (after(step_of(run, i), "listen", new) != NULL)
			f.listen = iu_step_outcome(step);
	}
	return f;
}
