/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * /proc/PID/maps, smaps, smaps_rollup, numa_maps. Kernel counterpart: fs/proc/task_mmu.c.
 *
 * Modelled: what is mapped, by whom else, dirty and accessed bits, huge entries, what is swapped, nodes, policies.
 * Simplified: of shared memory with policies by ranges, the task's policy is shown.
 * Left out: KSM, protection keys; soft-dirty bits (as in a kernel without
 * CONFIG_MEM_SOFT_DIRTY).
 */
#include <inttypes.h>
#include <string.h>

#include "base/bug.h"
#include "mm/filemap.h"
#include "mm/hugetlb_pool.h"
#include "mm/mempolicy.h"
#include "mm/pgtable.h"
#include "mm/rmap.h"
#include "mm/swapfile.h"
#include "mm/thp_orders.h"
#include "mm/vma.h"
#include "mm/vma_policy.h"
#include "report/procfs.h"
#include "report/report.h"

#define PSS_SHIFT 12

/* Bytes; pss* in bytes << PSS_SHIFT. */
struct mem_size_stats {
	uint64_t resident, referenced, anonymous, lazyfree;
	uint64_t shared_clean, shared_dirty, private_clean, private_dirty;
	uint64_t anonymous_thp, shmem_thp, file_thp;
	uint64_t pss, pss_anon, pss_file, pss_shmem, pss_dirty, pss_locked;
	uint64_t swap, swap_pss, shared_hugetlb, private_hugetlb;
};

/* Pages, as struct numa_maps. */
struct numa_maps {
	uint64_t pages, anon, dirty, active, writeback, mapcount_max;
	uint64_t node[MAX_NUMNODES];
};

/* ---- the walk over the leaves of an area ---- */

struct leaf {
	uint64_t pte;
	pfn_t pfn;
	uint64_t nr; /* pages of the entry that lie in the area */
	bool swapped; /* the entry names a slot of swap, and pfn nothing */
};

typedef void leaf_fn(void *ctx, const struct vm_area_struct *vma, const struct leaf *leaf);

static void walk(const struct vm_area_struct *vma, const struct pgtable *t, uint64_t addr,
		 leaf_fn *fn, void *ctx)
{
	const struct geometry *geo = vma->vm_mm->mem->geo;
	unsigned shift = geo->level[t->level].shift;
	uint64_t size = 1ull << shift;

	for (unsigned i = 0; i < 1u << t->bits; i++) {
		uint64_t at = addr + i * size;
		pte_t pte = t->ent[i];

		if (at >= vma->vm_end)
			break;
		if (at + size <= vma->vm_start)
			continue;
		if (pte_is_table(pte)) {
			walk(vma, pte_table(pte), at, fn, ctx);
		} else if (pte_is_leaf(pte) && !(pte.pte & PTE_SPECIAL)) {
			struct leaf leaf = {pte.pte, pte_pfn(pte), size >> geo->page_shift, false};

			fn(ctx, vma, &leaf);
		} else if (is_swap_pte(pte)) {
			struct leaf leaf = {pte.pte, PFN_NONE, 1, true};

			fn(ctx, vma, &leaf);
		}
	}
}

static void walk_vma(const struct vm_area_struct *vma, leaf_fn *fn, void *ctx)
{
	walk(vma, vma->vm_mm->pgd, 0, fn, ctx);
}

/* ---- smaps ---- */

static void accumulate(struct mem_size_stats *mss, const struct vm_area_struct *vma,
		       const struct page *head, uint64_t size, uint32_t mapcount, bool dirty)
{
	uint64_t pss = (size << PSS_SHIFT) / (mapcount > 1 ? mapcount : 1);

	mss->pss += pss;
	if (head->flags & PG_ANON)
		mss->pss_anon += pss;
	else if (head->flags & PG_SWAPBACKED)
		mss->pss_shmem += pss;
	else
		mss->pss_file += pss;
	if (vma->vm_flags & VM_LOCKED)
		mss->pss_locked += pss;
	if (dirty) {
		mss->pss_dirty += pss;
		*(mapcount > 1 ? &mss->shared_dirty : &mss->private_dirty) += size;
	} else {
		*(mapcount > 1 ? &mss->shared_clean : &mss->private_clean) += size;
	}
}

