/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* mbind and its kin: see mbind.h. */
#include "mm/mbind.h"

#include <errno.h>

#include "base/bug.h"
#include "mm/migrate.h"
#include "mm/pgtable.h"
#include "mm/rmap.h"
#include "mm/vma.h"
#include "mm/vma_merge.h"
#include "mm/vma_policy.h"

#define MPOL_MF_DISCONTIG_OK (1u << 4) /* holes do not matter */
#define MPOL_MF_INVERT	     (1u << 5) /* pages outside of the mask are the wrong ones */

/* --- finding what lies on the wrong nodes ------------------------------------------------------ */

/* Folios to be moved, by their heads, in order of address. */
struct queue_pages {
	struct mm_struct *mm;
	uint64_t start, end;
	uint64_t nodes;
	unsigned flags; /* MPOL_MF_* */
	VEC(pfn_t) folios;
	struct htable seen;   /* heads in folios */
	uint64_t first_addr;  /* of the head of folios.data[0] */
	uint64_t nr_pages;    /* base pages in folios */
	uint64_t nr_failed;   /* folios */
	pfn_t large;	      /* the large folio that was looked at last */
};

static bool may_move(const struct queue_pages *qp)
{
	return qp->flags & (MPOL_MF_MOVE | MPOL_MF_MOVE_ALL);
}

/* Somebody else may map it: MPOL_MF_MOVE leaves such ones alone (folio_maybe_mapped_shared). */
static bool mapped_shared(const struct memory *mem, pfn_t head)
{
	unsigned order = page_order(pfn_to_page(mem, head));

	for (uint32_t i = 0; i < 1u << order; i++)
		if (page_mapcount(mem, head + i) > 1)
			return true;
	return false;
}

/* False: it cannot be isolated. One that is shared is left where it is, which is no failure. */
static bool migrate_folio_add(struct queue_pages *qp, pfn_t head, uint64_t addr)
{
	const struct memory *mem = qp->mm->mem;
	uint64_t value;

	if (!(qp->flags & MPOL_MF_MOVE_ALL) && mapped_shared(mem, head))
		return true;
	if (!folio_movable(mem, head) || htable_get(&qp->seen, head, &value))
		return false;
	if (!qp->folios.nr)
		qp->first_addr = addr;
	htable_set(&qp->seen, head, 1);
	*vec_push(&qp->folios) = head;
	qp->nr_pages += 1u << page_order(pfn_to_page(mem, head));
	return true;
}

/* One entry of the area, at addr. False: give up with -EIO. */
static bool queue_entry(struct queue_pages *qp, const struct vm_area_struct *vma, pte_t pte,
			uint64_t addr)
{
	const struct memory *mem = qp->mm->mem;
	pfn_t pfn = pte_pfn(pte), head = folio_pfn(mem, pfn);
	const struct page *page = pfn_to_page(mem, head);
	bool inside = qp->nodes >> pfn_to_node(mem, pfn)->node_id & 1;

	if (pte.pte & PTE_SPECIAL || page->flags & PG_RESERVED || pfn == mem->huge_zero_pfn)
		return true;
	if (inside == !!(qp->flags & MPOL_MF_INVERT))
		return true;
	if (page->flags & PG_HEAD) {
		if (head == qp->large)
			return true;
		qp->large = head;
	}
	addr -= (uint64_t)(pfn - head) << mem->geo->page_shift;
	if (may_move(qp) && vma_migratable(vma) && migrate_folio_add(qp, head, addr))
		return true;
	qp->nr_failed++;
	return may_move(qp) || !(qp->flags & MPOL_MF_STRICT);
}

static int queue_vma(struct queue_pages *qp, const struct vm_area_struct *vma)
{
	const struct geometry *geo = qp->mm->mem->geo;
	uint64_t addr = qp->start > vma->vm_start ? qp->start : vma->vm_start;
	uint64_t end = qp->end < vma->vm_end ? qp->end : vma->vm_end;

	while (addr < end) {
		struct pgtable *table;
		unsigned level;
		pte_t pte = *pgtable_walk(qp->mm, addr, &level, &table);
		uint64_t size = 1ull << geo->level[level].shift;

		if (pte_is_leaf(pte)) {
			/* A huge entry stands for its first page, as in the kernel. */
			if (!queue_entry(qp, vma, pte, level ? addr & ~(size - 1) : addr))
				return -EIO;
		}
		addr = (addr | (size - 1)) + 1;
		if (!addr)
			break;
	}
	return 0;
}

