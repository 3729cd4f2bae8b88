/* SPDX-License-Identifier: MIT */
/*
 * inuse: why a TCP bind, listen, connect or accept fails or would fail.
 *
 * Theory of operation
 *
 * A *request* describes a call. A *snapshot* holds what is known of a host: the sockets that hold ports,
 * the processes that hold the sockets, the settings. Judging a request against a snapshot gives a
 * *verdict*. A predicted EADDRINUSE is a good answer: the functions return INUSE_OK and the verdict says
 * FAIL. Only not being able to answer is an error, a negative enum inuse_status, with the details in a
 * caller-owned struct inuse_error (last argument, may be NULL, written only on failure).
 *
 * An *answer* is what most callers want: the snapshot that was needed for one question, and a verdict for
 * every address that the question names.
 *
 * Ports are in host byte order, addresses in network byte order. All times are nanoseconds on the clock
 * of the snapshot (CLOCK_BOOTTIME on Linux); 0 means unknown unless said otherwise. Strings are UTF-8 as the
 * kernel gave them: escape what you print (inuse_answer_text() does). No function prints, exits or changes
 * process-wide state; different objects may be used from different threads at the same time.
 */
#ifndef INUSE_H
#define INUSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__) && defined(__ELF__)
#define INUSE_API __attribute__((visibility("default")))
#else
#define INUSE_API
#endif

/* ------------------------------------------------------------------------------------------- errors */

/* Why no answer could be given. Closed list; never -1, never an errno. */
enum inuse_status {
	INUSE_OK = 0,
	INUSE_E_INPUT = -101,       /* the text or the request cannot be understood */
	INUSE_E_NO_HOST = -102,     /* a host or service name does not resolve */
	INUSE_E_NO_NAMESPACE = -103, /* the network namespace is not there */
	INUSE_E_SNAPSHOT = -104,    /* a snapshot file is damaged, cut off or of another version */
	INUSE_E_PERMISSION = -105,  /* not permitted, and no other source answers */
	INUSE_E_UNSUPPORTED = -106, /* this system or this build cannot answer */
	INUSE_E_MEMORY = -107,      /* out of memory */
	INUSE_E_SYSTEM = -108,      /* a system call failed: see os_code and step */
	INUSE_E_REFUSED = -109,     /* the call itself failed: a verdict tells why */
};

struct inuse_error {
	enum inuse_status status;
	int os_code;       /* errno of the failing system call, or 0 */
	const char *step;  /* what was being done; a constant string, or NULL */
	char text[256];    /* one sentence, UTF-8, escaped, no newline */
};

/* ------------------------------------------------------------------------------------------ addresses */

/* family: 0 none, 4, 6. IPv4 uses ip[0..3]. scope: interface index of a link-local IPv6 address, or 0. */
struct inuse_addr {
	uint8_t family;
	uint16_t port; /* host byte order */
	uint32_t scope;
	uint8_t ip[16]; /* network byte order */
};

/* Longest text of an address, with brackets, scope, port and the final NUL. */
#define INUSE_ADDR_TEXT 96

enum inuse_target_kind {
	INUSE_TARGET_PORT, /* 8080, :8080, *:8080: the wildcards of both families */
	INUSE_TARGET_ADDR, /* a numeric address with a port */
	INUSE_TARGET_HOST, /* a name that has to be resolved */
	INUSE_TARGET_UNIX, /* the path of a unix socket */
};

/* What a person pasted, understood but not yet resolved. */
struct inuse_target {
	enum inuse_target_kind kind;
	struct inuse_addr addr; /* PORT: only the port; ADDR: all of it; scope_name not yet resolved */
	char host[256];         /* HOST: the name; UNIX: the path */
	char service[64];       /* a service name that stands where the port should, or "" */
	char scope_name[64];    /* what stood after %, when it was not a number, or "" */
	bool udp;               /* the text said /udp */
};

/*
 * Understands `text`: 8080, :8080, *:8080, :::3000, 127.0.0.1:8080, [::1]:8080, [fe80::1%eth0]:80,
 * localhost:8080, :http, http://localhost:3000/, 0.0.0.0:8080->80/tcp, /run/x.sock.
 * Pure: resolves nothing. INUSE_E_INPUT names what was wrong and where.
 */
INUSE_API enum inuse_status inuse_target_parse(const char *text, struct inuse_target *ret_target,
					       struct inuse_error *error);

/* Reads a numeric address without a port into ret_addr (port 0). INUSE_E_INPUT if it is none. */
INUSE_API enum inuse_status inuse_addr_parse(const char *text, struct inuse_addr *ret_addr,
					     struct inuse_error *error);

