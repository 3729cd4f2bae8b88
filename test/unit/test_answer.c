/* SPDX-License-Identifier: MIT */
/* The answer for people: which of several verdicts is told, and in which colour. */
#include "support/check.h"

#include <stdlib.h>
#include <string.h>

#include "say/say.h"
#include "support/scene.h"

#define MAX_VERDICTS 3

/* A bare port is asked about on the addresses of both families; the verdict that is told: free, fails, taken (fails itself), cannot. */
static void test_deciding__several_addresses__the_one_to_tell_of(void **state)
{
	static const struct {
		const char *verdicts[MAX_VERDICTS];
		size_t deciding;
	} rows[] = {
		{{"free", "free", "free"}, 0},   {{"free", "cannot", "cannot"}, 1}, {{"cannot", "free", "free"}, 0},
		{{"cannot", "free", "fails"}, 2}, {{"fails", "fails", "cannot"}, 0}, {{"free", "fails", "fails"}, 1},
		{{"fails", "cannot", "taken"}, 2}, {{"taken", "taken", "fails"}, 0},
	};
	static const struct inuse_socket other = {.local = {.family = 6, .port = 5000, .ip = {[15] = 1}}}, same = {.local = {.family = 6, .port = 5000}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct inuse_verdict v[MAX_VERDICTS];

		for (size_t k = 0; k < MAX_VERDICTS; k++) {
			const char *word = rows[i].verdicts[k];

			v[k] = (struct inuse_verdict){.request = INUSE_REQUEST_INIT, .n_shown = 1, .shown = {strcmp(word, "taken") == 0 ? &same : &other}};
			v[k].request.local = same.local;
			v[k].outcome = strcmp(word, "free") == 0 ? INUSE_GO : strcmp(word, "cannot") == 0 ? INUSE_CANNOT_TELL : INUSE_FAIL;
		}
		if (iu_say_deciding(v, MAX_VERDICTS) != rows[i].deciding)
			fail_msg("row %zu: %zu", i, iu_say_deciding(v, MAX_VERDICTS));
	}
}

static void test_colour__each_outcome__its_own(void **state)
{
	static const struct {
		const char *sockets, *headline;
	} rows[] = {
		{"", "\033[1;32m5000/tcp FREE\033[0m\n"},
		{"LISTEN 127.0.0.1:5000 by=nobody", "\033[1;31m5000/tcp IN USE by a socket that no process has open\033[0m\n"},
		{"TW 127.0.0.1:5000>127.0.0.1:9 ?ra ?rp", "\033[1;33m5000/tcp CANNOT TELL: whether the old socket set SO_REUSEADDR is hidden from you\033[0m\n"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct iu_telling how = {.asked = "5000/tcp", .again = "5000", .colour = true};
		struct iu_text text = {0};
		struct inuse_verdict v;
		struct scene s;

		scene_make(&s, rows[i].sockets, "bind 127.0.0.1:5000 ra", NULL);
		iu_judge(&iu_profile_linux, &s.f, &s.r, &v);
		iu_say_answer(&text, &s.f, &v, 1, &how);
		if (strncmp(text.data, rows[i].headline, strlen(rows[i].headline)) != 0)
			fail_msg("%s: %s", rows[i].sockets, text.data);
		iu_text_done(&text);
	}
}

static char *told(struct scene *s, bool verbose)
{
	struct iu_telling how = {.asked = "5000/tcp", .again = "5000", .verbose = verbose};
	struct iu_text text = {0};
	struct inuse_verdict v;

	iu_judge(&iu_profile_linux, &s->f, &s->r, &v);
	iu_say_answer(&text, &s->f, &v, 1, &how);
	return text.data;
}

static void test_answer__sockets_in_the_way__each_a_line(void **state)
{
	static const struct {
		const char *sockets, *lines;
		bool verbose;
	} rows[] = {
		{"BOUND 127.0.0.1:5000", "  BOUND 127.0.0.1:5000 (took the port, does not listen)\n", false},
		{"LISTEN 127.0.0.1:5000 ra uid=7 dev=2", "reuseaddr=1 reuseport=0 v6only=0 timestamps=0 uid=7 device=2 inode=7\n", true},
		{"LISTEN 127.0.0.1:5000 ?ra uid=7 ?uid orphan", "reuseaddr=? reuseport=0 v6only=0 timestamps=0\n", true},
		{"ESTAB 127.0.0.1:5000>127.0.0.1:1;ESTAB 127.0.0.1:5000>127.0.0.1:2;TW 127.0.0.1:5000>127.0.0.1:3;CW 127.0.0.1:5000>127.0.0.1:4",
		 "\n  and 1 more; in all 2 ESTABLISHED, 1 TIME-WAIT, 1 CLOSE-WAIT\n", false},
		{"LISTEN 127.0.0.1:5000;ESTAB 127.0.0.1:5000>127.0.0.1:2;TW 127.0.0.1:5000>127.0.0.1:3;CW 127.0.0.1:5000>127.0.0.1:4;"
		 "FW1 127.0.0.1:5000>127.0.0.1:5;LA 127.0.0.1:5000>127.0.0.1:6",
		 "  and 3 more; in all 1 LISTEN, 1 ESTABLISHED, 1 FIN-WAIT-1, 1 TIME-WAIT, 1\n    CLOSE-WAIT, 1 LAST-ACK\n", false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct scene s;
		char *text;

		scene_make(&s, rows[i].sockets, "bind 127.0.0.1:5000", NULL);
		text = told(&s, rows[i].verbose);
		if (strstr(text, rows[i].lines) == NULL)
			fail_msg("%s: %s", rows[i].sockets, text);
		free(text);
	}
}

/* At most 40 columns of it, of which the program's name tells more than its folder. */
static void test_answer__long_command__its_folder_goes_first(void **state)
{
	static const struct {
		const char *args, *shown;
	} rows[] = {
		{"/usr/lib/jvm/java-17/bin/java -jar a.jar", "\n  /usr/lib/jvm/java-17/bin/java -jar a.jar\n"},
		{"/usr/lib/jvm/java-17/bin/java -jar app.jar", "\n  java -jar app.jar\n"},
		{"/usr/lib/jvm/java-17/bin/java -jar /srv/a/b.jar", "\n  java -jar /srv/a/b.jar\n"},
		{"./jvm/java-17-of-this-project/bin/java -jar a.jar", "\n  ./jvm/java-17-of-this-project/bin/jav...\n"},
		{"/usr/bin/java -jar the-application-itself-1.2.jar", "\n  java -jar the-application-itself-1.2.jar\n"},
		{"/usr/bin/java -jar the-application-itself-1.23.jar", "\n  java -jar the-application-itself-1.23...\n"},
		{"/opt/the-application-itself-1.2-of-last-autumn/server", "\n  server\n"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct scene s;
		char *text;

		scene_make(&s, "LISTEN 127.0.0.1:5000 by=7", "bind 127.0.0.1:5000", NULL);
		s.processes[0].args = rows[i].args;
		text = told(&s, false);
		if (strstr(text, rows[i].shown) == NULL)
			fail_msg("%s: %s", rows[i].args, text);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_deciding__several_addresses__the_one_to_tell_of),
		cmocka_unit_test(test_answer__sockets_in_the_way__each_a_line),
		cmocka_unit_test(test_answer__long_command__its_folder_goes_first),
		cmocka_unit_test(test_colour__each_outcome__its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
