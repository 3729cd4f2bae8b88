/* SPDX-License-Identifier: MIT */
/* The inside of the fuzzer. */
#ifndef IU_LAB_FUZZ_PRIVATE_H
#define IU_LAB_FUZZ_PRIVATE_H

#include "lab/eyes.h"
#include "lab/fuzz.h"
#include "lab/live_private.h"
#include "lab/onmodel.h"

#define IU_SCENE_STEPS 320
#define IU_SCENE_SOCKETS 60

/* Ports that scenes play on: a low one, some for bind(), some for the kernel to choose from. All are read together. */
#define IU_FUZZ_LOW 80
#define IU_FUZZ_NO_DEVICE 99 /* no device has that number, neither here nor there */
#define IU_FUZZ_PORT 5000
#define IU_FUZZ_RANGE 20001
#define IU_FUZZ_RANGE_LAST 20004
#define IU_FUZZ_N_PORTS 7
extern const uint16_t iu_fuzz_ports[IU_FUZZ_N_PORTS];

/* The named blockers that were removed one by one, and the call that was made again after each: the rest of a scene that differs. */
struct iu_removal {
	struct iu_step steps[3 * INUSE_MAX_SHOWN];
	size_t n;
	bool backward; /* the least telling one goes first */
	bool too_many; /* the call succeeded before the last one was gone; else it failed after that */
};

struct iu_scene {
	struct iu_step steps[IU_SCENE_STEPS];
	struct iu_scene_answer {
		char text[24];
		uint16_t chosen; /* the port that it took, where it had the choice */
	} kernel[IU_SCENE_STEPS]; /* what the kernel answered */
	size_t n;
	uint64_t random; /* for the samples of this scene: the same when it is played again */
	struct iu_removal removal;
};

enum iu_agreement {
	IU_AGREES,
	IU_DIFFERS, /* the reason is in why */
	IU_CHOICE,  /* the kernel's: nothing can be said of what comes after it */
	IU_ENDED,   /* agreed, and the sockets are no longer those of the simulation: blockers were removed */
	IU_BROKEN,  /* the step could not be made at all */
};

/* Which comparison shows a disagreement. */
enum iu_fuzz_kind { IU_BY_ANSWER, IU_BY_SOCKETS, IU_BY_BUCKET, IU_BY_USER, IU_BY_UNKNOWNS, IU_BY_REMOVAL };

struct iu_fuzzer {
	const struct iu_fuzz *fuzz;
	struct iu_fuzz_result *result;
	const struct iu_profile *profile;
	const volatile sig_atomic_t *stop;
	uint64_t random;
	/* both sides */
	struct iu_onmodel model;
	struct iu_live *live;
	struct iu_exp exp;       /* what the live player wants to know of an experiment */
	struct iu_eyes *eyes;    /* NULL: the buckets cannot be read */
	bool root;               /* other users can be played */
	uint32_t features;       /* enum iu_feature of the kernel */
	uint32_t devices[3];     /* index on the kernel of what the simulation has as 1 (lo), 2 and 3; 0: it has no such */
	unsigned scenes_here;    /* played in this namespace */
	/* the scene that is being made or played */
	struct iu_scene scene;
	struct iu_removal removal; /* the last one */
	bool again;              /* it is played again: nothing is counted, and nothing left to chance */
	bool last;               /* the last step of a scene that is played again */
	int64_t began_ns;
	unsigned n_sockets, n_processes, theme, n_calls;
	int64_t user;
	struct iu_step script[32]; /* steps that are made before anything is left to chance */
	size_t n_script, at_script;
	bool haunted;     /* one end of a connection vanished under TCP_REPAIR */
	unsigned n_peers;
	struct {
		bool open, reset;  /* the peer's last SYN was answered with an ACK; that with a RST: what the SYN gets now decides */
		uint32_t possible; /* what the model said of it: bit per enum inuse_result */
	} syns[IU_EXP_MAX_PEERS];
	uint64_t went_v4; /* bit per socket: IPv6 ones that have dialled IPv4 */
	bool settings_changed;
	struct iu_decided decided;
	enum iu_fuzz_kind kind; /* what differs, when something does */
	char why[512];
};

/* fuzz_make.c: the next step of the scene. False: it has come to its end. */
bool iu_fuzz_make(struct iu_fuzzer *f, struct iu_step *ret);
void iu_fuzz_make_begin(struct iu_fuzzer *f);
/* Settings that scenes change, to what they are by default. */
void iu_fuzz_restore_settings(void);

/* fuzz_play.c: both sides, step by step */
bool iu_fuzz_begin(struct iu_fuzzer *f); /* an empty scene; false: it cannot be begun */
enum iu_agreement iu_fuzz_step(struct iu_fuzzer *f, const struct iu_step *step, struct iu_scene_answer *ret);
void iu_fuzz_end(struct iu_fuzzer *f);
/* A socket of the simulation with the numbers that devices have on the kernel. */
struct inuse_socket iu_fuzz_on_kernel(const struct iu_fuzzer *f, const struct inuse_socket *simulated);
/* A new namespace for the scenes to come. */
enum inuse_status iu_fuzz_namespace(struct iu_fuzzer *f, struct inuse_error *error);

/* fuzz_kernel.c: one step on the kernel, without waiting. *ret_text: as in the format; chosen: the port it took, 0 none. */
struct iu_fuzz_answer {
	const char *text;
	uint16_t chosen;
	char buf[32];
};
enum inuse_status iu_fuzz_kernel(struct iu_fuzzer *f, const struct iu_step *step, struct iu_fuzz_answer *ret, struct inuse_error *error);
/* The same question once more after a moment, where the answer may come late. */
void iu_fuzz_kernel_again(struct iu_fuzzer *f, const struct iu_step *step, const char *want, struct iu_fuzz_answer *ret);
/* Has the kernel, busy as it was, left a whole socket where it leaves a mini one otherwise? Then nothing that differs counts. left_whole.h */
bool iu_fuzz_left_whole(const struct iu_fuzzer *f);
/* Removes a socket that is open here without a word to its peer; false: that cannot be done to it. */
bool iu_fuzz_vanish(int fd);

/* fuzz_remove.c: removes the named blockers one by one; the call that failed is made again after each. What was done is in f->removal. */
enum iu_agreement iu_fuzz_remove(struct iu_fuzzer *f, const struct iu_step *step, const struct inuse_verdict *v);

/* fuzz_text.c: a step as a line of an experiment; the whole scene as one. */
void iu_fuzz_step_text(const struct iu_step *step, char *buf, size_t size);
void iu_fuzz_scene_text(const struct iu_fuzzer *f, const struct iu_scene *scene, const char *why, char *buf, size_t size);

/* fuzz_shrink.c: leaves only those steps that are needed to show the disagreement. False: it does not come again. */
bool iu_fuzz_shrink(struct iu_fuzzer *f, struct iu_scene *scene);

#endif