static void account_swap(struct mem_size_stats *mss, const struct memory *mem, pte_t pte)
{
	uint64_t size = 1ull << mem->geo->page_shift;
	uint32_t users = swap_count(mem, pte_to_swp_entry(pte));

	mss->swap += size;
	mss->swap_pss += (size << PSS_SHIFT) / (users > 1 ? users : 1);
}

static void account_hugetlb(struct mem_size_stats *mss, const struct memory *mem, const struct leaf *leaf)
{
	bool shared = page_mapcount(mem, folio_pfn(mem, leaf->pfn)) > 1;

	*(shared ? &mss->shared_hugetlb : &mss->private_hugetlb) += leaf->nr << mem->geo->page_shift;
}

/* Pages of shared memory that are in swap belong to its file: no entry names them. (shmem_swap_usage) */
static void account_shmem_swap(struct mem_size_stats *mss, const struct vm_area_struct *vma)
{
	const struct memory *mem = vma->vm_mm->mem;
	unsigned shift = mem->geo->page_shift;
	uint64_t first = vma->vm_pgoff >> (shift - 12), nr = (vma->vm_end - vma->vm_start) >> shift, index;

	if (!vma->vm_mapping || !vma->vm_mapping->is_shmem)
		return;
	for (index = first; index < first + nr; index++) {
		uint64_t entry = mapping_exceptional(vma->vm_mapping, index);

		if (entry_is_shmem_swap(entry))
			mss->swap += 1ull << shift;
	}
}

static void account(void *ctx, const struct vm_area_struct *vma, const struct leaf *leaf)
{
	const struct memory *mem = vma->vm_mm->mem;
	const struct page *head;
	uint64_t page_bytes = 1ull << mem->geo->page_shift, size = leaf->nr * page_bytes;
	struct mem_size_stats *mss = ctx;

	if (leaf->swapped) {
		account_swap(mss, mem, (pte_t){leaf->pte});
		return;
	}
	if (is_vm_hugetlb_page(vma)) {
		account_hugetlb(mss, mem, leaf);
		return;
	}
	head = pfn_to_page(mem, folio_pfn(mem, leaf->pfn));
	mss->resident += size;
	if (leaf->pte & PTE_ACCESSED || head->flags & PG_REFERENCED)
		mss->referenced += size;
	if (head->flags & PG_ANON) {
		mss->anonymous += size;
		if (!(head->flags & (PG_SWAPBACKED | PG_DIRTY)) && !(leaf->pte & PTE_DIRTY))
			mss->lazyfree += size;
	}
	if (leaf->nr > 1)
		*(head->flags & PG_ANON	     ? &mss->anonymous_thp :
		  head->flags & PG_SWAPBACKED ? &mss->shmem_thp :
						&mss->file_thp) += size;
	for (uint64_t i = 0; i < leaf->nr; i++) {
		pfn_t pfn = leaf->pfn + (pfn_t)i;

		accumulate(mss, vma, head, page_bytes, page_mapcount(mem, pfn),
			   leaf->pte & PTE_DIRTY ||
				   (head->flags | pfn_to_page(mem, pfn)->flags) & PG_DIRTY);
	}
}

static const char *area_name(const struct procfs *p, const struct vm_area_struct *vma,
			     const struct file_name **ret_file)
{
	const struct mm_struct *mm = vma->vm_mm;

	*ret_file = NULL;
	if (vma->vm_mapping && vma->vm_mapping->file)
		*ret_file = file_names_get(&p->r->file_names, vma->vm_mapping->file);
	if (*ret_file)
		return (*ret_file)->path;
	if (vma->vm_name)
		return vma->vm_name;
	if (vma->vm_mapping) /* shared anonymous memory, or a file that the trace did not name */
		return vma->vm_mapping->is_shmem ? "/dev/zero (deleted)" : NULL;
	if (mm->start_brk && vma->vm_start <= mm->brk && vma->vm_end >= mm->start_brk)
		return "[heap]";
	if (vma->vm_start <= mm->start_stack && vma->vm_end >= mm->start_stack)
		return "[stack]";
	return NULL;
}

