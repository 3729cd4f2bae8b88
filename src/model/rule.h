/* SPDX-License-Identifier: MIT */
/*
 * Rules: ordered rows, first match wins, in three values.
 *
 * Theory of operation
 *
 * A row's predicate answers NO, YES or MAYBE. Rows are tried in order until one says YES; every row that said MAYBE on
 * the way might have ended the search, so what they would have led to stays possible. One possible outcome is a certain
 * answer, however much was unknown on the way; several are "cannot tell", and what the MAYBEs lacked is named.
 *
 * Two kinds of rows: *call rules* decide a call, *owner rules* decide whether one socket that has the port stands in
 * the way of it. A *profile* is one operating system's tables. A *world* is the facts, the request and the what-ifs
 * that cures try; nothing in the model writes to the facts.
 */
#ifndef IU_MODEL_RULE_H
#define IU_MODEL_RULE_H

#include "model/facts.h"

struct iu_profile;

/* Sockets that stand in the way, collected by a scan: counted all, the most telling ones kept. */
struct iu_scan {
	uint64_t n;
	uint64_t n_by_state[INUSE_N_STATES];
	uint32_t n_shown;
	const struct inuse_socket *shown[INUSE_MAX_SHOWN];
	const char *rule[INUSE_MAX_SHOWN]; /* the owner rule that made shown[i] a blocker */
	bool certain[INUSE_MAX_SHOWN];
	bool all_expire;      /* every blocker so far goes by itself at a known time */
	int64_t free_at_ns, free_slack_ns;
};

/*
 * A SYN that has come, beside what is left of the old connection of its addresses and ports. Not known: one yet to come, whose
 * numbers nobody knows.
 */
struct iu_syn {
	bool known;
	bool newer;     /* its sequence number or its clock is later than the last that came, and the clock not earlier: TIME-WAIT gives way */
	bool in_window; /* of what is left in FIN-WAIT-2, and its clock is not behind the last that came */
};

/* How often each row of a profile was the one that decided: a YES that ended the search. */
#define IU_MAX_CALL_RULES 64
#define IU_MAX_OWNER_RULES 16
struct iu_decided {
	uint32_t calls[IU_MAX_CALL_RULES], owners[IU_MAX_OWNER_RULES];
	uint32_t calls_open[IU_MAX_CALL_RULES]; /* said MAYBE in a verdict that cannot tell */
	uint32_t possible;                      /* bit per enum inuse_result: what may come of the call that was judged last */
};

/* The socket that makes the call, where it exists already. All zero: a new one, with an address of its own family. */
struct iu_caller {
	const struct inuse_socket *self; /* its own entry among the facts, which is never in its own way; NULL: it has no port */
	uint8_t family;                  /* of the socket; 0: that of the address */
	uint8_t claims;                  /* the family that the sockaddr claims: 4, 6, IU_UNSPEC; 0: the right one */
	bool datagram;                   /* not a stream socket */
	bool was_connected;              /* it has had a connection: the kernel's SS_CONNECTED, which outlives a reset */
	struct iu_range ports;           /* IP_LOCAL_PORT_RANGE; 0, 0: not set */
	struct iu_syn syn;               /* ACCEPT: what has come */
	struct iu_decided *decided;      /* where the rows that decide are counted; NULL: nowhere */
};
#define IU_UNSPEC 255

struct iu_world {
	const struct iu_profile *profile;
	const struct iu_facts *facts;
	struct inuse_request req;
	struct iu_caller caller;
	uint8_t family;                 /* of the requester's socket: 4 or 6 */
	const struct iu_bucket *bucket; /* of the port that is bound; NULL none or unknown */
	struct inuse_addr source;       /* CONNECT: the address that the socket will have; family 0 unknown */
	struct iu_scan scan;
	uint64_t ports_total, ports_left;
	/* what-ifs */
	bool without_remains;           /* TIME-WAIT and FIN-WAIT-2 remains are gone: iu_socket_is_remains() */
	int32_t without_pid;            /* this process is gone, and the sockets that only it holds */
	bool old_had_reuseaddr;         /* the old sockets had set SO_REUSEADDR */
};

