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
	X(NR_ZONE_INACTIVE_ANON, "nr_zone_inactive_anon", "pages", "of nr_inactive_anon: in this zone") \
	X(NR_ZONE_ACTIVE_ANON, "nr_zone_active_anon", "pages", "of nr_active_anon: in this zone") \
	X(NR_ZONE_INACTIVE_FILE, "nr_zone_inactive_file", "pages", "of nr_inactive_file: in this zone") \
	X(NR_ZONE_ACTIVE_FILE, "nr_zone_active_file", "pages", "of nr_active_file: in this zone") \
	X(NR_ZONE_UNEVICTABLE, "nr_zone_unevictable", "pages", "of nr_unevictable: in this zone") \
	X(NR_ZONE_WRITE_PENDING, "nr_zone_write_pending", "pages", "of files, dirty or under writeback") \
	X(NR_MLOCK, "nr_mlock", "pages", "of locked areas") \
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
	X(NR_FILE_DIRTY, "nr_dirty", "pages", "page-cache pages that are to be written to their files") \
	X(NR_WRITEBACK, "nr_writeback", "pages", "being written, to files or to swap") \
	X(NR_DIRTIED, "nr_dirtied", "pages", "page-cache pages that became dirty so far") \
	X(NR_WRITTEN, "nr_written", "pages", "written so far, to files or to swap") \
	X(NR_SHMEM, "nr_shmem", "pages", "shmem pages, tmpfs and shared anonymous memory included") \
	X(NR_ANON_THPS, "nr_anon_transparent_hugepages", "pages of 2M", "anonymous huge pages") \
	X(NR_SHMEM_THPS, "nr_shmem_hugepages", "pages of 2M", "shmem folios of the size of a huge entry") \
	X(NR_SHMEM_PMDMAPPED, "nr_shmem_pmdmapped", "pages of 2M", "of these: mapped by huge entries") \
	X(NR_FILE_THPS, "nr_file_hugepages", "pages of 2M", "file folios of the size of a huge entry") \
	X(NR_FILE_PMDMAPPED, "nr_file_pmdmapped", "pages of 2M", "of these: mapped by huge entries") \
	X(NR_KERNEL_STACK_KB, "nr_kernel_stack", "KiB", "kernel stacks of threads") \
	X(NR_SLAB_RECLAIMABLE, "nr_slab_reclaimable", "pages", "slab pages of objects that can be reclaimed") \
	X(NR_SLAB_UNRECLAIMABLE, "nr_slab_unreclaimable", "pages", "slab pages of other objects") \
	X(NR_PAGETABLE, "nr_page_table_pages", "pages", "pages that hold page tables") \
	X(NR_INACTIVE_ANON, "nr_inactive_anon", "pages", "on the list of inactive anonymous and shmem folios") \
	X(NR_ACTIVE_ANON, "nr_active_anon", "pages", "on the list of active anonymous and shmem folios") \
	X(NR_INACTIVE_FILE, "nr_inactive_file", "pages", "on the list of inactive file folios") \
	X(NR_ACTIVE_FILE, "nr_active_file", "pages", "on the list of active file folios") \
	X(NR_UNEVICTABLE, "nr_unevictable", "pages", "of locked memory: on no list that reclaim scans") \
	X(NR_ISOLATED_ANON, "nr_isolated_anon", "pages", "off the lists while reclaim looks at them, anonymous") \
	X(NR_ISOLATED_FILE, "nr_isolated_file", "pages", "off the lists while reclaim looks at them, file") \
	X(WORKINGSET_NODES, "workingset_nodes", "nodes", "of page-cache trees that hold shadow entries only") \
	X(WORKINGSET_REFAULT_ANON, "workingset_refault_anon", "pages", "anonymous, that came back after eviction") \
	X(WORKINGSET_REFAULT_FILE, "workingset_refault_file", "pages", "of files, that came back after eviction") \
	X(WORKINGSET_ACTIVATE_ANON, "workingset_activate_anon", "pages", \
	  "of the refaults: so soon that they were activated at once, anonymous") \
	X(WORKINGSET_ACTIVATE_FILE, "workingset_activate_file", "pages", \
	  "of the refaults: so soon that they were activated at once, of files") \
	X(WORKINGSET_RESTORE_ANON, "workingset_restore_anon", "pages", \
	  "of these: were of the working set when they were evicted, anonymous") \
	X(WORKINGSET_RESTORE_FILE, "workingset_restore_file", "pages", \
	  "of these: were of the working set when they were evicted, of files") \
	X(WORKINGSET_NODERECLAIM, "workingset_nodereclaim", "nodes", "of shadow entries that were reclaimed") \
	X(NR_VMSCAN_WRITE, "nr_vmscan_write", "pages", "written by reclaim") \
	X(NR_VMSCAN_IMMEDIATE, "nr_vmscan_immediate_reclaim", "pages", \
	  "dirty or under writeback at the old end: to be reclaimed when they are clean") \
	X(NR_SWAPCACHE, "nr_swapcached", "pages", "that have a slot in swap and are in memory too") \
	X(NR_HUGETLB, "nr_hugetlb", "pages", "of hugetlb folios in use") \
	X(PGPROMOTE_SUCCESS, "pgpromote_success", "pages", "promoted to a node of the top tier") \
	X(PGPROMOTE_CANDIDATE, "pgpromote_candidate", "pages", \
	  "hot enough to be promoted, whether the rate limit let them or not") \
	X(PGPROMOTE_CANDIDATE_NRL, "pgpromote_candidate_nrl", "pages", \
	  "to be promoted without a look at the rate limit: the node had room enough") \
	X(PGDEMOTE_KSWAPD, "pgdemote_kswapd", "pages", "demoted from this node by kswapd") \
	X(PGDEMOTE_DIRECT, "pgdemote_direct", "pages", "demoted from this node by who needed memory") \
	X(PGDEMOTE_KHUGEPAGED, "pgdemote_khugepaged", "pages", "demoted from this node for khugepaged") \
	X(PGDEMOTE_PROACTIVE, "pgdemote_proactive", "pages", "demoted from this node by proactive reclaim")

