/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * swap_consistent(): slots, clusters and lists of every area against each other, and what names the slots: entries of all
 * page tables, files of shmem, the swap cache. Slow on purpose.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "mm/swapfile-internal.h"
#include "mm/vma.h"
#include "mm/workingset.h"
#include "mm/zspool.h"
#include "mm/zswap.h"

struct swap_check {
	const struct memory *mem;
	struct strbuf *why;
	uint32_t *named[MAX_SWAPFILES];	/* by slot: entries that name it; EXCLUSIVE: one says that it is the only one */
	bool names;			/* those who name slots are looked at */
	uint64_t cached;		/* pages in the swap cache */
	unsigned errors;
};

#define MAX_LINES 20
#define EXCLUSIVE (1u << 31)

#define complain(c, ...) \
	do { \
		if ((c)->errors++ < MAX_LINES && (c)->why) { \
			strbuf_addf((c)->why, __VA_ARGS__); \
			strbuf_addstr((c)->why, "\n"); \
		} \
	} while (0)

/* ---- who names slots ---- */

static void name_slot(struct swap_check *c, swp_entry_t entry, uint32_t exclusive, const char *who)
{
	const struct swap_system *sys = c->mem->swap;

	if (!sys || swp_type(entry) >= sys->nr_info || !swp_offset(entry) ||
	    swp_offset(entry) >= sys->info[swp_type(entry)]->max)
		complain(c, "%s names slot %u of swap area %u, which does not exist", who, swp_offset(entry),
			 swp_type(entry));
	else
		c->named[swp_type(entry)][swp_offset(entry)] = (c->named[swp_type(entry)][swp_offset(entry)] + 1) | exclusive;
}

static uint64_t count_table(struct swap_check *c, const struct pgtable *table)
{
	uint64_t nr = 0;

	for (unsigned i = 0; i < 1u << table->bits; i++) {
		pte_t pte = table->ent[i];

		if (pte_is_table(pte) && table->level) {
			nr += count_table(c, pte_table(pte));
		} else if (is_swap_pte(pte)) {
			name_slot(c, pte_to_swp_entry(pte), pte_swp_exclusive(pte) ? EXCLUSIVE : 0, "a page table");
			nr++;
		}
	}
	return nr;
}

static void count_mm(struct swap_check *c, struct mm_struct *mm)
{
	const struct geometry *geo = c->mem->geo;
	unsigned top = geo->nr_levels - 1u, last = 1u << geo->level[top].bits;
	uint64_t nr = 0;

	if (!mm->pgd)
		return;
	/* The kernel's half has no swap entries, and is shared. */
	if (c->mem->kernel_pgd_first)
		last = c->mem->kernel_pgd_first;
	for (unsigned i = 0; i < last; i++)
		if (pte_is_table(mm->pgd->ent[i]))
			nr += count_table(c, pte_table(mm->pgd->ent[i]));
	if ((int64_t)nr != mm->rss_stat[MM_SWAPENTS])
		complain(c, "mm %u: %" PRId64 " swap entries counted, %" PRIu64 " found", mm->id,
			 mm->rss_stat[MM_SWAPENTS], nr);
}

static void count_file(struct swap_check *c, const struct address_space *mapping)
{
	uint64_t index = 0, value;

	for (; radix_next(&mapping->exceptional, index, &index, &value); index++)
		if (entry_is_shmem_swap(value))
			name_slot(c, (swp_entry_t){ entry_to_shmem_swap(value) }, 0, "a file");
}

static void count_names(struct swap_check *c)
{
	const struct list_head *pos;

	list_for_each(pos, &c->mem->mms)
		count_mm(c, list_entry(pos, struct mm_struct, mmlist));
	list_for_each(pos, &c->mem->address_spaces)
		count_file(c, list_entry(pos, struct address_space, all));
}

/* ---- slots ---- */

static void check_cached(struct swap_check *c, swp_entry_t entry)
{
	pfn_t pfn = swap_cache_get_page(c->mem, entry), head = folio_pfn(c->mem, pfn);

	c->cached++;
	if (!(pfn_to_page(c->mem, head)->flags & PG_SWAPCACHE) || c->mem->page_swap[pfn] != entry.val)
		complain(c, "swap area %u: slot %u is that of page %u, which knows of slot %u", swp_type(entry),
			 swp_offset(entry), pfn, c->mem->page_swap[pfn]);
}

static void check_slot(struct swap_check *c, const struct swap_info_struct *si, uint32_t offset)
{
	uint32_t map = si->map[offset], named = c->named[si->type][offset];
	bool cached = si->table[offset] && !is_shadow(si->table[offset]);

	if (map & SWAP_MAP_BAD)
		return;
	if (named & EXCLUSIVE && (named & ~EXCLUSIVE) != 1)
		complain(c, "swap area %u: slot %u is one entry's alone, but %u name it", si->type, offset, named & ~EXCLUSIVE);
	named &= ~EXCLUSIVE;
	if (c->names && (map & SWAP_MAP_COUNT) != named)
		complain(c, "swap area %u: slot %u is used %u times, named %u times", si->type, offset,
			 map & SWAP_MAP_COUNT, named);
	if (cached != !!(map & SWAP_HAS_CACHE))
		complain(c, "swap area %u: slot %u %s in the swap cache, its map says otherwise", si->type, offset,
			 cached ? "is" : "is not");
	if (!map && si->table[offset])
		complain(c, "swap area %u: free slot %u has a shadow", si->type, offset);
	if (cached)
		check_cached(c, swp_entry(si->type, offset));
}

