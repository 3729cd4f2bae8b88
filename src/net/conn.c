/* SPDX-License-Identifier: MIT */
/* Connections of serve and dial: one state machine for both. See conn.h for how it works. */
#include "net/conn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/gettext.h"
#include "net/socket.h"

enum {
	SCRATCH_SIZE = 65536,
	TICK_MS = 100,
	SOON_LOOKS = 4,    /* at a connection without the loop, soon_ms apart */
	SOON_LATE_MS = 10, /* look when no connection comes; not less than soon_ms */
	SOON_BEHIND_MS = 32, /* how long a look may be put off because an older connection has not ended yet */
	QUIET_MS = 1000, /* a hurried connection on which nothing moves for so long is not in the middle of anything */
};

struct iu_conn {
	uv_tcp_t tcp;
	uv_write_t write;
	struct iu_conns *set;
	struct iu_conn *prev, *next;
	struct iu_conn *next_soon;
	struct iu_net_ending ending;
	char *rest; /* a copy of what the write has to send, or NULL */
	size_t rest_len;
	uint64_t started_ns, deadline_ms; /* deadline of uv_now(), 0: none */
	uint64_t look_ms;                 /* of uv_now(): when the next look is due, in the set's list `soon` */
	size_t left;                      /* bytes outstanding when last looked, while writing */
	int fd;
	unsigned char looks;
	bool opened;  /* there is a libuv handle */
	bool stray;   /* ... which refused the descriptor */
	bool reading, writing;
	bool full;    /* the last read filled the buffer: the others come first */
	bool done;    /* the job is: what remains is to end the connection */
	bool fin;     /* our side has ended */
	bool soon;    /* in the set's list of that name */
	bool closing;
	bool held;    /* by iu_conns_take(), which frees it */
};

static void step(struct iu_conn *c);
static void fail(struct iu_conn *c, int os_code);
static void finish(struct iu_conn *c, bool reset);

/* ------------------------------------------------------------------------------------------- watching the end */

/* To be called before anything that sends a FIN or RST; the first call counts. */
static void look_before(struct iu_conn *c)
{
	if (c->set->observe && c->ending.before == INUSE_STATE_UNKNOWN)
		c->ending.before = iu_net_state(c->fd);
}

/*
 * linux v6.18 net/ipv4/tcp.c __tcp_close(): unread data, then a linger time of 0, make a reset of a close; not so when the
 * connection is over already.
 */
static bool will_reset(const struct iu_conn *c, bool linger0)
{
	if (iu_net_state(c->fd) == INUSE_BOUND)
		return false;
	return linger0 || iu_net_unread(c->fd) > 0;
}

/* Bytes that the peer has not acknowledged yet: with the kernel, and with libuv. */
static size_t outstanding(const struct iu_conn *c)
{
	return iu_net_unsent(c->fd) + uv_stream_get_write_queue_size((const uv_stream_t *)&c->tcp);
}

/* ------------------------------------------------------------------------------------------------------- ending */

static void link_in(struct iu_conn *c)
{
	c->next = c->set->head;
	if (c->next != NULL)
		c->next->prev = c;
	c->set->head = c;
	c->set->n++;
}

/* It is the first, but for one that is cut off. */
static void leave_soon(struct iu_conn *c)
{
	struct iu_conn **at = &c->set->soon;

	while (*at != c)
		at = &(*at)->next_soon;
	*at = c->next_soon;
	if (*at == NULL)
		c->set->soon_end = at;
	c->soon = false;
}

static void link_out(struct iu_conn *c)
{
	if (c->prev != NULL)
		c->prev->next = c->next;
	else
		c->set->head = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	c->set->n--;
	if (c->soon)
		leave_soon(c);
}

static void on_closed(uv_handle_t *handle)
{
	struct iu_conn *c = handle->data;

	free(c->rest);
	free(c);
}

static void finish(struct iu_conn *c, bool reset)
{
	struct iu_conns *set = c->set;
	struct iu_net_ending ending;
	int linger_fd = -1;

	if (c->closing)
		return;
	c->closing = true;
	link_out(c);
	look_before(c);
	if (reset)
		iu_net_linger(c->fd, 0);
	if (set->observe && c->ending.how == IU_HOW_ORDERLY && will_reset(c, reset || set->linger_s == 0))
		c->ending.how = IU_HOW_RESET_BY_US;
	/* the copy is the last to be closed, so it is its close() that lingers */
	if (set->linger_s > 0 && !reset) {
		linger_fd = iu_net_dup(c->fd);
		if (linger_fd < 0)
			iu_net_linger(c->fd, -1);
	}
	c->ending.took_ns = set->observe ? (int64_t)(uv_hrtime() - c->started_ns) : 0;
	ending = c->ending;
	if (!c->opened || c->stray)
		iu_socket_close(c->fd);
	if (c->opened)
		uv_close((uv_handle_t *)&c->tcp, on_closed);
	else if (!c->held)
		free(c);
	iu_conns_farewell(set, &ending, linger_fd);
}

