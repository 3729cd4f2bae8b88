/* SPDX-License-Identifier: MIT */
/* inuse run --hold with real programs: restarted under clients that never stop, nobody is refused. */
#include <stdlib.h>

#include "support/holder.h"

#define HTTP "GET / HTTP/1.0\r\n\r\n"
#define CLIENTS 3
#define RESTARTS 3

/*
 * Runs it under clients and has it restarted some times. cut: requests that the end of a start may cut in the middle, as
 * it does without inuse; 0 for a program that finishes what it has begun.
 */
static void restart_under_clients(const char *words, unsigned cut)
{
	live_wait(8080, 0, INUSE_LISTEN);
	holder_begin_talking_crowd(ADDR, CLIENTS, words);
	for (int i = 0; i < RESTARTS; i++) {
		holder_await_served(10);
		live_says(live_inuse("restart", "8080"), 0, "listens again");
	}
	holder_await_served(10);
	holder_end_crowd(cut);
}

static void check_started(pid_t pid, const char *words, unsigned cut)
{
	restart_under_clients(words, cut);
	live_finish(pid, SIGTERM);
	if (live_count(8080, 0, INUSE_LISTEN) != 0)
		live_fail("somebody still listens");
}

#define CUT (CLIENTS * RESTARTS)
#define CHECK_AS(uid, words, cut, ...) \
	check_started(live_start_inuse(uid, (const char *const[]){"inuse", "run", "--hold", __VA_ARGS__, NULL}), words, cut)
#define CHECK(words, cut, ...) CHECK_AS(-1, words, cut, __VA_ARGS__)

static void test_hold__python__nobody_refused(void **state)
{
	CHECK(HTTP, CUT, actor_python(), "-m", "http.server", "8080", "--directory", actor_dir);
}

static void test_hold__python_as_an_ordinary_user__nobody_refused(void **state)
{
	live_need_root();
	CHECK_AS(LIVE_NOBODY, HTTP, CUT, actor_python(), "-m", "http.server", "8080", "--directory", actor_dir);
}

static void check_server(const char *kind)
{
	const char *script = live_text("import socketserver\n"
				       "class H(socketserver.StreamRequestHandler):\n"
				       "    def handle(self): self.rfile.readline(); self.wfile.write(b'x')\n"
				       "class S(socketserver.%s, socketserver.TCPServer): allow_reuse_address = True\n"
				       "S(('', 8080), H).serve_forever()", kind);

	CHECK(HTTP, CUT, actor_python(), "-c", script);
}

static void test_hold__forking_server__nobody_refused(void **state)
{
	check_server("ForkingMixIn");
}

static void test_hold__threaded_server__nobody_refused(void **state)
{
	check_server("ThreadingMixIn");
}

static void test_hold__asyncio__nobody_refused(void **state)
{
	CHECK(HTTP, CUT, actor_python(), "-c",
	      "import asyncio\n"
	      "async def h(r, w): await r.readline(); w.write(b'x'); await w.drain(); w.close()\n"
	      "async def main(): await (await asyncio.start_server(h, '127.0.0.1', 8080)).serve_forever()\n"
	      "asyncio.run(main())");
}

#define NODE "const s = require('http').createServer((q, r) => r.end('x')).listen(8080);"

static void test_hold__node__nobody_refused(void **state)
{
	actor_need("node");
	CHECK(HTTP, CUT, "node", "-e", NODE);
}

static void test_hold__node_that_ends_gracefully__nobody_cut_either(void **state)
{
	actor_need("node");
	CHECK(HTTP, 0, "node", "-e", NODE "process.on('SIGTERM', () => s.close(() => process.exit(0)));");
}

static void test_hold__node_cluster__nobody_refused(void **state)
{
	actor_need("node");
	actor_write("cluster.js", "const c = require('cluster'); if (c.isPrimary) { c.fork(); c.fork(); } else {" NODE "}");
	CHECK(HTTP, CUT, "node", live_text("%s/cluster.js", actor_dir));
}

static void test_hold__node_with_overlap__nobody_refused(void **state)
{
	actor_need("node");
	CHECK(HTTP, 0, "--overlap", "node", "-e", NODE "process.on('SIGTERM', () => s.close(() => process.exit(0)));");
}

/* daemon: "on", "off"; listen: what stands behind the port. */
static void check_nginx(const char *daemon, const char *listen, const char *option)
{
	actor_need("nginx");
	setenv("PATH", live_text("%s:/usr/sbin", getenv("PATH")), 1);
	actor_write("nginx.conf",
		   live_text("daemon %s; master_process on; worker_processes 2; pid nginx.pid; error_log error.log;\n"
			     "events {} http { access_log off; client_body_temp_path b; proxy_temp_path p; fastcgi_temp_path f;\n"
			     "uwsgi_temp_path u; scgi_temp_path s; server { listen 8080 %s; location / { return 200 'x'; } } }\n",
			     daemon, listen));
	CHECK(HTTP, 0, option, "nginx", "-p", actor_dir, "-c", live_text("%s/nginx.conf", actor_dir));
}

static void test_hold__nginx__nobody_refused_nobody_cut(void **state)
{
	check_nginx("off", "", "--stop-signal=QUIT");
}

