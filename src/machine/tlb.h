/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The translation hardware of all CPUs: two levels of TLBs, walk caches, address-space identifiers, and what they
 * count. Knows no mm type: an address space is a number, an access is a key.
 *
 * Modelled: first-level TLBs for instructions and for data, a second level shared by both or one each, arrays
 * per page size or shared by sizes, exact LRU, pages larger than a TLB can hold kept in pieces, global
 * entries, ASIDs, walk caches per level with the memory references of each walk.
 * Simplified: a first-level entry is never refused by the second level and both are filled by a walk (neither
 * inclusive nor exclusive); a walk cache hit renews only the entry that was hit.
 * Left out: prefetch of translations, speculative walks, coalesced entries, sharing between SMT threads.
 *
 * A hit takes its permission and its node from the entry, and touches neither page table nor struct page.
 *
 * Laws of each side of each CPU (tlb_consistent() checks them), the second and third for each stream:
 *	reads + writes = first-level hits + misses of both streams
 *	first-level misses = second-level hits + misses
 *	second-level misses = walks that filled an entry + touches that failed
 *
 * Interface:
 *   - tlb_create() from a profile and a configuration; CPUs come into being when first used
 *   - tlb_this_cpu(), tlb_find(); behind a miss tlb_lookup(), tlb_walk_begin(), tlb_fill(): the access path (mm/mmu.c)
 *   - tlb_set_asid(), tlb_flush_*(): what the operating system does (mm/tlbflush.c)
 *   - tlb_stats(): sums over CPUs, for the report
 */
#ifndef MACHINE_TLB_H
#define MACHINE_TLB_H

#include "base/config.h"
#include "machine/geometry.h"
#include "machine/tlb-cache.h"

/* flags of an entry, and what an access needs */
#define TLB_USER	(1u << 0)
#define TLB_WRITE	(1u << 1)
#define TLB_EXEC	(1u << 2)
#define TLB_DIRTY	(1u << 3)	/* the page table says dirty: a write need not walk */
#define TLB_READ	(1u << 4)

enum tlb_stream { TLB_DATA, TLB_INSN, NR_TLB_STREAMS };
enum tlb_level { TLB_L1, TLB_L2, NR_TLB_LEVELS };

#define TLB_MAX_ASIDS	64
#define TLB_MAX_NODES	64
#define TLB_NR_REGIONS	512
#define TLB_NR_RESULTS	5	/* of an access, 0 is success */

/* One level of one stream, as a machine profile describes it. nr_arrays 0: there is none. */
struct tlb_level_geometry {
	unsigned nr_arrays;
	struct tlb_array_geometry array[TLB_MAX_ARRAYS];
};

struct tlb_geometry {
	struct tlb_level_geometry level[NR_TLB_LEVELS][NR_TLB_STREAMS];
	bool l2_shared;			/* level[TLB_L2][TLB_DATA] serves both streams */
	/* entries of the walk cache that keeps table entries of this level, fully associative; 0 none */
	uint32_t walk_cache[GEOMETRY_MAX_LEVELS];
	unsigned nr_asids;		/* identifiers the system uses per CPU; 0: a switch flushes */
};

/* Settings; rows in tlb_config. Every member is a uint64_t (base/config.h). */
struct tlb_config {
	uint64_t policy;			/* machine.tlb */
	uint64_t asids;				/* machine.asids */
	uint64_t walk_caches;			/* machine.walk_caches */
	uint64_t single_page_flush_ceiling;	/* kernel.tlb_single_page_flush_ceiling */
};
extern const struct config_table tlb_config_table;

/* Touches by class: class = size index * nr_nodes + node, the last class: never translated. */
struct tlb_counts {
	uint64_t *hits, *misses;
};

/* What a stream counts: a struct of its own, so that the kernel's side can be put in its place. */
#define TLB_STREAM_COUNTS \
	struct tlb_counts level[NR_TLB_LEVELS]; \
	uint64_t evictions[NR_TLB_LEVELS][MAX_PAGE_SIZES];	/* live entries that this stream's fills pushed out */ \
	uint64_t failed[TLB_NR_RESULTS];	/* touches that never got a translation, by enum access_result */ \
	uint64_t walks[MAX_PAGE_SIZES];		/* that filled an entry, by page size */ \
	uint64_t walks_failed;			/* that ended in a fault */ \
	uint64_t walks_dirty;			/* to set the dirty bit of an entry that hit */ \
	uint64_t walk_refs[GEOMETRY_MAX_LEVELS];	/* page-table entries read, by level */ \
	uint64_t walk_cache_hits[GEOMETRY_MAX_LEVELS];	/* walks that started below this level's entry */ \
	uint64_t walk_cache_evictions[GEOMETRY_MAX_LEVELS]; \
	uint64_t *walk_nodes;			/* [nr_nodes] page-table entries read, by the node of the table */

