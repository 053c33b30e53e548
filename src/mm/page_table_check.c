/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Page tables against frames: see page_table_check.h. */
#include "mm/page_table_check.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/xalloc.h"
#include "mm/huge_pmd.h"
#include "mm/memcg.h"
#include "mm/memmap.h"
#include "mm/pgtable.h"
#include "mm/rmap.h"
#include "mm/split_folio.h"
#include "mm/vma.h"

#define MAX_LINES 20

struct check {
	struct memory *mem;
	struct strbuf *why;
	uint64_t errors;
	uint32_t *maps;		/* by pfn: base entries found; only touched parts cost */
	uint32_t *entire;	/* by pfn of the head: huge entries found */
	struct mm_struct *mm;	/* whose tables are being walked */
	int64_t rss[NR_MM_COUNTERS];
	uint64_t nr_anon[MAX_NUMNODES], nr_file[MAX_NUMNODES];
	uint64_t nr_mlock[MAX_NUMNODES][MAX_NR_ZONES];
	uint64_t nr_lru[MAX_NUMNODES][MAX_NR_ZONES][3];	/* anonymous, file, unevictable */
	uint64_t *group_anon, *group_file;	/* by id of the memory cgroup; NULL without groups */
};

#define complain(c, ...) \
	do { \
		if ((c)->errors++ < MAX_LINES && (c)->why) { \
			strbuf_addf((c)->why, __VA_ARGS__); \
			strbuf_addstr((c)->why, "\n"); \
		} \
	} while (0)

static uint32_t *counts(size_t nr)
{
	void *p = mmap(NULL, nr * sizeof(uint32_t), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		       -1, 0);

	if (p == MAP_FAILED)
		xalloc_failed(nr * sizeof(uint32_t));
	return p;
}

/* ---- tables ---- */

static void check_page(struct check *c, uint64_t addr, pte_t pte, pfn_t pfn)
{
	const struct page *page = pfn_to_page(c->mem, pfn), *head = pfn_to_page(c->mem, folio_pfn(c->mem, pfn));

	if (head->_refcount <= 0 || page->flags & (PG_BUDDY | PG_PCP))
		complain(c, "mm %u: 0x%" PRIx64 " maps frame %u, which is free", c->mm->id, addr, pfn);
	if (pte_write(pte) && page->flags & PG_ANON && !(page->flags & PG_ANON_EXCLUSIVE))
		complain(c, "mm %u: 0x%" PRIx64 " is writable, but its page %u may be shared", c->mm->id, addr, pfn);
	if (page->flags & PG_ANON)
		c->rss[MM_ANONPAGES]++;
	else
		c->rss[page->flags & PG_SWAPBACKED ? MM_SHMEMPAGES : MM_FILEPAGES]++;
}

static void check_leaf(struct check *c, uint64_t addr, pte_t pte, unsigned level)
{
	pfn_t pfn = pte_pfn(pte), nr = 1u << (c->mem->geo->level[level].shift - c->mem->geo->page_shift);
	const struct vm_area_struct *vma = find_vma_intersection(c->mm, addr, addr + 1);

	if (!vma)
		complain(c, "mm %u: 0x%" PRIx64 " is mapped outside of any area", c->mm->id, addr);
	if (pte.pte & PTE_SPECIAL || pfn == c->mem->zero_pfn || pfn == c->mem->huge_zero_pfn ||
	    (vma && vma->vm_flags & VM_HUGETLB))
		return;
	for (pfn_t i = 0; i < nr; i++) {
		check_page(c, addr + ((uint64_t)i << c->mem->geo->page_shift), pte, pfn + i);
		pte.pte &= ~PTE_WRITE;	/* the first page says for a huge entry whether it may be shared */
	}
	if (level)
		c->entire[pfn]++;
	else
		c->maps[pfn]++;
}

static void check_table(struct check *c, const struct pgtable *table, uint64_t addr)
{
	unsigned shift = c->mem->geo->level[table->level].shift;
	bool root = table == c->mm->pgd;

	for (unsigned i = 0; i < 1u << table->bits; i++) {
		uint64_t at = addr + ((uint64_t)i << shift);
		pte_t pte = table->ent[i];

		if (root && c->mem->kernel_pgd_first && i >= c->mem->kernel_pgd_first)
			break;
		if (pte_is_table(pte))
			check_table(c, pte_table(pte), at);
		else if (pte_is_leaf(pte))
			check_leaf(c, at, pte, table->level);
		else if (is_swap_pte(pte))
			c->rss[MM_SWAPENTS]++;
	}
}

