/* SPDX-License-Identifier: MIT */
/*
 * A bind that gets a held socket instead.
 *
 * Theory of operation
 *
 * The program has made a socket and asks for an address on which one is held. It is given the held one, under the number of its own,
 * and told that the bind has succeeded, if that is the same to it as the success of the bind:
 *
 *  - what no socket can change later is equal: family, protocol, device, IPV6_V6ONLY, network namespace, owner;
 *  - nobody of its own generation has the held one: it would have met EADDRINUSE, and does. Of sockets with
 *    SO_REUSEPORT each goes to one who asks;
 *  - it has the rights of inuse (trap.c), and the right to that port today: nobody gets by this what it could not bind;
 *  - every option can be carried over (carry.c), every registration with epoll made again (epoll.c);
 *  - no other process has the new socket, because under its number the old one would stay.
 *
 * How it is put in the place of the new one: swap.c. In every other case the call is made as it stands. Then what is held and nobody
 * has gives way, so that it cannot be the reason of an EADDRINUSE.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/address.h"
#include "base/gettext.h"
#include "base/text.h"
#include "host/sockaddr.h"
#include "supervise/hold.h"
#include "supervise/swap.h"
#include "supervise/tree.h"

/* linux v6.18 net/ipv6/af_inet6.c inet6_bind_sk() */
#define SOCKADDR_IN6_LEAST 24
/* That nobody has a socket is not looked at again for so long, unless inuse itself gives it to somebody. */
#define FRESH_MS 100

/* ------------------------------------------------------------------------------------------- who has it */

static uint64_t now_ms(void)
{
	return uv_hrtime() / 1000000;
}

bool iu_hold_is_still_kept(const struct iu_held *h)
{
	int fd, code;
	bool has;

	if (h->keeper == NULL)
		return false;
	fd = iu_pidfd_getfd(h->keeper->pidfd, h->holder_fd);
	code = errno;
	if (fd < 0)
		return code == EPERM || code == EACCES; /* it may not be looked into, and lives */
	has = iu_hold_cookie(fd) == h->cookie;
	close(fd);
	return has;
}

struct look {
	struct iu_supervisor *s;
	struct iu_held *wanted;
	int32_t pid, fd; /* who has that, 0: nobody was seen yet */
};

static void see(void *arg, int32_t pid, int32_t fd, uint64_t inode)
{
	struct look *look = arg;

	for (struct iu_held *h = iu_hold_next_inode(look->s, inode, NULL); h != NULL; h = iu_hold_next_inode(look->s, inode, h)) {
		/* of what was handed to inuse, the numbers that everybody inherits do not count */
		if (h->handed && fd < look->s->handed_end)
			continue;
		h->seen = look->s->looks;
		if (h == look->wanted) {
			look->pid = pid;
			look->fd = fd;
		}
	}
}

/* It was looked for just now, and nobody of that generation (NULL: of any) had it. */
static bool is_known_absent(const struct iu_held *h, const struct iu_generation *g)
{
	return h->absent_ms != 0 && now_ms() - h->absent_ms < FRESH_MS && (h->absent_of == 0 || (g != NULL && g->number == h->absent_of));
}

/*
 * A process of that generation (NULL: of any) has the socket. That look takes as long as there are descriptors; so what it tells of all the
 * others counts for a moment, for a program that closes and binds them one after the other.
 */
static bool somebody_has(struct iu_held *h, const struct iu_generation *g)
{
	struct look look = {.s = h->s, .wanted = h};
	struct iu_tree tree = {0};

	if (is_known_absent(h, g))
		return false;
	h->s->looks++;
	iu_tree_read_below(&tree, getpid());
	for (size_t i = 0; look.pid == 0 && i < tree.n; i++)
		if (iu_children_is_of_program(h->s, &tree, &tree.list[i]) &&
		    (g == NULL || iu_generation_of(h->s, &tree, tree.list[i].pid) == g))
			iu_tree_each_fd(tree.list[i].pid, see, &look);
	iu_tree_done(&tree);
	if (look.pid != 0) {
		iu_hold_keep(h, look.pid, look.fd);
		return true;
	}
	for (struct iu_held *other = h->s->held; other != NULL; other = other->next)
		if (other->seen != h->s->looks) {
			other->absent_ms = now_ms();
			other->absent_of = g ? g->number : 0;
		}
	return false;
}

/* The generation came to it by listening or by being given it, and has not let it go since. */
static bool generation_has(struct iu_held *h, const struct iu_generation *g)
{
	/* an older one may have it from before */
	if (g->number > h->listened && g->number > h->given)
		return false;
	return iu_hold_is_still_kept(h) || somebody_has(h, g);
}

