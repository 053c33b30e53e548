/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Allocations of the kernel: see gen-internal.h.
 *
 * An allocation is named by an address that nothing else alive has, aligned as the real one would be: frames for pages and
 * DMA, bytes for objects. Names of freed ones are used again, so that a trace may be of any length.
 */
#include <stdlib.h>

#include "base/bug.h"
#include "gen/gen-internal.h"

#define NSEC_PER_SEC 1000000000ull
#define PAGE 4096ull
#define OBJECTS_START 0xffff888000000000ull	/* the direct map of x86-64 */

/* GFP_KERNEL, with GFP_HIGHUSER_MOVABLE and __GFP_RECLAIMABLE for the other types: bits of Linux 6.18 */
static const uint64_t gfp_of_type[] = { [GEN_UNMOVABLE] = 0xcc0, [GEN_MOVABLE] = 0x100cca, [GEN_RECLAIMABLE] = 0xcd0 };

struct object {
	uint64_t name, size;	/* order for pages */
};

struct gen_actor {
	struct gen *g;
	const struct gen_kernel *k;
	unsigned number;		/* of the section: keeps names apart */
	uint64_t done_ops, next_ns;
	struct gen_weighted sizes;
	struct rng rng;
	struct object *live;		/* oldest at first; a ring for fifo */
	uint64_t nr_live, first, ring;
	uint64_t next_name;
	VEC(uint64_t) freed[GEN_WEIGHTS];	/* names, by number of the size */
};

struct gen_actor *gen_actor_create(struct gen *g, const struct gen_kernel *k, unsigned number)
{
	struct gen_actor *a = xcalloc(1, sizeof(*a));

	a->g = g;
	a->k = k;
	a->number = number;
	BUG_ON(gen_weighted_parse(k->alloc == GEN_PAGES ? k->orders : k->sizes, UINT64_MAX, &a->sizes, NULL));
	rng_seed(&a->rng, g->spec->global.seed ^ (uint64_t)(number + 1) << 48);
	a->ring = k->live + 1;
	a->live = xcalloc(a->ring, sizeof(*a->live));
	/* Sections have 1 TiB of names each. */
	a->next_name = (uint64_t)(number + 1) << 40;
	return a;
}

void gen_actor_destroy(struct gen_actor *a)
{
	for (unsigned i = 0; i < GEN_WEIGHTS; i++)
		vec_finish(&a->freed[i]);
	free(a->live);
	free(a);
}

static unsigned choose(struct gen_actor *a)
{
	uint64_t at = rng_below(&a->rng, a->sizes.total);
	unsigned i = 0;

	while (at >= a->sizes.weight[i])
		at -= a->sizes.weight[i++];
	return i;
}

/* Bytes that the name of an allocation of the i-th size spans: a power of two. */
static uint64_t span_of(const struct gen_actor *a, unsigned i)
{
	uint64_t size = a->k->alloc == GEN_PAGES ? PAGE << a->sizes.value[i] : a->sizes.value[i], span = 8;

	while (span < size)
		span <<= 1;
	return a->k->alloc == GEN_DMA && span < PAGE ? PAGE : span;
}

static uint64_t take_name(struct gen_actor *a, unsigned i)
{
	uint64_t span = span_of(a, i), name;

	if (a->freed[i].nr)
		return a->freed[i].data[--a->freed[i].nr];
	name = (a->next_name + span - 1) & ~(span - 1);
	a->next_name = name + span;
	return name;
}

static uint16_t cpu_of(struct gen_actor *a)
{
	unsigned nth, nr = (unsigned)__builtin_popcountll(a->k->cpus);
	uint64_t left = a->k->cpus;

	if (!nr)
		return 0;
	for (nth = (unsigned)(a->done_ops % nr); nth; nth--)
		left &= left - 1;
	return (uint16_t)__builtin_ctzll(left);
}

