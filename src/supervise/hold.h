/* SPDX-License-Identifier: MIT */
/* Listening sockets that outlive the program, and how the next start of it comes by them. */
#ifndef IU_SUPERVISE_HOLD_H
#define IU_SUPERVISE_HOLD_H

#include "supervise/carry.h"
#include "supervise/incident.h"

/* A process that has called listen, watched until it ends. */
struct iu_keeper {
	struct iu_keeper *next;
	struct iu_supervisor *s;
	int32_t pid;
	uint64_t started; /* tells it from a later process with that number */
	size_t n;         /* sockets that it keeps; with none it is let go */
	int pidfd;
	uv_poll_t poll;
};

/* A listening socket that inuse has a duplicate of. */
struct iu_held {
	struct iu_held *next, *next_at, *next_inode; /* held.c */
	struct iu_supervisor *s;
	int fd;
	uint64_t cookie, inode;
	struct iu_identity identity;
	struct inuse_addr local;
	unsigned listened;  /* number of the newest generation that called listen on it; 0: none, it was handed to inuse */
	unsigned given;     /* number of the generation that it was given to, 0 none */
	bool unanswered;    /* the call that it was given for was broken into before it got its answer */
	bool handed;        /* of LISTEN_FDS: it is not inuse's to close */
	bool bound_nonblock; /* O_NONBLOCK, as the program had it before bind */
	bool wish_nonblock, wished; /* the newest generation's; set as soon as no older one shares the socket */
	int32_t holder;     /* the process that was seen with it last, */
	int32_t holder_fd;  /* and there */
	struct iu_keeper *keeper; /* NULL: nobody is known to have it */
	int shared_flags;   /* before it was given to a start on trial, to be put back if that fails: F_GETFL, */
	int shared_options; /* a socket with the options that it had, */
	int shared_backlog; /* and its backlog; -1: there is nothing to put back */
	bool gap;           /* nobody accepts; its backlog was raised */
	unsigned seen;      /* the last look for who has what that found somebody who has this one (s->looks) */
	uint64_t absent_ms; /* when nobody was found to have it (uv_hrtime), 0 never; */
	unsigned absent_of; /* nobody of that generation, 0: of any */
	bool let_go;        /* who had it last has closed it, and lives */
	uint64_t let_go_ms; /* since when it is known that nobody has it, although the program goes on; 0 */
};

void iu_hold_begin(struct iu_supervisor *s);
/* A listen has succeeded: the socket is held from now on, if it can be. */
void iu_hold_listened(struct iu_supervisor *s, struct iu_waiting_call *w);
/* A bind has succeeded. */
void iu_hold_bound(struct iu_supervisor *s, struct iu_waiting_call *w);
/* A bind is about to be made. True: the program got a held socket instead, and its answer. */
bool iu_hold_give(struct iu_supervisor *s, struct iu_waiting_call *w);
/*
 * A bind has failed with EADDRINUSE, or is about to be made by the kernel: what is only held, and in its way, is closed. True:
 * something was.
 */
bool iu_hold_make_way(struct iu_supervisor *s, const struct iu_waiting_call *w);
/* An option goes by that cannot be carried over. */
void iu_hold_option(struct iu_generation *g, const struct iu_notice *notice);

/* Nobody accepts from now on: backlogs are raised, and who was shut down listens again if `all_gone`. */
void iu_hold_gap(struct iu_supervisor *s, bool all_gone);
/* There is something that the generations before this one have listened on, and it has not; handed sockets do not count. */
bool iu_hold_has_unclaimed(const struct iu_supervisor *s, const struct iu_generation *g);
/* How many sockets are held that the program has listened on. */
size_t iu_hold_listened_count(const struct iu_supervisor *s);
/* Closes what this generation did not claim. */
void iu_hold_close_unclaimed(struct iu_supervisor *s, const struct iu_generation *g);
/* No generation but this one lives any more: what was left alone for the others' sake is done. */
void iu_hold_sole(struct iu_supervisor *s);
/* The attempt of this generation is over: what it had is the older one's again. */
void iu_hold_withdraw(struct iu_supervisor *s, const struct iu_generation *g);

/* ------------------------------------------------------------------------------ between hold.c and give.c */

/* The held ones of that address and port, one after the other: after NULL comes the first. held.c */
struct iu_held *iu_hold_next_at(const struct iu_supervisor *s, const struct inuse_addr *local, const struct iu_held *after);
/* Those with that inode, likewise. */
struct iu_held *iu_hold_next_inode(const struct iu_supervisor *s, uint64_t inode, const struct iu_held *after);
/* The held one that this descriptor is, or NULL. */
struct iu_held *iu_hold_find(const struct iu_supervisor *s, int fd);
/* Names the socket, as long as the machine runs. */
uint64_t iu_hold_cookie(int fd);
/* Inode of the caller's network namespace (NULL: our own), 0 unknown. */
uint64_t iu_hold_netns(const struct iu_caller *caller);
bool iu_hold_listens(const struct iu_held *h);
/* What stands in the way of holding that socket: the name of an option, or NULL. */
const char *iu_hold_excluded(const struct iu_supervisor *s, uint64_t cookie);
void iu_hold_say_excluded(struct iu_supervisor *s, struct iu_caller *caller, const struct inuse_addr *local, const char *why);
/* An event about a held socket; more_own: its other members, or NULL. */
void iu_hold_event(const struct iu_held *h, const char *event, json_t *more_own);
/* That process has it, under that number. */
void iu_hold_keep(struct iu_held *h, int32_t pid, int32_t fd);
/* It has no keeper any more. */
void iu_hold_unkeep(struct iu_held *h);
/* The process that was seen with it last has it still. */
bool iu_hold_is_still_kept(const struct iu_held *h);
/* Finds new keepers for what has none. */
void iu_hold_look(struct iu_supervisor *s);
/* Remembers how the socket is, or what was remembered is of no use any more. */
void iu_hold_remember(struct iu_held *h);
void iu_hold_forget(struct iu_held *h);
/* Makes it as it was. */
void iu_hold_put_back(struct iu_held *h);
/* Nobody accepts. nobody_has_it: and it may listen again if it was shut down. */
void iu_hold_begin_gap(struct iu_held *h, bool nobody_has_it);
/* Holds a duplicate of fd. NULL: there is no room; held.c. */
struct iu_held *iu_hold_add(struct iu_supervisor *s, int fd, const struct iu_identity *identity);
/* Closes it. */
void iu_hold_drop(struct iu_held *h);

#endif
