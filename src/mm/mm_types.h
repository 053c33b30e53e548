/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/*
 * The nouns of memory management. Kernel counterpart: include/linux/mm_types.h, fs.h, rmap.h, sched.h (parts).
 *
 *	memory		all that the kernel keeps in globals: nodes, zones, mem_map, counters, settings
 *	mm_struct	one address space; threads share it
 *	vm_area_struct	one area of it
 *	address_space	one file's pages
 *	anon_vma	the areas that may map one family of anonymous pages
 *	task_struct	a thread
 *
 * Who runs is said by memory->current and memory->cpu, as `current` and smp_processor_id() do in the kernel.
 */
#ifndef MM_MM_TYPES_H
#define MM_MM_TYPES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/config.h"
#include "base/htable.h"
#include "base/list.h"
#include "base/radix.h"
#include "base/rbtree.h"
#include "base/vec.h"
#include "base/xalloc.h"
#include "machine/geometry.h"
#include "mm/mmzone.h"

struct tlb_system;		/* machine/: the TLBs of all CPUs */
struct pressure_ops;
struct lru_policy;
struct mem_cgroup;
struct swap_system;
struct writeback;
struct compaction;
struct hugetlb;
struct hugetlb_inode;
struct resv_map;
struct slab_system;
struct kmem_cache;
struct quicklists;
struct highmem;
struct memcg_system;
struct oom_state;

/* vm_flags */
#define VM_READ		(1ull << 0)
#define VM_WRITE	(1ull << 1)
#define VM_EXEC		(1ull << 2)
#define VM_SHARED	(1ull << 3)
#define VM_MAYREAD	(1ull << 4)
#define VM_MAYWRITE	(1ull << 5)
#define VM_MAYEXEC	(1ull << 6)
#define VM_MAYSHARE	(1ull << 7)
#define VM_GROWSDOWN	(1ull << 8)
#define VM_PFNMAP	(1ull << 10)
#define VM_LOCKED	(1ull << 13)
#define VM_IO		(1ull << 14)
#define VM_SEQ_READ	(1ull << 15)
#define VM_RAND_READ	(1ull << 16)
#define VM_DONTCOPY	(1ull << 17)
#define VM_DONTEXPAND	(1ull << 18)
#define VM_LOCKONFAULT	(1ull << 19)
#define VM_ACCOUNT	(1ull << 20)
#define VM_NORESERVE	(1ull << 21)
#define VM_HUGETLB	(1ull << 22)
#define VM_WIPEONFORK	(1ull << 25)
#define VM_DONTDUMP	(1ull << 26)
#define VM_MIXEDMAP	(1ull << 28)
#define VM_HUGEPAGE	(1ull << 29)
#define VM_NOHUGEPAGE	(1ull << 30)
#define VM_MERGEABLE	(1ull << 31)
#define VM_SPECIAL_MAP	(1ull << 32)	/* vdso, vvar: filled by the kernel, in no file */
#define VM_SOFTDIRTY	(1ull << 33)

/* Areas that never merge with a neighbour. */
#define VM_SPECIAL	(VM_IO | VM_DONTEXPAND | VM_PFNMAP | VM_MIXEDMAP)
#define VM_ACCESS_FLAGS	(VM_READ | VM_WRITE | VM_EXEC)
#define VM_LOCKED_MASK	(VM_LOCKED | VM_LOCKONFAULT)

/* The kernel structs that the model makes itself and whose memory it accounts for (mm/slab-model.c). */
enum model_cache {	/* in the order in which a kernel creates their caches */
	MODEL_MM, MODEL_RADIX_NODE, MODEL_PID, MODEL_ANON_VMA, MODEL_ANON_VMA_CHAIN, MODEL_CRED,
	MODEL_TASK, MODEL_SIGHAND, MODEL_SIGNAL, MODEL_FILES, MODEL_FS, MODEL_VMA, MODEL_DENTRY,
	MODEL_FILP, MODEL_SHMEM_INODE, MODEL_INODE, NR_MODEL_CACHES
};

enum mm_counter { MM_FILEPAGES, MM_ANONPAGES, MM_SWAPENTS, MM_SHMEMPAGES, NR_MM_COUNTERS };

/* An interval [start, last] of granules in an interval tree (mm/interval_tree.h). */
struct interval_node {
	struct rb_node rb;
	uint64_t start, last;
	uint64_t subtree_last;		/* largest `last` of the subtree */
};

/*
 * Which huge pages of a hugetlb mapping are reserved (file) or have used their reservation (private area): ranges [from, to)
 * of huge-page indices, ascending, no two touch. mm/hugetlb_pool.h
 */
struct file_region {
	uint64_t from, to;
};

struct resv_map {
	uint32_t refs;			/* areas that share it; of a file 1 */
	VEC(struct file_region) regions;
};

