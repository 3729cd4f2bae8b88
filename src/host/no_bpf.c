/* SPDX-License-Identifier: MIT */
/* What a build without BPF says instead. */
#include "base/error.h"
#include "base/gettext.h"
#include "host/bucket_reader.h"
#include "host/sources.h"
#include "host/watch.h"

static enum inuse_status lacking(struct inuse_error *error)
{
	return iu_fail(error, INUSE_E_UNSUPPORTED, 0, NULL,
		       _("this inuse was built without BPF (clang, bpftool, libbpf)"));
}

enum inuse_status iu_bucket_each(const struct iu_scope *scope, iu_socket_fn *fn, iu_bucket_fn *bucket_fn,
				 iu_elsewhere_fn *elsewhere_fn, void *arg, uint32_t *ret_unseen, struct inuse_error *error)
{
	return lacking(error);
}

enum inuse_status iu_bucket_elsewhere(uint16_t port, iu_elsewhere_fn *fn, void *arg, struct inuse_error *error)
{
	return lacking(error);
}

enum inuse_status iu_bucket_memories(const uint16_t *ports, size_t n, iu_bucket_fn *fn, void *arg, struct inuse_error *error)
{
	return lacking(error);
}

enum inuse_status iu_iter_each(const struct iu_scope *scope, iu_socket_fn *fn, void *arg, uint32_t *ret_unseen,
			       struct inuse_error *error)
{
	return lacking(error);
}

enum inuse_status iu_files_owners(const uint64_t *inodes, size_t n, iu_owner_fn *fn, void *arg, bool *ret_complete,
				  struct inuse_error *error)
{
	return lacking(error);
}

enum inuse_status iu_flight_each(const uint64_t *inodes, size_t n, iu_inode_fn *fn, void *arg, struct inuse_error *error)
{
	return lacking(error);
}

enum inuse_status iu_bucket_reader_new(const uint16_t *ports, size_t n, struct iu_bucket_reader **ret, struct inuse_error *error)
{
	return lacking(error);
}

void iu_bucket_reader_ask(struct iu_bucket_reader *reader, const uint16_t *ports, size_t n)
{
}

void iu_bucket_reader_free(struct iu_bucket_reader *reader)
{
}

bool iu_bucket_reader_read(struct iu_bucket_reader *reader)
{
	return false;
}

const struct inuse_socket *iu_bucket_reader_sockets(const struct iu_bucket_reader *reader, size_t *ret_n)
{
	*ret_n = 0;
	return NULL;
}

const struct iu_bucket *iu_bucket_reader_buckets(const struct iu_bucket_reader *reader, size_t *ret_n)
{
	*ret_n = 0;
	return NULL;
}

struct iu_watch_listeners *iu_watch_open_listeners(uint16_t port)
{
	return NULL;
}

void iu_watch_close_listeners(struct iu_watch_listeners *listeners)
{
}

int iu_watch_listeners_fd(const struct iu_watch_listeners *listeners)
{
	return -1;
}

void iu_watch_listeners_drain(struct iu_watch_listeners *listeners)
{
}
