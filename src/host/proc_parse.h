/* SPDX-License-Identifier: MIT */
/*
 * What the files below /proc/PID and systemd's unit files say, as text to be understood. Pure: nothing is opened here.
 *
 * A process writes its own name, and whoever may make a control group names it: none of this text is trusted. Names
 * that end up in a command to paste (units, containers) are taken only in the alphabet that their makers use.
 */
#ifndef IU_HOST_PROC_PARSE_H
#define IU_HOST_PROC_PARSE_H

#include "inuse.h"

/* Of /proc/PID/stat. */
struct iu_proc_stat {
	int32_t pid, ppid;
	char status;           /* R S D Z T t ... */
	uint32_t tty;          /* device number of the controlling terminal, 0 none */
	uint32_t threads;
	uint64_t start_ticks;  /* sysconf(_SC_CLK_TCK) since boot, on CLOCK_BOOTTIME */
	bool dies_of_term;     /* SIGTERM is neither caught nor ignored; false where the line does not tell */
};

/* Of /proc/PID/cgroup. Empty strings where there is none. */
struct iu_proc_cgroup {
	char unit[256];           /* "nginx.service" */
	bool user_unit;           /* of the user's own manager: systemctl --user */
	char container[128];      /* 64 hexadecimal digits, or a name for lxc and systemd-nspawn */
	char container_kind[16];  /* "docker", "podman", "kubernetes", "lxc", "nspawn"; "" not known */
};

/* The command in brackets may hold any byte, brackets and newlines too: the LAST ')' ends it. False: not understood. */
bool iu_proc_parse_stat(const char *text, size_t len, struct iu_proc_stat *ret);

/* The effective uid in /proc/PID/status. */
bool iu_proc_parse_uid(const char *text, size_t len, uint32_t *ret_uid);

/* Both cgroup versions. Always fills *ret, with empty strings where nothing was recognized. */
void iu_proc_parse_cgroup(const char *text, size_t len, struct iu_proc_cgroup *ret);

/* The N of "socket:[N]"; false for any other link. */
bool iu_proc_parse_socket_link(const char *text, size_t len, uint64_t *ret_inode);

/* "pts/3", "tty1", "ttyS0" of a device number as /proc/PID/stat has it; "" when it is none of these. Returns buf. */
char *iu_proc_tty_name(uint32_t tty, char *buf, size_t size);

/* Blanks for the zeros between the words of /proc/PID/cmdline, none at the end. Returns the new length. */
size_t iu_proc_join_args(char *text, size_t len);

/*
 * One file of a .socket unit, or a drop-in of it, in the order in which systemd reads them: *match becomes 2 when it
 * listens on exactly `local`, 1 when on its port at an address not told apart (the wildcard of the other family, a
 * device); an empty assignment resets it to 0, as it does for systemd. instance replaces %i; NULL for none.
 */
void iu_unit_parse_listen(const char *text, size_t len, const char *instance, const struct inuse_addr *local,
			  int *match);

#endif