/* Areas that may map one family of anonymous pages. */
struct anon_vma {
	struct anon_vma *root, *parent;
	uint32_t handle;		/* page->mapping */
	uint32_t refcount;		/* as the kernel's: areas and children that keep it */
	uint32_t num_children, num_active_vmas;
	struct rb_root rb_root;		/* interval tree of anon_vma_chain */
	uint64_t object;		/* kernel address of the struct (mm/slab.h), 0 none */
};

/* The edge between an area and an anon_vma. */
struct anon_vma_chain {
	struct vm_area_struct *vma;
	struct anon_vma *anon_vma;
	struct list_head same_vma;	/* in vma->anon_vma_chain */
	struct interval_node node;	/* in anon_vma->rb_root: the granules of the area */
	uint64_t object;		/* kernel address of the struct (mm/slab.h), 0 none */
};

/* What address_space.exceptional holds of shmem: a swap slot (swp_entry_t.val). Shadows have bit 0 set. 0 none. */
static inline uint64_t shmem_swap_to_entry(uint32_t swp)
{
	return ((uint64_t)swp + 1) << 1;
}
static inline bool entry_is_shmem_swap(uint64_t entry)
{
	return entry && !(entry & 1);
}
static inline uint32_t entry_to_shmem_swap(uint64_t entry)
{
	return (uint32_t)((entry >> 1) - 1);
}

#define MMAP_LOTSAMISS 100	/* misses above hits after which faults read nothing around them */

/* What is read ahead for who reads a file: the last window, in base pages (mm/readahead.h). */
struct file_ra_state {
	uint64_t start, size, async_size;
	uint64_t ra_pages;		/* largest window */
	int64_t prev_pos;		/* end of the last read, bytes; -1 none */
	unsigned order;			/* of the folios of the window */
	unsigned mmap_miss;		/* faults that missed, less pages that were there */
};

/* An open file: one for each open() (mm/file_table.h). */
struct file {
	struct address_space *f_mapping;
	struct file_ra_state f_ra;
	uint64_t id;			/* of the trace, 0: for all who read the file without one */
	bool f_random;			/* FMODE_RANDOM: posix_fadvise() */
};

/* One file (inode) and its pages: the forward map of the page cache. */
struct address_space {
	uint32_t handle;		/* page->mapping */
	uint32_t file;			/* file id of the trace, 0 for shared anonymous memory */
	uint64_t size_bytes;
	bool is_shmem;			/* tmpfs, shared anonymous memory: swap-backed */
	bool is_special;		/* device memory, vdso: no pages of a cache */
	bool is_device;			/* of these: frames of a device (mm/remap_pfn.h) */
	bool is_hugetlbfs;		/* a trace says so; `hugetlb` is set up when it is mapped */
	bool is_unlinked;		/* a hugetlbfs file without a name: ends with its last mapping */
	struct hugetlb_inode *hugetlb;	/* of hugetlbfs: its pages are there, `pages` stays empty (mm/hugetlb_pool.h) */
	struct radix pages;		/* base-page index -> pfn + 1 */
	struct radix exceptional;	/* base-page index -> shadow of an evicted folio, or swap slot (shmem) */
	struct radix dirty;		/* base-page index -> 1: pages of dirty folios (PAGECACHE_TAG_DIRTY) */
	struct list_head dirty_inodes;	/* in writeback->b_dirty while it has dirty pages */
	uint64_t dirtied_when_ns;	/* clock, when it went there */
	uint64_t nr_writeback;		/* pages under writeback */
	uint64_t writeback_index;	/* where background writeback goes on */
	bool size_known;		/* size_bytes counts although it is 0 */
	struct file f;			/* of areas that map it, and of reads that name no open file */
	struct rb_root i_mmap;		/* interval tree of areas that map it */
	struct rb_root policies;	/* shmem: ranges with a memory policy (mm/mempolicy.h) */
	uint64_t ino;			/* shmem: inode number, shifts the interleaving; 0 not known */
	uint32_t refcount;
	/* kernel objects behind it: mm/filemap-objects.c */
	bool has_inode, inode_is_shmem;	/* it is a file, of tmpfs or not; a pruned inode comes back */
	bool is_mapped;			/* one of filps is for the areas that map it */
	uint64_t inode, dentry;		/* 0 none */
	struct list_head inodes;	/* in memory->inodes while it has one */
	struct list_head all;		/* in memory->address_spaces, in order of creation */
	VEC(uint64_t) nodes;		/* of its tree of pages */
	uint64_t nodes_hidden;		/* nodes of `pages` that an xarray has not */
	VEC(uint64_t) filps;		/* struct file: one a mapped file, one an open */
};

/*
 * One area: [vm_start, vm_end), page aligned, in mm->mm_rb by address.
 * Invariant: no two areas of an mm overlap; neighbours that could be one are one, except where the kernel
 * leaves them apart too.
 */
