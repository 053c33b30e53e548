/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Page tables. Kernel counterpart: include/linux/pgtable.h, mm/memory.c (free_pgtables,
 * __pte_alloc), arch/x86/include/asm/pgtable_types.h.
 *
 * Modelled: radix trees of any geometry; tables are pages from the allocator and count as in
 * mm_pgtables_bytes() (every level but the root); leaves at any level that the geometry allows.
 * Simplified: one layout of entry bits serves all architectures.
 *
 * An entry is 64 bits:
 *
 *	leaf	| 63 NX | 62-58 soft | 57-12 frame | 11-0 PTE_* |
 *	table	| 63-58 node of the table below | its address (64-byte aligned) | PTE_PRESENT | PTE_TABLE |
 *	swapped	| 58 exclusive | 43-12 swp_entry_t | PTE_SWAP |
 *	all bits 0: empty
 */
#ifndef MM_PGTABLE_H
#define MM_PGTABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "machine/geometry.h"
#include "mm/mmzone.h"

typedef struct { uint64_t pte; } pte_t;

#define PTE_PRESENT	(1ull << 0)
#define PTE_WRITE	(1ull << 1)
#define PTE_USER	(1ull << 2)
#define PTE_TABLE	(1ull << 3)
#define PTE_ACCESSED	(1ull << 5)
#define PTE_DIRTY	(1ull << 6)
#define PTE_GLOBAL	(1ull << 8)
#define PTE_SPECIAL	(1ull << 9)	/* no page to be counted behind it: zero page, device */
#define PTE_PROTNONE	(1ull << 10)	/* PROT_NONE or a NUMA hint: access faults */
#define PTE_SWAP	(1ull << 11)
#define PTE_SWP_EXCLUSIVE (1ull << 58)	/* with PTE_SWAP: the page was PG_ANON_EXCLUSIVE */
#define PTE_NX		(1ull << 63)
#define PTE_PFN_SHIFT	12
#define PTE_NODE_SHIFT	58
#define PTE_TABLE_MASK	0x03ffffffffffffc0ull
#define PTE_PFN_MASK	0x03fffffffffff000ull

/* One table: a page of the simulated machine, and its entries. Starts at a multiple of 64. */
#define GEOMETRY_MAX_TABLE_BITS 13
struct pgtable {
	pfn_t pfn;		/* the frame it stands in */
	uint16_t node;
	uint8_t level;
	uint8_t bits;		/* 1 << bits entries */
	uint32_t nr_used;	/* entries that are not zero, the kernel's in a root not included: kept by pte_set() */
	pte_t ent[] __attribute__((aligned(64)));
};

static inline bool pte_none(pte_t pte)
{
	return !pte.pte;
}

static inline bool pte_present(pte_t pte)
{
	return pte.pte & (PTE_PRESENT | PTE_PROTNONE);
}

static inline bool pte_is_table(pte_t pte)
{
	return pte.pte & PTE_TABLE;
}

static inline bool pte_is_leaf(pte_t pte)
{
	/* PTE_TABLE first: in a table's entry the bits from 6 up are an address. */
	return !(pte.pte & PTE_TABLE) && pte.pte & (PTE_PRESENT | PTE_PROTNONE);
}

static inline bool pte_write(pte_t pte)
{
	return pte.pte & PTE_WRITE;
}

static inline bool pte_dirty(pte_t pte)
{
	return pte.pte & PTE_DIRTY;
}

static inline pfn_t pte_pfn(pte_t pte)
{
	return (pfn_t)((pte.pte & PTE_PFN_MASK) >> PTE_PFN_SHIFT);
}

static inline pte_t pfn_pte(pfn_t pfn, uint64_t prot)
{
	return (pte_t){ (uint64_t)pfn << PTE_PFN_SHIFT | prot };
}

/* A slot of a swap area; 0 is none, because slot 0 of an area is its header. */
typedef struct { uint32_t val; } swp_entry_t;
#define SWP_TYPE_BITS	4
#define SWP_OFFSET_BITS	28

static inline swp_entry_t swp_entry(unsigned type, uint32_t offset)
{
	return (swp_entry_t){ (uint32_t)type << SWP_OFFSET_BITS | offset };
}

static inline unsigned swp_type(swp_entry_t entry)
{
	return entry.val >> SWP_OFFSET_BITS;
}

static inline uint32_t swp_offset(swp_entry_t entry)
{
	return entry.val & ((1u << SWP_OFFSET_BITS) - 1);
}

