/* SPDX-License-Identifier: MIT */
/*
 * `inuse ls` on the running machine.
 *
 * Theory of operation
 *
 * The sockets that match are kept as they come. If they stay few enough to be sorted, they become a snapshot, for which
 * their owners are looked for until it is without a doubt who holds what, and that is listed. Once there
 * are more, what was kept is printed and the rest as the kernel tells of it, in the same walk and in little memory;
 * owners then come from an index of the open files.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/gettext.h"
#include "base/text.h"
#include "cli/ls.h"
#include "cli/ls_stream.h"
#include "host/features.h"
#include "host/host.h"
#include "host/netns.h"
#include "host/owner_index.h"

#define PORTS_MAX 64

/* A walk over the sockets that match. */
struct walk {
	struct iu_ls *ls;
	const struct iu_scope *scope;
	struct iu_facts facts;        /* the moment, and what the index knows */
	struct iu_owner_index *index; /* NULL: no owners are known */
	struct inuse_socket *kept;    /* as long as they are few enough to be sorted */
	struct iu_seen seen;          /* whose they are */
	size_t n_kept, cap_kept;
	struct iu_ls_stream *stream;  /* as soon as they are too many */
	bool kept_all;                /* none was printed */
	bool failed;                  /* memory ran out */
};

static void walk_done(struct walk *w)
{
	iu_ls_stream_end(w->stream, &w->ls->write_errno);
	iu_owner_index_free(w->index);
	free(w->kept);
}

/* The inode of the calling thread's network namespace; 0: /proc is not there. */
static uint64_t own_netns(void)
{
	struct stat st;

	return stat("/proc/thread-self/ns/net", &st) == 0 ? st.st_ino : 0;
}

/* False when out of memory. */
static bool read_owners(struct walk *w)
{
	if (w->index != NULL)
		return true;
	if (iu_owner_index_new(w->scope, &w->index, NULL) < 0)
		return false;
	if (w->index != NULL)
		iu_owner_index_facts(w->index, &w->facts);
	return true;
}

static bool match(const struct walk *w, const struct inuse_socket *socket)
{
	struct inuse_socket s;

	if (w->index == NULL || !iu_filter_needs_owners(&w->ls->filter))
		return iu_filter_may_match(&w->ls->filter, socket);
	s = *socket;
	iu_owner_index_find(w->index, &s);
	return iu_filter_match(&w->ls->filter, &s, &w->facts);
}

/* There are too many to be sorted: from now on they are printed, what was kept first. */
static bool begin_stream(struct walk *w)
{
	struct iu_ls *ls = w->ls;
	struct iu_ls_stream_job job = {
		.style = &ls->style, .facts = &w->facts, .hidden = &ls->hidden, .first = w->kept, .n_first = w->n_kept};

	if (ls->style.owners && !read_owners(w))
		return false;
	job.index = w->index;
	w->facts.now_ns = iu_host_now();
	w->facts.netns = own_netns();
	iu_ls_say_unsorted(&ls->style);
	iu_ls_print_heading(&ls->style);
	w->stream = iu_ls_stream_new(&job);
	if (w->stream == NULL)
		return false;
	ls->shown += w->n_kept;
	w->kept = NULL;
	return true;
}

static bool keep(struct walk *w, const struct inuse_socket *socket)
{
	size_t cap = w->cap_kept ? w->cap_kept * 2 : 256, most = iu_ls_sorted_max(&w->ls->style);
	struct inuse_socket *kept;

	if (w->n_kept == w->cap_kept) {
		cap = cap < most ? cap : most;
		kept = realloc(w->kept, cap * sizeof(*kept));
		if (kept == NULL)
			return false;
		w->kept = kept;
		w->cap_kept = cap;
	}
	w->kept[w->n_kept++] = *socket;
	return true;
}

