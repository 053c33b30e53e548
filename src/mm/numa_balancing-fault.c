/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* Hint faults: whose page it is, and whether it moves. See numa_balancing.h. */
#include "mm/huge_pmd.h"
#include "mm/lru.h"
#include "mm/migrate.h"
#include "mm/numa_balancing-internal.h"
#include "mm/page_alloc.h"
#include "mm/rmap.h"
#include "mm/vma.h"
#include "mm/vma_policy.h"

#define ACTIVE_NODE_FRACTION	3
#define ADJUST_STEPS		16u	/* NUMA_MIGRATION_ADJUST_STEPS */
#define EARLY_SCANS		4	/* the first faults of a task may move pages at once */

/* ---- promotion from slow tiers ---- */

static bool pgdat_free_space_enough(const struct pglist_data *pgdat)
{
	uint64_t enough = (1ull << 30) >> pgdat->mem->geo->page_shift;

	if (enough < pgdat->present_pages >> 4)
		enough = pgdat->present_pages >> 4;
	for (int z = MAX_NR_ZONES - 1; z >= 0; z--) {
		const struct zone *zone = &pgdat->node_zones[z];

		if (zone->managed_pages &&
		    zone_watermark_ok(zone, 0, wmark_pages(zone, WMARK_PROMO) + enough, ZONE_MOVABLE, 0))
			return true;
	}
	return false;
}

/* Fewer or more pages become candidates, so that the rate limit is just reached. */
static void promotion_adjust_threshold(struct pglist_data *pgdat, uint64_t rate_limit)
{
	const struct mm_config *conf = &pgdat->mem->conf;
	struct numa_promotion *nbp = &pgdat->nbp;
	uint64_t ref = conf->numa_hot_threshold_ms, now = now_ms(pgdat->mem);
	uint64_t unit = ref * 2 / ADJUST_STEPS, th = nbp->threshold_ms ? nbp->threshold_ms : ref;
	uint64_t wanted = rate_limit * conf->numa_scan_period_max_ms / MSEC_PER_SEC, cand;

	if (now - nbp->th_start_ms <= conf->numa_scan_period_max_ms)
		return;
	nbp->th_start_ms = now;
	cand = pgdat->vm_stat[PGPROMOTE_CANDIDATE] - nbp->th_nr_cand;
	if (cand > wanted * 11 / 10)
		th = th > 2 * unit ? th - unit : unit;
	else if (cand < wanted * 9 / 10)
		th = th + unit < ref * 2 ? th + unit : ref * 2;
	nbp->th_nr_cand = pgdat->vm_stat[PGPROMOTE_CANDIDATE];
	nbp->threshold_ms = th;
}

/* Counts candidates; true when this second's share is used up. */
static bool promotion_rate_limit(struct pglist_data *pgdat, uint64_t rate_limit, int64_t nr)
{
	struct numa_promotion *nbp = &pgdat->nbp;
	uint64_t now = now_ms(pgdat->mem), cand;

	mod_node_page_state(pgdat, PGPROMOTE_CANDIDATE, nr);
	cand = pgdat->vm_stat[PGPROMOTE_CANDIDATE];
	if (now - nbp->rl_start_ms > MSEC_PER_SEC) {
		nbp->rl_start_ms = now;
		nbp->rl_nr_cand = cand;
	}
	return cand - nbp->rl_nr_cand >= rate_limit;
}

static uint32_t hint_fault_latency_ms(struct memory *mem, pfn_t head)
{
	uint32_t now = (uint32_t)now_ms(mem);

	return (now - folio_xchg_last_cpupid(mem, head, now | CPUPID_VALID)) & ~CPUPID_VALID;
}

