/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * What the BPF programs are asked and what they hand out. Included on both sides; fixed-width fields, no padding holes.
 *
 * Theory of operation
 *
 * struct iu_rec is one socket, the same from the walk over the bind buckets and from the iterator over the table.
 * struct iu_walk is the memory that a walk and its caller share: the question, then the answer. Times are ticks
 * ("jiffies") because the kernel's timers are; now_ns is the same moment in nanoseconds, so that user space, which
 * knows how long a tick is, can tell the time of any other tick.
 */
#ifndef IU_BPF_RECORD_H
#define IU_BPF_RECORD_H

#ifndef __bpf__
#include <linux/types.h>
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
#define IU_REC_REQUEST 1024 /* a half-open connection: nearly nothing is known of it */
#define IU_REC_TIMER 2048   /* a timer that ends it is running: of a mini socket, or of an orphan in FIN-WAIT-2 */
#define IU_REC_PORT_KNOWN 4096 /* IU_REC_PORT_LOCKED says what it says; else who chose the port is not known */
#define IU_REC_AGAIN 8192   /* the timer is that of the mini socket that such an orphan will leave: not in the wheel yet */

/* One socket. Addresses and dport in network order, sport in host order, times in jiffies. */
struct iu_rec {
	__u64 inode;
	__u64 cookie;
	__u64 expires;     /* the timer of IU_REC_TIMER, jiffies; 0 none */
	__u64 jiffies;     /* now */
	__u64 now_ns;      /* the same moment on CLOCK_BOOTTIME */
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

/*
 * The tick in which a timer of the wheel really fires: the wheel rounds up to the step of the level in which the
 * timer was put (64 slots a level, steps of 1, 8, 64, ... ticks), and which level that was stands in the timer's
 * flags. linux v6.18 kernel/time/timer.c calc_index(), timer_set_idx(); the same since v4.8.
 */
static inline __u64 iu_wheel_end(__u64 expires, __u32 timer_flags)
{
	__u32 shift = (timer_flags >> 22) / 64 * 3;

	return ((expires >> shift) + 1) << shift;
}

/* The flags that the wheel gives a timer of so many ticks: its level. linux v6.18 kernel/time/timer.c calc_wheel_index() */
static inline __u32 iu_wheel_flags(__u64 ticks)
{
	__u32 level = 0;

	while (level < 7 && ticks >= 63ULL << (3 * level))
		level++;
	return level * 64 << 22;
}

/* A process and one of its descriptors that is a socket. pid: in the reader's pid namespace; fd: -1 a thread's own. */
struct iu_rec_file {
	__u64 inode;
	__s32 pid;
	__s32 fd;
};

/* The memory that a search of descriptors and its caller share. */
struct iu_files {
	/* the question */
	__u64 room;      /* entries of the map `out` */
	__s32 socket_fd; /* any socket of the reader's: others have the same operations */
	__u32 all;       /* every internet socket is wanted, and not the inodes of the map */
	/* the answer */
	__u64 n_out;     /* records that were due in `out`; more than room: only the first ones are there */
	__u32 finished;  /* every process was read */
	__u32 level;     /* how deep the reader's pid namespace is; 0 is the first, in which every process has a number */
};

/* What a bucket remembers: linux struct inet_bind_bucket. */
struct iu_rec_bucket {
	__u32 uid;
	__u32 l3mdev;      /* the VRF device it belongs to, 0 none */
	__u8 addr6[16];
	__u8 addr4[4];
	__u16 port;
	__u16 family;      /* AF_* of the remembered address, 0 none */
	__s8 fastreuse;
	__s8 fastreuseport;
	__u8 v6only;
	__u8 any4;         /* .. 6.7: the form of the list of 0.0.0.0 and ::ffff:0.0.0.0: 4, 6, 0 there is none */
	__u8 pad[4];
};

/* What is wanted of a walk. */
enum iu_walk_mode {
	IU_WALK_CLASSES,   /* up to IU_WALK_SHOWN sockets one by one, the others counted by class */
	IU_WALK_ALL,       /* every owner of the ports, into the map `out` */
	IU_WALK_TABLE,     /* every owner of the ports, of all ports if there are none, piece by piece through the map `out` */
	IU_WALK_ELSEWHERE, /* nothing but what is in the other namespaces, see there */
	IU_WALK_MEMORY,    /* what the buckets of the ports remember, and none of their owners */
};

/* What of the kernel the walk itself depends on, and so knows for nothing: walk.has. */
#define IU_HAS_ADDRESS_BUCKETS 1
#define IU_HAS_OWNERS_BY_ADDRESS 2
#define IU_HAS_CONNECT_BIND 4

#define IU_WALK_PORTS 16
#define IU_WALK_ASKED 16   /* addresses that classes tell apart */
#define IU_WALK_SHOWN 64
#define IU_WALK_SHOWN_MINI 16   /* how many of them may be mini sockets, */
#define IU_WALK_SHOWN_LIVING 32 /* how many may be these or connections: the rest is for listeners and bound ones */
#define IU_WALK_CLASSES_MAX 256 /* a power of 2 */
#define IU_WALK_BUCKETS 32
#define IU_WALK_PLACES 1024

/* Where an address stands to those asked about; IU_AT_ASKED + i is the one with index i. */
enum iu_walk_relation { IU_AT_ANY, IU_AT_MAPPED_ANY, IU_AT_OTHER4, IU_AT_OTHER6, IU_AT_ASKED };

/*
 * What rules can tell apart of a socket. remote: 0, or index + 1 of the asked address and port that it is connected
 * to.
 */
struct iu_class_key {
	__u32 flags; /* IU_REC_* */
	__u32 device;
	__u32 uid;   /* 0 for mini sockets, whose uid no rule reads */
	__u16 sport;
	__u8 state, family, local, remote, reuse, used; /* family: 4 or 6; used: 1 */
	__u32 pad;
};

struct iu_class {
	struct iu_class_key key;
	__u64 count;
	struct iu_rec rec; /* the one of them that goes last */
};

/* How many sockets have a port in another namespace. */
struct iu_place {
	__u64 netns;
	__u64 count;
	__u32 port;
	__u32 listening;
};

/*
 * An address that classes tell apart; IPv4 as ::ffff:a.b.c.d. Remote ones have the port, too, where the mask is not
 * 0.
 */
struct iu_walk_asked {
	__u64 words[2]; /* the 16 bytes, as they are in memory */
	__u16 port, port_mask;
	__u32 pad;
};

/*
 * Where a walk of IU_WALK_TABLE goes on: after a piece that filled the map; or, when it was torn, with the hash slot
 * in which that was, from its beginning, or with the next slot. A *slot* holds the ports that hash alike.
 */
enum iu_walk_resume { IU_WALK_FROM_START, IU_WALK_ON, IU_WALK_SLOT_AGAIN, IU_WALK_SLOT_OVER };

struct iu_walk {
	/* the question */
	__u32 resume;    /* enum iu_walk_resume */
	__s32 socket_fd; /* any socket of the reader's, for its namespace */
	__u32 n_ports, n_asked;
	__u64 room;  /* entries of the map `out` */
	__u16 ports[IU_WALK_PORTS];
	struct iu_walk_asked asked[IU_WALK_ASKED];
	/* the answer */
	__u64 jiffies, now_ns, netns;
	__u64 owners; /* met in all */
	__u64 n_out;  /* records that were due in `out`; more than room: only the first ones are there */
	__u32 finished, torn, crowded; /* torn: the list changed under the walk; crowded: too many classes or buckets */
	__u32 torn_elsewhere;          /* the same in another namespace: the walk ended there, `places` may lack some */
	__u32 has, pad_has;            /* IU_HAS_* */
	/* of IU_WALK_TABLE: */
	__u32 full;       /* the piece ended because `out` is full */
	__u32 new_slot;   /* the last slot of the piece began in it, with record slot_start; else in an earlier one */
	__u64 slot_start;
	__u64 requests;   /* half-open connections of the listeners that were met in this piece: they have no bucket */
	__u32 n_shown, n_buckets, n_places, pad_shown;
	struct iu_rec_bucket buckets[IU_WALK_BUCKETS];
	struct iu_rec shown[IU_WALK_SHOWN];
	struct iu_class classes[IU_WALK_CLASSES_MAX];
	struct iu_place places[IU_WALK_PLACES];
};

#endif
