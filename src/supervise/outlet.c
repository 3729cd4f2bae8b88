/* SPDX-License-Identifier: MIT */
/*
 * Text that goes out without ever making its writer wait.
 *
 * A terminal that is held (Ctrl-S) or a pipe that nobody reads must not stop the supervisor, and with it every program that
 * is about to bind. poll() says whether there is room; a pipe with room takes PIPE_BUF bytes at once.
 */
#include "supervise/outlet.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define WAITING_MAX (64 << 10)
#define LAST_WORDS_MS 1000

static bool has_room(int fd, int timeout_ms)
{
	struct pollfd pfd = {.fd = fd, .events = POLLOUT};

	return poll(&pfd, 1, timeout_ms) == 1 && (pfd.revents & POLLOUT) != 0;
}

static bool flush_within(struct iu_outlet *o, int timeout_ms)
{
	size_t at = 0;

	while (at < o->waiting.len && has_room(o->fd, timeout_ms)) {
		size_t len = o->waiting.len - at;
		ssize_t n = write(o->fd, o->waiting.data + at, len < PIPE_BUF ? len : PIPE_BUF);

		if (n < 0 && errno != EINTR && errno != EAGAIN)
			at = o->waiting.len; /* nobody will ever read it */
		else if (n > 0)
			at += (size_t)n;
		else if (n < 0 && errno == EAGAIN)
			break;
	}
	if (at > 0) {
		memmove(o->waiting.data, o->waiting.data + at, o->waiting.len - at);
		o->waiting.len -= at;
	}
	return o->waiting.len == 0;
}

bool iu_outlet_flush(struct iu_outlet *o)
{
	return flush_within(o, 0);
}

void iu_outlet_write(struct iu_outlet *o, const char *text, size_t len)
{
	if (o->fd < 0)
		return;
	if (o->waiting.len + len > WAITING_MAX) {
		o->lost++;
		return;
	}
	iu_text_add_n(&o->waiting, text, len);
	o->waiting.failed = false; /* out of memory: this text is lost, the next one may find room */
	iu_outlet_flush(o);
}

void iu_outlet_done(struct iu_outlet *o)
{
	flush_within(o, LAST_WORDS_MS);
	iu_text_done(&o->waiting);
}
