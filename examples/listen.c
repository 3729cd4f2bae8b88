/* SPDX-License-Identifier: MIT */
/* Listens on the address in argv[1], says why when it cannot, greets one client. Build: cc listen.c -linuse */
#include <inuse.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct inuse_answer *answer = NULL;
	struct inuse_error error = {0};
	int fd, client;

	if (inuse_listen(argc > 1 ? argv[1] : "8080", NULL, &fd, &answer, &error) < 0) {
		char *text = answer ? inuse_answer_text(answer, 0) : NULL;

		fprintf(stderr, "%s\n%s", error.text, text ? text : "");
		free(text);
		inuse_answer_free(answer);
		return 1;
	}
	puts("listening");
	fflush(stdout);
	client = accept(fd, NULL, NULL);
	if (client >= 0 && write(client, "HELLO", 5) == 5)
		shutdown(client, SHUT_WR);
	close(fd);
	return client < 0;
}
