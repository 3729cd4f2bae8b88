/* SPDX-License-Identifier: MIT */
/*
 * Scenes for the tests of the rules: sockets, a call and what else is so, in words.
 *
 * Sockets, separated by ';': STATE LOCAL[>REMOTE] words. States: BOUND LISTEN SYNSENT SYNRECV ESTAB FW1 FW2 CLOSING TW CW LA.
 * Words: ra rp v6 excl (options), ts (timestamps), lock (port chosen by bind), file (somebody has it open), rem (remains
 * without a process), orphan (a whole socket without one), udp, uid=N, dev=N, left=N (seconds until it goes), old=N and ms=N
 * (seconds and milliseconds that it has been in TIME-WAIT), kernel (made by the kernel itself), mptcp, ns=N (the namespace),
 * by=PID (a process that has it open; several times: several have) or by=nobody; ?ra ?rp ?v6 ?ts ?lock ?excl ?file ?kernel
 * ?mptcp ?uid ?dev ?ino: not known; ?left: nor is when it goes.
 *
 * A call: bind|listen|connect|accept LOCAL[>REMOTE] words: options as above, freebind, repair, grp (a reuseport program is
 * attached), uid=N, dev=N, user (may not bind low ports), ?low (who knows whether it may), ?uid. After that, of a socket that
 * exists already: self (it is the first one), family=N, claims=4|unspec (of the sockaddr), datagram, was-connected,
 * ports=N-N (its own range), syn=new|old|inside|outside (what has come).
 *
 * What else is so: NAME=N of a setting (nonlocal_bind=1) or ?NAME (not known), range=N-N, kernel=N.N, covers=N-N,
 * excluded=N-N, reserved=N-N, device=N (1 is lo), route=REMOTE,SOURCE or route=REMOTE,RESULT (addresses without a port),
 * memory=LOCAL[,uid=N][,v6][,any] (of SO_REUSEPORT), reuse-memory=PORT, mark=PORT (bind() was on it), connect-only=PORT,
 * v4-first=PORT or mapped-first=PORT (of those on 0.0.0.0), no-v4 (none was ever configured), no-addresses, ?addresses, ?memory,
 * netns=N (the host's own), windows (the host), asker=PID (who calls), process=PID,WORD,... of one that has a socket: comm=NAME, ppid=N,
 * uid=N, status=T, unit=NAME, socket-unit=NAME, container=ID, same-dir (as the asker). Settings are
 * otherwise known and as the kernel has them, and of memory there is none.
 */
#ifndef TEST_SUPPORT_SCENE_H
#define TEST_SUPPORT_SCENE_H

#include "model/judge.h"

#define SCENE_NOW (1000 * INT64_C(1000000000))
#define SCENE_SOCKETS 32
#define SCENE_MORE 8

/* It points into itself: made where it stays. */
struct scene {
	struct iu_facts f;
	struct inuse_request r;
	struct iu_caller caller;
	struct inuse_socket sockets[SCENE_SOCKETS];
	struct inuse_process processes[SCENE_MORE];
	struct inuse_holder holders[SCENE_MORE];
	char words[256]; /* of processes */
	size_t n_words;
	struct iu_local locals[SCENE_MORE];
	struct iu_bucket buckets[SCENE_MORE];
	struct iu_device devices[SCENE_MORE];
	struct iu_route routes[SCENE_MORE];
	struct iu_range covered[SCENE_MORE], excluded[SCENE_MORE], reserved[SCENE_MORE];
};

/* facts may be NULL. A word that is none of those above fails the test. */
void scene_make(struct scene *s, const char *sockets, const char *call, const char *facts);
void scene_add_socket(struct scene *s, const char *text);
void scene_add_fact(struct scene *s, const char *word);
/* Another call in the same scene. */
void scene_call(struct scene *s, const char *call);
struct inuse_addr scene_addr(const char *text);

#endif
