/* SPDX-License-Identifier: MIT */
/* What a program asks of its operating system, beside sockets: the console, files, users, its name. */
#ifndef IU_COMPAT_SYSTEM_H
#define IU_COMPAT_SYSTEM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#ifdef _WIN32
#define getc_unlocked(f) _getc_nolock(f)
#endif

/*
 * To be called first: the arguments in UTF-8 and a console that shows UTF-8. Both pointers may be changed; what they
 * then point at lives as long as the program.
 */
void iu_system_start(int *argc, char ***argv);
/* "Linux 6.18.44", "Windows 10.0.19045"; "" if it cannot be told. Returns buf. */
char *iu_system_name(char *buf, size_t size);

/* The user that sockets are made for, the effective one. Windows: a number for its SID. */
uint32_t iu_system_user(void);
/* The user that started the program, the real one. */
uint32_t iu_system_real_user(void);
/* False: somebody with more rights would see more. */
bool iu_system_sees_all(void);
/* False: there is no such user, or users have no numbers. */
bool iu_system_find_user(const char *name, uint32_t *ret_uid);
/* A TCP service of the system's list; port in host order. */
bool iu_system_find_service(const char *name, uint16_t *ret_port);
/* Is a person there to read, or to type? */
bool iu_system_is_terminal(FILE *f);
/* Is this the errno of a write() to a pipe that nobody reads any more? */
bool iu_system_reader_has_gone(int code);
/* Some number, another one each time; not for secrets. */
uint32_t iu_system_random(void);

/*
 * From now on whoever wants this program to end (Ctrl-C, SIGTERM, SIGHUP, a console that is closed) is told of by
 * iu_system_interrupt(), and iu_watch_wait() wakes for it: the descriptor is for that. -1: it cannot be had.
 */
int iu_system_catch_interrupts(void);
/* Which signal came, as the exit status 128 + N counts them; 0 none so far. */
int iu_system_interrupt(int fd);
void iu_system_release_interrupts(int fd);

/* May a terminal here be given colours? */
bool iu_system_has_colours(void);
/* How wide the terminal behind f is; 0: it is none, or does not tell. */
size_t iu_system_columns(FILE *f);

/* A variable of the environment, in UTF-8; NULL: there is none, or it is empty. Lives as long as the program. */
const char *iu_system_variable(const char *name);
/* The path of the running program. False: it cannot be told, or is longer than size. */
bool iu_system_program(char *buf, size_t size);
bool iu_system_is_folder(const char *path);
/* The name of everything in a folder, in no order, but . and .. and what begins with a dot. False with errno set: it cannot be read. */
bool iu_system_each_in(const char *path, void (*fn)(void *arg, const char *name), void *arg);

/* Paths are UTF-8; child processes inherit none of these. NULL with errno set. Line ends are left as they are. */
FILE *iu_system_open(const char *path);
/* As above, but no pipe and no device, which might never end; waits for nobody. */
FILE *iu_system_open_ordinary(const char *path);
/* Makes the file or empties it. secret: nobody but its owner may read a new one. */
FILE *iu_system_create(const char *path, bool secret);
/* Removes an ordinary file; a device or a pipe is left alone. */
void iu_system_discard(const char *path);

#endif
