/* SPDX-License-Identifier: MIT */
/*
 * Settings, clock, tick rate and kernel version of the caller's network namespace.
 *
 * Theory of operation
 *
 * /proc/sys/net shows the namespace of the thread that opens a file there. A setting whose file is missing is known
 * only where the file's absence has one meaning: the kernel is older than the setting, or it has no IPv6. Everything
 * else (no /proc, a sandbox that hides it, kernels that show a setting in the first namespace only) is "not known".
 */
#include "host/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "base/parse.h"
#include "host/features.h"
#include "host/linux_tcp.h"
#include "host/sources.h"

/* A list of every second port; the kernel hands such a list out in one read or not at all. */
#define RESERVED_MAX (256 * 1024)

static const struct {
	const char *path;
	int64_t fallback;
	bool ipv6; /* the file belongs to IPv6 */
} rows[] = {
#define SETTING(id, file, value) [IU_SET_##id] = {"/proc/sys/net/" file, value, file[3] == '6'},
#include "model/settings.def"
#undef SETTING
};

/* The kernel that brought the file; 0: it was always there. Source: linux Documentation/networking/ip-sysctl.rst. */
static const uint32_t since[IU_N_SETTINGS] = {
	[IU_SET_UNPRIVILEGED_PORT_START] = IU_KERNEL(4, 11),
	[IU_SET_NONLOCAL_BIND6] = IU_KERNEL(4, 3),
	[IU_SET_AUTOBIND_REUSE] = IU_KERNEL(5, 7),
	[IU_SET_TW_REUSE_DELAY] = IU_KERNEL(6, 14),
	[IU_SET_INVALID_RATELIMIT] = IU_KERNEL(4, 0),
};

