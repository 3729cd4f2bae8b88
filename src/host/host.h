/* SPDX-License-Identifier: MIT */
/*
 * The eyes: a machine, seen through one shape.
 *
 * Theory of operation
 *
 * A *scope* says what is wanted: a port or all of them, whether owners are wanted, whether sockets that no rule
 * tells apart may be counted together. A *source* (IU_HOSTS_DEF: hosts.def of this system) delivers sockets through a callback, says what kinds it cannot see, and is
 * replaced by the next when it is missing or refused. iu_host_each() streams; iu_host_take() collects a sealed
 * snapshot with settings, addresses, routes and owners.
 * All sources read the namespace of the calling thread; iu_host_enter() changes that.
 */
#ifndef IU_HOST_HOST_H
#define IU_HOST_HOST_H

#include "host/snapshot.h"

enum iu_source_id {
#define SOURCE(id, name, each, use, tells) IU_SOURCE_##id,
#include IU_HOSTS_DEF
#undef SOURCE
	IU_N_SOURCES,
};

struct iu_probed; /* host/features.h */

struct iu_scope {
	const uint16_t *ports; /* local ports that matter; NULL all */
	size_t n_ports;
	bool owners;      /* find processes */
	bool classes;     /* count alike sockets together (only sockets in TIME-WAIT and the like) */
	bool elsewhere;   /* look at other namespaces and at UDP, too */
	bool bound;       /* bound-only sockets are wanted */
	bool listeners;   /* only listeners are wanted: a source may leave out the rest, where that is faster */
	const struct inuse_addr *routes; /* destinations of connect() whose route is wanted */
	size_t n_routes;
	const struct inuse_addr *at;     /* addresses asked about: classes keep "is one of these" apart */
	size_t n_at;
	uint32_t route_device, route_mark;
	const struct inuse_addr *route_from; /* source, or NULL */
	bool (*want)(void *arg, const struct inuse_socket *socket); /* iu_host_take(): leaves out those it is false of; NULL none */
	void *want_arg;
	/*
	 * iu_host_take(): what iu_host_each() has just told of this scope, which is not read again; given_seen NULL: nothing.
	 * A malloc()ed array that becomes the snapshot's; the caller's pointer is NULL then.
	 */
	struct inuse_socket **given;
	size_t n_given;
	const struct iu_seen *given_seen;
	struct iu_probed *probed; /* what a source finds out about the kernel on its way is put here; NULL: nowhere */
	unsigned without; /* bit (1u << enum iu_source_id): sources not to use (tests, and --eyes) */
};

/* Return false to stop. The socket is borrowed for the call. */
typedef bool iu_socket_fn(void *arg, const struct inuse_socket *socket);

/* Which source answered. unseen: enum inuse_missing. reason: why a better one did not, one sentence, or "". */
struct iu_seen {
	uint32_t unseen;
	enum iu_source_id id;
	char source[32];
	char reason[256];
};

/* Streams the sockets of the scope, best source first. INUSE_E_* when none could answer. */
enum inuse_status iu_host_each(const struct iu_scope *scope, iu_socket_fn *fn, void *arg, struct iu_seen *ret_seen,
			       struct inuse_error *error);

/*
 * Takes a sealed snapshot; the caller frees it with iu_snapshot_free(). Which sources were used, missing or refused is in
 * iu_snapshot_said(). INUSE_E_* when no source could tell of sockets.
 */
enum inuse_status iu_host_take(const struct iu_scope *scope, struct inuse_snapshot **ret_snapshot,
			       struct inuse_error *error);

/* Does this process have the capability (linux/capability.h: CAP_...) in effect, over the network namespace that it is in? */
enum inuse_tri iu_host_may(int capability);

/* Nanoseconds on the snapshot's clock (CLOCK_BOOTTIME). */
int64_t iu_host_now(void);

#endif
