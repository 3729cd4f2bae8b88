/* SPDX-License-Identifier: MIT */
/* The makers of random steps: each proposes a step that makes sense among the sockets as they are now, or passes and answers false. */
#ifndef IU_LAB_FUZZ_MAKE_H
#define IU_LAB_FUZZ_MAKE_H

#include "lab/fuzz_private.h"

/* What a scene is mostly about. */
enum iu_theme { IU_THEME_SERVERS, IU_THEME_CLIENTS, IU_THEME_EXHAUST, IU_THEME_REUSEPORT, IU_THEME_ODD, IU_THEME_SYNS,
	IU_THEME_PEERS, IU_N_THEMES };

/* Sets of states to pick a socket by. */
#define IU_MAKE_UNBOUND (1u << INUSE_STATE_UNKNOWN)
#define IU_MAKE_BOUND (1u << INUSE_BOUND)
#define IU_MAKE_LISTENS (1u << INUSE_LISTEN)
#define IU_MAKE_OPEN (1u << INUSE_ESTABLISHED | 1u << INUSE_CLOSE_WAIT | 1u << INUSE_FIN_WAIT1 | 1u << INUSE_FIN_WAIT2)
#define IU_MAKE_ANY_STATE 0xffffu

/* fuzz_make.c: [0, n); so many times of a hundred. */
unsigned iu_make_pick(struct iu_fuzzer *f, unsigned n);
bool iu_make_chance(struct iu_fuzzer *f, unsigned percent);
/* A random open socket in one of these states; -1: there is none. */
int iu_make_pick_socket(struct iu_fuzzer *f, unsigned states);
/* Socket s as it is now. */
const struct inuse_socket *iu_make_peek(struct iu_fuzzer *f, int s);
struct inuse_addr iu_make_addr(const char *text, uint16_t port);
/* The link-local address of the host, with the scope of its device, of another or of none, as the simulation counts devices. */
struct inuse_addr iu_make_link_local(struct iu_fuzzer *f, uint16_t port);
/* Where a call goes: the address, whose scope is told by the name of the device. */
void iu_make_at(struct iu_fuzzer *f, struct iu_step *s, const struct inuse_addr *addr);

typedef bool iu_maker(struct iu_fuzzer *f, struct iu_step *s);
/* fuzz_make_socket.c: sockets, their options, and whose they are */
iu_maker iu_make_socket, iu_make_datagram, iu_make_option, iu_make_linger, iu_make_device, iu_make_repair, iu_make_group,
	iu_make_port_choice, iu_make_chown, iu_make_user;
/* fuzz_make_call.c: calls, and what ends sockets */
iu_maker iu_make_bind, iu_make_odd_bind, iu_make_listen, iu_make_connect, iu_make_accept, iu_make_close,
	iu_make_shutdown, iu_make_unconnect, iu_make_write, iu_make_read, iu_make_fork, iu_make_kill;
/* May socket s dial that address, in its state and from the address that it has? The step in which it does. */
bool iu_make_may_dial(struct iu_fuzzer *f, unsigned s, const struct inuse_addr *to);
void iu_make_dial(struct iu_fuzzer *f, struct iu_step *s, unsigned socket, const struct inuse_addr *to);
/* fuzz_make_peer.c: packets of peers elsewhere */
iu_maker iu_make_packet, iu_make_dial_peer;
/* The port that peer p speaks from. */
uint16_t iu_make_peer_port(unsigned p);
/* The step that answers the last packet as a client would; false: nothing is to be answered. */
bool iu_make_peer_answer(struct iu_fuzzer *f, struct iu_step *s);
/* fuzz_make_around.c: settings of the namespace */
iu_maker iu_make_setting, iu_make_range;

/* fuzz_script.c: the steps that a scene of that theme begins with. */
void iu_fuzz_write_script(struct iu_fuzzer *f);

#endif
