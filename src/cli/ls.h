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
};

/* Lists or counts what the snapshot holds, and says on stderr what could not be seen. */
enum inuse_status iu_ls_snapshot(struct iu_ls *ls, const struct inuse_snapshot *snapshot, struct inuse_error *error);
/* Lists, counts or saves the sockets of the calling thread's network namespace. */
enum inuse_status iu_ls_live(struct iu_ls *ls, struct inuse_error *error);
/* Writes out what was printed, so that what is said on stderr comes behind it; remembers a failure. */
void iu_ls_flush(struct iu_ls *ls);
/* Says on stderr what could not be seen. reason: why a better source was refused, or "". */
void iu_ls_say_unseen(const struct iu_ls *ls, uint32_t unseen, const char *reason, const struct iu_ls_hidden *hidden);

#endif
