/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* What flags of frames mean, and events that came while they were being read. */
#include "support/test.h"

#include <linux/kernel-page-flags.h>

#include "base/xalloc.h"
#include "capture/memory-state.h"

#define F(name) (1ull << KPF_##name)

static void test_use_of_flags(void **state)
{
	(void)state;
	assert_int_equal(memory_state_use(F(BUDDY)), MMR_FRAMES_FREE);
	assert_int_equal(memory_state_use(F(BUDDY) | F(UPTODATE)), MMR_FRAMES_FREE);
	assert_int_equal(memory_state_use(F(LRU) | F(UPTODATE) | F(ACTIVE)), MMR_FRAMES_MOVABLE);
	assert_int_equal(memory_state_use(F(ANON) | F(MMAP)), MMR_FRAMES_MOVABLE);
	assert_int_equal(memory_state_use(F(SLAB) | F(COMPOUND_TAIL)), MMR_FRAMES_SLAB);
	assert_int_equal(memory_state_use(1ull << 26), MMR_FRAMES_KERNEL); /* PGTABLE */
	assert_int_equal(memory_state_use(F(COMPOUND_HEAD)), MMR_FRAMES_KERNEL);
	/* Per-cpu lists leave no flag but stale ones; nor has a page of the kernel one. */
	assert_int_equal(memory_state_use(0), MMR_FRAMES_UNKNOWN);
	assert_int_equal(memory_state_use(F(UPTODATE)), MMR_FRAMES_UNKNOWN);
	assert_int_equal(memory_state_use(F(NOPAGE)), MMR_FRAMES_UNKNOWN);
	assert_int_equal(memory_state_use(F(OFFLINE) | F(BUDDY)), MMR_FRAMES_UNKNOWN);
}

struct seen {
	uint64_t pfn[16], nr[16];
	enum mmr_frames use[16];
	unsigned n, stop_at;
};

static int see(void *ctx, uint64_t pfn, uint64_t nr, enum mmr_frames use)
{
	struct seen *s = ctx;

	s->pfn[s->n] = pfn;
	s->nr[s->n] = nr;
	s->use[s->n] = use;
	return ++s->n == s->stop_at ? -5 : 0;
}

/* 64 frames in one chunk that was read at time 100. */
static void make(struct memory_state *ms)
{
	memset(ms, 0, sizeof(*ms));
	ms->nr_frames = 64;
	ms->use = xcalloc(64, 1);
	ms->chunk_ns = xcalloc(1, sizeof(*ms->chunk_ns));
	ms->chunk_ns[0] = 100;
	memset(ms->use + 8, MMR_FRAMES_FREE, 16);
	memset(ms->use + 24, MMR_FRAMES_SLAB, 2);
	ms->use[63] = MMR_FRAMES_MOVABLE;
}

static void test_runs(void **state)
{
	struct memory_state ms;
	struct seen s = {.stop_at = 0};

	(void)state;
	make(&ms);
	assert_int_equal(memory_state_each(&ms, see, &s), 0);
	assert_int_equal(s.n, 3);
	assert_int_equal(s.pfn[0], 8);
	assert_int_equal(s.nr[0], 16);
	assert_int_equal(s.use[0], MMR_FRAMES_FREE);
	assert_int_equal(s.pfn[1], 24);
	assert_int_equal(s.nr[1], 2);
	assert_int_equal(s.pfn[2], 63);
	s = (struct seen){.stop_at = 2};
	assert_int_equal(memory_state_each(&ms, see, &s), -5);
	assert_int_equal(s.n, 2);
	memory_state_finish(&ms);
}

/* What happened before a frame was looked at is in what was seen there. */
static void test_events_meanwhile(void **state)
{
	struct memory_state ms;
	struct seen s = {.stop_at = 0};

	(void)state;
	make(&ms);
	memory_state_alloc(&ms, 10, 1, 99);
	assert_int_equal(ms.use[10], MMR_FRAMES_FREE);
	memory_state_alloc(&ms, 10, 1, 100);
	assert_int_equal(ms.use[9], MMR_FRAMES_FREE);
	assert_int_equal(ms.use[10], MMR_FRAMES_KERNEL);
	assert_int_equal(ms.use[11], MMR_FRAMES_KERNEL);
	assert_int_equal(ms.use[12], MMR_FRAMES_FREE);
	memory_state_free(&ms, 24, 0, 101);
	assert_int_equal(ms.use[24], MMR_FRAMES_UNKNOWN);
	/* Beyond the frames, and orders that make no sense. */
	memory_state_alloc(&ms, 62, 3, 200);
	assert_int_equal(ms.use[63], MMR_FRAMES_KERNEL);
	memory_state_alloc(&ms, UINT64_MAX, 0, 200);
	memory_state_free(&ms, 0, 63, 200);
	memory_state_each(&ms, see, &s);
	assert_int_equal(s.n, 5);
	memory_state_finish(&ms);
}

static void test_names(void **state)
{
	(void)state;
	assert_int_equal(memory_state_scope(0), MMR_SCOPE_BUDDYINFO);
	assert_string_equal(memory_state_key(0), "buddyinfo");
	assert_string_equal(memory_state_key(1), "zoneinfo");
	assert_string_equal(memory_state_key(2), "pagetypeinfo");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_use_of_flags),
		cmocka_unit_test(test_runs),
		cmocka_unit_test(test_events_meanwhile),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
