/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Regions become areas: see gen-internal.h. */
#include <linux/mempolicy.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "base/bug.h"
#include "base/units.h"
#include "gen/gen-internal.h"

#define GUARD (1ull << 20)	/* between two areas, so that they never merge */
#define HEAP_START 0x555555600000ull

size_t gen_region_index(const struct gen_spec *spec, const struct gen_region *r)
{
	return (size_t)(r - spec->regions.data);
}

/* Two regions of one file name are one file: the first of them names it. */
static const struct gen_region *first_of_file(const struct gen *g, const struct gen_region *r)
{
	for (size_t i = 0; r->file[0] && i < g->spec->regions.nr; i++)
		if (!strcmp(g->spec->regions.data[i].file, r->file))
			return &g->spec->regions.data[i];
	return r;
}

uint64_t gen_region_file(const struct gen *g, const struct gen_region *r)
{
	if (r->kind != GEN_FILE && r->kind != GEN_SHM)
		return 0;
	return gen_region_index(g->spec, first_of_file(g, r)) + 1;
}

static uint64_t file_bytes(const struct gen *g, const struct gen_region *r)
{
	uint64_t most = r->offset + r->size;

	for (size_t i = 0; r->file[0] && i < g->spec->regions.nr; i++) {
		const struct gen_region *other = &g->spec->regions.data[i];

		if (!strcmp(other->file, r->file) && other->offset + other->size > most)
			most = other->offset + other->size;
	}
	return most;
}

static void declare_file(struct gen *g, uint32_t task, const struct gen_region *r)
{
	struct mmr_event ev = { .FILE = { .file = gen_region_file(g, r), .dev = 1, .ino = gen_region_file(g, r),
					  .size = file_bytes(g, r),
					  .type = r->kind == GEN_SHM ? MMR_FILE_SHMEM : MMR_FILE_REGULAR } };
	char path[GEN_TEXT + 16];

	snprintf(path, sizeof(path), r->file[0] ? "/gen/%s" : "/gen/region-%s", r->file[0] ? r->file : r->name);
	gen_text_event(g, task, 0, MMR_FILE, &ev, path);
}

void gen_declare_files(struct gen *g, uint32_t task)
{
	for (size_t i = 0; i < g->spec->regions.nr; i++) {
		const struct gen_region *r = &g->spec->regions.data[i];

		if (!gen_region_file(g, r))
			continue;
		if (first_of_file(g, r) == r)
			declare_file(g, task, r);
		if (r->cached && r->kind == GEN_FILE) {
			struct mmr_event ev = { .FILE_CACHE = { .file = gen_region_file(g, r),
								.index = r->offset >> MMR_GRANULE_SHIFT,
								.nr = r->size >> MMR_GRANULE_SHIFT } };

			gen_event(g, task, 0, MMR_FILE_CACHE, &ev);
		}
	}
}

static uint64_t place(struct gen *g, uint64_t size, uint64_t align)
{
	g->next_addr = (g->next_addr - size) & ~(align - 1);
	BUG_ON(g->next_addr < 1ull << 32);	/* sizes and number of regions are bounded */
	return g->next_addr;
}

static uint64_t prot_of(const struct gen_region *r)
{
	static const uint64_t prots[] = { [GEN_R] = PROT_READ, [GEN_RW] = PROT_READ | PROT_WRITE,
					  [GEN_RX] = PROT_READ | PROT_EXEC,
					  [GEN_RWX] = PROT_READ | PROT_WRITE | PROT_EXEC };

	return prots[r->prot];
}

static uint64_t flags_of(const struct gen_region *r)
{
	uint64_t flags = r->populate ? MAP_POPULATE : 0;

	switch ((enum gen_kind)r->kind) {
	case GEN_SHARED:
		return flags | MAP_SHARED | MAP_ANONYMOUS;
	case GEN_FILE:
		return flags | (r->is_private ? MAP_PRIVATE : MAP_SHARED);
	case GEN_HUGETLB:
		return flags | MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB |
		       (uint64_t)__builtin_ctzll(r->page_size) << MAP_HUGE_SHIFT;
	default:
		return flags | MAP_PRIVATE | MAP_ANONYMOUS;
	}
}

