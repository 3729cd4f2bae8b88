/* SPDX-License-Identifier: MIT */
/*
 * The reference client.
 *
 * Theory of operation
 *
 * One connection after the other, each a *round*. In a round every address of the peer is tried in order, each on a new
 * socket (socket.c), and the first that connects is handed to a set of connections (conn.h) in which it is alone. The
 * connect() is ours and waits through uv_poll, so that an error is known with its call. A round that fails ends the run.
 *
 * With a fixed local port a round that begins while the FINs of the last one are under way fails, whatever becomes
 * of its TIME-WAIT; so by default a round waits for that, and --interval 0 does not.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/address.h"
#include "base/error.h"
#include "base/gettext.h"
#include "compat/system.h"
#include "host/sockaddr.h"
#include "net/conn.h"
#include "net/explain.h"

enum {
	DONE = 0,
	REFUSED = 1,
	CANNOT = 3,
	MAX_KEPT = 4096, /* bytes of what was received that a line of JSON shows */
};

struct dialer {
	const struct iu_dial_options *options;
	uv_loop_t loop;
	uv_timer_t timer; /* the next round, or the end of patience while connecting */
	uv_poll_t poll;
	struct iu_conns conns;
	uint64_t round;
	size_t at; /* address that is being tried */
	int fd;    /* connecting, else -1 */
	int os_code; /* of the connect() that is over */
	struct inuse_request request;
	char kept[MAX_KEPT];
	size_t n_kept;
	bool over;
	int exit;
};

static void next_round(struct dialer *d);
static void try_address(struct dialer *d);

static void end(struct dialer *d, int exit)
{
	if (d->over)
		return;
	d->over = true;
	d->exit = exit;
	uv_close((uv_handle_t *)&d->timer, NULL);
	iu_conns_close(&d->conns);
}

/* ----------------------------------------------------------------------------------------------------- failures */

/* Tries the next address; at the last one the round has failed, and with it the run. */
static void address_failed(struct dialer *d, const char *sentence, int os_code)
{
	bool last = d->at + 1 >= d->options->n_to;

	if (last || d->options->verbose)
		fprintf(stderr, _("inuse dial: round %llu: %s\n"), (unsigned long long)d->round, sentence);
	if (!last) {
		d->at++;
		try_address(d);
		return;
	}
	iu_net_explain(&d->request, os_code);
	end(d, REFUSED);
}

static void connect_failed(struct dialer *d, int os_code)
{
	char to[INUSE_ADDR_TEXT], from[INUSE_ADDR_TEXT];
	struct inuse_addr local = iu_net_local(d->fd);
	struct inuse_error error = {0};

	iu_socket_close(d->fd);
	d->fd = -1;
	inuse_addr_text(&d->request.remote, to);
	inuse_addr_text(&local, from);
	if (d->options->from.port != 0)
		iu_fail(&error, INUSE_E_REFUSED, os_code, "connect", _("cannot connect to %s from %s: %s"), to, from,
			strerror(os_code));
	else
		iu_fail(&error, INUSE_E_REFUSED, os_code, "connect", _("cannot connect to %s: %s"), to, strerror(os_code));
	address_failed(d, error.text, os_code);
}

/* --------------------------------------------------------------------------------------------------- the round's end */

/* What was received, as text; a byte 0 is one that cannot be shown like any other. */
static void add_kept(struct iu_text *t, const struct dialer *d)
{
	iu_text_add(t, "");
	for (size_t at = 0; at < d->n_kept; at += strlen(d->kept + at) + 1) {
		if (at > 0)
			iu_text_add(t, "\\x00");
		iu_text_add_escaped(t, d->kept + at);
	}
	if (d->n_kept > 0 && d->kept[d->n_kept - 1] == 0)
		iu_text_add(t, "\\x00");
}

