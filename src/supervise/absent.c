/* SPDX-License-Identifier: MIT */
/* run in a build without libseccomp or libuv: one sentence. */
#include <stdio.h>

#include "base/gettext.h"
#include "supervise/run.h"

int iu_run(const struct iu_run_options *options)
{
	fputs(_("inuse run: this build cannot supervise programs, because it was made without libseccomp or libuv\n"), stderr);
	return IU_RUN_UNABLE;
}
