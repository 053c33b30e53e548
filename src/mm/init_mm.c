/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* The kernel's half of the page tables: see init_mm.h. */
#include "mm/init_mm.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/bitmap.h"
#include "base/bug.h"
#include "mm/page_alloc.h"

#define ISA_END		(1ull << 20)	/* x86 maps the first MiB by itself */
#define IMAGE_BYTES	(32ull << 20)	/* text, rodata, data and bss of a distribution's kernel, at most */

struct pgtable *kernel_root(const struct memory *mem, const struct mm_struct *mm)
{
	return mm && mem->kernel_pgd_first ? mm->pgd : mem->init_mm->pgd;
}

pte_t *kernel_walk(const struct memory *mem, kaddr_t addr, unsigned *ret_level)
{
	return pgtable_walk(mem->init_mm, addr, ret_level, NULL);
}

kaddr_t page_kaddr(const struct memory *mem, pfn_t pfn)
{
	if (!mem->geo->vmemmap_start || !mem->conf.mem_map)
		return 0;
	return mem->geo->vmemmap_start + (uint64_t)pfn * STRUCT_PAGE_BYTES;
}

/* The zero page is the first of the image. */
kaddr_t image_kaddr(const struct memory *mem, uint64_t offset)
{
	uint64_t phys = ((uint64_t)mem->zero_pfn << mem->geo->page_shift) + offset;

	return (mem->geo->image_start ? mem->geo->image_start : mem->geo->page_offset) + phys;
}

/* ---- mapping ---- */

/* The largest leaf that fits at addr. */
static unsigned leaf_level(const struct geometry *geo, kaddr_t addr, pfn_t pfn, uint64_t nr, unsigned max_level)
{
	for (unsigned level = max_level; level; level--) {
		uint64_t pages = 1ull << (geo->level[level].shift - geo->page_shift);

		if (geo->level[level].may_leaf && nr >= pages && !(pfn & (pages - 1)) &&
		    !(addr & ((pages << geo->page_shift) - 1)))
			return level;
	}
	return 0;
}

/* A new entry of the kernel's root goes to every root that has it (arch_sync_kernel_mappings). */
static void sync_roots(struct memory *mem)
{
	const struct list_head *pos;

	list_for_each(pos, &mem->mms) {
		struct mm_struct *mm = list_entry(pos, struct mm_struct, mmlist);

		if (mm->pgd)
			pgd_sync_kernel(mem, mm->pgd);
	}
}

bool kernel_map(struct memory *mem, kaddr_t addr, pfn_t pfn, uint64_t nr, uint64_t prot, unsigned max_level,
		uint64_t *nr_leaves)
{
	const struct geometry *geo = mem->geo;
	struct pgtable *root = mem->init_mm->pgd, *table;
	uint32_t roots = root->nr_used;

	while (nr) {
		unsigned level = leaf_level(geo, addr, pfn, nr, max_level);
		uint64_t pages = 1ull << (geo->level[level].shift - geo->page_shift);

		table = pgtable_alloc(mem->init_mm, addr, level);
		if (!table)
			break;
		pte_set(table, pte_index(geo, table, addr), pfn_pte(pfn, prot));
		if (nr_leaves)
			nr_leaves[level]++;
		addr += pages << geo->page_shift;
		pfn += (pfn_t)pages;
		nr -= pages;
	}
	if (root->nr_used != roots && mem->kernel_pgd_first)
		sync_roots(mem);
	return nr == 0;
}

void kernel_unmap(struct memory *mem, kaddr_t addr, kaddr_t end)
{
	const struct geometry *geo = mem->geo;

	while (addr < end) {
		unsigned level;
		struct pgtable *table;
		pte_t *pte = pgtable_walk(mem->init_mm, addr, &level, &table);

		if (!pte_none(*pte))
			pte_set(table, pte_index(geo, table, addr), (pte_t){ 0 });
		addr = geometry_addr_end(geo, level, addr, end);
	}
}

/* ---- the direct map ---- */

static bool is_x86(const struct memory *mem)
{
	return !strncmp(mem->geo->name, "x86", 3);
}

