/* SPDX-License-Identifier: MIT */
/* A program under supervision: what the command line asks for. Free of libuv and libseccomp, which a build may lack. */
#ifndef IU_SUPERVISE_RUN_H
#define IU_SUPERVISE_RUN_H

#include "inuse.h"

/* What may be done about a failing call. */
enum iu_run_fix {
	IU_FIX_REUSEADDR = 1, /* set SO_REUSEADDR */
	IU_FIX_WAIT = 2,      /* wait until the known moment */
	IU_FIX_EVICT = 4,     /* remove what ended connections left */
};

enum iu_run_restart { IU_RESTART_NEVER, IU_RESTART_ON_FAILURE, IU_RESTART_ALWAYS };

struct iu_run_options {
	char **argv;        /* of the program, ends with NULL; borrowed */
	bool connect;       /* trap connect, too */
	bool quiet;         /* nothing on stderr */
	bool strict;        /* do not run unsupervised */
	bool verbose;       /* the verdict with its rule and source */
	const char *events; /* a file for JSON lines, or NULL; borrowed */
	unsigned fix;       /* enum iu_run_fix */
	unsigned wait_s;    /* IU_FIX_WAIT: at most */
	bool hold;          /* the listening sockets outlive the program */
	bool overlap;       /* start the next generation before the last one is stopped */
	enum iu_run_restart restart;
	unsigned ready_s;   /* how long a generation may take until it listens */
	int stop_signal;    /* what ends a generation */
	unsigned stop_s;    /* how long it may take, until SIGKILL */
};

/*
 * Runs the program to its end and returns its exit status, or ends by the signal that ended it. 126 and 127 as of env(1)
 * when it cannot be executed, 3 when it cannot be supervised and `strict` is set; then a sentence is on stderr.
 */
int iu_run(const struct iu_run_options *options);

/* The exit status when inuse itself could not do it. */
enum { IU_RUN_UNABLE = 3, IU_RUN_NOT_EXECUTABLE = 126, IU_RUN_NOT_FOUND = 127 };

#endif
