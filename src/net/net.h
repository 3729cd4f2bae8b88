/* SPDX-License-Identifier: MIT */
/* The reference server and the reference client: what they can be asked to do. Free of libuv, which a build may lack. */
#ifndef IU_NET_NET_H
#define IU_NET_NET_H

#include "net/socket.h"

/* What a connection does; conn.h tells how. */
enum iu_net_job { IU_JOB_SEND, IU_JOB_ECHO, IU_JOB_DRAIN };
/* How long it may take after a close until both FINs have been exchanged; then what is there is what is told. */
enum { IU_NET_PATIENCE_MS = 128 };
/* How it is ended. */
enum iu_net_close { IU_CLOSE_FIRST, IU_CLOSE_HALF, IU_CLOSE_AFTER_PEER, IU_CLOSE_RESET };

struct iu_serve_options {
	struct iu_net_listener listener;
	enum iu_net_job job;
	enum iu_net_close close;
	const char *reply;  /* IU_JOB_SEND; borrowed */
	int linger_s;       /* SO_LINGER, -1: not set */
	uint64_t count;     /* end after so many connections, 0: never */
	uint64_t idle_ms;   /* give up a connection after so much silence, 0: never */
	uint64_t grace_ms;  /* after SIGTERM */
	bool verbose, json; /* a line per connection on stdout */
};

/*
 * Serves until SIGTERM, SIGINT or the count. Returns an exit status of the command line (0 done, 1 bind or listen
 * failed or a second signal cut connections off, 3 anything else); what went wrong is on stderr.
 */
int iu_serve_run(const struct iu_serve_options *options);

struct iu_dial_options {
	const struct inuse_addr *to; /* of the family of `from`; tried in this order in every round */
	size_t n_to;
	struct inuse_addr from;      /* family 0: any address; port 0: any port */
	bool reuseaddr;
	enum iu_net_close close;
	const char *text;    /* to send, "" for nothing; borrowed */
	int linger_s;        /* SO_LINGER, -1: not set */
	uint64_t rounds;     /* 0: until one fails */
	bool at_once;        /* interval_ms counts; else a round begins when the connection before has ended on both sides */
	uint64_t interval_ms;
	uint64_t timeout_ms; /* of connecting and of silence, 0: none */
	bool verbose, json;
};

/*
 * Connects `rounds` times, one after the other. What is received goes to stdout as it is, or into JSON lines. Returns an
 * exit status (0 done, 1 a call failed or the peer broke off, 3 anything else).
 */
int iu_dial_run(const struct iu_dial_options *options);

#endif
