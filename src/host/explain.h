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

/* The answer that an errno of bind, listen or connect is; false for one that is none. 0 and EINPROGRESS are INUSE_R_OK. */
bool iu_result_of_errno(int code, enum inuse_result *ret_result);

/* The call has failed with os_code (an errno), so that is certain, whatever was hidden; see iu_judge_settle(). */
void iu_explain_settle(struct inuse_answer *answer, int os_code);

/*
 * The lines, ended with '\n', about a call that was refused as such and not for its address: this verdict knows of nothing in
 * its way, and yet it said EPERM or EACCES. NULL: it is no such call. The text is not to be freed.
 */
const char *iu_explain_forbidden(const struct iu_facts *facts, const struct inuse_verdict *verdict, enum inuse_result said);

/*
 * What is told on a failure with os_code (an errno): the answer, or a sentence about why there is none. answer may be
 * NULL, then `why` tells. style: enum inuse_style. Lines end in '\n'; free() it. NULL when out of memory.
 */
char *iu_explain_text(const struct inuse_answer *answer, const struct inuse_error *why, int os_code, uint32_t style);

#endif
