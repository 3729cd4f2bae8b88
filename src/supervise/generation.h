/* SPDX-License-Identifier: MIT */
/* From one start of the program to the next. */
#ifndef IU_SUPERVISE_GENERATION_H
#define IU_SUPERVISE_GENERATION_H

#include "supervise/supervisor.h"

/* Starts the program for the first time. False: nothing runs; it was said why. */
bool iu_generation_first(struct iu_supervisor *s);
/* There may be another start of the program. */
bool iu_generation_may_follow(const struct iu_supervisor *s);
/* The newest one that is not on trial and of which somebody is left; NULL none. */
struct iu_generation *iu_generation_established(struct iu_supervisor *s);
/* The program says itself that it is ready. */
void iu_generation_says_ready(struct iu_generation *g);
/* Somebody wants the next generation. why: a word for the events. */
void iu_generation_restart(struct iu_supervisor *s, const char *why);
/* Somebody wants inuse to end: nothing is started any more. signal: which he sent. */
void iu_generation_give_up(struct iu_supervisor *s, int signal);
/* A child has ended: what follows for the turn. True: there is one, or begins one; inuse does not end. */
bool iu_generation_look(struct iu_supervisor *s);
/* The program itself has ended. */
void iu_generation_ended(struct iu_generation *g, int status);
/* Frees those of which nothing is left. */
void iu_generation_sweep(struct iu_supervisor *s);

#endif