/* An older generation lives, and may wait in accept() on the same open file. */
static bool is_shared(const struct iu_generation *g)
{
	for (const struct iu_generation *other = g->next; other != NULL; other = other->next)
		if (!other->over)
			return true;
	return false;
}

/* Ports below this take CAP_NET_BIND_SERVICE. */
static long first_free_port(void)
{
	char text[32];

	/* that of the namespace of inuse; another's may differ, and is taken for the strictest */
	return iu_read_small("/proc/sys/net/ipv4/ip_unprivileged_port_start", text, sizeof(text)) > 0 ? strtol(text, NULL, 10) : 1024;
}

static bool may_bind(const struct iu_supervisor *s, const struct iu_waiting_call *w, const struct iu_identity *identity, uint16_t port)
{
	long first = s->netns_cookie != 0 && identity->netns == s->netns_cookie ? first_free_port() : 1024;

	return port >= first || iu_rights_have(&w->caller.rights, IU_CAP_NET_BIND_SERVICE);
}

/* ---------------------------------------------------------------------------------------- making way */

/* Two sockets that cannot be bound both; SO_REUSEADDR and SO_REUSEPORT aside. */
static bool clash(const struct inuse_addr *a, const struct iu_identity *ai, const struct inuse_addr *b, const struct iu_identity *bi)
{
	struct inuse_addr x = iu_addr_unmapped(a), y = iu_addr_unmapped(b);

	if (x.port != y.port || ai->netns != bi->netns || (ai->device != 0 && bi->device != 0 && ai->device != bi->device))
		return false;
	if (x.family == y.family)
		return iu_addr_is_any(&x) || iu_addr_is_any(&y) || memcmp(x.ip, y.ip, sizeof(x.ip)) == 0;
	return (x.family == 6 && iu_addr_is_any(&x) && !ai->v6only) || (y.family == 6 && iu_addr_is_any(&y) && !bi->v6only);
}

bool iu_hold_make_way(struct iu_supervisor *s, const struct iu_waiting_call *w)
{
	char address[INUSE_ADDR_TEXT];
	struct iu_identity identity;
	struct inuse_addr wanted;
	bool any = false;

	if (s->held == NULL || w->call.kind != INUSE_CALL_BIND || w->fd < 0 ||
	    !iu_identity_read(w->fd, iu_hold_netns(&w->caller), &identity))
		return false;
	wanted = iu_sockaddr_to(&w->call.addr);
	/* who has not even the right to the port cannot have it, whatever is there */
	if (wanted.port == 0 || !may_bind(s, w, &identity, wanted.port))
		return false;
	for (struct iu_held *h = s->held, *next; h != NULL; h = next) {
		next = h->next;
		if (h->handed || !clash(&h->local, &h->identity, &wanted, &identity) || iu_hold_is_still_kept(h) || somebody_has(h, NULL))
			continue;
		inuse_addr_text(&h->local, address);
		iu_hold_event(h, "closed", json_pack("{s:s}", "why", "in-the-way"));
		iu_hold_drop(h);
		iu_voice_say(&s->voice, _("%s was held for the program, which asks for something else now: it was closed"), address);
		any = true;
	}
	return any;
}

/* --------------------------------------------------------------------------------------- which is given */

static uint32_t owner_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 ? st.st_uid : UINT32_MAX;
}

static bool is_well_formed(const struct iu_waiting_call *w, const struct iu_identity *identity)
{
	return w->call.addr.ss_family == identity->domain &&
	       (identity->domain != AF_INET6 || w->call.len >= SOCKADDR_IN6_LEAST);
}

/* The held socket that answers this bind, or NULL. */
static struct iu_held *choose(struct iu_supervisor *s, const struct iu_waiting_call *w)
{
	struct inuse_addr wanted = iu_sockaddr_to(&w->call.addr);
	struct iu_identity identity;

	if (wanted.port == 0 || !iu_identity_read(w->fd, iu_hold_netns(&w->caller), &identity) || !is_well_formed(w, &identity) ||
	    iu_call_is_bound(w->fd))
		return NULL;
	for (struct iu_held *h = iu_hold_next_at(s, &wanted, NULL); h != NULL; h = iu_hold_next_at(s, &wanted, h))
		if (iu_identity_same(&h->identity, &identity) &&
		    (h->handed || (owner_of(h->fd) == owner_of(w->fd) && may_bind(s, w, &identity, wanted.port))) &&
		    !generation_has(h, w->generation))
			return h;
	return NULL;
}

/* ------------------------------------------------------------------------------------------- the exchange */

