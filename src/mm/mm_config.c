/* SPDX-License-Identifier: MIT */
/* Copyright the mmreplay authors */
/* The settings of the memory manager. Defaults are those of Linux 6.18 on x86-64. */
#include "mm/mm_config.h"

#include <stddef.h>

#include "base/bug.h"
#include "mm/mm_types.h"

#define AT(member) offsetof(struct mm_config, member)

static const char *const overcommit_names[] = { "guess", "always", "never", NULL };
static const char *const slab_names[] = { "slub", "slab", "null", NULL };
static const char *const numa_balancing_names[] = { "off", "on", "tiering", NULL };
static const char *const thp_names[] = { "never", "madvise", "always", NULL };

static const char *const device_mmap_names[] = { "eager", "fault", NULL };
static const char *const highmem_map_names[] = { "local", "pkmap", NULL };
static const char *const zone_names[] = { "DMA", "DMA32", "Normal", "HighMem", "Movable", NULL };

static const struct config_row rows[] = {
	{"vm.fault_around_bytes", CONFIG_SIZE, AT(fault_around_bytes), "64K", 4096, 1 << 21, NULL,
	 "file pages mapped around a read fault: debugfs fault_around_bytes"},
	{"vm.overcommit_memory", CONFIG_CHOICE, AT(overcommit_memory), "guess", 0, 0,
	 overcommit_names,
	 "when a mapping is refused for want of memory: /proc/sys/vm/overcommit_memory 0, 1, 2"},
	{"vm.overcommit_ratio", CONFIG_UINT, AT(overcommit_ratio), "50", 0, 1000000, NULL,
	 "percent of memory that may be committed with overcommit_memory=never"},
	{"vm.max_map_count", CONFIG_UINT, AT(max_map_count), "65530", 1, INT32_MAX, NULL,
	 "areas a process may have: /proc/sys/vm/max_map_count"},
	{"vm.min_free_kbytes", CONFIG_UINT, AT(min_free_kbytes), "0", 0, UINT32_MAX, NULL,
	 "reserve that sets the watermarks; 0: computed as the kernel does"},
	{"vm.watermark_scale_factor", CONFIG_UINT, AT(watermark_scale_factor), "10", 1, 3000, NULL,
	 "distance between watermarks in 1/10000 of a zone"},
	{"vm.watermark_boost_factor", CONFIG_UINT, AT(watermark_boost_factor), "15000", 0, INT32_MAX,
	 NULL, "how far mixed pageblocks raise the watermarks, in 1/10000 of the high mark; 0: not at all"},
	{"vm.lowmem_reserve_ratio", CONFIG_LIST, AT(lowmem_reserve_ratio), "256,256,32,0,0", 0,
	 INT32_MAX, zone_names,
	 "what DMA, DMA32, Normal, HighMem, Movable keep from requests for higher zones: 1/n of those; 0: nothing"},
	{"vm.zone_reclaim_mode", CONFIG_UINT, AT(zone_reclaim_mode), "0", 0, 7, NULL,
	 "reclaim on a near node before memory of another is taken: 1 on, 2 may write, 4 may unmap"},
	{"vm.min_unmapped_ratio", CONFIG_UINT, AT(min_unmapped_ratio), "1", 0, 100, NULL,
	 "percent of a node's pages that must be unmapped file pages before node reclaim runs"},
	{"vm.min_slab_ratio", CONFIG_UINT, AT(min_slab_ratio), "5", 0, 100, NULL,
	 "percent of a node's pages that must be reclaimable slab pages before node reclaim runs"},
	{"vm.percpu_pagelist_high_fraction", CONFIG_UINT, AT(percpu_pagelist_high_fraction), "0", 0,
	 INT32_MAX, NULL, "per-cpu lists may hold this fraction of a zone; 0: sized by the kernel"},
	{"vm.stack_guard_gap_pages", CONFIG_UINT, AT(stack_guard_gap_pages), "256", 0, 1 << 20,
	 NULL, "pages kept free below a stack: kernel command line stack_guard_gap"},
	{"vm.read_ahead_kb", CONFIG_UINT, AT(read_ahead_kb), "128", 0, 1 << 20, NULL,
	 "read-ahead of the backing device: /sys/class/bdi/*/read_ahead_kb"},
	{"vm.extfrag_threshold", CONFIG_UINT, AT(extfrag_threshold), "500", 0, 1000, NULL,
	 "fragmentation index, in thousandths, up to which a failure counts as want of memory: no compaction"},
	{"vm.compaction_proactiveness", CONFIG_UINT, AT(compaction_proactiveness), "20", 0, 100, NULL,
	 "how hard kcompactd compacts unasked: from a fragmentation score of 110 minus this; 0: never"},
	{"vm.compact_unevictable_allowed", CONFIG_BOOL, AT(compact_unevictable_allowed), "on", 0, 0, NULL,
	 "compaction moves locked pages too"},
	{"vm.defrag_mode", CONFIG_BOOL, AT(defrag_mode), "off", 0, 0, NULL,
	 "reclaim and compact before allocations mix pageblocks: /proc/sys/vm/defrag_mode (6.15)"},
	{"thp.enabled", CONFIG_CHOICE, AT(thp_enabled), "madvise", 0, 0, thp_names,
	 "huge pages for anonymous memory: /sys/kernel/mm/transparent_hugepage/enabled"},
	{"thp.use_zero_page", CONFIG_BOOL, AT(thp_use_zero_page), "on", 0, 0, NULL,
	 "reads of untouched huge areas map one huge zero page"},
	{"kernel.fault_around_folio", CONFIG_BOOL, AT(fault_around_folio), "on", 0, 0, NULL,
	 "a file fault maps the whole large folio when it can (6.18)"},
	{"kernel.pcp", CONFIG_BOOL, AT(pcp), "on", 0, 0, NULL,
	 "pages are allocated through per-cpu lists; off: each one under the zone lock"},
	{"kernel.device_mmap", CONFIG_CHOICE, AT(device_mmap), "eager", 0, 0, device_mmap_names,
	 "memory of devices is mapped when mmap is called, or page by page when it is touched"},
	{"kernel.highmem_map", CONFIG_CHOICE, AT(highmem_map), "local", 0, 0, highmem_map_names,
	 "32-bit: windows through which the kernel clears and copies high memory: its CPU's own, or those of kmap"},
	{"kernel.highpte", CONFIG_BOOL, AT(highpte), "off", 0, 0, NULL,
	 "32-bit: the lowest page tables may stand in high memory (CONFIG_HIGHPTE, up to 6.14)"},
	{"kernel.pt_reclaim", CONFIG_BOOL, AT(pt_reclaim), "on", 0, 0, NULL,
	 "madvise(MADV_DONTNEED) frees page tables that became empty (6.14)"},
	{"kernel.vmap_stack", CONFIG_BOOL, AT(vmap_stack), "on", 0, 0, NULL,
	 "kernel stacks come from vmalloc (CONFIG_VMAP_STACK); off: from the page allocator, as one block"},
	{"kernel.huge_vmalloc", CONFIG_BOOL, AT(huge_vmalloc), "on", 0, 0, NULL,
	 "vmalloc uses huge pages for callers that permit it (CONFIG_HAVE_ARCH_HUGE_VMALLOC)"},
	{"kernel.touches", CONFIG_BOOL, AT(ktouch), "off", 0, 0, NULL,
	 "the kernel's touches of its own memory on entry go through the TLB, counted apart"},
	{"kernel.hz", CONFIG_UINT, AT(hz), "250", 0, 10000, NULL,
	 "timer interrupts a second on each CPU that runs a task (CONFIG_HZ); 0: none"},
	{"dma.mask_bits", CONFIG_UINT, AT(dma_mask_bits), "64", 12, 64, NULL,
	 "address bits of devices that the machine profile does not describe"},
	{"dma.node", CONFIG_UINT, AT(dma_node), "0", 0, 63, NULL,
	 "node that these devices are attached to"},
	{"dma.swiotlb", CONFIG_SIZE, AT(dma_swiotlb_bytes), "64M", 0, 1ull << 32, NULL,
	 "pool of bounce buffers when a device cannot reach all memory (kernel command line swiotlb=)"},
	{"dma.swiotlb_dynamic", CONFIG_BOOL, AT(dma_swiotlb_dynamic), "on", 0, 0, NULL,
	 "a mapping that the pool has no room for, or that it is out of reach for, gets a buffer of its own "
	 "(CONFIG_SWIOTLB_DYNAMIC)"},
	{"numa.balancing", CONFIG_CHOICE, AT(numa_balancing), "off", 0, 0, numa_balancing_names,
	 "pages follow the threads that touch them: /proc/sys/kernel/numa_balancing 0, 1, 2"},
	{"numa.scan_delay_ms", CONFIG_UINT, AT(numa_scan_delay_ms), "1000", 0, UINT32_MAX, NULL,
	 "time before an address space or area is scanned first: debugfs numa_balancing/scan_delay_ms"},
	{"numa.scan_period_min_ms", CONFIG_UINT, AT(numa_scan_period_min_ms), "1000", 1, UINT32_MAX, NULL,
	 "shortest time in which a task scans all it has: debugfs numa_balancing/scan_period_min_ms"},
	{"numa.scan_period_max_ms", CONFIG_UINT, AT(numa_scan_period_max_ms), "60000", 1, UINT32_MAX, NULL,
	 "longest such time: debugfs numa_balancing/scan_period_max_ms"},
	{"numa.scan_size_mb", CONFIG_UINT, AT(numa_scan_size_mb), "256", 1, 1 << 20, NULL,
	 "megabytes made to fault by one scan: debugfs numa_balancing/scan_size_mb"},
	{"numa.hot_threshold_ms", CONFIG_UINT, AT(numa_hot_threshold_ms), "1000", 1, UINT32_MAX, NULL,
	 "a page of a slow tier touched so soon after its scan is hot: debugfs numa_balancing/hot_threshold_ms"},
	{"numa.promote_rate_limit_mbps", CONFIG_UINT, AT(numa_promote_rate_limit_mbps), "65536", 0, 1 << 20, NULL,
	 "MB a second that may be promoted: /proc/sys/kernel/numa_balancing_promote_rate_limit_MBps"},
	{"numa.demotion", CONFIG_BOOL, AT(numa_demotion), "off", 0, 0, NULL,
	 "cold pages go to a slower tier when a node runs short: /sys/kernel/mm/numa/demotion_enabled"},
	{"vm.swappiness", CONFIG_UINT, AT(swappiness), "60", 0, 200, NULL,
	 "what reclaiming an anonymous page costs against one of a file: 0 only files, 100 the same, 200 only anonymous"},
	{"kernel.lru_per_zone", CONFIG_BOOL, AT(lru_per_zone), "off", 0, 0, NULL,
	 "lists of folios by age for each zone, as kernels up to 4.7 had them, instead of for each node"},
	{"reclaim.kswapd_rate", CONFIG_UINT, AT(kswapd_rate), "2000000", 1, 1000000000, NULL,
	 "pages that reclaim scans in a second of the model's clock, kswapd and others"},
	{"reclaim.fault_time", CONFIG_TIME, AT(reclaim_fault_ns), "1500ns", 0, 1000000000, NULL,
	 "what a page fault takes at least as far as kswapd is concerned, which works beside it"},
	{"memory.boot_reserved", CONFIG_SIZE, AT(boot_reserved_bytes), "0", 0, 1ull << 40, NULL,
	 "taken at boot by the kernel's image and early allocations; 0: 1/64 of the memory, "
	 "256K to 64M"},
	{"slab.policy", CONFIG_CHOICE, AT(slab_policy), "slub", 0, 0, slab_names,
	 "allocator of kernel objects: 6.18's slub, the textbook's slab (removed in 6.8), or null"},
	{"slab.merge", CONFIG_BOOL, AT(slab_merge), "on", 0, 0, NULL,
	 "slub: caches of one size and kind share their slabs; kernel command line slab_nomerge"},
	{"slab.model_objects", CONFIG_BOOL, AT(slab_model_objects), "on", 0, 0, NULL,
	 "address spaces, areas, tasks, inodes, tree nodes ... take kernel memory; off: only what a "
	 "trace allocates"},
	{"kernel.quicklists", CONFIG_BOOL, AT(quicklists), "off", 0, 0, NULL,
	 "page tables from per-CPU stores of zeroed pages (removed in 5.4), not from per-cpu lists"},
	{"memory.kernelcore", CONFIG_SIZE, AT(kernelcore_bytes), "0", 0, 1ull << 44, NULL,
	 "memory usable by the kernel, spread over the nodes, the rest is ZONE_MOVABLE; 0: all"},
	{"memory.movablecore", CONFIG_SIZE, AT(movablecore_bytes), "0", 0, 1ull << 44, NULL,
	 "memory of ZONE_MOVABLE, spread over the nodes"},
	{"memory.movable_nodes", CONFIG_NODES, AT(movable_nodes), "none", 0, 0, NULL,
	 "nodes whose memory is all ZONE_MOVABLE (movable_node, hot-pluggable memory)"},
	{"memory.cma", CONFIG_SIZE, AT(cma_bytes), "0", 0, 1ull << 40, NULL,
	 "area kept for contiguous allocations and lent to movable ones: kernel command line cma="},
	{"memory.cma_pernuma", CONFIG_SIZE, AT(cma_pernuma_bytes), "0", 0, 1ull << 40, NULL,
	 "the same on each node with memory: kernel command line cma_pernuma="},
	{"memory.mem_map", CONFIG_BOOL, AT(mem_map), "on", 0, 0, NULL,
	 "the array of struct page takes 64 bytes a frame from its node at boot"},
};

const struct config_table mm_config_table = { "mm", rows, ARRAY_SIZE(rows) };
