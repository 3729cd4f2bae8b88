/* SPDX-License-Identifier: MIT */
/* Sequence diagrams: nothing stands on anything else, whatever the texts. */
#include "support/check.h"

#include <stdio.h>
#include <string.h>

#include "lab/diagram.h"

static const struct iu_mark *find_text(const struct iu_drawing *d, const char *text)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->marks[i].kind == IU_MARK_TEXT && d->marks[i].len == strlen(text) &&
		    strncmp(d->marks[i].text, text, d->marks[i].len) == 0)
			return &d->marks[i];
	return NULL;
}

static size_t count(const struct iu_drawing *d, enum iu_mark_kind kind)
{
	size_t n = 0;

	for (size_t i = 0; i < d->n; i++)
		n += d->marks[i].kind == kind;
	return n;
}

static bool overlap(const struct iu_mark *a, const struct iu_mark *b)
{
	return a->x < b->x + b->w && b->x < a->x + a->w && a->y < b->y + b->h && b->y < a->y + a->h;
}

static bool is_box(const struct iu_mark *m)
{
	return m->kind == IU_MARK_STRIP || m->kind == IU_MARK_PILL;
}

/* What holds of every drawing. */
static void check_drawing(const struct iu_diagram *diagram, const struct iu_drawing *d)
{
	assert_false(d->failed);
	assert_true(d->width >= IU_DIAGRAM_LEAST_WIDTH);
	for (size_t i = 0; i < d->n; i++) {
		const struct iu_mark *m = &d->marks[i];
		int left = m->w < 0 ? m->x + m->w : m->x, right = m->w < 0 ? m->x : m->x + m->w;

		if (left < 0 || m->y < 0 || right > d->width || m->y + m->h > d->height)
			fail_msg("mark %d at %d,%d %dx%d is outside of %dx%d: %.*s", (int)m->kind, m->x, m->y, m->w, m->h, d->width, d->height,
				 (int)m->len, m->text != NULL ? m->text : "");
		for (size_t k = 0; k < i; k++) {
			const struct iu_mark *o = &d->marks[k];

			if (m->kind == IU_MARK_TEXT && o->kind == IU_MARK_TEXT && overlap(m, o))
				fail_msg("\"%.*s\" stands on \"%.*s\"", (int)m->len, m->text, (int)o->len, o->text);
			if (is_box(m) && is_box(o) && overlap(m, o))
				fail_msg("two boxes stand on each other at %d,%d and %d,%d", m->x, m->y, o->x, o->y);
			/* a packet's label is on no strip and no state */
			if (m->kind == IU_MARK_TEXT && m->role == IU_ROLE_PACKET && is_box(o) && overlap(m, o))
				fail_msg("\"%.*s\" stands on a box", (int)m->len, m->text);
			assert_true(o->kind <= m->kind);
		}
	}
	assert_int_equal(count(d, IU_MARK_STRIP), diagram->n_steps);
}

static void lay_and_check(const struct iu_diagram *diagram, struct iu_drawing *d)
{
	iu_diagram_lay(diagram, d);
	check_drawing(diagram, d);
}

static const struct iu_diagram_end two_ends[] = {{"127.0.0.1:5000", "server, connection"}, {"127.0.0.1:5001", "client"}};

