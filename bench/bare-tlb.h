/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The yardstick: the least that a two-level TLB can cost. Two first-level arrays (instructions 64 entries of 8
 * ways, data 64 of 4) and one second-level array (1536 of 12), 4K pages, one address space, most recent way first; no
 * permissions, page tables, statistics by class, flushes. On runs that lie in memory.
 */
#ifndef BENCH_BARE_TLB_H
#define BENCH_BARE_TLB_H

#include <mmreplay/trace.h>
#include <stdbool.h>
#include <string.h>

#define BARE_L2_SETS 128
#define BARE_L2_WAYS 12

struct bare_tlb {
	uint64_t l1d[16][4], l1i[8][8], l2[BARE_L2_SETS][BARE_L2_WAYS];	/* granule + 1 */
	uint64_t l1_hits, l2_hits, walks;
};

/* True: it was there. It stands first in its set afterwards. */
static inline __attribute__((always_inline)) bool bare_lookup(uint64_t *set, unsigned ways, uint64_t tag)
{
	unsigned i;

	if (set[0] == tag)
		return true;
	for (i = 1; i < ways - 1 && set[i] != tag; i++)
		;
	bool hit = set[i] == tag;
	for (; i; i--)
		set[i] = set[i - 1];
	set[0] = tag;
	return hit;
}

static inline void bare_runs(struct bare_tlb *t, const struct mmr_run *runs, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		uint64_t tag = MMR_RUN_PAGE(&runs[i]) + 1, touches = (uint64_t)runs[i].nr_reads + runs[i].nr_writes;
		bool hit = runs[i].page & MMR_RUN_INSN ? bare_lookup(t->l1i[tag % 8], 8, tag)
						       : bare_lookup(t->l1d[tag % 16], 4, tag);

		t->l1_hits += touches - !hit;
		if (hit)
			continue;
		if (bare_lookup(t->l2[tag % BARE_L2_SETS], BARE_L2_WAYS, tag))
			t->l2_hits++;
		else
			t->walks++;
	}
}

#endif