static void fail(struct iu_conn *c, int os_code)
{
	if (os_code == ECONNRESET || os_code == EPIPE) {
		c->ending.how = IU_HOW_RESET_BY_PEER;
	} else {
		c->ending.how = IU_HOW_FAILED;
		c->ending.os_code = os_code;
	}
	finish(c, false);
}

/* ------------------------------------------------------------------------------------------------------ reading */

/* When the connection is to be looked at, of uv_now(); 0: never. */
static void set_deadline(struct iu_conn *c, uint64_t at_ms)
{
	c->deadline_ms = at_ms;
	if (at_ms != 0 && at_ms < c->set->next_ms)
		c->set->next_ms = at_ms;
}

/* Something moved: the silence is counted from now. After our end a fixed time runs. */
static void touch(struct iu_conn *c)
{
	uint64_t quiet = c->set->idle_ms;

	if (c->fin && c->set->finish_ms > 0)
		return;
	if (c->set->hurried && !c->writing)
		quiet = QUIET_MS;
	set_deadline(c, quiet > 0 ? uv_now(c->set->loop) + quiet : 0);
}

static bool open_handle(struct iu_conn *c)
{
	if (!c->opened) {
		uv_tcp_init(c->set->loop, &c->tcp);
		c->tcp.data = c;
		c->opened = true;
		c->stray = uv_tcp_open(&c->tcp, c->fd) < 0;
	}
	return !c->stray;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
	struct iu_conn *c = handle->data;

	/* one for all: what is read is dealt with before the next read; none for who had it full in this turn */
	*ret = uv_buf_init(c->set->scratch, c->full ? 0 : SCRATCH_SIZE);
}

static void put(struct iu_conn *c, const char *data, size_t len);

/*
 * libuv makes an end of a reset when it has just read a part of its buffer (1.44 src/unix/stream.c uv__stream_io(), at
 * POLLHUP); the socket still has the error.
 */
static void at_end(struct iu_conn *c)
{
	char byte;

	if (recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno != EAGAIN && errno != EINTR) {
		fail(c, errno);
		return;
	}
	c->ending.peer_ended = true;
	step(c);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct iu_conn *c = stream->data;
	struct iu_conns *set = c->set;

	if (n == UV_ENOBUFS && c->full) {
		c->full = false;
		return;
	}
	if (n == 0)
		return;
	if (n < 0) {
		uv_read_stop(stream);
		c->reading = false;
		if (n == UV_EOF)
			at_end(c);
		else
			fail(c, iu_net_errno((int)n));
		return;
	}
	c->ending.bytes_in += (uint64_t)n;
	c->full = n == SCRATCH_SIZE && iu_net_reads_again();
	touch(c);
	if (set->received != NULL)
		set->received(set->arg, buf->base, (size_t)n);
	if (set->job == IU_JOB_SEND)
		return;
	if (set->job == IU_JOB_ECHO && !c->fin)
		put(c, buf->base, (size_t)n);
	if (c->closing)
		return;
	c->done = true;
	step(c);
}

static void read_on(struct iu_conn *c)
{
	int rc;

	if (c->reading || c->ending.peer_ended)
		return;
	if (!open_handle(c)) {
		fail(c, ENOMEM);
		return;
	}
	rc = uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read);
	if (rc < 0) {
		fail(c, iu_net_errno(rc));
		return;
	}
	c->reading = true;
}

/* ------------------------------------------------------------------------------------------------------ writing */

static void on_written(uv_write_t *write, int status)
{
	struct iu_conn *c = write->data;

	if (c->closing)
		return; /* on_closed() follows */
	c->writing = false;
	free(c->rest);
	c->rest = NULL;
	if (status < 0) {
		fail(c, iu_net_errno(status));
		return;
	}
	c->ending.bytes_out += c->rest_len;
	if (c->set->job == IU_JOB_SEND)
		c->done = true;
	touch(c);
	step(c);
}

/* Has libuv send what the kernel did not take. Only an echo's data, which lies in the shared buffer, is copied. */
static void put_rest(struct iu_conn *c, const char *data, size_t len)
{
	uv_buf_t buf;

	if (c->set->job == IU_JOB_ECHO) {
		c->rest = malloc(len);
		if (c->rest == NULL) {
			fail(c, ENOMEM);
			return;
		}
		memcpy(c->rest, data, len);
		data = c->rest;
	}
	c->rest_len = len;
	buf = uv_buf_init((char *)(uintptr_t)data, (unsigned)len);
	c->write.data = c;
	if (!open_handle(c) || uv_write(&c->write, (uv_stream_t *)&c->tcp, &buf, 1, on_written) < 0) {
		fail(c, ENOMEM);
		return;
	}
	c->writing = true;
	c->left = outstanding(c);
	if (c->set->job == IU_JOB_ECHO && c->reading) {
		uv_read_stop((uv_stream_t *)&c->tcp);
		c->reading = false;
	}
}

