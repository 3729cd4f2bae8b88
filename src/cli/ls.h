/* SPDX-License-Identifier: MIT */
/* What the parts of `inuse ls` share: what was asked for, and the two places sockets come from. */
#ifndef IU_CLI_LS_H
#define IU_CLI_LS_H

#include "cli/ls_count.h"
#include "cli/ls_table.h"
#include "host/snapshot.h"

struct iu_ls {
	struct iu_filter filter;
	struct iu_ls_style style;
	const char *netns, *save, *snapshot; /* or NULL */
	struct iu_ls_count *count;           /* for --count; NULL: rows are listed */
	uint64_t shown;                      /* sockets that matched, so far */
	int write_errno;                     /* why the output failed; 0: it has not */
	/* what could not be seen, in all that was looked at */
	uint32_t unseen;                     /* enum inuse_missing */
	struct iu_ls_hidden hidden;
	char reason[256];                    /* why a better source was refused, or "" */
};

/* Lists or counts what the snapshot holds. */
enum inuse_status iu_ls_snapshot(struct iu_ls *ls, const struct inuse_snapshot *snapshot, struct inuse_error *error);
/* Lists, counts or saves the sockets of the calling thread's network namespace. */
enum inuse_status iu_ls_live(struct iu_ls *ls, struct inuse_error *error);
/* The same in the network namespaces that were asked for. The calling thread may stay in another one. */
enum inuse_status iu_ls_netns(struct iu_ls *ls, struct inuse_error *error);
/* Remembers what could not be seen, and the first reason that there is. */
void iu_ls_note_unseen(struct iu_ls *ls, uint32_t unseen, const char *reason);
/* Writes out what was printed, so that what is said on stderr comes behind it; remembers a failure. */
void iu_ls_flush(struct iu_ls *ls);
#endif