static void check_mm(struct check *c, struct mm_struct *mm)
{
	static const char *const names[] = {"file", "anon", "swap", "shmem"};

	c->mm = mm;
	memset(c->rss, 0, sizeof(c->rss));
	if (mm->pgd)
		check_table(c, mm->pgd, 0);
	for (unsigned i = 0; i < NR_MM_COUNTERS; i++)
		if (c->rss[i] != mm->rss_stat[i])
			complain(c, "mm %u: %s: %" PRId64 " pages counted, %" PRId64 " found", mm->id, names[i],
				 mm->rss_stat[i], c->rss[i]);
}

/* ---- frames ---- */

static void check_folio_refs(struct check *c, pfn_t head)
{
	const struct page *page = pfn_to_page(c->mem, head);

	if (page->_refcount != folio_expected_refs(c->mem, head))
		complain(c, "folio %u has %d references, its mappings and caches are %" PRId64, head, page->_refcount,
			 folio_expected_refs(c->mem, head));
}

static bool is_user_folio(const struct page *head)
{
	return head->_refcount > 0 && (head->flags & (PG_ANON | PG_SWAPCACHE) || head->mapping) &&
	       !(head->flags & (PG_RESERVED | PG_TABLE | PG_SLAB | PG_KERNEL | PG_HUGETLB | PG_MOVABLE_OPS));
}

static void count_mapped(struct check *c, const struct page *page, pfn_t head)
{
	bool anon = page->flags & PG_ANON;
	unsigned nid = pfn_to_node(c->mem, head)->node_id;

	(*(anon ? &c->nr_anon[nid] : &c->nr_file[nid]))++;
	if (c->group_anon)
		(anon ? c->group_anon : c->group_file)[mem_cgroup_id(folio_memcg(c->mem, head))]++;
}

static bool is_cached(const struct memory *mem, const struct page *page)
{
	const struct address_space *mapping = page->flags & PG_ANON ? NULL : mem->mappings.data[page->mapping];

	return mapping && (mapping->file || mapping->is_shmem);
}

/* Where there are lists, memory of processes and files is on one. */
static void check_lru(struct check *c, const struct page *page, pfn_t head, pfn_t nr)
{
	unsigned nid = pfn_to_node(c->mem, head)->node_id, zone = page_zone(c->mem, head)->type;
	unsigned list = page->flags & PG_UNEVICTABLE ? 2 : !(page->flags & PG_SWAPBACKED);

	if (page->flags & PG_MLOCKED)
		c->nr_mlock[nid][zone] += nr;
	if (page->flags & PG_LRU)
		c->nr_lru[nid][zone][list] += nr;
	else if (c->mem->lru_enabled && (page->flags & PG_ANON || is_cached(c->mem, page)))
		complain(c, "folio %u is on no list (flags %#x)", head, page->flags);
}

/* Returns how many frames the look took. */
static pfn_t check_folio(struct check *c, pfn_t head)
{
	const struct page *page = pfn_to_page(c->mem, head);
	pfn_t nr = page->flags & PG_HEAD ? 1u << page_order(page) : 1;
	uint32_t entire = nr > 1 ? *folio_entire_mapcount(c->mem, head) : 0;

	if (entire != c->entire[head])
		complain(c, "folio %u: mapped %u times as a whole, %u huge entries found", head, entire, c->entire[head]);
	for (pfn_t i = 0; i < nr; i++) {
		int32_t maps = pfn_to_page(c->mem, head + i)->_mapcount;

		if (maps != (int32_t)c->maps[head + i])
			complain(c, "page %u: mapped %d times, %u entries found", head + i, maps, c->maps[head + i]);
		if (c->maps[head + i] || c->entire[head])
			count_mapped(c, page, head);
	}
	check_lru(c, page, head, nr);
	check_folio_refs(c, head);
	return nr;
}

static void check_frames(struct check *c, pfn_t first, pfn_t end)
{
	for (pfn_t pfn = first; pfn < end;) {
		const struct page *page = pfn_to_page(c->mem, pfn);

		if (is_user_folio(page) && !(page->flags & PG_TAIL)) {
			pfn += check_folio(c, pfn);
			continue;
		}
		if (c->maps[pfn] || c->entire[pfn])
			complain(c, "frame %u is mapped, but not as anybody's page (flags %#x)", pfn, page->flags);
		pfn++;
	}
}

