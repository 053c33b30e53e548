/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Page events against a page array: random blocks are allocated and freed, whole, in parts, in pieces
 * of several, twice, or without having been allocated. The array says how many pages match; the model
 * must have as many pages in use as the array, and its lists must not contradict each other. With
 * frames of the start, free lists must be those of the array's own frames.
 */
#include "support/test.h"
#include "support/trace-mem.h"

#include "base/rng.h"
#include "mm/frame_state.h"
#include "mm/memory.h"
#include "sim/replay.h"
#include "sim/replay-kernel.h"

#define NR_FRAMES	  16384u /* of the traced machine: 64 MiB */
#define LOWEST	  8192u	 /* frames below are never touched by the trace */
#define TOP_ORDER 4
#define TOP_SMALL 2 /* where small blocks are free all over */
#define MOST_USED 3000u /* so that no allocation fails */

static const char *const metadata =
	"{\"basis\": \"faults\", \"machine\": {\"arch\": \"x86_64\", \"cpus\": 2, \"memory_bytes\": 67108864,"
	" \"base_page_bytes\": 4096, \"virtual_address_bits\": 48},"
	" \"capture\": {\"system_wide\": true}, \"events\": [\"kmem:mm_page_alloc\"]}";

enum use { IS_FREE, IS_TRACED, IS_START, IS_UNKNOWN };

struct array {
	unsigned top; /* largest order */
	uint8_t use[NR_FRAMES];
	uint32_t nr_used;
	uint64_t allocs, frees, matched, before, bulk, unknown, stale;
};

/* ---- the trace ---- */

static void put(struct mmr_writer *w, struct mmr_event *ev, uint64_t *time)
{
	struct mmr_error err;

	ev->time_ns = *time += 1000;
	assert_int_equal(mmr_writer_event(w, ev, &err), 0);
}

static void alloc_event(struct mmr_writer *w, struct rng *rng, struct array *a, uint64_t *time)
{
	struct mmr_event ev = {.kind = MMR_PAGE_ALLOC, .cpu = (uint16_t)rng_below(rng, 2)};
	unsigned order = rng_below(rng, 4) ? 0 : (unsigned)rng_below(rng, a->top + 1);
	uint32_t at = LOWEST + ((uint32_t)rng_below(rng, (NR_FRAMES - LOWEST) >> order) << order);

	ev.PAGE_ALLOC.pfn = at;
	ev.PAGE_ALLOC.order = order;
	ev.PAGE_ALLOC.migratetype = rng_below(rng, 3);
	/* As Linux 6.18 numbers them: GFP_KERNEL, with the bit of mobility. */
	ev.PAGE_ALLOC.gfp = 0xcc0 | (ev.PAGE_ALLOC.migratetype == 1	? 0x8
				     : ev.PAGE_ALLOC.migratetype == 2 ? 0x10
								      : 0);
	put(w, &ev, time);
	a->allocs++;
	for (uint32_t i = at; i < at + (1u << order); i++) {
		a->stale += a->use[i] == IS_TRACED || a->use[i] == IS_START;
		a->nr_used += a->use[i] != IS_TRACED && a->use[i] != IS_START;
		a->use[i] = IS_TRACED;
	}
}

static void free_event(struct mmr_writer *w, struct rng *rng, struct array *a, uint64_t *time)
{
	struct mmr_event ev = {.kind = MMR_PAGE_FREE, .cpu = (uint16_t)rng_below(rng, 2)};
	unsigned order = rng_below(rng, 4) ? 0 : (unsigned)rng_below(rng, a->top + 1);
	uint32_t at = LOWEST + ((uint32_t)rng_below(rng, (NR_FRAMES - LOWEST) >> order) << order);

	/* Most frees are of something. */
	for (unsigned i = 0; i < 64 && a->use[at] != IS_TRACED && rng_below(rng, 16); i++)
		at = LOWEST + ((uint32_t)rng_below(rng, (NR_FRAMES - LOWEST) >> order) << order);
	ev.PAGE_FREE.pfn = at;
	ev.PAGE_FREE.order = order;
	put(w, &ev, time);
	a->frees++;
	for (uint32_t i = at; i < at + (1u << order); i++) {
		a->matched += a->use[i] == IS_TRACED;
		a->before += a->use[i] == IS_START;
		a->bulk += a->use[i] == IS_FREE;
		a->unknown += a->use[i] == IS_UNKNOWN;
		a->nr_used -= a->use[i] == IS_TRACED || a->use[i] == IS_START;
		a->use[i] = IS_FREE;
	}
	ev.PAGE_FREE.batched = 1; /* once more, as the kernel does for batches: nothing is freed */
	if (!order && rng_below(rng, 2))
		put(w, &ev, time);
}

