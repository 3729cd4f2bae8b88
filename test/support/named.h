/* SPDX-License-Identifier: MIT */
/* Causes that are made for real: how inuse names them, and what the usual tools show of the port at that moment. */
#ifndef SUPPORT_NAMED_H
#define SUPPORT_NAMED_H

#include "support/live.h"

/*
 * Asks with these words, as root and as an ordinary user. Root must hear this cause and exit status. The user must hear the
 * same status, or "cannot tell" (3) where flags hidden from him decide; the opposite only where a whole kind of socket is
 * hidden from him, and then qualified.
 */
#define named(cause, status, port, ...) \
	check_named(cause, status, port, (const char *const[]){"inuse", "--json", __VA_ARGS__, NULL}, __LINE__)
/* The verbs `why connect` and the like have their own place for --json. */
#define why_named(cause, status, port, ...) \
	check_named(cause, status, port, (const char *const[]){"inuse", "why", __VA_ARGS__, "--json", NULL}, __LINE__)

void check_named(const char *cause, int status, const char *port, const char *const *argv, int line);

/* A row of the table without having asked here; as_user: what an ordinary user was told. */
void named_row(const char *cause, const char *port, const char *as_user);

/* Prints a row for each cause that was named so far; for cmocka, as the end of a group of tests. Returns 0. */
int named_table(void **state);

#endif
