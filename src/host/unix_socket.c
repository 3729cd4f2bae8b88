/* SPDX-License-Identifier: MIT */
/*
 * Unix sockets: whether anyone listens behind a path, or the file is left over.
 *
 * Theory of operation
 *
 * A socket file outlives its socket. The kernel knows for each bound socket the file's inode and device (sock_diag),
 * which holds whatever the path was called when it was bound; /proc/net/unix has only that name. A connection's
 * accepted end has the same file, so only the listening, the datagram and the merely bound ones count.
 * Socket tables are per network namespace, files are not: before a file is called left over every other namespace is
 * asked, in a thread of its own, so that the caller's stays where it is. What could not be asked makes it uncertain.
 */
#include "host/unix_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/error.h"
#include "base/gettext.h"
#include "base/parse.h"
#include "base/text.h"
#include "host/netns.h"

#define FLAG_LISTENING 0x10000 /* linux v6.18 include/linux/net.h __SO_ACCEPTCON */
#define PROC_CONNECTED 3       /* SS_CONNECTED */

/* ------------------------------------------------------------------------------------------- the pure parts */

static bool name_is(const struct iu_unix_socket *s, const char *path)
{
	return s->name != NULL && strlen(path) == s->name_len && memcmp(path, s->name, s->name_len) == 0;
}

/* The last component of the name is that of the path. */
static bool ends_alike(const struct iu_unix_socket *s, const char *path)
{
	const char *slash = strrchr(path, '/'), *last = slash ? slash + 1 : path;
	size_t len = strlen(last);

	return s->name != NULL && s->name_len >= len && memcmp(s->name + s->name_len - len, last, len) == 0 &&
	       (s->name_len == len || s->name[s->name_len - len - 1] == '/');
}

/* Before an abstract name the kernel has a zero, and /proc/net/unix prints an @ for it. */
static bool is_of_abstract(const struct iu_unix_socket *s, const char *path)
{
	return !s->has_file && s->name != NULL && s->name_len == strlen(path) && (s->name[0] == 0 || s->name[0] == '@') &&
	       memcmp(s->name + 1, path + 1, s->name_len - 1) == 0;
}

bool iu_unix_has_file(const struct iu_unix_socket *s, const struct iu_unix_file *file)
{
	bool named = name_is(s, file->path) || name_is(s, file->whole);

	if (file->path[0] == '@')
		return is_of_abstract(s, file->path);
	if (!s->has_file)
		return named;
	if (s->file_inode == (uint32_t)file->inode)
		/* Some file systems (btrfs) tell stat() another device than the kernel uses itself. */
		return s->file_device == file->device || ends_alike(s, file->whole);
	return file->overlay && named;
}

enum iu_unix_kind iu_unix_kind_of(const struct iu_unix_socket *s)
{
	if (s->type == SOCK_DGRAM)
		return IU_UNIX_RECEIVES;
	if (s->listening)
		return IU_UNIX_LISTENS;
	return s->connected ? IU_UNIX_LEFT_OVER : IU_UNIX_BOUND;
}

/* Num: RefCount Protocol Flags Type St Inode Path (linux v6.18 net/unix/af_unix.c unix_seq_show()) */
bool iu_unix_line(const char *line, size_t len, struct iu_unix_socket *ret)
{
	unsigned long flags, type, state, inode;
	char copy[128];
	int at = 0;

	*ret = (struct iu_unix_socket){0};
	snprintf(copy, sizeof(copy), "%.*s", (int)(len < sizeof(copy) ? len : sizeof(copy) - 1), line);
	if (sscanf(copy, "%*x: %*x %*x %8lx %4lx %2lx %20lu%n", &flags, &type, &state, &inode, &at) != 4 || at <= 0 ||
	    (size_t)at >= len || (copy[at] != ' ' && copy[at] != '\n'))
		return false;
	ret->type = (unsigned)type;
	ret->listening = (flags & FLAG_LISTENING) != 0;
	ret->connected = state == PROC_CONNECTED;
	ret->inode = inode;
	if (line[at] == ' ') {
		ret->name = line + at + 1;
		ret->name_len = len - (size_t)at - 1;
		if (ret->name_len > 0 && ret->name[ret->name_len - 1] == '\n')
			ret->name_len--;
	}
	return true;
}

/* ------------------------------------------------------------------------------------------------- one namespace */

struct search {
	const struct iu_unix_file *file;
	struct iu_unix_look *ret;
	uint64_t netns;
};

static bool found(const struct search *s)
{
	return s->ret->kind != IU_UNIX_LEFT_OVER;
}

static bool on_socket(void *arg, const struct iu_unix_socket *socket)
{
	struct search *s = arg;
	enum iu_unix_kind kind = iu_unix_kind_of(socket);

	if (kind == IU_UNIX_LEFT_OVER || !iu_unix_has_file(socket, s->file))
		return true;
	s->ret->kind = kind;
	s->ret->inode = socket->inode;
	s->ret->uid = socket->uid;
	s->ret->uid_known = socket->uid_known;
	s->ret->netns = s->netns;
	return false;
}

static enum inuse_status search_proc(struct search *s, struct inuse_error *error)
{
	char line[1024];
	struct iu_unix_socket socket;
	bool go = true;
	FILE *f = fopen("/proc/thread-self/net/unix", "re");

