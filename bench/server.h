/* SPDX-License-Identifier: MIT */
/* Servers that a bench starts, on 127.0.0.1, and its connections to them. */
#ifndef BENCH_SERVER_H
#define BENCH_SERVER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct sockaddr_in bench_local(uint16_t port);
/* A socket with SO_REUSEADDR, close-on-exec. */
int bench_socket(void);
int bench_listener(uint16_t port);
int bench_dial(uint16_t port);
/* Nothing is left of it, so that no port is used up. */
void bench_close(int fd);

bool bench_is_there(const char *program);
/* Starts the program in a process that ends with this one. out: its stdout; -1: what it prints is thrown away. */
pid_t bench_start(const char *const *words, int out);
/* Comes back when somebody listens there. */
void bench_await_listener(uint16_t port);

/* A folder below /tmp, and its end with all that is in it. */
void bench_folder_new(char buf[64]);
void bench_folder_free(const char *folder);
/* Makes FOLDER/PORT with the configuration of a server there; words: 7 of them and NULL. prefix: 128 bytes, used by words. */
void bench_nginx(const char *folder, uint16_t port, char *prefix, const char **words);

#endif
