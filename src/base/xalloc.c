/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Memory of the host, or the end of the process. There is no handler to set: it would be a global
 * pointer for the sake of one message, and nothing above could do more than this file does. _exit()
 * because atexit handlers and stdio buffers may need memory themselves, and because half a result
 * must not be flushed.
 */
#include "base/xalloc.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bug.h"

#define EXIT_HOST 4
#define POOL_CHUNK_BYTES (256 * 1024)
#define POOL_ALIGN 16

struct pool_chunk {
	struct pool_chunk *next;
	char pad[POOL_ALIGN - sizeof(struct pool_chunk *)];
};

static _Noreturn __attribute__((cold)) void out_of_memory(size_t nr, size_t size)
{
	char line[128];
	int len;

	if (nr == 1)
		len = snprintf(line, sizeof(line), "mmreplay: out of memory, %zu bytes wanted\n",
			       size);
	else
		len = snprintf(line, sizeof(line),
			       "mmreplay: out of memory, %zu times %zu bytes wanted\n", nr, size);
	if (write(STDERR_FILENO, line, (size_t)len) < 0)
		_exit(EXIT_HOST);
	_exit(EXIT_HOST);
}

void xalloc_failed(size_t size)
{
	out_of_memory(1, size);
}

void *xmalloc(size_t size)
{
	void *p = malloc(size ? size : 1);

	if (unlikely(!p))
		out_of_memory(1, size);
	return p;
}

void *xcalloc(size_t nr, size_t size)
{
	size_t bytes;
	void *p;

	if (unlikely(__builtin_mul_overflow(nr, size, &bytes)))
		out_of_memory(nr, size);
	p = calloc(1, bytes ? bytes : 1);
	if (unlikely(!p))
		out_of_memory(nr, size);
	return p;
}

void *xrealloc(void *p, size_t nr, size_t size)
{
	size_t bytes;

	if (unlikely(__builtin_mul_overflow(nr, size, &bytes)))
		out_of_memory(nr, size);
	p = realloc(p, bytes ? bytes : 1);
	if (unlikely(!p))
		out_of_memory(nr, size);
	return p;
}

char *xstrdup(const char *s)
{
	size_t size = strlen(s) + 1;

	return memcpy(xmalloc(size), s, size);
}

void *xaligned_zalloc(size_t align, size_t size)
{
	size_t bytes;
	void *p;

	if (unlikely(__builtin_add_overflow(size ? size : 1, align - 1, &bytes)))
		out_of_memory(1, size);
	p = aligned_alloc(align, bytes & ~(align - 1));
	if (unlikely(!p))
		out_of_memory(1, size);
	return memset(p, 0, size);
}

void objpool_init(struct objpool *pool, size_t size)
{
	size_t least = size > sizeof(void *) ? size : sizeof(void *);

	/* Each object keeps the alignment of a pointer; multiples of 16 keep that of 16. */
	*pool = (struct objpool){.size = (least + sizeof(void *) - 1) & ~(sizeof(void *) - 1)};
}

static __attribute__((noinline)) void pool_grow(struct objpool *pool)
{
	size_t nr = POOL_CHUNK_BYTES / pool->size;
	struct pool_chunk *chunk;

	if (nr == 0)
		nr = 1;
	/* Not calloc: an object is zeroed when it is handed out, in the cache that will use it. */
	chunk = xmalloc(sizeof(*chunk) + nr * pool->size);
	chunk->next = pool->chunks;
	pool->chunks = chunk;
	pool->next = (char *)(chunk + 1);
	pool->end = pool->next + nr * pool->size;
}

void *objpool_get(struct objpool *pool)
{
	void *obj = pool->free;

	if (obj) {
		memcpy(&pool->free, obj, sizeof(void *));
	} else {
		if (unlikely(pool->next == pool->end))
			pool_grow(pool);
		obj = pool->next;
		pool->next += pool->size;
	}
	pool->nr_live++;
	return memset(obj, 0, pool->size);
}

void objpool_put(struct objpool *pool, void *obj)
{
	VM_BUG_ON(pool->nr_live == 0);
	memcpy(obj, &pool->free, sizeof(void *));
	pool->free = obj;
	pool->nr_live--;
}

void objpool_finish(struct objpool *pool)
{
	struct pool_chunk *chunk = pool->chunks, *next;

	for (; chunk; chunk = next) {
		next = chunk->next;
		free(chunk);
	}
	*pool = (struct objpool){.size = pool->size};
}
