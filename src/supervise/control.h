/* SPDX-License-Identifier: MIT */
/* How `inuse restart` speaks with a supervisor: a unix socket, one JSON object a message. Both ends. */
#ifndef IU_SUPERVISE_CONTROL_H
#define IU_SUPERVISE_CONTROL_H

#include <jansson.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "inuse.h"

/*
 * The name is abstract, and so belongs to the network namespace: "inuse/run/PID". Requests:
 *	{"do": "find", "port": 8080, "address": "127.0.0.1"}   address is left out for any
 *		{"holds": ["0.0.0.0:8080"]}
 *	{"do": "restart"}
 *		{"restarted": true, ...}, or false with "why", when that is known: see doc/json.md
 *	anything that is not permitted
 *		{"error": "forbidden"}
 */
#define IU_CONTROL_NAME "inuse/run/"
#define IU_CONTROL_MESSAGE_MAX 16384

/* The address of that supervisor's socket; returns its length. */
static inline socklen_t iu_control_address(int32_t pid, struct sockaddr_un *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->sun_family = AF_UNIX;
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
			   (size_t)snprintf(ret->sun_path + 1, sizeof(ret->sun_path) - 1, IU_CONTROL_NAME "%d", pid));
}

/* ---------------------------------------------------------------------------------- who asks (ask.c) */

/*
 * A connection to the supervisor with that pid, or -1: there is none. A process of another user that has taken its name is
 * none, unless that user is root.
 */
int iu_ask_connect(int32_t pid);
/* The supervisors of this network namespace, at most max, into ret; returns how many. */
size_t iu_ask_list(int32_t *ret, size_t max);
/* Sends the request and waits for the answer, which is to be freed; NULL: the supervisor has ended. Takes the request. */
json_t *iu_ask(int fd, json_t *request_own);

/* -------------------------------------------------------------------------- who is asked (control.c) */

struct iu_supervisor;
struct iu_generation;

/* Listens, if there may be another start of the program. */
void iu_control_begin(struct iu_supervisor *s);
/* The restart that was asked for has come to an end: g is up, or (why: a sentence) it has failed. */
void iu_control_report(struct iu_supervisor *s, const struct iu_generation *g, const char *why);

#endif
