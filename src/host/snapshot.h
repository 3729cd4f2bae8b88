/* SPDX-License-Identifier: MIT */
/*
 * A snapshot: facts of one network namespace, in an arena that owns every string and record.
 *
 * Sources append with iu_snapshot_add_*(); when all have run, iu_snapshot_seal() points `facts` at the arrays.
 * Not safe for use from several threads at once; different snapshots are independent.
 */
#ifndef IU_HOST_SNAPSHOT_H
#define IU_HOST_SNAPSHOT_H

#include "model/facts.h"

struct inuse_snapshot;

/* Makes an empty snapshot; NULL when out of memory. */
struct inuse_snapshot *iu_snapshot_new(void);
/* Frees it and everything borrowed from it. NULL is fine. */
void iu_snapshot_free(struct inuse_snapshot *snapshot);

/* Each copies one record to the end and returns the copy (valid until the next add), or NULL when out of memory. */
struct inuse_socket *iu_snapshot_add_socket(struct inuse_snapshot *s, const struct inuse_socket *socket);
struct inuse_process *iu_snapshot_add_process(struct inuse_snapshot *s, const struct inuse_process *process);
struct inuse_holder *iu_snapshot_add_holder(struct inuse_snapshot *s, const struct inuse_holder *holder);
struct iu_local *iu_snapshot_add_local(struct inuse_snapshot *s, const struct iu_local *local);
struct iu_device *iu_snapshot_add_device(struct inuse_snapshot *s, const struct iu_device *device);
struct iu_route *iu_snapshot_add_route(struct inuse_snapshot *s, const struct iu_route *route);
struct iu_bucket *iu_snapshot_add_bucket(struct inuse_snapshot *s, const struct iu_bucket *bucket);
struct iu_elsewhere *iu_snapshot_add_elsewhere(struct inuse_snapshot *s, const struct iu_elsewhere *elsewhere);
struct iu_range *iu_snapshot_add_reserved(struct inuse_snapshot *s, const struct iu_range *range);
struct iu_range *iu_snapshot_add_excluded(struct inuse_snapshot *s, const struct iu_range *range);
struct iu_range *iu_snapshot_add_covered(struct inuse_snapshot *s, const struct iu_range *range);

/*
 * Makes a malloc()ed array, with room for cap sockets of which there are n, that of the snapshot, which has none yet: a table may
 * be long, and is not copied.
 */
void iu_snapshot_own_sockets(struct inuse_snapshot *s, struct inuse_socket *sockets, size_t n, size_t cap);

/* Copies a string into the arena; "" for NULL; "" also when out of memory, which is remembered (see seal). */
const char *iu_snapshot_string(struct inuse_snapshot *s, const char *text);
/* As above, at most len bytes. */
const char *iu_snapshot_string_n(struct inuse_snapshot *s, const char *text, size_t len);

/* The scalars of the facts (settings, features, unseen, now_ns, ...), to be written by the sources. */
struct iu_facts *iu_snapshot_scalars(struct inuse_snapshot *s);

/* A source that was used, missing or refused: one sentence for -v and --version. ok: it worked. */
void iu_snapshot_say(struct inuse_snapshot *s, const char *source, bool ok, const char *text);
size_t iu_snapshot_n_said(const struct inuse_snapshot *s);
/* Row i; the strings live as long as the snapshot. */
void iu_snapshot_said(const struct inuse_snapshot *s, size_t i, const char **ret_source, bool *ret_ok,
		      const char **ret_text);

/* Points the arrays of the facts at what was added. INUSE_E_MEMORY if any add or string failed. */
enum inuse_status iu_snapshot_seal(struct inuse_snapshot *s, struct inuse_error *error);
const struct iu_facts *iu_snapshot_facts(const struct inuse_snapshot *s);
/* Whose call is judged: a pid as the processes have theirs. */
void iu_snapshot_set_asker(struct inuse_snapshot *s, int32_t pid);

#endif