static void say_line(struct dialer *d, const struct iu_net_ending *ending)
{
	struct iu_text line = {0}, received = {0};
	FILE *f = d->options->json ? stdout : stderr;

	if (d->options->json) {
		add_kept(&received, d);
		iu_ending_json(&line, ending, d->round, received.data ? received.data : "", ending->bytes_in > d->n_kept);
	} else {
		iu_ending_line(&line, ending, d->round);
	}
	if (line.data != NULL && !line.failed)
		fputs(line.data, f);
	fflush(f);
	iu_text_done(&line);
	iu_text_done(&received);
}

/* A peer that broke off or kept silent makes the round a failure; our own reset or giving up after our end does not. */
static bool has_failed(struct dialer *d, const struct iu_net_ending *ending)
{
	unsigned long long round = d->round;
	char to[INUSE_ADDR_TEXT];

	inuse_addr_text(&ending->remote, to);
	if (ending->gave_up && d->options->close == IU_CLOSE_AFTER_PEER)
		fprintf(stderr, _("inuse dial: round %llu: %s neither sent nor closed for %.3g s; with --close half this side ends "
				  "first, which an echo server waits for\n"),
			round, to, (double)d->options->timeout_ms / 1e3);
	else if (ending->gave_up)
		fprintf(stderr, _("inuse dial: round %llu: %s neither sent nor closed for %.3g s\n"), round, to,
			(double)d->options->timeout_ms / 1e3);
	else if (ending->how == IU_HOW_RESET_BY_PEER)
		fprintf(stderr, _("inuse dial: round %llu: %s reset the connection\n"), round, to);
	else if (ending->how == IU_HOW_FAILED)
		fprintf(stderr, _("inuse dial: round %llu: the connection to %s broke: %s\n"), round, to,
			strerror(ending->os_code));
	else
		return false;
	return true;
}

/* Where it cannot be looked up whether the connection before is over, a delayed ACK (40 ms) is given time. */
static uint64_t pause_ms(const struct dialer *d)
{
	if (d->options->at_once)
		return d->options->interval_ms;
	return d->conns.diag != NULL ? 0 : 50;
}

static void on_next_round(uv_timer_t *timer)
{
	next_round(timer->data);
}

static void on_ended(void *arg, const struct iu_net_ending *ending)
{
	struct dialer *d = arg;
	const struct iu_dial_options *o = d->options;

	if (o->verbose || o->json)
		say_line(d, ending);
	if (ferror(stdout)) {
		fprintf(stderr, _("inuse dial: cannot write what was received\n"));
		end(d, CANNOT);
	} else if (has_failed(d, ending)) {
		end(d, REFUSED);
	} else if (d->round == o->rounds) {
		end(d, DONE);
	} else {
		/* by way of the loop, so that rounds do not nest */
		uv_timer_start(&d->timer, on_next_round, pause_ms(d), 0);
	}
}

static void on_received(void *arg, const char *data, size_t len)
{
	struct dialer *d = arg;
	size_t room = MAX_KEPT - 1 - d->n_kept;

	if (!d->options->json) {
		fwrite(data, 1, len, stdout);
		fflush(stdout);
		return;
	}
	if (len > room)
		len = room;
	memcpy(d->kept + d->n_kept, data, len);
	d->n_kept += len;
}

/* ------------------------------------------------------------------------------------------------------ connecting */

static void connect_over(struct dialer *d)
{
	int fd = d->fd;
	/* a peer that is not there refuses; one that resets was there (linux v6.18 net/ipv4/tcp_input.c tcp_reset()) */
	bool reset = d->os_code == ECONNRESET || d->os_code == EPIPE;

	if (d->os_code != 0 && !reset) {
		connect_failed(d, d->os_code);
		return;
	}
	d->fd = -1;
	iu_conns_take(&d->conns, fd, &d->request.remote, reset);
}

static void on_poll_closed(uv_handle_t *handle)
{
	connect_over(handle->data);
}

/* The poll has to be gone before libuv takes the descriptor as a stream. */
static void end_waiting(struct dialer *d, int os_code)
{
	uv_timer_stop(&d->timer);
	uv_poll_stop(&d->poll);
	d->os_code = os_code;
	uv_close((uv_handle_t *)&d->poll, on_poll_closed);
}