/* Writes "127.0.0.1:80", "[::1]:80", "*:80" for family 0. Always ends with NUL. Returns buf. */
INUSE_API char *inuse_addr_text(const struct inuse_addr *addr, char buf[INUSE_ADDR_TEXT]);

/* -------------------------------------------------------------------------------------------- requests */

enum inuse_call { INUSE_CALL_BIND, INUSE_CALL_LISTEN, INUSE_CALL_CONNECT, INUSE_CALL_ACCEPT };
enum inuse_proto { INUSE_PROTO_TCP, INUSE_PROTO_UDP };

/* Options of a socket, and of the call that is judged. */
enum inuse_flag {
	INUSE_REUSEADDR = 1u << 0,
	INUSE_REUSEPORT = 1u << 1,
	INUSE_V6ONLY = 1u << 2,
	INUSE_FREEBIND = 1u << 3,
	INUSE_TRANSPARENT = 1u << 4,
	INUSE_TIMESTAMPS = 1u << 5,  /* the peer sent TCP timestamps on this connection */
	INUSE_PORT_LOCKED = 1u << 6, /* the port came from bind() or from a listener, not from connect()'s own search */
	INUSE_MPTCP = 1u << 7,
	INUSE_GROUP = 1u << 8,       /* request: a reuseport program was attached before bind */
	INUSE_REPAIR = 1u << 9,      /* TCP_REPAIR */
	INUSE_KERNEL = 1u << 10,     /* made by the kernel itself (NFS, RPC): no process will ever hold it */
	INUSE_EXCLUSIVE = 1u << 12,  /* SO_EXCLUSIVEADDRUSE, Windows only */
	INUSE_HAS_FILE = 1u << 11,   /* a file is attached: somebody can still reach it, if only in flight */
	/*
	 * Question and socket options: what a server of that system should set. SO_REUSEADDR where it lets a server restart
	 * and does nothing else; on Windows, where it lets anybody take the port, SO_EXCLUSIVEADDRUSE.
	 */
	INUSE_USUAL = 1u << 13,
};

enum inuse_tri { INUSE_NO = 0, INUSE_YES = 1, INUSE_MAYBE = 2 };

/*
 * A call to judge. Start from INUSE_REQUEST_INIT; `size` lets the struct grow.
 * LISTEN means bind and then listen on a new socket. CONNECT: local.family 0 or port 0 lets the kernel choose.
 * ACCEPT: what a SYN from `remote` to `local` meets.
 */
struct inuse_request {
	size_t size;
	enum inuse_call call;
	enum inuse_proto proto;
	struct inuse_addr local;
	struct inuse_addr remote;
	uint32_t flags;          /* enum inuse_flag */
	uint32_t device;         /* interface index of SO_BINDTODEVICE, 0 none */
	uint32_t uid;            /* whose socket */
	enum inuse_tri may_bind_low; /* CAP_NET_BIND_SERVICE of the caller */
};
#define INUSE_REQUEST_INIT {sizeof(struct inuse_request), INUSE_CALL_BIND, INUSE_PROTO_TCP, {0, 0, 0, {0}}, {0, 0, 0, {0}}, 0, 0, 0, \
	 INUSE_MAYBE}

/* ---------------------------------------------------------------------------------- sockets, processes */

enum inuse_state {
	INUSE_STATE_UNKNOWN,
	INUSE_BOUND, /* has a port, neither listening nor connected; the kernel's CLOSE */
	INUSE_LISTEN,
	INUSE_SYN_SENT,
	INUSE_SYN_RECV,
	INUSE_ESTABLISHED,
	INUSE_FIN_WAIT1,
	INUSE_FIN_WAIT2,
	INUSE_CLOSING,
	INUSE_TIME_WAIT,
	INUSE_CLOSE_WAIT,
	INUSE_LAST_ACK,
	INUSE_N_STATES,
};

/* Which fields of a socket are known; an unset bit means the source could not see it. */
enum inuse_known {
	INUSE_KNOW_REUSEADDR = INUSE_REUSEADDR,
	INUSE_KNOW_REUSEPORT = INUSE_REUSEPORT,
	INUSE_KNOW_V6ONLY = INUSE_V6ONLY,
	INUSE_KNOW_TIMESTAMPS = INUSE_TIMESTAMPS,
	INUSE_KNOW_PORT_LOCKED = INUSE_PORT_LOCKED,
	INUSE_KNOW_MPTCP = INUSE_MPTCP,
	INUSE_KNOW_KERNEL = INUSE_KERNEL,
	INUSE_KNOW_HAS_FILE = INUSE_HAS_FILE,
	INUSE_KNOW_EXCLUSIVE = INUSE_EXCLUSIVE, /* never set by a source on Linux, and not asked there */
	INUSE_KNOW_DEVICE = 1u << 16,
	INUSE_KNOW_UID = 1u << 17,
	INUSE_KNOW_INODE = 1u << 18,
	INUSE_KNOW_OWNER = 1u << 19, /* holders is complete; 0 holders means nobody has it open */
};