struct vm_area_struct {
	uint64_t vm_start, vm_end;
	uint64_t vm_flags;
	struct mm_struct *vm_mm;
	struct rb_node vm_rb;
	uint64_t vm_gap;		/* hole before it, guard gaps taken off, bytes; kept by mm/vma.c */
	uint64_t rb_subtree_gap;	/* largest vm_gap of this subtree */
	uint64_t vm_pgoff;		/* granules in the file; anonymous: vm_start >> 12 when made */
	struct address_space *vm_mapping;	/* NULL for private anonymous memory */
	struct anon_vma *anon_vma;
	struct mempolicy *vm_policy;	/* its own, NULL: that of the task */
	struct list_head anon_vma_chain;
	struct interval_node shared;	/* in vm_mapping->i_mmap: the granules of the file */
	uint64_t swap_readahead_info;	/* mm/swap_state.c */
	struct vma_numab_state *numab_state;	/* NULL until NUMA balancing has looked at it */
	struct resv_map *vm_resv;	/* private hugetlb: what it reserved, NULL none (mm/hugetlb_pool.h) */
	bool vm_resv_unmapped;		/* private hugetlb: the owner took a page away from this copy (HPAGE_RESV_UNMAPPED) */
	const char *vm_name;		/* "[vdso]", "[vvar]" ...; interned, NULL mostly */
	uint64_t object;		/* kernel address of the struct (mm/slab.h), 0 none */
};

#define NR_CPUS_MAX 1024
#define KERNEL_ENTRIES_MAX 8
#define CPUMASK_WORDS (NR_CPUS_MAX / 64)

struct mm_struct {
	struct memory *mem;
	uint32_t id;			/* number of the address space, from 1, never reused */
	uint32_t mm_users;		/* tasks */
	struct rb_root mm_rb;
	struct vm_area_struct *vmacache;	/* last area found, NULL none */
	struct pgtable *pgd;
	uint64_t map_count;
	uint64_t total_vm, locked_vm, data_vm, exec_vm, stack_vm;	/* pages */
	uint64_t hugetlb_usage;		/* pages of hugetlb folios that it maps: in no rss */
	struct pgtable *pmd_deposits;	/* tables in store for huge entries, a list through ent[0] */
	uint64_t pgtables_bytes;	/* as mm_pgtables_bytes(): all levels but the root */
	int64_t rss_stat[NR_MM_COUNTERS];	/* pages */
	uint64_t hiwater_rss, hiwater_vm;	/* pages */
	uint64_t start_code, end_code, start_data, end_data;
	uint64_t start_brk, brk, start_stack, mmap_base;
	uint64_t arg_start, env_end;
	uint64_t stack_limit_bytes;	/* RLIMIT_STACK; 0 no limit */
	uint64_t as_limit_bytes;	/* RLIMIT_AS; 0 no limit */
	uint64_t data_limit_bytes;	/* RLIMIT_DATA; 0 no limit */
	uint64_t def_flags;		/* VM_LOCKED after mlockall(MCL_FUTURE) */
	uint64_t nr_minflt, nr_majflt;	/* of all its tasks */
	uint64_t tlb_gen;		/* +1 for each flush, as context.tlb_gen */
	uint64_t cpumask[CPUMASK_WORDS];	/* CPUs whose TLB may hold entries of it */
	uint64_t next_trim_cpumask_ns;	/* when a flush may next go to all of them */
	uint64_t object;		/* kernel address of the struct (mm/slab.h), 0 none */
	uint64_t numa_next_scan_ms, numa_scan_offset;	/* mm/numa_balancing.c; 0 not yet */
	uint32_t numa_scan_seq;		/* passes over all areas */
	struct mem_cgroup *memcg;	/* whom its pages are charged to, NULL without groups */
	uint8_t thp_disabled;		/* prctl(PR_SET_THP_DISABLE): enum thp_disabled of mm/mm_config.h */
	bool uses_huge_zero;		/* holds a reference to the huge zero page */
	struct list_head khugepaged_slot;	/* in memory->khugepaged.slots, on no list: next is NULL (mm/mm_slot.h) */
	bool oom_victim;		/* killed for want of memory; its pages are gone (mm/oom_kill.h) */
	int16_t oom_score_adj;		/* -1000 to 1000: /proc/PID/oom_score_adj */
	struct task_struct *owner;	/* the process that the killer would name, NULL none */
	struct numa_group *numa_group;	/* of its threads that share pages, NULL none */
	uint64_t lru_gen_ran;		/* bit by node: it ran since aging walked it last (mm/lru_gen.h) */
	struct list_head mmlist;	/* in memory->mms, in order of creation */
};

