/* SPDX-License-Identifier: MIT */
/* The inside of the simulated host, shared by the files of src/sim. */
#ifndef IU_SIM_HOST_H
#define IU_SIM_HOST_H

#include "sim/peer.h"
#include "sim/sim.h"

#define NODES 512
#define BUCKETS 256
#define NONE (-1)
#define SECOND_NS INT64_C(1000000000)
#define NO_DOCUMENT INT64_C(-1) /* a time that no document of that system tells */

/* The numbers of a connection with a peer elsewhere. */
struct iu_sim_flow {
	int far;                    /* which one, or NONE: both ends are here, and numbers play no part */
	uint32_t rcv_nxt, snd_nxt;
	uint32_t ts_recent;         /* the peer's clock; 0: the connection has no timestamps */
	int64_t answered_ns;        /* when a packet that did not fit was answered last; 0: none was */
};

/* A peer elsewhere, and what it has half open. */
struct iu_sim_far {
	bool used, half_open;
	struct inuse_addr at, to;
	struct iu_peer peer;
	struct iu_segment syn;      /* half open: the SYN, the number that it was answered with, and whose request it is */
	uint32_t iss;
	uint64_t listener;          /* its inode */
	uint8_t family;             /* of the listener */
	uint32_t device;            /* that it was bound to when the SYN came: so will be the connection */
	int64_t answered_ns;        /* as in struct iu_sim_flow */
};

/* A socket, open or not; a mini socket is a node of its own. s is what is seen of it. */
struct iu_sim_node {
	bool used;
	bool on_port;            /* it is an owner: seen, and asked about by bind() */
	unsigned refs;           /* open descriptors */
	struct inuse_socket s;
	struct inuse_addr bound; /* what bind() was given; family 0: nothing */
	bool addr_locked;        /* bind() named an address; the kernel does not forget that even if a later bind() fails */
	bool has_shadow;         /* bind() or accept() gave it a genuine IPv6 address, see iu_sim_dials_as() */
	bool locked;             /* bind() named the port: it stays with the socket until that is closed */
	int peer;                /* the other end, or NONE: nobody answers */
	int listener;            /* whose accept queue it waits in, or NONE */
	uint64_t order;          /* of arrival there */
	unsigned backlog, unread;
	bool fin_out, fin_in, stuck; /* stuck: the peer takes no more, so that a FIN does not arrive */
	int64_t linger, linger2;
	int64_t whole_until_ns;  /* an orphan in FIN-WAIT-2: then a mini socket takes its place; 0: nothing does */
	bool nonblocking, unreported, no_port;
	bool went_v4;            /* an IPv6 socket that has tried an IPv4 destination */
	bool shut_read, shut_write; /* by shutdown(), which also leaves its mark on a socket without a connection, and on what listen() makes of that */
	bool in_repair;          /* TCP_REPAIR; INUSE_REPAIR among the flags is the forced reuse that comes with it, and may go before it */
	bool heard;              /* a packet may have come for it, other than to a listener: it has the processor that took it */
	bool was_connected;      /* for good: connect() and listen() refuse it */
	struct iu_range ports;
	struct iu_sim_flow flow;
	int64_t born_ns;         /* when its SYN went out */
	const char *broken;      /* the error that the next read or write gets, or NULL */
};

