/* SPDX-License-Identifier: MIT */
/* Why a call has failed: the same answer as that to a question in words, from the call itself. */
#ifndef IU_HOST_EXPLAIN_H
#define IU_HOST_EXPLAIN_H

#include "host/answer.h"

/*
 * Looks at this host, in the network namespace of the calling thread, and judges exactly this call. own_inode: the
 * socket that makes it, which does not stand in its own way; 0 when it is closed. asker:
 * pid of its process, 0 unknown. Errors as of inuse_ask(); the caller
 * frees the answer with inuse_answer_free().
 */
enum inuse_status iu_explain(const struct inuse_request *request, uint64_t own_inode, int32_t asker,
			     struct inuse_answer **ret_answer, struct inuse_error *error);

/*
 * The call has failed with os_code (an errno), so that is certain, whatever Windows did not show: "cannot tell" becomes
 * what came of it. Elsewhere nothing changes.
 */
void iu_explain_settle(struct inuse_answer *answer, int os_code);

/*
 * What is told on a failure with os_code (an errno): the answer, or a sentence about why there is none. answer may be
 * NULL, then `why` tells. style: enum inuse_style. Lines end in '\n'; free() it. NULL when out of memory.
 */
char *iu_explain_text(const struct inuse_answer *answer, const struct inuse_error *why, int os_code, uint32_t style);

#endif
