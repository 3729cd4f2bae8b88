/* SPDX-License-Identifier: MIT */
/* A socket in one line: whole, or cell by cell for a table. */
#ifndef IU_SAY_ROW_H
#define IU_SAY_ROW_H

#include "base/text.h"
#include "model/facts.h"

enum iu_column {
	IU_COLUMN_STATE,  /* TIME-WAIT */
	IU_COLUMN_LOCAL,  /* 127.0.0.1:8080 */
	IU_COLUMN_REMOTE, /* 127.0.0.1:50514; * where there is none */
	IU_COLUMN_LEFT,   /* 43 s; - for what does not go by itself */
	IU_COLUMN_FLAGS,  /* reuseaddr,v6only; ? where they cannot be seen; - for none */
	IU_COLUMN_UID,
	IU_COLUMN_INODE,
	IU_COLUMN_OWNER,  /* node[4711] ann */
	IU_N_COLUMNS,
};

/* The heading of a column. */
const char *iu_say_column(enum iu_column column);
/*
 * Adds one cell. facts: names of processes and the present moment. all: every flag, not only those that decide about
 * ports. Text of other people is escaped.
 */
void iu_say_cell(struct iu_text *t, enum iu_column column, const struct inuse_socket *socket,
		 const struct iu_facts *facts, bool all);
/* The texts of durations that many rows have in common, made when they are first needed. {0} is empty. */
#define IU_SHORT_DURATIONS 121
struct iu_durations {
	char text[IU_SHORT_DURATIONS][24];
};
/* The cell IU_COLUMN_LEFT, quickly. */
void iu_say_left(struct iu_text *t, const struct inuse_socket *socket, const struct iu_facts *facts,
		 struct iu_durations *durations);
/* "TIME-WAIT 127.0.0.1:12345 > 127.0.0.1:50514", "LISTEN [::]:8080": no time, no owner. */
void iu_say_socket(struct iu_text *t, const struct inuse_socket *socket);
/* The socket has a peer, or had one. */
bool iu_socket_has_remote(const struct inuse_socket *socket);

#endif
