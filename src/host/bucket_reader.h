/* SPDX-License-Identifier: MIT */
/* The bind buckets of the same ports, read again and again: the program is loaded once. */
#ifndef IU_HOST_BUCKET_READER_H
#define IU_HOST_BUCKET_READER_H

#include "model/facts.h"

struct iu_bucket_reader;

/*
 * At most 16 ports, which are borrowed until it is freed. *ret is the caller's. INUSE_E_PERMISSION, _UNSUPPORTED, _MEMORY, _SYSTEM: the
 * buckets cannot be read here, and the sentence says why.
 */
enum inuse_status iu_bucket_reader_new(const uint16_t *ports, size_t n, struct iu_bucket_reader **ret, struct inuse_error *error);
/* Other ports from now on, borrowed as above. */
void iu_bucket_reader_ask(struct iu_bucket_reader *reader, const uint16_t *ports, size_t n);
void iu_bucket_reader_free(struct iu_bucket_reader *reader); /* NULL is fine */
/*
 * Reads them in the network namespace that the calling thread is in now. False: that failed, or they changed all the time. What was
 * read lives until the next call.
 */
bool iu_bucket_reader_read(struct iu_bucket_reader *reader);
const struct inuse_socket *iu_bucket_reader_sockets(const struct iu_bucket_reader *reader, size_t *ret_n);
const struct iu_bucket *iu_bucket_reader_buckets(const struct iu_bucket_reader *reader, size_t *ret_n);

#endif
