/* SPDX-License-Identifier: MIT */
/* The sums of `inuse ls --count`: by state, by local port, by remote address. */
#ifndef IU_CLI_LS_COUNT_H
#define IU_CLI_LS_COUNT_H

#include <stdio.h>

#include "inuse.h"

struct iu_ls_count;

/* NULL when out of memory. */
struct iu_ls_count *iu_ls_count_new(void);
void iu_ls_count_free(struct iu_ls_count *count);
/* False when out of memory. */
bool iu_ls_count_add(struct iu_ls_count *count, const struct inuse_socket *socket);
uint64_t iu_ls_count_total(const struct iu_ls_count *count);
/* The highest sums first; for people the first ten of each kind, unless all. */
enum inuse_status iu_ls_count_print(const struct iu_ls_count *count, FILE *f, bool json, bool all,
				    struct inuse_error *error);

#endif
