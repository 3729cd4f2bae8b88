/* SPDX-License-Identifier: MIT */
/* What /proc/PID/stat, status, cmdline and links say. cgroup and unit files are in proc_units.c. */
#include "host/proc_parse.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/parse.h"

/* The next word, separated by blanks; false at the end. */
static bool next_word(const char **at, const char *end, const char **ret_word, size_t *ret_len)
{
	const char *p = *at;

	while (p < end && (*p == ' ' || *p == '\t' || *p == '\n'))
		p++;
	*ret_word = p;
	while (p < end && *p != ' ' && *p != '\t' && *p != '\n')
		p++;
	*ret_len = (size_t)(p - *ret_word);
	*at = p;
	return *ret_len > 0;
}

/* The kernel prints device numbers and some ids signed: "-1" is wanted as 0xffffffff. */
static bool signed_word(const char *word, size_t len, uint64_t *ret)
{
	if (len > 1 && word[0] == '-' && iu_parse_u64_n(word + 1, len - 1, 0, INT64_MAX, ret)) {
		*ret = 0 - *ret;
		return true;
	}
	return iu_parse_u64_n(word, len, 0, UINT64_MAX, ret);
}

bool iu_proc_parse_stat(const char *text, size_t len, struct iu_proc_stat *ret)
{
	/* fields are numbered as in proc_pid_stat(5); 3 follows the bracket */
	enum { STATE = 3, PPID = 4, TTY = 7, THREADS = 20, START = 22, IGNORED = 33, CAUGHT = 34 };
	const uint64_t term = UINT64_C(1) << (SIGTERM - 1);
	const char *end = text + len, *at = text, *word, *close = memrchr(text, ')', len);
	struct iu_proc_stat out = {0};
	uint64_t value, handled = 0;
	size_t n;

	if (close == NULL || !next_word(&at, end, &word, &n) || !iu_parse_u64_n(word, n, 1, INT32_MAX, &value))
		return false;
	out.pid = (int32_t)value;
	at = close + 1;
	for (int field = STATE; field <= CAUGHT; field++) {
		if (!next_word(&at, end, &word, &n)) {
			if (field > START)
				break;
			return false;
		}
		if (field == STATE) {
			if (n != 1)
				return false;
			out.status = *word;
			continue;
		}
		if (!signed_word(word, n, &value))
			return false;
		if (field == PPID)
			out.ppid = (int32_t)value;
		else if (field == TTY)
			out.tty = (uint32_t)value;
		else if (field == THREADS)
			out.threads = (uint32_t)value;
		else if (field == START)
			out.start_ticks = value;
		else if (field == IGNORED || field == CAUGHT)
			handled |= value;
		if (field == CAUGHT)
			out.dies_of_term = (handled & term) == 0;
	}
	*ret = out;
	return true;
}

bool iu_proc_parse_uid(const char *text, size_t len, uint32_t *ret_uid)
{
	const char *line = text, *end = text + len, *word;
	size_t n;
	uint64_t value;

	while (line < end) {
		const char *stop = memchr(line, '\n', (size_t)(end - line));

		if (stop == NULL)
			stop = end;
		if (stop - line > 4 && memcmp(line, "Uid:", 4) == 0) {
			const char *at = line + 4;

			/* real, effective, saved, file system */
			if (!next_word(&at, stop, &word, &n) || !next_word(&at, stop, &word, &n) ||
			    !iu_parse_u64_n(word, n, 0, UINT32_MAX, &value))
				return false;
			*ret_uid = (uint32_t)value;
			return true;
		}
		line = stop + 1;
	}
	return false;
}

bool iu_proc_parse_socket_link(const char *text, size_t len, uint64_t *ret_inode)
{
	static const char lead[] = "socket:[";

	return len > sizeof(lead) && memcmp(text, lead, sizeof(lead) - 1) == 0 && text[len - 1] == ']' &&
	       iu_parse_u64_n(text + sizeof(lead) - 1, len - sizeof(lead), 0, UINT64_MAX, ret_inode);
}

char *iu_proc_tty_name(uint32_t tty, char *buf, size_t size)
{
	/* linux v6.18 include/linux/kdev_t.h new_encode_dev(); majors: Documentation/admin-guide/devices.txt */
	static const struct {
		unsigned major, first_minor, last_minor;
		const char *format;
	} names[] = {
		{4, 0, 63, "tty%u"}, {4, 64, 255, "ttyS%u"}, {166, 0, 255, "ttyACM%u"},
		{188, 0, 255, "ttyUSB%u"}, {204, 64, 79, "ttyAMA%u"}, {229, 0, 255, "hvc%u"},
	};
	unsigned major = tty >> 8 & 0xfff, minor = (tty & 0xff) | (tty >> 12 & 0xfff00);

	buf[0] = 0;
	if (major >= 136 && major <= 143) { /* UNIX98_PTY_SLAVE_MAJOR, eight majors of 256 */
		snprintf(buf, size, "pts/%u", (major - 136) * 256 + minor);
		return buf;
	}
	if (major == 5 && minor == 1)
		snprintf(buf, size, "console");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].major == major && minor >= names[i].first_minor && minor <= names[i].last_minor)
			snprintf(buf, size, names[i].format, minor - names[i].first_minor);
	return buf;
}

size_t iu_proc_join_args(char *text, size_t len)
{
	while (len > 0 && (text[len - 1] == 0 || text[len - 1] == ' '))
		len--;
	for (size_t i = 0; i < len; i++)
		if (text[i] == 0)
			text[i] = ' ';
	return len;
}
