/* SPDX-License-Identifier: MIT */
/* Between main.c and the verb why. */
#ifndef IU_CLI_WHY_H
#define IU_CLI_WHY_H

#include "cli/cli.h"

/* `inuse ADDR`: what stands where a verb should is an address. */
extern const struct iu_verb iu_verb_bare;

/* `inuse --version`: the version, then a line for each source: whether this kernel and this user have it. */
int iu_print_version(FILE *f, bool json);

/* `inuse PATH`: what a unix socket's path holds. Returns an exit status, having printed. */
int iu_why_unix(const char *path, bool json, bool quiet);

#endif