struct task_struct {
	uint32_t id;			/* task id of the trace */
	uint64_t tid, pid, ppid;
	char comm[16];
	struct mm_struct *mm;		/* NULL after exit */
	uint64_t min_flt, maj_flt;
	uint64_t gup_flt;		/* of these: taken by the kernel itself, unseen by perf */
	uint64_t segv;
	struct mempolicy *mempolicy;	/* its own, NULL: default */
	uint64_t mems_allowed;		/* nodes of its cpuset */
	struct task_numa *numa;		/* NULL until its first tick with NUMA balancing */
	uint16_t il_prev;		/* last node that interleaving took */
	uint8_t il_weight;		/* allocations that it has still to take there */
	uint32_t nr_dirtied;		/* pages since it was last asked to wait (balance_dirty_pages) */
	uint32_t nr_dirtied_pause;	/* how many before it is asked again, 0 the default */
	unsigned cpu;
	bool exited;
	bool stack_is_vmap;
	uint32_t memcg_nr_pages_over_high;	/* charged above memory.high and not yet held up for */
	uint64_t stack;			/* lowest address of its kernel stack, 0 none: mm/kstack.h */
	uint64_t object, pid_object;	/* kernel addresses of task_struct and struct pid, 0 none */
};

/* Sizes that some machine has pools of: 2M, 4M, 32M, 512M, 1G (hugetlb_size_bytes() in mm/hugetlb.h). */
#define HUGETLB_SIZES 5

/* Settings of the memory manager: rows in mm/mm_config.c. Every member is a uint64_t (base/config.h). */
struct mm_config {
	uint64_t fault_around_bytes;		/* vm.fault_around_bytes */
	uint64_t fault_around_folio;		/* kernel.fault_around_folio: 6.18 maps whole folios */
	uint64_t overcommit_memory;		/* vm.overcommit_memory: 0 heuristic, 1 always, 2 never */
	uint64_t overcommit_ratio;
	uint64_t panic_on_oom, oom_kill_allocating_task;	/* vm.* (mm/oom_kill.h) */
	uint64_t max_map_count;
	uint64_t min_free_kbytes;		/* 0: computed as the kernel does */
	uint64_t watermark_scale_factor;
	uint64_t percpu_pagelist_high_fraction;
	uint64_t pcp;				/* kernel.pcp: use per-cpu lists */
	uint64_t boot_reserved_bytes;		/* memory.boot_reserved; 0: by the size of the machine */
	uint64_t cma_bytes;			/* memory.cma: the default area */
	uint64_t cma_pernuma_bytes;		/* memory.cma_pernuma: one on each node */
	uint64_t mem_map;			/* memory.mem_map: charge 64 bytes a frame at boot */
	uint64_t kernelcore_bytes, movablecore_bytes;	/* memory.kernelcore, movablecore */
	uint64_t movable_nodes;			/* memory.movable_nodes: bit per node */
	uint64_t lowmem_reserve_ratio[MAX_NR_ZONES];	/* vm.lowmem_reserve_ratio */
	uint64_t watermark_boost_factor;	/* vm.watermark_boost_factor: 1/10000 of the high mark */
	uint64_t device_mmap;			/* kernel.device_mmap: enum device_mmap */
	uint64_t highmem_map;			/* kernel.highmem_map: enum highmem_map */
	uint64_t highpte;			/* kernel.highpte: lowest page tables in high memory */
	uint64_t zone_reclaim_mode;		/* vm.zone_reclaim_mode: RECLAIM_* of mm/page_alloc.h */
	uint64_t min_unmapped_ratio, min_slab_ratio;	/* percent of a node that node reclaim leaves */
	uint64_t stack_guard_gap_pages;
	uint64_t overcommit_kbytes, admin_reserve_kbytes, user_reserve_kbytes;	/* vm.* */
	uint64_t swap_areas[CONFIG_MAX_AREAS];	/* swap.areas */
	uint64_t page_cluster;			/* vm.page-cluster: log2 of the pages read ahead from swap */
	uint64_t swap_disk_seek_ns, swap_disk_page_ns, swap_ssd_latency_ns, swap_ssd_page_ns;
	uint64_t swap_compress_ns, swap_decompress_ns, swap_compressed_percent;
	uint64_t zswap, zswap_max_pool_percent, zswap_accept_threshold_percent;	/* swap.zswap* */
	uint64_t thp_enabled;			/* thp.enabled: never, madvise, always */
	uint64_t thp_use_zero_page;
	uint64_t thp_defrag;			/* thp.defrag: enum thp_defrag */
	uint64_t thp_count_touched;		/* thp.count_touched */
	uint64_t thp_shrink_underused;		/* thp.shrink_underused */
	uint64_t thp_shmem_enabled;		/* thp.shmem_enabled: enum shmem_huge */
	uint64_t thp_hugepages[16];		/* thp.hugepages-*kB.enabled, by log2 of the bytes - 14: enum thp_size */
	uint64_t khugepaged_defrag, khugepaged_pages_to_scan, khugepaged_max_ptes_none;	/* thp.khugepaged.* */
	uint64_t khugepaged_max_ptes_swap, khugepaged_max_ptes_shared;
	uint64_t khugepaged_scan_sleep_ms, khugepaged_alloc_sleep_ms;
	uint64_t pt_reclaim;			/* kernel.pt_reclaim: MADV_DONTNEED frees empty tables (6.14) */
	uint64_t read_ahead_kb;			/* vm.read_ahead_kb: of the backing device */
	uint64_t dirty_ratio, dirty_background_ratio;	/* percent of what may be dirty at all */
	uint64_t dirty_bytes, dirty_background_bytes;	/* instead of them, 0 none */
	uint64_t dirty_expire_centisecs, dirty_writeback_centisecs;
	uint64_t io_large_folios, io_max_folio_order;	/* what the file systems can do */
	uint64_t io_max_sectors_kb;		/* io.max_sectors_kb: largest transfer of the device */
	uint64_t io_read_bandwidth, io_write_bandwidth;	/* bytes a second, 0 no limit */
	uint64_t io_read_latency_ns, io_write_latency_ns;
	uint64_t numa_balancing;		/* numa.balancing: off, on, tiering */
	uint64_t numa_scan_delay_ms, numa_scan_period_min_ms, numa_scan_period_max_ms;
	uint64_t numa_scan_size_mb;
	uint64_t numa_hot_threshold_ms, numa_promote_rate_limit_mbps;
	uint64_t numa_demotion;			/* numa.demotion: /sys/kernel/mm/numa/demotion_enabled */
	uint64_t vmap_stack;			/* kernel.vmap_stack: kernel stacks from vmalloc */
	uint64_t huge_vmalloc;			/* kernel.huge_vmalloc */
	uint64_t ktouch;			/* kernel.touches */
	uint64_t hz;				/* kernel.hz: ticks a second */
	uint64_t dma_mask_bits, dma_node, dma_swiotlb_bytes, dma_swiotlb_dynamic;	/* dma.* */
	uint64_t slab_policy;			/* slab.policy: enum slab_policy_id */
	uint64_t slab_merge;			/* slab.merge: caches of one size share */
	uint64_t slab_model_objects;		/* slab.model_objects: the model's structs take memory */
	uint64_t lru_per_zone;			/* kernel.lru_per_zone: lists per zone, as up to 4.7 */
	uint64_t swappiness;			/* vm.swappiness: 0-200 */
	uint64_t reclaim_policy;		/* reclaim.policy: enum reclaim_policy */
	uint64_t lru_gen_caps;			/* reclaim.lru_gen: LRU_GEN_* of mm/lru_gen.h */
	uint64_t lru_gen_min_ttl_ms;		/* reclaim.lru_gen_min_ttl_ms */
	uint64_t kswapd_rate;			/* reclaim.kswapd_rate: pages scanned a second */
	uint64_t reclaim_fault_ns;		/* reclaim.fault_time */
	uint64_t hugetlb_nr[HUGETLB_SIZES], hugetlb_overcommit[HUGETLB_SIZES];	/* hugetlb.hugepages-*kB.nr_*: mm/hugetlb.h */
	uint64_t hugetlb_nodes[HUGETLB_SIZES];	/* hugetlb.hugepages-*kB.nodes: bit per node, 0 all */
	uint64_t hugetlb_default_bytes;		/* hugetlb.default_size, 0 the smallest */
	uint64_t extfrag_threshold;		/* vm.extfrag_threshold: thousandths */
	uint64_t compaction_proactiveness;	/* vm.compaction_proactiveness: 0-100 */
	uint64_t compact_unevictable_allowed;	/* vm.compact_unevictable_allowed */
	uint64_t compaction_scan_ns, compaction_move_ns;	/* compaction.scan_time, move_time: of a page */
	uint64_t defrag_mode;			/* vm.defrag_mode: compact before types mix in a pageblock */
	uint64_t quicklists;			/* kernel.quicklists: page tables from per-CPU stores */
};

