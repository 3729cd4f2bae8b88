/* SPDX-License-Identifier: MIT */
/*
 * Listening sockets that outlive the program.
 *
 * Theory of operation
 *
 * When a listen succeeds, inuse keeps a duplicate of the socket: a *held* socket. It goes on listening when the program
 * closes it or ends; clients wait in its backlog. The process that called listen is its *keeper* and is watched; when it
 * has ended, whoever else has the socket becomes the keeper. When nobody has it, there is a *gap*: the backlog is raised as
 * far as the system allows, because nobody takes anything out of it. A socket that the program shut down listens again
 * then, not earlier: a thread that still waits in accept() would never learn of it.
 *
 * Not held are: a socket whose port the kernel chose, as the next start will not ask for that one; a socket with something
 * on it that cannot be read back; one of a process with other rights than inuse, whose calls are its own business.
 *
 * A held socket must not be the reason why anything fails that would succeed without inuse. So one that nobody has gives
 * way when it is in the way of another bind (give.c), and is closed when a start that is up did not ask for it, or when a
 * process that goes on has closed it and nobody has asked for it since.
 */
#include "supervise/hold.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/address.h"
#include "base/gettext.h"
#include "base/text.h"
#include "host/sockaddr.h"
#include "supervise/tree.h"

/* From the end of a keeper until it is looked for another one. */
#define LOOK_MS 5
/* No call tells that the program has closed a socket: so it is looked now and then. */
#define WATCH_MS 3000
#define CHOSEN_MAX (sizeof(((struct iu_supervisor *)NULL)->chosen) / sizeof(uint64_t))

uint64_t iu_hold_cookie(int fd)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);

	return getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len) == 0 ? cookie : iu_call_inode(fd);
}

uint64_t iu_hold_netns(const struct iu_caller *caller)
{
	char path[64] = "/proc/self/ns/net";
	struct stat st;

	if (caller != NULL)
		snprintf(path, sizeof(path), "/proc/%d/ns/net", caller->tid);
	return stat(path, &st) == 0 ? st.st_ino : 0;
}

bool iu_hold_listens(const struct iu_held *h)
{
	int value = 0;
	socklen_t len = sizeof(value);

	return getsockopt(h->fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &len) == 0 && value != 0;
}

/* ------------------------------------------------------------------------------------------- what is told */

void iu_hold_event(const struct iu_held *h, const char *event, json_t *more_own)
{
	char address[INUSE_ADDR_TEXT];
	json_t *object = more_own ? more_own : json_object();

	if (object != NULL && iu_voice_has_events(&h->s->voice))
		json_object_set_new(object, "address", json_string(inuse_addr_text(&h->local, address)));
	iu_voice_event(&h->s->voice, event, object);
}

/* ------------------------------------------------------------------------------------- what is not held */

static void exclude(struct iu_supervisor *s, uint64_t cookie, const char *why)
{
	size_t room = sizeof(s->excluded) / sizeof(s->excluded[0]);

	s->excluded[s->n_excluded % room].cookie = cookie;
	s->excluded[s->n_excluded++ % room].why = why;
}

const char *iu_hold_excluded(const struct iu_supervisor *s, uint64_t cookie)
{
	size_t room = sizeof(s->excluded) / sizeof(s->excluded[0]);

	for (size_t i = 0; i < room && i < s->n_excluded; i++)
		if (s->excluded[i].cookie == cookie)
			return s->excluded[i].why;
	return NULL;
}

void iu_hold_say_excluded(struct iu_supervisor *s, struct iu_caller *caller, const struct inuse_addr *local, const char *why)
{
	char program[128], address[INUSE_ADDR_TEXT];

	iu_escape(iu_caller_program(caller), program, sizeof(program));
	inuse_addr_text(local, address);
	iu_voice_say(&s->voice, _("%s (pid %d) has set %s, which another socket cannot be given: %s is not held"), program, caller->pid, why,
		     address);
	iu_voice_event(&s->voice, "not-held",
		       json_pack("{s:s, s:i, s:s, s:s}", "program", program, "pid", (int)caller->pid, "address", address, "option", why));
}

