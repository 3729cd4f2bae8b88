/* SPDX-License-Identifier: MIT */
/* A run's diagram as SVG, and the same in words. Looks are given by the style sheet: a class for each life, tone and role. */
#include "lab/html_parts.h"

#include <stdio.h>
#include <string.h>

#include "base/gettext.h"
#include "lab/html.h"
#include "lab/sequence.h"
#include "say/names.h"

const char *iu_html_string(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	return text != NULL ? text : "";
}

/* ----------------------------------------------------------------------------------------------------- SVG */

/* Of all lifelines with that look one path, because a path each would be most of the page. */
static void draw_lives(struct iu_text *t, const struct iu_drawing *d)
{
	for (int life = 0; life < IU_N_LIVES; life++) {
		bool open = false;

		for (size_t i = 0; i < d->n; i++) {
			const struct iu_mark *m = &d->marks[i];

			if (m->kind != IU_MARK_LIFE || (int)m->life != life)
				continue;
			if (!open)
				iu_html_addf(t, "<path class=l%d d=\"", life);
			open = true;
			iu_html_addf(t, "M%d %dv%d", m->x, m->y, m->h);
		}
		iu_text_add(t, open ? "\"/>" : "");
	}
}

/* The rectangles of one kind, those that are wrong or the others, as one path. */
static void draw_boxes(struct iu_text *t, const struct iu_drawing *d, enum iu_mark_kind kind, bool wrong, const char *class)
{
	bool open = false;

	for (size_t i = 0; i < d->n; i++) {
		const struct iu_mark *m = &d->marks[i];

		if (m->kind != kind || (m->tone == IU_TONE_WRONG) != wrong)
			continue;
		if (!open)
			iu_html_addf(t, "<path class=\"%s\" d=\"", class);
		open = true;
		iu_html_addf(t, "M%d %dh%dv%dh%dz", m->x, m->y, m->w, m->h, -m->w);
	}
	iu_text_add(t, open ? "\"/>" : "");
}

static void draw_pills(struct iu_text *t, const struct iu_drawing *d)
{
	for (size_t i = 0; i < d->n; i++) {
		const struct iu_mark *m = &d->marks[i];

		if (m->kind == IU_MARK_PILL)
			iu_html_addf(t, "<rect class=p%d x=%d y=%d width=%d height=%d rx=5 />", (int)m->life, m->x, m->y, m->w, m->h);
	}
}

static void draw_arrows(struct iu_text *t, const struct iu_drawing *d)
{
	bool open = false;

	for (size_t i = 0; i < d->n; i++) {
		const struct iu_mark *m = &d->marks[i];
		int side = m->w < 0 ? -1 : 1;

		if (m->kind != IU_MARK_ARROW)
			continue;
		iu_text_add(t, open ? "" : "<path class=a d=\"");
		open = true;
		/* ends beside the lifelines, 3 from their middle */
		if (m->w == 0)
			iu_html_addf(t, "M%d %dh20q6 0 6 6v%dq0 6-6 6h-20m6-4l-6 4l6 4", m->x + 3, m->y, m->h - 12);
		else
			iu_html_addf(t, "M%d %dh%dm%d-4l%d 4l%d 4", m->x + 3 * side, m->y, m->w - 6 * side, -7 * side, 7 * side, -7 * side);
	}
	iu_text_add(t, open ? "\"/>" : "");
}

static const char *class_of(const struct iu_mark *m, char buf[16])
{
	static const char *const roles[] = {
		[IU_ROLE_CALL] = "", [IU_ROLE_OUTCOME] = "o", [IU_ROLE_ADDRESS] = "h", [IU_ROLE_NAMES] = "n",
		[IU_ROLE_STATE] = "t", [IU_ROLE_PACKET] = "k", [IU_ROLE_MORE] = "n",
	};

	if (m->role == IU_ROLE_PACKET && m->align == IU_ALIGN_START)
		return "f"; /* of a loop */
	if (m->role == IU_ROLE_STATE || m->role == IU_ROLE_OUTCOME)
		snprintf(buf, 16, "%s%d", roles[m->role], m->role == IU_ROLE_STATE ? (int)m->life : (int)m->tone);
	else
		snprintf(buf, 16, "%s", roles[m->role]);
	return buf;
}

