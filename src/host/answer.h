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
	unsigned without;                       /* sources that are not to be used, as in struct iu_scope */
	size_t n;
	char asked[600], again[800];            /* what the headline calls it; the words that ask it again; escaped */
};

/* A question with its names resolved, to be asked as often as one likes. Borrows the question and its strings. */
struct iu_resolved {
	const struct inuse_question *q;
	struct inuse_target target, from_target;
	struct inuse_addr addrs[IU_MAX_ADDRS], from; /* n > 0; from: family 0 and port 0 when nothing was said */
	size_t n;
	uint32_t device; /* UINT32_MAX: there is no such interface */
	uint32_t flags;  /* of the call, on the system that is asked about: INUSE_USUAL is what it stands for there */
};

/* inuse_ask() in two steps; statuses as there. */
enum inuse_status iu_resolve_question(const struct inuse_question *q, struct iu_resolved *ret, struct inuse_error *error);
enum inuse_status iu_ask_resolved(const struct iu_resolved *r, struct inuse_answer **ret_answer, struct inuse_error *error);
/* The requests that it comes to on these facts, one for each address; returns how many. Without IPv6 no IPv6 wildcard. */
size_t iu_resolved_requests(const struct iu_resolved *r, const struct iu_facts *facts,
			    struct inuse_request ret[IU_MAX_ADDRS]);

/* What INUSE_USUAL stands for on a system. A client has no use for the exclusive port of a listener. */
uint32_t iu_usual_flags(enum iu_system os, enum inuse_call call);
/* May this process, or for another uid any process of that user, bind ports below ip_unprivileged_port_start? */
enum inuse_tri iu_may_bind_low(int64_t uid);
/* The answer again from its facts, with another request: for --try and for what follows a failed call. */
void iu_answer_judge(struct inuse_answer *answer, const struct inuse_request *requests, size_t n);
/* It is about that network namespace (a name or a pid; NULL: the asker's own): so are the commands that it tells to run. */
void iu_answer_again_in(struct inuse_answer *answer, const char *netns);

#endif