struct tlb_stream_counts {
	TLB_STREAM_COUNTS
};

struct tlb_stream_state {
	struct tlb_cache l1;
	struct tlb_cache *l2;			/* NULL none; the other stream's when shared */
	bool has_large;				/* the first level has had pages of more than one granule */
	uint8_t region_shift[TLB_NR_REGIONS];	/* guess: log2 of the granules of the pages in a region of 2 MiB */
	union {
		struct {
			TLB_STREAM_COUNTS
		};
		struct tlb_stream_counts counts;
	};
};

/* All that one side, the kernel's or the user's, counts on one CPU. */
struct tlb_side {
	struct tlb_stream_counts stream[NR_TLB_STREAMS];
	uint64_t nr_reads, nr_writes, nr_splits;
	uint64_t *counters;
};

/* What the operating system keeps per CPU; mm/tlbflush.c fills it in. Kernel: struct tlb_state, asm/tlbflush.h. */
struct tlb_context {
	uint64_t ctx_id;	/* address space, 0 none */
	uint64_t tlb_gen;	/* its flushes that this CPU has done */
};

struct tlb_state {
	uint64_t loaded_ctx;	/* 0: init_mm */
	uint16_t loaded_asid, next_asid;
	bool is_lazy;
	struct tlb_context ctxs[TLB_MAX_ASIDS];
};

struct tlb_cpu {
	uint64_t tag;			/* of the current address space: low bits of every key */
	uint64_t clock;			/* time of the last access, for stamps */
	struct tlb_stream_state stream[NR_TLB_STREAMS];
	struct tlb_cache l2[NR_TLB_STREAMS];
	struct tlb_cache walk_cache[GEOMETRY_MAX_LEVELS];	/* [0] unused */
	struct tlb_system *sys;
	unsigned id;
	uint16_t asid_tag[TLB_MAX_ASIDS], asid_walk_tag[TLB_MAX_ASIDS];
	bool walk_used[TLB_MAX_ASIDS];	/* a walk went into the walk caches since their last flush */
	uint32_t next_tag;
	uint64_t live[TLB_NR_TAGS / 64];
	struct tlb_state state;
	uint64_t nr_reads, nr_writes, nr_splits;	/* touches = reads + writes; a fetch is a read */
	uint64_t *counters;		/* all struct tlb_counts */
	struct tlb_side kernel;		/* the kernel's own touches; counters NULL: there were none */
	uint64_t nr_flush_one, nr_flush_asid, nr_flush_all;	/* done by the hardware */
};

struct tlb_system {
	const struct geometry *geo;
	struct tlb_geometry hw;
	struct tlb_config conf;
	unsigned nr_cpus, nr_nodes, nr_asids;
	bool off;				/* nobody asks what it would hold: accesses go past it */
	unsigned nr_sizes, nr_classes;		/* classes without the last */
	uint8_t page_shift[MAX_PAGE_SIZES];	/* log2 bytes of size index */
	uint8_t size_of_level[GEOMETRY_MAX_LEVELS];
	struct tlb_cpu **cpu;			/* NULL: never used */
};

struct tlb_system *tlb_create(const struct geometry *geo, const struct tlb_geometry *hw,
			      const struct tlb_config *conf, unsigned nr_cpus, unsigned nr_nodes);
void tlb_destroy(struct tlb_system *sys);
bool tlb_consistent(const struct tlb_system *sys);

/* ---- the access path ---- */

struct tlb_cpu *tlb_cpu_create(struct tlb_system *sys, unsigned id);

static inline struct tlb_cpu *tlb_this_cpu(struct tlb_system *sys, unsigned id)
{
	struct tlb_cpu *cpu = sys->cpu[id];

	return cpu ? cpu : tlb_cpu_create(sys, id);
}

static inline uint64_t tlb_key(const struct tlb_cpu *cpu, uint64_t granule)
{
	return granule << TLB_KEY_SHIFT | cpu->tag;
}

/*
 * First-level lookup at the likely page size. The entry permits nothing when the guess was wrong or there is no
 * entry: tlb_lookup() then looks again, everywhere.
 */
static inline struct tlb_entry *tlb_find(const struct tlb_stream_state *s, uint64_t key)
{
	unsigned shift = 0;

	if (s->has_large)
		shift = s->region_shift[key >> (TLB_KEY_SHIFT + 9) & (TLB_NR_REGIONS - 1)];
	return tlb_cache_find(&s->l1, key, shift);
}

/* Where a translation was found. */
enum tlb_found { TLB_FOUND_L1, TLB_FOUND_L2, TLB_FOUND_NOT };