static void test_lay__handshake__arrows_from_lifeline_to_lifeline(void **state)
{
	const struct iu_diagram_packet packets[] = {{1, 0, "SYN seq 0"}, {0, 1, "SYN+ACK seq 0 ack 1"}, {1, 0, "ACK seq 1 ack 1"}};
	const struct iu_diagram_step steps[] = {
		{.call = "listen server", .outcome = "OK", .more = "", .states = {"LISTEN"}, .lives = {IU_LIFE_LISTEN}},
		{.call = "connect client here:5000", .outcome = "OK", .more = "", .packets = packets, .n_packets = 3,
		 .states = {"LISTEN\nESTABLISHED", "ESTABLISHED"}, .lives = {IU_LIFE_OPEN, IU_LIFE_OPEN}},
	};
	const struct iu_diagram diagram = {two_ends, 2, steps, 2};
	struct iu_drawing d;
	const struct iu_mark *server, *client, *syn, *arrow = NULL;
	int x[2];

	lay_and_check(&diagram, &d);
	assert_int_equal(d.width, IU_DIAGRAM_LEAST_WIDTH); /* fits a phone */
	server = find_text(&d, "127.0.0.1:5000");
	client = find_text(&d, "127.0.0.1:5001");
	x[0] = server->x + server->w / 2;
	x[1] = client->x + client->w / 2;
	syn = find_text(&d, "SYN seq 0");
	for (size_t i = 0; i < d.n && arrow == NULL; i++)
		if (d.marks[i].kind == IU_MARK_ARROW)
			arrow = &d.marks[i];
	assert_int_equal(count(&d, IU_MARK_ARROW), 3);
	if (arrow == NULL) {
		fail_msg("no arrow");
		return;
	}
	assert_int_equal(arrow->x, x[1]);
	assert_int_equal(arrow->x + arrow->w, x[0]);
	assert_true(syn->x > x[0] && syn->x + syn->w < x[1] && syn->y + syn->h > arrow->y - 8 && syn->y < arrow->y);
	assert_int_equal(count(&d, IU_MARK_PILL), 3);
	assert_int_equal(count(&d, IU_MARK_GAP), 0);
	iu_drawing_done(&d);
}

static void test_lay__states__lifeline_changes_its_look_there(void **state)
{
	const struct iu_diagram_step steps[] = {
		{.call = "close a", .outcome = "OK", .more = "", .states = {"TIME-WAIT 60 s"}, .lives = {IU_LIFE_TIME_WAIT}},
		{.call = "evict 5000", .outcome = "OK", .more = "", .states = {"nothing left"}, .lives = {IU_LIFE_NONE}},
	};
	const struct iu_diagram diagram = {two_ends, 1, steps, 2};
	static const enum iu_life want[] = {IU_LIFE_NONE, IU_LIFE_TIME_WAIT, IU_LIFE_NONE};
	struct iu_drawing d;
	int end = 0;
	size_t n = 0;

	lay_and_check(&diagram, &d);
	for (size_t i = 0; i < d.n; i++) {
		if (d.marks[i].kind != IU_MARK_LIFE)
			continue;
		assert_int_equal(d.marks[i].life, want[n]);
		assert_true(n == 0 || d.marks[i].y == end); /* without a hole */
		end = d.marks[i].y + d.marks[i].h;
		n++;
	}
	assert_int_equal(n, 3);
	iu_drawing_done(&d);
}

static void test_lay__long_call__wrapped_beside_its_outcome(void **state)
{
	const struct iu_diagram_step steps[] = {{.call = "setting net.ipv4.ip_unprivileged_port_start 80", .outcome = "OK", .more = ""}};
	const struct iu_diagram diagram = {NULL, 0, steps, 1};
	struct iu_drawing d;

	lay_and_check(&diagram, &d);
	assert_int_equal(d.width, IU_DIAGRAM_LEAST_WIDTH);
	assert_non_null(find_text(&d, "net.ipv4.ip_unprivileged_port_start 80"));
	iu_drawing_done(&d);
}

static void test_lay__packet_past_another_end__lifeline_hidden_behind_label(void **state)
{
	const struct iu_diagram_end ends[] = {two_ends[0], two_ends[1], {"127.0.0.2:5000", ""}};
	const struct iu_diagram_packet packets[] = {{0, 2, "SYN seq 0"}};
	const struct iu_diagram_step steps[] = {{.call = "connect a b", .outcome = "OK", .more = "", .packets = packets, .n_packets = 1}};
	const struct iu_diagram diagram = {ends, 3, steps, 1};
	struct iu_drawing d;

	lay_and_check(&diagram, &d);
	assert_int_equal(count(&d, IU_MARK_GAP), 1);
	iu_drawing_done(&d);
}

static void test_lay__packet_to_itself__loop_with_label_beside_it(void **state)
{
	const struct iu_diagram_packet packets[] = {{0, 0, "SYN+ACK seq 1234567890 ack 1234567890, 100000 bytes"}};
	const struct iu_diagram_step steps[] = {{.call = "connect a @a", .outcome = "OK", .more = "", .packets = packets, .n_packets = 1}};
	const struct iu_diagram diagram = {two_ends, 2, steps, 1};
	const struct iu_mark *label;
	struct iu_drawing d;

	lay_and_check(&diagram, &d);
	label = find_text(&d, packets[0].label);
	assert_int_equal(label->align, IU_ALIGN_START);
	for (size_t i = 0; i < d.n; i++)
		if (d.marks[i].kind == IU_MARK_ARROW)
			assert_int_equal(d.marks[i].w, 0);
	iu_drawing_done(&d);
}

