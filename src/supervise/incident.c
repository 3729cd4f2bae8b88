/* SPDX-License-Identifier: MIT */
/*
 * A call that has failed: explained, cured where that is allowed, and answered.
 *
 * Theory of operation
 *
 * The program waits in its call as long as its incident lasts. An adviser (adviser.c) looks at the host; what it finds says what
 * may be tried (remedy.c); each try is the same call on the same socket again. In the end the call is answered: with success
 * and a line about what was done, or with the error and the reason, which stands on the terminal before the
 * program's own complaint. Every way leads to let_rest(); at the latest a timer leads there.
 * While time is waited for, the caller may be killed (its notification is gone), be asked to end, or somebody may press
 * Ctrl-C: then the call fails as it would have without inuse.
 */
#include "supervise/incident.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#ifndef SIOCGSKNS
#define SIOCGSKNS 0x894C
#endif
#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

/* Looking takes milliseconds; on a host with a million sockets and processes that are swapped out, seconds. */
#define ADVICE_MS 10000
/* A million sockets to evict take some seconds more. */
#define EVICTION_MS 60000
#define ADVISERS_MAX 4
#define INCIDENTS_MAX 256
#define TICK_MS 250
/* As many blocks as told_ms has room for are told within so long. */
#define TOLD_MS 10000

/* --------------------------------------------------------------------------------- answering a call */

static void close_duplicate(struct iu_waiting_call *w)
{
	/* before the answer: the program's own close() must be the last one */
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
}

bool iu_waiting_answer(struct iu_waiting_call *w, int os_code)
{
	bool waited;

	close_duplicate(w);
	waited = iu_seccomp_answer(w->generation->listener, w->id, os_code);
	iu_guard_leave(&w->generation->s->guard, w->slot);
	return waited;
}

void iu_waiting_let_go(struct iu_waiting_call *w)
{
	close_duplicate(w);
	iu_seccomp_let_go(w->generation->listener, w->id);
	iu_guard_leave(&w->generation->s->guard, w->slot);
}

/* ------------------------------------------------------------------------------------------- the end */

static void start_next(struct iu_supervisor *s);

static void on_closed(uv_handle_t *handle)
{
	struct iu_incident *i = handle->data;

	if (--i->handles > 0)
		return;
	if (i->pipe >= 0)
		close(i->pipe);
	free(i->bytes);
	free(i->text);
	free(i->json);
	free(i);
}

/* The adviser is not needed any more. Children are reaped elsewhere, by their pid. */
static void dismiss(struct iu_incident *i)
{
	if (i->adviser > 0 && iu_children_is_helper(i->s, i->adviser))
		kill(i->adviser, SIGKILL);
	i->adviser = 0;
}

static void let_rest(struct iu_incident *i)
{
	struct iu_supervisor *s = i->s;

	for (struct iu_incident **at = &s->incidents; *at != NULL; at = &(*at)->next)
		if (*at == i) {
			*at = i->next;
			s->n_incidents--;
			break;
		}
	dismiss(i);
	uv_close((uv_handle_t *)&i->timer, on_closed);
	if (i->pipe >= 0)
		uv_close((uv_handle_t *)&i->poll, on_closed);
	start_next(s);
}

static void succeed(struct iu_incident *i)
{
	iu_voice_count(&i->s->voice, NULL);
	iu_tell_success(i);
	iu_trap_succeeded(i->s, &i->w);
	iu_waiting_answer(&i->w, 0);
	let_rest(i);
}

static void fail(struct iu_incident *i)
{
	int off = 0;

	iu_voice_count(&i->s->voice, NULL);
	if (i->reuseaddr_set)
		setsockopt(i->w.fd, SOL_SOCKET, SO_REUSEADDR, &off, sizeof(off));
	iu_tell_failure(i);
	iu_waiting_answer(&i->w, i->os_code);
	let_rest(i);
}

/* ------------------------------------------------------------------------------------------- remedies */

/* True: the incident is over. */
static bool call_again(struct iu_incident *i)
{
	int os_code = 0;

	if (!iu_seccomp_still_there(i->w.generation->listener, i->w.id)) {
		iu_voice_count(&i->s->voice, NULL);
		iu_waiting_answer(&i->w, i->os_code);
		let_rest(i);
		return true;
	}
	if (iu_call_make(&i->w.call, i->w.fd, &os_code) == IU_CALL_LET_GO) {
		/* a connect that is under way now: the rest of it is the program's */
		iu_tell_success(i);
		iu_waiting_let_go(&i->w);
		let_rest(i);
		return true;
	}
	if (os_code == 0) {
		succeed(i);
		return true;
	}
	if (i->request.call == INUSE_CALL_CONNECT && os_code == EINPROGRESS) {
		iu_tell_success(i);
		iu_waiting_answer(&i->w, os_code);
		let_rest(i);
		return true;
	}
	i->os_code = os_code;
	return false;
}

