/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Random operations, and the model's answer to them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mm/fault.h"
#include "mm/filemap.h"
#include "mm/fork.h"
#include "mm/mbind.h"
#include "mm/memory.h"
#include "mm/mmap.h"
#include "mm/vma.h"
#include "mm/vma_policy.h"
#include "oracle.h"

const struct flag_name flag_names[] = {
	{"rd", VM_READ},       {"wr", VM_WRITE},    {"ex", VM_EXEC},	    {"sh", VM_SHARED},
	{"mr", VM_MAYREAD},    {"mw", VM_MAYWRITE}, {"me", VM_MAYEXEC},	    {"ms", VM_MAYSHARE},
	{"gd", VM_GROWSDOWN},  {"lo", VM_LOCKED},   {"lf", VM_LOCKONFAULT}, {"sr", VM_SEQ_READ},
	{"rr", VM_RAND_READ},  {"dc", VM_DONTCOPY}, {"ac", VM_ACCOUNT},	    {"nr", VM_NORESERVE},
	{"wf", VM_WIPEONFORK}, {"dd", VM_DONTDUMP}, {"hg", VM_HUGEPAGE},    {"nh", VM_NOHUGEPAGE},
};
const unsigned nr_flag_names = sizeof(flag_names) / sizeof(flag_names[0]);

/* More than the guard gap of a stack. */
#define GUARD (300 * PAGE)

struct world {
	struct rng rng;
	struct memory *mem;
	struct address_space *files[3];
	struct mm_struct *waiting[MAX_OPS]; /* parents of forks */
	unsigned nr_waiting;
	struct abilities can;
	bool huge; /* mostly large ranges and huge pages */
	bool moves; /* pages go to where they are already: slow, the kernel waits for all its CPUs */
};

static uint64_t below(struct world *w, uint64_t n)
{
	return rng_below(&w->rng, n);
}

static bool one_in(struct world *w, uint64_t n)
{
	return below(w, n) == 0;
}

static struct mm_struct *mm_of(struct world *w)
{
	return w->mem->current->mm;
}

/* A few pages of the window, or now and then whole tables and a bit. */
static void random_range(struct world *w, uint64_t *addr, uint64_t *len)
{
	if (one_in(w, w->huge ? 2 : 8)) {
		uint64_t pmd = below(w, NR_PMDS - 2);

		*addr = REGION + pmd * PMD + (one_in(w, 3) ? below(w, 20) * PAGE : 0);
		*len = (1 + below(w, 2)) * PMD - (one_in(w, 3) ? below(w, 20) * PAGE : 0);
		return;
	}
	*addr = WINDOW + below(w, WINDOW_PAGES - 1) * PAGE;
	*len = (1 + below(w, 10)) * PAGE;
	if (*addr + *len > WINDOW + WINDOW_PAGES * PAGE)
		*len = WINDOW + WINDOW_PAGES * PAGE - *addr;
}

/* Part or all of an area that is there, mostly; sometimes more than it. */
static void existing_range(struct world *w, uint64_t *addr, uint64_t *len)
{
	struct mm_struct *mm = mm_of(w);
	struct vm_area_struct *vma = first_vma(mm);
	uint64_t from, to, nr;

	random_range(w, addr, len);
	if (!vma || one_in(w, 6))
		return;
	for (uint64_t skip = below(w, mm->map_count); skip; skip--)
		vma = vma_next(vma);
	nr = (vma->vm_end - vma->vm_start) / PAGE;
	from = one_in(w, 2) ? 0 : below(w, nr);
	to = one_in(w, 2) ? nr : from + 1 + below(w, nr - from);
	if (one_in(w, 6))
		to += 1 + below(w, 6);
	*addr = vma->vm_start + from * PAGE;
	*len = (to - from) * PAGE;
	if (*addr + *len > REGION + REGION_BYTES)
		*len = REGION + REGION_BYTES - *addr;
}

static uint64_t random_prot(struct world *w)
{
	static const uint64_t prots[] = {PROT_READ, PROT_NONE, PROT_READ | PROT_EXEC,
					 PROT_READ | PROT_WRITE | PROT_EXEC};

	return one_in(w, 2) ? PROT_READ | PROT_WRITE : prots[below(w, 4)];
}

