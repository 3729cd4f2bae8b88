/* SPDX-License-Identifier: MIT */
/*
 * The same steps on the real kernel.
 *
 * Theory of operation
 *
 * iu_live_new() moves the calling process into a network namespace of its own, with lo up and every setting that an experiment
 * may pin at its default; when not root, into a user namespace first. It is meant for a process that is forked for this and
 * ends afterwards: with it everything vanishes. All sockets are descriptors of this process; processes of an
 * experiment are children that hold copies of them. Nothing is waited for by the clock but `wait`: a call that would block
 * has 1 s, a look is repeated until it shows what it should or 3 s are over.
 */
#ifndef IU_LAB_LIVE_H
#define IU_LAB_LIVE_H

#include "lab/exp.h"
#include "sim/peer.h"

struct iu_live;

/* Can experiments be played on this machine's kernel at all? Else on the model alone, of this system unless another is named. */
extern const bool iu_live_plays;
extern const enum iu_os iu_live_os;

/* What a step answered. text: as in the format; chosen: the port of the socket after the call, 0 none. */
struct iu_live_answer {
	const char *text;
	char buf[96];
	uint16_t chosen;
};

/*
 * INUSE_E_UNSUPPORTED, INUSE_E_PERMISSION: this machine or this user cannot play this experiment, and the sentence says why.
 * The caller, a process of its own, ends after iu_live_free().
 */
enum inuse_status iu_live_new(const struct iu_exp *exp, enum iu_run run, bool patient, struct iu_live **ret,
			      struct inuse_error *error);
void iu_live_free(struct iu_live *live);

/*
 * Makes one step. want: what the answer should be, which says how long to wait for it; NULL unknown. INUSE_E_UNSUPPORTED
 * and INUSE_E_SYSTEM: the step cannot be made here, which is no answer of the kernel to it.
 */
enum inuse_status iu_live_step(struct iu_live *live, const struct iu_step *step, const char *want,
			       struct iu_live_answer *ret, struct inuse_error *error);

/* The TCP sockets of the namespace at this moment; at most max. Half-open requests are left out. */
size_t iu_live_sockets(struct iu_live *live, struct inuse_socket *ret, size_t max);
/* The number that the simulation has for a device of the kernel; where it has none of that name, that of the kernel. */
uint32_t iu_live_device(const struct iu_facts *simulated, uint32_t index);
/* The clock of free_at_ns of those sockets. */
int64_t iu_live_now(void);
/* One short pause between two looks. */
void iu_live_pause(void);
/* The device of peers elsewhere; 0: the experiment has none. */
unsigned iu_live_wire_device(const struct iu_live *live);
/* Bound sockets that do not listen can be seen here: linux 6.8 and later. */
bool iu_live_sees_bound(const struct iu_live *live);
/* "Linux 6.18.44 x86_64"; "" where nothing is played. Returns buf. */
char *iu_live_system(char *buf, size_t size);
/* The version of the running kernel: major << 16 | minor. */
uint32_t iu_live_kernel(void);

/* namespace.c: a network namespace of one's own, with lo up. */
enum inuse_status iu_lab_namespace(bool need_users, struct inuse_error *error);
/* Another one, in which no address was ever configured and lo is down. After iu_lab_namespace(). */
enum inuse_status iu_lab_namespace_bare(struct inuse_error *error);
/* Writes a file below /proc/sys/net; false: there is none, or it takes no such value. */
bool iu_lab_write_setting(const char *path, const char *value);

/* network.c: devices, addresses and routes. Each is INUSE_E_UNSUPPORTED in a build without libmnl. */
enum inuse_status iu_lab_device(const char *name, struct inuse_error *error);
enum inuse_status iu_lab_address(const char *device, const struct inuse_addr *addr, unsigned prefix_len,
				 struct inuse_error *error);
/* The same with an IPv6 address that the kernel goes on checking for (RFC 4862 5.4), longer than any experiment lasts. */
enum inuse_status iu_lab_address_tentative(const char *device, const struct inuse_addr *addr, unsigned prefix_len,
					   struct inuse_error *error);
enum inuse_status iu_lab_remove(const char *device, struct inuse_error *error);
enum inuse_status iu_lab_link(const char *device, bool up, struct inuse_error *error);
enum inuse_status iu_lab_route(const char *kind, const struct inuse_addr *net, unsigned prefix_len, struct inuse_error *error);
/* SOCK_DESTROY of this socket. */
enum inuse_status iu_lab_destroy(const struct inuse_socket *socket, struct inuse_error *error);
/* SOCK_DESTROY of all of these, at once. False: that was not possible; what is not there is passed over. */
bool iu_lab_destroy_all(const struct inuse_socket *list, size_t n);
/* For the fuzzer's namespace: what arrives over its local routes is acknowledged at once, not after 40 ms. */
void iu_lab_quick_acks(void);

/* capture.c: the TCP packets that crossed the namespace. */
struct iu_packet {
	struct inuse_addr from, to;
	struct iu_segment s;
};
struct iu_capture;
/* wire: the index of the device that leads to nobody, so that what goes out there counts, too; 0: none. NULL where AF_PACKET is not permitted. */
struct iu_capture *iu_capture_new(unsigned wire);
void iu_capture_free(struct iu_capture *capture);
/* The packets since the last time, at most max; *ret_lost: so many were not seen. */
size_t iu_capture_take(struct iu_capture *capture, struct iu_packet *ret, size_t max, unsigned *ret_lost);
/* Reads one packet from its IP header on. Pure. False: it is no whole TCP header. */
bool iu_packet_read(const uint8_t *bytes, size_t len, struct iu_packet *ret);

/* wire.c: the device `wire`, which leads to nobody but this process. */
#define IU_PACKET_MAX 80
struct iu_wire;
/* INUSE_E_UNSUPPORTED: there is no tun here. */
enum inuse_status iu_wire_new(struct iu_wire **ret, struct inuse_error *error);
void iu_wire_free(struct iu_wire *wire); /* NULL is fine */
enum inuse_status iu_wire_address(const struct inuse_addr *addr, unsigned prefix_len, struct inuse_error *error);
enum inuse_status iu_wire_up(struct inuse_error *error);
/* Its index in this namespace; 0: there is none. */
unsigned iu_wire_device(void);
/* The bytes of a packet without data, from its IP header on; returns how many. Mapped addresses are IPv4 here. Pure. */
size_t iu_packet_write(const struct iu_packet *packet, uint8_t bytes[IU_PACKET_MAX]);
/* Lets it arrive. False: errno tells why not. */
bool iu_wire_send(struct iu_wire *wire, const struct iu_packet *packet);
/* The next TCP packet that this host has sent there. False: none came in wait_ms. */
bool iu_wire_take(struct iu_wire *wire, int wait_ms, struct iu_packet *ret);

/* landlock.c: from now on this process may not bind, or connect, TCP. INUSE_E_UNSUPPORTED: this kernel cannot forbid that. */
enum inuse_status iu_lab_forbid(bool bind, bool connect, struct inuse_error *error);

#endif
