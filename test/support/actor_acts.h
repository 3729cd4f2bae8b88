/* SPDX-License-Identifier: MIT */
/* The inside of the actor: what its acts share, and the acts, each in a file of those like it. */
#ifndef TEST_SUPPORT_ACTOR_ACTS_H
#define TEST_SUPPORT_ACTOR_ACTS_H

#include <stdbool.h>
#include <sys/socket.h>

/* "ok", or the name of errno. */
const char *actor_name(long result);
/* "127.0.0.1:8080", "[::1]:8080", "8080" */
socklen_t actor_parse(const char *text, struct sockaddr_storage *ret);
/* A socket for that address. */
int actor_make(const char *text, int type, struct sockaddr_storage *ret, socklen_t *ret_len);
/* Binds to it, and leaves the socket open. */
int actor_try(const char *text, bool reuse);

/* Words follow that of the act. The exit status. */
typedef int actor_act(char **words);
actor_act do_listen, do_reuse, do_twice, do_odd, do_unix, do_storm, do_thread, do_fork, do_many, do_spawn,
	do_vanish, do_unmap, do_drop, do_user_ns, do_landlock, do_hidden, do_forbid, do_uring, do_int80, do_connect,
	do_stuck, do_around, do_count, do_flags, do_rounds, do_stay, do_daemon, do_later, do_serve;

#endif