static void set_reuseaddr(struct iu_incident *i)
{
	int on = 1;

	if ((i->request.flags & INUSE_REUSEADDR) == 0 && setsockopt(i->w.fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0)
		i->reuseaddr_set = true;
}

static void on_tick(uv_timer_t *timer)
{
	struct iu_incident *i = timer->data;
	struct iu_status status;
	bool called = iu_status_read(i->w.caller.tid, &status) && iu_status_is_called(&status);

	if (call_again(i))
		return;
	if (called || (int64_t)uv_hrtime() >= i->until_ns)
		fail(i);
	else if (i->s->voice.terminal)
		iu_tell_waiting(i);
}

static void begin_waiting(struct iu_incident *i, int64_t ns)
{
	int64_t now = (int64_t)uv_hrtime();

	if (i->advice.with_reuseaddr)
		set_reuseaddr(i);
	i->stage = IU_INCIDENT_WAITING;
	i->began_ns = now;
	i->known_ns = now + i->advice.wait_ns;
	i->until_ns = now + ns;
	iu_tell_waiting(i);
	uv_timer_start(&i->timer, on_tick, TICK_MS, TICK_MS);
}

static void act(struct iu_incident *i)
{
	int64_t ns;

	do {
		switch (iu_remedy_next(&i->remedy, &i->advice, &ns)) {
		case IU_REMEDY_REUSEADDR:
			i->remedy.reuseaddr_tried = true;
			set_reuseaddr(i);
			break;
		case IU_REMEDY_AGAIN:
			i->remedy.again_tried = true;
			if (i->advice.with_reuseaddr)
				set_reuseaddr(i);
			break;
		case IU_REMEDY_WAIT:
			begin_waiting(i, ns);
			return;
		default:
			fail(i);
			return;
		}
	} while (!call_again(i));
}

/* -------------------------------------------------------------------------------------------- advice */

/* The namespace of the socket, as far as it may be entered; -1 for our own, or where it cannot be told. */
static int foreign_netns(const struct iu_supervisor *s, const struct iu_waiting_call *w)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof(cookie);
	char path[64];
	int fd;

	if (getsockopt(w->fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &len) != 0 || cookie == s->netns_cookie)
		return -1;
	fd = ioctl(w->fd, SIOCGSKNS);
	if (fd >= 0)
		return fd;
	snprintf(path, sizeof(path), "/proc/%d/ns/net", w->caller.tid);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static void take_advice(struct iu_incident *i)
{
	struct iu_supervisor *s = i->s;

	uv_poll_stop(&i->poll);
	uv_timer_stop(&i->timer);
	dismiss(i);
	if (!iu_advice_read(i->bytes, i->len, &i->advice, &i->text, &i->json))
		i->advice = (struct iu_advice){.wait_ns = -1};
	act(i);
	start_next(s);
}

static void on_advice(uv_poll_t *poll, int status, int events)
{
	struct iu_incident *i = poll->data;
	size_t room = sizeof(struct iu_advice) + IU_ADVICE_TEXT_MAX;
	ssize_t n = 0;

	if (i->bytes == NULL)
		i->bytes = malloc(room);
	if (i->bytes != NULL)
		n = read(i->pipe, i->bytes + i->len, room - i->len);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		i->len += (size_t)n;
	if (n <= 0 || i->len == room)
		take_advice(i);
}

static void on_overdue(uv_timer_t *timer)
{
	take_advice(timer->data);
}

/* False: there is no adviser to be had. */
static bool start_adviser(struct iu_incident *i)
{
	struct iu_supervisor *s = i->s;
	struct iu_advice_job job = {
		.request = i->request,
		.inode = i->inode,
		.pid = i->w.caller.pid,
		.netns = foreign_netns(s, &i->w),
		.os_code = i->os_code,
		.text = i->tell,
		.json = iu_voice_has_events(&s->voice),
		.style = (s->o->verbose ? INUSE_STYLE_VERBOSE : 0) | (s->voice.colour ? INUSE_STYLE_COLOUR : 0),
		.fix = i->remedy.fix,
	};
	bool started = iu_adviser_start(&job, &i->adviser, &i->pipe);

	if (job.netns >= 0)
		close(job.netns);
	if (!started)
		return false;
	iu_children_add_helper(s, i->adviser);
	i->stage = IU_INCIDENT_ADVISED;
	if (uv_poll_init(&s->loop, &i->poll, i->pipe) != 0) {
		close(i->pipe);
		i->pipe = -1;
		return false;
	}
	i->poll.data = i;
	i->handles++;
	uv_poll_start(&i->poll, UV_READABLE, on_advice);
	uv_timer_start(&i->timer, on_overdue, (i->remedy.fix & IU_FIX_EVICT) != 0 ? EVICTION_MS : ADVICE_MS, 0);
	return true;
}

/* Those that wait for an adviser get one as soon as one is free. */
static void start_next(struct iu_supervisor *s)
{
	struct iu_incident *oldest = NULL;
	size_t advised = 0;

	for (struct iu_incident *i = s->incidents; i != NULL; i = i->next) {
		advised += i->adviser != 0;
		if (i->stage == IU_INCIDENT_QUEUED)
			oldest = i; /* the newest stands first */
	}
	if (oldest != NULL && advised < ADVISERS_MAX && !start_adviser(oldest))
		fail(oldest);
}

/* ------------------------------------------------------------------------------------------ the begin */

/* Not failures: the call goes on, or has been made before. */
static bool is_failure(const struct iu_waiting_call *w, int os_code)
{
	static const int none[] = {EINPROGRESS, EALREADY, EISCONN, EINTR};

	for (size_t i = 0; w->call.kind == INUSE_CALL_CONNECT && i < sizeof(none) / sizeof(none[0]); i++)
		if (os_code == none[i])
			return false;
	return true;
}

/* A block may be told now: not more than a few within some seconds. */
static bool may_tell(struct iu_supervisor *s, struct iu_caller *caller)
{
	uint64_t now = uv_now(&s->loop), *oldest = &s->told_ms[0];

	if (s->voice.quiet)
		return false;
	for (size_t i = 1; i < sizeof(s->told_ms) / sizeof(s->told_ms[0]); i++)
		if (s->told_ms[i] < *oldest)
			oldest = &s->told_ms[i];
	if (*oldest != 0 && now - *oldest < TOLD_MS) {
		iu_voice_note(&s->voice, IU_NOTE_MANY, iu_caller_program(caller), caller->pid);
		return false;
	}
	*oldest = now ? now : 1;
	return true;
}

static struct iu_incident *make(struct iu_supervisor *s, const struct iu_waiting_call *w, int os_code, bool tell)
{
	struct iu_incident *i = calloc(1, sizeof(*i));

	if (i == NULL)
		return NULL;
	i->s = s;
	i->w = *w;
	iu_caller_program(&i->w.caller);
	i->os_code = os_code;
	i->tell = tell;
	i->pipe = -1;
	i->inode = iu_call_inode(w->fd);
	i->request = iu_call_request(&w->call, w->fd, iu_rights_have(&w->caller.rights, IU_CAP_NET_BIND_SERVICE));
	i->bound_already = w->call.kind == INUSE_CALL_BIND && os_code == EINVAL && iu_call_is_bound(w->fd);
	i->remedy = (struct iu_remedy){.fix = s->o->fix, .wait_s = s->o->wait_s};
	uv_timer_init(&s->loop, &i->timer);
	i->timer.data = i;
	i->handles = 1;
	i->next = s->incidents;
	s->incidents = i;
	s->n_incidents++;
	return i;
}

void iu_incident_begin(struct iu_supervisor *s, const struct iu_waiting_call *w, int os_code)
{
	struct iu_waiting_call mine = *w;
	struct iu_incident *i = NULL;
	bool tell;

	if (is_failure(w, os_code) && s->n_incidents < INCIDENTS_MAX) {
		tell = may_tell(s, &mine.caller);
		if (tell || s->o->fix != 0 || iu_voice_has_events(&s->voice))
			i = make(s, &mine, os_code, tell);
	}
	if (i == NULL) {
		iu_waiting_answer(&mine, os_code);
		return;
	}
	if (i->bound_already)
		fail(i);
	else
		start_next(s);
}

void iu_incidents_hurry(struct iu_supervisor *s)
{
	for (struct iu_incident *i = s->incidents, *next; i != NULL; i = next) {
		next = i->next;
		if (i->stage == IU_INCIDENT_WAITING && !call_again(i))
			fail(i);
	}
}
