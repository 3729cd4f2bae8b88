/* SPDX-License-Identifier: MIT */
/*
 * Rows printed while the next ones are read.
 *
 * Theory of operation
 *
 * Reading a million sockets is the kernel's work, writing them down is ours, and either takes about as long: a thread writes
 * while the caller reads. Sockets go over in batches, through a ring of a few of them; whoever is too fast waits.
 * Where there can be no thread, a full batch is printed before the next one begins.
 */
#include "cli/ls_stream.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { BATCHES = 8, IN_BATCH = 256 };

struct batch {
	size_t n;
	struct inuse_socket sockets[IN_BATCH];
};

struct iu_ls_stream {
	const struct iu_ls_style *style;
	const struct iu_facts *facts;
	struct iu_ls_hidden *hidden;
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
static bool print(struct iu_ls_stream *s, const struct batch *batch)
{
	for (size_t i = 0; i < batch->n && !ferror(s->style->f); i++)
		iu_ls_print_row(s->style, &s->pen, &batch->sockets[i], s->facts, s->hidden);
	return !ferror(s->style->f);
}

static void *print_all(void *arg)
{
	struct iu_ls_stream *s = arg;

	pthread_mutex_lock(&s->lock);
	for (;;) {
		bool good;

		while (s->printed == s->filled && !s->closed)
			pthread_cond_wait(&s->changed, &s->lock);
		if (s->printed == s->filled || s->failed)
			break;
		pthread_mutex_unlock(&s->lock);
		good = print(s, &s->batches[s->printed % BATCHES]);
		pthread_mutex_lock(&s->lock);
		s->printed++;
		s->failed = !good;
		pthread_cond_signal(&s->changed);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

struct iu_ls_stream *iu_ls_stream_new(const struct iu_ls_style *style, const struct iu_facts *facts,
				      struct iu_ls_hidden *hidden)
{
	struct iu_ls_stream *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->style = style;
	s->facts = facts;
	s->hidden = hidden;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->changed, NULL);
	s->threaded = pthread_create(&s->thread, NULL, print_all, s) == 0;
	return s;
}

/* The batch is full: the next one is begun as soon as there is room for it. */
static void hand_over(struct iu_ls_stream *s)
{
	if (!s->threaded) {
		s->failed = !print(s, &s->batches[0]);
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

void iu_ls_stream_end(struct iu_ls_stream *s)
{
	if (s == NULL)
		return;
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
	iu_ls_pen_done(&s->pen);
	free(s);
}
