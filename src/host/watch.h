/* SPDX-License-Identifier: MIT */
/*
 * What wakes somebody who waits for an address: sockets that go away or begin to listen, processes that end, a network that changes.
 *
 * Theory of operation
 *
 * The kernel tells of every TCP socket that it frees (linux v6.18 net/core/sock_diag.c sock_diag_broadcast_destroy());
 * a filter on the receiving socket keeps all but those of the ports in question away. What is left in TIME-WAIT goes
 * without a word: its end is known beforehand. That a socket of a process that goes on is shut down or gets other options
 * is told by nobody either: whoever waits looks again now and then.
 * That a socket begins to listen is told, to those with CAP_BPF and CAP_PERFMON, by a program of our own (bpf/listen.bpf.c).
 * Events come after a subscription and are kept until they are read, so: watch first, then look, then sleep.
 */
#ifndef IU_HOST_WATCH_H
#define IU_HOST_WATCH_H

#include "inuse.h"

struct iu_watch;

/* What happened; bits. 0: nothing, until the time was up. */
enum iu_watch_event {
	IU_WATCH_SOCKET = 1u << 0, /* a socket of the ports was freed, or news of some was lost */
	IU_WATCH_PROCESS = 1u << 1, /* one of the processes ended */
	IU_WATCH_NETWORK = 1u << 2, /* an address, an interface or a route came or went */
	IU_WATCH_OTHER = 1u << 3, /* the caller's own descriptor is readable */
	IU_WATCH_LISTENER = 1u << 4, /* a socket is about to listen on the port */
};

/*
 * Watches sockets with one of these local ports (host byte order, at most IU_WATCH_PORTS) in the network namespace of the
 * calling thread, and its network; routes: the routes, too. What this kernel, user or build does not offer is left out.
 * The caller frees *ret_watch. INUSE_E_MEMORY.
 */
#define IU_WATCH_PORTS 4
enum inuse_status iu_watch_new(const uint16_t *ports, size_t n_ports, bool routes, struct iu_watch **ret_watch,
			       struct inuse_error *error);
/* NULL is fine. */
void iu_watch_free(struct iu_watch *watch);

/* IU_WATCH_SOCKET will be told. */
bool iu_watch_sees_sockets(const struct iu_watch *watch);

/* From now on it is told when a socket begins to listen on that port (host byte order); false: not to this user, by this kernel or build. */
bool iu_watch_for_listeners(struct iu_watch *watch, uint16_t port);

/* From now on these processes (numbers of the caller's pid namespace) instead of the former ones; 64 of them at most. */
void iu_watch_processes(struct iu_watch *watch, const int32_t *pids, size_t n);

/*
 * Sleeps until one of the events in `want` happens or iu_host_now() is until_ns (INT64_MAX: never); others are kept.
 * fd: a descriptor to watch as well, or -1.
 */
unsigned iu_watch_wait(struct iu_watch *watch, unsigned want, int64_t until_ns, int fd);
/* Forgets what was told of sockets, listeners and the network so far: the caller is about to look. */
void iu_watch_forget(struct iu_watch *watch);

/*
 * Descriptors that become readable with every message of the subscription; -1 where there is none. For watch.c: the
 * build without netlink has none of them.
 */
int iu_watch_open_sockets(const uint16_t *ports, size_t n_ports);
int iu_watch_open_network(bool routes);

/*
 * The same of sockets that begin to listen: NULL where there is no such thing. The descriptor stays readable until what was told is
 * drained. For watch.c: the build without BPF has none of it.
 */
struct iu_watch_listeners;
struct iu_watch_listeners *iu_watch_open_listeners(uint16_t port);
/* NULL is fine. */
void iu_watch_close_listeners(struct iu_watch_listeners *listeners);
int iu_watch_listeners_fd(const struct iu_watch_listeners *listeners);
void iu_watch_listeners_drain(struct iu_watch_listeners *listeners);

#endif
