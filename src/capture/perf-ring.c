/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Reading perf rings: the drain thread, records into the merge, the parts of a sample.
 *
 * Memory: what is read and not yet taken is at most CHUNKS_MAX_BYTES and one round; past that the
 * thread leaves records in the rings, and the kernel counts what it drops.
 */
#include "capture/perf-ring.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#define CHUNKS_MAX_BYTES (256u << 20)
#define ROUND_MS	 1 /* also how late the page cache of a new mapping is looked at */

int perf_ring_map(struct perf_ring *ring, int fd, int cpu, size_t bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *p = mmap(NULL, page + bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		return -errno;
	*ring = (struct perf_ring){.cpu = cpu, .fd = fd, .page = p, .data_bytes = bytes};
	return 0;
}

void perf_ring_unmap(struct perf_ring *ring)
{
	munmap(ring->page, (size_t)sysconf(_SC_PAGESIZE) + ring->data_bytes);
}

/* Everything between tail and head, as one piece. NULL when the ring is empty. */
static struct merge_chunk *read_ring(struct perf_ring *ring)
{
	const char *base = (const char *)ring->page + sysconf(_SC_PAGESIZE);
	uint64_t head = __atomic_load_n(&ring->page->data_head, __ATOMIC_ACQUIRE);
	uint64_t tail = ring->page->data_tail;
	size_t size = (size_t)(head - tail), at = (size_t)(tail & (ring->data_bytes - 1));

	if (size == 0)
		return NULL;
	struct merge_chunk *chunk = merge_chunk_create(size);
	size_t first = ring->data_bytes - at;

	if (first > size)
		first = size;
	memcpy(chunk->data, base + at, first);
	memcpy((char *)chunk->data + first, base, size - first);
	__atomic_store_n(&ring->page->data_tail, head, __ATOMIC_RELEASE);
	return chunk;
}

static void drain_round(struct perf_session *s)
{
	uint64_t now = perf_now_ns(), one = 1;
	bool any = false;

	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; s->held_bytes < CHUNKS_MAX_BYTES && i < s->rings.nr; i++) {
		struct perf_ring *ring = &s->rings.data[i];
		struct merge_chunk *mem = read_ring(ring);

		if (mem == NULL)
			continue;
		s->held_bytes += mem->size;
		*vec_push(&s->chunks) = (struct perf_chunk){.cpu = (uint32_t)ring->cpu, .mem = mem};
		any = true;
	}
	/* A round that was cut short says nothing about the rings it left out. */
	if (s->held_bytes < CHUNKS_MAX_BYTES) {
		s->round_ns[1] = s->round_ns[0];
		s->round_ns[0] = now;
	}
	pthread_mutex_unlock(&s->lock);
	if (any && write(s->wake_fd, &one, sizeof(one)) < 0)
		return; /* full: the reader is awake already */
}

static void *drain_thread(void *arg)
{
	struct perf_session *s = arg;
	struct pollfd quit = {.fd = s->quit_fd, .events = POLLIN};

	if (s->all)
		setpriority(PRIO_PROCESS, (id_t)gettid(), -20); /* as perf.c's hurry() */
	do {
		drain_round(s);
	} while (poll(&quit, 1, ROUND_MS) <= 0);
	return NULL;
}

int perf_session_start(struct perf_session *s, struct mmr_error *err)
{
	sigset_t all, old;

	/* Signals are for the thread that called us. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	int ret = pthread_create(&s->thread, NULL, drain_thread, s);

	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (ret)
		return err_set(err, -ret, "thread: %s", strerror(ret));
	s->has_thread = true;
	return 0;
}

void perf_ring_stop(struct perf_session *s)
{
	uint64_t one = 1;

	if (!s->has_thread)
		return;
	while (write(s->quit_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
	pthread_join(s->thread, NULL);
	s->has_thread = false;
}

/* ---- into the merge ---- */

static uint64_t record_time(const struct perf_event_header *h)
{
	const struct perf_sample_tail *tail;

	if (h->type == PERF_RECORD_SAMPLE)
		return h->size >= sizeof(struct perf_sample_head)
			       ? ((const struct perf_sample_head *)h)->time
			       : 0;
	if (h->size < sizeof(*h) + sizeof(*tail))
		return 0;
	tail = (const void *)((const char *)h + h->size - sizeof(*tail));
	return tail->time;
}

static void push_chunk(struct merge *m, const struct perf_chunk *c)
{
	const char *p = c->mem->data;
	size_t left = c->mem->size;

	while (left >= sizeof(struct perf_event_header)) {
		const struct perf_event_header *h = (const void *)p;

		if (h->size < sizeof(*h) || h->size > left)
			break;
		merge_push(m, record_time(h), c->cpu, h->type, h, c->mem);
		p += h->size;
		left -= h->size;
	}
	merge_chunk_put(c->mem);
}

uint64_t perf_session_take(struct perf_session *s, struct merge *m)
{
	VEC(struct perf_chunk) taken = {0};
	uint64_t until, drop;

	while (read(s->wake_fd, &drop, sizeof(drop)) < 0 && errno == EINTR)
		;
	pthread_mutex_lock(&s->lock);
	taken.data = s->chunks.data;
	taken.nr = s->chunks.nr;
	s->chunks.data = NULL;
	s->chunks.nr = s->chunks.cap = 0;
	s->held_bytes = 0;
	until = s->round_ns[1];
	pthread_mutex_unlock(&s->lock);
	for (size_t i = 0; i < taken.nr; i++)
		push_chunk(m, &taken.data[i]);
	vec_finish(&taken);
	return until;
}

void perf_session_drain(struct perf_session *s, struct merge *m)
{
	drain_round(s);
	perf_session_take(s, m);
}

/* ---- samples ---- */

static uint64_t take_u64(const char **p, const char *end)
{
	uint64_t v = 0;

	if ((size_t)(end - *p) >= sizeof(v))
		memcpy(&v, *p, sizeof(v));
	*p += sizeof(v);
	if (*p > end)
		*p = end;
	return v;
}

void perf_sample_parse(const struct perf_source *src, const struct perf_sample_head *h,
		       struct perf_sample_rest *ret)
{
	const char *p = (const char *)(h + 1), *end = (const char *)h + h->header.size;
	uint64_t type = src->attr.sample_type;
	uint32_t size;

	memset(ret, 0, sizeof(*ret));
	if (p > end)
		return;
	if (type & PERF_SAMPLE_PERIOD)
		ret->period = take_u64(&p, end);
	if (type & PERF_SAMPLE_RAW && (size_t)(end - p) >= sizeof(size)) {
		memcpy(&size, p, sizeof(size));
		p += sizeof(size);
		if (size > (size_t)(end - p))
			size = (uint32_t)(end - p);
		ret->raw = p;
		ret->raw_size = size;
		p += size;
	}
	if (type & PERF_SAMPLE_WEIGHT)
		ret->weight = take_u64(&p, end);
	if (type & PERF_SAMPLE_DATA_SRC)
		ret->data_src = take_u64(&p, end);
	if (type & PERF_SAMPLE_PHYS_ADDR)
		ret->phys = take_u64(&p, end);
	if (type & PERF_SAMPLE_DATA_PAGE_SIZE)
		ret->page_bytes = take_u64(&p, end);
}