static void draw_texts(struct iu_text *t, const struct iu_drawing *d)
{
	for (size_t i = 0; i < d->n; i++) {
		const struct iu_mark *m = &d->marks[i];
		int x = m->align == IU_ALIGN_MIDDLE ? m->x + m->w / 2 : m->align == IU_ALIGN_END ? m->x + m->w : m->x;
		char buf[16];
		const char *class;

		if (m->kind != IU_MARK_TEXT)
			continue;
		class = class_of(m, buf);
		iu_html_addf(t, "<text x=%d y=%d", x, m->y + 12);
		if (class[0] != 0)
			iu_html_addf(t, " class=%s", class);
		iu_text_add(t, ">");
		iu_html_text_n(t, m->text, m->len);
		iu_text_add(t, "</text>");
	}
}

/* -------------------------------------------------------------------------------------------------- in words */

static void say_packet(struct iu_text *t, const json_t *p)
{
	long long len = json_integer_value(json_object_get(p, "len"));
	char flags[32];

	iu_text_add(t, "<li>");
	/* TRANSLATORS: a packet: from, to, its flags */
	iu_html_sayf(t, _("%s to %s: %s"), iu_html_string(p, "from"), iu_html_string(p, "to"),
		     iu_packet_flags(p, true, flags, sizeof(flags)));
	iu_html_addf(t, ", seq %lld", (long long)json_integer_value(json_object_get(p, "seq")));
	if (json_object_get(p, "ack") != NULL)
		iu_html_addf(t, ", ack %lld", (long long)json_integer_value(json_object_get(p, "ack")));
	if (len > 0)
		iu_html_sayf(t, iu_ngettext(", %lld byte", ", %lld bytes", len), len);
	if (json_is_true(json_object_get(p, "timestamps")))
		iu_html_sayf(t, "%s", _(", timestamps"));
	iu_text_add(t, "\n");
}

static void say_socket(struct iu_text *t, const json_t *s)
{
	const char *name = iu_html_string(s, "state");
	json_t *left = json_object_get(s, "left_ms");
	uint32_t state = 0;

	iu_name_find(iu_names_state, name, strlen(name), &state);
	iu_html_addf(t, "%s %s", iu_say_state((enum inuse_state)state), iu_html_string(s, "local"));
	if (iu_html_string(s, "remote")[0] != 0)
		iu_html_addf(t, " &gt; %s", iu_html_string(s, "remote"));
	if (left != NULL)
		iu_html_sayf(t, _(", %lld s left"), (long long)((json_integer_value(left) + 999) / 1000));
}

static void say_sockets(struct iu_text *t, const json_t *sockets)
{
	size_t i;
	json_t *s;

	iu_text_add(t, "<li class=then>");
	iu_html_sayf(t, "%s", json_array_size(sockets) > 0 ? _("Then:") : _("Then no socket is left."));
	json_array_foreach (sockets, i, s) {
		iu_text_add(t, i > 0 ? "; " : " ");
		say_socket(t, s);
	}
	iu_text_add(t, json_array_size(sockets) > 0 ? ".\n" : "\n");
}

static bool same_but_time(const json_t *a, const json_t *b)
{
	size_t i;
	json_t *s;

	if (json_array_size(a) != json_array_size(b))
		return false;
	json_array_foreach (a, i, s) {
		const json_t *o = json_array_get(b, i);
		static const char *const keys[] = {"state", "local", "remote"};

		for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++)
			if (strcmp(iu_html_string(s, keys[k]), iu_html_string(o, keys[k])) != 0)
				return false;
	}
	return true;
}

/* Every step that sent packets or changed a socket, in the order of time. */
static void say_steps(struct iu_text *t, const json_t *run)
{
	const json_t *before = NULL;
	size_t i, k;
	json_t *step, *p;

	json_array_foreach (json_object_get(run, "steps"), i, step) {
		const json_t *packets = json_object_get(step, "packets"), *sockets = iu_step_sockets(step);
		bool same = before != NULL ? same_but_time(before, sockets) : json_array_size(sockets) == 0;
		long long lost = json_integer_value(json_object_get(step, "packets_lost"));

		before = sockets;
		if (same && json_array_size(packets) == 0 && lost == 0)
			continue;
		iu_html_addf(t, "<li><b>%s</b>: %s<ul>", iu_html_string(step, "step"), iu_step_outcome(step));
		json_array_foreach (packets, k, p)
			say_packet(t, p);
		if (lost > 0) {
			iu_text_add(t, "<li>");
			iu_html_sayf(t, iu_ngettext("%lld packet was not seen.", "%lld packets were not seen.", lost), lost);
		}
		if (!same)
			say_sockets(t, sockets);
		iu_text_add(t, "</ul>\n");
	}
}