static void check_zone(struct check *c, const struct zone *zone, uint64_t nr_mlock, const uint64_t nr_lru[3])
{
	static const char *const names[] = {"anon", "file", "unevictable"};
	const uint64_t *stat = zone->vm_stat;
	const uint64_t counted[] = {stat[NR_ZONE_INACTIVE_ANON] + stat[NR_ZONE_ACTIVE_ANON],
				    stat[NR_ZONE_INACTIVE_FILE] + stat[NR_ZONE_ACTIVE_FILE], stat[NR_ZONE_UNEVICTABLE]};

	if (stat[NR_MLOCK] != nr_mlock)
		complain(c, "node %u zone %u: nr_mlock %" PRIu64 ", %" PRIu64 " found", zone->zone_pgdat->node_id,
			 zone->type, stat[NR_MLOCK], nr_mlock);
	for (unsigned i = 0; i < 3 && zone->managed_pages; i++)
		if (counted[i] != nr_lru[i])
			complain(c, "node %u zone %u: %" PRIu64 " pages on lists of %s, %" PRIu64 " found",
				 zone->zone_pgdat->node_id, zone->type, counted[i], names[i], nr_lru[i]);
}

/* What a group counts as mapped, against the pages that are charged to it. */
static void check_groups(struct check *c)
{
	for (unsigned id = 1; c->group_anon && id <= MEMCG_ID_MAX; id++) {
		const struct mem_cgroup *memcg = mem_cgroup_from_id(c->mem, id);
		uint64_t anon = 0, file = 0;

		for (unsigned n = 0; memcg && n < c->mem->nr_nodes; n++)
			if (c->mem->nodes[n]) {
				anon += memcg->nodeinfo[n]->stat[NR_ANON_MAPPED];
				file += memcg->nodeinfo[n]->stat[NR_FILE_MAPPED];
			}
		if (memcg && (anon != c->group_anon[id] || file != c->group_file[id]))
			complain(c, "memory cgroup %u: %" PRIu64 " anonymous and %" PRIu64 " file pages mapped, %" PRIu64
				 " and %" PRIu64 " found", id, anon, file, c->group_anon[id], c->group_file[id]);
	}
}

static void check_node(struct check *c, const struct pglist_data *pgdat)
{
	unsigned n = pgdat->node_id;

	for (unsigned z = 0; z < MAX_NR_ZONES; z++)
		check_zone(c, &pgdat->node_zones[z], c->nr_mlock[n][z], c->nr_lru[n][z]);
	if (pgdat->vm_stat[NR_ANON_MAPPED] != c->nr_anon[n])
		complain(c, "node %u: nr_anon_pages %" PRIu64 ", %" PRIu64 " found", n, pgdat->vm_stat[NR_ANON_MAPPED],
			 c->nr_anon[n]);
	if (pgdat->vm_stat[NR_FILE_MAPPED] != c->nr_file[n])
		complain(c, "node %u: nr_mapped %" PRIu64 ", %" PRIu64 " found", n, pgdat->vm_stat[NR_FILE_MAPPED],
			 c->nr_file[n]);
}

bool page_table_check(struct memory *mem, struct strbuf *why)
{
	size_t nr = (size_t)mem->max_pfn + 1;
	struct check c = {.mem = mem, .why = why, .maps = counts(nr), .entire = counts(nr)};
	struct list_head *pos;

	if (mem->page_memcg) {
		c.group_anon = xcalloc(MEMCG_ID_MAX + 1, sizeof(*c.group_anon));
		c.group_file = xcalloc(MEMCG_ID_MAX + 1, sizeof(*c.group_file));
	}
	list_for_each(pos, &mem->mms) {
		struct mm_struct *mm = list_entry(pos, struct mm_struct, mmlist);

		if (mm != mem->init_mm)
			check_mm(&c, mm);
	}
	for (size_t s = 0; s < mem->nr_sections; s++)
		if (mem->sections[s].pages)
			check_frames(&c, (pfn_t)(s * SECTION_PAGES), (pfn_t)((s + 1) * SECTION_PAGES));
	for (unsigned n = 0; n < mem->nr_nodes; n++)
		if (mem->nodes[n])
			check_node(&c, mem->nodes[n]);
	check_groups(&c);
	free(c.group_anon);
	free(c.group_file);
	munmap(c.maps, nr * sizeof(uint32_t));
	munmap(c.entire, nr * sizeof(uint32_t));
	return c.errors == 0;
}
