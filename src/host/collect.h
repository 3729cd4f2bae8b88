/* SPDX-License-Identifier: MIT */
/* The inside of iu_host_take(): sources run in their order, owners found, before anything is in the snapshot. */
#ifndef IU_HOST_COLLECT_H
#define IU_HOST_COLLECT_H

#include "host/sources.h"

/* linux v6.18 include/linux/proc_ns.h PROC_PID_INIT_INO: the number of the machine's first pid namespace is fixed. */
#define IU_FIRST_PID_NAMESPACE 0xEFFFFFFC

enum iu_source_use { IU_FOR_PORTS = 1, IU_FOR_TABLE = 2, IU_FOR_OWNERS = 4, IU_FOR_OPTIONS = 8 };

/* Where sockets go. Any but fn may be NULL. */
struct iu_sink {
	iu_socket_fn *fn;
	iu_bucket_fn *bucket_fn;
	iu_elsewhere_fn *elsewhere_fn; /* called by the source BUCKET only */
	void *arg;
	bool streams; /* nothing is kept: few ports are read like a table, half-open connections included */
	void (*restart)(void *arg); /* forget what came: the source broke off, the next one begins */
	struct inuse_snapshot *told; /* who was used or refused is said here */
	struct inuse_error *refused; /* why the first source that was tried did not answer */
};

/* A row of hosts.def. each is NULL for those that tell of no sockets. */
struct iu_source {
	const char *name;
	enum inuse_status (*each)(const struct iu_scope *scope, const struct iu_sink *sink, uint32_t *ret_unseen,
				  struct inuse_error *error);
	unsigned use; /* enum iu_source_use */
	const char *tells;
};
extern const struct iu_source iu_sources[IU_N_SOURCES];

/* True if the scope leaves the source out. */
bool iu_source_is_out(const struct iu_scope *scope, enum iu_source_id id);

/* Runs the sources until one answers; *ret_id which one it was. */
enum inuse_status iu_sources_run(const struct iu_scope *scope, const struct iu_sink *sink, enum iu_source_id *ret_id,
				 uint32_t *ret_unseen, struct inuse_error *error);

/* What one pass over the machine found. Strings of the processes are in the snapshot's arena. */
struct iu_collection {
	const struct iu_scope *scope; /* whose want() chooses; NULL: all */
	struct inuse_socket *sockets;
	size_t n_sockets, cap_sockets;
	struct iu_bucket *buckets;
	size_t n_buckets, cap_buckets;
	struct iu_elsewhere *elsewheres;
	size_t n_elsewheres, cap_elsewheres;
	struct inuse_process *processes;
	size_t n_processes, cap_processes;
	struct inuse_holder *holders; /* sockets point at slices of it */
	size_t n_holders, cap_holders;
	bool failed; /* memory ran out */
};

void iu_collection_done(struct iu_collection *c);
/* Copies one record to the end of a growing array; false when out of memory, which is remembered. */
bool iu_collection_add(struct iu_collection *c, void *array_pointer, size_t *n, size_t *cap, const void *record,
		       size_t size);

/* A socket with an inode that nobody holds although every process could be read: in flight, or read too early. */
bool iu_socket_is_unheld(const struct inuse_socket *socket);

enum iu_owners_of { IU_OWNERS_OF_ALL, IU_OWNERS_OF_UNHELD };
/*
 * Finds who holds the sockets of the collection (or only those that nobody seems to hold), and fills in processes and
 * holders. INUSE_KNOW_OWNER where the search was complete. tell: say in the snapshot which sources were used.
 */
enum inuse_status iu_owners_find(const struct iu_scope *scope, enum iu_owners_of which, struct iu_collection *c,
				 struct inuse_snapshot *s, bool tell, struct inuse_error *error);

/* Reads the options that are not known from processes that one may trace. */
void iu_options_find(const struct iu_scope *scope, struct iu_collection *c, struct inuse_snapshot *s);

#endif
