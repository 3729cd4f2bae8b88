/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * The walk over the bind buckets: everything that bind() looks at when it decides on a port.
 *
 * Theory of operation
 *
 * One run answers one struct iu_walk. The lists are lockless for us: a socket may leave while we look at it, and its
 * memory may become another socket, on another list, which would lead us astray or round in circles. Therefore every
 * owner has to belong to the namespace, the port and the bucket that are being walked, and its back link has to point
 * to where we came from (or one before: then the one between has just left, and nothing is wrong). Where that fails
 * the walk stops as *torn*, and whoever asked runs it again.
 *
 * The walk is a machine that does one step at a time (a namespace, a hash slot, a bucket, an address, an owner),
 * because bpf_loop() takes 2^23 steps, and nested loops cost the verifier, that is every start, far more than flat
 * ones. A million owners cost one copy of 264 bytes each; nothing is allocated.
 *
 * A table is walked in pieces, each a run, as large as the map that they are handed out through. The machine stands
 * still in between, without any lock; the next run tells by the same checks whether the place is still there.
 */
#include "bpf/socket.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

#define STEPS (1 << 23)
#define ROUNDS 4 /* of STEPS */

/*
 * Room that a lock takes in front of a pointer. Asked of a type that is searched for anyway: a search costs every start a
 * third of a millisecond.
 */
#define LOCK_SIZE (((__u64)bpf_core_field_size(struct net, nsid_lock) + 7) & ~7ULL)
/* Constants when the verifier looks: what the mode does not need is not even verified. */
const volatile __u32 mode = IU_WALK_CLASSES;
const volatile bool elsewhere = false; /* count in the other namespaces, too */
const volatile __u32 time_wait_ticks = 60 * 1000; /* TCP_TIMEWAIT_LEN of this kernel */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct iu_rec);
} out SEC(".maps");

struct iu_walk walk;

enum stage { AT_NET, AT_SLOT, AT_BUCKET, AT_ADDRESS, AT_OWNER, AT_END };

/* Where the walk stands. Pointers into the kernel are only ever read through bpf_probe_read_kernel(). */
static struct {
	enum stage stage;
	__u32 own_is_done;
	__u32 slot_again; /* it was torn */
	__u32 next_slot;
	__u32 port;
	__u32 last_class, first_class; /* where the last owner's class is; where the search for one begins */
	__u32 crowded;                 /* and found no room */
	__u32 n_mini, n_living;
	const struct net *own, *net;
	const void *net_ops;
	const struct list_head *next_net;
	const void *bhash;
	__u32 bhash_mask, hash_mix;
	__u32 slot;
	const struct hlist_node *next_bucket, *next_address, *next_owner;
	const void *bucket;           /* whose owners are being visited */
	const void *link, *link_before; /* where next_owner was read from, and the place before */
	struct iu_place place;
} at;

static struct iu_rec rec; /* the owner being handed out, */
static struct iu_class_key key; /* and its class */

/* The copy of a bucket; 112 bytes in 6.18. */
static __u64 copied_bucket[24];
#define BUCKET ((const struct inet_bind_bucket *)copied_bucket)

static __always_inline bool owners_by_address(void)
{
	return bpf_core_field_exists(struct inet_bind_bucket, bhash2);
}

static __always_inline __u32 kernel_has(void)
{
	return (bpf_core_field_exists(struct inet_bind2_bucket, owners) ? IU_HAS_ADDRESS_BUCKETS : 0) |
	       (owners_by_address() ? IU_HAS_OWNERS_BY_ADDRESS : 0) |
	       (bpf_core_field_exists(TW->tw_connect_bind) ? IU_HAS_CONNECT_BIND : 0);
}

/* What is torn elsewhere does not spoil the answer for our own namespace. */
static __always_inline int torn(void)
{
	if (!at.own_is_done) {
		walk.torn = 1;
		return 1;
	}
	walk.torn_elsewhere = 1;
	at.stage = AT_END;
	return 0;
}

/* linux v6.18 include/net/inet_hashtables.h inet_bhashfn() */
static __always_inline __u32 slot_of(__u32 port, __u32 hash_mix)
{
	return (port + hash_mix) & at.bhash_mask;
}

