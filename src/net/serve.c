/* SPDX-License-Identifier: MIT */
/*
 * The reference server.
 *
 * Theory of operation
 *
 * The listening socket is made in socket.c and only watched through libuv (uv_poll), not handed to uv_listen(): when
 * descriptors run out, uv_listen() accepts waiting clients and closes them at once (libuv 1.44 src/unix/stream.c
 * uv__emfile_trick()). Here they wait in the backlog until a descriptor is free. What is accepted goes to a set of
 * connections (conn.h).
 *
 * An end comes in three ways: --count is reached (what is open goes on to its end), a signal (the open ones are hurried), a
 * second signal (the process ends there and then).
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/address.h"
#include "base/error.h"
#include "base/gettext.h"
#include "net/conn.h"
#include "net/explain.h"

enum {
	DONE = 0,
	REFUSED = 1,
	CANNOT = 3,
	FINISH_MS = 5000,  /* how long the peer's end is waited for after ours; nginx calls this a lingering close */
	SOON_MS = 4,       /* clients that end at once have mostly done so by then */
	ACCEPT_BATCH = 64, /* connections taken before the others get their turn */
	ACCEPT_LAST = 4096, /* and at the end, out of the backlog: to close the listener would reset them */
};

struct server {
	const struct iu_serve_options *options;
	uv_loop_t loop;
	uv_poll_t listener;
	uv_signal_t signals[2];
	struct iu_conns conns;
	uint64_t accepted;
	int fd; /* -1: no longer listening */
	bool full, said_full, stopping;
	int exit;
};

/* Nothing accepts and nothing is open any more: let the loop run out. */
static void end_when_over(struct server *s)
{
	if (s->fd >= 0 || s->conns.n > 0)
		return;
	iu_conns_close(&s->conns);
	for (size_t i = 0; i < 2; i++)
		if (!uv_is_closing((uv_handle_t *)&s->signals[i]))
			uv_close((uv_handle_t *)&s->signals[i], NULL);
}

static void stop_listening(struct server *s)
{
	if (s->fd < 0)
		return;
	uv_poll_stop(&s->listener);
	uv_close((uv_handle_t *)&s->listener, NULL);
	iu_socket_close(s->fd);
	s->fd = -1;
	iu_conns_stay_awake(&s->conns, false);
}

static void on_ready(uv_poll_t *poll, int status, int events);

static void listen_again(struct server *s)
{
	if (!s->full || s->fd < 0)
		return;
	s->full = false;
	uv_poll_start(&s->listener, UV_READABLE, on_ready);
	iu_conns_stay_awake(&s->conns, false);
}

static void on_ended(void *arg, const struct iu_net_ending *ending)
{
	struct server *s = arg;

	if (s->conns.observe) {
		struct iu_text line = {0};

		if (s->options->json)
			iu_ending_json(&line, ending, 0, NULL, false);
		else
			iu_ending_line(&line, ending, 0);
		if (line.data != NULL && !line.failed)
			fputs(line.data, stdout);
		fflush(stdout);
		iu_text_done(&line);
	}
	listen_again(s);
	end_when_over(s);
}

/* ------------------------------------------------------------------------------------------------------ accepting */

/* The clients wait in the backlog; on_tick() tries again. */
static void pause_listening(struct server *s, int os_code)
{
	if (s->stopping)
		return;
	if (!s->said_full)
		fprintf(stderr, _("inuse serve: new connections wait until others have ended: %s\n"), strerror(os_code));
	s->said_full = true;
	s->full = true;
	uv_poll_stop(&s->listener);
	iu_conns_stay_awake(&s->conns, true);
}

static void on_tick(void *arg)
{
	struct server *s = arg;

	listen_again(s);
	end_when_over(s);
}

/* False: no more for now. */
static bool accept_one(struct server *s)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct inuse_addr peer = {0};
	bool told = s->conns.observe;
	int fd = accept4(s->fd, told ? (struct sockaddr *)&ss : NULL, told ? &len : NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0) {
		if (told)
			peer = iu_net_addr(&ss);
		s->accepted++;
		iu_conns_take(&s->conns, fd, &peer, false);
		return true;
	}
	switch (errno) {
	case EAGAIN:
		return false;
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
		pause_listening(s, errno);
		return false;
	case EINVAL:
	case EBADF:
	case ENOTSOCK:
		/* somebody destroyed the listening socket from outside (ss -K) */
		fprintf(stderr, _("inuse serve: the listening socket is gone: %s\n"), strerror(errno));
		s->exit = REFUSED;
		stop_listening(s);
		return false;
	default:
		return true; /* one connection failed before it was accepted: accept(2), "Error handling" */
	}
}

