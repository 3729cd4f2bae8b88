/* SPDX-License-Identifier: MIT */
/* What the BPF eyes have in common: being refused, and the clock. */
#ifndef IU_HOST_BPF_ACCESS_H
#define IU_HOST_BPF_ACCESS_H

#include <signal.h>
#include <stddef.h>
#include <stdint.h>

#include "inuse.h"

/* The running kernel as a number that can be compared: IU_KERNEL(6, 1). 0 unknown. */
uint32_t iu_bpf_kernel(void);

/* Nanoseconds of a tick of the kernel's timers. */
int64_t iu_bpf_tick_ns(void);

/*
 * Loads a skeleton with its own function; yields 0 or an errno. Signals wait meanwhile: the verifier breaks off with
 * EAGAIN when one is pending, and a program with a busy timer would never get its answer. What cannot be made to wait,
 * such as SIGSTOP, has it loaded again: iu_bpf_load_and_run().
 */
#define IU_BPF_LOAD(load, skel) \
	({ \
		sigset_t iu_bpf_old_; \
		int iu_bpf_failed_; \
		iu_bpf_hold_signals(&iu_bpf_old_); \
		iu_bpf_failed_ = load(skel); \
		iu_bpf_release_signals(&iu_bpf_old_); \
		iu_bpf_failed_ < 0 ? -iu_bpf_failed_ : iu_bpf_failed_; \
	})
/* For the calling thread only. */
void iu_bpf_hold_signals(sigset_t *ret_old);
void iu_bpf_release_signals(const sigset_t *old);

/*
 * Turns the errno of loading or running a program into the sentence that says what is in the way: capabilities, a user
 * namespace, lockdown, no type information, an old kernel. INUSE_E_PERMISSION, _UNSUPPORTED, _MEMORY or _SYSTEM.
 */
enum inuse_status iu_bpf_refused(int os_code, struct inuse_error *error);

/* Runs a loaded program of the kind raw_tp, once. Returns 0 or an errno. */
int iu_bpf_run(int prog_fd);

/*
 * A socket for nothing but to be looked at by a program: it is in the network namespace of the calling thread. A descriptor that
 * the caller closes, or -1 with errno set.
 */
int iu_bpf_socket(void);

/* Maps an array map of BPF_F_MMAPABLE for reading; NULL with errno set. munmap() it. */
void *iu_bpf_map_array(int map_fd, size_t size);

/*
 * Attaches an iterator program and opens what it writes, for read(). Returns a descriptor that the caller closes, or
 * -1 with errno set.
 */
int iu_bpf_open_iterator(int prog_fd);

/* Reads records of `size` bytes to the end, or until fn returns false. Bounded memory. Returns 0 or an errno. */
int iu_bpf_read_records(int fd, size_t size, bool (*fn)(void *arg, const void *record), void *arg);

#endif
