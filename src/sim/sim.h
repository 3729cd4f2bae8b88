/* SPDX-License-Identifier: MIT */
/*
 * What sockets become, without a kernel.
 *
 * Theory of operation
 *
 * A simulated host has one network namespace and a wire that loses nothing and takes no time: whatever two sockets of the host
 * say to each other has arrived before the call returns. Whether a call succeeds is not decided here: every bind(), listen(),
 * connect() and arriving SYN is put to the model (iu_judge_call(), iu_judge_bare()) together with the facts that this host
 * would show; what it cannot tell is taken to succeed, and said. Here stands what comes of it: handshakes, accept queues, who sends the first FIN, resets, what is left
 * without a process, for how long, and what a port remembers.
 *
 * Time stands still but for iu_sim_wait(). Where the kernel chooses by chance (an automatic port) the caller may say what it
 * chose on the real host; else the first possible one is taken. Other hosts are peers (peer.h), which say what the caller tells them to.
 * Not simulated: lost packets, and between two sockets of this host sequence numbers.
 *
 * Sockets are numbers from 0 on, chosen by the caller, below IU_SIM_SOCKETS. Pure: no system calls.
 */
#ifndef IU_SIM_SIM_H
#define IU_SIM_SIM_H

#include "model/judge.h"

#define IU_SIM_SOCKETS 64
#define IU_SIM_PEERS 8

struct iu_sim;

/* What a call answered. text: "OK", an error's name, "end", "undocumented". A constant string. */
struct iu_sim_answer {
	const char *text;
	const char *rule;    /* the row of the model that decided; NULL: none was asked */
	bool cannot_tell;    /* the model cannot tell: text is "undocumented" */
	uint32_t missing;    /* enum inuse_missing, then */
};

/* kernel: major << 16 | minor whose features are simulated; 0 the newest. NULL when out of memory. */
struct iu_sim *iu_sim_new(const struct iu_profile *profile, uint32_t kernel);
void iu_sim_free(struct iu_sim *sim); /* NULL is fine */

/* ------------------------------------------------------------------------------------- the surroundings */

/* Who makes the next calls; root may bind low ports. */
void iu_sim_user(struct iu_sim *sim, uint32_t uid);
void iu_sim_setting(struct iu_sim *sim, enum iu_setting setting, int64_t value);
/* net.ipv4.ip_local_reserved_ports; at most 16 ranges are kept. */
void iu_sim_reserve(struct iu_sim *sim, const struct iu_range *ranges, size_t n);
/* An address of the host on an interface (1 is lo, which has 127.0.0.0/8 and ::1/128). */
void iu_sim_address(struct iu_sim *sim, uint32_t device, const struct inuse_addr *addr, uint8_t prefix_len);
/* One of them is not usable yet, and will not become so. */
void iu_sim_tentative(struct iu_sim *sim, const struct inuse_addr *addr);
/* An interface goes, with its addresses and what is reached through it. */
void iu_sim_remove(struct iu_sim *sim, uint32_t device);
/* A new interface: its index. name must outlive the host. */
uint32_t iu_sim_device(struct iu_sim *sim, const char *name);
/* Destinations in addr/prefix_len answer with result: unreachable, prohibit, blackhole. */
void iu_sim_route(struct iu_sim *sim, const struct inuse_addr *addr, uint8_t prefix_len, enum inuse_result result);
void iu_sim_wait(struct iu_sim *sim, int64_t ns);
/* Starts anew in a namespace in which no address was ever configured. Nothing may have been done before. */
void iu_sim_without_addresses(struct iu_sim *sim);
enum iu_sim_forbid { IU_SIM_FORBID_BIND = 1u << 0, IU_SIM_FORBID_CONNECT = 1u << 1 };
/* What the simulated kernel has (enum iu_feature), whatever its version says. Nothing may have been done before. */
void iu_sim_features(struct iu_sim *sim, uint32_t features);
/* From now on Landlock refuses these calls (enum iu_sim_forbid), whatever the port. */
void iu_sim_forbid(struct iu_sim *sim, unsigned calls);
/* Is this what is left of a connection without a process: a mini socket, or one that was closed before it has ended? */
bool iu_sim_is_left(const struct inuse_socket *socket);
/* SOCK_DESTROY of what is left without a process on that local port; of those whose peer is there (NULL: anywhere). */
void iu_sim_evict(struct iu_sim *sim, uint16_t port, const struct inuse_addr *peer);

/* -------------------------------------------------------------------------------------------- the calls */

/* flags: INUSE_MPTCP or 0. A number that is in use is taken anew. */
void iu_sim_socket(struct iu_sim *sim, unsigned s, uint8_t family, enum inuse_proto proto, uint32_t flags);
/* Sets or clears one flag of enum inuse_flag. */
struct iu_sim_answer iu_sim_set(struct iu_sim *sim, unsigned s, uint32_t flag, bool on);
enum iu_sim_option { IU_SIM_LINGER, IU_SIM_LINGER2, IU_SIM_DEVICE, IU_SIM_NO_PORT, IU_SIM_NONBLOCKING };
/* LINGER: seconds, -1 off. LINGER2: seconds, -1 none, 0 the setting. DEVICE: index. The others 0 or 1. */
void iu_sim_option(struct iu_sim *sim, unsigned s, enum iu_sim_option option, int64_t value);
void iu_sim_port_range(struct iu_sim *sim, unsigned s, struct iu_range range);
void iu_sim_chown(struct iu_sim *sim, unsigned s, uint32_t uid);

