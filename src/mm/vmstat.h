/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * Every counter of the model, once: enum, JSON key, unit, meaning. mmreplay-counters(7) and `mmreplay list
 * counters` are made of these rows. A counter that bears a kernel name means what it means in /proc/vmstat of
 * Linux 6.18; ours have their own section. Kernel counterpart: include/linux/vmstat.h, vm_event_item.h, mmzone.h.
 *
 *	X(ENUM, "json_key", "unit", "meaning")
 */
#ifndef MM_VMSTAT_H
#define MM_VMSTAT_H

#include <stdint.h>

/* State of a zone (enum zone_stat_item) */
#define VMSTAT_ZONE_ITEMS(X) \
	X(NR_FREE_PAGES, "nr_free_pages", "pages", "free pages, those on per-cpu lists not included") \
	X(NR_FREE_CMA_PAGES, "nr_free_cma", "pages", "of these: in pageblocks of CMA areas") \
	X(NUMA_HIT, "numa_hit", "allocations", "served by the node that was wanted") \
	X(NUMA_MISS, "numa_miss", "allocations", "served here although another node was wanted") \
	X(NUMA_FOREIGN, "numa_foreign", "allocations", "wanted here but served by another node") \
	X(NUMA_INTERLEAVE, "numa_interleave", "allocations", "interleaved and got the wanted node") \
	X(NUMA_LOCAL, "numa_local", "allocations", "served by the node of the CPU that asked") \
	X(NUMA_OTHER, "numa_other", "allocations", "served here for a CPU of another node")

/* State of a node (enum node_stat_item) */
#define VMSTAT_NODE_ITEMS(X) \
	X(NR_ANON_MAPPED, "nr_anon_pages", "pages", "mapped anonymous pages") \
	X(NR_FILE_MAPPED, "nr_mapped", "pages", "page-cache pages that are mapped") \
	X(NR_FILE_PAGES, "nr_file_pages", "pages", "pages in the page cache") \
	X(NR_SHMEM, "nr_shmem", "pages", "shmem pages, tmpfs and shared anonymous memory included") \
	X(NR_ANON_THPS, "nr_anon_transparent_hugepages", "pages of 2M", "anonymous huge pages") \
	X(NR_KERNEL_STACK_KB, "nr_kernel_stack", "KiB", "kernel stacks of threads") \
	X(NR_SLAB_RECLAIMABLE, "nr_slab_reclaimable", "pages", "slab pages of objects that can be reclaimed") \
	X(NR_SLAB_UNRECLAIMABLE, "nr_slab_unreclaimable", "pages", "slab pages of other objects") \
	X(NR_PAGETABLE, "nr_page_table_pages", "pages", "pages that hold page tables") \
	X(NR_INACTIVE_ANON, "nr_inactive_anon", "pages", "on the list of inactive anonymous and shmem folios") \
	X(NR_ACTIVE_ANON, "nr_active_anon", "pages", "on the list of active anonymous and shmem folios") \
	X(NR_INACTIVE_FILE, "nr_inactive_file", "pages", "on the list of inactive file folios") \
	X(NR_ACTIVE_FILE, "nr_active_file", "pages", "on the list of active file folios") \
	X(NR_UNEVICTABLE, "nr_unevictable", "pages", "of locked memory: on no list that reclaim scans") \
	X(PGPROMOTE_SUCCESS, "pgpromote_success", "pages", "promoted to a node of the top tier") \
	X(PGPROMOTE_CANDIDATE, "pgpromote_candidate", "pages", \
	  "hot enough to be promoted, whether the rate limit let them or not") \
	X(PGPROMOTE_CANDIDATE_NRL, "pgpromote_candidate_nrl", "pages", \
	  "to be promoted without a look at the rate limit: the node had room enough") \
	X(PGDEMOTE_KSWAPD, "pgdemote_kswapd", "pages", "demoted from this node by kswapd") \
	X(PGDEMOTE_DIRECT, "pgdemote_direct", "pages", "demoted from this node by who needed memory")