static __always_inline void enter_net(const struct net *net)
{
	const struct inet_hashinfo *hashinfo = BPF_CORE_READ(net, ipv4.tcp_death_row.hashinfo);

	at.net = net;
	at.hash_mix = BPF_CORE_READ(net, hash_mix);
	at.bhash = BPF_CORE_READ(hashinfo, bhash);
	at.bhash_mask = BPF_CORE_READ(hashinfo, bhash_size) - 1;
	at.next_slot = 0;
	at.stage = AT_SLOT;
}

/* What was counted on a port elsewhere. With more places than there is room for, the first ones will do. */
static __always_inline void leave_place(void)
{
	__u32 i = walk.n_places;

	if (at.place.count > 0 && i < IU_WALK_PLACES) {
		walk.places[i] = at.place;
		walk.n_places = i + 1;
	}
	at.place.count = 0;
	at.place.listening = 0;
}

/*
 * The namespaces are a ring with one element that is no namespace, its head, whose symbol is not always to be had:
 * what does not have the operations of our own namespace is no namespace.
 */
static __always_inline int step_net(void)
{
	const struct list_head *element = at.next_net;
	const struct net *net;

	if (element == (const void *)at.own + bpf_core_field_offset(struct net, list)) {
		at.stage = AT_END;
		return 0;
	}
	net = (const void *)element - bpf_core_field_offset(struct net, list);
	bpf_probe_read_kernel(&at.next_net, sizeof(at.next_net), &element->next);
	if (!at.next_net)
		return torn();
	if (BPF_CORE_READ(net, ns.ops) != at.net_ops)
		return 0;
	enter_net(net);
	at.place.netns = BPF_CORE_READ(net, ns.inum);
	return 0;
}

static __always_inline bool every_port(void)
{
	return mode == IU_WALK_TABLE && walk.n_ports == 0;
}

static __always_inline bool next_slot(void)
{
	__u32 i = at.next_slot++;

	if (every_port()) {
		at.slot = i;
		return i <= at.bhash_mask;
	}
	if (i >= walk.n_ports || i >= IU_WALK_PORTS)
		return false;
	at.port = walk.ports[i];
	at.slot = slot_of(at.port, at.hash_mix);
	return true;
}

static __always_inline int step_slot(void)
{
	const void *slot;

	if (elsewhere)
		leave_place();
	if (!next_slot()) {
		at.stage = elsewhere ? AT_NET : AT_END;
		at.own_is_done = 1;
		return 0;
	}
	at.place.port = at.port;
	/* struct inet_bind_hashbucket: a lock, and the head of a list */
	slot = at.bhash + at.slot * (LOCK_SIZE + sizeof(struct hlist_head)) + LOCK_SIZE;
	at.next_bucket = NULL;
	bpf_probe_read_kernel(&at.next_bucket, sizeof(at.next_bucket), slot);
	if (at.next_bucket)
		at.stage = AT_BUCKET;
	if (mode == IU_WALK_TABLE && !at.slot_again) {
		walk.new_slot = 1;
		walk.slot_start = walk.n_out;
	}
	at.slot_again = 0;
	return 0;
}

static __always_inline void remember_bucket(void)
{
	__u32 i = walk.n_buckets;
	struct iu_rec_bucket *b;

	if (mode == IU_WALK_TABLE || at.own_is_done)
		return;
	if (i >= IU_WALK_BUCKETS) {
		walk.crowded = 1;
		return;
	}
	b = &walk.buckets[i];
	b->uid = BUCKET->fastuid.val;
	b->l3mdev = BUCKET->l3mdev;
	b->port = BUCKET->port;
	b->family = BUCKET->fast_sk_family;
	b->fastreuse = BUCKET->fastreuse;
	b->fastreuseport = BUCKET->fastreuseport;
	b->v6only = BUCKET->fast_ipv6_only;
	*(__u32 *)b->addr4 = BUCKET->fast_rcv_saddr;
	if (bpf_core_field_exists(struct inet_bind_bucket, fast_v6_rcv_saddr))
		put_v6(b->addr6, &BUCKET->fast_v6_rcv_saddr);
	walk.n_buckets = i + 1;
}