/* A process as far as it could be read. Strings are "" when unknown. Borrowed from the snapshot. */
struct inuse_process {
	int32_t pid;          /* as the asker's pid namespace numbers it; 0: not in it */
	int32_t ppid;
	uint32_t uid;
	char status;          /* R S D Z T t, as in /proc/PID/stat; X it has ended (Windows); 0 unknown */
	bool same_dir;        /* runs in the asker's working directory, as the asker's user */
	bool dies_of_term;    /* it does nothing about SIGTERM: killed, it ends none of its children first */
	int64_t started_ns;   /* on the snapshot's clock */
	const char *comm, *user, *exe, *args, *cwd, *tty;
	const char *unit;      /* systemd unit, "nginx.service" */
	bool user_unit;        /* the unit is one of the user's own manager: systemctl --user */
	const char *socket_unit; /* the .socket unit, for a socket that pid 1 holds */
	const char *container; /* container id, or its name for lxc and nspawn */
	const char *container_kind; /* "docker", "podman", "kubernetes", "lxc", "nspawn", "" */
};

/* Which process holds which socket, under which descriptor number (-1 unknown). */
struct inuse_holder {
	uint32_t process; /* index into the snapshot's processes */
	int32_t fd;
};

/*
 * A socket that has a port. With count > 1 it stands for that many sockets that no rule can tell apart;
 * the addresses are then those of one of them.
 */
struct inuse_socket {
	enum inuse_state state;
	uint8_t family;      /* of the socket: 4 or 6 (a v4-mapped address on a v6 socket stays mapped) */
	bool mini;           /* a TIME-WAIT mini socket; with FIN_WAIT2 the remains without a process;
			      * with SYN_RECV a half-open request, which only connect() looks at */
	enum inuse_proto proto;
	struct inuse_addr local, remote;
	uint32_t flags, known; /* enum inuse_flag, enum inuse_known */
	uint32_t device, uid;
	uint64_t inode;      /* 0: no descriptor was ever attached or it is closed */
	uint64_t netns;      /* inode of the network namespace; 0 the snapshot's own */
	uint64_t cookie;
	uint64_t count;
	int64_t free_at_ns;    /* when the kernel removes it (the last of `count`); 0: not by itself, or unknown */
	int64_t free_slack_ns; /* it may be later by this much: the timer wheel, or a time of its own, when not read exactly */
	int64_t since_ns;      /* since when it is in TIME-WAIT; 0: unknown, or it is not */
	uint32_t holders, n_holders; /* slice of the snapshot's holders */
};

/* ----------------------------------------------------------------------------------------------- verdicts */

enum inuse_outcome { INUSE_GO, INUSE_FAIL, INUSE_CANNOT_TELL };

/* The kernel's answer to the call, in no system's numbers. */
enum inuse_result {
	INUSE_R_OK,
	INUSE_R_ADDRINUSE,
	INUSE_R_ADDRNOTAVAIL,
	INUSE_R_ACCES,
	INUSE_R_INVAL,
	INUSE_R_NODEV,
	INUSE_R_NETUNREACH,
	INUSE_R_HOSTUNREACH,
	INUSE_R_CONNREFUSED,
	INUSE_R_TIMEDOUT,
	INUSE_R_PERM,
	INUSE_R_AFNOSUPPORT,
	INUSE_R_ISCONN,
	INUSE_R_ALREADY,
	INUSE_R_OPNOTSUPP,
	INUSE_N_RESULTS,
};

