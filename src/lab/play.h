/* SPDX-License-Identifier: MIT */
/*
 * Playing an experiment: on the real kernel and on the model in step, or on the model alone.
 *
 * Theory of operation
 *
 * A run is played step by step: the kernel makes the call, the model judges the same call on the simulated sockets, and
 * both are compared with what the file expects. Then the sockets of both are compared: the kernel's are looked at until they
 * are those of the model, which is how events are waited for. Whatever differs is a disagreement. What came of a run is
 * one JSON object (doc/json.md); reports are made of it.
 */
#ifndef IU_LAB_PLAY_H
#define IU_LAB_PLAY_H

#include <jansson.h>

#include "base/text.h"
#include "lab/exp.h"

struct iu_live;
struct iu_eyes;

/* One run: a case of an experiment in a family. */
struct iu_play {
	const struct iu_exp *exp;
	size_t which;       /* index of the case */
	enum iu_run run;
	enum iu_os os;
	uint32_t lacks;     /* enum iu_feature that the kernel which is played lacks; 0: the newest */
	struct iu_live *live; /* NULL: the model alone */
	struct iu_eyes *eyes; /* that read the kernel's buckets, of any ports; NULL: they cannot be read */
	const char *why_no_eyes; /* why not; NULL */
	const char *why_not;  /* why the kernel does not play although it should; NULL */
};

/* Plays it to its end. NULL when out of memory. The caller drops it with json_decref(). */
json_t *iu_play(const struct iu_play *play);
/* A busy machine got in between, so that packets crossed again or the kernel took another way: what came of it says little. */
bool iu_play_was_disturbed(const json_t *run);

/* ---- run.c: many runs side by side */

struct iu_jobs {
	const struct iu_exp *const *exps;
	size_t n_exps;
	enum iu_os os;
	bool model_only;
	bool patient;
	unsigned workers; /* 0: as many as suit the machine */
};
/* Each run's object, in the order of the experiments, is handed to fn, which borrows it. */
enum inuse_status iu_jobs_run(const struct iu_jobs *jobs, void (*fn)(void *arg, const json_t *run), void *arg,
			      struct inuse_error *error);

/* ---- report.c: for people */

#define IU_REPORT_WIDTH 100

/* How a run is told. quiet: only how it ended, in one line. width: sentences are broken there; IU_REPORT_WIDTH is good to read. */
struct iu_report_look {
	bool quiet, colour;
	size_t width;
};
/* A run with all its steps. */
void iu_report_run(struct iu_text *t, const json_t *run, const struct iu_report_look *look);

/* Sums for the end of it all. */
struct iu_tally {
	size_t runs, agree, differ, unplayed;
	size_t again; /* played more than once, as a busy machine got in between */
};
void iu_tally_add(struct iu_tally *tally, const json_t *run);

/* ---- find.c: the experiments that are there */

/* Where they are: $INUSE_LAB, beside a program that was built but not installed, or where they were installed. */
enum inuse_status iu_lab_folder(char *buf, size_t size, struct inuse_error *error);
/* "TOPIC/NAME" of every experiment, sorted. The caller frees the list with iu_lab_names_free(). */
enum inuse_status iu_lab_list(const char *folder, char ***ret, size_t *ret_n, struct inuse_error *error);
void iu_lab_names_free(char **names, size_t n);
/* Those that somebody means by TOPIC/NAME, by NAME alone, which several topics may have, or by TOPIC: how many of at most max. */
size_t iu_lab_match(char *const *names, size_t n, const char *asked, const char **ret, size_t max);
/* Reads one: TOPIC/NAME or NAME alone (the first that is called so) from the folder, or a file whose name ends in .exp. INUSE_E_INPUT when it is bad or not there. */
enum inuse_status iu_lab_load(const char *folder, const char *name, struct iu_exp **ret, struct inuse_error *error);

#endif