/* Runs of random use; what is not named is unknown. */
static void frames_events(struct mmr_writer *w, struct rng *rng, struct array *a, uint64_t *time)
{
	static const uint8_t uses[] = {MMR_FRAMES_FREE, MMR_FRAMES_MOVABLE, MMR_FRAMES_SLAB,
				       MMR_FRAMES_KERNEL, MMR_FRAMES_UNKNOWN};

	for (uint32_t at = LOWEST; at < NR_FRAMES;) {
		struct mmr_event ev = {.kind = MMR_FRAMES};
		uint32_t nr = 1 + (uint32_t)rng_below(rng, 64);
		uint8_t use = uses[rng_below(rng, 8) ? 0 : rng_below(rng, 5)];

		nr = nr < NR_FRAMES - at ? nr : NR_FRAMES - at;
		ev.FRAMES.pfn = at;
		ev.FRAMES.nr = nr;
		ev.FRAMES.use = use;
		if (use != MMR_FRAMES_UNKNOWN)
			put(w, &ev, time);
		for (uint32_t i = at; i < at + nr; i++) {
			a->use[i] = use == MMR_FRAMES_FREE	? IS_FREE
				    : use == MMR_FRAMES_UNKNOWN ? IS_UNKNOWN
								: IS_START;
			a->nr_used += a->use[i] == IS_START;
		}
		at += nr;
	}
}

/* ---- the replay ---- */

static uint64_t pages_in_use(const struct memory *mem)
{
	uint64_t used = 0;

	for (pfn_t pfn = 0; pfn < mem->max_pfn; pfn++) {
		const struct zone *zone = pfn_zone(mem, pfn);

		if (zone && (pfn >> SECTION_SHIFT) < mem->nr_sections &&
		    mem->sections[pfn >> SECTION_SHIFT].pages)
			used += (mem->mem_map[pfn].flags & (PG_MOVABLE_OPS | PG_KERNEL)) != 0 &&
				mem->mem_map[pfn]._refcount == 1 &&
				(mem->mem_map[pfn].index & ~(1ull << 63)) >= LOWEST &&
				(mem->mem_map[pfn].index & ~(1ull << 63)) < NR_FRAMES;
	}
	return used;
}

static void check(const struct mmr_replay *r, const struct array *a, bool frames)
{
	const struct kernel_counts *c = &r->kernel->counts;
	uint64_t allocs = 0, replayed = 0, frees = 0;

	for (unsigned o = 0; o < MAX_ORDER_LIMIT; o++) {
		allocs += c->allocs[o];
		replayed += c->replayed[o];
		frees += c->frees[o];
	}
	assert_int_equal(r->kernel->has_frames, frames);
	assert_int_equal(allocs, a->allocs);
	assert_int_equal(replayed, a->allocs);
	assert_int_equal(frees, a->frees);
	assert_int_equal(c->matched_pages, a->matched);
	assert_int_equal(c->implied_free_pages, a->stale);
	assert_int_equal(c->implied_pages[IMPLIED_BEFORE], a->before);
	/* Of frames whose use is unknown the model may have put some on per-cpu lists. */
	assert_int_equal(c->implied_pages[IMPLIED_BULK] + c->implied_pages[IMPLIED_UNKNOWN],
			 a->bulk + a->unknown);
	assert_int_equal(r->kernel->map.nr, a->nr_used);
	assert_int_equal(pages_in_use(r->mem), a->nr_used);
	assert_true(pfn_map_consistent(&r->kernel->map));
}

static void run(uint64_t seed, uint64_t ops, bool frames)
{
	struct mem_file f = {0};
	struct array a = {.top = frames ? TOP_SMALL : TOP_ORDER};
	struct mmr_writer *w;
	struct mmr_reader *reader;
	struct mmr_replay *r;
	struct mmr_error err = {.text = ""};
	struct strbuf why = {0};
	struct rng rng;
	uint64_t time = 0;

	rng_seed(&rng, seed);
	assert_int_equal(mmr_writer_open_fn(&w, mem_write, &f, metadata, NULL, &err), 0);
	if (frames)
		frames_events(w, &rng, &a, &time);
	for (uint64_t i = 0; i < ops; i++) {
		if (a.nr_used < MOST_USED && rng_below(&rng, 2))
			alloc_event(w, &rng, &a, &time);
		else
			free_event(w, &rng, &a, &time);
	}
	assert_int_equal(mmr_writer_close(w, &err), 0);
	assert_int_equal(mmr_reader_open_fn(&reader, mem_read, &f, NULL, &err), 0);
	assert_int_equal(mmr_replay_create(&r, reader, &err), 0);
	mmr_replay_check_every(r, ops / 8);
	if (mmr_replay_run(r, &err))
		fail_msg("%s", err.text);
	check(r, &a, frames);
	if (!memory_consistent(r->mem, &why))
		fail_msg("%s", why.s);
	strbuf_finish(&why);
	mmr_replay_destroy(r);
	mmr_reader_close(reader);
	mem_free(&f);
}

static void test_from_boot(void **state)
{
	(void)state;
	run(test_seed(), test_ops(700000), false);
}

static void test_from_frames(void **state)
{
	uint64_t seed = test_seed();

	(void)state;
	for (unsigned i = 0; i < 5; i++)
		run(seed * 100 + i, test_ops(300000) / 5, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_from_boot),
		cmocka_unit_test(test_from_frames),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
