/* SPDX-License-Identifier: MIT */
/*
 * Owners: the processes that hold the sockets of a collection, and what only they tell.
 *
 * Theory of operation
 *
 * An inode is searched for by every socket that has it (the subflows of MPTCP share one). What the search finds, the
 * *hits*, is sorted by socket and then by age, so that a socket's holders are one slice with the ancestor in front; a
 * process counts once, with its lowest descriptor. pid 1 may hold sockets for many units: it becomes one process record per unit.
 * A socket without an inode has no process by its nature (an ended connection, an orphan, one that nobody accepted yet);
 * that is known without any search. A socket with an inode and without a holder is in flight (or in the hands of
 * io_uring): that is said when it was met on its way, or when every process was read.
 */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/gettext.h"
#include "host/collect.h"

/* Inodes that are searched for, at most; a table with more has owners for the first of them. */
#define INODES_MAX (1u << 20)
/* Sockets whose options are read from their processes, and whose unit is looked up. */
#define OPTIONS_MAX (1u << 16)
#define UNITS_MAX 256
/* Sockets without a holder that are looked for in the queues of unix sockets. */
#define FLYING_MAX 4096

/* A socket that is searched for. */
struct wanted {
	uint64_t inode;
	size_t socket;
	bool found, flying;
};

struct hit {
	size_t socket;
	int32_t pid, fd;
	int64_t started_ns;
	uint32_t process;
	bool only_holds; /* inuse run --hold, which has the sockets of the program that it runs */
};

struct search {
	struct iu_collection *c;
	struct wanted *wanted; /* sorted by inode */
	uint64_t *inodes;
	size_t n;
	struct hit *hits;
	size_t n_hits, cap_hits;
	bool fresh; /* the collection had no processes yet */
	bool looked_for_flying;
};

static int by_inode(const void *a, const void *b)
{
	const struct wanted *x = a, *y = b;

	return (x->inode > y->inode) - (x->inode < y->inode);
}

/* Made by the kernel for itself. The subflows of MPTCP are, too, but stand for a socket that a process has. */
static bool is_the_kernels(const struct inuse_socket *socket)
{
	return (socket->flags & (INUSE_KERNEL | INUSE_MPTCP)) == INUSE_KERNEL;
}

bool iu_socket_is_unheld(const struct inuse_socket *socket)
{
	return socket->inode != 0 && socket->n_holders == 0 && (socket->known & INUSE_KNOW_OWNER) != 0 &&
	       !is_the_kernels(socket);
}

static bool is_wanted(enum iu_owners_of which, const struct inuse_socket *socket)
{
	return socket->inode != 0 && !is_the_kernels(socket) && (which == IU_OWNERS_OF_ALL || iu_socket_is_unheld(socket));
}

static enum inuse_status prepare(struct search *s, enum iu_owners_of which, struct inuse_error *error)
{
	for (size_t i = 0; i < s->c->n_sockets; i++)
		s->n += is_wanted(which, &s->c->sockets[i]);
	if (s->n > INODES_MAX)
		s->n = INODES_MAX;
	s->wanted = calloc(s->n + 1, sizeof(*s->wanted));
	s->inodes = calloc(s->n + 1, sizeof(*s->inodes));
	if (s->wanted == NULL || s->inodes == NULL)
		return iu_fail(error, INUSE_E_MEMORY, 0, "owners", _("out of memory"));
	for (size_t i = 0, n = 0; n < s->n; i++)
		if (is_wanted(which, &s->c->sockets[i]))
			s->wanted[n++] = (struct wanted){s->c->sockets[i].inode, i, false, false};
	qsort(s->wanted, s->n, sizeof(*s->wanted), by_inode);
	for (size_t i = 0; i < s->n; i++)
		s->inodes[i] = s->wanted[i].inode;
	return INUSE_OK;
}