enum reclaim_policy { RECLAIM_CLASSIC, RECLAIM_MGLRU };
enum { NUMA_BALANCING_DISABLED, NUMA_BALANCING_NORMAL, NUMA_BALANCING_MEMORY_TIERING };

/* Time that tasks waited for memory, of the machine or of a group: mm/psi.h. */
struct psi_group {
	uint64_t some_ns, full_ns;		/* totals */
	uint64_t seen_some_ns, seen_full_ns;	/* of these, in the averages */
	uint64_t last_ns, next_ns;		/* when the averages were and are to be brought up to date; next 0: never yet */
	uint32_t avg_some[3], avg_full[3];	/* percent, 11 bits behind the point; over 10, 60, 300 s */
};

/* The daemon that makes huge pages of base pages: mm/mm_slot.h, mm/khugepaged.h. */
struct khugepaged {
	struct list_head slots;		/* address spaces to be scanned, in order of arrival */
	struct mm_struct *at;		/* being scanned, NULL: the next pass starts with the first */
	uint64_t address;		/* there, the next to be looked at */
	bool alloc_failed;		/* no huge page was to be had: the sleep is the long one */
	uint64_t progress;		/* done before that sleep, in entries */
	uint64_t full_scans, pages_collapsed;	/* as in sysfs */
	uint64_t scanned;		/* entries looked at, ever */
};

