/* SPDX-License-Identifier: MIT */
/*
 * What kernels differ in (src/model/features.def): what the running one has.
 *
 * Theory of operation
 *
 * At first every feature is *assumed* from the kernel's version. What is found out on the way costs nothing: the BPF walk
 * depends on three of them itself, and a setting is there or not. The rest stands in the kernel's type information, which takes
 * as long to read as all else together; so it is read only where another answer would come of it: every feature that is
 * still assumed is turned round, and the call judged again.
 */
#ifndef IU_HOST_FEATURES_H
#define IU_HOST_FEATURES_H

#include "host/snapshot.h"

/* enum iu_feature: those that were found out, and those of these that the kernel has. */
struct iu_probed {
	uint32_t which, present;
};

/* What was found out takes the place of what was assumed. */
void iu_features_take(struct iu_facts *facts, const struct iu_probed *probed);

/* Those still assumed without which, or with which, an answer to one of the requests would be another. Pure. */
uint32_t iu_features_that_matter(const struct iu_facts *facts, const struct inuse_request *requests, size_t n);

/* Finds out what matters to these requests, of a snapshot of this machine, and says in it what had to stay assumed. */
void iu_features_settle(struct inuse_snapshot *snapshot, const struct inuse_request *requests, size_t n);
/* Finds out what can be, for facts that are kept: whoever reads them may ask anything. */
void iu_features_settle_all(struct inuse_snapshot *snapshot);

/*
 * Looks in the kernel's type information, or in a file of that form (BTF). What cannot be told is not in ret->which.
 * INUSE_E_UNSUPPORTED: there is none, or this build cannot read it. 10 ms.
 */
#define IU_KERNEL_TYPES "/sys/kernel/btf/vmlinux"
enum inuse_status iu_features_probe(const char *path, uint32_t wanted, struct iu_probed *ret, struct inuse_error *error);

/* The same in the names of its functions, or in a file of that form. Nothing is told where there are none. 100 ms. */
#define IU_KERNEL_NAMES "/proc/kallsyms"
void iu_features_probe_names(const char *path, uint32_t wanted, struct iu_probed *ret);

/* One line of what the kernel has. name and what: borrowed, what is translated. */
struct iu_feature_line {
	const char *name, *what;
	bool present, probed;
};
/* The running kernel, feature by feature, in the order of features.def. */
void iu_features_each(void (*fn)(void *arg, const struct iu_feature_line *line), void *arg);
/* enum iu_feature of the running kernel, found out where that is possible. */
uint32_t iu_features_here(void);

#endif
