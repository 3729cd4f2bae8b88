/* SPDX-License-Identifier: MIT */
/* Each call of an experiment that is played on the kernel is judged by what eyes see of it, too (eyes.h). */
#ifndef IU_LAB_PLAY_EYES_H
#define IU_LAB_PLAY_EYES_H

#include "lab/onmodel.h"
#include "lab/play.h"

struct iu_play_eyes;

/* model is borrowed. NULL where nothing is played on a kernel, or when out of memory. */
struct iu_play_eyes *iu_play_eyes_new(const struct iu_play *play, struct iu_onmodel *model);
void iu_play_eyes_free(struct iu_play_eyes *eyes); /* NULL is fine, here and below */
/* Before the kernel makes the step. */
void iu_play_eyes_before(struct iu_play_eyes *eyes, const struct iu_step *step);
/*
 * After that, and before the model makes it: what is wrong with what was seen or concluded from it; NULL: nothing, or nothing is to be
 * judged. kernel: the answer; chosen: the port of the socket afterwards. Lives until the next step.
 */
const char *iu_play_eyes_wrong(struct iu_play_eyes *eyes, const struct iu_step *step, const char *kernel, uint16_t chosen);

#endif