static void test_lay__nothing__a_drawing_all_the_same(void **state)
{
	const struct iu_diagram diagram = {NULL, 0, NULL, 0};
	struct iu_drawing d;

	lay_and_check(&diagram, &d);
	assert_int_equal(d.n, 0);
	assert_true(d.height > 0);
	iu_drawing_done(&d);
}

/* A linear congruential generator: the same numbers everywhere. */
static unsigned draw(unsigned *seed, unsigned below)
{
	*seed = *seed * 1103515245u + 12345u;
	return (*seed >> 16) % below;
}

/* A text of up to that many letters, some of them wide (CJK), with blanks or not. */
static const char *random_text(unsigned *seed, char *buf, unsigned max, bool lines)
{
	unsigned n = draw(seed, max);
	char *p = buf;

	for (unsigned i = 0; i < n; i++) {
		unsigned kind = draw(seed, 12);

		bool breaks = kind == 2 && lines && i > 0 && i + 1 < n && p[-1] != '\n';

		if (kind == 0)
			p += sprintf(p, "%s", "\xe6\x97\xa5");
		else
			*p++ = kind == 1 ? ' ' : breaks ? '\n' : (char)('a' + draw(seed, 26));
	}
	if (lines && n == 0)
		*p++ = 'x';
	*p = 0;
	return buf;
}

static void test_lay__any_texts__nothing_on_anything(void **state)
{
	static char texts[400][400];
	static struct iu_diagram_packet packets[8][4];

	for (unsigned seed = 1, round = 0; round < 3000; round++) {
		struct iu_diagram_end ends[IU_DIAGRAM_ENDS];
		struct iu_diagram_step steps[8] = {{0}};
		struct iu_diagram diagram = {ends, draw(&seed, IU_DIAGRAM_ENDS + 1), steps, draw(&seed, 8)};
		struct iu_drawing d;
		size_t n = 0;

		for (size_t i = 0; i < diagram.n_ends; i++, n += 2)
			ends[i] = (struct iu_diagram_end){random_text(&seed, texts[n], 30, false), random_text(&seed, texts[n + 1], 60, false)};
		for (size_t s = 0; s < diagram.n_steps; s++) {
			struct iu_diagram_step *step = &steps[s];

			*step = (struct iu_diagram_step){.call = random_text(&seed, texts[n], 100, false),
							 .outcome = random_text(&seed, texts[n + 1], 100, false),
							 .more = random_text(&seed, texts[n + 2], draw(&seed, 4) == 0 ? 80 : 1, false),
							 .packets = packets[s]};
			n += 3;
			step->n_packets = diagram.n_ends > 0 ? draw(&seed, 5) : 0;
			for (size_t k = 0; k < step->n_packets; k++)
				packets[s][k] = (struct iu_diagram_packet){(int)draw(&seed, (unsigned)diagram.n_ends),
									   (int)draw(&seed, (unsigned)diagram.n_ends),
									   random_text(&seed, texts[n++], 50, false)};
			for (size_t i = 0; i < diagram.n_ends; i++)
				if (draw(&seed, 3) == 0) {
					step->states[i] = random_text(&seed, texts[n++], 40, true);
					step->lives[i] = (enum iu_life)draw(&seed, IU_N_LIVES);
				}
		}
		iu_diagram_lay(&diagram, &d);
		check_drawing(&diagram, &d);
		iu_drawing_done(&d);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lay__handshake__arrows_from_lifeline_to_lifeline),
		cmocka_unit_test(test_lay__states__lifeline_changes_its_look_there),
		cmocka_unit_test(test_lay__long_call__wrapped_beside_its_outcome),
		cmocka_unit_test(test_lay__packet_past_another_end__lifeline_hidden_behind_label),
		cmocka_unit_test(test_lay__packet_to_itself__loop_with_label_beside_it),
		cmocka_unit_test(test_lay__nothing__a_drawing_all_the_same),
		cmocka_unit_test(test_lay__any_texts__nothing_on_anything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
