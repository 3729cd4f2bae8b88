/* SPDX-License-Identifier: MIT */
/* Snapshots as JSON lines: doc/snapshot.md describes the format. */
#ifndef IU_HOST_SNAPSHOT_FILE_H
#define IU_HOST_SNAPSHOT_FILE_H

#include <stdio.h>

#include "host/snapshot.h"

#define IU_SNAPSHOT_SCHEMA "inuse-snapshot"
/* 2: "excluded". A file without it says 1, so that older programs read it, too. */
#define IU_SNAPSHOT_VERSION 2

/* What a file may hold at the most; more is refused, so that memory and time stay bounded. */
#define IU_SNAPSHOT_LINE_MAX (1024 * 1024)
#define IU_SNAPSHOT_RECORDS_MAX (4 * 1024 * 1024)
#define IU_SNAPSHOT_ALL_TEXT_MAX (256 * 1024 * 1024)

/*
 * Writes a sealed snapshot to f and flushes it. full: with whole command lines, directories and paths, which hold
 * secrets; else only the names of programs. INUSE_E_SYSTEM: it could not be written; INUSE_E_MEMORY.
 */
enum inuse_status iu_snapshot_save(const struct inuse_snapshot *snapshot, FILE *f, bool full,
				   struct inuse_error *error);

/*
 * Reads f to its end into a new, sealed snapshot; the caller frees it with iu_snapshot_free(). name is what messages
 * call the file. INUSE_E_SNAPSHOT: unreadable, damaged (the sentence names the line), cut off, too large or of
 * another version.
 */
enum inuse_status iu_snapshot_load(FILE *f, const char *name, struct inuse_snapshot **ret_snapshot,
				   struct inuse_error *error);

#endif