/* Nothing is mapped right before the area, as far as the range reaches, or right behind it. */
static bool beside_hole(const struct queue_pages *qp, const struct vm_area_struct *vma, bool is_first)
{
	const struct vm_area_struct *next = vma_next(vma);

	if (is_first && qp->start < vma->vm_start)
		return true;
	return vma->vm_end < qp->end && (!next || vma->vm_end < next->vm_start);
}

/* 0, -EIO (strict, and something is misplaced) or -EFAULT (a hole). */
static int queue_pages_range(struct queue_pages *qp)
{
	const struct vm_area_struct *first = find_vma_intersection(qp->mm, qp->start, qp->end);
	int err = first ? 0 : -EFAULT;

	for (const struct vm_area_struct *vma = first; !err && vma && vma->vm_start < qp->end;
	     vma = vma_next(vma)) {
		if (!(qp->flags & MPOL_MF_DISCONTIG_OK) && beside_hole(qp, vma, vma == first))
			return -EFAULT;
		if (!vma_migratable(vma) && !(qp->flags & MPOL_MF_STRICT))
			continue;
		if (qp->flags & MPOL_MF_VALID)
			err = queue_vma(qp, vma);
	}
	return err;
}

static void queue_finish(struct queue_pages *qp)
{
	vec_finish(&qp->folios);
	htable_finish(&qp->seen);
}

/* --- moving ----------------------------------------------------------------------------------- */

static pfn_t alloc_on_node(struct memory *mem, pfn_t src, void *ctx)
{
	unsigned order = page_order(pfn_to_page(mem, src));
	gfp_t gfp = GFP_HIGHUSER_MOVABLE | __GFP_THISNODE;

	if (order)
		gfp = (gfp & ~__GFP_RECLAIM) | GFP_TRANSHUGE;
	return alloc_pages(mem, gfp, order, *(const int *)ctx);
}

/* Returns what could not be moved: folios that were not even queued count once, others by the page. */
static uint64_t move_queued(struct queue_pages *qp, new_folio_fn *new_folio, void *ctx,
			    enum migrate_reason reason)
{
	uint64_t moved = 0;

	if (qp->folios.nr)
		moved = migrate_pages(qp->mm->mem, qp->folios.data, qp->folios.nr, new_folio, ctx,
				      reason);
	return qp->nr_failed + qp->nr_pages - moved;
}

static uint64_t migrate_to_node(struct mm_struct *mm, int source, int dest, unsigned flags)
{
	struct queue_pages qp = {
		.mm = mm,
		.end = mm->mem->geo->user_end,
		.nodes = 1ull << source,
		.flags = flags | MPOL_MF_DISCONTIG_OK,
		.large = PFN_NONE,
	};
	uint64_t failed = 0;

	htable_init(&qp.seen);
	if (!queue_pages_range(&qp))
		failed = move_queued(&qp, alloc_on_node, &dest, MR_SYSCALL);
	queue_finish(&qp);
	return failed;
}

/*
 * The pair to move next: the first whose destination no remaining source occupies, else the last pair that
 * moves at all. False: nothing is left to move.
 */
static bool next_pair(uint64_t todo, uint64_t from, uint64_t to, int *source, int *dest)
{
	bool same_size = __builtin_popcountll(from) == __builtin_popcountll(to);
	bool found = false;

	for (uint64_t n = todo; n; n &= n - 1) {
		int s = __builtin_ctzll(n), d;

		if (!same_size && to >> s & 1)
			continue;
		d = (int)node_remap((unsigned)s, from, to);
		if (s == d)
			continue;
		found = true;
		*source = s;
		*dest = d;
		if (!(todo >> d & 1))
			break;
	}
	return found;
}

int64_t do_migrate_pages(struct mm_struct *mm, uint64_t from, uint64_t to, unsigned flags)
{
	const struct memory *mem = mm->mem;
	uint64_t failed = 0, todo = from;
	int source, dest;

	to &= current_mems_allowed(mem) & nodes_with_memory(mem);
	if (!to)
		return -EINVAL;
	while (next_pair(todo, from, to, &source, &dest)) {
		todo &= ~(1ull << source);
		failed += migrate_to_node(mm, source, dest, flags);
	}
	return (int64_t)failed;
}