/* Linux has no leaves in a root table, but for the 4 MiB pages of a two-level one. */
static unsigned largest_level(const struct geometry *geo)
{
	return geo->nr_levels > 2 ? geo->nr_levels - 2u : 1;
}

static bool map_direct(struct memory *mem, uint64_t start, uint64_t end, unsigned max_level)
{
	const struct geometry *geo = mem->geo;
	uint64_t prot = geo->image_start ? PAGE_KERNEL : PAGE_KERNEL_EXEC;

	return start >= end || kernel_map(mem, pfn_to_kaddr(mem, (pfn_t)start), (pfn_t)start, end - start, prot,
					  max_level, mem->direct_map_pages);
}

/* Frames [start, end) that all exist, as init_memory_mapping() cuts them. */
static bool map_range(struct memory *mem, uint64_t start, uint64_t end)
{
	const struct geometry *geo = mem->geo;
	uint64_t isa = ISA_END >> geo->page_shift, limit = geo->lowmem_bytes >> geo->page_shift;
	uint64_t small = geo->nr_levels <= 3 ? 1ull << (geo->level[1].shift - geo->page_shift) : isa;

	if (limit && end > limit)
		end = limit;
	if (is_x86(mem) && start < small) {
		uint64_t stop = small < end ? small : end;

		if (!map_direct(mem, start, stop, 0))
			return false;
		start = stop;
	}
	return map_direct(mem, start, end, largest_level(geo));
}

/* Frame behind the last of the node. */
static uint64_t node_end_pfn(const struct pglist_data *pgdat)
{
	uint64_t end = 0;

	for (unsigned z = 0; z < MAX_NR_ZONES; z++)
		if (pgdat->node_zones[z].present_pages && pgdat->node_zones[z].zone_end_pfn > end)
			end = pgdat->node_zones[z].zone_end_pfn;
	return end;
}

static bool map_memory(struct memory *mem)
{
	uint64_t start = 0, end = 0;

	for (size_t s = 0; s < mem->nr_sections; s++) {
		unsigned nid = mem->sections[s].node;
		uint64_t from = (uint64_t)s << SECTION_SHIFT, to = from + SECTION_PAGES;

		if (nid >= mem->nr_nodes)
			continue;
		if (to > node_end_pfn(mem->nodes[nid]))
			to = node_end_pfn(mem->nodes[nid]);
		if (from >= to)
			continue;
		if (from != end) {
			if (!map_range(mem, start, end))
				return false;
			start = from;
		}
		end = to;
	}
	return map_range(mem, start, end);
}

/* ---- the virtual mem_map, and the image ---- */

/* Struct pages of [start, end) of one node, whose own frames begin at `at`. */
static bool map_mem_map(struct memory *mem, uint64_t start, uint64_t end, uint64_t *at)
{
	const struct geometry *geo = mem->geo;
	kaddr_t addr = align_down(page_kaddr(mem, (pfn_t)start), 1ull << geo->page_shift);
	uint64_t bytes = align_up(page_kaddr(mem, (pfn_t)end), 1ull << geo->page_shift) - addr;
	uint64_t pmd_pages = 1ull << (geo->level[1].shift - geo->page_shift), nr = bytes >> geo->page_shift;
	uint64_t frame = align_down(*at, pmd_pages) + (addr >> geo->page_shift & (pmd_pages - 1));

	*at += nr;
	/* The last page of struct pages may be shared with the next range. */
	return kernel_map(mem, addr, (pfn_t)frame, nr, PAGE_KERNEL, 1, NULL);
}

static bool map_node_mem_map(struct memory *mem, const struct pglist_data *pgdat)
{
	uint64_t nr = pgdat->present_pages * STRUCT_PAGE_BYTES >> mem->geo->page_shift;
	uint64_t end = node_end_pfn(pgdat), at = end > nr ? end - nr : 0, start = UINT64_MAX;

	for (size_t s = 0; s < mem->nr_sections; s++) {
		uint64_t from = (uint64_t)s << SECTION_SHIFT;
		bool is_ours = mem->sections[s].node == pgdat->node_id && from < end;

		if (is_ours && start == UINT64_MAX)
			start = from;
		if (is_ours || start == UINT64_MAX)
			continue;
		if (!map_mem_map(mem, start, from < end ? from : end, &at))
			return false;
		start = UINT64_MAX;
	}
	return start == UINT64_MAX || map_mem_map(mem, start, end, &at);
}