static void emit_alloc(struct gen_actor *a, struct object o, uint64_t size)
{
	const struct gen_kernel *k = a->k;
	struct mmr_event ev = { 0 };
	uint16_t kind = MMR_PAGE_ALLOC;

	switch ((enum gen_alloc)k->alloc) {
	case GEN_PAGES:
		ev.PAGE_ALLOC.pfn = o.name / PAGE;
		ev.PAGE_ALLOC.order = size;
		ev.PAGE_ALLOC.gfp = gfp_of_type[k->type];
		ev.PAGE_ALLOC.migratetype = k->type;
		break;
	case GEN_KMALLOC:
		kind = MMR_KMALLOC;
		ev.KMALLOC.ptr = OBJECTS_START + o.name;
		ev.KMALLOC.req = ev.KMALLOC.alloc = size;
		ev.KMALLOC.gfp = gfp_of_type[GEN_UNMOVABLE];
		break;
	case GEN_SLAB:
		kind = MMR_CACHE_ALLOC;
		ev.CACHE_ALLOC.ptr = OBJECTS_START + o.name;
		ev.CACHE_ALLOC.cache = 1 + a->number * GEN_WEIGHTS + o.size;
		ev.CACHE_ALLOC.req = ev.CACHE_ALLOC.alloc = size;
		ev.CACHE_ALLOC.gfp = gfp_of_type[GEN_UNMOVABLE];
		gen_text_event(a->g, 0, cpu_of(a), kind, &ev, k->name);
		return;
	case GEN_DMA:
		kind = MMR_DMA_ALLOC;
		ev.DMA_ALLOC.device = k->device;
		ev.DMA_ALLOC.addr = o.name;
		ev.DMA_ALLOC.len = size;
		break;
	}
	gen_event(a->g, 0, cpu_of(a), kind, &ev);
}

static void emit_free(struct gen_actor *a, struct object o)
{
	struct mmr_event ev = { 0 };
	uint16_t kind = MMR_PAGE_FREE;

	switch ((enum gen_alloc)a->k->alloc) {
	case GEN_PAGES:
		ev.PAGE_FREE.pfn = o.name / PAGE;
		ev.PAGE_FREE.order = a->sizes.value[o.size];
		break;
	case GEN_KMALLOC:
		kind = MMR_KFREE;
		ev.KFREE.ptr = OBJECTS_START + o.name;
		break;
	case GEN_SLAB:
		kind = MMR_CACHE_FREE;
		ev.CACHE_FREE.ptr = OBJECTS_START + o.name;
		ev.CACHE_FREE.cache = 1 + a->number * GEN_WEIGHTS + o.size;
		break;
	case GEN_DMA:
		kind = MMR_DMA_FREE;
		ev.DMA_FREE.device = a->k->device;
		ev.DMA_FREE.addr = o.name;
		break;
	}
	gen_event(a->g, 0, cpu_of(a), kind, &ev);
}

/* Takes the one that is to go out of those alive. */
static struct object take_victim(struct gen_actor *a)
{
	uint64_t at = 0, last = (a->first + a->nr_live - 1) % a->ring;
	struct object o;

	if (a->k->lifetime == GEN_FIFO) {
		o = a->live[a->first];
		a->first = (a->first + 1) % a->ring;
	} else {
		at = a->k->lifetime == GEN_LIFO ? last : rng_below(&a->rng, a->nr_live);
		o = a->live[at];
		a->live[at] = a->live[last];
	}
	a->nr_live--;
	return o;
}

/* One allocation, and the end of another one when there are enough. */
static void operate(struct gen_actor *a)
{
	unsigned i = choose(a);
	struct object o = { .name = take_name(a, i), .size = i }, victim;

	emit_alloc(a, o, a->sizes.value[i]);
	if (rng_below(&a->rng, 100000) < a->k->kept_percent)
		return;
	a->live[(a->first + a->nr_live++) % a->ring] = o;
	if (a->nr_live <= a->k->live)
		return;
	victim = take_victim(a);
	emit_free(a, victim);
	*vec_push(&a->freed[victim.size]) = victim.name;
}

uint64_t gen_actor_due(const struct gen_actor *a)
{
	return a->done_ops < a->k->operations ? a->next_ns : GEN_NEVER;
}

void gen_actor_run(struct gen_actor *a)
{
	const uint64_t batch = 64;
	uint64_t n = a->k->operations - a->done_ops;

	if (n > batch)
		n = batch;
	for (uint64_t i = 0; i < n; i++, a->done_ops++)
		operate(a);
	a->g->res->kernel_ops += n;
	a->next_ns = a->g->now_ns + n * NSEC_PER_SEC / a->k->rate;
}