static void test_hold__nginx_with_reuseport__nobody_refused_nobody_cut(void **state)
{
	check_nginx("off", "reuseport backlog=7 deferred", "--stop-signal=QUIT");
}

static void test_hold__nginx_as_a_daemon__nobody_refused_nobody_cut(void **state)
{
	check_nginx("on", "", "--stop-signal=QUIT");
}

static void test_hold__redis__nobody_refused(void **state)
{
	actor_need("redis-server");
	CHECK("PING\r\n", CUT, "redis-server", "--port", "8080", "--save", "", "--dir", actor_dir, "--bind", "127.0.0.1");
}

static void test_hold__redis__keeps_what_it_was_told(void **state)
{
	/* stop, then start: the new one loads what the old one has saved */
	pid_t pid;

	actor_need("redis-server");
	pid = live_start("run", "--hold", "redis-server", "--port", "8080", "--save", "3600 1", "--dir", actor_dir, "--bind", "127.0.0.1");
	live_wait(8080, 0, INUSE_LISTEN);
	live_says(live_run("redis-cli", "-p", "8080", "set", "key", "value"), 0, "OK");
	live_says(live_inuse("restart", "8080"), 0, "listens again");
	live_says(live_run("redis-cli", "-p", "8080", "get", "key"), 0, "value");
	live_finish(pid, SIGTERM);
}

static void test_hold__go__nobody_refused(void **state)
{
	actor_need("go");
	actor_write("main.go", "package main\nimport \"net\"\nfunc main() {\n\tl, err := net.Listen(\"tcp\", \":8080\")\n"
			      "\tif err != nil { panic(err) }\n\tfor {\n\t\tc, err := l.Accept()\n\t\tif err != nil { panic(err) }\n"
			      "\t\tgo func() { b := make([]byte, 512); c.Read(b); c.Write([]byte(\"x\")); c.Close() }()\n\t}\n}\n");
	live_says(live_run("sh", "-c", live_text("cd %s && HOME=%s CGO_ENABLED=0 GOFLAGS=-p=1 go build -o main main.go", actor_dir, actor_dir)), 0, "");
	CHECK(HTTP, CUT, live_text("%s/main", actor_dir));
}

static void test_hold__static_c__nobody_refused(void **state)
{
	CHECK(HTTP, CUT, actor_path(), "serve", "8080");
}

/* ------------------------------------------------------------------------------------------ under a debugger */

static void test_hold__under_gdb__nobody_refused(void **state)
{
	actor_need("gdb");
	CHECK(HTTP, CUT, "gdb", "-batch", "-nx", "-ex", "run", "--args", actor_path(), "serve", "8080");
}

static void test_hold__under_strace__nobody_refused(void **state)
{
	actor_need("strace");
	CHECK(HTTP, CUT, "strace", "-f", "-I2", "-o", "/dev/null", actor_path(), "serve", "8080");
}

static void test_hold__under_strace_that_ignores_signals__server_is_told_to_end(void **state)
{
	pid_t pid;

	actor_need("strace");
	pid = live_start("run", "--hold", "--stop-timeout=100", "strace", "-f", "-o", "/dev/null", actor_path(), "serve", "8080");
	restart_under_clients(HTTP, CUT);
	/* as without inuse: only the program itself ends strace */
	live_run("sh", "-c", "kill $(ss -Hltnp 'sport = :8080' | sed 's/.*actor\",pid=\\([0-9]*\\).*/\\1/')");
	live_says_not(live_finish(pid, 0), "killed");
}

static void test_hold__inuse_itself_under_strace__nobody_refused(void **state)
{
	actor_need("strace");
	check_started(live_start_any((const char *const[]){"strace", "-f", "-I2", "-o", "/dev/null", live_inuse_path(), "run", "--hold",
							   actor_path(), "serve", "8080", NULL}), HTTP, CUT);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		folder_test(test_hold__python__nobody_refused),
		folder_test(test_hold__python_as_an_ordinary_user__nobody_refused),
		folder_test(test_hold__forking_server__nobody_refused),
		folder_test(test_hold__threaded_server__nobody_refused),
		folder_test(test_hold__asyncio__nobody_refused),
		folder_test(test_hold__node__nobody_refused),
		folder_test(test_hold__node_that_ends_gracefully__nobody_cut_either),
		folder_test(test_hold__node_cluster__nobody_refused),
		folder_test(test_hold__node_with_overlap__nobody_refused),
		folder_test(test_hold__nginx__nobody_refused_nobody_cut),
		folder_test(test_hold__nginx_with_reuseport__nobody_refused_nobody_cut),
		folder_test(test_hold__nginx_as_a_daemon__nobody_refused_nobody_cut),
		folder_test(test_hold__redis__nobody_refused),
		folder_test(test_hold__redis__keeps_what_it_was_told),
		folder_test(test_hold__go__nobody_refused),
		folder_test(test_hold__static_c__nobody_refused),
		folder_test(test_hold__under_gdb__nobody_refused),
		folder_test(test_hold__under_strace__nobody_refused),
		folder_test(test_hold__under_strace_that_ignores_signals__server_is_told_to_end),
		folder_test(test_hold__inuse_itself_under_strace__nobody_refused),
	};

	return LIVE_RUN("run_hold_programs", tests);
}