static __always_inline void enter_owners(const struct hlist_head *list)
{
	at.next_owner = NULL;
	bpf_probe_read_kernel(&at.next_owner, sizeof(at.next_owner), list);
	at.link = list;
	at.link_before = list;
	at.stage = AT_OWNER;
}

/* A bucket of the chain: other namespaces and ports share it, but all of them have to hash to this slot. */
static __always_inline int step_bucket(void)
{
	__u32 size = bpf_core_type_size(struct inet_bind_bucket);
	const struct net *net;
	const void *bucket;

	if (!at.next_bucket) {
		at.stage = AT_SLOT;
		return 0;
	}
	bucket = (const void *)at.next_bucket - bpf_core_field_offset(struct inet_bind_bucket, node);
	if (size > sizeof(copied_bucket) || bpf_probe_read_kernel(copied_bucket, size, bucket))
		return torn();
	net = BUCKET->ib_net.net;
	if (slot_of(BUCKET->port, BPF_CORE_READ(net, hash_mix)) != at.slot)
		return torn();
	at.next_bucket = BUCKET->node.next;
	if (net != at.net || (!every_port() && BUCKET->port != at.port))
		return 0;
	at.port = BUCKET->port;
	at.bucket = bucket;
	remember_bucket();
	if (mode == IU_WALK_MEMORY)
		return 0;
	if (owners_by_address()) {
		at.next_address = BUCKET->bhash2.first;
		at.stage = AT_ADDRESS;
	} else {
		enter_owners(bucket + bpf_core_field_offset(struct inet_bind_bucket, owners));
	}
	return 0;
}

/* The owners that have one address in common, 6.8 and later. */
static __always_inline int step_address(void)
{
	const struct inet_bind2_bucket *address;

	/* A constant: before 6.8 the verifier does not see what follows, whose fields are not there. */
	if (!owners_by_address() || !at.next_address) {
		at.stage = AT_BUCKET;
		return 0;
	}
	address = (const void *)at.next_address - bpf_core_field_offset(struct inet_bind2_bucket, bhash_node);
	if (BPF_CORE_READ(address, ib_net.net) != at.net || BPF_CORE_READ(address, port) != at.port)
		return torn();
	at.next_address = BPF_CORE_READ(address, bhash_node.next);
	enter_owners((const void *)address + bpf_core_field_offset(struct inet_bind2_bucket, owners));
	return 0;
}

static __always_inline void put_out(void)
{
	__u32 i = walk.n_out++;
	struct iu_rec *to;

	if (i >= walk.room)
		return;
	to = bpf_map_lookup_elem(&out, &i);
	if (to)
		*to = rec;
}

/* One by one as long as there is room, of which connections and their remains may only take a part. */
static __always_inline bool put_shown(void)
{
	__u32 i = walk.n_shown;

	if (i >= IU_WALK_SHOWN)
		return false;
	if (rec.flags & IU_REC_MINI) {
		if (at.n_mini >= IU_WALK_SHOWN_MINI)
			return false;
		at.n_mini++;
	}
	if (rec.state != TCP_LISTEN && rec.state != TCP_CLOSE) {
		if (at.n_living >= IU_WALK_SHOWN_LIVING)
			return false;
		at.n_living++;
	}
	walk.shown[i] = rec;
	walk.n_shown = i + 1;
	return true;
}

/* An address as two words of memory, IPv4 as ::ffff:a.b.c.d. */
union words {
	__u8 bytes[16];
	__u64 words[2];
};

/* What is looked for among the asked addresses, and index + 1 of where it is, or 0. */
static struct {
	__u64 words[2];
	__u16 port, mask;
	__u32 found;
} wanted __attribute__((used)); /* or clang takes it apart */

static long compare_asked(__u32 i, void *unused)
{
	const struct iu_walk_asked *asked = &walk.asked[i % IU_WALK_ASKED];
	__u64 differ = asked->words[0] ^ wanted.words[0];

	differ |= asked->words[1] ^ wanted.words[1];
	differ |= (asked->port ^ wanted.port) & asked->port_mask & wanted.mask;
	if (differ)
		return 0;
	wanted.found = i + 1;
	return 1;
}

