/* SPDX-License-Identifier: MIT */
/* Tests of `inuse run --hold`: small servers in Python that know which start of them they are, and clients that never stop. */
#ifndef TEST_SUPPORT_HOLDER_H
#define TEST_SUPPORT_HOLDER_H

#include "support/actor.h"
#include "support/live_private.h"

#define ADDR "127.0.0.1:8080"
/* An option of inuse run where none is needed. Who does not end when he is told is not helped: the test would not see it. */
#define PLAIN "--stop-timeout=100"

/*
 * What every program begins with. start: which start of it this is. up(): says so, "up 2". serve(s): each client gets that
 * number, until SIGTERM; who was accepted is served. listen(): a listening socket. The folder of the test is sys.argv[1].
 */
extern const char holder_prelude[];

/* Starts `inuse run --hold OPTION... python3 -c PRELUDE+SCRIPT FOLDER`. For tests listed as folder_test(). */
#define HOLDER_START(script, ...) HOLDER_START_AS(-1, script, __VA_ARGS__)
#define HOLDER_START_AS(uid, script, ...) \
	live_start_inuse(uid, (const char *const[]){"inuse", "run", "--hold", PLAIN, __VA_ARGS__, actor_python(), "-c", \
						    live_text("%s%s", holder_prelude, script), actor_dir, NULL})

/* What a client is told: which start of the program served it. */
int holder_ask(const char *addr);
/* In a program: the next starts go on only when the test says so. */
#define WHEN_TOLD "while start > 1 and not os.path.exists(sys.argv[1] + '/go%d' % start): time.sleep(0.01)\n"
/* Comes back when there is such a start, whatever it does. */
static inline void holder_await_start(int number)
{
	int64_t deadline = live_now_ms() + LIVE_PATIENCE_MS;
	char text[16] = "";

	while (atoi(text) != number) {
		live_read_file(live_text("%s/starts", actor_dir), text, sizeof(text));
		if (!live_again(deadline))
			live_fail("there is no start %d", number);
	}
}

/* Says so to that one. */
static inline void holder_go(int number)
{
	actor_write(live_text("go%d", number), "");
}

/* Has it restarted, by SIGUSR2, and comes back when start `number` says "up". */
void holder_restart(pid_t inuse, int number);
/* Ends it by SIGTERM. */
void holder_end(pid_t inuse);

/* So many processes that connect to the address, read an answer, and begin again. */
void holder_begin_crowd(const char *addr, int n);
/* The same, which send that first. */
void holder_begin_talking_crowd(const char *addr, int n, const char *words);
/* Comes back when so many more were served. */
void holder_await_served(unsigned more);
/* The same when every single one was served from beginning to end. */
void holder_await_each_served(void);
/* Ends it; fails if anybody was refused or reset, or got nothing else for an answer than `cut` of them. */
void holder_end_crowd(unsigned cut);

#endif