static bool map_vmemmap(struct memory *mem)
{
	if (!mem->geo->vmemmap_start || !mem->conf.mem_map)
		return true;
	for (unsigned n = 0; n < mem->nr_nodes; n++)
		if (mem->nodes[n]->present_pages && !map_node_mem_map(mem, mem->nodes[n]))
			return false;
	return true;
}

static bool map_image(struct memory *mem)
{
	const struct geometry *geo = mem->geo;
	uint64_t nr = IMAGE_BYTES >> geo->page_shift, pmd_pages = 1ull << (geo->level[1].shift - geo->page_shift);

	if (!geo->image_start)
		return true;
	if (mem->boot_free.end - mem->zero_pfn < nr)
		nr = align_up(mem->boot_free.end - mem->zero_pfn, pmd_pages);
	return kernel_map(mem, image_kaddr(mem, 0), mem->zero_pfn, nr, PAGE_KERNEL_EXEC, 1, NULL);
}

/* ---- creation ---- */

/* First root entry of the kernel's, where it shares the root with the user's half; else 0. */
static unsigned first_root_entry(const struct geometry *geo)
{
	const uint64_t starts[] = { geo->page_offset, geo->vmalloc_start, geo->vmemmap_start, geo->image_start };
	unsigned root = geo->nr_levels - 1u, first = UINT32_MAX;

	for (size_t i = 0; i < ARRAY_SIZE(starts); i++)
		if (starts[i] && geometry_index(geo, root, starts[i]) < first)
			first = geometry_index(geo, root, starts[i]);
	return first > geometry_index(geo, root, geo->user_end - 1) ? first : 0;
}

/*
 * The root entries of the vmalloc area, so that no root has to be changed later (preallocate_vmalloc_pages() of x86-64).
 * A machine of some MiB has not the memory at boot: there they come when they are needed.
 */
static void preallocate_vmalloc(struct memory *mem)
{
	const struct geometry *geo = mem->geo;
	unsigned root = geo->nr_levels - 1u;
	uint64_t span = 1ull << geo->level[root].shift;

	if (!mem->kernel_pgd_first || geo->nr_levels < 4 ||
	    (geo->vmalloc_end - geo->vmalloc_start) / span >= (uint64_t)(mem->boot_free.end - mem->boot_free.start) / 2)
		return;
	for (kaddr_t addr = geo->vmalloc_start; addr < geo->vmalloc_end; addr += span)
		BUG_ON(!pgtable_alloc(mem->init_mm, addr, root - 1));
}

bool init_mm_create(struct memory *mem)
{
	struct mm_struct *mm = xcalloc(1, sizeof(*mm));

	mm->mem = mem;
	mm->mm_users = 1;
	mem->init_mm = mm;
	mm->pgd = pgd_alloc(mem, mm);
	mem->kernel_pgd_first = first_root_entry(mem->geo);
	if (!mm->pgd || !map_memory(mem) || !map_vmemmap(mem) || !map_image(mem))
		return false;
	preallocate_vmalloc(mem);
	/* from here on tables come from the page allocator */
	mem->boot_free.start = mem->boot_free.end;
	return true;
}

void init_mm_destroy(struct memory *mem)
{
	free(mem->init_mm);
	mem->init_mm = NULL;
}

/* ---- checks ---- */

static void complain(struct strbuf *why, const char *what)
{
	if (why)
		strbuf_addf(why, "kernel half: %s\n", what);
}

bool init_mm_consistent(const struct memory *mem, struct strbuf *why)
{
	uint64_t tables, bytes;

	if (!mem->init_mm)
		return true;
	if (!pgtable_consistent(mem->init_mm, &tables, &bytes) || bytes != mem->init_mm->pgtables_bytes) {
		complain(why, "page tables contradict themselves");
		return false;
	}
	return true;
}
