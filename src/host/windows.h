/* SPDX-License-Identifier: MIT */
/*
 * The eyes on Windows.
 *
 * Theory of operation
 *
 * The IP Helper's tables show every connection and listener with the process that made it, to every user. They do not
 * show options (SO_REUSEADDR, SO_EXCLUSIVEADDRUSE, IPV6_V6ONLY) nor sockets that are only bound: those stay unknown, and the
 * rules of Windows decide whether that matters. The process is the one that opened the socket: when it has ended and a child
 * inherited the socket, its number belongs to nobody: the children of that number that still run are named. A number 0 is no process: of what has ended (TIME-WAIT), or hidden.
 */
#ifndef IU_HOST_WINDOWS_H
#define IU_HOST_WINDOWS_H

#include "compat/socket.h"
#include "host/host.h"

/* The pure parts. delay_ns: how long a TIME-WAIT lasts at most. */
enum inuse_state iu_state_from_windows(unsigned mib_state);
struct inuse_socket iu_windows_socket4(const MIB_TCPROW_OWNER_PID *row, int64_t now_ns, int64_t delay_ns);
struct inuse_socket iu_windows_socket6(const MIB_TCP6ROW_OWNER_PID *row, int64_t now_ns, int64_t delay_ns);
/*
 * What `netsh interface ipv4 show dynamicport tcp` says, in any language: the last two numbers behind colons, the first
 * port and how many. False, and *ret untouched, if there are none.
 */
bool iu_windows_range(const char *text, struct iu_range *ret);

/*
 * A line of `netsh interface ipv4 show excludedportrange protocol=tcp`, in any language: two ports, and an asterisk where an
 * administrator has set the range aside, so that a program may still bind there by name. False: it is no such line.
 */
bool iu_windows_excluded(const char *line, struct iu_range *ret, bool *ret_administered);

/* pid 0: none, or not told. Return false to stop. */
typedef bool iu_windows_fn(void *arg, const struct inuse_socket *socket, uint32_t pid);
/* Every row of the table of one family (4, 6). INUSE_E_SYSTEM, INUSE_E_MEMORY. */
enum inuse_status iu_windows_table(int family, iu_windows_fn *fn, void *arg, struct inuse_error *error);
/* Fills in what may be read of a process; "" what may not. False: there is none of that number. */
bool iu_windows_process(struct inuse_snapshot *s, uint32_t pid, struct inuse_process *ret);
/* When it started, on the snapshot's clock; 0 unknown. */
int64_t iu_windows_started_ns(HANDLE process);
/* The number of the process that started it; 0: it is not there, or nobody. */
uint32_t iu_windows_parent(uint32_t pid);
/* The processes that name `pid` as the one that started them; returns how many, at most max. */
size_t iu_windows_children(uint32_t pid, uint32_t *ret, size_t max);
/* TcpTimedWaitDelay, or the longest that Microsoft documents as its default. */
int64_t iu_windows_time_wait_ns(void);
/* Addresses and devices into the snapshot. */
void iu_windows_surroundings(struct inuse_snapshot *s);
/*
 * The range of automatic ports and the excluded ranges, which takes a moment: a program of Windows tells them.
 * False: it does not, which is so under Wine.
 */
bool iu_windows_ranges(struct inuse_snapshot *s);

#endif
