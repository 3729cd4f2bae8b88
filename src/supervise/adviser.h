/* SPDX-License-Identifier: MIT */
/* The one who looks at the host: a process of its own for each failing call. */
#ifndef IU_SUPERVISE_ADVISER_H
#define IU_SUPERVISE_ADVISER_H

#include <sys/types.h>

#include "inuse.h"

/* What is asked about a call that has failed. */
struct iu_advice_job {
	struct inuse_request request;
	uint64_t inode;   /* of the socket that makes the call */
	int32_t pid;      /* of the process that does */
	int netns;        /* descriptor of its network namespace, -1: our own; borrowed */
	int os_code;
	bool text, json;  /* wanted */
	uint32_t style;   /* enum inuse_style */
	unsigned fix;     /* enum iu_run_fix: what may be done */
};

/* What is answered. The texts follow it through the pipe. */
struct iu_advice {
	bool judged;           /* else only the texts are there */
	bool reuseaddr_helps;  /* the call succeeds with SO_REUSEADDR, and takes no port away from a living program */
	bool with_reuseaddr;   /* what follows is true if SO_REUSEADDR is set */
	int64_t wait_ns;       /* until the last one in the way goes by itself; -1: never or unknown */
	int64_t slack_ns;      /* it may be later by so much */
	bool cleared;          /* remains were removed, or had just gone */
	uint64_t evicted;      /* how many were removed */
	char cause[48];        /* row of causes.def, "" none */
	uint32_t text_len, json_len;
};

/* Both texts together, at most. */
#define IU_ADVICE_TEXT_MAX (256 << 10)

/*
 * Forks; the child looks, writes its advice to a pipe and ends. *ret_pipe is non-blocking and close-on-exec. False: there
 * was no process to be had (errno).
 */
bool iu_adviser_start(const struct iu_advice_job *job, pid_t *ret_pid, int *ret_pipe);

/* Understands what came through the pipe: false if it is cut off. The texts are NUL-terminated copies to free, or NULL. */
bool iu_advice_read(const char *bytes, size_t len, struct iu_advice *ret, char **ret_text, char **ret_json);

#endif
