/* SPDX-License-Identifier: MIT */
/* What the supervisor says: blocks and lines on stderr, events as JSON lines. Never on stdout, never waiting. */
#ifndef IU_SUPERVISE_VOICE_H
#define IU_SUPERVISE_VOICE_H

#include <jansson.h>

#include "supervise/outlet.h"

/* What cannot be seen or done; each is said once. */
enum iu_note {
	IU_NOTE_IO_URING,
	IU_NOTE_FOREIGN,
	IU_NOTE_SET_UID,
	IU_NOTE_RIGHTS,
	IU_NOTE_DENIED,
	IU_NOTE_FULL,
	IU_NOTE_UNABLE,
	IU_NOTE_LANDLOCK,
	IU_NOTE_OLD_KERNEL,
	IU_NOTE_MANY,
	IU_NOTE_NO_ROOM,
	IU_N_NOTES,
};

struct iu_voice {
	struct iu_outlet err, events;
	bool quiet;
	bool terminal;  /* stderr is one that can be written over */
	bool colour;
	bool counting;  /* a line that is written over stands there */
	uint32_t noted; /* bit per enum iu_note */
};

/* events: a file to append to, made if it is not there; NULL none. INUSE_E_INPUT: it cannot be written. */
enum inuse_status iu_voice_open(struct iu_voice *voice, const char *events, bool quiet, struct inuse_error *error);
/* The last words. */
void iu_voice_done(struct iu_voice *voice);
/* "inuse: sentence" and a newline. */
void iu_voice_say(struct iu_voice *voice, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The text as it is: whole lines. */
void iu_voice_block(struct iu_voice *voice, const char *text);
/* A line that is written over by the next one, on a terminal only; NULL takes it away. */
void iu_voice_count(struct iu_voice *voice, const char *line);
/* Says that note, with the program that it is about, unless it was said before. */
void iu_voice_note(struct iu_voice *voice, enum iu_note note, const char *program, int32_t pid);
bool iu_voice_has_events(const struct iu_voice *voice);
/* Writes the event with its time; takes the object. NULL is fine. */
void iu_voice_event(struct iu_voice *voice, const char *what, json_t *event_own);

#endif
