/* SPDX-License-Identifier: MIT */
/* A call that has failed: explained, cured where that is allowed, and answered. */
#ifndef IU_SUPERVISE_INCIDENT_H
#define IU_SUPERVISE_INCIDENT_H

#include "supervise/adviser.h"
#include "supervise/call.h"
#include "supervise/remedy.h"
#include "supervise/supervisor.h"

/* A call that waits in the kernel for an answer. */
struct iu_waiting_call {
	struct iu_generation *generation;
	uint64_t id;
	int slot; /* of the guard's page */
	struct iu_caller caller;
	struct iu_call call;
	int fd; /* the duplicate; -1 */
	bool own_rights; /* the caller's rights are not those of inuse */
};

enum iu_incident_stage { IU_INCIDENT_QUEUED, IU_INCIDENT_ADVISED, IU_INCIDENT_WAITING };

struct iu_incident {
	struct iu_incident *next;
	struct iu_supervisor *s;
	struct iu_waiting_call w;
	struct inuse_request request;
	uint64_t inode;          /* of the socket */
	int os_code;             /* what the last try has failed with */
	bool tell;               /* on stderr */
	bool bound_already;      /* why bind() says EINVAL */
	enum iu_incident_stage stage;
	pid_t adviser;           /* 0 none */
	int pipe;                /* from it, -1 */
	uv_poll_t poll;          /* of the pipe */
	uv_timer_t timer;
	int handles;             /* of the two, to be closed */
	char *bytes;             /* what came through the pipe */
	size_t len;
	struct iu_advice advice;
	char *text, *json;
	struct iu_remedy remedy;
	bool reuseaddr_set;
	int64_t began_ns, known_ns, until_ns; /* WAITING: since, until the moment that is known, until giving up */
};

/* Closes the duplicate, then answers: 0 or an errno. False: nobody waits for it any more. */
bool iu_waiting_answer(struct iu_waiting_call *w, int os_code);
/* Closes the duplicate, then has the kernel make the call. */
void iu_waiting_let_go(struct iu_waiting_call *w);

/*
 * Takes the call over (and with it the duplicate) and answers it in the end, at once where nothing is to be told or done.
 * os_code: what the call, made already, has failed with.
 */
void iu_incident_begin(struct iu_supervisor *s, const struct iu_waiting_call *w, int os_code);
/* Somebody wants the program to end: nothing is waited for any more. */
void iu_incidents_hurry(struct iu_supervisor *s);

/* What is told of an incident: tell.c. */
void iu_tell_failure(struct iu_incident *i);
void iu_tell_success(struct iu_incident *i);
void iu_tell_waiting(struct iu_incident *i);

#endif