/* What was not known and would change the verdict (CANNOT_TELL), or was not visible at all (unseen). */
enum inuse_missing {
	INUSE_MISSING_REUSEADDR = 1u << 0,
	INUSE_MISSING_REUSEPORT = 1u << 1,
	INUSE_MISSING_V6ONLY = 1u << 2,
	INUSE_MISSING_DEVICE = 1u << 3,
	INUSE_MISSING_UID = 1u << 4,
	INUSE_MISSING_TIMESTAMPS = 1u << 5,
	INUSE_MISSING_MEMORY = 1u << 6,   /* what the port remembers of SO_REUSEPORT */
	INUSE_MISSING_PORT_LOCKED = 1u << 7,
	INUSE_MISSING_PRIVILEGE = 1u << 8,
	INUSE_MISSING_ADDRESSES = 1u << 9,
	INUSE_MISSING_ROUTE = 1u << 10,
	INUSE_MISSING_RANGE = 1u << 11,
	INUSE_MISSING_BOUND = 1u << 12,   /* sockets that are bound only cannot be seen */
	INUSE_MISSING_COVERAGE = 1u << 13, /* the snapshot does not cover this port */
	INUSE_MISSING_PARTIAL = 1u << 14,  /* the sockets changed while they were read */
	INUSE_MISSING_SEQUENCE = 1u << 15, /* the sequence number or clock of a packet yet to come */
	INUSE_MISSING_BACKLOG = 1u << 16,
	INUSE_MISSING_DOCUMENT = 1u << 17, /* the system's documents do not say */
	INUSE_MISSING_DRAW = 1u << 18,     /* the kernel draws lots: of an odd range of ports the first or the last is not tried */
	INUSE_MISSING_SETTING = 1u << 19,  /* a setting of the kernel could not be read */
	INUSE_MISSING_TIMER = 1u << 20,    /* how long a connection has been in TIME-WAIT */
};

#define INUSE_MAX_SHOWN 8
#define INUSE_MAX_CURES 8

/* A cure that the model has tried on the facts: it would make the call succeed, now or from the next stop on. */
struct inuse_cure {
	const char *id;      /* a row of cures.def */
	int32_t pid;         /* whom it concerns, 0 nobody */
	bool later;          /* helps from the next stop on, not now */
	int64_t wait_ns;     /* for "wait" */
	uint16_t index;      /* which shown blocker it is for */
};

/*
 * The answer to one request. Fixed size, whether there is one blocker or a million.
 * It borrows from the snapshot it was judged on: keep that alive. ids are constant strings.
 */
struct inuse_verdict {
	size_t size;
	struct inuse_request request;
	enum inuse_outcome outcome;
	enum inuse_call step;       /* the call that fails: a client with a fixed port may fail in bind() already */
	enum inuse_result result;   /* of the first rule that matched or might have */
	bool as_far_as_seen;        /* GO, but kinds of socket exist that could not be seen: `unseen` */
	uint32_t missing, unseen;   /* enum inuse_missing */
	const char *rule, *cause;   /* ids: rows of the rule table and of causes.def */
	const char *note;           /* cause id of something worth saying about a GO, or NULL */
	uint64_t n_blockers;        /* sockets, classes counted out */
	uint64_t n_by_state[INUSE_N_STATES];
	uint32_t n_shown;
	const struct inuse_socket *shown[INUSE_MAX_SHOWN]; /* the ones that explain most, first */
	int64_t now_ns;
	int64_t free_at_ns;         /* when the last blocker goes by itself; 0: never or unknown */
	int64_t free_slack_ns;
	uint64_t ports_total, ports_left; /* port 0 and automatic ports: the range, and what is left of it */
	uint32_t n_cures;
	struct inuse_cure cures[INUSE_MAX_CURES];
};

/* ---------------------------------------------------------------------------------------------- snapshots */

/* What was known of a host at one moment. Owns all that is borrowed from it. */
struct inuse_snapshot;

/*
 * Reads a saved snapshot; "-" is standard input. Free it with inuse_snapshot_free().
 * INUSE_E_SNAPSHOT: it cannot be read, is damaged, cut off or of another version; the sentence names the line.
 */
INUSE_API enum inuse_status inuse_snapshot_load(const char *path, struct inuse_snapshot **ret_snapshot,
						struct inuse_error *error);
/*
 * Saves a snapshot; "-" is standard output. full: with whole command lines and directories, which may hold secrets
 * (a new file is then readable by its owner only); without, only the names of programs.
 * INUSE_E_INPUT: the file cannot be made. INUSE_E_SYSTEM: it cannot be written; nothing is left behind.
 */
INUSE_API enum inuse_status inuse_snapshot_save(const struct inuse_snapshot *snapshot, const char *path, bool full,
						struct inuse_error *error);
/* NULL is fine. */
INUSE_API void inuse_snapshot_free(struct inuse_snapshot *snapshot);

/*
 * Judges one request against a snapshot by the rules of the system that it was taken of. Always answers; what is missing makes it CANNOT_TELL.
 * ret_verdict->size and request->size must be set; the verdict borrows from the snapshot. INUSE_E_INPUT: a size or an
 * enumeration is out of range.
 */
