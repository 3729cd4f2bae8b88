/* SPDX-License-Identifier: MIT */
/* `inuse ls` on the running machine. */
#include "cli/ls.h"

#include "base/error.h"
#include "base/gettext.h"

enum inuse_status iu_ls_live(struct iu_ls *ls, struct inuse_error *error)
{
	return iu_fail(error, INUSE_E_UNSUPPORTED, 0, NULL, _("only saved states can be listed so far: --snapshot FILE"));
}
