/* SPDX-License-Identifier: MIT */
/* The pure parts of reading settings: text to numbers. */
#ifndef IU_HOST_SETTINGS_H
#define IU_HOST_SETTINGS_H

#include "model/facts.h"

/* "6.18.44-fc" to IU_KERNEL(6, 18); 0 when the text does not begin with two numbers. */
uint32_t iu_kernel_from_release(const char *release);

/*
 * Number `index`, from 0, of a file of decimal numbers between blanks, as /proc/sys has them ("32768\t60999\n").
 * False, and *ret untouched, if there is no such number or if anything else stands in the text.
 */
bool iu_settings_number(const char *text, size_t len, unsigned index, int64_t *ret);

enum iu_range_step { IU_RANGE_END, IU_RANGE_ONE, IU_RANGE_BAD };
/* Takes the next range off a list such as "1-5,8\n": *at moves on. *ret only with IU_RANGE_ONE. */
enum iu_range_step iu_settings_next_range(const char **at, const char *end, struct iu_range *ret);

/*
 * What to believe of a setting whose file is not there. True: the kernel (0 unknown) is older than the file, or has no
 * IPv6 at all, and the fallback of settings.def holds for certain.
 */
bool iu_settings_fallback_holds(enum iu_setting setting, uint32_t kernel, bool has_ipv6);

/* Ticks a second from the resolution of CLOCK_MONOTONIC_COARSE; 0 if that is none. */
uint32_t iu_hz_from_resolution(int64_t resolution_ns);
/* Ticks a second of this kernel, 0 unknown. (_SC_CLK_TCK is another thing.) Not pure. */
uint32_t iu_host_hz(void);

/*
 * The longest that a connection may stay in FIN-WAIT-2 in this network namespace after its process closed it, in nanoseconds: as
 * net.ipv4.tcp_fin_timeout says, or what a socket may have been given of its own. 0: the setting cannot be read.
 */
int64_t iu_host_fin_most_ns(void);

/*
 * In a user namespace the kernel shows a user without a number there as the overflow uid, which may be somebody's real
 * number, too (linux v6.18 kernel/user_namespace.c from_kuid_munged()). That uid, or -1 where every user has a number.
 */
int64_t iu_host_doubtful_uid(void);

/* The inode of the calling thread's network namespace; 0: not known, as where /proc is hidden. */
uint64_t iu_host_netns(void);

/* The inode of the calling thread's network namespace; 0: not known, as where /proc is hidden. */
uint64_t iu_host_netns(void);

#endif