/* ---- clusters ---- */

static uint32_t check_cluster(struct swap_check *c, const struct swap_info_struct *si, const struct swap_cluster *ci)
{
	uint32_t start = cluster_offset(si, ci), end = start + cluster_slots(si), used = 0, bad = 0;

	for (uint32_t offset = start; offset < end; offset++) {
		if (offset >= si->max || si->map[offset] & SWAP_MAP_BAD)
			bad++;
		else
			used += si->map[offset] != 0;
	}
	if (ci->count != used + bad)
		complain(c, "swap area %u: cluster at %u counts %u slots, %u are in use", si->type, start, ci->count,
			 used + bad);
	if (used && ci->table_pfn == PFN_NONE)
		complain(c, "swap area %u: cluster at %u has no table", si->type, start);
	if ((ci->state == CLUSTER_FREE) != !ci->count || (ci->state == CLUSTER_FULL && ci->count < cluster_slots(si)) ||
	    ci->state == CLUSTER_NONE)
		complain(c, "swap area %u: cluster at %u of %u slots is on list %u", si->type, start, ci->count, ci->state);
	return used;
}

static uint32_t check_cluster_list(struct swap_check *c, const struct swap_info_struct *si, const struct list_head *list,
				   unsigned order, enum swap_cluster_state state)
{
	const struct list_head *pos;
	uint32_t nr = 0;

	list_for_each(pos, list) {
		const struct swap_cluster *ci = list_entry(pos, struct swap_cluster, list);

		if (nr++ > nr_clusters(si))
			break;
		if (ci->state != state || (state != CLUSTER_FULL && ci->order != order))
			complain(c, "swap area %u: cluster at %u is on a wrong list", si->type, cluster_offset(si, ci));
	}
	return nr;
}

static void check_area(struct swap_check *c, const struct swap_info_struct *si)
{
	uint32_t used = 0, listed;

	for (uint32_t offset = 0; offset < si->max; offset++)
		check_slot(c, si, offset);
	for (uint32_t i = 0; i < nr_clusters(si); i++)
		used += check_cluster(c, si, &si->clusters[i]);
	if (used != si->inuse_pages)
		complain(c, "swap area %u: %u slots in use, %u found", si->type, si->inuse_pages, used);
	listed = check_cluster_list(c, si, &si->free_clusters, 0, CLUSTER_FREE) +
		 check_cluster_list(c, si, &si->full_clusters, 0, CLUSTER_FULL);
	for (unsigned o = 0; o < MAX_ORDER_LIMIT; o++)
		listed += check_cluster_list(c, si, &si->nonfull_clusters[o], o, CLUSTER_NONFULL) +
			  check_cluster_list(c, si, &si->frag_clusters[o], o, CLUSTER_FRAG);
	if (listed != nr_clusters(si))
		complain(c, "swap area %u: %u clusters on lists, not %u", si->type, listed, nr_clusters(si));
	if (list_empty(&si->avail) != (si->inuse_pages == si->pages))
		complain(c, "swap area %u: %u of %u slots in use, yet %s", si->type, si->inuse_pages, si->pages,
			 list_empty(&si->avail) ? "not to be had" : "to be had");
	if (si->zspool && !zspool_consistent(si->zspool))
		complain(c, "swap area %u: compressed pages contradict themselves", si->type);
}

static void check_sums(struct swap_check *c)
{
	const struct swap_system *sys = c->mem->swap;
	int64_t free = 0, total = 0;
	uint64_t counted = 0;

	for (unsigned i = 0; i < sys->nr_info; i++) {
		free += sys->info[i]->pages - sys->info[i]->inuse_pages;
		total += sys->info[i]->pages;
	}
	for (unsigned n = 0; n < c->mem->nr_nodes; n++)
		counted += c->mem->nodes[n]->vm_stat[NR_SWAPCACHE];
	if (free != c->mem->nr_swap_pages || total != (int64_t)c->mem->total_swap_pages)
		complain(c, "swap: %" PRId64 " of %" PRId64 " slots free, %" PRId64 " of %" PRId64 " found",
			 c->mem->nr_swap_pages, (int64_t)c->mem->total_swap_pages, free, total);
	if (counted != c->cached)
		complain(c, "nr_swapcached %" PRIu64 ", %" PRIu64 " pages found", counted, c->cached);
	if (sys->zswap && !zswap_consistent(sys->zswap))
		complain(c, "zswap contradicts itself");
}

static bool check_swap(const struct memory *mem, struct strbuf *why, bool names)
{
	struct swap_check c = { .mem = mem, .why = why, .names = names };
	const struct swap_system *sys = mem->swap;

	for (unsigned i = 0; sys && i < sys->nr_info; i++)
		c.named[i] = xcalloc(sys->info[i]->max, sizeof(**c.named));
	/* Without swap too: then nothing may name a slot. */
	if (names)
		count_names(&c);
	for (unsigned i = 0; sys && i < sys->nr_info; i++)
		check_area(&c, sys->info[i]);
	if (sys)
		check_sums(&c);
	for (unsigned i = 0; i < MAX_SWAPFILES; i++)
		free(c.named[i]);
	return !c.errors;
}

bool swap_consistent(const struct memory *mem, struct strbuf *why)
{
	return check_swap(mem, why, true);
}

bool swap_slots_consistent(const struct memory *mem, struct strbuf *why)
{
	return check_swap(mem, why, false);
}