typedef enum inuse_tri iu_call_when(struct iu_world *w, uint32_t *missing);
typedef enum inuse_tri iu_owner_when(const struct iu_world *w, const struct inuse_socket *o, uint32_t *missing);

#define IU_V4 1u
#define IU_V6 2u
#define IU_BOTH 3u
#define IU_AGAIN 4u /* a row of bind() that listen() asks again of a socket that exists already */

struct iu_call_rule {
	const char *id;
	enum inuse_call call;     /* the step: BIND, LISTEN (of a socket that exists already), CONNECT or ACCEPT */
	unsigned families;
	iu_call_when *when;       /* NULL: always */
	enum inuse_result then;
	uint32_t needs, not_with; /* enum iu_feature: the row exists only on kernels with / without */
	const char *ref;          /* source, with the kernel tag and the function */
	const char *experiment;   /* where it is seen to decide: a row of the measured table, "topic/name", or "source": nowhere */
};

struct iu_owner_rule {
	const char *id;
	iu_owner_when *when;      /* NULL: always */
	enum inuse_result then;   /* INUSE_R_OK: it is tolerated; else the result when it stands in the way */
	const char *ref, *experiment;
};

struct iu_profile {
	const char *name;
	bool documented; /* from documents alone: nothing of it was measured */
	const struct iu_call_rule *calls;
	size_t n_calls;
	const struct iu_owner_rule *owners;
	size_t n_owners;
	bool tuple_waits; /* connect() takes no 4-tuple out of TIME-WAIT, whatever its timestamps */
	uint8_t time_wait_s; /* how long TIME-WAIT lasts where nothing else is set; 0: no document says */
};

/* One per row of os.def. */
#define OS(name) extern const struct iu_profile iu_profile_##name;
#include "model/os.def"
#undef OS
/* The rules of the host that the facts are of. */
const struct iu_profile *iu_profile_of(const struct iu_facts *facts);
/* The profile of that name; NULL there is none. */
const struct iu_profile *iu_profile_find(const char *name);
/* Row i of os.def, NULL past the end. */
const struct iu_profile *iu_profile_at(size_t i);

/* Three-valued logic. */
static inline enum inuse_tri iu_not(enum inuse_tri a)
{
	return a == INUSE_MAYBE ? INUSE_MAYBE : a == INUSE_YES ? INUSE_NO : INUSE_YES;
}
static inline enum inuse_tri iu_and(enum inuse_tri a, enum inuse_tri b)
{
	return a == INUSE_NO || b == INUSE_NO ? INUSE_NO : a == INUSE_YES ? b : a;
}
static inline enum inuse_tri iu_or(enum inuse_tri a, enum inuse_tri b)
{
	return iu_not(iu_and(iu_not(a), iu_not(b)));
}
static inline enum inuse_tri iu_is(bool b)
{
	return b ? INUSE_YES : INUSE_NO;
}

/* The world in which the rows of one call are asked, as iu_judge_call() does it: of a socket that may exist already. Borrows all. */
void iu_world_start(struct iu_world *w, const struct iu_profile *profile, const struct iu_facts *facts,
		    const struct inuse_request *request, const struct iu_caller *caller);
/* Does the socket have this flag? MAYBE and *missing |= lacking where its source could not see it. */
enum inuse_tri iu_socket_has(const struct iu_world *w, const struct inuse_socket *o, enum inuse_flag flag,
			     enum inuse_missing lacking, uint32_t *missing);
/*
 * Is it what an ended connection left, which goes by itself: a mini socket, or the whole one in FIN-WAIT-2 that the kernel keeps
 * first where that is to last more than a minute, if its end is known?
 */
bool iu_socket_is_remains(const struct inuse_socket *o);
/* Is it on the port, in this namespace, an owner that bind() looks at, and not wished away by a what-if? */
bool iu_socket_is_owner(const struct iu_world *w, const struct inuse_socket *o, uint16_t port);
/* The same for connect(), which looks at whatever may have a 4-tuple: half-open requests, too. */
bool iu_socket_has_tuple(const struct iu_world *w, const struct inuse_socket *o, uint16_t port);
/* Do the addresses overlap, as bind() of w->req.local sees it? linux-rules 1.2. */
enum inuse_tri iu_owner_overlaps(const struct iu_world *w, const struct inuse_socket *o, uint32_t *missing);
/* Runs the owner rules on one socket: does it stand in the way? ret_rule: the row that decided or first might. */
enum inuse_tri iu_owner_blocks(const struct iu_world *w, const struct inuse_socket *o, uint32_t *missing,
			       const char **ret_rule);