static void gen_mmap(struct world *w, struct op *op)
{
	uint64_t guard;

	random_range(w, &op->addr, &op->len);
	op->prot = random_prot(w);
	op->flags = MAP_FIXED | (one_in(w, 5) ? MAP_SHARED : MAP_PRIVATE);
	op->file = one_in(w, 2) ? NO_FILE : one_in(w, 2) ? DISK_FILE : MEM_FILE;
	if (op->file)
		op->pgoff = one_in(w, 4)
				    ? below(w, FILE_PAGES + 2)
				    : ((op->addr - REGION) / PAGE + FILE_PAGES / 2) % FILE_PAGES;
	else
		op->flags |= MAP_ANONYMOUS;
	op->flags |= one_in(w, 16) ? MAP_NORESERVE : 0;
	op->flags |= one_in(w, 8) ? MAP_POPULATE : 0;
	op->flags |= one_in(w, 20) ? MAP_LOCKED : 0;
	op->flags |= one_in(w, 24) ? MAP_STACK : 0;
	if (op->file == NO_FILE && one_in(w, 20))
		op->flags |= MAP_GROWSDOWN;
	if (one_in(w, 20))
		op->flags |= MAP_FIXED_NOREPLACE;
	/*
	 * A hint where something is, or without room to align, would send the kernel out of the
	 * region.
	 */
	guard = op->len >= PMD / 2 ? GUARD + PMD : GUARD;
	if (one_in(w, 4) &&
	    !find_vma_intersection(mm_of(w), op->addr - guard, op->addr + op->len + guard))
		op->flags &= ~(uint64_t)(MAP_FIXED | MAP_FIXED_NOREPLACE);
}

static void gen_mremap(struct world *w, struct op *op)
{
	uint64_t unused;

	existing_range(w, &op->addr, &op->len);
	op->new_len = op->len;
	switch (below(w, 6)) {
	case 0: /* shrink */
		op->new_len = PAGE + below(w, op->len / PAGE) * PAGE;
		break;
	case 1: /* grow in place, inside the region */
		op->new_len += (1 + below(w, 4)) * PAGE;
		if (op->addr + op->new_len > REGION + REGION_BYTES)
			op->new_len = op->len;
		break;
	case 2: /* move and resize */
		op->new_len = (1 + below(w, 8)) * PAGE;
		op->flags = MREMAP_MAYMOVE | MREMAP_FIXED;
		break;
	case 3:
		op->flags = MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP;
		break;
	default:
		op->flags = MREMAP_MAYMOVE | MREMAP_FIXED;
	}
	if (op->flags & MREMAP_FIXED) {
		random_range(w, &op->new_addr, &unused);
		/* the same place in the table, so that tables can move whole */
		if (op->len >= PMD && one_in(w, 2))
			op->new_addr = (op->new_addr & ~(PMD - 1)) | (op->addr & (PMD - 1));
		if (op->new_addr + op->new_len > REGION + REGION_BYTES)
			op->new_addr = REGION;
	}
}

static void gen_madvise(struct world *w, struct op *op)
{
	static const int advices[] = {
		MADV_DONTNEED,	    MADV_DONTNEED,
		MADV_DONTNEED,	    MADV_FREE,
		MADV_FREE,	    MADV_DONTFORK,
		MADV_DOFORK,	    MADV_WIPEONFORK,
		MADV_KEEPONFORK,    MADV_HUGEPAGE,
		MADV_HUGEPAGE,	    MADV_NOHUGEPAGE,
		MADV_DONTDUMP,	    MADV_DODUMP,
		MADV_SEQUENTIAL,    MADV_RANDOM,
		MADV_NORMAL,	    MADV_COLD,
		MADV_POPULATE_READ, MADV_POPULATE_WRITE,
		MADV_REMOVE,	    MADV_DONTNEED_LOCKED,
	};
	const struct vm_area_struct *vma;

	existing_range(w, &op->addr, &op->len);
	op->prot = (uint64_t)advices[below(w, sizeof(advices) / sizeof(advices[0]))];
	/*
	 * On part of a huge page these split the folio, and then pages full of zeroes go: not
	 * modelled.
	 */
	if (w->huge && (op->prot == MADV_FREE || op->prot == MADV_COLD || one_in(w, 2)))
		op->prot = MADV_HUGEPAGE;
	if (op->prot != MADV_REMOVE)
		return;
	/* A hole in the file on disk would be read back from there. */
	for (vma = find_vma(mm_of(w), op->addr); vma && vma->vm_start < op->addr + op->len;
	     vma = vma_next(vma))
		if (vma->vm_mapping == w->files[DISK_FILE])
			op->prot = MADV_DONTNEED;
}