/* Where in the sorted list the inode is, or would be. */
static size_t first_wanted(const struct search *s, uint64_t inode)
{
	size_t low = 0, high = s->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (s->wanted[middle].inode < inode)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool take_hit(void *arg, uint64_t inode, int32_t pid, int32_t fd)
{
	struct search *s = arg;

	for (size_t i = first_wanted(s, inode); i < s->n && s->wanted[i].inode == inode; i++) {
		struct hit hit = {.socket = s->wanted[i].socket, .pid = pid, .fd = fd};

		if (!iu_collection_add(s->c, &s->hits, &s->n_hits, &s->cap_hits, &hit, sizeof(hit)))
			return false;
		s->wanted[i].found = true;
	}
	return true;
}

static bool take_flying(void *arg, uint64_t inode)
{
	struct search *s = arg;

	for (size_t i = first_wanted(s, inode); i < s->n && s->wanted[i].inode == inode; i++)
		s->wanted[i].flying = true;
	return true;
}

/* What nobody has open is looked for where it may be on its way: found there, no process needs to be asked any more. */
static void find_flying(const struct iu_scope *scope, struct search *s, struct inuse_snapshot *told)
{
	struct inuse_error why = {0};
	enum inuse_status status;
	size_t n = 0;

	if (s->looked_for_flying)
		return;
	s->looked_for_flying = true;
	for (size_t i = 0; i < s->n; i++)
		if (!s->wanted[i].found)
			s->inodes[n++] = s->wanted[i].inode;
	if (n > 0 && n <= FLYING_MAX && !iu_source_is_out(scope, IU_SOURCE_FLIGHT)) {
		status = iu_flight_each(s->inodes, n, take_flying, s, &why);
		if (told != NULL)
			iu_snapshot_say(told, iu_sources[IU_SOURCE_FLIGHT].name, status == INUSE_OK,
					status == INUSE_OK ? _(iu_sources[IU_SOURCE_FLIGHT].tells) : why.text);
	}
	for (size_t i = 0; i < s->n; i++)
		s->inodes[i] = s->wanted[i].inode;
}

/* Every socket has a process by now, or is where no process can be. */
static bool is_settled(const struct iu_scope *scope, struct search *s)
{
	size_t n = 0;

	find_flying(scope, s, NULL);
	while (n < s->n && (s->wanted[n].found || s->wanted[n].flying))
		n++;
	return n == s->n;
}

/*
 * The kernel's own list of files first, then /proc: the first that works. When nobody was found (agree), both are asked,
 * and only if neither lacks a process is it said that there is none: a security module may keep one from either. /proc is
 * slow where there are many descriptors, so that its second opinion is waited for a second, and then nothing is said; and
 * it is not asked about what was found on its way.
 */
static enum inuse_status run_search(const struct iu_scope *scope, struct search *s, bool agree,
				    struct inuse_snapshot *told, bool *ret_complete, struct inuse_error *error)
{
	const struct {
		enum iu_source_id id;
		enum inuse_status (*find)(const uint64_t *inodes, size_t n, iu_owner_fn *fn, void *arg, bool *ret_complete,
					  struct inuse_error *error);
	} rows[] = {{IU_SOURCE_FILES, iu_files_owners}, {IU_SOURCE_PROCFD, agree ? iu_proc_owners_briefly : iu_proc_owners}};

	bool any = false, every = true;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct iu_source *source = &iu_sources[rows[i].id];
		struct inuse_error why = {0};
		enum inuse_status status;
		bool complete = false;

		if (iu_source_is_out(scope, rows[i].id))
			continue;
		status = rows[i].find(s->inodes, s->n, take_hit, s, &complete, &why);
		if (s->c->failed)
			return iu_fail(error, INUSE_E_MEMORY, 0, "owners", _("out of memory"));
		if (told != NULL && status < 0)
			iu_snapshot_say(told, source->name, false, why.text);
		else if (told != NULL)
			iu_snapshot_say(told, source->name, true, complete ? _(source->tells) :
					_("the open files of some processes; others may not be read"));
		if (status < 0)
			continue;
		any = true;
		every &= complete;
		if (!agree || is_settled(scope, s))
			break;
	}
	*ret_complete = any && every;
	return INUSE_OK;
}