static bool should_promote(struct memory *mem, pfn_t head, unsigned dst_nid)
{
	struct pglist_data *pgdat = mem->nodes[dst_nid];
	uint64_t rate_limit = mem->conf.numa_promote_rate_limit_mbps << (20 - mem->geo->page_shift);
	int64_t nr = folio_nr_pages(pfn_to_page(mem, head));
	uint64_t threshold;

	if (pgdat_free_space_enough(pgdat)) {
		pgdat->nbp.threshold_ms = 0;
		mod_node_page_state(pgdat, PGPROMOTE_CANDIDATE_NRL, nr);
		return true;
	}
	promotion_adjust_threshold(pgdat, rate_limit);
	threshold = pgdat->nbp.threshold_ms ? pgdat->nbp.threshold_ms : mem->conf.numa_hot_threshold_ms;
	if (hint_fault_latency_ms(mem, head) >= threshold)
		return false;
	return !promotion_rate_limit(pgdat, rate_limit, nr);
}

/* ---- the two-stage filter ---- */

/* A page that threads of a group share goes where the group runs more than it does where the page is. */
static bool group_wants_it(const struct memory *mem, const struct numa_group *ng, unsigned src, unsigned dst)
{
	uint64_t cpu_dst = group_faults_cpu(mem, ng, dst), cpu_src = group_faults_cpu(mem, ng, src);

	if (cpu_dst > cpu_src * ACTIVE_NODE_FRACTION)
		return true;
	return cpu_dst * group_faults(mem, ng, src) * 3 > cpu_src * group_faults(mem, ng, dst) * 4;
}

static bool should_numa_migrate_memory(struct memory *mem, const struct task_struct *task, pfn_t head,
				       unsigned src_nid)
{
	const struct task_numa *tn = task->numa;
	unsigned dst_nid = mem->cpu_node[mem->cpu];
	uint32_t last;
	bool unset, mine;

	if (!mem->nodes[dst_nid]->has_memory)
		return false;
	if (folio_use_access_time(mem, head))
		return should_promote(mem, head, dst_nid);
	last = folio_xchg_last_cpupid(mem, head, cpu_pid_to_cpupid(mem->cpu, task->tid));
	unset = last == CPUPID_UNSET;
	mine = cpupid_match_pid(task, last);
	if ((!tn || tn->preferred_nid < 0 || tn->scan_seq <= EARLY_SCANS) && (unset || mine))
		return true;
	/* Twice in a row from the same node: chance is squared out. */
	if (!unset && cpupid_to_nid(mem, last) != dst_nid)
		return false;
	if (mine || !tn || !tn->group)
		return true;
	return group_wants_it(mem, tn->group, src_nid, dst_nid);
}

/* ---- the fault ---- */

/* A hint fault on a folio, and what is found out about it. */
struct hint_fault {
	struct vm_fault *vmf;
	pfn_t head;
	unsigned flags;		/* TNF_* */
	uint32_t last_cpupid;
};

static void vma_set_access_pid_bit(const struct vm_area_struct *vma, const struct task_struct *task)
{
	if (vma->numab_state)
		vma->numab_state->pids_active[1] |= 1ull << numa_pid_bit(task);
}

/* Counts the fault; returns the node that the folio should go to, -1 when it may stay (numa_migrate_check). */
static int numa_migrate_check(struct hint_fault *hf, bool writable)
{
	struct vm_fault *vmf = hf->vmf;
	struct memory *mem = vmf->mem;
	const struct page *folio = pfn_to_page(mem, hf->head);
	unsigned nid = pfn_to_node(mem, hf->head)->node_id;
	bool moron;
	int target;

	if (!writable)
		hf->flags |= TNF_NO_GROUP;
	if (vmf->vma->vm_flags & VM_SHARED && page_mapcount(mem, hf->head) > 1)
		hf->flags |= TNF_SHARED;
	hf->last_cpupid = folio_use_access_time(mem, hf->head) ? CPUPID_UNSET : mem->last_cpupid[hf->head];
	vma_set_access_pid_bit(vmf->vma, mem->current);
	count_vm_event(mem, NUMA_HINT_FAULTS);
	if (nid == mem->cpu_node[mem->cpu]) {
		count_vm_event(mem, NUMA_HINT_FAULTS_LOCAL);
		hf->flags |= TNF_FAULT_LOCAL;
	}
	target = mpol_misplaced(vmf->vma, vmf->address, page_order(folio), (int)nid, &moron);
	if (target < 0 || !moron)
		return target;
	return should_numa_migrate_memory(mem, mem->current, hf->head, nid) ? target : -1;
}

