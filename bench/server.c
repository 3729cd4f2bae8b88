/* SPDX-License-Identifier: MIT */
/* Servers that a bench starts, on 127.0.0.1, and its connections to them. */
#include "server.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "measure.h"

/* A server that takes longer does not come. */
#define PATIENCE_MS 20000

struct sockaddr_in bench_local(uint16_t port)
{
	return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
}

int bench_socket(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
		bench_die("socket");
	return fd;
}

int bench_listener(uint16_t port)
{
	struct sockaddr_in at = bench_local(port);
	int fd = bench_socket();

	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(fd, SOMAXCONN) < 0)
		bench_die("listen");
	return fd;
}

int bench_dial(uint16_t port)
{
	struct sockaddr_in to = bench_local(port);
	int fd = bench_socket();

	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		bench_die("connect");
	return fd;
}

void bench_close(int fd)
{
	struct linger now = {1, 0};

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
}

bool bench_is_there(const char *program)
{
	char command[128];

	snprintf(command, sizeof(command), "PATH=$PATH:/usr/sbin command -v %s >/dev/null", program);
	return system(command) == 0;
}

pid_t bench_start(const char *const *words, int out)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0)
		bench_die("fork");
	if (pid > 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	dup2(out >= 0 ? out : open("/dev/null", O_WRONLY), 1);
	if (out < 0)
		dup2(1, 2);
	execvp(words[0], (char *const *)words);
	_exit(127);
}

void bench_await_listener(uint16_t port)
{
	struct sockaddr_in to = bench_local(port);
	double until = bench_now_ms() + PATIENCE_MS;
	int fd = bench_socket();

	while (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
		if (bench_now_ms() > until)
			bench_die("the server does not listen");
		close(fd);
		usleep(1000);
		fd = bench_socket();
	}
	bench_close(fd);
}

void bench_folder_new(char buf[64])
{
	snprintf(buf, 64, "/tmp/inuse-bench-XXXXXX");
	if (mkdtemp(buf) == NULL)
		bench_die(buf);
}

void bench_folder_free(const char *folder)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	if (system(command) != 0)
		fprintf(stderr, "bench: %s stays\n", folder);
}

void bench_nginx(const char *folder, uint16_t port, char *prefix, const char **words)
{
	const char *all[] = {"nginx", "-p", prefix, "-c", "nginx.conf", "-g", "daemon off;", NULL};
	char config[256];
	FILE *f;

	snprintf(prefix, 128, "%s/%u", folder, port);
	snprintf(config, sizeof(config), "%s/nginx.conf", prefix);
	if (mkdir(prefix, 0755) < 0 || (f = fopen(config, "we")) == NULL)
		bench_die(config);
	fprintf(f,
		"worker_processes 1; pid nginx.pid; error_log error.log crit;\n"
		"events { worker_connections 512; } http { access_log off; client_body_temp_path b; proxy_temp_path p;\n"
		"fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;\n"
		"server { listen 127.0.0.1:%u; location / { return 200 'hello'; } } }\n", port);
	fclose(f);
	memcpy(words, all, sizeof(all));
	setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
}
