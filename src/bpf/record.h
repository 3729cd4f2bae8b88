/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* What the BPF programs hand to user space. Included on both sides; fixed-width fields, no padding holes. */
#ifndef IU_BPF_RECORD_H
#define IU_BPF_RECORD_H

#ifndef __bpf__
#include <stdint.h>
typedef uint8_t __u8;
typedef uint16_t __u16;
typedef uint32_t __u32;
typedef uint64_t __u64;
typedef int32_t __s32;
typedef int64_t __s64;
#endif

#define IU_REC_MINI 1      /* a TIME-WAIT mini socket */
#define IU_REC_REUSE 2
#define IU_REC_REUSEPORT 4
#define IU_REC_V6ONLY 8
#define IU_REC_TIMESTAMPS 16
#define IU_REC_PORT_LOCKED 32
#define IU_REC_MPTCP 64
#define IU_REC_REPAIR 128
#define IU_REC_HAS_FILE 256 /* sk_socket is set and has a file */
#define IU_REC_KERNEL 512   /* made by the kernel itself: no file, does not pin its namespace */

/* One socket. Addresses and dport in network order, sport in host order, times in jiffies. */
struct iu_rec {
	__u64 inode;
	__u64 cookie;
	__u64 netns;       /* inode number of the namespace */
	__u64 expires;     /* timer of a mini socket, jiffies; 0 none */
	__u64 jiffies;     /* now */
	__u32 timer_flags; /* bits 22..: index in the timer wheel */
	__u32 uid;
	__u32 device;
	__u32 flags;       /* IU_REC_* */
	__u16 family;      /* AF_INET, AF_INET6 */
	__u16 sport;
	__u16 dport;
	__u8 state;        /* TCP_*, TIME-WAIT's substate for mini sockets */
	__u8 reuse;        /* raw sk_reuse: 2 is TCP_REPAIR's force */
	__u8 saddr[16];
	__u8 daddr[16];
};

#endif
