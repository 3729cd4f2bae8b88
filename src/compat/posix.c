/* SPDX-License-Identifier: MIT */
/* compat/ on POSIX systems. */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "compat/socket.h"
#include "compat/system.h"

void iu_socket_close(int fd)
{
	int code = errno;

	close(fd);
	errno = code;
}

int iu_socket_set_nonblocking(int fd, bool on)
{
	int flags = fcntl(fd, F_GETFL);

	return flags < 0 ? -1 : fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK);
}

int iu_socket_claim(int fd)
{
	return 0;
}

bool iu_socket_reuse_is_harmless(void)
{
	return true;
}

/*
 * Where standard output is closed, the first file or socket would get its number, and be written to; and libuv never closes a
 * socket with such a number. What takes it instead can be neither read nor written (EBADF, as before), and programs that are
 * run do not inherit it.
 */
static void keep_standard_numbers(void)
{
	int fd;

	do
		fd = open("/", O_PATH | O_CLOEXEC);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

void iu_system_start(int *argc, char ***argv)
{
	keep_standard_numbers();
}

char *iu_system_name(char *buf, size_t size)
{
	struct utsname uts;

	if (uname(&uts) == 0)
		snprintf(buf, size, "%s %s", uts.sysname, uts.release);
	else
		buf[0] = 0;
	return buf;
}

uint32_t iu_system_user(void)
{
	return geteuid();
}

uint32_t iu_system_real_user(void)
{
	return getuid();
}

bool iu_system_sees_all(void)
{
	return geteuid() == 0;
}

bool iu_system_find_user(const char *name, uint32_t *ret_uid)
{
	struct passwd entry, *found = NULL;
	char buffer[4096];

	if (getpwnam_r(name, &entry, buffer, sizeof(buffer), &found) != 0 || found == NULL)
		return false;
	*ret_uid = found->pw_uid;
	return true;
}

bool iu_system_find_service(const char *name, uint16_t *ret_port)
{
	struct servent entry, *found = NULL;
	char buffer[4096];

	if (getservbyname_r(name, "tcp", &entry, buffer, sizeof(buffer), &found) != 0 || found == NULL)
		return false;
	*ret_port = ntohs((uint16_t)found->s_port);
	return true;
}

bool iu_system_is_terminal(FILE *f)
{
	return isatty(fileno(f));
}

bool iu_system_reader_has_gone(int code)
{
	return code == EPIPE;
}

uint32_t iu_system_random(void)
{
	uint32_t number = 0;

	return getrandom(&number, sizeof(number), GRND_NONBLOCK) < 0 ? 0 : number;
}

int iu_system_catch_interrupts(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int iu_system_interrupt(int fd)
{
	struct signalfd_siginfo info;

	return fd >= 0 && read(fd, &info, sizeof(info)) == (ssize_t)sizeof(info) ? (int)info.ssi_signo : 0;
}

void iu_system_release_interrupts(int fd)
{
	if (fd >= 0)
		close(fd);
}

bool iu_system_has_colours(void)
{
	const char *term = getenv("TERM");

	return term != NULL && strcmp(term, "dumb") != 0;
}

size_t iu_system_columns(FILE *f)
{
	struct winsize size;

	return ioctl(fileno(f), TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

const char *iu_system_variable(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && value[0] != 0 ? value : NULL;
}

bool iu_system_program(char *buf, size_t size)
{
	ssize_t len = readlink("/proc/self/exe", buf, size);

	if (len <= 0 || (size_t)len >= size)
		return false;
	buf[len] = 0;
	return true;
}

bool iu_system_is_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

bool iu_system_each_in(const char *path, void (*fn)(void *arg, const char *name), void *arg)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	if (dir == NULL)
		return false;
	while ((entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			fn(arg, entry->d_name);
	closedir(dir);
	return true;
}

FILE *iu_system_open(const char *path)
{
	return fopen(path, "re");
}

FILE *iu_system_open_ordinary(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), code;
	struct stat st = {0};
	FILE *f = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? fdopen(fd, "r") : NULL;

	if (fd >= 0 && f == NULL) {
		code = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
		close(fd);
		errno = code;
	}
	return f;
}

FILE *iu_system_create(const char *path, bool secret)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, secret ? 0600 : 0666), code;
	FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;

	if (f == NULL && fd >= 0) {
		code = errno;
		close(fd);
		errno = code;
	}
	return f;
}

void iu_system_discard(const char *path)
{
	struct stat st;

	if (lstat(path, &st) == 0 && S_ISREG(st.st_mode))
		unlink(path);
}
