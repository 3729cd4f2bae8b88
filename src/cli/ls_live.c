/* SPDX-License-Identifier: MIT */
/*
 * `inuse ls` on the running machine.
 *
 * Theory of operation
 *
 * The sockets that match are counted first. If they are few enough to be sorted, a snapshot of just them is taken,
 * with their owners, and listed. If there are more, they are streamed as the kernel tells of them, without owners: a
 * million sockets are printed in the memory of one. Only if the filter asks for owners is a snapshot taken of any
 * number.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/gettext.h"
#include "base/text.h"
#include "cli/ls.h"
#include "host/host.h"
#include "host/netns.h"

#define PORTS_MAX 64

/* A walk over the sockets that match. */
struct walk {
	struct iu_ls *ls;
	struct iu_facts facts; /* of a stream: nothing but the moment */
	struct iu_ls_pen pen;
	uint64_t n, stop_at;
	bool failed;           /* memory ran out */
};

static bool count_matching(void *arg, const struct inuse_socket *socket)
{
	struct walk *w = arg;

	w->n += iu_filter_may_match(&w->ls->filter, socket);
	return w->n < w->stop_at;
}

static bool add_to_sums(void *arg, const struct inuse_socket *socket)
{
	struct walk *w = arg;

	if (!iu_filter_match(&w->ls->filter, socket, NULL))
		return true;
	w->ls->shown++;
	w->failed = !iu_ls_count_add(w->ls->count, socket);
	return !w->failed;
}

static bool print_one(void *arg, const struct inuse_socket *socket)
{
	struct walk *w = arg;

	if (!iu_filter_match(&w->ls->filter, socket, NULL))
		return true;
	w->ls->shown++;
	iu_ls_print_row(&w->ls->style, &w->pen, socket, &w->facts, &w->ls->hidden);
	return !ferror(w->ls->style.f);
}

static bool is_wanted(void *arg, const struct inuse_socket *socket)
{
	return iu_filter_may_match(arg, socket);
}

static enum inuse_status each(struct walk *w, const struct iu_scope *scope, iu_socket_fn *fn, struct inuse_error *error)
{
	struct iu_seen seen = {0};
	enum inuse_status status = iu_host_each(scope, fn, w, &seen, error);

	if (status == INUSE_OK && w->failed)
		return iu_fail(error, INUSE_E_MEMORY, 0, "ls", _("out of memory"));
	if (status == INUSE_OK)
		iu_ls_note_unseen(w->ls, seen.unseen, seen.reason);
	return status;
}

/* The inode of the calling thread's network namespace; 0: /proc is not there. */
static uint64_t own_netns(void)
{
	struct stat st;

	return stat("/proc/thread-self/ns/net", &st) == 0 ? st.st_ino : 0;
}

static enum inuse_status stream(struct walk *w, struct iu_scope *scope, struct inuse_error *error)
{
	bool owners = w->ls->style.owners;
	enum inuse_status status;

	w->ls->style.owners = false;
	w->facts.now_ns = iu_host_now();
	w->facts.netns = own_netns();
	iu_ls_say_unsorted(&w->ls->style);
	iu_ls_print_heading(&w->ls->style);
	status = each(w, scope, print_one, error);
	w->ls->style.owners = owners;
	iu_ls_pen_done(&w->pen);
	iu_ls_flush(w->ls);
	return status;
}

static enum inuse_status take_and_list(struct iu_ls *ls, struct iu_scope *scope, struct inuse_error *error)
{
	struct inuse_snapshot *snapshot;
	enum inuse_status status;

	scope->owners = ls->style.owners;
	scope->want = is_wanted;
	scope->want_arg = &ls->filter;
	status = iu_host_take(scope, &snapshot, error);
	if (status < 0)
		return status;
	status = iu_ls_snapshot(ls, snapshot, error);
	iu_snapshot_free(snapshot);
	return status;
}

static enum inuse_status take_and_save(struct iu_ls *ls, struct iu_scope *scope, struct inuse_error *error)
{
	struct inuse_snapshot *snapshot;
	enum inuse_status status;

	scope->owners = ls->style.owners;
	scope->elsewhere = true;
	status = iu_host_take(scope, &snapshot, error);
	if (status < 0)
		return status;
	status = inuse_snapshot_save(snapshot, ls->save, ls->style.full, error);
	ls->shown += iu_snapshot_facts(snapshot)->n_sockets;
	iu_ls_note_unseen(ls, iu_snapshot_facts(snapshot)->unseen, "");
	iu_snapshot_free(snapshot);
	return status;
}

enum inuse_status iu_ls_live(struct iu_ls *ls, struct inuse_error *error)
{
	struct walk walk = {.ls = ls, .stop_at = iu_ls_sorted_max(&ls->style) + 1};
	uint16_t ports[PORTS_MAX];
	struct iu_scope scope = {.bound = true};
	enum inuse_status status;

	scope.n_ports = iu_filter_ports(&ls->filter, ports, PORTS_MAX);
	scope.ports = scope.n_ports > 0 ? ports : NULL;
	if (ls->save != NULL)
		return take_and_save(ls, &scope, error);
	if (iu_filter_needs_owners(&ls->filter))
		return take_and_list(ls, &scope, error);
	if (ls->count != NULL)
		return each(&walk, &scope, add_to_sums, error);
	status = each(&walk, &scope, count_matching, error);
	if (status < 0)
		return status;
	return walk.n >= walk.stop_at ? stream(&walk, &scope, error) : take_and_list(ls, &scope, error);
}

/* ---------------------------------------------------------------------------------------- namespaces */

struct tour {
	struct iu_ls *ls;
	enum inuse_status status;
	struct inuse_error *error;
};

/* One that cannot be entered is said and passed over: the others are still worth seeing. */
static bool visit(void *arg, const struct iu_netns *netns)
{
	struct tour *tour = arg;
	struct inuse_error error;
	struct iu_text title = {0};

	if (iu_netns_enter_fd(netns->fd, netns->name, &error) < 0) {
		fprintf(stderr, "inuse ls: %s\n", error.text);
		return true;
	}
	if (netns->own)
		iu_text_add(&title, _("this network namespace"));
	else
		iu_text_addf(&title, _("network namespace %s"), netns->name);
	tour->ls->style.title = title.data;
	tour->status = iu_ls_live(tour->ls, tour->error);
	tour->ls->style.title = NULL;
	iu_text_done(&title);
	return tour->status == INUSE_OK && tour->ls->write_errno == 0;
}

enum inuse_status iu_ls_netns(struct iu_ls *ls, struct inuse_error *error)
{
	struct tour tour = {.ls = ls, .error = error};
	enum inuse_status status;
	bool complete = true;

	if (ls->netns == NULL)
		return iu_ls_live(ls, error);
	if (strcmp(ls->netns, "all") != 0) {
		status = iu_netns_enter(ls->netns, error);
		return status < 0 ? status : iu_ls_live(ls, error);
	}
	status = iu_netns_each(visit, &tour, &complete, error);
	if (status == INUSE_OK && tour.status == INUSE_OK && !complete)
		fputs(_("inuse ls: there may be network namespaces that cannot be seen here\n"), stderr);
	return status < 0 ? status : tour.status;
}
