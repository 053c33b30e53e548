/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Page tables: see pgtable.h.
 *
 * A struct pgtable comes from a pool of the host's memory, one free list per size. A table is freed
 * when nothing in it is used, so its entries are zero and it can be handed out again as it is.
 */
#include "mm/pgtable.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/bitmap.h"
#include "mm/memcg.h"
#include "mm/mmu_gather.h"
#include "mm/page_alloc.h"
#include "mm/quicklist.h"
#include "mm/seeded_bug.h"

#define CHUNK_MIN ((size_t)64 << 10)
#define CHUNK_MAX ((size_t)2 << 20)	/* a huge page of most hosts */

/* Memory of the host that tables are cut from; this head takes the first 64 bytes. */
struct pool_chunk {
	struct pool_chunk *next;
	size_t bytes;
};

struct pgtable_pool {
	struct pgtable *free[GEOMETRY_MAX_TABLE_BITS + 1];	/* by bits, linked through ent[0] */
	struct pool_chunk *chunks;
	char *next, *end;	/* rest of the newest chunk, never used: zero */
};

static size_t table_size(unsigned bits)
{
	return (sizeof(struct pgtable) + (sizeof(pte_t) << bits) + 63) & ~(size_t)63;
}

void pgtable_pool_create(struct memory *mem)
{
	mem->pgtable_pool = xcalloc(1, sizeof(*mem->pgtable_pool));
}

void pgtable_pool_destroy(struct memory *mem)
{
	struct pool_chunk *chunk, *next;

	if (!mem->pgtable_pool)
		return;
	for (chunk = mem->pgtable_pool->chunks; chunk; chunk = next) {
		next = chunk->next;
		munmap(chunk, chunk->bytes);
	}
	free(mem->pgtable_pool);
	mem->pgtable_pool = NULL;
}

/*
 * Zeroed memory, `bytes` (a power of two) and aligned to it, so that the host can back it by one
 * huge page: making a table then costs no fault of the host's.
 */