static uint64_t map_heap(struct gen *g, uint32_t task, uint16_t cpu, const struct gen_region *r)
{
	uint64_t start = g->heap_end ? g->heap_end : HEAP_START;
	struct mmr_event ev = { .BRK = { .brk = start + r->size, .start = HEAP_START } };

	gen_event(g, task, cpu, MMR_BRK, &ev);
	g->heap_end = start + r->size;
	return start;
}

static uint64_t map_shm(struct gen *g, uint32_t task, uint16_t cpu, const struct gen_region *r, uint64_t addr)
{
	struct mmr_event ev = { .SHMAT = { .addr = addr, .len = r->size, .prot = prot_of(r),
					   .file = gen_region_file(g, r) } };

	gen_event(g, task, cpu, MMR_SHMAT, &ev);
	return addr;
}

static uint64_t map_area(struct gen *g, uint32_t task, uint16_t cpu, const struct gen_region *r)
{
	uint64_t align = r->kind == GEN_HUGETLB && r->page_size > r->align ? r->page_size : r->align;
	uint64_t addr = place(g, r->size + GUARD, align);
	struct mmr_event ev = { .MMAP = { .addr = addr, .len = r->size, .prot = prot_of(r), .flags = flags_of(r),
					  .file = r->kind == GEN_FILE ? gen_region_file(g, r) : 0,
					  .offset = r->offset } };

	if (r->kind == GEN_SHM)
		return map_shm(g, task, cpu, r, addr);
	gen_event(g, task, cpu, MMR_MMAP, &ev);
	return addr;
}

uint64_t gen_map_anon(struct gen *g, uint32_t task, uint16_t cpu, uint64_t bytes)
{
	struct gen_region r = { .kind = GEN_ANON, .size = (bytes + 4095) & ~4095ull, .align = 4096, .prot = GEN_RW };

	return map_area(g, task, cpu, &r);
}

/* ---- what is done to an area once it is there; the words were checked by gen_policy_parse() and its like ---- */

static void advise(struct gen *g, uint32_t task, uint16_t cpu, const struct gen_region *r, uint64_t addr)
{
	struct gen_words words;

	gen_advice_parse(r->advise, &words, NULL);
	for (unsigned i = 0; i < words.nr; i++) {
		struct mmr_event ev = { .MADVISE = { .addr = addr, .len = r->size, .advice = words.value[i] } };

		gen_event(g, task, cpu, MMR_MADVISE, &ev);
	}
}

static void bind_policy(struct gen *g, uint32_t task, uint16_t cpu, const struct gen_region *r, uint64_t addr)
{
	struct gen_policy pol;
	struct mmr_event ev = { .MBIND = { .addr = addr, .len = r->size } };
	uint8_t mask[8];

	if (!r->policy[0])
		return;
	gen_policy_parse(r->policy, &pol, NULL);
	for (unsigned i = 0; i < sizeof(mask); i++)
		mask[i] = (uint8_t)(pol.nodes >> 8 * i);
	ev.MBIND.mode = pol.mode;
	ev.data = mask;
	ev.data_len = sizeof(mask);
	gen_event(g, task, cpu, MMR_MBIND, &ev);
}

uint64_t gen_map(struct gen *g, uint32_t task, uint16_t cpu, const struct gen_region *r)
{
	uint64_t addr = r->kind == GEN_HEAP ? map_heap(g, task, cpu, r) : map_area(g, task, cpu, r);

	bind_policy(g, task, cpu, r, addr);
	advise(g, task, cpu, r, addr);
	if (r->lock) {
		struct mmr_event ev = { .MLOCK = { .addr = addr, .len = r->size, .lock = 1 } };

		gen_event(g, task, cpu, MMR_MLOCK, &ev);
	}
	return addr;
}
