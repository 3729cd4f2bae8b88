/* SPDX-License-Identifier: MIT */
/*
 * Folders of tests below /tmp. Their names tell whose they are, "inuse-test-PIDNS-PID-XXXXXX", so that what a killed test has left
 * is removed by the next one, and what a running one needs is not.
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/live.h"

#define BEGINNING "inuse-test-"

static unsigned long pid_namespace(void)
{
	struct stat st;

	return stat("/proc/self/ns/pid", &st) == 0 ? (unsigned long)st.st_ino : 0;
}

/* Made by this user, by a process of this pid namespace that is no more. */
static bool is_left_over(const char *name)
{
	unsigned long ns;
	struct stat st;
	char path[300];
	int pid, end = 0;

	if (sscanf(name, BEGINNING "%lu-%d-%n", &ns, &pid, &end) != 2 || end == 0 || ns != pid_namespace() || pid <= 0)
		return false;
	snprintf(path, sizeof(path), "/tmp/%s", name);
	return kill(pid, 0) < 0 && errno == ESRCH && lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid();
}

void live_folder_remove(const char *path)
{
	pid_t pid = fork();

	if (pid == 0) {
		execlp("rm", "rm", "-rf", "--", path, NULL);
		_exit(127);
	}
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

void live_folder_remove_left(void)
{
	DIR *dir = opendir("/tmp");
	struct dirent *entry;
	char path[300];

	while (dir != NULL && (entry = readdir(dir)) != NULL)
		if (is_left_over(entry->d_name)) {
			snprintf(path, sizeof(path), "/tmp/%s", entry->d_name);
			live_folder_remove(path);
		}
	if (dir != NULL)
		closedir(dir);
}

bool live_folder_make(char *ret, size_t size)
{
	live_folder_remove_left();
	snprintf(ret, size, "/tmp/" BEGINNING "%lu-%d-XXXXXX", pid_namespace(), (int)getpid());
	return mkdtemp(ret) != NULL;
}
