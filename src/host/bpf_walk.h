/* SPDX-License-Identifier: MIT */
/* A walk over the bind buckets of the calling thread's network namespace, from user space. */
#ifndef IU_HOST_BPF_WALK_H
#define IU_HOST_BPF_WALK_H

#include "bpf/record.h"
#include "host/sources.h"

struct iu_walk_question {
	enum iu_walk_mode mode;
	const uint16_t *ports; /* at most IU_WALK_PORTS; none with IU_WALK_TABLE is all of them */
	size_t n_ports;
	const struct inuse_addr *asked; /* that classes tell apart, at most IU_WALK_ASKED; wildcards are apart anyway */
	size_t n_asked;
	size_t piece; /* IU_WALK_TABLE: records at a time, 0: as many as is good */
	bool elsewhere; /* with IU_WALK_CLASSES and _ALL: the counts of the other namespaces, too */
};

struct iu_walker;

/*
 * Loads the program and walks, again if the lists changed meanwhile or if there was no room for the answer.
 * INUSE_E_PERMISSION, _UNSUPPORTED, _MEMORY, _SYSTEM as in iu_bpf_refused(). The caller frees with iu_walker_free().
 */
enum inuse_status iu_walker_new(const struct iu_walk_question *question, struct iu_walker **ret_walker,
				struct inuse_error *error);
/* Walks once more, with another question of the same mode. 0 or an errno, after which there is no answer. */
int iu_walker_again(struct iu_walker *w, const struct iu_walk_question *question);
/* NULL is fine. */
void iu_walker_free(struct iu_walker *w);

/* The answer; lives as long as the walker. */
const struct iu_walk *iu_walker_answer(const struct iu_walker *w);
/* What the mode ALL found. */
const struct iu_rec *iu_walker_records(const struct iu_walker *w, size_t *ret_n);
/* No try went through undisturbed: what there is may lack some, or have some twice. */
bool iu_walker_partial(const struct iu_walker *w);

/* What a table lacks. */
struct iu_walk_table_end {
	bool partial;      /* some may be missing or be there twice */
	uint64_t requests; /* half-open connections of the listeners: they are on no bucket */
};
/* Return false to stop. The record is borrowed for the call. */
typedef bool iu_walk_record_fn(void *arg, const struct iu_rec *record);
/*
 * Hands out every owner of the ports of the question, whose mode is IU_WALK_TABLE, in the memory of one piece and 8 bytes for
 * each owner of the fullest port. Errors as above, as long as nothing was handed out.
 */
enum inuse_status iu_walk_table(const struct iu_walk_question *question, iu_walk_record_fn *fn, void *arg,
				struct iu_walk_table_end *ret_end, struct inuse_error *error);

#endif