/* chosen: the port that the kernel took where it had the choice; 0: unknown. claims: struct iu_caller. */
struct iu_sim_answer iu_sim_bind(struct iu_sim *sim, unsigned s, const struct inuse_addr *addr, uint8_t claims, uint16_t chosen);
struct iu_sim_answer iu_sim_listen(struct iu_sim *sim, unsigned s, unsigned backlog, uint16_t chosen);
struct iu_sim_answer iu_sim_connect(struct iu_sim *sim, unsigned s, const struct inuse_addr *to, uint16_t chosen);
/* connect() to AF_UNSPEC: it has no connection any more, does not listen, and may do either again. */
struct iu_sim_answer iu_sim_unconnect(struct iu_sim *sim, unsigned s);
struct iu_sim_answer iu_sim_accept(struct iu_sim *sim, unsigned s, unsigned child);
struct iu_sim_answer iu_sim_write(struct iu_sim *sim, unsigned s, unsigned bytes);
struct iu_sim_answer iu_sim_read(struct iu_sim *sim, unsigned s, unsigned bytes);
/* Writes until the peer takes no more. */
struct iu_sim_answer iu_sim_fill(struct iu_sim *sim, unsigned s);
enum iu_sim_shut { IU_SIM_SHUT_READ, IU_SIM_SHUT_WRITE, IU_SIM_SHUT_BOTH };
struct iu_sim_answer iu_sim_shutdown(struct iu_sim *sim, unsigned s, enum iu_sim_shut how);
/* One more process has it open; and one fewer: the last one closes it. */
void iu_sim_hold(struct iu_sim *sim, unsigned s);
void iu_sim_release(struct iu_sim *sim, unsigned s);

/* -------------------------------------------------------------------------------------- peers elsewhere */

/* Peer p, below IU_SIM_PEERS: who speaks from address `at` to address `to` of this host. A number that is in use is taken anew. */
void iu_sim_peer(struct iu_sim *sim, unsigned p, const struct inuse_addr *at, const struct inuse_addr *to, bool timestamps);
/* It sends a packet: see iu_peer_say(). text: the flags that it is answered with, "SYN,ACK", or "nothing"; lives until the next one. */
struct iu_sim_answer iu_sim_send(struct iu_sim *sim, unsigned p, uint8_t flags, int32_t seq, int32_t ack, int32_t time);

/* --------------------------------------------------------------------------------------------- looking */

/* What this host would show at this moment. Borrowed until the next call. */
const struct iu_facts *iu_sim_facts(struct iu_sim *sim);
/*
 * The sockets that bind() to addr (listen() of what it is bound to: NULL) would find on its port, and what the owner rules make of each:
 * at most max. Empty where the kernel chooses the port.
 */
struct iu_sim_owner {
	struct inuse_socket socket;
	const char *rule;
	enum inuse_tri blocks;
};
size_t iu_sim_owners(struct iu_sim *sim, unsigned s, enum inuse_call call, const struct inuse_addr *addr, struct iu_sim_owner *ret,
		     size_t max);
/* "OK", "EADDRINUSE": what the system calls a result. */
const char *iu_sim_result_text(enum inuse_result result);
/* The local address of a socket; family 0: it has none. */
struct inuse_addr iu_sim_local(const struct iu_sim *sim, unsigned s);
/* The socket itself, whether it has a port or not; NULL: there is none of that number. Borrowed until the next call. */
const struct inuse_socket *iu_sim_peek(const struct iu_sim *sim, unsigned s);
/* Connections that wait to be accepted by it. */
unsigned iu_sim_waiting(const struct iu_sim *sim, unsigned s);
/* How many listeners a SYN may reach when the socket dials this: with two or more (SO_REUSEPORT) it is the kernel's choice. */
unsigned iu_sim_choices(const struct iu_sim *sim, unsigned s, const struct inuse_addr *to);
/* The same of a SYN of peer p. */
unsigned iu_sim_peer_choices(const struct iu_sim *sim, unsigned p);
/* From that socket to that address: a SYN that nobody takes is not refused, and comes again (iu_reset_is_lost()). */
bool iu_sim_is_unrefused(const struct iu_sim *sim, unsigned s, const struct inuse_addr *to);
/* Another socket has the same 4-tuple, on another device: which of them gets a packet is the kernel's choice. */
bool iu_sim_is_twice(const struct iu_sim *sim, unsigned s);
/*
 * A SYN of this host was taken, and the answer does not reach the client: the request stays half open until the kernel gives it up, even
 * without its listener, and keeps its 4-tuple. Or it met an old connection there, and comes again. Not simulated.
 */
bool iu_sim_has_request(const struct iu_sim *sim);
/*
 * A FIN came to a socket that is bound to a device, and what it says goes by a route that is made up as it goes: the kernel may delay the
 * ACK, here it has come at once. Asks once.
 */
bool iu_sim_owes_ack(struct iu_sim *sim);
/*
 * What the model is asked when the socket makes this call now: to is what bind() asks for or connect() dials, NULL for listen().
 * ret_caller->self is in iu_sim_facts(), which has to be asked before. False: the model is not asked (IP_BIND_ADDRESS_NO_PORT, a sandbox, TCP_REPAIR).
 */
bool iu_sim_request(struct iu_sim *sim, unsigned s, enum inuse_call call, const struct inuse_addr *to, uint8_t claims,
		    struct inuse_request *ret_request, struct iu_caller *ret_caller);
/* From now on rows that decide a call are counted there; NULL: no more. */
void iu_sim_count(struct iu_sim *sim, struct iu_decided *decided);

#endif
