/* A server that tells why it cannot start. cc example.c $(pkg-config --cflags --libs libinuse) */
#include <inuse.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	const char *address = argc > 1 ? argv[1] : "127.0.0.1:0";
	struct inuse_answer *answer = NULL;
	struct inuse_error error;
	int fd;

	if (inuse_listen(address, NULL, &fd, &answer, &error) == INUSE_OK) {
		printf("listening on %s\n", address);
		close(fd);
		return 0;
	}
	fprintf(stderr, "%s\n", error.text);
	if (answer != NULL) { /* the system refused: this is why, whose it is, for how long, and what helps */
		char *text = inuse_answer_text(answer, 0);

		fputs(text ? text : "", stderr);
		free(text);
		inuse_answer_free(answer);
	}
	return 1;
}