/* Events (enum vm_event_item) */
#define VMSTAT_EVENTS(X) \
	X(PGALLOC_DMA, "pgalloc_dma", "pages", "pages allocated from zone DMA") \
	X(PGALLOC_DMA32, "pgalloc_dma32", "pages", "pages allocated from zone DMA32") \
	X(PGALLOC_NORMAL, "pgalloc_normal", "pages", "pages allocated from zone NORMAL") \
	X(PGALLOC_HIGHMEM, "pgalloc_high", "pages", "pages allocated from zone HIGHMEM") \
	X(PGALLOC_MOVABLE, "pgalloc_movable", "pages", "pages allocated from zone MOVABLE") \
	X(PGFREE, "pgfree", "pages", "pages freed") \
	X(PGFAULT, "pgfault", "faults", "page faults handled, minor and major") \
	X(PGMAJFAULT, "pgmajfault", "faults", "page faults that had to read") \
	X(PGSCAN_ZONE_RECLAIM_SUCCESS, "zone_reclaim_success", "times", \
	  "node reclaim (vm.zone_reclaim_mode) freed what was asked for") \
	X(PGSCAN_ZONE_RECLAIM_FAILED, "zone_reclaim_failed", "times", "node reclaim freed too little") \
	X(PGREUSE, "pgreuse", "faults", "write faults that could keep the page") \
	X(THP_FAULT_ALLOC, "thp_fault_alloc", "pages of 2M", "huge pages allocated by faults") \
	X(THP_FAULT_FALLBACK, "thp_fault_fallback", "faults", "faults that could not get a huge page") \
	X(THP_SPLIT_PMD, "thp_split_pmd", "splits", "huge page-table entries split into small ones") \
	X(THP_SPLIT_PAGE, "thp_split_page", "splits", "huge pages split into base pages") \
	X(THP_ZERO_PAGE_ALLOC, "thp_zero_page_alloc", "pages of 2M", "huge zero pages allocated") \
	X(PGACTIVATE, "pgactivate", "pages", "moved from an inactive to an active list") \
	X(PGDEACTIVATE, "pgdeactivate", "pages", "moved from an active to an inactive list") \
	X(PGMIGRATE_SUCCESS, "pgmigrate_success", "pages", "migrated") \
	X(PGMIGRATE_FAIL, "pgmigrate_fail", "pages", "that could not be migrated") \
	X(THP_MIGRATION_SUCCESS, "thp_migration_success", "pages of 2M", "huge pages migrated whole") \
	X(THP_MIGRATION_FAIL, "thp_migration_fail", "pages of 2M", "huge pages that could not be migrated whole") \
	X(THP_MIGRATION_SPLIT, "thp_migration_split", "pages of 2M", "huge pages split to be migrated") \
	X(NUMA_PTE_UPDATES, "numa_pte_updates", "entries", \
	  "made to fault by NUMA balancing; a huge entry counts as the base pages it maps") \
	X(NUMA_HUGE_PTE_UPDATES, "numa_huge_pte_updates", "entries", "huge ones of these") \
	X(NUMA_HINT_FAULTS, "numa_hint_faults", "faults", "on entries that NUMA balancing had made to fault") \
	X(NUMA_HINT_FAULTS_LOCAL, "numa_hint_faults_local", "faults", "of these: the page was on the own node") \
	X(NUMA_PAGE_MIGRATE, "numa_pages_migrated", "pages", "migrated by hint faults") \
	X(CMA_ALLOC_SUCCESS, "cma_alloc_success", "allocations", "from CMA areas") \
	X(CMA_ALLOC_FAIL, "cma_alloc_fail", "allocations", "from CMA areas that failed") \
	X(NR_TLB_REMOTE_FLUSH, "nr_tlb_remote_flush", "flushes", "flushes that other CPUs were asked for") \
	X(NR_TLB_REMOTE_FLUSH_RECEIVED, "nr_tlb_remote_flush_received", "flushes", \
	  "flushes done for another CPU") \
	X(NR_TLB_LOCAL_FLUSH_ALL, "nr_tlb_local_flush_all", "flushes", "full flushes of the own TLB") \
	X(NR_TLB_LOCAL_FLUSH_ONE, "nr_tlb_local_flush_one", "flushes", "single-page flushes of the own TLB")