/* A path as the kernel shows it: a newline would end the line, a backslash begins "\012". */
static void put_name(struct strbuf *sb, const char *name)
{
	for (; *name; name++) {
		if (*name == '\n')
			strbuf_addstr(sb, "\\012");
		else
			strbuf_add(sb, name, 1);
	}
}

static unsigned dev_major(uint64_t dev)
{
	return (unsigned)((dev >> 8 & 0xfff) | (dev >> 32 & ~0xfffull));
}

static unsigned dev_minor(uint64_t dev)
{
	return (unsigned)((dev & 0xff) | (dev >> 12 & ~0xffull));
}

static void put_head(struct procfs *p, uint64_t start, uint64_t end, uint64_t flags,
		     uint64_t offset, const struct file_name *file, const char *name)
{
	size_t from = p->text.len, width = p->mem->geo->lowmem_bytes ? 48 : 72;
	uint64_t dev = file ? file->dev : 0;

	strbuf_addf(&p->text,
		    "%08" PRIx64 "-%08" PRIx64 " %c%c%c%c %08" PRIx64 " %02x:%02x %" PRIu64 " ",
		    start, end, flags & VM_READ ? 'r' : '-', flags & VM_WRITE ? 'w' : '-',
		    flags & VM_EXEC ? 'x' : '-', flags & VM_MAYSHARE ? 's' : 'p', offset,
		    dev_major(dev), dev_minor(dev), file ? file->ino : 0);
	if (name) {
		if (p->text.len - from < width)
			strbuf_addf(&p->text, "%*s", (int)(width - (p->text.len - from)), "");
		strbuf_addstr(&p->text, " ");
		put_name(&p->text, name);
	}
	strbuf_addstr(&p->text, "\n");
}

static void put_area(struct procfs *p, const struct vm_area_struct *vma)
{
	const struct file_name *file;
	const char *name = area_name(p, vma, &file);

	put_head(p, vma->vm_start, vma->vm_end, vma->vm_flags,
		 vma->vm_mapping ? vma->vm_pgoff << 12 : 0, file, name);
}

static void put_kb(struct procfs *p, const char *name, uint64_t bytes)
{
	procfs_kb_line(p, name, bytes >> 10);
}

static void put_stats(struct procfs *p, const struct mem_size_stats *mss, bool rollup)
{
	put_kb(p, "Rss", mss->resident);
	put_kb(p, "Pss", mss->pss >> PSS_SHIFT);
	put_kb(p, "Pss_Dirty", mss->pss_dirty >> PSS_SHIFT);
	if (rollup) {
		put_kb(p, "Pss_Anon", mss->pss_anon >> PSS_SHIFT);
		put_kb(p, "Pss_File", mss->pss_file >> PSS_SHIFT);
		put_kb(p, "Pss_Shmem", mss->pss_shmem >> PSS_SHIFT);
	}
	put_kb(p, "Shared_Clean", mss->shared_clean);
	put_kb(p, "Shared_Dirty", mss->shared_dirty);
	put_kb(p, "Private_Clean", mss->private_clean);
	put_kb(p, "Private_Dirty", mss->private_dirty);
	put_kb(p, "Referenced", mss->referenced);
	put_kb(p, "Anonymous", mss->anonymous);
	put_kb(p, "KSM", 0);
	put_kb(p, "LazyFree", mss->lazyfree);
	put_kb(p, "AnonHugePages", mss->anonymous_thp);
	put_kb(p, "ShmemPmdMapped", mss->shmem_thp);
	put_kb(p, "FilePmdMapped", mss->file_thp);
	put_kb(p, "Shared_Hugetlb", mss->shared_hugetlb);
	put_kb(p, "Private_Hugetlb", mss->private_hugetlb);
	put_kb(p, "Swap", mss->swap);
	put_kb(p, "SwapPss", mss->swap_pss >> PSS_SHIFT);
	put_kb(p, "Locked", mss->pss_locked >> PSS_SHIFT);
}

