/* SPDX-License-Identifier: MIT */
/* What is done next about a failing call: the gentlest thing that helps. */
#include "supervise/remedy.h"

#include "supervise/run.h"

#define NS_PER_S INT64_C(1000000000)
/* Between the moment that is known and the call that succeeds. */
#define MARGIN_NS (2 * NS_PER_S)

enum iu_remedy_step iu_remedy_next(const struct iu_remedy *remedy, const struct iu_advice *advice, int64_t *ret_ns)
{
	int64_t limit = remedy->wait_s * NS_PER_S, end = advice->wait_ns + advice->slack_ns + MARGIN_NS;

	*ret_ns = 0;
	if (!advice->judged)
		return IU_REMEDY_GIVE_UP;
	if ((remedy->fix & IU_FIX_REUSEADDR) != 0 && advice->reuseaddr_helps && !remedy->reuseaddr_tried)
		return IU_REMEDY_REUSEADDR;
	if ((remedy->fix & IU_FIX_EVICT) != 0 && advice->cleared && !remedy->again_tried)
		return IU_REMEDY_AGAIN;
	if ((remedy->fix & IU_FIX_WAIT) == 0 || advice->wait_ns < 0 || advice->wait_ns > limit)
		return IU_REMEDY_GIVE_UP;
	*ret_ns = end < limit ? end : limit;
	return IU_REMEDY_WAIT;
}