/* Events that the kernel does not count; the leaves of the fault tree add up to `pgfault`. */
#define VMSTAT_MODEL_EVENTS(X) \
	X(FAULT_ANON_ZERO, "fault_anon_zero", "faults", "read of untouched anonymous memory: zero page") \
	X(FAULT_ANON_ALLOC, "fault_anon_alloc", "faults", "write to untouched anonymous memory") \
	X(FAULT_ANON_HUGE, "fault_anon_huge", "faults", "anonymous fault served with a huge page") \
	X(FAULT_FILE_READ, "fault_file_read", "faults", "read or exec of file memory") \
	X(FAULT_FILE_COW, "fault_file_cow", "faults", "write to untouched private file memory") \
	X(FAULT_FILE_SHARED, "fault_file_shared", "faults", "write to untouched shared file memory") \
	X(FAULT_WP_REUSE, "fault_wp_reuse", "faults", "write to a read-only entry: page kept") \
	X(FAULT_WP_COPY, "fault_wp_copy", "faults", "write to a read-only entry: page copied") \
	X(FAULT_WP_ZERO, "fault_wp_zero", "faults", "write to the zero page: page allocated") \
	X(FAULT_WP_SHARED, "fault_wp_shared", "faults", "first write to a clean shared page") \
	X(FAULT_WP_HUGE, "fault_wp_huge", "faults", "write to a read-only huge page") \
	X(FAULT_SPECIAL, "fault_special", "faults", "fault in a special mapping: vdso, vvar, device") \
	X(FAULT_NUMA, "fault_numa", "faults", "NUMA hint: the entry was made present again") \
	X(FAULT_SPURIOUS, "fault_spurious", "faults", "the entry was already as it should be") \
	X(FAULT_ERROR, "fault_error", "faults", \
	  "the handler failed: SIGBUS or no memory (in pgfault as in the kernel, in no leaf above)") \
	X(FAULT_GUP, "fault_gup", "faults", \
	  "of pgfault: faults that the kernel took itself to pin or populate pages (no perf event)") \
	X(FAULT_SEGV, "fault_segv", "faults", "accesses outside of any area, or forbidden (not in pgfault)") \
	X(FAULT_AROUND, "fault_around_pages", "pages", "pages mapped around file faults beside the one wanted") \
	X(STACK_EXPAND, "stack_expand", "times", "stack areas grown by a fault") \
	X(VMA_MERGE, "vma_merge", "times", "areas merged") \
	X(VMA_SPLIT, "vma_split", "times", "areas split") \
	X(NUMA_SCANS, "numa_scans", "scans", "of an address space by NUMA balancing") \
	X(DEMOTE_SCANNED, "demote_scanned", "folios", "looked at by kswapd and direct demotion") \
	X(FORK_COPIED_PTES, "fork_copied_ptes", "entries", "page-table entries copied by fork") \
	X(ZONE_LOCK, "zone_lock", "times", "zone lock taken") \
	X(PCP_HIT, "pcp_hit", "allocations", "allocations served by a per-cpu list without the zone lock") \
	X(PCP_FREE, "pcp_free", "frees", "frees to a per-cpu list") \
	X(QUICKLIST_HIT, "quicklist_hit", "allocations", "page tables from the CPU's quicklist") \
	X(QUICKLIST_MISS, "quicklist_miss", "allocations", "page tables that the quicklist had no page for") \
	X(QUICKLIST_TRIM, "quicklist_trim", "pages", "pages that quicklists gave back") \
	X(KMAP, "kmap", "times", "32-bit: kmap() of a page of high memory") \
	X(KMAP_HIT, "kmap_hit", "times", "of these that found the page in a window already") \
	X(KMAP_FLUSH, "kmap_flush", "times", "all windows nobody used taken back, and flushed from all TLBs") \
	X(KMAP_WAIT, "kmap_wait", "times", "kmap() that would have slept: all windows in use") \
	X(KMAP_LOCAL, "kmap_local", "times", "32-bit: kmap_local_page() of a page of high memory") \
	X(ALLOC_FAIL, "alloc_fail", "allocations", "page allocations that failed") \
	X(PAGEBLOCK_CLAIM, "pageblock_claim", "blocks", \
	  "free blocks of a pageblock or more taken over whole by another migrate type") \
	X(PAGEBLOCK_CONVERT, "pageblock_convert", "pageblocks", \
	  "in use, given another migrate type: half was free or alike") \
	X(PAGEBLOCK_STEAL, "pageblock_steal", "allocations", \
	  "taken from a pageblock of another migrate type that stays what it is") \
	X(CMA_LENT, "cma_lent", "pages", "of CMA areas given to movable allocations") \
	X(BACKGROUND_ALLOC, "background_alloc", "allocations", \
	  "by others than the trace: fragmentation.pressure.rate") \
	X(BACKGROUND_FAIL, "background_fail", "allocations", "by others that failed") \
	X(CONTIG_ALLOC_SUCCESS, "contig_alloc_success", "allocations", \
	  "of contiguous frames by place: alloc_contig_range(), alloc_contig_pages()") \
	X(CONTIG_ALLOC_FAIL, "contig_alloc_fail", "allocations", "of these that failed")

#define VMSTAT_ENUM(NAME, key, unit, meaning) NAME,
enum zone_stat_item { VMSTAT_ZONE_ITEMS(VMSTAT_ENUM) NR_VM_ZONE_STAT_ITEMS };
enum node_stat_item { VMSTAT_NODE_ITEMS(VMSTAT_ENUM) NR_VM_NODE_STAT_ITEMS };
enum vm_event_item { VMSTAT_EVENTS(VMSTAT_ENUM) VMSTAT_MODEL_EVENTS(VMSTAT_ENUM) NR_VM_EVENT_ITEMS };
#undef VMSTAT_ENUM

struct vmstat_info {
	const char *key, *unit, *meaning;
	int is_kernel;		/* the name and the meaning are the kernel's */
};

extern const struct vmstat_info zone_stat_info[NR_VM_ZONE_STAT_ITEMS];
extern const struct vmstat_info node_stat_info[NR_VM_NODE_STAT_ITEMS];
extern const struct vmstat_info vm_event_info[NR_VM_EVENT_ITEMS];

#endif