static void put(struct iu_conn *c, const char *data, size_t len)
{
	/* an end of our side follows at once: its FIN may travel with the data */
	bool more = c->set->job == IU_JOB_SEND && (c->set->close == IU_CLOSE_FIRST || c->set->close == IU_CLOSE_HALF);
	ssize_t n = send(c->fd, data, len, MSG_NOSIGNAL | (more ? MSG_MORE : 0));

	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		fail(c, errno);
		return;
	}
	if (n > 0) {
		c->ending.bytes_out += (uint64_t)n;
		data += n;
		len -= (size_t)n;
	}
	if (len > 0)
		put_rest(c, data, len);
}

/* -------------------------------------------------------------------------------------------------------- deciding */

static void on_soon(uv_timer_t *timer);

/* All wait equally long, so that the list is in the order in which they are due. */
static void expect_soon(struct iu_conn *c)
{
	struct iu_conns *set = c->set;

	if (set->soon == NULL)
		uv_timer_start(&set->soon_timer, on_soon, SOON_LATE_MS, 0);
	c->look_ms = uv_now(set->loop) + set->soon_ms;
	c->next_soon = NULL;
	*set->soon_end = c;
	set->soon_end = &c->next_soon;
	c->soon = true;
}

/* A look without the loop. False: in vain. */
static bool look(struct iu_conn *c)
{
	ssize_t n;

	do { /* the end is behind what the peer has said */
		n = recv(c->fd, c->set->scratch, SCRATCH_SIZE, MSG_DONTWAIT);
		c->ending.bytes_in += n > 0 ? (uint64_t)n : 0;
	} while (n > 0 && ++c->looks < SOON_LOOKS);
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		fail(c, errno);
		return true;
	}
	c->ending.peer_ended = n == 0;
	if (n < 0 && ++c->looks < SOON_LOOKS)
		expect_soon(c);
	else
		step(c);
	return n == 0;
}

/* After a look in vain the next ones have to wait until the clock has moved on, but not for long. */
static bool is_look_due(const struct iu_conns *set)
{
	const struct iu_conn *c = set->soon;
	uint64_t now = uv_now(set->loop);

	return c != NULL && now >= c->look_ms && (now != set->in_vain_ms || now >= c->look_ms + SOON_BEHIND_MS);
}

static void look_at_soon(struct iu_conns *set)
{
	while (is_look_due(set)) {
		struct iu_conn *c = set->soon;

		leave_soon(c);
		if (!look(c))
			set->in_vain_ms = uv_now(set->loop);
	}
	if (set->soon != NULL)
		uv_timer_start(&set->soon_timer, on_soon, SOON_LATE_MS, 0);
}

static void on_soon(uv_timer_t *timer)
{
	look_at_soon(timer->data);
}

static bool may_end_soon(const struct iu_conn *c)
{
	const struct iu_conns *set = c->set;

	return set->soon_ms > 0 && !c->opened && set->job == IU_JOB_SEND && !set->observe && set->received == NULL;
}

static void end_our_side(struct iu_conn *c)
{
	if (!c->fin) {
		uint64_t bound = c->set->finish_ms > 0 ? c->set->finish_ms : c->set->idle_ms;
		bool soon = may_end_soon(c);

		look_before(c);
		if (!soon)
			open_handle(c); /* late is too late for Winsock: see iu_net_opens_late() */
		shutdown(c->fd, SHUT_WR);
		c->fin = true;
		set_deadline(c, bound > 0 ? uv_now(c->set->loop) + bound : 0);
		if (soon) {
			expect_soon(c);
			return;
		}
	}
	if (!c->soon)
		read_on(c);
}

/* What to do next, after any event. */
static void step(struct iu_conn *c)
{
	if (c->closing)
		return;
	if (c->writing) {
		/* a peer that sends while it is sent to would else wait for us, and we for it */
		if (c->set->job == IU_JOB_SEND)
			read_on(c);
		return;
	}
	if (c->ending.peer_ended)
		finish(c, c->set->close == IU_CLOSE_RESET);
	else if (!c->done || c->set->close == IU_CLOSE_AFTER_PEER)
		read_on(c);
	else if (c->set->close == IU_CLOSE_HALF)
		end_our_side(c);
	else
		finish(c, c->set->close == IU_CLOSE_RESET);
}