/*
 * The whole lookup: first level at every page size, then the second level, which refills the first. An entry
 * without one of the flags `need` (TLB_DIRTY does not count) is dropped everywhere, as a page fault does,
 * and not found. Counts nothing. *ret is the entry, unless it was not found.
 */
enum tlb_found tlb_lookup(struct tlb_cpu *cpu, enum tlb_stream stream, uint64_t key, unsigned need,
			  const struct tlb_entry **ret);
/* Counts nr > 0 touches of a class: one of them found as said, the others behind it in the first level. */
static inline void tlb_count(struct tlb_stream_state *s, enum tlb_found found, unsigned class, uint64_t nr)
{
	bool miss = found != TLB_FOUND_L1;

	s->level[TLB_L1].hits[class] += nr - miss;
	s->level[TLB_L1].misses[class] += miss;
	s->level[TLB_L2].hits[class] += found == TLB_FOUND_L2;
	s->level[TLB_L2].misses[class] += found == TLB_FOUND_NOT;
}
/* Counts touches that failed. */
void tlb_count_failed(struct tlb_system *sys, struct tlb_stream_state *s, unsigned result, uint64_t nr);
/* Level of the first page-table entry that a walk reads, by the walk caches. */
unsigned tlb_walk_begin(struct tlb_cpu *cpu, struct tlb_stream_state *s, uint64_t key);
/* It read the entries of levels first ... last; those above last point to tables. */
void tlb_walk_end(struct tlb_cpu *cpu, struct tlb_stream_state *s, uint64_t key, unsigned first, unsigned last);
/* Fills both levels with a page that neither has. */
void tlb_fill(struct tlb_cpu *cpu, enum tlb_stream stream, const struct tlb_mapping *m);
/* Entries of the page become dirty in both levels. */
void tlb_set_dirty(struct tlb_cpu *cpu, enum tlb_stream stream, uint64_t key);

/*
 * Between two calls the CPU counts on the kernel's side: accesses to addresses of the kernel. The caches are the same.
 */
void tlb_swap_side(struct tlb_cpu *cpu);

/* ---- the operating system ---- */

/* The CPU goes over to an identifier, 0 <= asid < max(1, nr_asids); flush: its entries go first. */
void tlb_set_asid(struct tlb_cpu *cpu, unsigned asid, bool flush);
/* INVLPG: the page that holds the address, of the current identifier or global; and its walk caches. */
void tlb_flush_one(struct tlb_cpu *cpu, uint64_t addr);
/* All entries of the current identifier but global ones, and its walk caches. */
void tlb_flush_asid(struct tlb_cpu *cpu);
/* Everything, global entries included. */
void tlb_flush_all(struct tlb_cpu *cpu);

/* ---- the report ---- */

/* evictions: entries of that size that fills of this stream pushed out. */
struct tlb_level_stats {
	uint64_t accesses, hits, misses, evictions;
};

struct tlb_stream_stats {
	struct tlb_level_stats size[NR_TLB_LEVELS][MAX_PAGE_SIZES];
	struct tlb_level_stats total[NR_TLB_LEVELS];	/* touches that failed included */
	uint64_t failed[TLB_NR_RESULTS];
	uint64_t walks[MAX_PAGE_SIZES], walks_failed, walks_dirty;
	uint64_t walk_refs[GEOMETRY_MAX_LEVELS], walk_cache_hits[GEOMETRY_MAX_LEVELS];
};

struct tlb_stats {
	unsigned nr_sizes, nr_levels;
	uint8_t page_shift[MAX_PAGE_SIZES];
	bool has_l2[NR_TLB_STREAMS];
	/* touches = reads + writes, a fetch is a read; accesses of the program = touches - splits */
	uint64_t reads, writes, splits;
	struct tlb_stream_stats stream[NR_TLB_STREAMS];
	uint64_t flush_one, flush_asid, flush_all;	/* done by the hardware, all causes */
};

/* Sums over all CPUs, or those of one with cpu >= 0. */
void tlb_stats(const struct tlb_system *sys, int cpu, struct tlb_stats *ret);
/* The same of the kernel's own touches. */
void tlb_kernel_stats(const struct tlb_system *sys, int cpu, struct tlb_stats *ret);
/*
 * matrix[cpu node * nr_nodes + memory node] += touches of one stream, or of both; cpu_node[] has nr_cpus entries. Touches
 * that were never translated are in none.
 */
void tlb_access_matrix(const struct tlb_system *sys, const uint16_t *cpu_node, uint64_t *matrix);
void tlb_stream_matrix(const struct tlb_system *sys, enum tlb_stream stream, const uint16_t *cpu_node,
		       uint64_t *matrix);
/* The same for the page-table entries that walks read: both streams. Its sum is that of walk_refs. */
void tlb_walk_matrix(const struct tlb_system *sys, const uint16_t *cpu_node, uint64_t *matrix);

#endif