/*
 * A local address is asked with a mask of 0: its port does not count. bpf_loop(), whose turns the verifier follows only
 * once; so does the search for a class. A global function, as it calls them: verified once, whatever state it is
 * called in. So are the others below that are not inline.
 */
__noinline int find_asked(__u64 first, __u64 second, __u16 port, __u16 mask)
{
	if (!walk.n_asked)
		return 0;
	wanted.words[0] = first;
	wanted.words[1] = second;
	wanted.port = port;
	wanted.mask = mask;
	wanted.found = 0;
	bpf_loop(walk.n_asked, compare_asked, NULL, 0);
	return wanted.found;
}

/* enum iu_walk_relation, which for an address that was asked about goes on counting. */
static __always_inline __u8 relation(const __u8 *address, __u16 mask)
{
	union words w = {};
	bool v4 = rec.family == AF_INET;
	__u32 found;

	if (v4) {
		w.bytes[10] = 0xff;
		w.bytes[11] = 0xff;
		*(__u32 *)(w.bytes + 12) = *(const __u32 *)address;
		if (*(const __u32 *)address == 0)
			return IU_AT_ANY;
	} else {
		w.words[0] = *(const __u64 *)address;
		w.words[1] = *(const __u64 *)(address + 8);
		if ((w.words[0] | w.words[1]) == 0)
			return IU_AT_ANY;
		v4 = w.words[0] == 0 && *(const __u32 *)(w.bytes + 8) == bpf_htonl(0xffff);
	}
	found = find_asked(w.words[0], w.words[1], rec.dport, mask);
	if (found)
		return IU_AT_ASKED + found - 1;
	if (!v4)
		return IU_AT_OTHER6;
	return *(const __u32 *)(w.bytes + 12) ? IU_AT_OTHER4 : IU_AT_MAPPED_ANY;
}

static __always_inline void put_key(void)
{
	__u8 remote = relation(rec.daddr, 0xffff);

	/* a mini socket without its timer is about to go; a whole one stays */
	key.flags = rec.flags & ~(IU_REC_HAS_FILE | (rec.flags & IU_REC_MINI ? IU_REC_TIMER : 0));
	key.device = rec.device;
	key.uid = rec.uid;
	key.sport = rec.sport;
	key.state = rec.state;
	key.family = rec.family == AF_INET ? 4 : 6;
	key.local = relation(rec.saddr, 0);
	key.remote = remote < IU_AT_ASKED ? 0 : remote - IU_AT_ASKED + 1;
	key.reuse = rec.reuse;
	key.used = 1;
	key.pad = 0;
}

/* A key has 24 bytes without holes. */
static __always_inline bool is_key(const struct iu_class_key *other)
{
	const __u64 *x = (const __u64 *)&key, *y = (const __u64 *)other;

	return x[0] == y[0] && x[1] == y[1] && x[2] == y[2];
}

static __always_inline __u64 end_of(const struct iu_rec *r)
{
	return r->flags & IU_REC_TIMER ? iu_wheel_end(r->expires, r->timer_flags) : 0;
}

/* Counts the owner in slot i if that is its class's, or free. */
__noinline int put_into(__u32 i)
{
	struct iu_class *class = &walk.classes[i % IU_WALK_CLASSES_MAX];

	if (!class->key.used) {
		class->key = key;
		class->rec = rec;
	} else if (!is_key(&class->key)) {
		return 0;
	} else if ((rec.flags & IU_REC_TIMER) && end_of(&rec) > end_of(&class->rec)) {
		class->rec = rec;
	}
	class->count++;
	at.last_class = i;
	return 1;
}

static long put_near(__u32 i, void *unused)
{
	at.crowded = !put_into(at.first_class + i);
	return !at.crowded;
}