static const char *option_name(const struct iu_notice *notice)
{
	static const struct {
		uint32_t level, name;
		const char *text;
	} rows[] = {
		{SOL_SOCKET, 26, "SO_ATTACH_FILTER"},
		{SOL_SOCKET, 50, "SO_ATTACH_BPF"},
		{SOL_SOCKET, 51, "SO_ATTACH_REUSEPORT_CBPF"},
		{SOL_SOCKET, 52, "SO_ATTACH_REUSEPORT_EBPF"},
		{IPPROTO_TCP, 14, "TCP_MD5SIG"},
		{IPPROTO_TCP, 32, "TCP_MD5SIG_EXT"},
		{IPPROTO_TCP, 38, "TCP_AO_ADD_KEY"},
		{IPPROTO_TCP, 19, "TCP_REPAIR"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if ((uint32_t)notice->args[1] == rows[i].level && (uint32_t)notice->args[2] == rows[i].name)
			return rows[i].text;
	return "?";
}

void iu_hold_option(struct iu_generation *g, const struct iu_notice *notice)
{
	struct iu_supervisor *s = g->s;
	struct iu_caller caller;
	struct iu_held *h;
	uint64_t cookie;
	int fd;

	if (!s->o->hold || iu_caller_look(&s->rights, notice->tid, &caller) == IU_REACH_GONE ||
	    iu_caller_fd(&caller, (int32_t)notice->args[0], &fd) != IU_REACH_OK)
		return;
	cookie = iu_call_concerns(fd) ? iu_hold_cookie(fd) : 0;
	h = cookie != 0 ? iu_hold_find(s, fd) : NULL;
	close(fd);
	if (cookie == 0 || iu_hold_excluded(s, cookie) != NULL)
		return;
	exclude(s, cookie, option_name(notice));
	if (h != NULL && !h->handed) {
		iu_hold_say_excluded(s, &caller, &h->local, option_name(notice));
		iu_hold_drop(h);
	}
}

void iu_hold_bound(struct iu_supervisor *s, struct iu_waiting_call *w)
{
	if (s->o->hold && iu_sockaddr_to(&w->call.addr).port == 0)
		s->chosen[s->n_chosen++ % CHOSEN_MAX] = iu_hold_cookie(w->fd);
}

static bool is_chosen(const struct iu_supervisor *s, uint64_t cookie)
{
	for (size_t i = 0; i < CHOSEN_MAX && i < s->n_chosen; i++)
		if (s->chosen[i] == cookie)
			return true;
	return false;
}

/* ------------------------------------------------------------------------------------------------ keepers */

static void on_keeper_closed(uv_handle_t *handle)
{
	struct iu_keeper *k = handle->data;

	close(k->pidfd);
	free(k);
}

void iu_hold_unkeep(struct iu_held *h)
{
	struct iu_keeper *k = h->keeper;

	h->keeper = NULL;
	if (k == NULL || --k->n > 0)
		return;
	for (struct iu_keeper **at = &k->s->keepers; *at != NULL; at = &(*at)->next)
		if (*at == k) {
			*at = k->next;
			uv_close((uv_handle_t *)&k->poll, on_keeper_closed);
			return;
		}
}

static void on_look_is_due(uv_timer_t *timer)
{
	iu_hold_look(timer->data);
}

static void on_keeper_ended(uv_poll_t *poll, int status, int events)
{
	struct iu_keeper *k = poll->data;
	struct iu_supervisor *s = k->s;

	for (struct iu_held *h = s->held; h != NULL; h = h->next)
		if (h->keeper == k)
			iu_hold_unkeep(h);
	/* many may end at once, and are looked at together */
	if (!uv_is_active((uv_handle_t *)&s->hold_timer))
		uv_timer_start(&s->hold_timer, on_look_is_due, LOOK_MS, 0);
}

static struct iu_keeper *keeper_of(struct iu_supervisor *s, int32_t pid)
{
	uint64_t started = iu_status_started(pid);
	struct iu_keeper *k;

	for (k = s->keepers; k != NULL; k = k->next)
		if (k->pid == pid && k->started == started)
			return k;
	k = calloc(1, sizeof(*k));
	if (k == NULL)
		return NULL;
	k->s = s;
	k->pid = pid;
	k->started = started;
	k->pidfd = iu_pidfd_open(pid, false);
	if (k->pidfd < 0 || uv_poll_init(&s->loop, &k->poll, k->pidfd) != 0) {
		if (k->pidfd >= 0)
			close(k->pidfd);
		free(k);
		return NULL;
	}
	fcntl(k->pidfd, F_SETFD, FD_CLOEXEC);
	k->poll.data = k;
	uv_poll_start(&k->poll, UV_READABLE, on_keeper_ended);
	k->next = s->keepers;
	s->keepers = k;
	return k;
}

void iu_hold_keep(struct iu_held *h, int32_t pid, int32_t fd)
{
	struct iu_keeper *k = keeper_of(h->s, pid);

	h->holder = pid;
	h->holder_fd = fd;
	if (k != NULL)
		k->n++;
	iu_hold_unkeep(h);
	h->keeper = k;
	h->gap = k == NULL;
	h->absent_ms = 0;
	h->let_go = false;
	h->let_go_ms = 0;
}

static void take_socket(void *arg, int32_t pid, int32_t fd, uint64_t inode)
{
	struct iu_supervisor *s = arg;

	for (struct iu_held *h = iu_hold_next_inode(s, inode, NULL); h != NULL; h = iu_hold_next_inode(s, inode, h))
		if (h->keeper == NULL && h->listened != 0)
			iu_hold_keep(h, pid, fd);
}

void iu_hold_look(struct iu_supervisor *s)
{
	struct iu_tree tree = {0};

	iu_tree_read_below(&tree, getpid());
	for (size_t i = 0; i < tree.n; i++)
		if (iu_children_is_of_program(s, &tree, &tree.list[i]))
			iu_tree_each_fd(tree.list[i].pid, take_socket, s);
	iu_tree_done(&tree);
	for (struct iu_held *h = s->held; h != NULL; h = h->next)
		if (h->keeper == NULL && !h->gap && h->listened != 0)
			iu_hold_begin_gap(h, true);
}

/* --------------------------------------------------------------------------------------------------- gaps */

void iu_hold_begin_gap(struct iu_held *h, bool nobody_has_it)
{
	bool listens = iu_hold_listens(h);

	/* the kernel cuts it down to net.core.somaxconn: linux v6.18 net/socket.c __sys_listen_socket() */
	if (listens || (nobody_has_it && !h->handed))
		listen(h->fd, INT_MAX);
	if (!listens && iu_hold_listens(h))
		iu_hold_event(h, "listens-again", NULL);
	h->gap |= nobody_has_it;
}

void iu_hold_gap(struct iu_supervisor *s, bool all_gone)
{
	for (struct iu_held *h = s->held; h != NULL; h = h->next)
		if (!h->handed)
			iu_hold_begin_gap(h, all_gone);
}

/* ------------------------------------------------------------------------------- given to a start on trial */

static int backlog_of(int fd)
{
	struct tcp_info info = {0};
	socklen_t len = sizeof(info);

	/* of a listener: linux v6.18 net/ipv4/tcp.c tcp_get_info() */
	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 && info.tcpi_state == TCP_LISTEN ? (int)info.tcpi_sacked : -1;
}

void iu_hold_remember(struct iu_held *h)
{
	iu_hold_forget(h);
	h->shared_flags = fcntl(h->fd, F_GETFL);
	h->shared_backlog = backlog_of(h->fd);
	h->shared_options = socket(h->identity.domain, SOCK_STREAM | SOCK_CLOEXEC, h->identity.protocol);
	if (h->shared_options >= 0)
		iu_carry_options(h->fd, h->shared_options, false);
}

void iu_hold_forget(struct iu_held *h)
{
	if (h->shared_options >= 0)
		close(h->shared_options);
	h->shared_options = h->shared_flags = h->shared_backlog = -1;
}

void iu_hold_put_back(struct iu_held *h)
{
	if (h->shared_flags >= 0)
		fcntl(h->fd, F_SETFL, h->shared_flags);
	if (h->shared_options >= 0)
		iu_carry_options(h->shared_options, h->fd, false);
	if (h->shared_backlog >= 0)
		listen(h->fd, h->shared_backlog);
	iu_hold_forget(h);
}

/* ------------------------------------------------------------------------------------------------- listening */

/* The first listen on a socket that is not held yet. */
static struct iu_held *begin_holding(struct iu_supervisor *s, struct iu_waiting_call *w, uint64_t cookie)
{
	const char *why = iu_hold_excluded(s, cookie);
	struct iu_identity identity;
	struct iu_held *h;
	char program[128];

	if (is_chosen(s, cookie) || !iu_identity_read(w->fd, iu_hold_netns(&w->caller), &identity))
		return NULL;
	if (why != NULL) {
		struct inuse_request request = iu_call_request(&w->call, w->fd, true);

		iu_hold_say_excluded(s, &w->caller, &request.local, why);
		return NULL;
	}
	h = iu_hold_add(s, w->fd, &identity);
	iu_escape(iu_caller_program(&w->caller), program, sizeof(program));
	if (h == NULL) {
		iu_voice_note(&s->voice, IU_NOTE_NO_ROOM, iu_caller_program(&w->caller), w->caller.pid);
		return NULL;
	}
	h->bound_nonblock = (fcntl(h->fd, F_GETFL) & O_NONBLOCK) != 0;
	iu_hold_event(h, "held",
		      json_pack("{s:s, s:i, s:i}", "program", program, "pid", (int)w->caller.pid, "generation",
				(int)w->generation->number));
	return h;
}

/* ---------------------------------------------------------------------------- what the program has let go */

/* Another one of its SO_REUSEPORT group, which the kernel gives connections to as well, is still the program's. */
static bool has_living_brother(const struct iu_held *h)
{
	for (const struct iu_held *other = iu_hold_next_at(h->s, &h->local, NULL); other != NULL;
	     other = iu_hold_next_at(h->s, &h->local, other))
		if (other != h && other->keeper != NULL && iu_identity_same(&other->identity, &h->identity))
			return true;
	return false;
}

/*
 * A process that goes on has closed it: as between two starts for some time, but not for ever. Whether for good, nothing tells: a
 * server that serves its last clients before it ends closes this one first, too, and may answer questions after its health
 * on another one meanwhile.
 */
static bool is_over(struct iu_held *h, uint64_t now)
{
	bool brother = h->gap && !h->handed && has_living_brother(h);

	if (!h->gap || h->handed || (!h->let_go && !brother))
		return false;
	if (h->let_go_ms == 0)
		h->let_go_ms = now;
	return now - h->let_go_ms >= (brother ? WATCH_MS : (uint64_t)h->s->o->ready_s * 1000);
}

static void on_watch(uv_timer_t *timer)
{
	struct iu_supervisor *s = timer->data;
	char address[INUSE_ADDR_TEXT];
	bool any = false;

	if (s->held == NULL || s->turn.phase != IU_PHASE_STEADY)
		return;
	for (struct iu_held *h = s->held; h != NULL; h = h->next)
		if (h->keeper != NULL && !iu_hold_is_still_kept(h)) {
			iu_hold_unkeep(h);
			h->let_go = any = true;
		}
	if (any)
		iu_hold_look(s);
	for (struct iu_held *h = s->held, *next; h != NULL; h = next) {
		next = h->next;
		if (!is_over(h, uv_now(&s->loop)))
			continue;
		inuse_addr_text(&h->local, address);
		iu_hold_event(h, "closed", json_pack("{s:s}", "why", "let-go"));
		iu_hold_drop(h);
		iu_voice_say(&s->voice, _("%s was closed by the program, which goes on: it is held no longer"), address);
	}
}

void iu_hold_begin(struct iu_supervisor *s)
{
	uv_timer_init(&s->loop, &s->hold_timer);
	uv_timer_init(&s->loop, &s->hold_watch);
	s->hold_timer.data = s->hold_watch.data = s;
	if (s->o->hold)
		uv_timer_start(&s->hold_watch, on_watch, WATCH_MS, WATCH_MS);
}

void iu_hold_listened(struct iu_supervisor *s, struct iu_waiting_call *w)
{
	struct iu_held *h;

	if (!s->o->hold)
		return;
	h = iu_hold_find(s, w->fd);
	if (h == NULL && !w->call.unbound)
		h = begin_holding(s, w, iu_hold_cookie(w->fd));
	if (h == NULL)
		return;
	if (w->generation->number > h->listened)
		h->listened = w->generation->number;
	iu_hold_keep(h, w->caller.pid, w->call.fd);
	iu_generation_progress(w->generation);
}

size_t iu_hold_listened_count(const struct iu_supervisor *s)
{
	size_t n = 0;

	for (struct iu_held *h = s->held; h != NULL; h = h->next)
		n += h->listened != 0;
	return n;
}

static bool is_unclaimed(const struct iu_held *h, const struct iu_generation *g)
{
	return h->listened != 0 && h->listened < g->number;
}

bool iu_hold_has_unclaimed(const struct iu_supervisor *s, const struct iu_generation *g)
{
	for (struct iu_held *h = s->held; h != NULL; h = h->next)
		if (is_unclaimed(h, g))
			return true;
	return false;
}

void iu_hold_close_unclaimed(struct iu_supervisor *s, const struct iu_generation *g)
{
	char address[INUSE_ADDR_TEXT];

	for (struct iu_held *h = s->held, *next; h != NULL; h = next) {
		next = h->next;
		if (!is_unclaimed(h, g) || h->handed)
			continue;
		inuse_addr_text(&h->local, address);
		iu_hold_event(h, "closed", json_pack("{s:s}", "why", "unclaimed"));
		iu_hold_drop(h);
		iu_voice_say(&s->voice, _("%s is not listened on any more: it was closed"), address);
	}
}

void iu_hold_sole(struct iu_supervisor *s)
{
	for (struct iu_held *h = s->held; h != NULL; h = h->next) {
		int flags = h->wished ? fcntl(h->fd, F_GETFL) : -1;

		/* else somebody has changed it since, and that counts */
		if (flags >= 0 && (flags & O_NONBLOCK) == (h->shared_flags & O_NONBLOCK))
			fcntl(h->fd, F_SETFL, h->wish_nonblock ? flags | O_NONBLOCK : flags & ~O_NONBLOCK);
		h->wished = false;
		iu_hold_forget(h);
	}
}

void iu_hold_withdraw(struct iu_supervisor *s, const struct iu_generation *g)
{
	for (struct iu_held *h = s->held, *next; h != NULL; h = next) {
		next = h->next;
		h->wished = false;
		if (h->given == g->number)
			iu_hold_put_back(h);
		if (h->listened != g->number)
			continue;
		/* on what the attempt alone has listened, nobody listens any more */
		if (h->given != g->number && !h->handed)
			iu_hold_drop(h);
		else
			h->listened = g->number - 1;
	}
}
