/* SPDX-License-Identifier: MIT */
/* What is told of a call that has failed: on stderr and as an event. */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/gettext.h"
#include "supervise/incident.h"

#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S INT64_C(1000000000)

/* "EADDRINUSE" */
static const char *name_of(int os_code, char buf[16])
{
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 32)
	const char *name = strerrorname_np(os_code);

	if (name != NULL)
		return name;
#endif
	snprintf(buf, 16, "%d", os_code);
	return buf;
}

/* "python3 (pid 4711): bind 0.0.0.0:8080" */
static void add_call(struct iu_text *t, struct iu_incident *i)
{
	char address[INUSE_ADDR_TEXT];

	iu_text_add_escaped(t, iu_caller_program(&i->w.caller));
	iu_text_addf(t, " (pid %d): %s %s", i->w.caller.pid, iu_call_name(i->request.call),
		     iu_call_address(&i->request, address));
}

static json_t *event_of(struct iu_incident *i)
{
	char address[INUSE_ADDR_TEXT], program[256];

	iu_escape(iu_caller_program(&i->w.caller), program, sizeof(program));
	return json_pack("{s:s, s:i, s:i, s:s, s:s}", "program", program, "pid", (int)i->w.caller.pid, "generation",
			 (int)i->w.generation->number, "call", iu_call_name(i->request.call), "address",
			 iu_call_address(&i->request, address));
}

static void failure_event(struct iu_incident *i)
{
	json_t *event = event_of(i);
	char name[16];

	if (event != NULL) {
		json_object_set_new(event, "os_code", json_integer(i->os_code));
		json_object_set_new(event, "error", json_string(name_of(i->os_code, name)));
		if (i->json != NULL)
			json_object_set_new(event, "answer", json_loads(i->json, 0, NULL));
	}
	iu_voice_event(&i->s->voice, "failed", event);
}

void iu_tell_failure(struct iu_incident *i)
{
	struct iu_text block = {0};
	char name[16];

	if (i->tell) {
		iu_text_add(&block, "inuse: ");
		add_call(&block, i);
		iu_text_addf(&block, _(" failed: %s (%s)\n"), strerror(i->os_code),
			     name_of(i->os_code, name));
		if (i->bound_already)
			iu_text_add(&block, _("  This socket has a port already: the program has bound it before.\n"));
		else
			iu_text_add(&block, i->text ? i->text : _("  Why could not be found out in time.\n"));
		iu_voice_block(&i->s->voice, block.data ? block.data : "");
		iu_text_done(&block);
	}
	if (iu_voice_has_events(&i->s->voice))
		failure_event(i);
}

/* What was done. */
static void add_deed(struct iu_text *t, struct iu_incident *i, int64_t waited_ns)
{
	if (i->stage == IU_INCIDENT_WAITING)
		iu_text_addf(t, _("waited %.1f s until an ended connection had gone"), (double)waited_ns / 1e9);
	else if (i->remedy.again_tried)
		iu_text_addf(t, iu_ngettext("removed what %llu ended connection had left",
					    "removed what %llu ended connections had left", i->advice.evicted),
			     (unsigned long long)i->advice.evicted);
	else
		iu_text_add(t, _("set SO_REUSEADDR"));
}

void iu_tell_success(struct iu_incident *i)
{
	int64_t waited = i->stage == IU_INCIDENT_WAITING ? (int64_t)uv_hrtime() - i->began_ns : 0;
	struct iu_text call = {0}, what = {0};
	json_t *event;

	add_call(&call, i);
	add_deed(&what, i, waited);
	iu_voice_say(&i->s->voice, _("%s: %s"), call.data ? call.data : "", what.data ? what.data : "");
	iu_text_done(&call);
	iu_text_done(&what);
	event = iu_voice_has_events(&i->s->voice) ? event_of(i) : NULL;
	if (event != NULL) {
		json_object_set_new(event, "reuseaddr", json_boolean(i->reuseaddr_set));
		json_object_set_new(event, "evicted", json_integer((json_int_t)i->advice.evicted));
		json_object_set_new(event, "waited_ms", json_integer(waited / NS_PER_MS));
		json_object_set_new(event, "cause", json_string(i->advice.cause));
	}
	iu_voice_event(&i->s->voice, "fixed", event);
}

void iu_tell_waiting(struct iu_incident *i)
{
	int64_t left = i->known_ns - (int64_t)uv_hrtime();
	long long seconds = left > 0 ? (left + NS_PER_S - 1) / NS_PER_S : 0;
	struct iu_text line = {0};

	add_call(&line, i);
	if (i->s->voice.terminal) {
		struct iu_text whole = {0};

		iu_text_addf(&whole, _("inuse: %s waits %lld s for an ended connection to go (Ctrl-C gives up)"),
			     line.data ? line.data : "", seconds);
		iu_voice_count(&i->s->voice, whole.data ? whole.data : "");
		iu_text_done(&whole);
	} else {
		iu_voice_say(&i->s->voice, _("%s waits %lld s for an ended connection to go"), line.data ? line.data : "", seconds);
	}
	iu_text_done(&line);
}
