/* SPDX-License-Identifier: MIT */
/*
 * Sockets from /proc/net/tcp and tcp6: for kernels and builds without the other sources.
 *
 * It shows neither sockets that are bound only, nor flags, nor devices. /proc/net is the main thread's view; the
 * calling thread's own namespace is under /proc/thread-self.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/gettext.h"
#include "host/port_set.h"
#include "host/procnet.h"
#include "host/settings.h"
#include "host/sources.h"

/* The kernel pads a line to 150 (IPv4) or about 180 (IPv6) characters. */
#define LINE_MAX_LEN 512

struct walk {
	struct iu_procnet_context context;
	struct iu_port_set ports;
	iu_socket_fn *fn;
	void *arg;
	bool stopped, partial;
};

static FILE *open_table(const char *name)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/thread-self/net/%s", name);
	f = fopen(path, "re");
	if (f == NULL && errno == ENOENT) { /* before Linux 3.17 */
		snprintf(path, sizeof(path), "/proc/self/net/%s", name);
		f = fopen(path, "re");
	}
	return f;
}

static void walk_lines(struct walk *w, FILE *f)
{
	char line[LINE_MAX_LEN];
	struct inuse_socket socket;

	if (fgets(line, sizeof(line), f) == NULL) /* the head line */
		w->partial = true;
	while (!w->stopped && fgets(line, sizeof(line), f) != NULL) {
		w->context.now_ns = iu_host_now();
		if (!iu_procnet_line(line, strlen(line), &w->context, &socket))
			w->partial = true;
		else if (iu_port_set_has(&w->ports, socket.local.port))
			w->stopped = !w->fn(w->arg, &socket);
	}
	if (ferror(f))
		w->partial = true;
}

static enum inuse_status cannot_open(const char *name, int code, struct inuse_error *error)
{
	return iu_fail(error, code == EACCES || code == EPERM ? INUSE_E_PERMISSION : INUSE_E_UNSUPPORTED, code, "/proc/net",
		       _("/proc/net/%s cannot be read: %s"), name, strerror(code));
}

enum inuse_status iu_procnet_each(const struct iu_scope *scope, iu_socket_fn *fn, void *arg, uint32_t *ret_unseen,
				  struct inuse_error *error)
{
	static const struct {
		const char *name;
		uint8_t family;
	} tables[] = {{"tcp", 4}, {"tcp6", 6}};
	struct walk w = {.fn = fn, .arg = arg};
	long ticks = sysconf(_SC_CLK_TCK);

	w.context.tick_ns = 1000000000 / (ticks > 0 ? ticks : 100);
	w.context.hz = iu_host_hz();
	w.context.doubtful_uid = iu_host_doubtful_uid();
	w.context.fin_most_ns = iu_host_fin_most_ns();
	iu_port_set_init(&w.ports, scope->ports, scope->n_ports);
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]) && !w.stopped; i++) {
		FILE *f = open_table(tables[i].name);

		if (f == NULL && tables[i].family == 6 && errno == ENOENT)
			continue; /* a kernel without IPv6 has no IPv6 sockets */
		if (f == NULL)
			return cannot_open(tables[i].name, errno, error);
		w.context.family = tables[i].family;
		walk_lines(&w, f);
		fclose(f);
	}
	*ret_unseen = (w.partial ? INUSE_MISSING_PARTIAL : 0) | (scope->bound ? INUSE_MISSING_BOUND : 0);
	return INUSE_OK;
}
