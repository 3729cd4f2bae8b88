/* SPDX-License-Identifier: MIT */
/* inuse run --hold with reloaders inside: a file of the program changes under clients that never stop, and nobody is refused. */
#include <stdlib.h>

#include "support/holder.h"

#define HTTP "GET / HTTP/1.0\r\n\r\n"

enum { CLIENTS = 3, CHANGES = 3, NUDGE_MS = 3000 };

/* A program whose answer ends with "version N". */
struct program {
	const char *name, *before, *after; /* its file; what stands in it around the N */
};

static const struct program in_node = {
	"app.js", "require('http').createServer((q, r) => r.end('version ", "')).listen(8080, '127.0.0.1')\n"};
static const struct program in_flask = {
	"app.py", "import flask\napp = flask.Flask(__name__)\n@app.route('/')\ndef x(): return 'version ", "'\n"};

static void write_version(const struct program *program, int version)
{
	actor_write(program->name, live_text("%s%d%s", program->before, version, program->after));
}

/* One request, by somebody who must not be refused; true: that version has answered. */
static bool answers(int version)
{
	int fd = live_dial(ADDR, NULL, 0);
	char text[4096] = "";
	size_t len = 0;
	ssize_t n = send(fd, HTTP, strlen(HTTP), MSG_NOSIGNAL);

	while (n > 0 && (n = recv(fd, text + len, sizeof(text) - 1 - len, 0)) > 0)
		len += (size_t)n;
	text[len] = 0;
	live_close(fd);
	return strstr(text, live_text("version %d", version)) != NULL;
}

/* Changes the file until it is the new one that answers: who looks only now and then may miss a change. How often it was written. */
static unsigned change(const struct program *program, int version)
{
	int64_t began = live_now_ms(), written = 0;
	unsigned writes = 0;

	while (!answers(version)) {
		if (writes == 0 || live_now_ms() - written > NUDGE_MS) {
			write_version(program, version);
			written = live_now_ms();
			writes++;
		}
		if (!live_again(began + LIVE_PATIENCE_MS))
			live_fail("version %d does not answer", version);
	}
	return writes;
}

/* command: a shell's, in the folder of the test. Each change may cut what the old one has begun to answer. */
static void check_reloader(const struct program *program, const char *command)
{
	unsigned writes = 0;
	pid_t pid;

	write_version(program, 1);
	pid = live_start("run", "--hold", "-q", "sh", "-c", live_text("cd %s && exec %s >/dev/null 2>&1", actor_dir, command));
	live_wait(8080, 0, INUSE_LISTEN);
	holder_begin_talking_crowd(ADDR, CLIENTS, HTTP);
	for (int i = 2; i < 2 + CHANGES; i++) {
		holder_await_served(10);
		writes += change(program, i);
	}
	holder_await_served(10);
	holder_end_crowd(writes * CLIENTS);
	live_finish(pid, SIGTERM);
	if (live_count(8080, 0, INUSE_LISTEN) != 0)
		live_fail("somebody still listens");
}

static void test_reload__node_watch__nobody_refused(void **state)
{
	actor_need("node");
	if (live_run("sh", "-c", "node --help | grep -q -e --watch")->status != 0)
		live_skip("this node cannot watch (18.11)");
	check_reloader(&in_node, "node --watch app.js");
}

static void test_reload__nodemon__nobody_refused(void **state)
{
	actor_need("nodemon"); /* no package of Debian's: npm install -g nodemon */
	check_reloader(&in_node, "nodemon -q app.js");
}

/* What nodemon does, for where it is not: SIGUSR2 for the child and what that has started, and the next one when it has ended. */
static const char like_nodemon[] =
	"const {fork, execFileSync} = require('child_process'); let child, changed = false;\n"
	"const below = pid => { let out = ''; try { out = execFileSync('ps', ['-o', 'pid=', '--ppid', pid]) + ''; } catch (e) {}\n"
	"    return out.split('\\n').filter(x => x.trim()).map(Number).flatMap(x => [x, ...below(x)]); };\n"
	"const start = () => { child = fork('app.js', [], {execArgv: []});\n"
	"    child.on('exit', () => { child = null; if (changed) { changed = false; start(); } }); };\n"
	"const restart = () => { if (!child) return start(); changed = true;\n"
	"    for (const pid of [...below(child.pid).reverse(), child.pid]) try { process.kill(pid, 'SIGUSR2'); } catch (e) {} };\n"
	"require('fs').watchFile('app.js', {interval: 100}, restart);\n"
	"process.on('SIGTERM', () => { if (child) child.kill('SIGTERM'); process.exit(143); });\n"
	"start();\n";

static void test_reload__what_nodemon_does__nobody_refused(void **state)
{
	actor_need("node");
	actor_need("ps");
	actor_write("reloader.js", like_nodemon);
	check_reloader(&in_node, "node reloader.js");
}

static void test_reload__entr__nobody_refused(void **state)
{
	actor_need("entr");
	actor_need("node");
	actor_write("list", "app.js\n");
	check_reloader(&in_node, "entr -n -r node app.js <list");
}

/* Its parent listens, and hands the socket to each child. */
static void test_reload__flask__nobody_refused(void **state)
{
	const char *python = actor_python();

	if (live_run(python, "-c", "import flask")->status != 0)
		live_skip("flask is not installed");
	/* Without a thread for each request: one that begins while the interpreter ends is a thread of whose state Python 3.11 has freed the
	 * memory (_PyThreadState_SetCurrent() in the core file); the old one dies of it, bare as well, and the reloader ends with it. */
	check_reloader(&in_flask, live_text("env FLASK_APP=app.py PYTHONDONTWRITEBYTECODE=1 %s -m flask run --reload --without-threads -p 8080", python));
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		folder_test(test_reload__node_watch__nobody_refused),
		folder_test(test_reload__nodemon__nobody_refused),
		folder_test(test_reload__what_nodemon_does__nobody_refused),
		folder_test(test_reload__entr__nobody_refused),
		folder_test(test_reload__flask__nobody_refused),
	};

	return LIVE_RUN("run_reload", tests);
}
