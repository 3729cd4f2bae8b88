/* SPDX-License-Identifier: MIT */
/* Unix sockets: whether anyone listens behind a path, or the file is left over. Nothing is connected. */
#ifndef IU_HOST_UNIX_SOCKET_H
#define IU_HOST_UNIX_SOCKET_H

#include "inuse.h"

enum iu_unix_kind {
	IU_UNIX_MISSING,    /* there is no such file: bind() would make it; or nobody has that abstract name */
	IU_UNIX_NO_FOLDER,  /* nor the folder for it */
	IU_UNIX_CLOSED,     /* there is no such file, and who asks may not make one there */
	IU_UNIX_NOT_SOCKET, /* something else has that name */
	IU_UNIX_LISTENS,    /* a stream or seqpacket socket listens there */
	IU_UNIX_RECEIVES,   /* a datagram socket */
	IU_UNIX_BOUND,      /* a socket has it, but does not listen: clients are refused */
	IU_UNIX_LEFT_OVER,  /* no socket has it any more: bind() fails until the file is removed, clients are refused */
};

struct iu_unix_look {
	enum iu_unix_kind kind;
	bool certain;       /* else LEFT_OVER means as far as could be seen, and the others, going by the name */
	uint64_t inode;     /* of the socket (not of the file), 0 none */
	uint64_t netns;     /* where the socket was found, when not in this network namespace; else 0 */
	uint32_t uid;       /* of the socket */
	bool uid_known;
};

/*
 * Looks at the path, symbolic links followed, as connect() would. "@name" is an abstract name, which has no file and belongs to the
 * network namespace. The socket may belong to another network namespace
 * (paths do not), so others are asked, too, before a file is called left over.
 * INUSE_E_PERMISSION: the path is behind a closed directory. INUSE_E_INPUT: it cannot be a path (too long, loops).
 * INUSE_E_UNSUPPORTED: neither sock_diag nor /proc/net/unix is there.
 */
enum inuse_status iu_unix_look(const char *path, struct iu_unix_look *ret, struct inuse_error *error);

/* ------------------------------------------------------------------------------------------- the pure parts */

/* The file that is asked about. */
struct iu_unix_file {
	const char *path;  /* as given */
	const char *whole; /* absolute, links resolved */
	uint64_t inode;
	uint32_t device;   /* as the kernel numbers it: major << 20 | minor */
	bool overlay;      /* on overlayfs, where the numbers of a file differ between views */
};

/* A unix socket, as a source has it. */
struct iu_unix_socket {
	const char *name; /* as bound, not terminated, maybe relative; NULL none */
	size_t name_len;
	bool has_file;    /* file_* are known */
	uint32_t file_inode, file_device; /* the low 32 bits of the inode */
	unsigned type;    /* SOCK_STREAM, ... */
	bool listening, connected;
	uint64_t inode;
	uint32_t uid;
	bool uid_known;
};

/* The socket has this very file. Without has_file, the names decide. */
bool iu_unix_has_file(const struct iu_unix_socket *s, const struct iu_unix_file *file);
/* What a socket that has the file makes of it: LISTENS, RECEIVES, BOUND; LEFT_OVER for one end of a connection. */
enum iu_unix_kind iu_unix_kind_of(const struct iu_unix_socket *s);
/* Reads a line of /proc/net/unix; ret->name points into it. False if it is cut or damaged. */
bool iu_unix_line(const char *line, size_t len, struct iu_unix_socket *ret);

/* ------------------------------------------------------------------------------------------------ the source */

/* Return false to stop. The socket is borrowed for the call. */
typedef bool iu_unix_fn(void *arg, const struct iu_unix_socket *socket);
/*
 * The unix sockets with a name, or bound, of the calling thread's network namespace, through sock_diag.
 * INUSE_E_UNSUPPORTED, INUSE_E_PERMISSION: not to be had, or not whole.
 */
enum inuse_status iu_unix_diag_each(iu_unix_fn *fn, void *arg, struct inuse_error *error);

#endif
