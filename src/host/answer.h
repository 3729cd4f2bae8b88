/* SPDX-License-Identifier: MIT */
/* What the program needs of an answer beyond the public functions. */
#ifndef IU_HOST_ANSWER_H
#define IU_HOST_ANSWER_H

#include "host/snapshot.h"
#include "say/say.h"

#define IU_MAX_ADDRS 16

struct inuse_answer {
	struct inuse_snapshot *own;             /* freed with the answer; NULL when judged on the asker's snapshot */
	const struct iu_facts *facts;
	struct inuse_verdict verdicts[IU_MAX_ADDRS];
	struct inuse_verdict other;             /* the deciding request with SO_REUSEADDR the other way round */
	bool has_other;
	size_t n;
	char asked[600], again[800];            /* what the headline calls it; the words that ask it again; escaped */
};

/* May this process, or for another uid any process of that user, bind ports below ip_unprivileged_port_start? */
enum inuse_tri iu_may_bind_low(int64_t uid);
/* The answer again from its facts, with another request: for --try and for what follows a failed call. */
void iu_answer_judge(struct inuse_answer *answer, const struct inuse_request *requests, size_t n);

#endif