/* On node 0, which is there, and 1, which is not. */
static void gen_policy(struct world *w, struct op *op)
{
	static const unsigned flags[] = {0, 0, MPOL_F_STATIC_NODES, MPOL_F_RELATIVE_NODES};
	static const unsigned moves[] = {0, 0, 0, MPOL_MF_STRICT, MPOL_MF_MOVE,
					 MPOL_MF_MOVE | MPOL_MF_STRICT};

	existing_range(w, &op->addr, &op->len);
	switch (w->moves ? below(w, 12) : 1 + below(w, 11)) {
	case 2:
		op->kind = OP_HOME_NODE;
		op->pgoff = one_in(w, 4);
		return;
	case 0:
		op->kind = OP_MIGRATE_PAGES;
		op->prot = below(w, 4);
		op->pgoff = below(w, 4);
		return;
	default:
		op->kind = OP_MBIND;
		op->prot = below(w, MPOL_MAX) | flags[below(w, 4)];
		op->pgoff = one_in(w, 6) ? below(w, 4) : 1;
		op->flags = moves[below(w, w->moves ? 6 : 4)];
		if ((op->prot & 15) == MPOL_DEFAULT || (op->prot & 15) == MPOL_LOCAL)
			op->pgoff = one_in(w, 8);
	}
}

static void gen_touch(struct world *w, struct op *op)
{
	existing_range(w, &op->addr, &op->len);
	op->addr += below(w, op->len / PAGE) * PAGE + below(w, 8) * 8;
	op->len = 0;
	op->kind = one_in(w, 2) ? OP_READ : OP_WRITE;
}

/* A world of huge pages starts with all of the region ready for them. */
static void gen_huge_start(unsigned number, struct op *op)
{
	*op = (struct op){
		.kind = number ? OP_MADVISE : OP_MMAP, .addr = REGION, .len = REGION_BYTES};
	op->prot = number ? MADV_HUGEPAGE : PROT_READ | PROT_WRITE;
	op->flags = MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS;
}

static void gen_op(struct world *w, struct op *op)
{
	uint64_t dice = below(w, 100);

	*op = (struct op){0};
	if (w->can.numa && one_in(w, 10)) {
		gen_policy(w, op);
	} else if (dice < 4 && w->can.brk) {
		op->kind = OP_BRK;
		op->addr = HEAP + below(w, HEAP_PAGES * PAGE) - (one_in(w, 16) ? PAGE : 0);
	} else if (dice < 45) {
		gen_touch(w, op);
	} else if (dice < 60) {
		op->kind = OP_MMAP;
		gen_mmap(w, op);
	} else if (dice < 65) {
		op->kind = OP_MUNMAP;
		existing_range(w, &op->addr, &op->len);
	} else if (dice < 77) {
		op->kind = OP_MPROTECT;
		existing_range(w, &op->addr, &op->len);
		op->prot = random_prot(w);
	} else if (dice < 84) {
		op->kind = OP_MREMAP;
		gen_mremap(w, op);
	} else if (dice < 95) {
		op->kind = OP_MADVISE;
		gen_madvise(w, op);
	} else if (dice < 98) {
		static const enum op_kind kinds[] = {
			OP_MUNLOCK,	  OP_MUNLOCK,	 OP_MLOCK,	 OP_MLOCK,
			OP_MLOCK_ONFAULT, OP_MUNLOCKALL, OP_MLOCK_FUTURE};

		op->kind = kinds[below(w, 7)];
		existing_range(w, &op->addr, &op->len);
	} else {
		op->kind = one_in(w, 2) ? OP_FORK_SWITCH : OP_FORK_WRITE;
		op->addr = WINDOW;
		op->len = WINDOW_PAGES * PAGE;
	}
}

/* One access without a TLB. */
static int touch(struct memory *mem, uint64_t addr, bool write)
{
	for (int tries = 0; tries < 4; tries++) {
		struct pgtable *table;
		unsigned level;
		pte_t *pte = pgtable_walk(mem->current->mm, addr, &level, &table);
		vm_fault_t ret;

		if (pte_is_leaf(*pte) && pte->pte & PTE_PRESENT && (!write || pte_write(*pte))) {
			pte->pte |= PTE_ACCESSED | (write ? PTE_DIRTY : 0);
			return 0;
		}
		ret = do_user_addr_fault(mem, addr,
					 FAULT_FLAG_USER | (write ? FAULT_FLAG_WRITE : 0));
		if (ret & VM_FAULT_SIGSEGV)
			return -EFAULT;
		if (ret & VM_FAULT_SIGBUS)
			return -EIO;
		if (ret & VM_FAULT_OOM)
			return -ENOMEM;
	}
	return -ELOOP;
}

