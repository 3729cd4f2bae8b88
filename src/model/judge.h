/* SPDX-License-Identifier: MIT */
/* The judge: one request against facts. */
#ifndef IU_MODEL_JUDGE_H
#define IU_MODEL_JUDGE_H

#include "model/rule.h"

/*
 * Judges the request by the profile's tables, names cause and cures, and fills *ret_verdict. Always answers: what is
 * missing makes it CANNOT_TELL. Pure. The verdict borrows from the facts.
 */
void iu_judge(const struct iu_profile *profile, const struct iu_facts *facts, const struct inuse_request *request,
	      struct inuse_verdict *ret_verdict);

/*
 * The call has been made and the system said this, whatever was hidden: "cannot tell" becomes what came of it, and cause and cures
 * are named anew. A verdict that was certain stays, and so does one that nothing of what was hidden could have made so.
 */
void iu_judge_settle(const struct iu_facts *facts, enum inuse_result said, struct inuse_verdict *v);

/* Only outcome, result, rule and blockers, no cause and no cures; `what_if` carries the what-ifs, or NULL. */
void iu_judge_bare(const struct iu_profile *profile, const struct iu_facts *facts, const struct inuse_request *request,
		   const struct iu_world *what_if, struct inuse_verdict *ret_verdict);

/*
 * One system call, bind(), listen() or connect(), of a socket that may exist already: request->call alone, not what comes
 * before it. request->local is the socket's address, for bind() the one it asks for. No cause and no cures.
 */
void iu_judge_call(const struct iu_profile *profile, const struct iu_facts *facts, const struct inuse_request *request,
		   const struct iu_caller *caller, struct inuse_verdict *ret_verdict);

/*
 * What that bind() or listen() makes of one socket of the facts: does it stand in the way? *ret_rule: the owner rule that
 * decided, or first might have; NULL when it is not on the port, and so not asked about.
 */
enum inuse_tri iu_judge_owner(const struct iu_profile *profile, const struct iu_facts *facts, const struct inuse_request *request,
			      const struct iu_caller *caller, const struct inuse_socket *socket, const char **ret_rule);

/* Does the bucket remember a socket with SO_REUSEPORT that lets this request in? sk_reuseport_match() of the kernel. */
bool iu_bucket_lets_in(const struct iu_bucket *bucket, const struct inuse_request *request);
/*
 * What the bucket remembers after a good bind() or listen() by this request: inet_csk_update_fastreuse() of the kernel.
 * first: nobody was on the port before. listening: the socket listens, which no SO_REUSEADDR tolerates. features: enum iu_feature.
 */
void iu_bucket_remember(struct iu_bucket *bucket, const struct inuse_request *request, bool first, bool listening,
			uint32_t features);

/* Was it the row of that id that decided? False where none did: nothing was against the call. */
bool iu_decided_by(const struct inuse_verdict *v, const char *rule);

/* A row of the causes, the cures, the rules. NULL when the id is unknown. */
struct iu_cause {
	const char *id;
	bool (*when)(const struct inuse_verdict *v, const struct iu_facts *f);
};
const struct iu_cause *iu_causes(size_t *ret_n);
void iu_cause_find(const struct iu_facts *facts, struct inuse_verdict *v);

struct iu_cure {
	const char *id;
	/* Fills *cure and answers true when it helps; judges again as it needs. */
	bool (*helps)(const struct iu_profile *p, const struct iu_facts *f, const struct inuse_verdict *v,
		      struct inuse_cure *cure);
};
const struct iu_cure *iu_cures(size_t *ret_n);
void iu_cures_find(const struct iu_profile *profile, const struct iu_facts *facts, struct inuse_verdict *v);

/* The first process that holds the socket, or NULL. */
const struct inuse_process *iu_holder_of(const struct iu_facts *f, const struct inuse_socket *o);

/*
 * The holders are one program: a parent that the others are children of, all of the same name (master and workers).
 * Ending the parent ends it. False for a single holder.
 */
bool iu_holders_are_family(const struct iu_facts *f, const struct inuse_socket *o);

/*
 * Somebody made the socket who is not among those that are seen to hold it, and not all of them can be seen: a master that
 * started as another user, most likely. Ending who is seen may free nothing.
 */
bool iu_maker_is_hidden(const struct iu_facts *f, const struct inuse_socket *o);

/* Who would start the process again, or whose it is, so that ending it by itself is no cure. */
enum iu_manager { IU_MANAGER_NONE, IU_MANAGER_UNIT, IU_MANAGER_CONTAINER };
enum iu_manager iu_manager_of(const struct inuse_process *process);

const struct iu_call_rule *iu_call_rule_find(const struct iu_profile *profile, const char *id);
const struct iu_owner_rule *iu_owner_rule_find(const struct iu_profile *profile, const char *id);

#endif
