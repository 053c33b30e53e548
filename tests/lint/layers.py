#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
"""Includes go down only: between the layers, and between the ranks inside src/mm/.

usage: layers.py SOURCE_ROOT BUILD_ROOT LAYER:SEEN,SEEN...

The layers and what each may see come from the table in meson.build. The ranks of src/mm/ are in RANKS
below: a file may include lower ranks, and its own rank as long as no circle of modules comes about. A
module is a file name without suffix; page_alloc-slow.c belongs to the module page_alloc unless it is in
the table itself, and PARTS names files that share a module under other names.
"""

import os
import sys

import tree

# From the ground up. A new module of src/mm/ gets its place here.
RANKS = [
    'mm_types mmzone gfp page-flags vmstat mm_config pressure shrinker seeded_bug',
    'memmap lru_policy buddy kaddr kentry deferred_split folio_touched compact_defer',
    'memcg mempolicy memory_tiers',
    'mm_inline',
    'page_alloc psi',
    'slab',
    'quicklist vmalloc pgtable memory fragmentation cma tlbflush mmu_gather highmem ktouch init_mm swiotlb',
    'kstack anon_vma interval_tree vm_fault file_table',
    'vma vma_policy lru workingset thp_orders mm_slot writeback',
    'rmap',
    'swapfile swap_state zspool zswap filemap readahead fs_writeback remap_pfn huge_pmd split_folio pagewalk vma_merge zap hugetlb_pool',
    'try_to_unmap shmem truncate read_write filemap_fault migrate move_page_tables contig dma ageing frame_state',
    'huge_memory hugetlb page_table_check',
    'compaction memcontrol',
    'vmscan lru_gen numa_balancing oom_kill',
    'fault mmap fork exec mbind khugepaged',
    'mmu touch_runs',
]
# The kernel has the first five in one mmap.c (mm/vma.c, mprotect.c ...), and mmap.h declares them all; slots, swap cache and
# zswap call one another, as in the kernel.
PARTS = {'munmap': 'mmap', 'mremap': 'mmap', 'mprotect': 'mmap', 'mlock': 'mmap', 'madvise': 'mmap',
         'swap_state': 'swapfile', 'swap_state-io': 'swapfile', 'zswap': 'swapfile'}
RANK = {name: rank for rank, row in enumerate(RANKS) for name in row.split()}


def module_of(path):
    """The module that a file of src/mm/ belongs to, None when the table has no place for it."""
    stem = os.path.splitext(os.path.basename(path))[0]
    parts = stem.replace('-', '_').split('_')
    if stem in PARTS:
        return PARTS[stem]
    for n in range(len(parts), 0, -1):
        for name in RANK:
            if name.replace('-', '_') == '_'.join(parts[:n]):
                return name
    return None


def check_layers(root, layers):
    for path in tree.files(root, ['src'], ('.c', '.h')):
        layer = path.split(os.sep)[1]
        if layer not in layers:
            if os.sep in os.path.relpath(path, 'src'):
                yield f'{path}: src/{layer} is not in the table of layers in meson.build'
            continue
        for line, inc, quoted in tree.includes(tree.read(root, path)):
            first = inc.split('/')[0]
            if '..' in inc.split('/'):
                yield f'{path}:{line}: "{inc}" climbs out of its folder'
            elif quoted and (first not in layers or '/' not in inc):
                yield f'{path}:{line}: "{inc}" does not name its layer, as in "base/list.h"'
            elif first in layers and first != layer and first not in layers[layer]:
                yield f'{path}:{line}: {layer} must not include {inc}'


def check_ranks(root):
    edges = {}
    for path in tree.files(root, ['src/mm'], ('.c', '.h')):
        module = module_of(path)
        if module is None:
            yield f'{path}: no rank; give it a place in RANKS of tests/lint/layers.py'
            continue
        for line, inc, _ in tree.includes(tree.read(root, path)):
            if not inc.startswith('mm/'):
                continue
            to = module_of(inc)
            if to is None:
                yield f'{path}:{line}: {inc} has no rank'
            elif RANK[to] > RANK[module]:
                yield f'{path}:{line}: {module} (r{RANK[module]}) must not include {inc} (r{RANK[to]})'
            elif to != module:
                edges.setdefault(module, {}).setdefault(to, f'{path}:{line}')
    yield from circles(edges)


def circles(edges):
    """Each circle of modules, once, by depth-first search."""
    done, trail = set(), []

    def visit(module):
        if module in trail:
            ring = trail[trail.index(module):] + [module]
            where = ', '.join(edges[a][b] for a, b in zip(ring, ring[1:]))
            yield f'circle {" -> ".join(ring)} ({where})'
            return
        if module in done:
            return
        trail.append(module)
        for to in sorted(edges.get(module, {})):
            yield from visit(to)
        trail.pop()
        done.add(module)

    for module in sorted(edges):
        yield from visit(module)


def check_roots(build, layers):
    """The include roots that the compiler really gets hold the same."""
    for layer, seen in layers.items():
        have = sorted(os.listdir(os.path.join(build, 'roots', layer)))
        want = sorted([layer] + seen)
        if have != want:
            yield f'roots/{layer} holds {have}, the table says {want}'


def main():
    root, build, *rows = sys.argv[1:]
    layers = {name: seen.split(',') if seen else [] for name, seen in (r.split(':') for r in rows)}
    tree.verdict([*check_layers(root, layers), *check_ranks(root), *check_roots(build, layers)])


main()