static void on_connected(uv_poll_t *poll, int status, int events)
{
	struct dialer *d = poll->data;
	int os_code = 0;
	socklen_t len = sizeof(os_code);

	if (getsockopt(d->fd, SOL_SOCKET, SO_ERROR, &os_code, &len) < 0)
		os_code = errno;
	if (os_code == 0 && status < 0)
		os_code = iu_net_errno(status);
	end_waiting(d, os_code);
}

static void on_impatient(uv_timer_t *timer)
{
	end_waiting(timer->data, ETIMEDOUT);
}

static void wait_for_connect(struct dialer *d)
{
	int rc = uv_poll_init_socket(&d->loop, &d->poll, d->fd);

	if (rc < 0) {
		connect_failed(d, iu_net_errno(rc));
		return;
	}
	d->poll.data = d;
	uv_poll_start(&d->poll, UV_WRITABLE, on_connected);
	if (d->options->timeout_ms > 0)
		uv_timer_start(&d->timer, on_impatient, d->options->timeout_ms, 0);
}

static void set_request(struct dialer *d)
{
	const struct iu_dial_options *o = d->options;
	struct inuse_request *r = &d->request;

	*r = (struct inuse_request)INUSE_REQUEST_INIT;
	r->call = INUSE_CALL_CONNECT;
	r->remote = o->to[d->at];
	r->local = o->from;
	if (o->from.family == 0 && o->from.port != 0)
		r->local = iu_addr_any(r->remote.family, o->from.port);
	r->flags = o->reuseaddr ? INUSE_REUSEADDR : 0;
	r->uid = iu_system_user();
}

static void try_address(struct dialer *d)
{
	struct inuse_error error = {0};
	struct sockaddr_storage ss;
	socklen_t len;

	set_request(d);
	if (iu_net_client(&d->request, &d->fd, &error) < 0) {
		if (error.status == INUSE_E_REFUSED)
			d->request.call = INUSE_CALL_BIND;
		address_failed(d, error.text, error.os_code);
		return;
	}
	len = iu_sockaddr_from(&d->request.remote, &ss);
	d->os_code = connect(d->fd, (struct sockaddr *)&ss, len) < 0 ? errno : 0;
	if (d->os_code == EINPROGRESS)
		wait_for_connect(d);
	else
		connect_over(d);
}

static void next_round(struct dialer *d)
{
	d->round++;
	d->at = 0;
	d->n_kept = 0;
	memset(d->kept, 0, sizeof(d->kept));
	try_address(d);
}

/* ------------------------------------------------------------------------------------------------------- running */

static void set_up(struct dialer *d, const struct iu_dial_options *o)
{
	d->options = o;
	d->fd = -1;
	d->exit = DONE;
	d->conns.job = IU_JOB_SEND;
	d->conns.close = o->close;
	d->conns.text = o->text;
	d->conns.text_len = strlen(o->text);
	d->conns.linger_s = o->linger_s;
	d->conns.idle_ms = o->timeout_ms;
	d->conns.observe = true;
	d->conns.patience_ms = o->at_once ? 0 : IU_NET_PATIENCE_MS;
	d->conns.received = on_received;
	d->conns.ended = on_ended;
	d->conns.arg = d;
}

int iu_dial_run(const struct iu_dial_options *options)
{
	struct dialer d = {0};
	struct inuse_error error = {0};
	int rc = uv_loop_init(&d.loop);

	if (rc < 0) {
		fprintf(stderr, _("inuse dial: cannot wait for events: %s\n"), uv_strerror(rc));
		return CANNOT;
	}
	iu_net_prepare();
	set_up(&d, options);
	if (iu_conns_init(&d.conns, &d.loop, &error) < 0) {
		fprintf(stderr, _("inuse dial: %s\n"), error.text);
		uv_loop_close(&d.loop);
		return CANNOT;
	}
	uv_timer_init(&d.loop, &d.timer);
	d.timer.data = &d;
	next_round(&d);
	uv_run(&d.loop, UV_RUN_DEFAULT);
	iu_conns_done(&d.conns);
	uv_loop_close(&d.loop);
	return d.exit;
}