/*
 * The root. `vm_event` holds the global sums; zones and nodes hold their own.
 */
struct memory {
	const struct geometry *geo;
	struct mm_config conf;
	struct pglist_data **nodes;		/* NULL where a number has no node */
	unsigned nr_nodes;
	unsigned nr_cpus;
	uint16_t *cpu_node;			/* node of each CPU */
	uint32_t *distance;			/* nr_nodes * nr_nodes */
	bool cpusets;				/* some task's mems_allowed leaves nodes out */
	uint8_t il_weights[MAX_NUMNODES];	/* weighted interleave, 0 as 1 */
	enum zone_type policy_zone;		/* highest zone: requests for lower ones heed no BIND */
	struct page *mem_map;			/* by pfn; only sections with ->pages may be read */
	uint8_t *blocktype;			/* enum migratetype by pageblock */
	pfn_t max_pfn;				/* first frame behind the last section */
	struct mem_section *sections;
	size_t nr_sections;
	struct pgtable_pool *pgtable_pool;	/* host memory of the page tables */
	uint64_t vm_event[NR_VM_EVENT_ITEMS];
	uint64_t alloc_order[MIGRATE_PCPTYPES][MAX_ORDER_LIMIT];	/* successful allocations by type and order */
	uint64_t alloc_order_failed[MIGRATE_PCPTYPES][MAX_ORDER_LIMIT];	/* beyond all orders: in the last */
	struct compact_order_stats {		/* by order of the request: mm/compaction.h */
		uint64_t attempts;		/* compact_stall: not every zone was passed over for want of free memory */
		uint64_t success, fail;		/* of these: a block was there afterwards, or none */
		uint64_t skipped;		/* asked for, but no zone had enough free memory to move pages to */
		uint64_t daemon, daemon_success, daemon_fail;	/* zones that kcompactd worked on for the order */
	} compact_order[MAX_ORDER_LIMIT];
	struct cma *cma_areas;			/* mm/cma.h */
	unsigned nr_cma_areas;
	struct ageing *ageing;			/* what the start state holds, NULL nothing: mm/ageing.h */
	uint64_t totalram_pages, totalreserve_pages;
	uint64_t vm_committed_as;		/* pages */
	pfn_t zero_pfn;
	pfn_t huge_zero_pfn;
	uint32_t huge_zero_refcount;		/* address spaces that use it, and one for the shrinker */
	struct {
		bool known;			/* the masks stand: mm/huge_memory.c computes them once */
		bool small;			/* some size below a huge entry is enabled */
		uint32_t anon, always, madvise, inherit;	/* orders by their switch: bit n is order n */
	} thp_orders;
	uint64_t mthp_stat[MAX_ORDER_LIMIT][NR_MTHP_STATS];	/* by order: mm/deferred_split.h */
	struct {				/* mm/folio_touched.h; by order */
		uint64_t pages[MAX_ORDER_LIMIT];	/* of anonymous folios, ever */
		uint64_t untouched[MAX_ORDER_LIMIT];	/* of these, when their folio went or was split */
		uint64_t nr_untouched, peak_untouched;	/* of all that live */
		uint64_t nr_unwritten;			/* of all that live: never written, nothing but zeroes */
		VEC(pfn_t) fresh;			/* heads whose first accesses have not been noted yet */
		uint64_t first_touches;			/* pages of them that an access touched first */
		uint64_t nr_pages, peak_pages;		/* of all that live; known without page_touched too */
	} thp_waste;
	struct khugepaged khugepaged;
	VEC(void *) mappings;			/* handle -> anon_vma or address_space */
	VEC(uint32_t) free_handles;
	struct list_head mms;
	struct htable files;			/* file id -> address_space */
	struct htable open_files;		/* id of the trace -> struct file (mm/file_table.h) */
	struct address_space *vdso;		/* the kernel's code page for programs, NULL until touched */
	struct objpool vma_pool, avc_pool, anon_vma_pool, mm_pool, mapping_pool, task_pool;
	struct objpool mpol_pool, sp_node_pool;
	struct slab_system *slab;		/* all caches of kernel objects (mm/slab.h) */
	struct kmem_cache *kmem_caches[NR_MODEL_CACHES];	/* NULL with slab.model_objects=off */
	struct quicklists *quicklists;		/* NULL with kernel.quicklists=off */
	struct highmem *highmem;		/* NULL where the direct map reaches all memory */
	struct list_head shrinkers;		/* struct shrinker (mm/shrinker.h) */
	struct list_head inodes;		/* address_spaces with an inode, the oldest first */
	struct list_head address_spaces;	/* all of them, in order of creation */
	struct tlb_system *tlb;			/* NULL in tests of the layers below mmu */
	const struct pressure_ops *pressure;	/* NULL: allocations simply fail */
	void *pressure_ctx;
	/* By pfn beside mem_map, each NULL unless something needs it. Reserved memory: only touched parts cost. */
	uint32_t *last_cpupid;			/* NUMA balancing: mm/numa_balancing.h */
	uint16_t *page_memcg;			/* id of the memory cgroup of a folio, by its head: mm/memcg.h */
	uint32_t *page_swap;			/* slot of a page in the swap cache (swp_entry_t): mm/swapfile.h */
	uint8_t *page_touched;			/* pages of large folios: mm/folio_touched.h */
	uint8_t *page_gen;			/* multi-generational LRU: generation and tier (mm/lru_gen.h) */
	unsigned lru_gen_caps;			/* LRU_GEN_* */
	uint64_t lru_gen_min_ttl_ns;		/* nothing younger goes; 0: no such promise */
	uint64_t lru_gen_random;		/* bins of groups are chosen with it */
	bool in_lru_fault;			/* of an area whose accesses tell what will be used again */
	bool mm_walk;				/* who reclaims now collects what it finds young: aging, kswapd */
	uint64_t numa_tick_ns;			/* when its tick came last */
	struct objpool vma_numab_pool, task_numa_pool, numa_group_pool;	/* only with it */
	uint64_t kswapd_nodes;			/* whose kswapd is awake: mm/vmscan.h */
	uint64_t kcompactd_nodes;		/* whose kcompactd was woken and has not run: mm/compaction.h */
	struct mem_cgroup *root_memcg;		/* NULL without groups: mm/memcg.h */
	struct memcg_system *memcg;		/* stocks of CPUs, groups by id; NULL without groups */
	bool memcg_over_high;			/* a task is to be held up for memory.high, or has been (mm/memcontrol.h) */
	uint64_t memcg_high_wait_ns;		/* and for how long, not yet told to mm/psi.h */
	struct oom_state *oom;			/* kills, NULL none so far: mm/oom_kill.h */
	struct compaction *compaction;		/* hints and results, NULL until something is compacted: mm/compaction.h */
	struct hugetlb *hugetlb;		/* pools, NULL without: mm/hugetlb_pool.h */
	VEC(struct mm_struct *) unmap_batch;	/* whose TLBs try_to_unmap() has not told yet */
	struct swap_system *swap;		/* areas and slots, NULL without swap: mm/swapfile.h */
	int64_t nr_swap_pages;			/* free slots of all areas: get_nr_swap_pages() */
	uint64_t total_swap_pages;		/* slots of all areas */
	uint64_t hugetlb_total_pages;		/* set aside for hugetlb pools: no memory to commit */
	struct writeback *writeback;		/* dirty pages: mm/writeback.h */
	struct reading {			/* pages that read-ahead makes just now: locked until their read begins */
		uint32_t mapping;		/* page->mapping of the file, 0 none */
		uint64_t first, end;		/* pages of it */
	} reading;
	bool lru_enabled;			/* folios are on the lists of their nodes: mm/lru.h */
	const struct lru_policy *lru_policy;	/* NULL: active and inactive lists (mm/lru_policy.h) */
	uint32_t stats_epoch;			/* how often counters of groups have been flushed (each 2 s) */
	bool is_kswapd, is_khugepaged;		/* who it is that reclaims now; neither: a task */
	bool reclaim_always;			/* tests: who may reclaim does so before each allocation */
	struct reclaim_times {			/* by documented costs, nanoseconds (mm/vmscan.h) */
		uint64_t direct_ns, throttle_ns, memcg_ns;	/* tasks waited: own reclaim, for kswapd, for a limit */
		uint64_t kswapd_ns;		/* kswapd worked */
		uint64_t last_ns, last_faults;	/* clock and pgfault when kswapd last had a turn */
	} reclaim_times;
	struct psi_group psi;			/* of the machine */
	uint64_t psi_waited_ns;			/* all that anybody waited so far: the clock of the averages is ahead by it */
	bool memalloc;				/* PF_MEMALLOC: reclaim runs, allocations must not reclaim */
	struct task_struct *current;
	unsigned cpu;
	uint64_t now_ns;			/* the model's clock */
	uint32_t next_mm_id;
	struct mm_struct *init_mm;		/* the kernel's half of the page tables: mm/init_mm.h */
	unsigned kernel_pgd_first;		/* root entries from here on are the kernel's; 0: a root of its own */
	struct pfn_range boot_free;		/* of boot's memory: not given to anything yet */
	uint64_t boot_pgtables_bytes;		/* of init_mm->pgtables_bytes: in boot's memory */
	uint64_t direct_map_pages[GEOMETRY_MAX_LEVELS];	/* leaves of the direct map, by level */
	struct vmap_system *vmap;		/* mm/vmalloc.h */
	struct kstack_system *kstacks;		/* mm/kstack.h */
	struct dma_system *dma;			/* mm/dma.h */
	const struct ktouch_ops *ktouch;	/* NULL: the kernel's own touches stay out of the TLB (mm/kentry.h) */
	uint64_t kernel_entries[KERNEL_ENTRIES_MAX];	/* by enum kernel_entry */
#ifdef MM_SEEDED_BUGS	/* last, so that code built without sees the same struct: mm/seeded_bug.h */
	unsigned seeded_bug, seeded_hits;
#endif
};

