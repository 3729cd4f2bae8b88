/* SPDX-License-Identifier: MIT */
/* What only Unix has: unix sockets whose owners can be looked up, and shells that ask for completions. */
#include "base/gettext.h"
#include "cli/complete.h"
#include "cli/why.h"

int iu_why_unix(const char *path, bool json, bool quiet)
{
	if (!quiet)
		fputs(_("inuse: the paths of unix sockets can be looked at on Linux only\n"), stderr);
	return IU_EXIT_UNKNOWN;
}

int iu_complete(int n, char **words)
{
	return IU_EXIT_UNKNOWN;
}