/* Events (enum vm_event_item) */
#define VMSTAT_EVENTS(X) \
	X(PSWPIN, "pswpin", "pages", "read from swap areas") \
	X(PSWPOUT, "pswpout", "pages", "written to swap areas") \
	X(PGPGIN, "pgpgin", "KiB", "read from devices: files and swap") \
	X(PGPGOUT, "pgpgout", "KiB", "written to devices: files and swap") \
	X(PGALLOC_DMA, "pgalloc_dma", "pages", "pages allocated from zone DMA") \
	X(PGALLOC_DMA32, "pgalloc_dma32", "pages", "pages allocated from zone DMA32") \
	X(PGALLOC_NORMAL, "pgalloc_normal", "pages", "pages allocated from zone NORMAL") \
	X(PGALLOC_HIGHMEM, "pgalloc_high", "pages", "pages allocated from zone HIGHMEM") \
	X(PGALLOC_MOVABLE, "pgalloc_movable", "pages", "pages allocated from zone MOVABLE") \
	X(ALLOCSTALL_DMA, "allocstall_dma", "times", "direct reclaim for zone DMA") \
	X(ALLOCSTALL_DMA32, "allocstall_dma32", "times", "direct reclaim for zone DMA32 and below") \
	X(ALLOCSTALL_NORMAL, "allocstall_normal", "times", "direct reclaim for zone NORMAL and below") \
	X(ALLOCSTALL_HIGHMEM, "allocstall_high", "times", "direct reclaim for zone HIGHMEM and below") \
	X(ALLOCSTALL_MOVABLE, "allocstall_movable", "times", "direct reclaim for zone MOVABLE and below") \
	X(PGSCAN_SKIP_DMA, "pgskip_dma", "pages", "passed over: in zone DMA, which would not help") \
	X(PGSCAN_SKIP_DMA32, "pgskip_dma32", "pages", "passed over: in zone DMA32, which would not help") \
	X(PGSCAN_SKIP_NORMAL, "pgskip_normal", "pages", "passed over: in zone NORMAL, which would not help") \
	X(PGSCAN_SKIP_HIGHMEM, "pgskip_high", "pages", "passed over: in zone HIGHMEM, which would not help") \
	X(PGSCAN_SKIP_MOVABLE, "pgskip_movable", "pages", "passed over: in zone MOVABLE, which would not help") \
	X(PGFREE, "pgfree", "pages", "pages freed") \
	X(PGFAULT, "pgfault", "faults", "page faults handled, minor and major") \
	X(PGMAJFAULT, "pgmajfault", "faults", "page faults that had to read") \
	X(PGLAZYFREE, "pglazyfree", "pages", "made free for the taking by MADV_FREE") \
	X(PGLAZYFREED, "pglazyfreed", "pages", "of these: reclaimed") \
	X(PGREFILL, "pgrefill", "pages", "of active lists looked at") \
	X(PGSTEAL_KSWAPD, "pgsteal_kswapd", "pages", "reclaimed by kswapd") \
	X(PGSTEAL_DIRECT, "pgsteal_direct", "pages", "reclaimed by who needed memory") \
	X(PGSTEAL_KHUGEPAGED, "pgsteal_khugepaged", "pages", "reclaimed for khugepaged") \
	X(PGSTEAL_PROACTIVE, "pgsteal_proactive", "pages", "reclaimed because somebody asked for it") \
	X(PGSCAN_KSWAPD, "pgscan_kswapd", "pages", "of inactive lists looked at by kswapd") \
	X(PGSCAN_DIRECT, "pgscan_direct", "pages", "of inactive lists looked at by who needed memory") \
	X(PGSCAN_KHUGEPAGED, "pgscan_khugepaged", "pages", "of inactive lists looked at for khugepaged") \
	X(PGSCAN_PROACTIVE, "pgscan_proactive", "pages", "of inactive lists looked at because somebody asked for it") \
	X(PGSCAN_DIRECT_THROTTLE, "pgscan_direct_throttle", "times", \
	  "who needed memory waited for kswapd: reserves were nearly used up") \
	X(PGSCAN_ANON, "pgscan_anon", "pages", "of all scanned: anonymous and shmem") \
	X(PGSCAN_FILE, "pgscan_file", "pages", "of all scanned: of files") \
	X(PGSTEAL_ANON, "pgsteal_anon", "pages", "of all reclaimed: anonymous and shmem") \
	X(PGSTEAL_FILE, "pgsteal_file", "pages", "of all reclaimed: of files") \
	X(PGSCAN_ZONE_RECLAIM_SUCCESS, "zone_reclaim_success", "times", \
	  "node reclaim (vm.zone_reclaim_mode) freed what was asked for") \
	X(PGSCAN_ZONE_RECLAIM_FAILED, "zone_reclaim_failed", "times", "node reclaim freed too little") \
	X(PGINODESTEAL, "pginodesteal", "pages", "of inodes that were pruned, by who needed memory") \
	X(SLABS_SCANNED, "slabs_scanned", "objects", "that shrinkers looked at") \
	X(KSWAPD_INODESTEAL, "kswapd_inodesteal", "pages", "of inodes that were pruned, by kswapd") \
	X(KSWAPD_LOW_WMARK_HIT_QUICKLY, "kswapd_low_wmark_hit_quickly", "times", \
	  "kswapd was about to sleep and found a zone below its marks again") \
	X(KSWAPD_HIGH_WMARK_HIT_QUICKLY, "kswapd_high_wmark_hit_quickly", "times", \
	  "kswapd was woken again before it slept soundly") \
	X(PAGEOUTRUN, "pageoutrun", "times", "kswapd balanced a node") \
	X(PGROTATED, "pgrotated", "pages", "to the old end of their list: writeback is done, or free for the taking") \
	X(DROP_PAGECACHE, "drop_pagecache", "times", "page cache dropped by request") \
	X(DROP_SLAB, "drop_slab", "times", "slab caches dropped by request") \
	X(UNEVICTABLE_PGCULLED, "unevictable_pgs_culled", "pages", "to the unevictable list") \
	X(UNEVICTABLE_PGSCANNED, "unevictable_pgs_scanned", "pages", "of the unevictable list looked at again") \
	X(UNEVICTABLE_PGRESCUED, "unevictable_pgs_rescued", "pages", "from the unevictable list to the others") \
	X(UNEVICTABLE_PGMLOCKED, "unevictable_pgs_mlocked", "pages", "locked") \
	X(UNEVICTABLE_PGMUNLOCKED, "unevictable_pgs_munlocked", "pages", "unlocked") \
	X(UNEVICTABLE_PGCLEARED, "unevictable_pgs_cleared", "pages", "unlocked because they were freed") \
	X(UNEVICTABLE_PGSTRANDED, "unevictable_pgs_stranded", "pages", "unlocked while they were off all lists") \
	X(OOM_KILL, "oom_kill", "kills", "processes killed for want of memory, of the machine or of a group") \
	X(PGREUSE, "pgreuse", "faults", "write faults that could keep the page") \
	X(THP_FAULT_ALLOC, "thp_fault_alloc", "pages of 2M", "huge pages allocated by faults") \
	X(THP_FAULT_FALLBACK, "thp_fault_fallback", "faults", "faults that could not get a huge page") \
	X(THP_FAULT_FALLBACK_CHARGE, "thp_fault_fallback_charge", "faults", \
	  "of these: there was a page, but the memory cgroup had no room for it") \
	X(THP_COLLAPSE_ALLOC, "thp_collapse_alloc", "pages of 2M", "allocated to collapse base pages into") \
	X(THP_COLLAPSE_ALLOC_FAILED, "thp_collapse_alloc_failed", "times", "a collapse found no huge page") \
	X(THP_FILE_ALLOC, "thp_file_alloc", "pages of 2M", "huge pages allocated for shmem") \
	X(THP_FILE_FALLBACK, "thp_file_fallback", "times", "shmem could not get a huge page") \
	X(THP_FILE_FALLBACK_CHARGE, "thp_file_fallback_charge", "times", \
	  "of these: there was a page, but the memory cgroup had no room for it") \
	X(THP_FILE_MAPPED, "thp_file_mapped", "times", "a huge page of a file or of shmem was mapped by a huge entry") \
	X(THP_SPLIT_PMD, "thp_split_pmd", "splits", "huge page-table entries split into small ones") \
	X(THP_SPLIT_PAGE, "thp_split_page", "splits", "huge pages split into smaller ones") \
	X(THP_SPLIT_PAGE_FAILED, "thp_split_page_failed", "times", "a huge page could not be split: in use elsewhere") \
	X(THP_DEFERRED_SPLIT_PAGE, "thp_deferred_split_page", "pages of 2M", \
	  "put on the list of those to be split: part of them was unmapped") \
	X(THP_UNDERUSED_SPLIT_PAGE, "thp_underused_split_page", "pages of 2M", \
	  "split because too few of their pages had ever been used") \
	X(THP_SCAN_EXCEED_NONE_PTE, "thp_scan_exceed_none_pte", "times", \
	  "a collapse was given up: more than max_ptes_none pages are missing") \
	X(THP_SCAN_EXCEED_SWAP_PTE, "thp_scan_exceed_swap_pte", "times", \
	  "a collapse was given up: more than max_ptes_swap pages are swapped out") \
	X(THP_SCAN_EXCEED_SHARED_PTE, "thp_scan_exceed_share_pte", "times", \
	  "a collapse was given up: more than max_ptes_shared pages are shared") \
	X(THP_ZERO_PAGE_ALLOC, "thp_zero_page_alloc", "pages of 2M", "huge zero pages allocated") \
	X(THP_ZERO_PAGE_ALLOC_FAILED, "thp_zero_page_alloc_failed", "times", "there was no memory for the huge zero page") \
	X(THP_SWPOUT, "thp_swpout", "pages of 2M", "swapped out whole") \
	X(THP_SWPOUT_FALLBACK, "thp_swpout_fallback", "pages of 2M", "split to be swapped out: no slots in a row") \
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
	X(SWAP_RA, "swap_ra", "pages", "read from swap ahead of their use") \
	X(SWAP_RA_HIT, "swap_ra_hit", "pages", "of these: used later") \
	X(ZSWPIN, "zswpin", "pages", "read back from zswap") \
	X(ZSWPOUT, "zswpout", "pages", "put into zswap instead of a swap area") \
	X(ZSWPWB, "zswpwb", "pages", "written from zswap to a swap area") \
	X(COMPACTMIGRATE_SCANNED, "compact_migrate_scanned", "pages", "looked at by compaction's scanner for pages to move") \
	X(COMPACTFREE_SCANNED, "compact_free_scanned", "pages", "looked at by compaction's scanner for free pages") \
	X(COMPACTISOLATED, "compact_isolated", "pages", "taken by either scanner") \
	X(COMPACTSTALL, "compact_stall", "times", "an allocation compacted memory itself, or was held off for failing lately") \
	X(COMPACTFAIL, "compact_fail", "times", "of these: it found no block afterwards") \
	X(COMPACTSUCCESS, "compact_success", "times", "of these: it got its block") \
	X(KCOMPACTD_WAKE, "compact_daemon_wake", "times", "kcompactd worked for an order it was woken for") \
	X(KCOMPACTD_MIGRATE_SCANNED, "compact_daemon_migrate_scanned", "pages", \
	  "of compact_migrate_scanned: by kcompactd") \
	X(KCOMPACTD_FREE_SCANNED, "compact_daemon_free_scanned", "pages", "of compact_free_scanned: by kcompactd") \
	X(HTLB_BUDDY_PGALLOC, "htlb_buddy_alloc_success", "pages", "huge pages allocated for a hugetlb pool") \
	X(HTLB_BUDDY_PGALLOC_FAIL, "htlb_buddy_alloc_fail", "pages", "huge pages that a hugetlb pool could not get") \
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
	X(FAULT_HUGETLB, "fault_hugetlb", "faults", "a hugetlb page was mapped") \
	X(FAULT_HUGETLB_WP, "fault_hugetlb_wp", "faults", "write to a read-only hugetlb page") \
	X(FAULT_SPECIAL, "fault_special", "faults", "fault in a special mapping: vdso, vvar, device") \
	X(FAULT_NUMA, "fault_numa", "faults", "NUMA hint: the entry was made present again") \
	X(FAULT_SWAP, "fault_swap", "faults", \
	  "page brought back from swap or the swap cache (a write that then has to copy: fault_wp_copy)") \
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