/* Does any socket that stands in the way make the call fail with this result, and no other? For profiles with several. */
enum inuse_tri iu_owners_answer(const struct iu_world *w, enum inuse_result result, uint32_t *missing);
/* Notes a blocker in the scan. */
void iu_scan_add(struct iu_scan *scan, const struct inuse_socket *o, const char *rule, bool certain);

/*
 * Both of two, where what each lacks is named only if it is what keeps the answer open. Ask for each in a statement of its own: the
 * order in which arguments are computed is not known.
 */
static inline enum inuse_tri iu_both(enum inuse_tri a, uint32_t a_lacks, enum inuse_tri b, uint32_t b_lacks, uint32_t *missing)
{
	if (iu_and(a, b) == INUSE_MAYBE)
		*missing |= (a == INUSE_MAYBE ? a_lacks : 0) | (b == INUSE_MAYBE ? b_lacks : 0);
	return iu_and(a, b);
}

bool iu_setting(const struct iu_facts *f, enum iu_setting setting, int64_t *ret);
/* Is a setting that is 0 when it is off on? MAYBE and *missing |= SETTING where it could not be read. */
enum inuse_tri iu_setting_on(const struct iu_facts *f, enum iu_setting setting, uint32_t *missing);
/* Is o->device what it is bound to? Nowhere but on Linux are sockets bound to devices. */
bool iu_socket_device_known(const struct iu_world *w, const struct inuse_socket *o);
/* Is the socket bound to a device other than that of the call, so that they are two connections to whoever looks one up [C33]? */
enum inuse_tri iu_socket_is_elsewhere(const struct iu_world *w, const struct inuse_socket *o, uint32_t *missing);
/* Is it in the network namespace that the facts are of? Others have tables of their own. */
bool iu_socket_is_here(const struct iu_facts *f, const struct inuse_socket *o);
bool iu_port_covered(const struct iu_facts *f, uint16_t port);
bool iu_port_reserved(const struct iu_facts *f, uint16_t port);
/* Writes mark for each port that is reserved or excluded: for who asks about all of them. */
#define IU_ALL_PORTS 65536
void iu_ports_mark_reserved(const struct iu_facts *f, uint8_t marks[IU_ALL_PORTS], uint8_t mark);
/* Windows: bind() to it is refused, whoever asks. No automatic port either. */
bool iu_port_excluded(const struct iu_facts *f, uint16_t port);
/* Is it an address of this machine? MAYBE when the addresses are not known. */
enum inuse_tri iu_addr_is_local(const struct iu_facts *f, const struct inuse_addr *a);
/* The interface at which packets to this address of the host arrive, even those of the host itself; 0: not known. */
uint32_t iu_device_of(const struct iu_facts *f, const struct inuse_addr *a);
/*
 * Is it the last address of a network that this host is in, as far as its addresses are known, through that device (0: any)? By another
 * device it is one like any other: linux v6.18 fib_table_lookup(), flowi4_oif.
 */
bool iu_addr_is_broadcast(const struct iu_facts *f, const struct inuse_addr *a, uint32_t device);
/* Is it an IPv4 address that more than one host hears: multicast, 255.255.255.255, or such a last one? */
bool iu_addr_is_of_many(const struct iu_facts *f, const struct inuse_addr *a);
/*
 * Does a socket with the address local dial remote from it? Not from a wildcard. Not from an address of many, which bind() takes and
 * connect() replaces with the route's (linux v6.18 __inet_bind(), "Use device"); from a v4-mapped one it tries, and fails. And not IPv4
 * from a genuine IPv6 address that an earlier connect() left on it: the kernel keeps IPv4's source apart. linux v6.18 tcp_v6_connect(),
 * tcp_v4_connect(): inet_saddr
 */