/* Is the page that was mapped here in swap? */
static inline bool is_swap_pte(pte_t pte)
{
	return (pte.pte & (PTE_SWAP | PTE_TABLE | PTE_PRESENT | PTE_PROTNONE)) == PTE_SWAP;
}

static inline swp_entry_t pte_to_swp_entry(pte_t pte)
{
	return (swp_entry_t){ (uint32_t)(pte.pte >> PTE_PFN_SHIFT) };
}

static inline bool pte_swp_exclusive(pte_t pte)
{
	return pte.pte & PTE_SWP_EXCLUSIVE;
}

static inline pte_t swp_entry_to_pte(swp_entry_t entry, bool exclusive)
{
	return (pte_t){ (uint64_t)entry.val << PTE_PFN_SHIFT | PTE_SWAP | (exclusive ? PTE_SWP_EXCLUSIVE : 0) };
}

static inline struct pgtable *pte_table(pte_t pte)
{
	return (struct pgtable *)(uintptr_t)(pte.pte & PTE_TABLE_MASK);
}

/* Its node, without a look at the table. */
static inline unsigned pte_table_node(pte_t pte)
{
	return (unsigned)(pte.pte >> PTE_NODE_SHIFT);
}

/* The entry that leads to a table. */
static inline pte_t table_pte(const struct pgtable *table)
{
	_Static_assert(MAX_NUMNODES <= 1 << (64 - PTE_NODE_SHIFT), "a node fits above the address");
	return (pte_t){ (uintptr_t)table | (uint64_t)table->node << PTE_NODE_SHIFT | PTE_PRESENT | PTE_TABLE };
}

/* Writes an entry and keeps nr_used. */
static inline void pte_set(struct pgtable *t, unsigned index, pte_t pte)
{
	t->nr_used += (uint32_t)!!pte.pte - (uint32_t)!!t->ent[index].pte;
	t->ent[index] = pte;
}

/* The entry of a table that maps addr. */
static inline unsigned pte_index(const struct geometry *g, const struct pgtable *t, uint64_t addr)
{
	return geometry_index(g, t->level, addr);
}

struct memory;
struct mm_struct;
struct mmu_gather;

/* A new root table, with the kernel's entries where it serves both halves. NULL when there is no memory. */
struct pgtable *pgd_alloc(struct memory *mem, struct mm_struct *mm);
void pgd_free(struct memory *mem, struct pgtable *pgd);
/* Takes over the kernel's entries of init_mm (pgd_ctor). */
void pgd_sync_kernel(const struct memory *mem, struct pgtable *pgd);
/*
 * The table of `level` that maps addr: NULL when there is none, or a larger leaf stands in the way.
 */
struct pgtable *pgtable_lookup(const struct mm_struct *mm, uint64_t addr, unsigned level);
/* The same, tables made on the way (counted in mm->pgtables_bytes). NULL when memory ran out. */
struct pgtable *pgtable_alloc(struct mm_struct *mm, uint64_t addr, unsigned level);
/*
 * One empty table that hangs nowhere yet, counted in mm->pgtables_bytes unless it is a root; and
 * the way back.
 * Huge entries keep such a table in store for the day they are split. NULL when memory ran out.
 */
struct pgtable *pgtable_alloc_one(struct mm_struct *mm, unsigned level);
void pgtable_free_one(struct mm_struct *mm, struct pgtable *table);
/* The entry that translates addr: *ret_level says at which level it stands (the lowest reached). */
pte_t *pgtable_walk(const struct mm_struct *mm, uint64_t addr, unsigned *ret_level,
		    struct pgtable **ret_table);
/*
 * Frees tables that lie in [addr, end) wholly, as free_pgd_range(): a table goes only when nothing
 * between floor and ceiling (0: no limit) can use it.
 */
void free_pgd_range(struct mmu_gather *tlb, uint64_t addr, uint64_t end, uint64_t floor,
		    uint64_t ceiling);

/*
 * Walks all tables: levels, nr_used, frames. ret_tables: tables in the tree, the root too.
 * ret_counted_bytes: of those that mm->pgtables_bytes counts; what it is more are tables from
 * pgtable_alloc_one() that hang nowhere.
 */
bool pgtable_consistent(const struct mm_struct *mm, uint64_t *ret_tables,
			uint64_t *ret_counted_bytes);

/* The host's memory behind the tables of one struct memory. */
void pgtable_pool_create(struct memory *mem);
void pgtable_pool_destroy(struct memory *mem);

#endif