int64_t do_move_pages(const struct mbind_range *range, unsigned node, unsigned flags)
{
	struct mm_struct *mm = range->mm;
	struct queue_pages qp = {
		.mm = mm,
		.start = range->start & ~(page_size(mm) - 1),
		.end = range->start + page_align(mm, range->len),
		.flags = flags | MPOL_MF_DISCONTIG_OK | MPOL_MF_INVERT,
		.large = PFN_NONE,
	};
	uint64_t failed = 0;
	int nid = (int)node;

	if (node >= mm->mem->nr_nodes || !mm->mem->nodes[node]->has_memory)
		return -ENODEV;
	if (!(current_mems_allowed(mm->mem) >> node & 1))
		return -EACCES;
	qp.nodes = 1ull << node;
	htable_init(&qp.seen);
	if (!queue_pages_range(&qp))
		failed = move_queued(&qp, alloc_on_node, &nid, MR_SYSCALL);
	queue_finish(&qp);
	return (int64_t)failed;
}

/* --- mbind ------------------------------------------------------------------------------------ */

/* The new place of a page by the policy; interleaving goes on from where the first page stood. */
struct migration_mpol {
	const struct mempolicy *pol;
	uint64_t ilx;
};

static uint64_t folio_index(const struct memory *mem, pfn_t head)
{
	const struct page *page = pfn_to_page(mem, head);

	return page->flags & PG_ANON ? page->index >> (mem->geo->page_shift - 12) : page->index;
}

static pfn_t alloc_by_mpol(struct memory *mem, pfn_t src, void *ctx)
{
	const struct migration_mpol *m = ctx;
	unsigned order = page_order(pfn_to_page(mem, src));
	gfp_t gfp = order ? GFP_TRANSHUGE : GFP_HIGHUSER_MOVABLE | __GFP_RETRY_MAYFAIL;

	return alloc_pages_mpol(mem, gfp | __GFP_COMP, order, m->pol,
				m->ilx + (folio_index(mem, src) >> order));
}

/* The index to which a folio's own is added, so that the first lands where a fault would have put it. */
static uint64_t base_ilx(const struct queue_pages *qp)
{
	const struct memory *mem = qp->mm->mem;
	const struct vm_area_struct *vma = vma_lookup(qp->mm, qp->first_addr);
	pfn_t head = qp->folios.data[0];
	unsigned order = page_order(pfn_to_page(mem, head));
	uint64_t ilx;

	if (!vma)
		return 0;
	(void)get_vma_policy(vma, qp->first_addr, order, &ilx);
	return ilx - (folio_index(mem, head) >> order);
}

static uint64_t move_by_mpol(struct queue_pages *qp, const struct mempolicy *pol)
{
	const struct memory *mem = qp->mm->mem;
	struct migration_mpol m = {.pol = pol};

	if (!m.pol && mem->current)
		m.pol = mem->current->mempolicy;
	if (m.pol && mpol_is_interleave(m.pol) && qp->folios.nr)
		m.ilx = base_ilx(qp);
	return move_queued(qp, alloc_by_mpol, &m, MR_MEMPOLICY_MBIND);
}

static void vma_replace_policy(struct vm_area_struct *vma, const struct mempolicy *pol)
{
	struct memory *mem = vma->vm_mm->mem;
	unsigned shift = mem->geo->page_shift - 12;
	struct mempolicy *new = mpol_dup(mem, pol);
	uint64_t first = vma->vm_pgoff >> shift;

	if (vma->vm_mapping && vma->vm_mapping->is_shmem)
		mpol_set_shared_policy(mem, vma->vm_mapping, first, first + vma_pages(vma), pol);
	mpol_free(mem, vma->vm_policy);
	vma->vm_policy = new;
}

/* The part of [start, end) that lies in vma; afterwards *prev is the area that holds it. */
static int mbind_vma(struct vm_area_struct *vma, struct vm_area_struct **prev, uint64_t start,
		     uint64_t end, const struct mempolicy *pol)
{
	int err;

	if (end > vma->vm_end)
		end = vma->vm_end;
	if (start > vma->vm_start)
		*prev = vma;
	else
		start = vma->vm_start;
	if (mpol_equal(vma->vm_policy, pol)) {
		*prev = vma;
		return 0;
	}
	err = vma_modify_policy(*prev, vma, start, end, pol, &vma);
	if (err)
		return err;
	*prev = vma;
	vma_replace_policy(vma, pol);
	return 0;
}