bool iu_dials_from(const struct iu_facts *f, const struct inuse_addr *local, const struct inuse_addr *remote);
/*
 * The interface of this host at which arrives what a socket bound to that device (0: to none) says to an address; 0: it goes out, or is not
 * known. Bound to lo, IPv4 goes by lo to whatever address, and is taken in there: linux v6.18 __mkroute_output() makes a route by a
 * loopback device a local one. Other devices lead away.
 */
uint32_t iu_arrival(const struct iu_facts *f, uint32_t device, const struct inuse_addr *to);
/*
 * Of a SYN within the host that nobody listens for: does a socket that is bound to a device not hear that it is refused? It hears answers
 * to addresses of that device only, and what it says to others goes out, or by lo as if it came from elsewhere, which no RST answers (linux
 * v6.18 tcp_v4_send_reset(): rt_type). device 0: not bound, nothing is lost.
 */
bool iu_answer_is_lost(const struct iu_facts *f, uint32_t device, const struct inuse_addr *from, const struct inuse_addr *to);
/*
 * From ::1, or a link-local address, to an address of this host on another device: what no socket answers, a RST or an ACK of a
 * TIME-WAIT, goes back strictly by the device which has that other address, and so nowhere. connect/reset-to-loopback,
 * connect/reset-to-link-local; linux v6.18 net/ipv6/tcp_ipv6.c tcp_v6_send_response()
 */
bool iu_reset_is_lost(const struct iu_facts *f, const struct inuse_addr *from, const struct inuse_addr *to);
/* Does a listener accept connections to this address and port? */
enum inuse_tri iu_listener_for(const struct iu_world *w, const struct inuse_addr *to, uint32_t *missing);

/*
 * bind() with SO_REUSEADDR and port 0 takes from the lower half of the range as long as there is one. Cuts the upper half off
 * `ports` and returns it; a range of less than four ports stays whole, and {1, 0} is returned.
 * linux v6.18 inet_csk_find_open_port(): attempt_half [lower-half-first].
 */
struct iu_range iu_upper_half(struct iu_range *ports);
/* Is there no port for bind() to port 0, where a socket on a port takes it when `takes_port` says so? */
enum inuse_tri iu_ports_exhausted(struct iu_world *w, iu_owner_when *takes_port, uint32_t *missing);

/* Predicates, by topic; the rows that use them say what each is for. */
iu_call_when iu_pred_multicast6, iu_pred_privileged, iu_pred_mapped_on_v6only, iu_pred_link_local_without_scope,
	iu_pred_device_missing, iu_pred_tentative, iu_pred_not_local;
iu_call_when iu_pred_sockaddr_short, iu_pred_sockaddr_family, iu_pred_bound_already, iu_pred_datagram,
	iu_pred_listening, iu_pred_connected, iu_pred_connecting;
iu_call_when iu_pred_ports_exhausted, iu_pred_port_automatic, iu_pred_repair, iu_pred_reuseport_memory,
	iu_pred_reuse_memory, iu_pred_no_conflict;
iu_owner_when iu_pred_no_overlap, iu_pred_devices_differ, iu_pred_both_reuse, iu_pred_both_reuseport, iu_pred_owner_listens,
	iu_pred_owner_mini, iu_pred_owner_bound;
iu_call_when iu_pred_dials_without_scope, iu_pred_scope_differs, iu_pred_mapped_source, iu_pred_mapped_by_v6only, iu_pred_no_route,
	iu_pred_unreachable, iu_pred_prohibited, iu_pred_route_invalid, iu_pred_route_no_device,
	iu_pred_tuple_live, iu_pred_tuple_no_timestamps, iu_pred_tuple_timestamps, iu_pred_connect_exhausted, iu_pred_self_connect,
	iu_pred_nobody_listens, iu_pred_nobody_answers;
iu_call_when iu_pred_syn_live, iu_pred_syn_no_listener, iu_pred_syn_fin_wait2, iu_pred_syn_rfc1337, iu_pred_syn_time_wait;

/* BSD: what both of its profiles ask. */
iu_owner_when iu_pred_bsd_both_reuseport, iu_pred_bsd_not_the_same;
iu_call_when iu_pred_bsd_ports_exhausted;
bool iu_bsd_is_connected(const struct inuse_socket *o);
iu_owner_when iu_bsd_of_another_user; /* and the caller is not root */

#endif