static bool find_process(const struct iu_collection *c, int32_t pid, const char *socket_unit, uint32_t *ret_index)
{
	for (size_t i = c->n_processes; i-- > 0;)
		if (c->processes[i].pid == pid && strcmp(c->processes[i].socket_unit, socket_unit) == 0) {
			*ret_index = (uint32_t)i;
			return true;
		}
	return false;
}

/* A process that has no number here is known to exist, and nothing else of it. */
static const struct inuse_process foreign = {.uid = UINT32_MAX, .comm = "", .user = "", .exe = "", .args = "", .cwd = "",
					     .tty = "", .unit = "", .socket_unit = "", .container = "", .container_kind = ""};

/* The record of a process, made when it is not there yet; false when the process is gone. */
static bool get_process(struct search *search, struct inuse_snapshot *s, int32_t pid, const char *socket_unit,
			uint32_t *ret_index)
{
	struct iu_collection *c = search->c;
	struct inuse_process process = foreign;

	/* hits come sorted by pid: in a fresh collection only pid 1 with its units can be there already */
	if ((pid == 1 || !search->fresh) && find_process(c, pid, socket_unit, ret_index))
		return true;
	if (pid != 0 && iu_proc_describe(s, pid, &process) < 0)
		return false;
	if (*socket_unit != 0)
		process.socket_unit = iu_snapshot_string(s, socket_unit);
	*ret_index = (uint32_t)c->n_processes;
	return iu_collection_add(c, &c->processes, &c->n_processes, &c->cap_processes, &process, sizeof(process));
}

static int by_pid(const void *a, const void *b)
{
	const struct hit *x = a, *y = b;

	return (x->pid > y->pid) - (x->pid < y->pid);
}

/* By socket; then the oldest process, one that only holds it behind all others, one without a number last; then the lowest descriptor. */
static int by_socket_and_age(const void *a, const void *b)
{
	const struct hit *x = a, *y = b;

	if (x->socket != y->socket)
		return x->socket < y->socket ? -1 : 1;
	if ((x->pid == 0) != (y->pid == 0))
		return x->pid == 0 ? 1 : -1;
	if (x->only_holds != y->only_holds)
		return x->only_holds ? 1 : -1;
	if (x->started_ns != y->started_ns)
		return x->started_ns < y->started_ns ? -1 : 1;
	if (x->pid != y->pid)
		return x->pid < y->pid ? -1 : 1;
	return (x->fd > y->fd) - (x->fd < y->fd);
}

/* Describes every process once; hits of processes that are gone are dropped. */
static void describe_hits(struct search *s, struct inuse_snapshot *snapshot)
{
	size_t kept = 0, units = 0;

	qsort(s->hits, s->n_hits, sizeof(*s->hits), by_pid);
	for (size_t i = 0; i < s->n_hits; i++) {
		struct hit *hit = &s->hits[i];
		char unit[256] = "";

		if (hit->pid == 1 && units++ < UNITS_MAX)
			iu_proc_socket_unit("", &s->c->sockets[hit->socket].local, unit, sizeof(unit));
		/* sorted by pid: the record is the one before, or it is new */
		if (kept > 0 && s->hits[kept - 1].pid == hit->pid && hit->pid != 1)
			hit->process = s->hits[kept - 1].process;
		else if (!get_process(s, snapshot, hit->pid, unit, &hit->process))
			continue;
		hit->started_ns = s->c->processes[hit->process].started_ns;
		hit->only_holds = strcmp(s->c->processes[hit->process].comm, "inuse") == 0;
		s->hits[kept++] = *hit;
	}
	s->n_hits = kept;
}

static void attach_hits(struct search *s)
{
	struct iu_collection *c = s->c;

	qsort(s->hits, s->n_hits, sizeof(*s->hits), by_socket_and_age);
	for (size_t i = 0; i < s->n_hits; i++) {
		struct hit *hit = &s->hits[i];
		struct inuse_socket *socket = &c->sockets[hit->socket];
		struct inuse_holder holder = {hit->process, hit->fd};

		if (i > 0 && s->hits[i - 1].socket == hit->socket && s->hits[i - 1].process == hit->process && hit->pid != 0)
			continue;
		if (socket->n_holders == 0)
			socket->holders = (uint32_t)c->n_holders;
		if (!iu_collection_add(c, &c->holders, &c->n_holders, &c->cap_holders, &holder, sizeof(holder)))
			return;
		socket->n_holders++;
	}
}