void iu_conns_take(struct iu_conns *set, int fd, const struct inuse_addr *peer, bool reset)
{
	struct iu_conn *c = calloc(1, sizeof(*c));

	if (c == NULL) {
		iu_socket_close(fd);
		return;
	}
	c->set = set;
	c->fd = fd;
	c->started_ns = set->observe ? uv_hrtime() : 0;
	c->ending.remote = *peer;
	c->ending.how = reset ? IU_HOW_RESET_BY_PEER : IU_HOW_ORDERLY;
	if (set->observe)
		c->ending.local = iu_net_local(fd);
	link_in(c);
	touch(c);
	if (set->linger_s >= 0)
		iu_net_linger(fd, set->linger_s);
	c->held = true;
	if (set->job == IU_JOB_SEND) {
		if (set->text_len > 0 && !reset)
			put(c, set->text, set->text_len);
		c->done = !c->writing;
	}
	step(c);
	c->held = false;
	if (c->closing && !c->opened)
		free(c);
	iu_conns_stay_awake(set, set->awake);
	if (is_look_due(set))
		look_at_soon(set);
}

/* ---------------------------------------------------------------------------------------------------------- time */

static void expire(struct iu_conn *c)
{
	if (c->writing) {
		size_t before = c->left;

		c->left = outstanding(c);
		if (c->left < before) {
			touch(c);
			set_deadline(c, c->deadline_ms); /* which may have stayed as it was */
			return;
		}
	}
	if (c->set->hurried && !c->writing && !c->fin) {
		end_our_side(c);
		return;
	}
	c->ending.gave_up = true;
	/* what a peer does not take would stay in the kernel's memory behind a FIN */
	finish(c, c->writing || c->set->close == IU_CLOSE_RESET);
}

static void on_tick(uv_timer_t *timer)
{
	struct iu_conns *set = timer->data;
	uint64_t now = uv_now(set->loop);
	bool over = set->hurried && now >= set->last_ms, due = over || now >= set->next_ms;
	struct iu_conn *next;

	if (due)
		set->next_ms = UINT64_MAX;
	for (struct iu_conn *c = due ? set->head : NULL; c != NULL; c = next) {
		next = c->next;
		if (over) {
			set->n_cut++;
			c->ending.gave_up = true;
			finish(c, c->writing);
		} else if (c->deadline_ms != 0 && now >= c->deadline_ms) {
			expire(c);
		} else {
			set_deadline(c, c->deadline_ms);
		}
	}
	if (set->tick != NULL)
		set->tick(set->arg);
	if (set->n == 0 && !set->awake && !uv_is_closing((uv_handle_t *)timer))
		uv_timer_stop(timer);
}

void iu_conns_stay_awake(struct iu_conns *set, bool awake)
{
	uv_handle_t *timer = (uv_handle_t *)&set->timer;

	set->awake = awake;
	if ((awake || set->n > 0) && !uv_is_active(timer) && !uv_is_closing(timer))
		uv_timer_start(&set->timer, on_tick, TICK_MS, TICK_MS);
}

void iu_conns_hurry(struct iu_conns *set, uint64_t grace_ms)
{
	uint64_t quiet_ms = uv_now(set->loop) + QUIET_MS;

	set->hurried = true;
	set->last_ms = uv_now(set->loop) + grace_ms;
	for (struct iu_conn *c = set->head; c != NULL; c = c->next)
		if (!c->writing && !c->fin && (c->deadline_ms == 0 || c->deadline_ms > quiet_ms))
			set_deadline(c, quiet_ms);
}

enum inuse_status iu_conns_init(struct iu_conns *set, uv_loop_t *loop, struct inuse_error *error)
{
	set->loop = loop;
	set->awake = set->hurried = false;
	set->next_ms = UINT64_MAX;
	set->in_vain_ms = 0;
	set->head = set->soon = NULL;
	set->soon_end = &set->soon;
	set->n = set->n_cut = 0;
	set->diag = set->observe ? iu_net_diag_new() : NULL;
	set->scratch = malloc(SCRATCH_SIZE);
	if (set->scratch == NULL) {
		iu_net_diag_free(set->diag);
		return iu_fail(error, INUSE_E_MEMORY, 0, NULL, _("out of memory"));
	}
	if (!iu_net_opens_late())
		set->soon_ms = 0;
	uv_timer_init(loop, &set->timer);
	uv_timer_init(loop, &set->soon_timer);
	set->timer.data = set->soon_timer.data = set;
	return INUSE_OK;
}

void iu_conns_close(struct iu_conns *set)
{
	if (uv_is_closing((uv_handle_t *)&set->timer))
		return;
	uv_close((uv_handle_t *)&set->timer, NULL);
	uv_close((uv_handle_t *)&set->soon_timer, NULL);
}

void iu_conns_done(struct iu_conns *set)
{
	iu_net_diag_free(set->diag);
	free(set->scratch);
}