/* Gives an anon_vma or address_space the number by which pages name it. Handle 0 is never given. */
static inline uint32_t mapping_handle_alloc(struct memory *mem, void *mapping)
{
	uint32_t handle;

	if (mem->free_handles.nr) {
		handle = mem->free_handles.data[--mem->free_handles.nr];
	} else {
		if (!mem->mappings.nr)
			*vec_push(&mem->mappings) = NULL;
		handle = (uint32_t)mem->mappings.nr;
		(void)vec_push(&mem->mappings);
	}
	mem->mappings.data[handle] = mapping;
	return handle;
}

static inline void mapping_handle_free(struct memory *mem, uint32_t handle)
{
	mem->mappings.data[handle] = NULL;
	*vec_push(&mem->free_handles) = handle;
}

static inline void count_vm_events(struct memory *mem, enum vm_event_item item, uint64_t n)
{
	mem->vm_event[item] += n;
}

static inline void count_vm_event(struct memory *mem, enum vm_event_item item)
{
	mem->vm_event[item]++;
}

static inline struct page *pfn_to_page(const struct memory *mem, pfn_t pfn)
{
	return &mem->mem_map[pfn];
}

static inline struct pglist_data *pfn_to_node(const struct memory *mem, pfn_t pfn)
{
	return mem->nodes[mem->sections[pfn >> SECTION_SHIFT].node];
}