static void mark_known(struct search *s, bool complete)
{
	for (size_t i = 0; i < s->c->n_sockets; i++) {
		struct inuse_socket *socket = &s->c->sockets[i];

		if (socket->inode == 0 ? (socket->known & INUSE_KNOW_INODE) != 0 : is_the_kernels(socket))
			socket->known |= INUSE_KNOW_OWNER;
	}
	for (size_t i = 0; i < s->n; i++)
		if (complete || s->wanted[i].flying)
			s->c->sockets[s->wanted[i].socket].known |= INUSE_KNOW_OWNER;
		else
			s->c->sockets[s->wanted[i].socket].known &= ~INUSE_KNOW_OWNER;
}

enum inuse_status iu_owners_find(const struct iu_scope *scope, enum iu_owners_of which, struct iu_collection *c,
				 struct inuse_snapshot *s, bool tell, struct inuse_error *error)
{
	struct search search = {.c = c, .fresh = c->n_processes == 0};
	enum inuse_status status = prepare(&search, which, error);
	bool complete = false;

	if (status == INUSE_OK && search.n > 0)
		status = run_search(scope, &search, which == IU_OWNERS_OF_UNHELD, tell ? s : NULL, &complete, error);
	if (status == INUSE_OK) {
		if (search.n_hits > 0)
			describe_hits(&search, s);
		if (search.n_hits > 0)
			attach_hits(&search);
		find_flying(scope, &search, tell ? s : NULL);
		mark_known(&search, complete);
		if (c->failed)
			status = iu_fail(error, INUSE_E_MEMORY, 0, "owners", _("out of memory"));
	}
	free(search.wanted);
	free(search.inodes);
	free(search.hits);
	return status;
}

static bool lacks_options(const struct inuse_socket *socket)
{
	uint32_t all = INUSE_KNOW_REUSEADDR | INUSE_KNOW_REUSEPORT | INUSE_KNOW_DEVICE;

	if (socket->family == 6)
		all |= INUSE_KNOW_V6ONLY;
	return socket->n_holders > 0 && (socket->known & all) != all;
}

/* Asks one holder after the other until one answers. Those that may not be traced are not asked again. */
static bool read_options(struct iu_collection *c, struct inuse_socket *socket, bool *refused)
{
	for (uint32_t i = socket->holders; i < socket->holders + socket->n_holders; i++) {
		const struct inuse_holder *holder = &c->holders[i];
		enum inuse_status status;

		if (refused[holder->process])
			continue;
		status = iu_proc_flags(c->processes[holder->process].pid, holder->fd, socket->inode, socket);
		if (status == INUSE_OK)
			return true;
		refused[holder->process] = status == INUSE_E_PERMISSION || status == INUSE_E_UNSUPPORTED;
	}
	return false;
}

void iu_options_find(const struct iu_scope *scope, struct iu_collection *c, struct inuse_snapshot *s)
{
	bool *refused = calloc(c->n_processes + 1, sizeof(*refused));
	size_t asked = 0, answered = 0;

	for (size_t i = 0; refused != NULL && i < c->n_sockets && asked < OPTIONS_MAX; i++) {
		if (!lacks_options(&c->sockets[i]) || iu_source_is_out(scope, IU_SOURCE_PIDFD))
			continue;
		asked++;
		answered += read_options(c, &c->sockets[i], refused);
	}
	free(refused);
	if (asked > 0)
		iu_snapshot_say(s, iu_sources[IU_SOURCE_PIDFD].name, answered > 0,
				answered > 0 ? _(iu_sources[IU_SOURCE_PIDFD].tells) :
					       _("the processes that hold these sockets may not be traced"));
}
