/* SPDX-License-Identifier: MIT */
/*
 * Removing from the kernel what stands in the way of a call: remains, orphans, and on demand living connections.
 *
 * Theory of operation
 *
 * A *plan* is made by looking at the host: every socket that stands in the way of the requests is counted by its kind,
 * and those that may be removed are listed, each by its addresses and, where the source tells it, its cookie. The plan can be
 * shown. *Applying* it asks the kernel to destroy these very sockets (SOCK_DESTROY): a cookie that the source did not tell is asked for
 * first, and the socket is left alone if it is no longer what the plan says, as when a new connection has taken the place of the
 * old one. A listener or a bound socket is never removed: the kernel would leave its port with the descriptor anyway.
 * Both read and act in the network namespace of the calling thread.
 *
 * What it risks: behind a TIME-WAIT, late packets of the old connection may reach a new one of the same four numbers; of an
 * orphan, what was not delivered yet is lost; a living connection is reset.
 * linux v6.18 net/ipv4/tcp_diag.c tcp_diag_destroy(), net/ipv4/tcp.c tcp_abort(); TIME-WAIT since v6.0.
 */
#ifndef IU_CURE_EVICT_H
#define IU_CURE_EVICT_H

#include "cure/in_the_way.h"

/* A socket that is to be removed. */
struct iu_evict_target {
	struct inuse_addr local, remote;
	uint64_t cookie; /* 0: not told */
	uint32_t device;
	uint8_t family, state, kind; /* enum inuse_state, enum iu_kind */
};

struct iu_evict_plan {
	struct iu_evict_target *targets;
	size_t n, cap;
	uint64_t n_of_kind[IU_N_KINDS]; /* sockets in the way, whether they are to be removed or not */
	bool partial; /* they changed while they were read: there may be more */
};

/*
 * Plans to remove what stands in the way of any of the requests: remains and orphans; living: connections of the server's side, too.
 * without: sources not to use (bits of enum iu_source_id). context: as for iu_is_in_the_way(), may be NULL.
 * The caller ends *ret_plan with iu_evict_plan_done(), which takes {0}, too. INUSE_E_MEMORY; INUSE_E_*: no source answers.
 */
enum inuse_status iu_evict_plan(const struct inuse_request *requests, size_t n, const struct iu_facts *context,
				bool living, unsigned without, struct iu_evict_plan *ret_plan,
				struct inuse_error *error);
void iu_evict_plan_done(struct iu_evict_plan *plan);

/* INUSE_E_PERMISSION, INUSE_E_UNSUPPORTED: there is no point in trying. INUSE_OK: the kernel may still refuse. */
enum inuse_status iu_evict_permitted(struct inuse_error *error);

/* What came of it. */
struct iu_evict_done {
	uint64_t n_removed;
	uint64_t n_gone; /* had gone by themselves, or were no longer what the plan says */
	uint64_t n_refused; /* the kernel would not; os_code tells why the last one */
	int os_code;
};

/* Called now and then with how many targets are through; false stops. */
typedef bool iu_evict_progress_fn(void *arg, uint64_t n);
/*
 * Carries the plan out. progress may be NULL. *ret_done is filled in in any case. INUSE_E_PERMISSION (CAP_NET_ADMIN in the
 * namespace), INUSE_E_UNSUPPORTED: some were refused for that reason, and nothing more was tried after the hundred or so that
 * were asked for together.
 */
enum inuse_status iu_evict_apply(const struct iu_evict_plan *plan, iu_evict_progress_fn *progress, void *arg,
				 struct iu_evict_done *ret_done, struct inuse_error *error);

#endif
