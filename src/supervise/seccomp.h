/* SPDX-License-Identifier: MIT */
/* The filter, and the kernel's side of it: what waits in a trapped call, and how it is answered. */
#ifndef IU_SUPERVISE_SECCOMP_H
#define IU_SUPERVISE_SECCOMP_H

#include <linux/filter.h>

#include "inuse.h"

/* What is trapped beside bind and listen. */
enum iu_seccomp_wish {
	IU_TRAP_CONNECT = 1,
	IU_TRAP_EXEC = 2,    /* to tell of set-uid programs */
	IU_TRAP_HOLD = 4, /* what has to be known of a program whose sockets are held */
};

/* The filter as the kernel takes it. */
struct iu_seccomp_program {
	struct sock_filter *code;
	unsigned short n;
};

/*
 * Builds the filter for this architecture and the 32-bit ones that the same kernel runs. INUSE_E_MEMORY; INUSE_E_UNSUPPORTED:
 * libseccomp does not know this machine.
 */
enum inuse_status iu_seccomp_build(unsigned wishes, struct iu_seccomp_program *ret, struct inuse_error *error);
void iu_seccomp_program_done(struct iu_seccomp_program *program);

/* How a filter was loaded. */
struct iu_seccomp_loaded {
	int listener;      /* close-on-exec */
	bool no_new_privs; /* it took PR_SET_NO_NEW_PRIVS: set-uid programs have no effect from here on */
	bool interruptible; /* before 5.19: a signal may break into a call that was made already */
};

/*
 * Loads the filter for the calling thread and all that it will start. False: *ret_os_code is EBUSY when a supervisor is
 * there already, ENOSYS or EINVAL when the kernel cannot, EPERM or EACCES when it is forbidden.
 */
bool iu_seccomp_load(const struct iu_seccomp_program *program, struct iu_seccomp_loaded *ret, int *ret_os_code);

enum iu_trapped {
	IU_TRAPPED_BIND,
	IU_TRAPPED_LISTEN,
	IU_TRAPPED_CONNECT,
	IU_TRAPPED_IO_URING,
	IU_TRAPPED_LANDLOCK,
	IU_TRAPPED_EXEC,
	IU_TRAPPED_EXEC_AT,
	IU_TRAPPED_OPTION,  /* of a socket, that cannot be read back */
	IU_TRAPPED_EPOLL,   /* a new set */
	IU_TRAPPED_FOREIGN, /* of another architecture: 32-bit */
	IU_TRAPPED_OTHER,
};

/* A thread that waits in a call. */
struct iu_notice {
	uint64_t id;
	int32_t tid; /* 0: not in this pid namespace */
	enum iu_trapped what;
	uint64_t args[6];
};

/* What one listener's queue had. */
enum iu_received { IU_RECEIVED, IU_RECEIVED_NONE, IU_RECEIVED_END /* nobody is left under this filter */ };

/* Once, before the first of the functions below: false, with errno, if this kernel cannot or may not. */
bool iu_seccomp_prepare(void);
/* Wakes the other side on the same processor, where the kernel (6.6) can. */
void iu_seccomp_hurry(int listener);
/* The next one that waits; comes back at once. */
enum iu_received iu_seccomp_receive(int listener, struct iu_notice *ret);
/* It is still that thread, waiting in that call: what was read of it was its own. */
bool iu_seccomp_still_there(int listener, uint64_t id);
/* Ends the call with this errno, 0 for success. False: nobody waits for it any more. */
bool iu_seccomp_answer(int listener, uint64_t id, int os_code);
/* Has the kernel make the call in the program itself. */
bool iu_seccomp_let_go(int listener, uint64_t id);
/* Puts a duplicate of fd where the caller has its descriptor `at`. False: errno tells. */
bool iu_seccomp_put_fd(int listener, uint64_t id, int fd, int at, bool cloexec);

#endif