static int set_range_policy(struct mm_struct *mm, uint64_t start, uint64_t end,
			    const struct mempolicy *pol)
{
	struct vm_area_struct *prev, *vma = find_vma_prev(mm, start, &prev);
	int err = 0;

	while (!err && vma && vma->vm_start < end) {
		err = mbind_vma(vma, &prev, start, end, pol);
		vma = err ? NULL : vma_next(prev);
	}
	return err;
}

/* Page aligned, not wrapped. 1: nothing to do. */
static int check_range(const struct mbind_range *range, uint64_t *ret_end)
{
	*ret_end = range->start + page_align(range->mm, range->len);
	if (!page_aligned(range->mm, range->start) || *ret_end < range->start)
		return -EINVAL;
	return *ret_end == range->start;
}

int do_mbind(const struct mbind_range *range, const struct mpol_request *req, uint64_t flags)
{
	struct mm_struct *mm = range->mm;
	struct queue_pages qp = {.mm = mm, .start = range->start, .nodes = req->nodes, .large = PFN_NONE};
	struct mempolicy *pol = NULL;
	int err;

	if (flags & ~(uint64_t)MPOL_MF_VALID)
		return -EINVAL;
	if ((req->mode & ~(uint64_t)MPOL_MODE_FLAGS) == MPOL_DEFAULT)
		flags &= ~(uint64_t)MPOL_MF_STRICT;
	err = check_range(range, &qp.end);
	if (err)
		return err < 0 ? err : 0;
	err = mpol_create(mm->mem, req, &pol);
	if (err)
		return err;
	qp.flags = (unsigned)flags | MPOL_MF_INVERT | (pol ? 0 : MPOL_MF_DISCONTIG_OK);
	htable_init(&qp.seen);
	err = queue_pages_range(&qp);
	if (!err)
		err = set_range_policy(mm, qp.start, qp.end, pol);
	if (!err && move_by_mpol(&qp, pol) && flags & MPOL_MF_STRICT)
		err = -EIO;
	queue_finish(&qp);
	mpol_free(mm->mem, pol);
	return err;
}

int do_set_mempolicy_home_node(const struct mbind_range *range, uint64_t home_node)
{
	struct mm_struct *mm = range->mm;
	struct vm_area_struct *prev, *vma;
	uint64_t end;
	int err = check_range(range, &end);

	if (err < 0 || home_node >= mm->mem->nr_nodes)
		return -EINVAL;
	if (err)
		return 0;
	err = -ENOENT;
	vma = find_vma_prev(mm, range->start, &prev);
	for (; vma && vma->vm_start < end; vma = vma_next(prev)) {
		struct mempolicy pol;

		if (!vma->vm_policy) {
			prev = vma;
			continue;
		}
		pol = *vma->vm_policy;
		if (pol.mode != MPOL_BIND && pol.mode != MPOL_PREFERRED_MANY)
			return -EOPNOTSUPP;
		pol.home_node = (int16_t)home_node;
		err = mbind_vma(vma, &prev, range->start, end, &pol);
		if (err)
			return err;
	}
	return err;
}

int do_set_mempolicy(struct memory *mem, const struct mpol_request *req)
{
	struct mempolicy *pol = NULL;
	int err = mpol_create(mem, req, &pol);

	if (!err)
		set_task_policy(mem, mem->current, pol);
	return err;
}

/* --- cpusets ---------------------------------------------------------------------------------- */

int set_mems_allowed(struct memory *mem, struct task_struct *task, uint64_t mems)
{
	uint64_t all = nodes_with_memory(mem), old = task->mems_allowed & all;
	struct vm_area_struct *vma;

	mems &= all;
	if (!mems)
		return -EINVAL;
	if (mems != all)
		mem->cpusets = true;
	task->mems_allowed = mems;
	mpol_rebind(task->mempolicy, mems);
	if (!task->mm || mems == old)
		return 0;
	for (vma = first_vma(task->mm); vma; vma = vma_next(vma))
		mpol_rebind(vma->vm_policy, mems);
	do_migrate_pages(task->mm, old, mems, MPOL_MF_MOVE_ALL);
	return 0;
}
