/* SPDX-License-Identifier: MIT */
/*
 * What a light skeleton needs. Include it before the skeleton: skeletons are loaded by iu_bpf_load_and_run() then, and no
 * library is needed at run time.
 */
#ifndef IU_HOST_BPF_SKELETON_H
#define IU_HOST_BPF_SKELETON_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include <bpf/skel_internal.h> /* of libbpf 1.1 lacks errno.h */

/*
 * Does what bpf_load_and_run() does, with the same arguments: 0, or a negative errno (errno is set, too) with options->errstr.
 * The skeleton's loader runs in this process if it can, else in the kernel.
 */
int iu_bpf_load_and_run(struct bpf_load_and_run_opts *options);
#define bpf_load_and_run iu_bpf_load_and_run

/* One bpf() system call: what it returns, or a negative errno. */
typedef long iu_bpf_call_fn(void *arg, int command, union bpf_attr *attr, uint32_t size);

/*
 * The part of it that is pure, for tests: runs n instructions of a loader on its data and its context. False, before anything
 * was done: there is an instruction or a call among them that is not known here. *ret_value: what the program returned.
 */
bool iu_bpf_interpret(const struct bpf_insn *insns, size_t n, void *data, void *context, iu_bpf_call_fn *call, void *arg,
		      int64_t *ret_value);

#endif