static void put_vm_flags(struct procfs *p, uint64_t flags)
{
	static const struct {
		uint64_t flag;
		char name[3];
	} names[] = {
		{VM_READ, "rd"},       {VM_WRITE, "wr"},	{VM_EXEC, "ex"},
		{VM_SHARED, "sh"},     {VM_MAYREAD, "mr"},	{VM_MAYWRITE, "mw"},
		{VM_MAYEXEC, "me"},    {VM_MAYSHARE, "ms"},	{VM_GROWSDOWN, "gd"},
		{VM_PFNMAP, "pf"},     {VM_LOCKED, "lo"},	{VM_IO, "io"},
		{VM_SEQ_READ, "sr"},   {VM_RAND_READ, "rr"},	{VM_DONTCOPY, "dc"},
		{VM_DONTEXPAND, "de"}, {VM_LOCKONFAULT, "lf"},	{VM_ACCOUNT, "ac"},
		{VM_NORESERVE, "nr"},  {VM_HUGETLB, "ht"},	{VM_WIPEONFORK, "wf"},
		{VM_DONTDUMP, "dd"},   {VM_MIXEDMAP, "mm"},	{VM_HUGEPAGE, "hg"},
		{VM_NOHUGEPAGE, "nh"}, {VM_MERGEABLE, "mg"},
	};

	strbuf_addstr(&p->text, "VmFlags: ");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (flags & names[i].flag)
			strbuf_addf(&p->text, "%s ", names[i].name);
	strbuf_addstr(&p->text, "\n");
}

/* A huge page fits in, and the settings and madvise() permit one (mm/huge_memory.c). */
static bool thp_eligible(const struct vm_area_struct *vma)
{
	return thp_vma_allowable_orders(vma, TVA_SMAPS, thp_orders_all_anon(vma->vm_mm->mem));
}

static void put_smap(struct procfs *p, const struct vm_area_struct *vma,
		     const struct mem_size_stats *mss)
{
	uint64_t page_bytes = is_vm_hugetlb_page(vma) ? huge_page_size(hstate_vma(vma)) :
							1ull << p->mem->geo->page_shift;

	put_area(p, vma);
	put_kb(p, "Size", vma->vm_end - vma->vm_start);
	put_kb(p, "KernelPageSize", page_bytes);
	put_kb(p, "MMUPageSize", page_bytes);
	put_stats(p, mss, false);
	strbuf_addf(&p->text, "THPeligible:    %8u\n", thp_eligible(vma));
	put_vm_flags(p, vma->vm_flags);
}

static void add_stats(struct mem_size_stats *sum, const struct mem_size_stats *mss)
{
	uint64_t *to = (uint64_t *)sum;
	const uint64_t *from = (const uint64_t *)mss;

	for (size_t i = 0; i < sizeof(*sum) / sizeof(*to); i++)
		to[i] += from[i];
}

/* Accessed bits are those of the touches that the trace holds. */
static void note_smaps(struct procfs *p)
{
	const char *reason = report_no_accesses(p->r);

	if (reason)
		procfs_unknown(p, "Referenced", reason);
}

static void put_rollup(struct procfs *p, const struct mm_struct *mm,
		       const struct mem_size_stats *sum, uint64_t pid)
{
	const struct vm_area_struct *vma = first_vma(mm), *last = vma;

	p->file = "proc/PID/smaps_rollup";
	for (const struct vm_area_struct *v = vma; v; v = vma_next(v))
		last = v;
	if (vma) {
		put_head(p, vma->vm_start, last->vm_end, 0, 0, NULL, "[rollup]");
		put_stats(p, sum, true);
		note_smaps(p);
	}
	procfs_done(p, "proc/%" PRIu64 "/smaps_rollup", pid);
}

/* ---- numa_maps ---- */