/* The class of the last owner is mostly that of the next one; else a short search from where its key hashes to. */
__noinline int put_class(void)
{
	const __u64 *words = (const __u64 *)&key;
	__u64 mix;

	put_key();
	if (put_into(at.last_class))
		return 0;
	mix = (words[0] * 31 + words[1]) * 31 + words[2];
	at.first_class = (mix * 0x9e3779b97f4a7c15ULL) >> 40;
	bpf_loop(16, put_near, NULL, 0);
	if (at.crowded)
		walk.crowded = 1;
	return 0;
}

static __always_inline bool is_at_any4(void)
{
	if (rec.family == AF_INET)
		return *(const __u32 *)rec.saddr == 0;
	return *(const __u64 *)rec.saddr == 0 && *(const __u32 *)(rec.saddr + 8) == bpf_htonl(0xffff) && *(const __u32 *)(rec.saddr + 12) == 0;
}

/* The family of who was first on 0.0.0.0 is that of the list; where owners hang on these lists alone, nothing depends on it. */
static __always_inline void remember_any4(const void *sk)
{
	const struct inet_bind2_bucket *list;

	if (owners_by_address() || !bpf_core_field_exists(struct inet_bind2_bucket, family) || mode == IU_WALK_TABLE || walk.crowded ||
	    is_mini() || !is_at_any4())
		return;
	list = BPF_CORE_READ((const struct tcp_sock *)sk, inet_conn.icsk_bind2_hash);
	/* the one that was remembered last; a remainder, because the verifier of 6.1 loses a comparison on its way */
	walk.buckets[(walk.n_buckets - 1) % IU_WALK_BUCKETS].any4 = BPF_CORE_READ(list, family) == AF_INET6 ? 6 : 4;
}

/* Ticks that FIN-WAIT-2 lasts without a process, and the least that it does: linux v6.18 include/net/tcp.h tcp_fin_time() */
static __always_inline int fin_time(const struct tcp_sock *tcp, int *ret_least)
{
	const struct net *net = at.net;
	int linger2 = BPF_CORE_READ(tcp, linger2), rto = BPF_CORE_READ(tcp, inet_conn.icsk_rto);
	int ticks = linger2 ? linger2 : BPF_CORE_READ(net, ipv4.sysctl_tcp_fin_timeout);

	*ret_least = (rto << 2) - (rto >> 1);
	return ticks < *ret_least ? *ret_least : ticks;
}

/*
 * When a whole socket in FIN-WAIT-2 goes that its process has closed. The timer of keepalives counts down; when it fires,
 * what is above a minute of the time for that state is waited again, as a mini socket, whose timer is told as if it ran already.
 * If nothing is, the connection is reset. linux v6.18 net/ipv4/tcp_timer.c tcp_keepalive_timer(), tcp_minisocks.c tcp_time_wait()
 */
static __always_inline void put_orphan_end(const struct tcp_sock *tcp)
{
	const struct timer_list *timer = bpf_core_field_exists(tcp->inet_conn.icsk_keepalive_timer) ?
						 &tcp->inet_conn.icsk_keepalive_timer : &tcp->SK.sk_timer;
	int least, again;

	if (rec.state != TCP_FIN_WAIT2 || (rec.flags & IU_REC_MINI) || rec.inode || !BPF_CORE_READ(timer, entry.pprev))
		return;
	rec.flags |= IU_REC_TIMER;
	rec.expires = BPF_CORE_READ(timer, expires);
	rec.timer_flags = BPF_CORE_READ(timer, flags);
	again = fin_time(tcp, &least) - (int)time_wait_ticks;
	if (again <= 0)
		return;
	if (again < least)
		again = least;
	rec.flags |= IU_REC_AGAIN;
	rec.expires = iu_wheel_end(rec.expires, rec.timer_flags) + again;
	rec.timer_flags = iu_wheel_flags(again);
}