	if (f == NULL)
		return iu_fail(error, INUSE_E_UNSUPPORTED, errno, "/proc/net/unix",
			       _("the table of unix sockets cannot be read: %s"), strerror(errno));
	while (go && fgets(line, sizeof(line), f) != NULL)
		if (iu_unix_line(line, strlen(line), &socket))
			go = on_socket(s, &socket);
	fclose(f);
	return INUSE_OK;
}

/* *exact becomes false when only names could be compared. */
static enum inuse_status search_here(struct search *s, bool *exact, struct inuse_error *error)
{
	if (iu_unix_diag_each(on_socket, s, NULL) == INUSE_OK)
		return INUSE_OK;
	*exact = false;
	return found(s) ? INUSE_OK : search_proc(s, error);
}

/* ----------------------------------------------------------------------------------------------- the others */

struct others {
	struct search search;
	bool exact;    /* sockets were compared by their file */
	bool complete; /* every namespace was asked */
};

static bool on_netns(void *arg, const struct iu_netns *netns)
{
	struct others *o = arg;

	if (netns->own)
		return true;
	o->search.netns = netns->inode;
	if (iu_netns_enter_fd(netns->fd, netns->name, NULL) != INUSE_OK ||
	    search_here(&o->search, &o->exact, NULL) != INUSE_OK)
		o->complete = false;
	return !found(&o->search);
}

static void *search_others(void *arg)
{
	struct others *o = arg;
	bool complete = false;

	/* The thread ends here, so the way back may be closed. */
	iu_netns_each(on_netns, o, &complete, NULL);
	o->complete = o->complete && complete;
	return NULL;
}

/* -------------------------------------------------------------------------------------------------- together */

static enum inuse_status cannot_look(const char *path, int code, struct inuse_error *error)
{
	char shown[160];

	iu_escape(path, shown, sizeof(shown));
	if (code == EACCES || code == EPERM)
		return iu_fail(error, INUSE_E_PERMISSION, code, "stat", _("\"%s\" is not permitted to you"), shown);
	return iu_fail(error, INUSE_E_INPUT, code, "stat", _("\"%s\" cannot be looked at: %s"), shown, strerror(code));
}

/* There is no such file: could there be? */
static enum iu_unix_kind kind_of_missing(const char *path)
{
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX] = ".";
	struct stat st;

	if (slash != NULL)
		snprintf(folder, sizeof(folder), "%.*s", slash == path ? 1 : (int)(slash - path), path);
	if (stat(folder, &st) != 0 || !S_ISDIR(st.st_mode))
		return IU_UNIX_NO_FOLDER;
	return faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) == 0 ? IU_UNIX_MISSING : IU_UNIX_CLOSED;
}

/* Looks at the file alone; *ret_more when there is a socket file whose socket has to be found. */
static enum inuse_status look_at_file(const char *path, struct iu_unix_look *ret, struct iu_unix_file *file,
				      char whole[PATH_MAX], bool *ret_more, struct inuse_error *error)
{
	struct statfs fs;
	struct stat st;

	*ret = (struct iu_unix_look){.kind = IU_UNIX_MISSING, .certain = true};
	*ret_more = false;
	if (stat(path, &st) != 0) {
		int code = errno;

		if (code != ENOENT && code != ENOTDIR)
			return cannot_look(path, code, error);
		/* A link that leads nowhere hinders bind() like any other file. */
		ret->kind = lstat(path, &st) == 0 ? IU_UNIX_NOT_SOCKET : kind_of_missing(path);
		return INUSE_OK;
	}
	ret->kind = S_ISSOCK(st.st_mode) ? IU_UNIX_LEFT_OVER : IU_UNIX_NOT_SOCKET;
	*ret_more = S_ISSOCK(st.st_mode);
	*file = (struct iu_unix_file){
		.path = path,
		.whole = realpath(path, whole) ? whole : path,
		.inode = st.st_ino,
		.device = (uint32_t)(major(st.st_dev) << 20 | minor(st.st_dev)),
		.overlay = statfs(path, &fs) == 0 && fs.f_type == OVERLAYFS_SUPER_MAGIC,
	};
	return INUSE_OK;
}

static enum inuse_status look_at_name(const char *path, struct iu_unix_look *ret, struct inuse_error *error)
{
	struct iu_unix_file file = {.path = path, .whole = path};
	struct search search = {.file = &file, .ret = ret};
	enum inuse_status status;

	*ret = (struct iu_unix_look){.kind = IU_UNIX_LEFT_OVER, .certain = true};
	status = search_here(&search, &ret->certain, error);
	if (!found(&search))
		ret->kind = IU_UNIX_MISSING; /* nothing is left over of a name */
	return status;
}

enum inuse_status iu_unix_look(const char *path, struct iu_unix_look *ret, struct inuse_error *error)
{
	char whole[PATH_MAX];
	struct iu_unix_file file;
	struct others others;
	pthread_t thread;
	bool more;
	enum inuse_status status;

	if (path[0] == '@')
		return look_at_name(path, ret, error);
	status = look_at_file(path, ret, &file, whole, &more, error);
	if (status < 0 || !more)
		return status;
	others = (struct others){.search = {.file = &file, .ret = ret}, .exact = true, .complete = true};
	status = search_here(&others.search, &others.exact, error);
	if (status < 0)
		return status;
	if (!found(&others.search)) {
		if (pthread_create(&thread, NULL, search_others, &others) == 0)
			pthread_join(thread, NULL);
		else
			others.complete = false;
	}
	ret->certain = others.exact && (found(&others.search) || others.complete);
	return INUSE_OK;
}
