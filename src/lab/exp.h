/* SPDX-License-Identifier: MIT */
/*
 * An experiment: what a file lab/TOPIC/NAME.exp says, read and checked. The format is in inuse-lab(5).
 *
 * Theory of operation
 *
 * A file has a head (what it shows, what it covers, what it needs) and steps, one a line, of sockets that have names. A table
 * of cases stands for the same steps with other words; each *case* is kept here with its words filled in. A file that says
 * `runs` writes its addresses as here, second, any, foreign, wire and far, and is played once for each family it names: a *run* is
 * one case in one family. Nothing here touches a socket.
 */
#ifndef IU_LAB_EXP_H
#define IU_LAB_EXP_H

#include "model/facts.h"

#define IU_EXP_MAX_BYTES 262144
#define IU_EXP_MAX_LINE 1000
#define IU_EXP_MAX_SOCKETS 64
#define IU_EXP_MAX_PROCESSES 8
#define IU_EXP_MAX_PEERS 8
#define IU_EXP_MAX_CASES 200
#define IU_EXP_MAX_STEPS 20000 /* of all cases together */

/* Operating systems that an experiment may speak of. */
enum iu_os { IU_OS_LINUX, IU_OS_WINDOWS, IU_OS_FREEBSD, IU_OS_MACOS, IU_N_OS };
extern const char *const iu_os_names[IU_N_OS];

/* How well an expectation is founded, best first. */
enum iu_rank { IU_RANK_LIVE, IU_RANK_RECORDED, IU_RANK_DOCUMENTED, IU_RANK_REASONED, IU_N_RANKS };
extern const char *const iu_rank_names[IU_N_RANKS];

/* What an experiment needs of the machine: names in iu_need_names. */
enum iu_need {
	IU_NEED_SECOND_USER = 1u << 0, /* root: other users */
	IU_NEED_DEVICE = 1u << 1,      /* network devices of one's own */
	IU_NEED_MPTCP = 1u << 2,
	IU_NEED_REPAIR = 1u << 3,      /* TCP_REPAIR */
	IU_NEED_IPV6 = 1u << 4,
	IU_NEED_EVICT = 1u << 5,       /* SOCK_DESTROY */
	IU_NEED_PATIENCE = 1u << 6,    /* waits of more than 3 s in all: a clock that runs ahead */
	IU_NEED_WIRE = 1u << 7,        /* a device to nobody, for packets that the experiment writes: /dev/net/tun */
	IU_NEED_LANDLOCK = 1u << 8,    /* Landlock's rules for TCP: linux 6.7 */
	IU_N_NEEDS = 9,
};
extern const char *const iu_need_names[IU_N_NEEDS];

/* Families in which one file can be played; 0: only as it is written. */
enum iu_run { IU_RUN_AS_WRITTEN, IU_RUN_IPV4, IU_RUN_IPV6, IU_RUN_MAPPED, IU_N_RUNS };
extern const char *const iu_run_names[IU_N_RUNS];

enum iu_action {
	IU_DO_SOCKET, IU_DO_SET, IU_DO_CLEAR, IU_DO_BIND, IU_DO_LISTEN, IU_DO_CONNECT, IU_DO_ACCEPT, IU_DO_WRITE, IU_DO_READ,
	IU_DO_FILL, IU_DO_SHUTDOWN, IU_DO_CLOSE, IU_DO_USER, IU_DO_CHOWN, IU_DO_FORK, IU_DO_KILL, IU_DO_FLIGHT, IU_DO_WAIT,
	IU_DO_SETTING, IU_DO_DEVICE, IU_DO_ADDRESS, IU_DO_DOWN, IU_DO_REMOVE, IU_DO_ROUTE, IU_DO_EVICT, IU_DO_NAMESPACE,
	IU_DO_FORBID, IU_DO_PEER, IU_DO_SEND, IU_DO_LOOK, IU_DO_LEFT, IU_DO_PORT,
};

/* Options of set and clear. */
enum iu_sockopt {
	IU_OPT_REUSEADDR, IU_OPT_REUSEPORT, IU_OPT_EXCLUSIVE, IU_OPT_V6ONLY, IU_OPT_FREEBIND, IU_OPT_TRANSPARENT, IU_OPT_GROUP,
	IU_OPT_REPAIR, IU_OPT_NO_PORT, IU_OPT_PORT_RANGE, IU_OPT_LINGER, IU_OPT_LINGER2, IU_OPT_DEVICE, IU_OPT_NONBLOCKING,
	IU_N_OPTS,
};
struct iu_sockopt_row {
	const char *name;
	uint32_t flag;     /* enum inuse_flag, or 0 */
	char value;        /* what set wants: 0 nothing, 'n' a number, 'r' a range of ports, 'd' a device */
	bool clears;       /* can be cleared */
};
extern const struct iu_sockopt_row iu_sockopts[IU_N_OPTS];

enum iu_where_kind { IU_AT_LITERAL, IU_AT_HERE, IU_AT_SECOND, IU_AT_ANY, IU_AT_FOREIGN, IU_AT_WIRE, IU_AT_FAR, IU_AT_SOCKET };

struct iu_where {
	enum iu_where_kind kind;
	uint8_t socket;          /* AT_SOCKET: whose address */
	uint8_t claims;          /* the family that the sockaddr claims: IU_UNSPEC, or 0: that of the address */
	struct inuse_addr addr;  /* LITERAL whole; else only the port */
	char scope[16];          /* device of a link-local address, or "" */
};

struct iu_expect {
	enum iu_os os;
	uint32_t without;        /* enum iu_feature: only on kernels that lack it; 0: always */
	enum iu_rank rank;
	const char *outcome, *source; /* source "" for live */
	unsigned line;
};

