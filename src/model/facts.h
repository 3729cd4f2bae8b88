/* SPDX-License-Identifier: MIT */
/*
 * What the model judges on: plain data, gathered by src/host or read from a file.
 *
 * Every array belongs to whoever made the facts. A field that was not seen is marked, never guessed: per
 * socket in `known`, per kind in `unseen`, per setting in `known`.
 */
#ifndef IU_MODEL_FACTS_H
#define IU_MODEL_FACTS_H

#include "inuse.h"

/* Settings that the rules read. One row each in settings.def: name, /proc/sys path, first kernel. */
enum iu_setting {
#define SETTING(id, path, fallback) IU_SET_##id,
#include "model/settings.def"
#undef SETTING
	IU_N_SETTINGS,
};

/* Whose rules hold: the rows of os.def. IU_SYSTEM_HERE, from the build, is that of the machine that this program runs on. */
enum iu_system {
#define OS(name) IU_SYSTEM_##name,
#include "model/os.def"
#undef OS
	IU_N_SYSTEMS,
};

/* A kernel's version as a number that can be compared. */
#define IU_KERNEL(major, minor) ((uint32_t)(major) << 16 | (minor))

/* What kernels differ in, one bit for each row of features.def. */
enum iu_feature_row {
#define FEATURE(id, ...) IU_FEATURE_ROW_##id,
#include "model/features.def"
#undef FEATURE
	IU_N_FEATURES,
};
enum iu_feature {
#define FEATURE(id, ...) IU_FEATURE_##id = 1u << IU_FEATURE_ROW_##id,
#include "model/features.def"
#undef FEATURE
};

/* The kernel of Windows and its drivers, http.sys among them. */
#define IU_WINDOWS_SYSTEM_PID 4

struct iu_range {
	uint16_t first, last; /* both included */
};

/* An address on which this host may bind. */
struct iu_local {
	struct inuse_addr addr;
	uint8_t prefix_len; /* 127.0.0.0/8 is local as a whole */
	bool broadcast, tentative;
	uint32_t device;
};

/* An interface. name is borrowed. */
struct iu_device {
	uint32_t index;
	bool up, loopback;
	const char *name;
};

/* What routing says of a destination: the source that connect() would pick, or the error. */
struct iu_route {
	struct inuse_addr remote, source;
	uint32_t device;
	enum inuse_result result;
};

/* What the bucket of a port remembers of SO_REUSEPORT and who is on it (linux inet_bind_bucket). */
struct iu_bucket {
	uint16_t port;
	int8_t fastreuse, fastreuseport; /* -1, 0, 1; fastreuseport 2: strict. Both -1: only connect() ports */
	uint32_t uid;
	uint8_t family; /* of the remembered address: 4 or 6 */
	bool v6only;
	uint8_t any4; /* the family of who was first of those on 0.0.0.0 and ::ffff:0.0.0.0; 0: nobody, or it was not seen */
	struct inuse_addr addr4, addr6; /* the remembered address in both forms */
};

/* Has only connect() given that port away? */
static inline bool iu_bucket_is_of_connect(const struct iu_bucket *b)
{
	return b->fastreuse == -1 && b->fastreuseport == -1;
}

/* A port whose sockets of another protocol or namespace are worth a line, never blockers. */
struct iu_elsewhere {
	uint64_t netns;
	uint16_t port;
	enum inuse_proto proto;
	uint64_t count;
	bool listening;
};

/* Is it a request that a listener has half open? It is on no port, and has a 4-tuple. */
bool iu_socket_is_request(const struct inuse_socket *o);

/*
 * An IPv4 address in IPv6 clothes and yet IPV6_V6ONLY: set in between by who has such an address and no port yet, and gets one from
 * listen(). It takes no connection, and no IPv4 address overlaps its own. Where the option cannot be seen nobody is taken for one.
 * linux v6.18 net/ipv4/inet_connection_sock.c ipv6_rcv_saddr_equal(); listen/mapped-v6only
 */
bool iu_listens_to_nobody(const struct inuse_socket *o);

struct iu_facts {
	const struct inuse_socket *sockets;
	size_t n_sockets;
	const struct inuse_process *processes;
	size_t n_processes;
	const struct inuse_holder *holders;
	size_t n_holders;
	const struct iu_local *locals;
	size_t n_locals;
	const struct iu_device *devices;
	size_t n_devices;
	const struct iu_route *routes;
	size_t n_routes;
	const struct iu_bucket *buckets;
	size_t n_buckets;
	const struct iu_elsewhere *elsewhere;
	size_t n_elsewhere;
	const struct iu_range *reserved; /* net.ipv4.ip_local_reserved_ports */
	size_t n_reserved;
	const struct iu_range *excluded; /* Windows: set aside, bind() is refused (netsh int ipv4 show excludedportrange) */
	size_t n_excluded;
	const struct iu_range *covered;  /* ports the facts cover; none: all of them */
	size_t n_covered;

	int64_t settings[IU_N_SETTINGS];
	uint32_t settings_known; /* bit per enum iu_setting */
	enum iu_system os;           /* of the host that the facts are of */
	uint32_t features;       /* enum iu_feature */
	uint32_t features_probed; /* those of which that is known; the others are assumed from `kernel` */
	uint32_t kernel;         /* major << 16 | minor; 0 unknown */
	uint32_t hz;             /* ticks a second; 0 unknown */
	uint32_t unseen;         /* enum inuse_missing: kinds no source could see */
	int32_t asker;           /* pid of the process whose call is judged, where that is known; else 0 */
	bool no_v4_table;        /* no IPv4 address was ever configured: every one is bindable */
	bool locals_known;
	bool buckets_known;      /* buckets holds every port in `covered`; an absent one does not exist. Else of an absent one nothing is known */
	int64_t now_ns;
	uint64_t netns;
};

/* enum iu_feature of a mainline kernel of that version; 0 (unknown) gives none. Distributions backport: better ask the kernel. */
uint32_t iu_features_from_version(uint32_t kernel);

#endif