static void gather(void *ctx, const struct vm_area_struct *vma, const struct leaf *leaf)
{
	const struct memory *mem = vma->vm_mm->mem;
	const struct page *head;
	uint32_t mapcount;
	struct numa_maps *md = ctx;

	if (leaf->swapped)
		return;
	head = pfn_to_page(mem, folio_pfn(mem, leaf->pfn));
	mapcount = page_mapcount(mem, leaf->pfn);
	md->pages += leaf->nr;
	if (leaf->pte & PTE_DIRTY || head->flags & PG_DIRTY)
		md->dirty += leaf->nr;
	if (head->flags & (PG_ACTIVE | PG_UNEVICTABLE))
		md->active += leaf->nr;
	if (head->flags & PG_WRITEBACK)
		md->writeback += leaf->nr;
	if (head->flags & PG_ANON)
		md->anon += leaf->nr;
	if (mapcount > md->mapcount_max)
		md->mapcount_max = mapcount;
	md->node[pfn_to_node(mem, leaf->pfn)->node_id] += leaf->nr;
}

static void put_if(struct procfs *p, bool put, const char *name, uint64_t value)
{
	if (put)
		strbuf_addf(&p->text, " %s=%" PRIu64, name, value);
}

static void put_numa_pages(struct procfs *p, const struct numa_maps *md)
{
	put_if(p, md->anon, "anon", md->anon);
	put_if(p, md->dirty, "dirty", md->dirty);
	put_if(p, md->pages != md->anon && md->pages != md->dirty, "mapped", md->pages);
	put_if(p, md->mapcount_max > 1, "mapmax", md->mapcount_max);
	put_if(p, md->active < md->pages, "active", md->active);
	put_if(p, md->writeback, "writeback", md->writeback);
	for (unsigned n = 0; n < p->mem->nr_nodes; n++)
		if (md->node[n])
			strbuf_addf(&p->text, " N%u=%" PRIu64, n, md->node[n]);
	put_if(p, true, "kernelpagesize_kB", 1ull << (p->mem->geo->page_shift - 10));
}

static void put_numa_map(struct procfs *p, const struct vm_area_struct *vma,
			 const struct task_struct *task)
{
	const struct file_name *file;
	const char *name = area_name(p, vma, &file);
	struct numa_maps md = {0};
	uint64_t unused;
	const struct mempolicy *pol = vma_own_policy(vma, vma->vm_start, &unused);

	strbuf_addf(&p->text, "%08" PRIx64 " ", vma->vm_start);
	mpol_to_str(&p->text, pol ? pol : task->mempolicy);
	if (name && vma->vm_mapping) {
		strbuf_addstr(&p->text, " file=");
		put_name(&p->text, name);
	} else if (name && !strcmp(name, "[heap]")) {
		strbuf_addstr(&p->text, " heap");
	} else if (name && !strcmp(name, "[stack]")) {
		strbuf_addstr(&p->text, " stack");
	}
	walk_vma(vma, gather, &md);
	if (md.pages)
		put_numa_pages(p, &md);
	strbuf_addstr(&p->text, "\n");
}

/* ---- files ---- */

void procfs_smaps(struct procfs *p, const struct task_struct *task, uint64_t pid)
{
	const struct mm_struct *mm = task->mm;
	struct mem_size_stats sum = {0};
	const char *reason;

	for (const struct vm_area_struct *vma = first_vma(mm); vma; vma = vma_next(vma))
		put_area(p, vma);
	procfs_done(p, "proc/%" PRIu64 "/maps", pid);
	p->file = "proc/PID/smaps";
	for (const struct vm_area_struct *vma = first_vma(mm); vma; vma = vma_next(vma)) {
		struct mem_size_stats mss = {0};

		walk_vma(vma, account, &mss);
		account_shmem_swap(&mss, vma);
		put_smap(p, vma, &mss);
		add_stats(&sum, &mss);
	}
	note_smaps(p);
	procfs_done(p, "proc/%" PRIu64 "/smaps", pid);
	put_rollup(p, mm, &sum, pid);
	p->file = "proc/PID/numa_maps";
	for (const struct vm_area_struct *vma = first_vma(mm); vma; vma = vma_next(vma))
		put_numa_map(p, vma, task);
	reason = report_node_item_reason(p->r, NR_ACTIVE_ANON);
	if (reason)
		procfs_unknown(p, "active", reason);
	procfs_done(p, "proc/%" PRIu64 "/numa_maps", pid);
}