/* Would the node stay above its high marks? */
static bool migrate_balanced_pgdat(const struct pglist_data *pgdat, uint64_t nr_pages)
{
	for (int z = MAX_NR_ZONES - 1; z >= 0; z--) {
		const struct zone *zone = &pgdat->node_zones[z];

		if (zone->managed_pages &&
		    zone_watermark_ok(zone, 0, wmark_pages(zone, WMARK_HIGH) + nr_pages, ZONE_MOVABLE, 0))
			return true;
	}
	return false;
}

static void wake_kswapd_of(struct memory *mem, struct pglist_data *pgdat, unsigned order)
{
	int z = MAX_NR_ZONES - 1;

	while (z > 0 && !pgdat->node_zones[z].managed_pages)
		z--;
	if (mem->pressure && mem->pressure->wake_kswapd)
		mem->pressure->wake_kswapd(mem, &pgdat->node_zones[z], order, ZONE_MOVABLE);
}

/* May the folio be tried at all? (migrate_misplaced_folio_prepare) */
static bool migrate_prepare(struct memory *mem, const struct vm_area_struct *vma, pfn_t head, unsigned target)
{
	const struct page *folio = pfn_to_page(mem, head);

	if (folio_is_file_lru(folio) &&
	    ((vma->vm_flags & VM_EXEC && page_mapcount(mem, head) > 1) || folio->flags & PG_DIRTY))
		return false;
	if (!migrate_balanced_pgdat(mem->nodes[target], (uint64_t)folio_nr_pages(folio))) {
		if (mem->conf.numa_balancing == NUMA_BALANCING_MEMORY_TIERING)
			wake_kswapd_of(mem, mem->nodes[target], page_order(folio));
		return false;
	}
	return folio->flags & PG_LRU && folio_movable(mem, head);
}

static pfn_t alloc_misplaced_dst(struct memory *mem, pfn_t src, void *ctx)
{
	const unsigned *nid = ctx;
	unsigned order = page_order(pfn_to_page(mem, src));
	gfp_t gfp = order ? GFP_TRANSHUGE_LIGHT
			  : (GFP_HIGHUSER_MOVABLE | __GFP_NOMEMALLOC | __GFP_NORETRY | __GFP_NOWARN) & ~__GFP_RECLAIM;

	return alloc_pages_nodemask(mem, gfp | __GFP_THISNODE, order, (int)*nid, NODEMASK_ALL);
}

static bool migrate_misplaced_folio(struct memory *mem, pfn_t head, unsigned target)
{
	bool promotion = mem->conf.numa_balancing == NUMA_BALANCING_MEMORY_TIERING && node_is_toptier(mem, target) &&
			 !node_is_toptier(mem, pfn_to_node(mem, head)->node_id);
	size_t moved = migrate_pages(mem, &head, 1, alloc_misplaced_dst, &target, MR_NUMA_MISPLACED);

	count_vm_events(mem, NUMA_PAGE_MIGRATE, moved);
	if (promotion)
		mod_node_page_state(mem->nodes[target], PGPROMOTE_SUCCESS, (int64_t)moved);
	return moved;
}

/* The folio moves if it should and can. Returns the node where it is then. */
static unsigned place_folio(struct hint_fault *hf, bool writable)
{
	struct memory *mem = hf->vmf->mem;
	unsigned nid = pfn_to_node(mem, hf->head)->node_id;
	int target = numa_migrate_check(hf, writable);

	if (target < 0)
		return nid;
	if (migrate_prepare(mem, hf->vmf->vma, hf->head, (unsigned)target) &&
	    migrate_misplaced_folio(mem, hf->head, (unsigned)target)) {
		hf->flags |= TNF_MIGRATED;
		return (unsigned)target;
	}
	hf->flags |= TNF_MIGRATE_FAIL;
	return nid;
}