struct iu_step {
	enum iu_action action;
	unsigned line;
	const char *text;        /* the line, with the words of the case filled in */
	uint8_t socket, other;   /* numbers of sockets: the one that calls; the new one of accept */
	uint8_t process;
	uint8_t peer;            /* PEER, SEND */
	bool without_timestamps; /* PEER */
	bool tentative;          /* ADDRESS */
	uint8_t tcp_flags;       /* SEND: as in the header; seq, ack, time: how far from the fitting number */
	int32_t seq, ack, time;
	uint64_t sockets;        /* FORK: bit per socket */
	uint8_t kinds;           /* SOCKET: IU_KIND_* */
	enum iu_sockopt option;
	int64_t number, number2; /* value, backlog, bytes, ns, prefix length, port; FORBID: 1 bind, 2 connect */
	struct iu_where at;
	char word[64];           /* setting, device, user, kind of route */
	const char *value;       /* of the setting */
	const struct iu_expect *expects;
	size_t n_expects;
};
#define IU_KIND_V4 1u
#define IU_KIND_V6 2u
#define IU_KIND_UDP 4u
#define IU_KIND_MPTCP 8u

struct iu_exp_case {
	const char *covers; /* ids of the measured table, or "" */
	const char *label;  /* "old: reuseaddr; new: none", or "" where there is no table */
	const struct iu_step *steps;
	size_t n_steps;
};

struct iu_exp {
	const char *name;    /* "time-wait/server-first" */
	const char *shows, *because; /* sentences; because may be "" */
	const char *covers;  /* ids, separated by blanks, of all cases */
	unsigned needs;      /* enum iu_need */
	uint32_t kernel;     /* at least this one: major << 16 | minor; 0 any */
	unsigned runs;       /* bit per enum iu_run */
	unsigned speaks_of;  /* bit per enum iu_os: there is an expectation for it */
	const struct iu_exp_case *cases;
	size_t n_cases;
	const char *sockets[IU_EXP_MAX_SOCKETS];
	size_t n_sockets;
	const char *processes[IU_EXP_MAX_PROCESSES];
	size_t n_processes;
	const char *peers[IU_EXP_MAX_PEERS];
	size_t n_peers;
	struct iu_exp_block *blocks; /* private: what owns it all */
};

/*
 * Reads an experiment. text need not end with NUL. name is what errors call the file, and what the experiment is called.
 * *ret is the caller's, to be freed with iu_exp_free(). INUSE_E_INPUT: "NAME:LINE: what is wrong and what would be right".
 */
enum inuse_status iu_exp_parse(const char *name, const char *text, size_t len, struct iu_exp **ret,
			       struct inuse_error *error);
void iu_exp_free(struct iu_exp *exp); /* NULL is fine */

/* Settings that an experiment may pin: of the namespace alone, never of the machine. */
struct iu_lab_setting {
	const char *name; /* net.ipv4.tcp_timestamps */
	const char *path; /* below /proc/sys/net */
	int setting;      /* enum iu_setting, the first of two for a range; -1: the model does not read it */
	char kind;        /* 'n' one number, 'r' a range of ports, 'l' a list of ranges of ports */
	const char *fallback; /* what a fresh namespace is given; NULL: left alone */
};
/* Ends with a NULL name. */
extern const struct iu_lab_setting iu_lab_settings[];
const struct iu_lab_setting *iu_lab_setting_find(const char *name);

/* "20001-20010" or "20001" into *ret; the port after it into *ret_rest. False: it is none. */
bool iu_lab_range(const char *text, struct iu_range *ret, const char **ret_rest);

/* The address that a place stands for in that run; port 0 stays. Not for AT_SOCKET. */
struct inuse_addr iu_where_addr(const struct iu_where *at, enum iu_run run);
/* The address of this host that a peer speaks to: of PEER, of the run's family or as written of the peer's own. */
struct inuse_addr iu_peer_to(const struct iu_step *step, enum iu_run run);
/* Has the device of peers an IPv6 address in that run? IPv4 it always has. */
bool iu_wire_has_ipv6(const struct iu_exp *exp, enum iu_run run);

/*
 * The expectation that counts on this system, and on a kernel that lacks these features (enum iu_feature; 0: the newest), or NULL: the
 * step is only expected to succeed.
 */
const struct iu_expect *iu_step_expects(const struct iu_step *step, enum iu_os os, uint32_t lacks);
/* "LISTEN, 2 TIME-WAIT" of the TCP sockets on that local port, "nothing"; bound: those that are only bound, too. Returns buf. */
char *iu_states_text(const struct inuse_socket *sockets, size_t n, uint16_t port, bool bound, char *buf, size_t size);
/* The same, of so many in each state. */
char *iu_state_counts_text(const unsigned of[INUSE_N_STATES], char *buf, size_t size);
/* "20ms", "1.5s": a time as wait has it, to the millisecond. size is 24 or more. Returns buf. */
char *iu_time_text(int64_t ns, char *buf, size_t size);
/* How long the one that stays longest on that port does so by itself: "60 s", "unlimited", "nothing". Returns buf. */
char *iu_left_text(const struct inuse_socket *sockets, size_t n, uint16_t port, int64_t now_ns, char *buf, size_t size);
/* The number that a user of an experiment has: 0 root, 1 alice, 2 bob. */
uint32_t iu_lab_uid(int64_t user);
/* Does what happened agree with what was expected? Both are in the words of the format. */
bool iu_outcome_agrees(const struct iu_step *step, const char *expected, const char *happened);

#endif
