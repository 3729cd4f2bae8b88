/* SPDX-License-Identifier: MIT */
/* Rows printed while the next ones are read. */
#ifndef IU_CLI_LS_STREAM_H
#define IU_CLI_LS_STREAM_H

#include "cli/ls_table.h"

struct iu_ls_stream;

/* What is printed, and with what; borrowed until iu_ls_stream_end(). hidden is written to by then. */
struct iu_ls_stream *iu_ls_stream_new(const struct iu_ls_style *style, const struct iu_facts *facts,
				      struct iu_ls_hidden *hidden);
/* Prints the socket, sooner or later. False when there is no use in going on: the output failed. */
bool iu_ls_stream_add(struct iu_ls_stream *stream, const struct inuse_socket *socket);
/* Waits until everything is printed, and frees the stream. NULL is fine. */
void iu_ls_stream_end(struct iu_ls_stream *stream);

#endif
