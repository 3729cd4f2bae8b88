/* SPDX-License-Identifier: MIT */
/* Rows printed while the next ones are read. */
#ifndef IU_CLI_LS_STREAM_H
#define IU_CLI_LS_STREAM_H

#include "cli/ls_table.h"
#include "host/owner_index.h"

struct iu_ls_stream;

/* What is printed, and with what. Borrowed until iu_ls_stream_end(), by when hidden is written to. */
struct iu_ls_stream_job {
	const struct iu_ls_style *style;
	const struct iu_facts *facts;
	const struct iu_owner_index *index; /* NULL: the sockets have what owners they have */
	struct iu_ls_hidden *hidden;
	struct inuse_socket *first; /* what is there already, the stream's to free; or NULL */
	size_t n_first;
};

/* NULL when out of memory: then `first` is still the caller's. */
struct iu_ls_stream *iu_ls_stream_new(const struct iu_ls_stream_job *job);
/* Prints the socket, sooner or later. False when there is no use in going on: the output failed. */
bool iu_ls_stream_add(struct iu_ls_stream *stream, const struct inuse_socket *socket);
/*
 * Waits until everything is printed, and frees the stream. False when rows are missing because memory ran out;
 * *ret_write_errno is set only when the output failed. NULL is fine.
 */
bool iu_ls_stream_end(struct iu_ls_stream *stream, int *ret_write_errno);

#endif