int64_t iu_host_now(void)
{
	struct timespec ts = {0};

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

uint32_t iu_kernel_from_release(const char *release)
{
	size_t major_len = strspn(release, "0123456789"), minor_len;
	const char *minor_text = release + major_len + 1;
	uint64_t major, minor;

	if (release[major_len] != '.' || !iu_parse_u64_n(release, major_len, 1, 999, &major))
		return 0;
	minor_len = strspn(minor_text, "0123456789");
	if (!iu_parse_u64_n(minor_text, minor_len, 0, 999, &minor))
		return 0;
	return IU_KERNEL(major, minor);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

bool iu_settings_number(const char *text, size_t len, unsigned index, int64_t *ret)
{
	bool found = false;
	int64_t value = 0;
	size_t i = 0;

	for (unsigned n = 0;; n++) {
		size_t start, digits;
		uint64_t number;

		while (i < len && is_blank(text[i]))
			i++;
		if (i == len)
			break;
		start = i;
		while (i < len && !is_blank(text[i]))
			i++;
		digits = start + (text[start] == '-');
		if (!iu_parse_u64_n(text + digits, i - digits, 0, INT64_MAX, &number))
			return false;
		if (n == index) {
			value = text[start] == '-' ? -(int64_t)number : (int64_t)number;
			found = true;
		}
	}
	if (found)
		*ret = value;
	return found;
}

enum iu_range_step iu_settings_next_range(const char **at, const char *end, struct iu_range *ret)
{
	const char *s = *at, *stop, *dash;
	uint64_t first, last;

	while (s < end && is_blank(*s))
		s++;
	if (s == end) {
		*at = s;
		return IU_RANGE_END;
	}
	for (stop = s; stop < end && *stop != ',' && !is_blank(*stop);)
		stop++;
	dash = memchr(s, '-', (size_t)(stop - s));
	if (!iu_parse_u64_n(s, (size_t)((dash ? dash : stop) - s), 0, UINT16_MAX, &first))
		return IU_RANGE_BAD;
	last = first;
	if (dash != NULL && !iu_parse_u64_n(dash + 1, (size_t)(stop - dash - 1), first, UINT16_MAX, &last))
		return IU_RANGE_BAD;
	*ret = (struct iu_range){(uint16_t)first, (uint16_t)last};
	*at = stop < end && *stop == ',' ? stop + 1 : stop;
	return IU_RANGE_ONE;
}

bool iu_settings_fallback_holds(enum iu_setting setting, uint32_t kernel, bool has_ipv6)
{
	return (rows[setting].ipv6 && !has_ipv6) || (kernel != 0 && kernel < since[setting]);
}

uint32_t iu_hz_from_resolution(int64_t resolution_ns)
{
	return resolution_ns <= 0 || resolution_ns > 1000000000 ?
		0 : (uint32_t)((1000000000 + resolution_ns / 2) / resolution_ns);
}

uint32_t iu_host_hz(void)
{
	struct timespec resolution = {0};

	clock_getres(CLOCK_MONOTONIC_COARSE, &resolution);
	return iu_hz_from_resolution(resolution.tv_sec * INT64_C(1000000000) + resolution.tv_nsec);
}

/* Reads at most size bytes of a file into buf in one read; the length, or -1 with errno. */
static ssize_t read_once(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), saved;
	ssize_t len;

	if (fd < 0)
		return -1;
	do
		len = read(fd, buf, size);
	while (len < 0 && errno == EINTR);
	saved = errno;
	close(fd);
	errno = saved;
	return len;
}

int64_t iu_host_fin_most_ns(void)
{
	char text[64];
	ssize_t len = read_once(rows[IU_SET_FIN_TIMEOUT].path, text, sizeof(text));
	int64_t seconds;

	if (len < 0 || !iu_settings_number(text, (size_t)len, 0, &seconds) || seconds > INT32_MAX)
		return 0;
	return (seconds < IU_LINGER2_MOST_S ? IU_LINGER2_MOST_S : seconds) * INT64_C(1000000000);
}

/* True: it is there. */
static bool read_setting(struct iu_facts *facts, enum iu_setting setting, bool has_ipv4, bool has_ipv6)
{
	char text[256];
	ssize_t len = read_once(rows[setting].path, text, sizeof(text));
	bool known;

	if (len >= 0) {
		known = iu_settings_number(text, (size_t)len, setting == IU_SET_RANGE_LAST, &facts->settings[setting]);
	} else {
		facts->settings[setting] = rows[setting].fallback;
		known = errno == ENOENT && has_ipv4 && iu_settings_fallback_holds(setting, facts->kernel, has_ipv6);
	}
	if (known)
		facts->settings_known |= 1u << setting;
	else
		facts->settings[setting] = rows[setting].fallback;
	return len >= 0;
}

static void read_reserved(struct inuse_snapshot *s)
{
	char *text = malloc(RESERVED_MAX);
	ssize_t len = text ? read_once("/proc/sys/net/ipv4/ip_local_reserved_ports", text, RESERVED_MAX) : -1;
	const char *at = text, *end = text + (len > 0 ? len : 0);
	struct iu_range range;

	while (len > 0 && iu_settings_next_range(&at, end, &range) == IU_RANGE_ONE)
		iu_snapshot_add_reserved(s, &range);
	free(text);
}

/* Before Linux 3.17 there is no /proc/thread-self; then the main thread's namespace is the best there is. */
uint64_t iu_host_netns(void)
{
	struct stat st;

	if (stat("/proc/thread-self/ns/net", &st) != 0 && stat("/proc/self/ns/net", &st) != 0)
		return 0;
	return st.st_ino;
}

enum inuse_status iu_settings_read(struct inuse_snapshot *s, struct inuse_error *error)
{
	struct iu_facts *facts = iu_snapshot_scalars(s);
	bool has_ipv4 = access("/proc/sys/net/ipv4", F_OK) == 0, has_ipv6 = access("/proc/sys/net/ipv6", F_OK) == 0;
	struct utsname name;

	facts->now_ns = iu_host_now();
	facts->netns = iu_host_netns();
	facts->kernel = uname(&name) == 0 ? iu_kernel_from_release(name.release) : 0;
	facts->features = iu_features_from_version(facts->kernel);
	facts->hz = iu_host_hz();
	facts->settings_known = 0;
	for (int i = 0; i < IU_N_SETTINGS; i++)
		if (read_setting(facts, (enum iu_setting)i, has_ipv4, has_ipv6) && i == IU_SET_TW_REUSE_DELAY)
			iu_features_take(facts, &(struct iu_probed){IU_FEATURE_TW_DELAY, IU_FEATURE_TW_DELAY});
	read_reserved(s);
	return INUSE_OK;
}

int64_t iu_host_doubtful_uid(void)
{
	unsigned long inside = 1, outside = 1, count = 0;
	long overflow = 65534;
	FILE *f = fopen("/proc/self/uid_map", "re");
	bool whole;

	if (f == NULL)
		return -1;
	whole = fscanf(f, "%lu %lu %lu", &inside, &outside, &count) == 3 && inside == 0 && outside == 0 &&
		count == UINT32_MAX;
	fclose(f);
	if (whole)
		return -1;
	f = fopen("/proc/sys/kernel/overflowuid", "re");
	if (f != NULL) {
		if (fscanf(f, "%ld", &overflow) != 1)
			overflow = 65534;
		fclose(f);
	}
	return overflow;
}
