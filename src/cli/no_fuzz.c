/* SPDX-License-Identifier: MIT */
/* inuse lab --fuzz where there is no Linux kernel to hold the model against. */
#include <stdio.h>

#include "base/gettext.h"
#include "cli/cli.h"
#include "cli/lab_fuzz.h"

int iu_lab_fuzz(const struct iu_lab_fuzz *what)
{
	fputs(_("inuse: --fuzz plays on a Linux kernel, and this is none\n"), stderr);
	return IU_EXIT_UNKNOWN;
}