static int model_fork(struct world *w, const struct op *op)
{
	struct mm_struct *parent = mm_of(w), *child = dup_mm(parent);

	w->mem->current->mm = child;
	if (op->kind == OP_FORK_SWITCH) {
		w->waiting[w->nr_waiting++] = parent;
		return 0;
	}
	for (uint64_t at = 0; at < op->len; at += 3 * PAGE)
		touch(w->mem, op->addr + at, true);
	w->mem->current->mm = parent;
	mmput(child);
	return 0;
}

static int64_t model_call(struct world *w, const struct op *op)
{
	struct mm_struct *mm = mm_of(w);

	switch (op->kind) {
	case OP_MMAP:
		return do_mmap(mm, &(struct mmap_request){.addr = op->addr,
							  .len = op->len,
							  .prot = op->prot,
							  .flags = op->flags,
							  .mapping = w->files[op->file],
							  .pgoff = op->pgoff});
	case OP_MUNMAP:
		return do_munmap(mm, op->addr, op->len);
	case OP_MPROTECT:
		return do_mprotect(mm, op->addr, op->len, op->prot);
	case OP_MREMAP:
		return do_mremap(mm, op->addr, op->len, op->new_len, op->flags, op->new_addr);
	case OP_MADVISE:
		return do_madvise(mm, op->addr, op->len, (int)op->prot);
	case OP_MBIND:
		return do_mbind(&(struct mbind_range){mm, op->addr, op->len},
				&(struct mpol_request){op->prot, op->pgoff}, op->flags);
	case OP_HOME_NODE:
		return do_set_mempolicy_home_node(&(struct mbind_range){mm, op->addr, op->len},
						  op->pgoff);
	case OP_MIGRATE_PAGES:
		return do_migrate_pages(mm, op->prot, op->pgoff, MPOL_MF_MOVE_ALL);
	case OP_MLOCK:
		return do_mlock(mm, op->addr, op->len, false);
	case OP_MLOCK_ONFAULT:
		return do_mlock(mm, op->addr, op->len, true);
	case OP_MUNLOCK:
		return do_munlock(mm, op->addr, op->len);
	case OP_MLOCK_FUTURE:
		return do_mlockall(mm, MCL_FUTURE);
	case OP_MUNLOCKALL:
		return do_mlockall(mm, 0);
	case OP_BRK:
		return do_brk(mm, op->addr) ? -ENOMEM : 0;
	case OP_READ:
		return touch(w->mem, op->addr, false);
	case OP_WRITE:
		return touch(w->mem, op->addr, true);
	case OP_FORK_SWITCH:
	case OP_FORK_WRITE:
		return model_fork(w, op);
	}
	return -ENOSYS;
}

static void model_op(struct world *w, const struct op *op, struct op_result *res)
{
	struct task_struct *task = w->mem->current;
	uint64_t minflt = task->min_flt, majflt = task->maj_flt;

	res->ret = model_call(w, op);
	res->minflt = (uint32_t)(task->min_flt - minflt);
	res->majflt = (uint32_t)(task->maj_flt - majflt);
}

static uint64_t count_rss(struct memory *mem, struct pgtable *table, uint64_t addr, uint64_t end)
{
	uint64_t nr = 0;

	for (uint64_t next; addr < end; addr = next) {
		pte_t pte = table->ent[pte_index(mem->geo, table, addr)];

		next = geometry_addr_end(mem->geo, table->level, addr, end);
		if (pte_is_table(pte))
			nr += count_rss(mem, pte_table(pte), addr, next);
		else if (pte_present(pte) && !(pte.pte & PTE_SPECIAL) &&
			 pte_pfn(pte) != mem->huge_zero_pfn)
			nr += (next - addr) / PAGE;
	}
	return nr;
}

/* The first word of what numa_maps says. */
static void put_policy(struct area *a, const struct vm_area_struct *vma)
{
	struct strbuf text = {0};
	uint64_t ilx;

	mpol_to_str(&text, vma_own_policy(vma, vma->vm_start, &ilx));
	snprintf(a->policy, sizeof(a->policy), "%.*s", (int)strcspn(text.s, " "), text.s);
	strbuf_finish(&text);
}

