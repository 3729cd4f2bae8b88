/* SPDX-License-Identifier: MIT */
/*
 * The supervisor: what its parts share.
 *
 * Theory of operation
 *
 * inuse forks the program and stays its parent: it is the one the shell and the service manager know, and ends as the
 * program ends. Before the program is executed, a filter is loaded that makes bind and listen wait for inuse
 * (seccomp.c). For each call that waits (trap.c), inuse looks who it is (caller.c), takes a duplicate of the socket and makes
 * the call itself on it (call.c); the program gets the result. A failing call becomes an *incident* (incident.c): an
 * adviser looks at the host, what is allowed is done about it, and the reason is told. A *generation* is one start of the
 * program, with a filter of its own, so that it is known of every call which start of the program it belongs to.
 *
 * One thread, one loop (libuv), nothing that waits. Every signal is blocked and read from a descriptor (signals.c).
 * What must not be forgotten: a call that waits is answered in every case, or the program hangs for ever.
 */
#ifndef IU_SUPERVISE_SUPERVISOR_H
#define IU_SUPERVISE_SUPERVISOR_H

#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <uv.h>

#include "supervise/caller.h"
#include "supervise/guard.h"
#include "supervise/run.h"
#include "supervise/seccomp.h"
#include "supervise/voice.h"

struct iu_supervisor;
struct iu_incident;

/* One start of the program. */
struct iu_generation {
	struct iu_supervisor *s;
	struct iu_generation *next;
	unsigned number;
	pid_t pid;           /* of the program itself; 0 once it has ended */
	int wait_status;     /* then: as of waitpid() */
	int listener;        /* -1: it runs unsupervised */
	bool blind;          /* so does it with a listener: nothing of it may be looked at, and every call is let go */
	uint32_t watched;    /* the guard's number of it */
	uv_poll_t poll;      /* of the listener */
	int report;          /* from the child until it is executed; -1 afterwards */
	uv_poll_t report_poll;
	int exec_os_code;    /* why it could not be executed, 0 */
	uint64_t started_ticks, started_ms; /* of the program: since boot; of the loop */
	bool trial;          /* the one before it goes on, unless this one proves good */
	bool listens, ready; /* it listens on something; on all that the one before it did */
	bool over;           /* nobody of it is left */
	bool deserted;       /* nobody is left under its filter */
	bool swept;          /* only its handles are still closing */
	int handles;
	uint64_t restricted_at; /* ticks: when the first of its processes took Landlock; 0 none did */
	int32_t restricted[64]; /* which processes did */
	size_t n_restricted;
};

/* Signals that came to inuse and may have come to the program, too. */
struct iu_signals {
	sigset_t mask;            /* as inuse was started: the program's */
	struct sigaction child;   /* what SIGCHLD did then */
	int fd;
	uv_poll_t poll, guard_poll;
	uv_timer_t timer;
	struct {
		int signal, code, value;
		uint32_t question; /* to the guard, 0: not asked yet */
		uint64_t at_ms;
	} waiting[64];
	size_t n_waiting;
	uint32_t questions; /* ever */
	struct iu_guard_report heard[64]; /* what the guard said first */
	uint64_t heard_ms[64];
	size_t n_heard;
	int stopped_by; /* by which we stopped ourselves last */
};

enum iu_phase {
	IU_PHASE_STEADY,
	IU_PHASE_STOP,       /* the program is being stopped; then comes the next */
	IU_PHASE_PAUSE,      /* nobody is there; the next one comes in a moment */
	IU_PHASE_TRIAL,      /* the next one runs beside the old one */
	IU_PHASE_RETIREMENT, /* the next one has proven good, the old one is being stopped */
	IU_PHASE_WITHDRAWAL, /* it has not, and is being stopped */
};

/* From one generation to the next; generation.c. */
struct iu_turn {
	enum iu_phase phase;
	uv_timer_t timer;  /* of the phase */
	uv_timer_t ready;  /* until the newest generation must have listened */
	struct iu_generation *leaving; /* who is being stopped */
	bool told_rest, killed; /* its descendants were told to end; killed */
	bool failed;       /* it had ended by itself */
	bool again;        /* somebody wants another one */
	unsigned failures; /* starts in a row that ended early */
	uint64_t began_ms, waited_ms; /* until the new one listened */
	unsigned number;   /* how many were begun */
	const char *why;
};

struct iu_held;
struct iu_keeper;
#define IU_HELD_BUCKETS 4096