/* Hands out the copied socket, whose address in the kernel this is. */
__noinline int put_owner(__u64 address)
{
	const void *sk = (const void *)address;

	if (elsewhere && at.own_is_done) {
		at.place.count++;
		if (COPY->skc_state == TCP_LISTEN)
			at.place.listening = 1;
		return 0;
	}
	put_socket(&rec, sk);
	put_orphan_end(sk);
	remember_any4(sk);
	rec.jiffies = walk.jiffies;
	rec.now_ns = walk.now_ns;
	if (mode == IU_WALK_TABLE && rec.state == TCP_LISTEN)
		walk.requests += BPF_CORE_READ((const struct tcp_sock *)sk, inet_conn.icsk_accept_queue.qlen.counter);
	if (mode != IU_WALK_CLASSES)
		put_out();
	else if (!put_shown())
		put_class();
	return 0;
}

/* Is what was copied an owner of the port that is being walked, and reached from where the walk stands? */
static __always_inline bool belongs(void)
{
	const void *back = COPY->skc_bind_node.pprev;

	return COPY->skc_net.net == at.net && COPY->skc_num == at.port && (back == at.link || back == at.link_before);
}

static __always_inline void advance(void)
{
	walk.owners++;
	at.link_before = at.link;
	at.link = &at.next_owner->next;
	at.next_owner = COPY->skc_bind_node.next;
}

static __always_inline int step_owner(void)
{
	const void *sk = (const void *)at.next_owner - bpf_core_field_offset(COPY->skc_bind_node);

	if (!at.next_owner) {
		at.stage = owners_by_address() ? AT_ADDRESS : AT_BUCKET;
		return 0;
	}
	if (mode == IU_WALK_TABLE && walk.n_out >= walk.room) {
		walk.full = 1;
		return 1;
	}
	if (!copy_socket(sk) || !belongs() || bucket_of(sk) != at.bucket)
		return torn();
	advance();
	put_owner((__u64)sk);
	return 0;
}

__noinline int one_step(void)
{
	switch (at.stage) {
	case AT_NET:
		return step_net();
	case AT_SLOT:
		return step_slot();
	case AT_BUCKET:
		return step_bucket();
	case AT_ADDRESS:
		return step_address();
	case AT_OWNER:
		return step_owner();
	default:
		walk.finished = 1;
		return 1;
	}
}

static long step(__u32 i, void *unused)
{
	return one_step() != 0;
}

static long go_round(__u32 i, void *unused)
{
	bpf_loop(STEPS, step, NULL, 0);
	return walk.finished || walk.torn || walk.full;
}

static __always_inline void start(void)
{
	const struct task_struct *task = (const void *)bpf_get_current_task();
	const struct file *file = file_of(task, walk.socket_fd);
	const struct socket_alloc *socket = alloc_of(BPF_CORE_READ(file, private_data));
	const struct sock_common *sk = (const void *)BPF_CORE_READ(socket, socket.sk);
	const struct net *own = BPF_CORE_READ(sk, skc_net.net);

	walk.torn = !own;
	at.own = own;
	at.net_ops = BPF_CORE_READ(own, ns.ops);
	walk.netns = BPF_CORE_READ(own, ns.inum);
	read_clock(&walk.jiffies, &walk.now_ns);
	at.last_class = 0;
	at.n_mini = 0;
	at.n_living = 0;
	at.next_net = BPF_CORE_READ(own, list.next);
	at.own_is_done = mode == IU_WALK_ELSEWHERE;
	at.place.count = 0;
	at.slot_again = 0;
	enter_net(own);
	if (mode == IU_WALK_ELSEWHERE)
		at.stage = AT_NET;
}

/* Goes on with a table. What was remembered of the list may be gone: that is found out where it is followed. */
static __always_inline void resume(void)
{
	if (walk.resume == IU_WALK_SLOT_AGAIN && at.next_slot > 0) {
		at.next_slot--;
		at.slot_again = 1;
	}
	if (walk.resume != IU_WALK_ON)
		at.stage = AT_SLOT;
	read_clock(&walk.jiffies, &walk.now_ns);
}

/* Everything of `walk` below the question has to be zero. */
SEC("raw_tp/inuse")
int walk_buckets(void *ctx)
{
	if (mode == IU_WALK_TABLE && walk.resume != IU_WALK_FROM_START)
		resume();
	else
		start();
	walk.has = kernel_has();
	if (!walk.torn)
		bpf_loop(ROUNDS, go_round, NULL, 0);
	return 0;
}
