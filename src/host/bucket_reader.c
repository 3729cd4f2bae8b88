/* SPDX-License-Identifier: MIT */
/* Repeated reading of the same bind buckets. */
#include "host/bucket_reader.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/gettext.h"
#include "host/bpf_access.h"
#include "host/bpf_walk.h"
#include "host/record.h"

struct iu_bucket_reader {
	struct iu_walk_question question;
	struct iu_walker *walker;
	int64_t tick_ns;
	struct inuse_socket *sockets;
	size_t n_sockets, cap;
	struct iu_bucket buckets[IU_WALK_BUCKETS];
	size_t n_buckets;
};

enum inuse_status iu_bucket_reader_new(const uint16_t *ports, size_t n, struct iu_bucket_reader **ret, struct inuse_error *error)
{
	struct iu_bucket_reader *r = calloc(1, sizeof(*r));
	enum inuse_status status;

	if (r == NULL)
		return iu_fail(error, INUSE_E_MEMORY, 0, NULL, _("out of memory"));
	r->question = (struct iu_walk_question){.mode = IU_WALK_ALL, .ports = ports, .n_ports = n};
	r->tick_ns = iu_bpf_tick_ns();
	status = iu_walker_new(&r->question, &r->walker, error);
	if (status != INUSE_OK) {
		free(r);
		return status;
	}
	*ret = r;
	return INUSE_OK;
}

void iu_bucket_reader_ask(struct iu_bucket_reader *r, const uint16_t *ports, size_t n)
{
	r->question.ports = ports;
	r->question.n_ports = n;
}

void iu_bucket_reader_free(struct iu_bucket_reader *r)
{
	if (r == NULL)
		return;
	iu_walker_free(r->walker);
	free(r->sockets);
	free(r);
}

static bool make_room(struct iu_bucket_reader *r, size_t n)
{
	struct inuse_socket *sockets;

	if (n <= r->cap)
		return true;
	sockets = realloc(r->sockets, n * 2 * sizeof(*sockets));
	if (sockets == NULL)
		return false;
	r->sockets = sockets;
	r->cap = n * 2;
	return true;
}

bool iu_bucket_reader_read(struct iu_bucket_reader *r)
{
	const struct iu_rec *records;
	const struct iu_walk *walk;
	size_t n;

	r->n_sockets = r->n_buckets = 0;
	if (iu_walker_again(r->walker, &r->question) != 0 || iu_walker_partial(r->walker))
		return false;
	walk = iu_walker_answer(r->walker);
	records = iu_walker_records(r->walker, &n);
	if (!make_room(r, n))
		return false;
	for (size_t i = 0; i < n; i++)
		r->sockets[r->n_sockets++] = iu_record_socket(&records[i], r->tick_ns);
	for (uint32_t i = 0; i < walk->n_buckets; i++)
		r->buckets[r->n_buckets++] = iu_record_bucket(&walk->buckets[i]);
	return true;
}

const struct inuse_socket *iu_bucket_reader_sockets(const struct iu_bucket_reader *r, size_t *ret_n)
{
	*ret_n = r->n_sockets;
	return r->sockets;
}

const struct iu_bucket *iu_bucket_reader_buckets(const struct iu_bucket_reader *r, size_t *ret_n)
{
	*ret_n = r->n_buckets;
	return r->buckets;
}