static void *chunk_alloc(size_t bytes)
{
	char *p = mmap(NULL, 2 * bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
	     *start;

	if (p == MAP_FAILED)
		xalloc_failed(bytes);
	start = (char *)align_up((uintptr_t)p, bytes);
	if (start > p)
		munmap(p, (size_t)(start - p));
	munmap(start + bytes, (size_t)(p + bytes - start));
	if (bytes == CHUNK_MAX)
		madvise(start, bytes, MADV_HUGEPAGE);	/* a wish: without it we are only slower */
	return start;
}

static __attribute__((noinline)) struct pgtable *pool_get_fresh(struct pgtable_pool *pool,
								unsigned bits)
{
	size_t size = table_size(bits), bytes = pool->chunks ? pool->chunks->bytes * 2 : CHUNK_MIN;
	struct pgtable *table;

	if ((size_t)(pool->end - pool->next) < size) {
		struct pool_chunk *chunk;

		bytes = bytes < CHUNK_MAX ? bytes : CHUNK_MAX;
		chunk = chunk_alloc(bytes);
		chunk->next = pool->chunks;
		chunk->bytes = bytes;
		pool->chunks = chunk;
		pool->next = (char *)chunk + 64;
		pool->end = (char *)chunk + bytes;
	}
	table = (void *)pool->next;
	pool->next += size;
	table->bits = (uint8_t)bits;
	return table;
}

/* All entries are zero. */
static struct pgtable *pool_get(struct pgtable_pool *pool, unsigned bits)
{
	struct pgtable *table = pool->free[bits];

	if (unlikely(!table))
		return pool_get_fresh(pool, bits);
	pool->free[bits] = (struct pgtable *)(uintptr_t)table->ent[0].pte;
	table->ent[0].pte = 0;
	return table;
}

static void pool_put(struct pgtable_pool *pool, struct pgtable *table)
{
	table->ent[0].pte = (uintptr_t)pool->free[table->bits];
	pool->free[table->bits] = table;
}

/* Tables of the levels that mm_pgtables_bytes() knows: PTE, PMD, PUD, unless it is the root. */
static bool is_counted(const struct geometry *g, unsigned level)
{
	return level <= 2 && level + 1u < g->nr_levels;
}

static uint64_t table_bytes(const struct geometry *g)
{
	return 1ull << g->page_shift;
}

/* A table in a frame that nothing else is in. */
static struct pgtable *table_init(struct memory *mem, pfn_t pfn, unsigned level)
{
	struct pgtable *table = pool_get(mem->pgtable_pool, mem->geo->level[level].bits);
	struct page *page = pfn_to_page(mem, pfn);

	table->pfn = pfn;
	table->node = (uint16_t)pfn_to_node(mem, pfn)->node_id;
	table->level = (uint8_t)level;
	table->nr_used = 0;
	page->flags |= PG_TABLE;
	page->index = (uintptr_t)table;
	return table;
}

/* Of a user's table: the lowest may stand where the kernel must map it to look at it. */
static gfp_t pgtable_gfp(const struct memory *mem, unsigned level)
{
	bool high = unlikely(mem->highmem) && mem->conf.highpte && level == 0 && !mem->quicklists;

	return high ? GFP_PGTABLE_USER | __GFP_HIGHMEM : GFP_PGTABLE_USER;
}

static struct pgtable *table_new(struct memory *mem, unsigned level, gfp_t gfp)
{
	pfn_t pfn = unlikely(mem->quicklists) ? quicklist_alloc(mem, gfp, NUMA_NO_NODE)
					      : alloc_pages(mem, gfp, 0, NUMA_NO_NODE);
	struct pgtable *table;

	if (unlikely(pfn == PFN_NONE))
		return NULL;
	table = table_init(mem, pfn, level);
	lruvec_stat_mod_folio(mem, pfn, NR_PAGETABLE, 1);
	return table;
}

/* A table of the kernel's half. At boot it stands in memory that is not managed, and counts nowhere. */
static struct pgtable *table_new_kernel(struct memory *mem, unsigned level)
{
	pfn_t pfn;

	if (mem->boot_free.start >= mem->boot_free.end)
		return table_new(mem, level, GFP_KERNEL | __GFP_ZERO);
	pfn = --mem->boot_free.end;
	memmap_touch(mem, pfn);
	pfn_to_page(mem, pfn)->flags = PG_RESERVED;
	pfn_to_page(mem, pfn)->_refcount = 1;
	if (is_counted(mem->geo, level))
		mem->boot_pgtables_bytes += table_bytes(mem->geo);
	return table_init(mem, pfn, level);
}

static void table_delete(struct memory *mem, struct pgtable *table)
{
	struct page *page = pfn_to_page(mem, table->pfn);

	lruvec_stat_mod_folio(mem, table->pfn, NR_PAGETABLE, SEEDED_BUG(mem, TABLE_COUNT) ? 0 : -1);
	page->flags &= ~PG_TABLE;
	page->index = 0;
	if (unlikely(mem->quicklists))
		quicklist_free(mem, table->pfn);
	else
		put_page(mem, table->pfn);
	if (unlikely(table->nr_used))
		memset(table->ent, 0, sizeof(pte_t) << table->bits);
	pool_put(mem->pgtable_pool, table);
}

/* Of a root table that serves both halves, the kernel's entries: those of init_mm. */
static size_t kernel_entries_bytes(const struct memory *mem, const struct pgtable *pgd)
{
	return ((1u << pgd->bits) - mem->kernel_pgd_first) * sizeof(pte_t);
}

void pgd_sync_kernel(const struct memory *mem, struct pgtable *pgd)
{
	unsigned first = mem->kernel_pgd_first;

	if (first && mem->init_mm && pgd != mem->init_mm->pgd)
		memcpy(&pgd->ent[first], &mem->init_mm->pgd->ent[first], kernel_entries_bytes(mem, pgd));
}

struct pgtable *pgd_alloc(struct memory *mem, struct mm_struct *mm)
{
	unsigned level = mem->geo->nr_levels - 1u;
	struct pgtable *pgd = mm == mem->init_mm ? table_new_kernel(mem, level)
						 : table_new(mem, level, pgtable_gfp(mem, level));

	if (pgd)
		pgd_sync_kernel(mem, pgd);
	return pgd;
}

void pgd_free(struct memory *mem, struct pgtable *pgd)
{
	if (mem->kernel_pgd_first)
		memset(&pgd->ent[mem->kernel_pgd_first], 0, kernel_entries_bytes(mem, pgd));
	table_delete(mem, pgd);
}

struct pgtable *pgtable_alloc_one(struct mm_struct *mm, unsigned level)
{
	struct memory *mem = mm->mem;
	struct pgtable *table = unlikely(mm == mem->init_mm) ? table_new_kernel(mem, level)
							     : table_new(mem, level, pgtable_gfp(mem, level));

	if (table && is_counted(mem->geo, level))
		mm->pgtables_bytes += table_bytes(mem->geo);
	return table;
}

void pgtable_free_one(struct mm_struct *mm, struct pgtable *table)
{
	if (is_counted(mm->mem->geo, table->level))
		mm->pgtables_bytes -= table_bytes(mm->mem->geo);
	table_delete(mm->mem, table);
}

/*
 * The walks count levels themselves: table->level would cost a cache line of each table on the way.
 */
struct pgtable *pgtable_lookup(const struct mm_struct *mm, uint64_t addr, unsigned level)
{
	const struct geometry *g = mm->mem->geo;
	struct pgtable *table = mm->pgd;

	for (unsigned at = g->nr_levels - 1u; at > level; at--) {
		pte_t pte = table->ent[geometry_index(g, at, addr)];

		if (!pte_is_table(pte))
			return NULL;
		table = pte_table(pte);
	}
	return table;
}

struct pgtable *pgtable_alloc(struct mm_struct *mm, uint64_t addr, unsigned level)
{
	const struct geometry *g = mm->mem->geo;
	struct pgtable *table = mm->pgd, *below;

	for (unsigned at = g->nr_levels - 1u; at > level; at--, table = below) {
		unsigned index = geometry_index(g, at, addr);
		pte_t pte = table->ent[index];

		if (likely(pte_is_table(pte))) {
			below = pte_table(pte);
			continue;
		}
		VM_BUG_ON(!pte_none(pte));
		below = pgtable_alloc_one(mm, at - 1);
		if (unlikely(!below))
			return NULL;
		/*
		 * The allocation may have reclaimed, but never takes tables away: `table` still
		 * stands.
		 */
		pte_set(table, index, table_pte(below));
	}
	return table;
}

pte_t *pgtable_walk(const struct mm_struct *mm, uint64_t addr, unsigned *ret_level,
		    struct pgtable **ret_table)
{
	const struct geometry *g = mm->mem->geo;
	struct pgtable *table = mm->pgd;
	unsigned at = g->nr_levels - 1u;
	pte_t *pte;

	for (;;) {
		pte = &table->ent[geometry_index(g, at, addr)];
		if (at == 0 || !pte_is_table(*pte))
			break;
		table = pte_table(*pte);
		at--;
	}
	*ret_level = at;
	if (ret_table)
		*ret_table = table;
	return pte;
}

/* --- freeing ---------------------------------------------------------------------------------- */

struct free_range {
	struct mmu_gather *tlb;
	uint64_t floor, ceiling;	/* ceiling 0: the end of the address space */
};

/*
 * May a table that spans 2^shift bytes go, when [addr, end) of it is not used any more? Only when
 * all else of the span lies behind floor and ceiling. All arithmetic wraps at 2^64 on purpose: 0 is
 * the end.
 */
static bool span_is_free(const struct free_range *fr, uint64_t addr, uint64_t end, unsigned shift)
{
	uint64_t mask = shift >= 64 ? 0 : ~((1ull << shift) - 1);
	uint64_t ceiling = fr->ceiling;

	if ((addr & mask) < fr->floor)
		return false;
	if (ceiling) {
		ceiling &= mask;
		if (!ceiling)
			return false;
	}
	return end - 1 <= ceiling - 1;
}

/* Frees the tables below `table` that [addr, end) leaves without use. */
static void free_tables_below(const struct free_range *fr, struct pgtable *table, uint64_t addr,
			      uint64_t end)
{
	const struct geometry *g = fr->tlb->mm->mem->geo;
	unsigned shift = g->level[table->level].shift;

	for (uint64_t next; ; addr = next) {
		unsigned index = geometry_index(g, table->level, addr);
		pte_t pte = table->ent[index];

		next = geometry_addr_end(g, table->level, addr, end);
		if (pte_is_table(pte)) {
			struct pgtable *below = pte_table(pte);

			if (below->level > 0)
				free_tables_below(fr, below, addr, next);
			/* free_pgd_range() has cut the range so that its PTE tables may all go. */
			if (below->level == 0 || span_is_free(fr, addr, next, shift)) {
				VM_BUG_ON(below->nr_used);
				pte_set(table, index, (pte_t){0});
				tlb_free_table(fr->tlb, addr, below->level);
				pgtable_free_one(fr->tlb->mm, below);
			}
		}
		if (next == end)
			break;
	}
}

void free_pgd_range(struct mmu_gather *tlb, uint64_t addr, uint64_t end, uint64_t floor,
		    uint64_t ceiling)
{
	struct mm_struct *mm = tlb->mm;
	struct free_range fr = { tlb, floor, ceiling };
	uint64_t size = 1ull << mm->mem->geo->level[1].shift, mask = ~(size - 1);

	addr &= mask;
	if (addr < floor) {
		addr += size;
		if (!addr)
			return;
	}
	if (fr.ceiling) {
		fr.ceiling &= mask;
		if (!fr.ceiling)
			return;
	}
	if (end - 1 > fr.ceiling - 1)
		end -= size;
	if (addr > end - 1)
		return;
	free_tables_below(&fr, mm->pgd, addr, end);
}

/* --- checks ----------------------------------------------------------------------------------- */

struct table_census {
	uint64_t counted_bytes;
	uint64_t tables;
	bool ok;
};

static void check_table(const struct mm_struct *mm, const struct pgtable *table,
			struct table_census *census)
{
	const struct page *page = pfn_to_page(mm->mem, table->pfn);
	uint32_t used = 0, nr = 1u << table->bits;

	/* The kernel's entries of a process's root hang on init_mm, and are not in nr_used. */
	if (table == mm->pgd && mm != mm->mem->init_mm && mm->mem->kernel_pgd_first) {
		nr = mm->mem->kernel_pgd_first;
		census->ok &= !memcmp(&table->ent[nr], &mm->mem->init_mm->pgd->ent[nr],
				      kernel_entries_bytes(mm->mem, table));
	}
	census->tables++;
	census->ok &= page->flags & PG_TABLE && page->index == (uintptr_t)table &&
		      page->_refcount == 1;
	if (is_counted(mm->mem->geo, table->level))
		census->counted_bytes += table_bytes(mm->mem->geo);
	for (unsigned i = 0; i < nr; i++) {
		pte_t pte = table->ent[i];

		used += !pte_none(pte);
		if (table->level == 0 || !pte_is_table(pte))
			continue;
		census->ok &= pte_table(pte)->level + 1 == table->level;
		if (census->ok)
			check_table(mm, pte_table(pte), census);
	}
	census->ok &= used == table->nr_used;
}

bool pgtable_consistent(const struct mm_struct *mm, uint64_t *ret_tables,
			uint64_t *ret_counted_bytes)
{
	struct table_census census = { .ok = true };

	check_table(mm, mm->pgd, &census);
	*ret_tables = census.tables;
	*ret_counted_bytes = census.counted_bytes;
	return census.ok && census.counted_bytes <= mm->pgtables_bytes;
}
