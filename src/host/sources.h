/* SPDX-License-Identifier: MIT */
/*
 * One function per source. All read the network namespace of the calling thread.
 * A source that cannot run on this machine, for this user or in this build returns INUSE_E_UNSUPPORTED or
 * INUSE_E_PERMISSION with one sentence in the error ("CAP_BPF is missing", "this kernel has no BTF"), having called
 * nothing; a table dump that broke off half-way returns INUSE_OK and sets INUSE_MISSING_PARTIAL in ret_unseen.
 */
#ifndef IU_HOST_SOURCES_H
#define IU_HOST_SOURCES_H

#include "host/host.h"

/* A socket, and the bucket it hangs on where the source knows it (NULL else). */
typedef bool iu_bucket_fn(void *arg, const struct iu_bucket *bucket);
/* How many sockets have a port in another network namespace. */
typedef bool iu_elsewhere_fn(void *arg, const struct iu_elsewhere *elsewhere);

/*
 * Everything that is on the bind buckets of scope->ports (at most 16), by a BPF program. Half-open requests are not owners; they come, too, where
 * a destination was asked about (scope->routes) and somebody listens on such a port.
 * elsewhere_fn: sockets on these ports in all other network namespaces, counted per namespace and port; NULL: not looked for.
 */
enum inuse_status iu_bucket_each(const struct iu_scope *scope, iu_socket_fn *fn, iu_bucket_fn *bucket_fn,
				 iu_elsewhere_fn *elsewhere_fn, void *arg, uint32_t *ret_unseen, struct inuse_error *error);
/* The counts alone. */
enum inuse_status iu_bucket_elsewhere(uint16_t port, iu_elsewhere_fn *fn, void *arg, struct inuse_error *error);
/*
 * What these ports remember, however many they are: the buckets alone. A port of which that cannot be read is left out. INUSE_E_*: they
 * cannot be read at all, and nothing was handed out.
 */
enum inuse_status iu_bucket_memories(const uint16_t *ports, size_t n, iu_bucket_fn *fn, void *arg, struct inuse_error *error);
/* The whole table with flags, bound-only sockets included. BPF programs. */
enum inuse_status iu_iter_each(const struct iu_scope *scope, iu_socket_fn *fn, void *arg, uint32_t *ret_unseen,
			       struct inuse_error *error);
/* Half-open requests on scope->ports alone, which are on no bucket: by a walk over all connections. 0 or an errno. */
int iu_iter_requests(const struct iu_scope *scope, iu_socket_fn *fn, void *arg);
/* sock_diag: everything but flags; bound-only from 6.8. proto: TCP or UDP. Needs nothing. */
enum inuse_status iu_diag_each(const struct iu_scope *scope, enum inuse_proto proto, iu_socket_fn *fn, void *arg,
			       uint32_t *ret_unseen, struct inuse_error *error);
/* /proc/net/tcp and tcp6: for kernels and builds without the others. */
enum inuse_status iu_procnet_each(const struct iu_scope *scope, iu_socket_fn *fn, void *arg, uint32_t *ret_unseen,
				  struct inuse_error *error);

/*
 * Who has which of these socket inodes open: fn(arg, inode, pid, fd) per descriptor, pid in the caller's namespace
 * (0 when it has no number there). *ret_complete: every process of the machine was read, from the initial pid namespace.
 * inodes NULL: who has which sockets open, all of them; other sockets than those of TCP may come, too.
 */
typedef bool iu_owner_fn(void *arg, uint64_t inode, int32_t pid, int32_t fd);
enum inuse_status iu_files_owners(const uint64_t *inodes, size_t n, iu_owner_fn *fn, void *arg, bool *ret_complete,
				  struct inuse_error *error); /* BPF program */
enum inuse_status iu_proc_owners(const uint64_t *inodes, size_t n, iu_owner_fn *fn, void *arg, bool *ret_complete,
				 struct inuse_error *error);  /* /proc/PID/fd */
/* The same, and incomplete after a second. */
enum inuse_status iu_proc_owners_briefly(const uint64_t *inodes, size_t n, iu_owner_fn *fn, void *arg, bool *ret_complete,
					 struct inuse_error *error);

/*
 * Which of these inodes are in flight, sent over a unix socket of this network namespace and not received yet:
 * fn(arg, inode) for each, which then nobody has open. BPF iter/unix; queues are read without locks.
 */
typedef bool iu_inode_fn(void *arg, uint64_t inode);
enum inuse_status iu_flight_each(const uint64_t *inodes, size_t n, iu_inode_fn *fn, void *arg, struct inuse_error *error);

/*
 * Fills in what /proc tells of a process: command, user, directory, terminal, state, unit, container. Missing is "".
 * One that runs where /proc does not show it has its number
 * alone, and uid UINT32_MAX. INUSE_E_SYSTEM, with nothing filled in, when the process is gone. socket_unit is left "".
 */
enum inuse_status iu_proc_describe(struct inuse_snapshot *s, int32_t pid, struct inuse_process *ret_process);
/*
 * Which .socket unit listens on `local`, for a socket that pid 1 holds: its name into buf, "" when there is none. The
 * system's unit files are read below `root` ("" but in tests). Returns buf.
 */
char *iu_proc_socket_unit(const char *root, const struct inuse_addr *local, char *buf, size_t size);
/* Reads SO_REUSEADDR, SO_REUSEPORT, IPV6_V6ONLY, device through pidfd_getfd of a process one may trace. */
enum inuse_status iu_proc_flags(int32_t pid, int32_t fd, uint64_t inode, struct inuse_socket *socket);

/* Settings, clock, tick rate, kernel version and features into the scalars of the snapshot; reserved ports. */
enum inuse_status iu_settings_read(struct inuse_snapshot *s, struct inuse_error *error);
/* Addresses one may bind, devices. */
enum inuse_status iu_locals_read(struct inuse_snapshot *s, struct inuse_error *error);
/* What routing says of each destination in scope->routes. */
enum inuse_status iu_routes_read(struct inuse_snapshot *s, const struct iu_scope *scope, struct inuse_error *error);

#endif