struct iu_supervisor {
	const struct iu_run_options *o;
	uv_loop_t loop;
	struct iu_voice voice;
	struct iu_guard guard;
	struct iu_signals signals;
	struct iu_seccomp_program filter;
	struct iu_rights rights; /* our own */
	uint64_t netns_cookie;   /* of our namespace, 0 unknown */
	struct rlimit files;     /* as inuse was started: the program's */
	struct iu_generation *generations; /* newest first; those whose program or descendants may live */
	unsigned n_generations;            /* ever */
	struct iu_incident *incidents;
	size_t n_incidents;
	uint64_t told_ms[8];     /* when blocks were told: not too many at once */
	bool had_terminal;       /* when inuse was started */
	uint64_t asked_to_end_ms; /* when somebody last wanted the program to end, 0 never */
	pid_t helpers[64];       /* not reaped yet */
	bool alone;              /* the program has ended, descendants go on: said already */
	struct iu_turn turn;
	bool asked_to_end;       /* by SIGINT, SIGTERM or SIGQUIT: nothing is started again */
	bool no_next;            /* the next generation could not be started */
	int last_wait_status;    /* of the last program that ended and was not on trial */
	int orphan_status;       /* of the last descendant that ended as our child */
	int std[2];              /* stdin and stdout for later generations; -1 */
	struct iu_held *held;    /* hold.c; the same by address and by inode: held.c */
	struct iu_held *held_by_address[IU_HELD_BUCKETS], *held_by_inode[IU_HELD_BUCKETS];
	struct iu_keeper *keepers;
	uv_timer_t hold_timer, hold_watch;
	struct {
		uint64_t cookie;
		const char *why;
	} excluded[256];         /* sockets that are not held; the oldest are forgotten */
	size_t n_excluded;
	uint64_t chosen[256];    /* cookies of those whose port the kernel has chosen; likewise */
	size_t n_chosen;
	unsigned looks;          /* for who has which socket, ever */
	unsigned epoll_sets;     /* made below us, ever; counted with --hold */
	int32_t handed_end;      /* descriptors from 3 up to this one were handed to inuse (LISTEN_FDS) */
	struct {
		int fd; /* for what the program writes; -1: there is no service manager */
		uv_poll_t poll;
		struct sockaddr_un manager;
		socklen_t manager_len;
		char name[128]; /* for the program's NOTIFY_SOCKET */
		bool ready, stopping; /* it was told */
	} notify;
	int control_fd;          /* for inuse restart; -1 */
	uv_poll_t control_poll;
	struct iu_control_client *clients;
	size_t n_clients;
	uv_timer_t flush;        /* for texts that wait */
	uv_prepare_t prepare;
	uv_timer_t ending;
	int ending_signals;      /* how often the descendants were told to end */
	bool finished;
	int exit_status, exit_signal;
};

/* ------------------------------------------------------------------------------------------------ spawn.c */

/*
 * Starts the next generation. False when there could be none, or it must not run unsupervised: it was said, and
 * exit_status is set. An exec that fails is found out later, in exec_os_code.
 */
bool iu_spawn(struct iu_supervisor *s, struct iu_generation **ret_generation);
/* Why there is no filter: a sentence for that errno. */
const char *iu_spawn_refusal(int os_code);
/* Learns whether the program could be executed, if that has come through and was not read yet. */
void iu_generation_read_report(struct iu_generation *g);
/* The callback of closing one of its handles. */
void iu_generation_on_closed(uv_handle_t *handle);
/* A listen has succeeded in it. */
void iu_generation_progress(struct iu_generation *g);
struct iu_tree;
/* That the process belongs to, a descendant of inuse; NULL: to none, or it cannot be told. */
struct iu_generation *iu_generation_of(struct iu_supervisor *s, const struct iu_tree *tree, int32_t pid);

/* ------------------------------------------------------------------------------------------------- trap.c */

struct iu_waiting_call;

/* Serves what waits at the listener; the callback of its poll. */
void iu_trap_ready(uv_poll_t *poll, int status, int events);
/* A call has succeeded and is about to be answered: what follows from that. */
void iu_trap_succeeded(struct iu_supervisor *s, struct iu_waiting_call *w);

/* --------------------------------------------------------------------------------------------- signals.c */

/* Blocks all signals; before anything is forked. */
void iu_signals_block(struct iu_signals *signals);
enum inuse_status iu_signals_begin(struct iu_supervisor *s, struct inuse_error *error);
/* In a child: as they were when inuse was started. */
void iu_signals_restore(const struct iu_signals *signals);
/* A signal that wants an end has come, and is not settled yet. */
bool iu_signals_are_asking(const struct iu_supervisor *s);
/* The program was stopped with that signal: so is inuse, until it is continued. */
void iu_signals_stop(struct iu_supervisor *s, pid_t program, int signal);

/* -------------------------------------------------------------------------------------------- children.c */

/* SIGCHLD: reaps, and sees whether all is over. */
void iu_children_look(struct iu_supervisor *s);
/* A signal for the program, or for its descendants when it has ended. */
void iu_children_signal(struct iu_supervisor *s, int signal, int code, int value);
/* SIGHUP came, to whomever: the terminal may be gone, and then nobody stays behind. */
void iu_children_hangup(struct iu_supervisor *s);
/* A child that is not the program's, but does something for us. */
void iu_children_add_helper(struct iu_supervisor *s, pid_t pid);
bool iu_children_is_helper(const struct iu_supervisor *s, pid_t pid);
struct iu_tree_process;
/* A descendant that lives and is neither the guard nor an adviser. */
bool iu_children_is_of_program(const struct iu_supervisor *s, const struct iu_tree *tree, const struct iu_tree_process *p);
/* A child waits to be reaped, and SIGCHLD will come: that nobody else was seen means nothing before. */
bool iu_children_are_unreaped(void);
enum iu_who { IU_WHO_ALL, IU_WHO_CHILDREN /* of inuse itself */ };
/* Signals the descendants (0: does not) that belong to g, NULL: to any. How many there are. */
size_t iu_children_signal_all(struct iu_supervisor *s, int signal, enum iu_who who, const struct iu_generation *g);
/* The program that counts: of the newest generation that is not on trial; NULL when it has ended. */
struct iu_generation *iu_children_main(struct iu_supervisor *s);

#endif
