/* SPDX-License-Identifier: MIT */
/*
 * Rows printed while the next ones are read.
 *
 * Theory of operation
 *
 * Reading a million sockets is the kernel's work, writing them down is ours: a thread looks up the owners and writes while
 * the caller reads. Sockets go over in batches, through a ring of a few of them; whoever is too fast waits. The kernel hands
 * out 8192 at once and then none for milliseconds: the ring has room for as many, or each would wait for the other in turns.
 * Where there can be no thread, a full batch is printed before the next one begins.
 */
#include "cli/ls_stream.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { BATCHES = 8, IN_BATCH = 1024 };

struct batch {
	size_t n;
	struct inuse_socket sockets[IN_BATCH];
};

struct iu_ls_stream {
	struct iu_ls_stream_job job;
	struct iu_ls_pen pen;
	bool threaded;
	pthread_t thread;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t changed;
	size_t filled, printed; /* batches, ever; the one being filled is number `filled` */
	bool closed;            /* no more will come */
	atomic_bool failed;     /* the output cannot be written; also read without the lock */
	struct batch batches[BATCHES];
};

/* False when the output failed. */
static bool print(struct iu_ls_stream *s, struct inuse_socket *sockets, size_t n)
{
	bool go_on = true;

	for (size_t i = 0; i < n && go_on; i++) {
		if (s->job.index != NULL)
			iu_owner_index_find(s->job.index, &sockets[i]);
		go_on = iu_ls_print_row(&s->pen, &sockets[i]);
	}
	return go_on;
}

/* What was there before the first batch. */
static void print_first(struct iu_ls_stream *s)
{
	s->failed = !print(s, s->job.first, s->job.n_first);
	free(s->job.first);
	s->job.first = NULL;
}

static void *print_all(void *arg)
{
	struct iu_ls_stream *s = arg;

	print_first(s);
	pthread_mutex_lock(&s->lock);
	for (;;) {
		struct batch *batch = &s->batches[s->printed % BATCHES];
		bool good;

		while (s->printed == s->filled && !s->closed)
			pthread_cond_wait(&s->changed, &s->lock);
		if (s->printed == s->filled || s->failed)
			break;
		pthread_mutex_unlock(&s->lock);
		good = print(s, batch->sockets, batch->n);
		pthread_mutex_lock(&s->lock);
		s->printed++;
		s->failed = !good;
		pthread_cond_signal(&s->changed);
	}
	pthread_cond_signal(&s->changed); /* who waits for room need not */
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

struct iu_ls_stream *iu_ls_stream_new(const struct iu_ls_stream_job *job)
{
	struct iu_ls_stream *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->job = *job;
	s->pen = (struct iu_ls_pen){.style = job->style, .facts = job->facts, .hidden = job->hidden};
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->changed, NULL);
	s->threaded = pthread_create(&s->thread, NULL, print_all, s) == 0;
	if (!s->threaded)
		print_first(s);
	return s;
}

/* The batch is full: the next one is begun as soon as there is room for it. */
static void hand_over(struct iu_ls_stream *s)
{
	if (!s->threaded) {
		s->failed |= !print(s, s->batches[0].sockets, s->batches[0].n);
		s->batches[0].n = 0;
		return;
	}
	pthread_mutex_lock(&s->lock);
	s->filled++;
	pthread_cond_signal(&s->changed);
	while (s->filled - s->printed == BATCHES && !s->failed)
		pthread_cond_wait(&s->changed, &s->lock);
	s->batches[s->filled % BATCHES].n = 0;
	pthread_mutex_unlock(&s->lock);
}

bool iu_ls_stream_add(struct iu_ls_stream *s, const struct inuse_socket *socket)
{
	struct batch *batch = &s->batches[s->filled % BATCHES];

	batch->sockets[batch->n++] = *socket;
	if (batch->n == IN_BATCH)
		hand_over(s);
	return !s->failed; /* which may be old news: the next batch will tell */
}

bool iu_ls_stream_end(struct iu_ls_stream *s, int *ret_write_errno)
{
	bool complete;

	if (s == NULL)
		return true;
	hand_over(s);
	if (s->threaded) {
		pthread_mutex_lock(&s->lock);
		s->closed = true;
		pthread_cond_signal(&s->changed);
		pthread_mutex_unlock(&s->lock);
		pthread_join(s->thread, NULL);
	}
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
	complete = iu_ls_pen_done(&s->pen);
	if (s->pen.write_errno != 0)
		*ret_write_errno = s->pen.write_errno;
	free(s);
	return complete;
}
