/* SPDX-License-Identifier: MIT */
/* What the supervisor says: blocks and lines on stderr, events as JSON lines. */
#include "supervise/voice.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/gettext.h"

/* {program} is filled in. One sentence each: what is so, and what comes of it. */
static const char *const notes[IU_N_NOTES] = {
	[IU_NOTE_IO_URING] = N_("%s (pid %d) uses io_uring: a bind, listen or connect made through it is not seen"),
	[IU_NOTE_FOREIGN] = N_("%s (pid %d) makes 32-bit system calls: those are neither explained nor cured"),
	[IU_NOTE_SET_UID] = N_("%s (pid %d) is a set-uid program: under inuse run it has no more rights than who started it"),
	[IU_NOTE_RIGHTS] = N_("%s (pid %d) has other rights than inuse: its calls are made by itself, not explained and not cured"),
	[IU_NOTE_DENIED] = N_("%s (pid %d) may not be looked into: its calls are made by itself, not explained and not cured"),
	[IU_NOTE_FULL] = N_("%s (pid %d) makes its calls itself, not explained and not cured: inuse has reached its limit of descriptors"),
	[IU_NOTE_UNABLE] = N_("%s (pid %d) cannot be reached from here: its calls are made by itself, not explained and not cured"),
	[IU_NOTE_LANDLOCK] = N_("%s (pid %d) restricts itself with Landlock: from now on its calls are made by itself"),
	[IU_NOTE_OLD_KERNEL] = N_("%s (pid %d): before Linux 5.19 a signal that comes during a bind may make it fail once"),
	[IU_NOTE_NO_ROOM] = N_("%s (pid %d) listens on more than can be held: the limit of descriptors is reached"),
	[IU_NOTE_MANY] = N_("%s (pid %d) fails too often for every call to be explained"),
};

enum inuse_status iu_voice_open(struct iu_voice *v, const char *events, bool quiet, struct inuse_error *error)
{
	const char *term = getenv("TERM"), *no = getenv("NO_COLOR");

	*v = (struct iu_voice){.err.fd = quiet ? -1 : STDERR_FILENO, .events.fd = -1, .quiet = quiet};
	v->terminal = !quiet && isatty(STDERR_FILENO) && term != NULL && strcmp(term, "dumb") != 0;
	v->colour = v->terminal && (no == NULL || *no == 0);
	if (events == NULL)
		return INUSE_OK;
	/* O_NONBLOCK: a FIFO that nobody reads is an error now, not a silence later */
	v->events.fd = open(events, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0666);
	if (v->events.fd < 0) {
		char shown[128];

		return iu_fail(error, INUSE_E_INPUT, errno, "open", _("%s: %s"), iu_escape(events, shown, sizeof(shown)),
			       strerror(errno));
	}
	return INUSE_OK;
}

void iu_voice_done(struct iu_voice *v)
{
	iu_voice_count(v, NULL);
	iu_outlet_done(&v->err);
	iu_outlet_done(&v->events);
	if (v->events.fd >= 0)
		close(v->events.fd);
	v->events.fd = -1;
}

void iu_voice_block(struct iu_voice *v, const char *text)
{
	iu_voice_count(v, NULL);
	iu_outlet_write(&v->err, text, strlen(text));
}

void iu_voice_say(struct iu_voice *v, const char *format, ...)
{
	struct iu_text line = {0};
	char *sentence = NULL;
	va_list ap;
	int len;

	va_start(ap, format);
	len = vasprintf(&sentence, format, ap);
	va_end(ap);
	if (len >= 0)
		iu_text_addf(&line, "inuse: %s\n", sentence);
	if (line.data != NULL)
		iu_voice_block(v, line.data);
	if (len >= 0)
		free(sentence);
	iu_text_done(&line);
}

void iu_voice_count(struct iu_voice *v, const char *line)
{
	struct iu_text text = {0};

	if (!v->terminal || (line == NULL && !v->counting))
		return;
	iu_text_addf(&text, "\r%s\033[K", line ? line : "");
	v->counting = line != NULL;
	iu_outlet_write(&v->err, text.data ? text.data : "", text.len);
	iu_text_done(&text);
}

void iu_voice_note(struct iu_voice *v, enum iu_note note, const char *program, int32_t pid)
{
	char shown[128];

	if ((v->noted >> note & 1) != 0)
		return;
	v->noted |= 1u << note;
	iu_escape(program, shown, sizeof(shown));
	iu_voice_say(v, _(notes[note]), shown, pid);
	if (iu_voice_has_events(v)) {
		struct iu_text text = {0};

		iu_text_addf(&text, notes[note], shown, pid);
		iu_voice_event(v, "limit",
			       json_pack("{s:s, s:i, s:s}", "program", shown, "pid", pid, "text", text.data ? text.data : ""));
		iu_text_done(&text);
	}
}

bool iu_voice_has_events(const struct iu_voice *v)
{
	return v->events.fd >= 0;
}

void iu_voice_event(struct iu_voice *v, const char *what, json_t *event_own)
{
	struct timespec now;
	char stamp[64], *text;
	struct tm tm;
	size_t len;

	if (event_own == NULL || v->events.fd < 0) {
		json_decref(event_own);
		return;
	}
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	len = strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(stamp + len, sizeof(stamp) - len, ".%03ldZ", now.tv_nsec / 1000000);
	json_object_set_new(event_own, "schema", json_string("inuse-event"));
	json_object_set_new(event_own, "version", json_integer(1));
	json_object_set_new(event_own, "event", json_string(what));
	json_object_set_new(event_own, "time", json_string(stamp));
	text = json_dumps(event_own, JSON_COMPACT);
	json_decref(event_own);
	if (text == NULL)
		return;
	struct iu_text line = {0};

	iu_text_addf(&line, "%s\n", text);
	iu_outlet_write(&v->events, line.data ? line.data : "", line.len);
	iu_text_done(&line);
	free(text);
}