/* Frame of the first page of the folio that holds pfn. */
static inline pfn_t folio_pfn(const struct memory *mem, pfn_t pfn)
{
	const struct page *page = pfn_to_page(mem, pfn);

	return page->flags & PG_TAIL ? page->next : pfn;
}

static inline unsigned page_order(const struct page *page)
{
	return (page->flags & PAGE_ORDER_MASK) >> PAGE_ORDER_SHIFT;
}

/* What an allocation that found too little asks for: which zones would do. */
struct alloc_request {
	unsigned order;
	gfp_t gfp;
	int nid;			/* preferred node */
	uint64_t nodemask;
	enum zone_type highest;		/* zone */
	unsigned alloc_flags;		/* ALLOC_* of mm/buddy.h */
};

/* As enum compact_priority and the results of a compaction: mm/compaction.h. */
enum compact_priority { COMPACT_PRIO_SYNC_FULL, COMPACT_PRIO_SYNC_LIGHT, COMPACT_PRIO_ASYNC };
enum compact_result {
	COMPACT_NOT_SUITABLE_ZONE, COMPACT_SKIPPED, COMPACT_DEFERRED, COMPACT_NO_SUITABLE_PAGE, COMPACT_CONTINUE,
	COMPACT_COMPLETE, COMPACT_PARTIAL_SKIPPED, COMPACT_CONTENDED, COMPACT_SUCCESS
};

/*
 * What allocation, charging and faults may ask of the layers above them: the model's only upward calls, filled in by sim/.
 * Each may be NULL (tests): then it does nothing. None recurses: mem->memalloc is set while one runs.
 */
struct pressure_ops {
	/* pages freed, 0 for no progress */
	uint64_t (*try_to_free_pages)(struct memory *mem, const struct alloc_request *req);
	uint64_t (*reclaim_memcg)(struct memory *mem, struct mem_cgroup *memcg, uint64_t nr_pages, gfp_t gfp,
				  bool may_swap);
	/* *ret_captured: a block of the order that was caught as it came free, flags and counts as buddy_rmqueue() leaves them */
	enum compact_result (*try_to_compact_pages)(struct memory *mem, const struct alloc_request *req,
						    enum compact_priority prio, pfn_t *ret_captured);
	/* Might compaction do, if some of what is reclaimable were free? */
	bool (*compaction_zonelist_suitable)(struct memory *mem, const struct alloc_request *req);
	/* The zone is below its low mark; highest: the zone type that the request asked for. */
	/* Pages of the zone that reclaim could still free. NULL: none. */
	uint64_t (*zone_reclaimable_pages)(const struct zone *zone);
	void (*wake_kswapd)(struct memory *mem, struct zone *zone, unsigned order, enum zone_type highest);
	void (*wake_kcompactd)(struct memory *mem, struct zone *zone, unsigned order, enum zone_type highest);
	/* Kills for want of memory; true: something was killed or already is, try again. */
	bool (*out_of_memory)(struct memory *mem, const struct alloc_request *req);
	bool (*memcg_oom)(struct memory *mem, struct mem_cgroup *memcg, gfp_t gfp, unsigned order);
	/* vm.zone_reclaim_mode: pages freed of what lies idle on one node, without unmapping anything */
	uint64_t (*node_reclaim)(struct memory *mem, struct pglist_data *pgdat, unsigned order,
				 gfp_t gfp);
};

#endif
