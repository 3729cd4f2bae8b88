/* SPDX-License-Identifier: MIT */
/* What Windows has instead of removing a connection: nothing. */
#include "base/error.h"
#include "base/gettext.h"
#include "cure/evict.h"

/* SetTcpEntry() of the IP Helper deletes established IPv4 connections only (Microsoft, SetTcpEntry): no TIME-WAIT. */
enum inuse_status iu_evict_permitted(struct inuse_error *error)
{
	return iu_fail(error, INUSE_E_UNSUPPORTED, 0, NULL,
		       _("Windows removes no connection, and no TIME-WAIT, for anybody: it ends by itself (TcpTimedWaitDelay)"));
}

enum inuse_status iu_evict_apply(const struct iu_evict_plan *plan, iu_evict_progress_fn *progress, void *arg,
				 struct iu_evict_done *ret_done, struct inuse_error *error)
{
	*ret_done = (struct iu_evict_done){0};
	return plan->n == 0 ? INUSE_OK : iu_evict_permitted(error);
}
