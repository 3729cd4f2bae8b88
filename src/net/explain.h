/* SPDX-License-Identifier: MIT */
/* Where a failing call of serve or dial gets its verdict from. */
#ifndef IU_NET_EXPLAIN_H
#define IU_NET_EXPLAIN_H

#include "inuse.h"

/* Says on stderr why this call failed with os_code (an errno). The sentence that it failed is printed already. */
void iu_net_explain(const struct inuse_request *request, int os_code);

#endif