/* One sentence: what the picture is of. */
static void say_summary(struct iu_text *t, const struct iu_sequence *q)
{
	if (q->n_packets > 0)
		iu_html_sayf(t, iu_ngettext("Sequence diagram of %zu packet: calls from top to bottom, sockets on their lifelines:",
					    "Sequence diagram of %zu packets: calls from top to bottom, sockets on their lifelines:",
					    q->n_packets), q->n_packets);
	else
		iu_html_sayf(t, "%s", q->captured ? _("Sequence diagram of calls that sent no packet, sockets on their lifelines:")
						  : _("Sequence diagram of calls, their packets unknown, sockets on their lifelines:"));
	for (size_t i = 0; i < q->diagram.n_ends; i++) {
		const struct iu_diagram_end *e = &q->diagram.ends[i];

		iu_html_addf(t, "%s %s", i > 0 ? "," : "", e->address);
		if (e->names[0] != 0)
			iu_html_addf(t, " (%s)", e->names);
	}
	if (q->diagram.n_ends == 0)
		iu_html_sayf(t, " %s", _("none."));
}

static void draw(struct iu_text *t, const struct iu_sequence *q, const struct iu_drawing *d, const json_t *run, size_t number)
{
	bool wide = d->width > IU_DIAGRAM_LEAST_WIDTH;

	iu_text_add(t, "<div class=scroll");
	if (wide) {
		iu_text_add(t, " tabindex=0 role=region aria-label=\"");
		iu_html_sayf(t, _("Sequence diagram of %s"), iu_html_string(run, "experiment"));
		iu_text_add(t, "\"");
	}
	iu_html_addf(t, "><svg role=img viewBox=\"0 0 %d %d\" width=%d height=%d aria-labelledby=\"t%zu d%zu\"><title id=t%zu>", d->width,
		     d->height, d->width, d->height, number, number, number);
	iu_html_addf(t, "%s%s", iu_html_string(run, "experiment"), iu_html_string(run, "case")[0] != 0 ? ": " : "");
	iu_html_case(t, run);
	iu_html_addf(t, "</title><desc id=d%zu>", number);
	say_summary(t, q);
	iu_text_add(t, "</desc>");
	draw_lives(t, d);
	draw_boxes(t, d, IU_MARK_GAP, false, "g");
	draw_boxes(t, d, IU_MARK_STRIP, false, "b");
	draw_boxes(t, d, IU_MARK_STRIP, true, "b wrong");
	draw_pills(t, d);
	draw_arrows(t, d);
	draw_texts(t, d);
	iu_text_add(t, "</svg></div>\n");
}

void iu_html_diagram(struct iu_text *t, const json_t *run, size_t number)
{
	struct iu_sequence q;
	struct iu_drawing d;

	iu_sequence_read(&q, run);
	iu_diagram_lay(&q.diagram, &d);
	iu_text_add(t, "<figure>");
	draw(t, &q, &d, run, number);
	iu_text_add(t, "<figcaption><details class=words><summary>");
	if (q.n_packets > 0)
		iu_html_sayf(t, iu_ngettext("In words: %zu packet", "In words: %zu packets", q.n_packets), q.n_packets);
	else
		iu_html_sayf(t, "%s", q.captured ? _("In words: no packet was sent")
			     : iu_html_played(run) ? _("In words: packets could not be captured")
						   : _("In words: the model knows no packets"));
	iu_text_add(t, "</summary><ol>");
	say_steps(t, run);
	iu_text_add(t, "</ol></details></figcaption></figure>\n");
	t->failed |= q.failed || d.failed;
	iu_drawing_done(&d);
	iu_sequence_done(&q);
}
