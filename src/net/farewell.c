/* SPDX-License-Identifier: MIT */
/* What follows the end of a connection: a close that lingers, and a look at what the kernel has kept. */
#include <stdlib.h>

#include "net/conn.h"

struct farewell {
	struct iu_conns *set;
	struct iu_net_ending ending;
	union {
		uv_work_t work;
		uv_timer_t timer;
	};
	uint64_t wait_ms;
	int fd;
};

static void on_gone(uv_handle_t *handle)
{
	free(handle->data);
}

static void on_look(uv_timer_t *timer)
{
	struct farewell *f = timer->data;

	f->wait_ms *= 2;
	if (!iu_net_diag_settle(f->set->diag, &f->ending) && f->wait_ms <= f->set->patience_ms) {
		uv_timer_start(timer, on_look, f->wait_ms, 0);
		return;
	}
	f->set->ended(f->set->arg, &f->ending);
	uv_close((uv_handle_t *)timer, on_gone);
}

/* Looks at once, and again while the peer's FIN is under way: after 1, 2, 4 ms ... Takes f; without it one look has to do. */
static void look(struct iu_conns *set, struct iu_net_ending *ending, struct farewell *f)
{
	if (iu_net_diag_settle(set->diag, ending) || f == NULL || set->patience_ms == 0) {
		set->ended(set->arg, ending);
		free(f);
		return;
	}
	f->set = set;
	f->ending = *ending;
	f->wait_ms = 1;
	uv_timer_init(set->loop, &f->timer);
	f->timer.data = f;
	uv_timer_start(&f->timer, on_look, f->wait_ms, 0);
}

static void close_slowly(uv_work_t *work)
{
	struct farewell *f = work->data;

	iu_socket_close(f->fd);
}

static void on_slowly_closed(uv_work_t *work, int status)
{
	struct farewell *f = work->data;
	struct iu_net_ending ending = f->ending;

	look(f->set, &ending, f);
}

void iu_conns_farewell(struct iu_conns *set, const struct iu_net_ending *ending, int linger_fd)
{
	struct iu_net_ending copy = *ending;
	struct farewell *f = NULL;

	if (linger_fd < 0 && !set->observe) {
		set->ended(set->arg, ending);
		return;
	}
	f = calloc(1, sizeof(*f));
	if (linger_fd >= 0 && f != NULL) {
		f->set = set;
		f->ending = *ending;
		f->fd = linger_fd;
		f->work.data = f;
		if (uv_queue_work(set->loop, &f->work, close_slowly, on_slowly_closed) == 0)
			return;
	}
	if (linger_fd >= 0)
		iu_socket_close(linger_fd);
	look(set, &copy, f);
}