struct iu_sim {
	const struct iu_profile *profile;
	struct iu_sim_node nodes[NODES];
	int top;                       /* nodes from here on were never used */
	struct iu_sim_node nobody;     /* stands in for a socket that is not there */
	int by_number[IU_SIM_SOCKETS]; /* the node of a socket of the caller; NONE */
	struct iu_bucket buckets[BUCKETS];
	struct iu_sim_mark {
		struct inuse_addr addr;    /* with the port */
		bool connect_only;
	} marks[BUCKETS];
	size_t n_marks;
	size_t n_buckets;
	uint32_t uid;
	uint64_t next;
	struct iu_facts facts;
	struct inuse_socket view[NODES + IU_SIM_PEERS];
	int view_of[NODES];            /* where a node stands in view, or NONE */
	struct iu_local locals[32];
	struct iu_device devices[16];
	struct iu_range reserved[16];
	struct {
		struct inuse_addr net;
		uint8_t prefix_len;
		enum inuse_result result;
	} rejects[16];
	size_t n_rejects;
	struct iu_local nets[16];      /* what is reached through a device: its address there, and how much of it counts */
	size_t n_nets;
	struct iu_route route;         /* of the destination that is asked about */
	struct iu_sim_far fars[IU_SIM_PEERS];
	uint32_t next_iss;
	unsigned forbids;              /* enum iu_sim_forbid */
	char said[24];                 /* what the last packet was answered with */
	bool owes_ack;                 /* of a FIN, one that the kernel delays */
	bool has_request;              /* a SYN of this host is half open for good: its answer was not heard */
	struct iu_decided *decided;    /* where the rows that decide are counted, or NULL */
};

/* node.c: what becomes of a node */
int iu_sim_node_new(struct iu_sim *sim);             /* NONE: there are too many */
/* The socket is done with its connection; a port that bind() named stays with it while it is open. tcp_done() of the kernel. */
void iu_sim_done(struct iu_sim *sim, int n);
void iu_sim_send_fin(struct iu_sim *sim, int n);
/* connect.c: are the answers of the listener heard that stands where the other end was? MAYBE: there is none. */
enum inuse_tri iu_sim_hears_listener(const struct iu_sim *sim, const struct iu_sim_node *node);
/* The end of a connection whose other one is gone does not hear so: the RST goes by another device than its own, or than a listener's. */
bool iu_sim_is_unheard(const struct iu_sim *sim, const struct iu_sim_node *node);
/* The peer gets a RST; then this end is done. */
void iu_sim_abort(struct iu_sim *sim, int n);
/* This end goes without a word: the other one is still there, and what it says is answered with RST. */
void iu_sim_vanish(struct iu_sim *sim, int n);
/* A RST arrives. */
void iu_sim_rst(struct iu_sim *sim, int n);
/* The last descriptor is closed. */
void iu_sim_close(struct iu_sim *sim, int n);
/* A listener stops: connections that wait to be accepted are reset. */
void iu_sim_drop_queue(struct iu_sim *sim, int n);
/* tcp_time_wait() of the kernel: a mini socket takes the place of the full one, with the options that this has now. */
void iu_sim_leave_mini(struct iu_sim *sim, int n, enum inuse_state state, int64_t ns);
/* How long TIME-WAIT lasts on that system, and the moment so long from now; NO_DOCUMENT is 0, never. */
int64_t iu_sim_time_wait(const struct iu_sim *sim);
int64_t iu_sim_in(const struct iu_sim *sim, int64_t ns);
/* A socket in FIN-WAIT-2 loses its process. tcp_close() of the kernel. */
void iu_sim_orphan(struct iu_sim *sim, int n);
/* Takes a node off its port, and the bucket with it when it was the last one. */
void iu_sim_off_port(struct iu_sim *sim, int n);

/* calls.c */
struct iu_sim_answer iu_sim_answer_of(const struct inuse_verdict *v);
/* The request that the node would make, with its own address and options. */
struct inuse_request iu_sim_request_of(const struct iu_sim *sim, const struct iu_sim_node *node, enum inuse_call call);
/* The family that the sockaddr claims, where it is not said: the other one, or 0 for the socket's own. */
uint8_t iu_sim_claims(const struct iu_sim_node *node, const struct inuse_addr *addr, uint8_t claims);
/* caller as the model wants it; self only once iu_sim_view() has been called. */
struct iu_caller iu_sim_caller_of(const struct iu_sim *sim, const struct iu_sim_node *node, uint8_t claims);
struct inuse_verdict iu_sim_judge(struct iu_sim *sim, const struct iu_sim_node *node, const struct inuse_request *r,
				  uint8_t claims);
