/* SPDX-License-Identifier: MIT */
/* inuse --version: the version, and what this kernel shows this user. */
#include "base/gettext.h"
#include "cli/why.h"

int iu_print_version(FILE *f)
{
	fprintf(f, "inuse %s\n", INUSE_VERSION);
	return IU_EXIT_GO;
}