static bool keep_or_print(void *arg, const struct inuse_socket *socket)
{
	struct walk *w = arg;

	if (!match(w, socket))
		return true;
	if (w->stream == NULL && w->n_kept < iu_ls_sorted_max(&w->ls->style)) {
		w->failed = !keep(w, socket);
		return !w->failed;
	}
	if (w->stream == NULL && !begin_stream(w)) {
		w->failed = true;
		return false;
	}
	w->ls->shown++;
	return iu_ls_stream_add(w->stream, socket);
}

static bool add_to_sums(void *arg, const struct inuse_socket *socket)
{
	struct walk *w = arg;

	if (!match(w, socket))
		return true;
	w->ls->shown++;
	w->failed = !iu_ls_count_add(w->ls->count, socket);
	return !w->failed;
}

static bool is_wanted(void *arg, const struct inuse_socket *socket)
{
	return match(arg, socket);
}

static enum inuse_status each(struct walk *w, const struct iu_scope *scope, iu_socket_fn *fn, struct inuse_error *error)
{
	enum inuse_status status = iu_host_each(scope, fn, w, &w->seen, error);

	if (status == INUSE_OK && w->failed)
		return iu_fail(error, INUSE_E_MEMORY, 0, "ls", _("out of memory"));
	if (status == INUSE_OK)
		iu_ls_note_unseen(w->ls, w->seen.unseen, w->seen.reason);
	return status;
}

static enum inuse_status take_and_list(struct walk *w, struct inuse_error *error)
{
	struct iu_scope scope = *w->scope;
	struct inuse_snapshot *snapshot;
	enum inuse_status status;

	scope.owners = w->ls->style.owners;
	scope.want = is_wanted;
	scope.want_arg = w;
	/* -v tells how it was read, for which it is read by the snapshot itself */
	if (w->kept_all && !w->ls->style.verbose) {
		scope.given = &w->kept;
		scope.n_given = w->n_kept;
		scope.given_seen = &w->seen;
	} else {
		free(w->kept);
		w->kept = NULL;
	}
	status = iu_host_take(&scope, &snapshot, error);
	if (status < 0)
		return status;
	status = iu_ls_snapshot(w->ls, snapshot, error);
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
	iu_features_settle_all(snapshot);
	status = inuse_snapshot_save(snapshot, ls->save, ls->style.full, error);
	ls->shown += iu_snapshot_facts(snapshot)->n_sockets;
	iu_ls_note_unseen(ls, iu_snapshot_facts(snapshot)->unseen, "");
	iu_snapshot_free(snapshot);
	return status;
}

static enum inuse_status list(struct walk *w, struct inuse_error *error)
{
	enum inuse_status status;
	bool complete;

	if (iu_filter_needs_owners(&w->ls->filter) && !read_owners(w))
		return iu_fail(error, INUSE_E_MEMORY, 0, "ls", _("out of memory"));
	if (iu_filter_needs_owners(&w->ls->filter) && w->index == NULL)
		return take_and_list(w, error);
	if (w->ls->count != NULL)
		return each(w, w->scope, add_to_sums, error);
	status = each(w, w->scope, keep_or_print, error);
	if (status < 0)
		return status;
	w->kept_all = w->stream == NULL;
	if (w->kept_all)
		return take_and_list(w, error);
	complete = iu_ls_stream_end(w->stream, &w->ls->write_errno);
	w->stream = NULL;
	iu_ls_flush(w->ls);
	return complete ? INUSE_OK : iu_fail(error, INUSE_E_MEMORY, 0, "ls", _("out of memory"));
}

enum inuse_status iu_ls_live(struct iu_ls *ls, struct inuse_error *error)
{
	uint16_t ports[PORTS_MAX];
	struct iu_scope scope = {.bound = true};
	struct walk walk = {.ls = ls, .scope = &scope};
	enum inuse_status status;

	scope.n_ports = iu_filter_ports(&ls->filter, ports, PORTS_MAX);
	scope.ports = scope.n_ports > 0 ? ports : NULL;
	if (ls->save != NULL)
		return take_and_save(ls, &scope, error);
	status = list(&walk, error);
	walk_done(&walk);
	return status;
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
