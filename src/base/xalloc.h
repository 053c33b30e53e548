/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Memory of the host. Running out of it is not an error that code can mend: the process ends with
 * a message on standard error and exit status 4 (why here and not in cli/: see xalloc.c). Sizes
 * that a file names are checked against their limits before they come here.
 */
#ifndef BASE_XALLOC_H
#define BASE_XALLOC_H

#include <stddef.h>

/* For memory that does not come from here (mmap): ends the process as the others do. */
_Noreturn void xalloc_failed(size_t size) __attribute__((cold));
void *xmalloc(size_t size) __attribute__((malloc, returns_nonnull));
void *xcalloc(size_t nr, size_t size) __attribute__((malloc, returns_nonnull));
void *xrealloc(void *p, size_t nr, size_t size) __attribute__((returns_nonnull));
char *xstrdup(const char *s) __attribute__((malloc, returns_nonnull));
/* Memory aligned to `align` (a power of two), zeroed. Freed with free(). */
void *xaligned_zalloc(size_t align, size_t size) __attribute__((malloc, returns_nonnull));

/*
 * A pool of equal objects that are never given back one by one to the host: the fast source of the
 * model's own structs. Objects come zeroed. Memory is released by objpool_finish() alone.
 */
struct objpool {
	size_t size;		/* bytes of one object, at least a pointer */
	size_t nr_live;
	void *free;		/* list through the first word */
	void *chunks;		/* list of chunks */
	char *next, *end;	/* rest of the newest chunk */
};
void objpool_init(struct objpool *pool, size_t size);
void *objpool_get(struct objpool *pool) __attribute__((returns_nonnull));
void objpool_put(struct objpool *pool, void *obj);
void objpool_finish(struct objpool *pool);

#endif