/* Why it cannot be exchanged, as the name of what is in the way; NULL: all is carried over. */
static const char *carry_over(struct iu_held *h, const struct iu_waiting_call *w, bool shared)
{
	const char *why = iu_hold_excluded(h->s, iu_hold_cookie(w->fd));
	int flags = fcntl(w->fd, F_GETFL), held = fcntl(h->fd, F_GETFL);
	bool nonblock = (flags & O_NONBLOCK) != 0;

	/* once for each start: what it takes a second time is as it has made it itself */
	if (why == NULL && shared && (h->given != w->generation->number || h->shared_flags < 0))
		iu_hold_remember(h);
	if (why == NULL)
		why = iu_carry_options(w->fd, h->fd, shared);
	if (why != NULL)
		return why;
	if (!shared)
		fcntl(h->fd, F_SETFL, nonblock ? held | O_NONBLOCK : held & ~O_NONBLOCK);
	/* as the last start had it at this point: then the program will do with it what it did then */
	h->wished = shared && nonblock != h->bound_nonblock;
	h->wish_nonblock = h->bound_nonblock = nonblock;
	return NULL;
}

static void tell_given(struct iu_held *h, struct iu_waiting_call *w, bool epoll_ok)
{
	char program[128], address[INUSE_ADDR_TEXT];

	iu_escape(iu_caller_program(&w->caller), program, sizeof(program));
	if (!epoll_ok)
		iu_voice_say(&h->s->voice, _("%s (pid %d): a registration of %s with epoll could not be made again"), program, w->caller.pid,
			     inuse_addr_text(&h->local, address));
	iu_hold_event(h, "given",
		      json_pack("{s:s, s:i, s:i, s:b}", "program", program, "pid", (int)w->caller.pid, "generation",
				(int)w->generation->number, "epoll", epoll_ok));
}

/* Not an option, but in the way just so. */
static const char spread[] = "shared";

static void say_not_exchanged(struct iu_supervisor *s, struct iu_held *h, struct iu_waiting_call *w, const char *why)
{
	char program[128], address[INUSE_ADDR_TEXT];

	iu_escape(iu_caller_program(&w->caller), program, sizeof(program));
	inuse_addr_text(&h->local, address);
	if (why != spread)
		iu_voice_say(&s->voice, _("%s (pid %d) does not get the held socket of %s: %s cannot be carried over to it"), program,
			     w->caller.pid, address, why);
	else
		iu_voice_say(&s->voice, _("%s (pid %d) does not get the held socket of %s: another process has its new socket, too"), program,
			     w->caller.pid, address);
	iu_hold_event(h, "not-given", json_pack("{s:s, s:i, s:s}", "program", program, "pid", (int)w->caller.pid, "option", why));
}

/*
 * It was given this one by this very call, and a signal broke into the call before it was answered (before Linux 5.19): the
 * program calls again, with a socket that is bound.
 */
static bool was_given(struct iu_supervisor *s, const struct iu_waiting_call *w)
{
	struct inuse_addr wanted = iu_sockaddr_to(&w->call.addr);
	struct iu_held *h = iu_hold_find(s, w->fd);

	if (h == NULL || !h->unanswered || h->holder != w->caller.pid || h->holder_fd != w->call.fd || h->local.port != wanted.port ||
	    !iu_addr_same(&h->local, &wanted))
		return false;
	h->unanswered = false;
	return true;
}

bool iu_hold_give(struct iu_supervisor *s, struct iu_waiting_call *w)
{
	bool shared = is_shared(w->generation), epoll_ok;
	enum iu_swap_end end = IU_SWAP_NONE;
	struct iu_held *h;
	const char *why;

	if (!s->o->hold || s->held == NULL || w->call.kind != INUSE_CALL_BIND)
		return false;
	if (was_given(s, w)) {
		iu_waiting_answer(w, 0);
		return true;
	}
	h = choose(s, w);
	if (h == NULL)
		return false;
	why = carry_over(h, w, shared);
	if (why == NULL)
		end = iu_swap(s, w, h->fd, &epoll_ok);
	if (end != IU_SWAP_MADE) {
		if (shared)
			iu_hold_put_back(h);
		h->wished = false;
		if (why != NULL || end == IU_SWAP_SPREAD)
			say_not_exchanged(s, h, w, why ? why : spread);
		return false;
	}
	h->given = w->generation->number;
	iu_hold_keep(h, w->caller.pid, w->call.fd);
	if (!shared)
		iu_hold_begin_gap(h, false);
	tell_given(h, w, epoll_ok);
	h->unanswered = !iu_waiting_answer(w, 0);
	return true;
}