static void accept_some(struct server *s, int most)
{
	for (int i = 0; i < most && accept_one(s); i++) {
		if (s->options->count > 0 && s->accepted >= s->options->count) {
			stop_listening(s);
			return;
		}
	}
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
	struct server *s = poll->data;

	accept_some(s, ACCEPT_BATCH);
	end_when_over(s);
}

/* -------------------------------------------------------------------------------------------------------- the end */

static void on_signal(uv_signal_t *handle, int number)
{
	struct server *s = handle->data;

	if (s->conns.hurried) {
		fprintf(stderr, iu_ngettext("inuse serve: %zu connection was cut off\n", "inuse serve: %zu connections were cut off\n",
					    s->conns.n), s->conns.n);
		fflush(NULL);
		_exit(REFUSED);
	}
	s->stopping = true;
	if (s->fd >= 0)
		accept_some(s, ACCEPT_LAST);
	stop_listening(s);
	iu_conns_hurry(&s->conns, s->options->grace_ms);
	end_when_over(s);
}

static enum inuse_status start(struct server *s, struct inuse_error *error)
{
	static const int numbers[2] = {SIGTERM, SIGINT};
	enum inuse_status status;
	int rc = uv_loop_init(&s->loop);

	if (rc < 0)
		return iu_fail(error, INUSE_E_SYSTEM, iu_net_errno(rc), "uv_loop_init", _("cannot wait for events: %s"), uv_strerror(rc));
	status = iu_conns_init(&s->conns, &s->loop, error);
	if (status < 0) {
		uv_loop_close(&s->loop);
		return status;
	}
	rc = uv_poll_init_socket(&s->loop, &s->listener, s->fd);
	for (size_t i = 0; i < 2; i++) {
		uv_signal_init(&s->loop, &s->signals[i]);
		s->signals[i].data = s;
		if (rc == 0)
			rc = uv_signal_start(&s->signals[i], on_signal, numbers[i]);
	}
	s->listener.data = s;
	if (rc == 0)
		rc = uv_poll_start(&s->listener, UV_READABLE, on_ready);
	if (rc == 0)
		return INUSE_OK;
	return iu_fail(error, INUSE_E_SYSTEM, iu_net_errno(rc), "uv_poll_start", _("cannot wait for events: %s"), uv_strerror(rc));
}

static void set_up(struct server *s, const struct iu_serve_options *o)
{
	s->options = o;
	s->exit = DONE;
	s->conns.job = o->job;
	s->conns.close = o->close;
	s->conns.text = o->reply;
	s->conns.text_len = strlen(o->reply);
	s->conns.linger_s = o->linger_s;
	s->conns.idle_ms = o->idle_ms;
	s->conns.finish_ms = o->idle_ms > 0 && o->idle_ms < FINISH_MS ? o->idle_ms : FINISH_MS;
	s->conns.soon_ms = SOON_MS;
	s->conns.observe = o->verbose || o->json;
	s->conns.patience_ms = IU_NET_PATIENCE_MS;
	s->conns.ended = on_ended;
	s->conns.tick = on_tick;
	s->conns.arg = s;
}

static void say_ready(int fd, const struct inuse_request *request)
{
	struct inuse_addr at = iu_net_local(fd);
	char text[INUSE_ADDR_TEXT];

	/* one socket for both families is shown as *:PORT */
	if (at.family == 6 && iu_addr_is_any(&at) && (request->flags & INUSE_V6ONLY) == 0)
		at.family = 0;

	fprintf(stderr, _("listening on %s\n"), inuse_addr_text(&at, text));
	fflush(stderr);
}

int iu_serve_run(const struct iu_serve_options *options)
{
	struct server s = {0};
	struct inuse_error error = {0};
	struct inuse_request request;

	iu_net_prepare();
	if (options->listener.reuseaddr && !iu_socket_reuse_is_harmless())
		fputs(_("inuse serve: with SO_REUSEADDR any program may take this port over on Windows, and its clients with it\n"),
		      stderr);
	if (iu_net_listen(&options->listener, &request, &s.fd, &error) < 0) {
		fprintf(stderr, _("inuse serve: %s\n"), error.text);
		if (error.status != INUSE_E_REFUSED)
			return CANNOT;
		iu_net_explain(&request, error.os_code);
		return REFUSED;
	}
	set_up(&s, options);
	if (start(&s, &error) < 0) {
		fprintf(stderr, _("inuse serve: %s\n"), error.text);
		iu_socket_close(s.fd);
		return CANNOT;
	}
	say_ready(s.fd, &request);
	uv_run(&s.loop, UV_RUN_DEFAULT);
	if (s.conns.n_cut > 0)
		fprintf(stderr, iu_ngettext("inuse serve: %zu connection was cut off\n", "inuse serve: %zu connections were cut off\n",
					    s.conns.n_cut), s.conns.n_cut);
	iu_conns_done(&s.conns);
	uv_loop_close(&s.loop);
	return s.exit;
}