static void list_areas(struct world *w, struct outcome *out)
{
	struct mm_struct *mm = mm_of(w);

	for (struct vm_area_struct *vma = first_vma(mm); vma; vma = vma_next(vma)) {
		struct area *a = &out->areas[out->nr_areas++];

		*a = (struct area){.start = vma->vm_start, .end = vma->vm_end};
		a->pgoff = vma->vm_mapping ? vma->vm_pgoff : 0;
		a->rss_pages = count_rss(w->mem, mm->pgd, vma->vm_start, vma->vm_end);
		if (w->can.numa)
			put_policy(a, vma);
		for (unsigned i = 0; i < nr_flag_names; i++)
			if (vma->vm_flags & flag_names[i].vm_flag)
				a->flags |= 1ull << i;
	}
}

static uint64_t accounted(const struct mm_struct *mm)
{
	uint64_t nr = 0;

	for (const struct vm_area_struct *vma = first_vma(mm); vma; vma = vma_next(vma))
		nr += vma->vm_flags & VM_ACCOUNT ? vma_pages(vma) : 0;
	return nr;
}

static void check_model(struct world *w, uint64_t seed, unsigned op)
{
	uint64_t committed = accounted(mm_of(w));

	for (unsigned i = 0; i < w->nr_waiting; i++)
		committed += accounted(w->waiting[i]);
	if (vma_consistent(mm_of(w)) && committed == w->mem->vm_committed_as)
		return;
	fprintf(stderr,
		"seed %llu: after operation %u the model contradicts itself (%llu of %llu pages)\n",
		(unsigned long long)seed, op, (unsigned long long)committed,
		(unsigned long long)w->mem->vm_committed_as);
	exit(1);
}

static void create(struct world *w, uint64_t seed)
{
	rng_seed(&w->rng, seed);
	w->mem = memory_create_uma(geometry_find("x86-64"), 1, 256ull << 20);
	w->mem->current = task_alloc(w->mem, 1);
	w->mem->current->mm = mm_alloc(w->mem);
	mm_of(w)->start_brk = mm_of(w)->brk = HEAP;
	w->files[DISK_FILE] = mapping_get(w->mem, 1);
	w->files[MEM_FILE] = mapping_get(w->mem, 2);
	w->files[MEM_FILE]->is_shmem = true;
	for (enum op_file f = DISK_FILE; f <= MEM_FILE; f++) {
		w->files[f]->size_bytes = FILE_PAGES * PAGE;
		filemap_populate(w->mem, w->files[f], 0, FILE_PAGES, 0);
	}
}

/* Everything goes; what is left over would show here. */
static void destroy(struct world *w, uint64_t seed)
{
	struct strbuf why = {0};

	mmput(w->mem->current->mm);
	while (w->nr_waiting)
		mmput(w->waiting[--w->nr_waiting]);
	mapping_finish_all(w->mem);
	if (!memory_consistent(w->mem, &why) || w->mem->vm_committed_as ||
	    w->mem->vma_pool.nr_live || w->mem->avc_pool.nr_live || w->mem->anon_vma_pool.nr_live) {
		fprintf(stderr,
			"seed %llu left: commit %llu, areas %zu, edges %zu, anon_vmas %zu\n%s",
			(unsigned long long)seed, (unsigned long long)w->mem->vm_committed_as,
			w->mem->vma_pool.nr_live, w->mem->avc_pool.nr_live,
			w->mem->anon_vma_pool.nr_live, why.len ? why.s : "");
		exit(1);
	}
	strbuf_finish(&why);
	task_free(w->mem, w->mem->current);
	memory_destroy(w->mem);
}

void generate(uint64_t seed, unsigned nr_ops, struct abilities can, struct op *ops,
	      struct outcome *model)
{
	struct world w = {.can = can, .huge = seed % 4 == 3,
		/* Moving a folio that is mapped in part splits it, too (see gen_madvise): not in a huge world. */
		.moves = seed % 16 == 1};

	*model = (struct outcome){0};
	create(&w, seed);
	for (unsigned i = 0; i < nr_ops; i++) {
		if (w.huge && i < 2)
			gen_huge_start(i, &ops[i]);
		else
			gen_op(&w, &ops[i]);
		model_op(&w, &ops[i], &model->results[i]);
		check_model(&w, seed, i);
	}
	model->done = nr_ops;
	list_areas(&w, model);
	model->pgtable_kib = mm_of(&w)->pgtables_bytes / 1024;
	do_munmap(mm_of(&w), REGION, REGION_BYTES);
	model->pgtable_kib -= mm_of(&w)->pgtables_bytes / 1024;
	destroy(&w, seed);
}
