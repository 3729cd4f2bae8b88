/* SPDX-License-Identifier: MIT */
/* inuse run with real programs: each listens, and a second one of it is told why it cannot. */
#include <fcntl.h>
#include <stdlib.h>

#include "support/actor.h"

/* Starts the program twice under inuse, on port 8080; the first must listen and end as the signal wants it. */
static void check_program(const char *const *words, int signal, int status)
{
	const char *argv[24] = {"inuse", "run"};
	const struct live_run *second;
	pid_t first;

	for (size_t i = 0; words[i] != NULL; i++)
		argv[i + 2] = words[i];
	first = live_start_inuse(-1, argv);
	live_wait(8080, 0, INUSE_LISTEN);
	second = live_run_inuse(-1, argv);
	if (second->status == 0 || strstr(second->err, "failed: Address already in use (EADDRINUSE)") == NULL ||
	    strstr(second->err, "IN USE by") == NULL)
		live_fail("%s (status %d)\n%s%s", second->line, second->status, second->out, second->err);
	assert_int_equal(live_finish(first, signal)->status, status);
	live_wait_gone(8080, 0);
}

#define CHECK_PROGRAM(signal, status, ...) check_program((const char *const[]){__VA_ARGS__, NULL}, signal, status)

static void test_run__python__listens(void **state)
{
	CHECK_PROGRAM(SIGTERM, 128 + SIGTERM, actor_python(), "-m", "http.server", "8080");
}

/* Its server is handed each request in a process, or in a thread, of its own. */
static void check_many_handed(const char *mixin)
{
	const char *script = live_text("import http.server as h, socketserver as s\n"
				       "class Server(s.%s, h.HTTPServer): pass\n"
				       "Server(('', 8080), h.SimpleHTTPRequestHandler).serve_forever()", mixin);
	pid_t pid = live_start("run", actor_python(), "-c", script);
	const struct live_run *answer;

	live_wait(8080, 0, INUSE_LISTEN);
	answer = live_run(actor_python(), "-c", "import urllib.request as u; print(u.urlopen('http://127.0.0.1:8080/').status)");
	live_says(answer, 0, "200");
	live_complains(live_inuse("run", actor_python(), "-c", script), 1, "failed: Address already in use (EADDRINUSE)");
	assert_int_equal(live_finish(pid, SIGTERM)->status, 128 + SIGTERM);
}

static void test_run__forking_server__serves(void **state)
{
	check_many_handed("ForkingMixIn");
}

static void test_run__threaded_server__serves(void **state)
{
	check_many_handed("ThreadingMixIn");
}

static void test_run__node__listens(void **state)
{
	actor_need("node");
	CHECK_PROGRAM(SIGTERM, 128 + SIGTERM, "node", "-e", "require('http').createServer((q,r)=>r.end('x')).listen(8080)");
}

static const char *nginx_words[] = {"nginx", "-p", NULL, "-c", NULL, NULL};

static void prepare_nginx(const char *daemon)
{
	actor_need("nginx");
	setenv("PATH", live_text("%s:/usr/sbin", getenv("PATH")), 1);
	actor_write("nginx.conf",
		   live_text("daemon %s; master_process on; worker_processes 2; pid %s/nginx.pid; error_log %s/error.log;\n"
			     "events {} http { access_log off; client_body_temp_path %s/b; proxy_temp_path %s/p; fastcgi_temp_path %s/f;\n"
			     "uwsgi_temp_path %s/u; scgi_temp_path %s/s; server { listen 8080; location / { return 200 'x'; } } }\n",
			     daemon, actor_dir, actor_dir, actor_dir, actor_dir, actor_dir, actor_dir, actor_dir));
	nginx_words[2] = actor_dir;
	nginx_words[4] = live_text("%s/nginx.conf", actor_dir);
}

static void test_run__nginx__master_and_workers_listen(void **state)
{
	prepare_nginx("off");
	check_program(nginx_words, SIGTERM, 0);
}

/* The workers give up root: what they bind later they bind themselves, and the master has bound all there is. */
static void test_run__nginx_whose_workers_are_another_user__serves(void **state)
{
	pid_t pid;

	live_need_root();
	prepare_nginx("off");
	actor_write("user.conf", live_text("user nobody nogroup; include %s/nginx.conf;", actor_dir));
	pid = live_start("run", "nginx", "-p", actor_dir, "-c", live_text("%s/user.conf", actor_dir));
	live_wait(8080, 0, INUSE_LISTEN);
	live_says(live_run(actor_python(), "-c", "import urllib.request as u; print(u.urlopen('http://127.0.0.1:8080/').read())"), 0, "b'x'");
	live_says(live_run("sh", "-c", "ps -o user= -C nginx"), 0, "nobody");
	assert_string_equal(live_finish(pid, SIGTERM)->out, "");
}

static void test_run__nginx_as_a_daemon__is_stayed_with(void **state)
{
	prepare_nginx("on");
	check_program(nginx_words, SIGTERM, 0);
}

static void test_run__redis__listens(void **state)
{
	actor_need("redis-server");
	CHECK_PROGRAM(SIGTERM, 0, "redis-server", "--port", "8080", "--save", "", "--dir", actor_dir);
}

static void test_run__go__listens(void **state)
{
	actor_need("go");
	actor_write("main.go", "package main\nimport (\"net\"; \"log\")\nfunc main() {\n\tl, err := net.Listen(\"tcp\", \":8080\")\n"
			      "\tfor err == nil { _, err = l.Accept() }\n\tlog.Fatal(err)\n}\n");
	live_says(live_run("sh", "-c", live_text("cd %s && HOME=%s CGO_ENABLED=0 GOFLAGS=-p=1 go build -o main main.go", actor_dir, actor_dir)), 0, "");
	CHECK_PROGRAM(SIGTERM, 128 + SIGTERM, live_text("%s/main", actor_dir));
}

static void test_run__static_program__listens(void **state)
{
	live_listener("127.0.0.1:8080", 0);
	live_complains(actor_run("listen", "127.0.0.1:8080"), 0, "failed: Address already in use (EADDRINUSE)");
}

static void test_run__shell_that_runs_a_server__told_of_the_server(void **state)
{
	live_listener("127.0.0.1:8080", 0);
	live_complains(live_inuse("run", "sh", "-c", live_text("%s listen 127.0.0.1:8080; true", actor_path())), 0, "inuse: actor (pid");
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		folder_test(test_run__python__listens),
		folder_test(test_run__forking_server__serves),
		folder_test(test_run__threaded_server__serves),
		folder_test(test_run__node__listens),
		folder_test(test_run__nginx__master_and_workers_listen),
		folder_test(test_run__nginx_whose_workers_are_another_user__serves),
		folder_test(test_run__nginx_as_a_daemon__is_stayed_with),
		folder_test(test_run__redis__listens),
		folder_test(test_run__go__listens),
		folder_test(test_run__static_program__listens),
		folder_test(test_run__shell_that_runs_a_server__told_of_the_server),
	};

	return LIVE_RUN("run_programs", tests);
}