/* May the entry be writable again at once? (vma_wants_manual_pte_write_upgrade, can_change_pte_writable) */
static bool upgrade_write(const struct vm_area_struct *vma, pte_t pte)
{
	const struct page *page = pfn_to_page(vma->vm_mm->mem, pte_pfn(pte));

	if (!(vma->vm_flags & VM_WRITE))
		return false;
	if (vma->vm_flags & VM_SHARED)
		return vma_wants_writenotify(vma) && pte_dirty(pte);
	return (page->flags & (PG_ANON | PG_ANON_EXCLUSIVE)) == (PG_ANON | PG_ANON_EXCLUSIVE);
}

/* The entry without its hint: as the area's permissions have it. */
static pte_t restored_pte(const struct vm_area_struct *vma, pte_t old)
{
	pte_t pte = { (old.pte & (PTE_PFN_MASK | PTE_ACCESSED | PTE_DIRTY | PTE_SPECIAL)) | vma_page_prot(vma) };

	if (!pte_write(pte) && upgrade_write(vma, pte))
		pte.pte |= PTE_WRITE;
	return pte;
}

/* Entries of the same large folio around the fault become present with it (numa_rebuild_large_mapping). */
static void rebuild_mapping(struct vm_fault *vmf, pfn_t head)
{
	const struct geometry *geo = vmf->mem->geo;
	int64_t nr = folio_nr_pages(pfn_to_page(vmf->mem, head)), in = (int64_t)pte_pfn(vmf->orig) - head;
	uint64_t entries = 1ull << geo->level[0].bits;

	for (int64_t i = -in; i < nr - in; i++) {
		uint64_t addr = vmf->address + (uint64_t)(i * (1ll << geo->page_shift));
		int64_t index = (int64_t)vmf->index + i;
		pte_t pte;

		if (index < 0 || index >= (int64_t)entries || addr < vmf->vma->vm_start || addr >= vmf->vma->vm_end)
			continue;
		pte = vmf->table->ent[index];
		if (!pte_protnone(pte) || pte_pfn(pte) != head + (pfn_t)(in + i))
			continue;
		pte = restored_pte(vmf->vma, pte);
		if (!i)
			pte.pte |= PTE_ACCESSED;
		pte_set(vmf->table, (unsigned)index, pte);
	}
}

vm_fault_t do_numa_page(struct vm_fault *vmf)
{
	struct memory *mem = vmf->mem;
	struct hint_fault hf = { .vmf = vmf, .head = folio_pfn(mem, pte_pfn(vmf->orig)) };
	uint64_t nr = (uint64_t)folio_nr_pages(pfn_to_page(mem, hf.head));
	unsigned nid;

	count_vm_event(mem, FAULT_NUMA);
	if (vmf->orig.pte & PTE_SPECIAL || !mem->last_cpupid || !mem->current) {
		pte_set(vmf->table, vmf->index, restored_pte(vmf->vma, vmf->orig));
		return 0;
	}
	nid = place_folio(&hf, pte_write(restored_pte(vmf->vma, vmf->orig)));
	if (!(hf.flags & TNF_MIGRATED))
		rebuild_mapping(vmf, hf.head);
	task_numa_fault(mem, hf.last_cpupid, nid, nr, hf.flags);
	return 0;
}

vm_fault_t do_huge_pmd_numa_page(struct vm_fault *vmf, struct pgtable *pmd, unsigned index)
{
	struct memory *mem = vmf->mem;
	pte_t old = pmd->ent[index], new = restored_pte(vmf->vma, old);
	struct hint_fault hf = { .vmf = vmf, .head = pte_pfn(old) };
	unsigned nid;

	count_vm_event(mem, FAULT_NUMA);
	if (is_huge_zero_pmd(mem, old) || !mem->last_cpupid || !mem->current) {
		pte_set(pmd, index, new);
		return 0;
	}
	nid = place_folio(&hf, pte_write(new));
	if (!(hf.flags & TNF_MIGRATED)) {
		new.pte |= PTE_ACCESSED;
		pte_set(pmd, index, new);
	}
	task_numa_fault(mem, hf.last_cpupid, nid, 1u << hpage_order(mem), hf.flags);
	return 0;
}