/* Events of folios of one size: hugepages-<size>kB/stats of the kernel (enum mthp_stat_item) */
#define MTHP_STATS(X) \
	X(MTHP_STAT_ANON_FAULT_ALLOC, "anon_fault_alloc", "folios", "allocated by a fault") \
	X(MTHP_STAT_ANON_FAULT_FALLBACK, "anon_fault_fallback", "faults", "that could not get one") \
	X(MTHP_STAT_ANON_FAULT_FALLBACK_CHARGE, "anon_fault_fallback_charge", "faults", \
	  "of these: the memory cgroup had no room") \
	X(MTHP_STAT_ZSWPOUT, "zswpout", "folios", "swapped out whole to zswap") \
	X(MTHP_STAT_SWPIN, "swpin", "folios", "swapped in whole") \
	X(MTHP_STAT_SWPIN_FALLBACK, "swpin_fallback", "times", "swapped in as smaller ones") \
	X(MTHP_STAT_SWPIN_FALLBACK_CHARGE, "swpin_fallback_charge", "times", "of these: the memory cgroup had no room") \
	X(MTHP_STAT_SWPOUT, "swpout", "folios", "swapped out whole") \
	X(MTHP_STAT_SWPOUT_FALLBACK, "swpout_fallback", "folios", "split to be swapped out") \
	X(MTHP_STAT_SHMEM_ALLOC, "shmem_alloc", "folios", "allocated for shmem") \
	X(MTHP_STAT_SHMEM_FALLBACK, "shmem_fallback", "times", "shmem could not get one") \
	X(MTHP_STAT_SHMEM_FALLBACK_CHARGE, "shmem_fallback_charge", "times", "of these: the memory cgroup had no room") \
	X(MTHP_STAT_SPLIT, "split", "folios", "split into smaller ones") \
	X(MTHP_STAT_SPLIT_FAILED, "split_failed", "times", "one could not be split") \
	X(MTHP_STAT_SPLIT_DEFERRED, "split_deferred", "folios", "put on the list of those to be split") \
	X(MTHP_STAT_NR_ANON, "nr_anon", "folios", "of anonymous memory at the moment") \
	X(MTHP_STAT_NR_ANON_PARTIALLY_MAPPED, "nr_anon_partially_mapped", "folios", \
	  "of these: partly unmapped and on the list of those to be split")

#define VMSTAT_ENUM(NAME, key, unit, meaning) NAME,
enum mthp_stat_item { MTHP_STATS(VMSTAT_ENUM) NR_MTHP_STATS };
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
extern const struct vmstat_info mthp_stat_info[NR_MTHP_STATS];

#endif