/* Binds the socket to the device; 0: to none. Of its link-local address, if it has one, that alone says which link it is. */
void iu_sim_bind_to_device(struct iu_sim_node *node, uint32_t device);
/* A port on which this request would succeed, as the kernel looks for one: every second port first. 0: there is none. */
uint16_t iu_sim_find_port(struct iu_sim *sim, const struct iu_sim_node *node, struct inuse_request *r, uint16_t chosen);
/* listener.c: the listener that gets a SYN to this address that arrives at that device, or NONE; is its queue full; a connection that waits in it, or NONE. */
int iu_sim_listener_for(const struct iu_sim *sim, const struct inuse_addr *to, uint32_t arrival);
bool iu_sim_queue_full(const struct iu_sim *sim, int listener);
int iu_sim_child_new(struct iu_sim *sim, int listener, const struct inuse_addr *local, const struct inuse_addr *remote);
/* packet.c: this end of a connection with a peer elsewhere sends something. */
void iu_sim_tell_far(struct iu_sim *sim, int n, uint8_t flags, uint32_t len);
/* connect.c: a connection that did not come about, or was given up: back to what bind() made of the socket. tcp_disconnect() of the kernel. */
void iu_sim_disconnect(struct iu_sim *sim, int n);
/* An address that bind() did not name is gone: inet_bhash2_reset_saddr(). */
void iu_sim_forget_address(struct iu_sim *sim, int n);
/* How well a listener fits an address; 0: not at all. The most specific one gets the SYN. */
#define IU_SIM_FITS_ADDRESS 8 /* from here on: it listens on this very address */
int iu_sim_fits(const struct inuse_socket *listener, const struct inuse_addr *to, uint32_t arrival);
/* Where what the socket says to dest arrives on this host, see iu_arrival(); 0: it does not. */
uint32_t iu_sim_arrival(const struct iu_sim *sim, const struct iu_sim_node *node, const struct inuse_addr *dest);
/*
 * What a socket dials when it says this: 0.0.0.0 and :: mean this host [C28], and bound to a device the address that the device has: linux
 * v6.18 ip_route_output_key_hash_rcu().
 */
struct inuse_addr iu_sim_destination(const struct iu_sim *sim, const struct inuse_socket *s, const struct inuse_addr *to);
/*
 * The address that the socket dials it with: its own. That which bind() gave an IPv6 socket has a shadow for IPv4, which counts once
 * IPV6_V6ONLY is taken away again: linux v6.18 net/ipv6/af_inet6.c __inet6_bind(), LOOPBACK4_IPV6 [connect/ipv4-from-ipv6-address].
 */
struct inuse_addr iu_sim_dials_as(const struct iu_sim_node *node, const struct inuse_addr *to);
/* iu_sim_ask_route(), from the address that the socket has. */
void iu_sim_ask_route_of(struct iu_sim *sim, const struct iu_sim_node *node, const struct inuse_addr *dest);
/* data.c: the node of a number; `nobody` where there is none. */
struct iu_sim_node *iu_sim_node_of(struct iu_sim *sim, unsigned s);

/* facts.c */
void iu_sim_view(struct iu_sim *sim);                /* brings facts up to date */
/* bucket.c: a node has come to its address, by bind() or listen() or else; nobody of it is left there; and so it leaves the port. */
void iu_sim_join(struct iu_sim *sim, const struct iu_sim_node *node, bool by_bind);
void iu_sim_leave(struct iu_sim *sim, const struct inuse_addr *addr);
void iu_sim_off_bucket(struct iu_sim *sim, const struct inuse_addr *addr);
struct iu_bucket *iu_sim_bucket(struct iu_sim *sim, uint16_t port, bool make);
/* The node that has this 4-tuple (local as that node sees it) and hears what arrives at that device, 0 any; except: not this one. NONE. */
int iu_sim_find(const struct iu_sim *sim, const struct inuse_addr *local, const struct inuse_addr *remote, uint32_t arrival, int except);
/* Where a packet to this address would go, and from which address; the answer is in sim->route. */
void iu_sim_ask_route(struct iu_sim *sim, const struct inuse_addr *to);

#endif