INUSE_API enum inuse_status inuse_judge(const struct inuse_snapshot *snapshot, const struct inuse_request *request,
					struct inuse_verdict *ret_verdict, struct inuse_error *error);

/* ------------------------------------------------------------------------------------------------ answers */

/*
 * A question in words, to this host or to a snapshot. Start from INUSE_QUESTION_INIT. Strings are read during inuse_ask()
 * only.
 */
struct inuse_question {
	size_t size;
	enum inuse_call call;
	const char *address; /* what a person pasted; for connect the destination */
	const char *from;    /* connect: local address, or port; accept: the peer; NULL: any */
	uint32_t flags;      /* enum inuse_flag: options of the call */
	uint32_t given;      /* which of them were said; IPV6_V6ONLY not given follows net.ipv6.bindv6only */
	const char *device;  /* SO_BINDTODEVICE, or NULL */
	int64_t uid;         /* whose socket it would be; -1: the caller's */
	const struct inuse_snapshot *snapshot; /* judge this instead of the live host; must outlive the answer; or NULL */
	uint32_t without;    /* sources not to use; 0 for the best there is */
};
#define INUSE_QUESTION_INIT \
	{sizeof(struct inuse_question), INUSE_CALL_LISTEN, NULL, NULL, INUSE_USUAL, 0, NULL, -1, NULL, 0}

/* The verdicts on every address that a question names, and the snapshot that they borrow from. */
struct inuse_answer;

/*
 * Looks at the host and judges. Never binds, never connects. The caller frees the answer with inuse_answer_free().
 * INUSE_E_INPUT, INUSE_E_NO_HOST: the question; INUSE_E_PERMISSION, INUSE_E_UNSUPPORTED, INUSE_E_SYSTEM: no source answers.
 */
INUSE_API enum inuse_status inuse_ask(const struct inuse_question *question, struct inuse_answer **ret_answer,
				      struct inuse_error *error);
INUSE_API void inuse_answer_free(struct inuse_answer *answer); /* NULL is fine */
/* Verdict i, NULL past the last one; the deciding one first is inuse_answer_deciding(). Lives as long as the answer. */
INUSE_API const struct inuse_verdict *inuse_answer_verdict(const struct inuse_answer *answer, size_t i);
INUSE_API const struct inuse_verdict *inuse_answer_deciding(const struct inuse_answer *answer);

enum inuse_style { INUSE_STYLE_VERBOSE = 1u << 0, INUSE_STYLE_COLOUR = 1u << 1 };

/* The answer for people (lines ending in '\n') or as JSON (one line); free() it. NULL when out of memory. */
INUSE_API char *inuse_answer_text(const struct inuse_answer *answer, uint32_t style);
INUSE_API char *inuse_answer_json(const struct inuse_answer *answer, uint32_t style);

/* --------------------------------------------------------------------------------- sockets done right */

/* Start from INUSE_SOCKET_OPTIONS_INIT: close-on-exec, and what a server of this system should set (INUSE_USUAL). */
struct inuse_socket_options {
	size_t size;
	uint32_t flags;   /* enum inuse_flag: USUAL, REUSEADDR, EXCLUSIVE, REUSEPORT, V6ONLY, FREEBIND */
	int backlog;      /* 0: as much as the system allows */
	bool nonblocking;
	const char *from; /* connect: local address or port; NULL any */
	int timeout_ms;   /* connect: 0 waits as long as the system does */
};
#define INUSE_SOCKET_OPTIONS_INIT {sizeof(struct inuse_socket_options), INUSE_USUAL, 0, false, NULL, 0}

/*
 * Listens on an address in words. A bare port listens on IPv6 and IPv4 together where there is IPv6. *ret_fd is the
 * caller's to close. INUSE_E_REFUSED: the system refused (os_code says which errno); *ret_answer, if not NULL, then tells why and is
 * the caller's to free (it may be NULL when nothing could be found out). options NULL: the defaults.
 */
INUSE_API enum inuse_status inuse_listen(const char *address, const struct inuse_socket_options *options, int *ret_fd,
					 struct inuse_answer **ret_answer, struct inuse_error *error);
/* Connects; of a name's addresses the first that works. Otherwise as inuse_listen(). */
INUSE_API enum inuse_status inuse_connect(const char *address, const struct inuse_socket_options *options, int *ret_fd,
					  struct inuse_answer **ret_answer, struct inuse_error *error);

INUSE_API const char *inuse_version(void);

#ifdef __cplusplus
}
#endif
#endif
