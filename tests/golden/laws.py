#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
"""What must be true of every result, whatever was replayed.

usage: laws.py RESULT.json
"""

import json
import sys

LEAVES = ('anon_zero anon_alloc anon_huge file_read file_cow file_shared wp_reuse wp_copy wp_zero wp_shared '
          'wp_huge hugetlb hugetlb_wp numa special spurious error').split()


def laws_of_timeline(r, t):
    series = [t['time_ns'], t['unusable_free_permille'], *t['states'].values(), *t['deltas'].values()]
    for z in t['zones']:
        series += [z['unusable_free_permille'], *z['free_blocks'].values()]
    yield 'every series has one element a sample', all(len(s) == t['samples'] for s in series)
    yield 'samples stand at multiples of the interval, and at the end', \
        all(time % t['interval_ns'] == 0 for time in t['time_ns'][:-1]) and \
        t['time_ns'] == sorted(t['time_ns']) and t['time_ns'][-1] == r['replay']['clock_ns']
    counters = {**r['model'], **r['vmstat']}
    yield 'differences add up to the counters', all(sum(s) == counters[key] for key, s in t['deltas'].items())
    yield 'the last states are those of the result', \
        all(s[-1] == counters[key] for key, s in t['states'].items() if key != 'rss_pages')
    for z, end in zip(t['zones'], r['fragmentation']['zones']):
        yield f'the last free blocks of zone {z["zone"]} are those of the result', \
            [s[-1] for s in z['free_blocks'].values()] == end['free_blocks']
        yield f'free blocks of zone {z["zone"]} are those of its types at every time', all(
            list(map(sum, zip(*(t['free_blocks'].get(order, [0] * len(s)) for t in z['types'].values())))) == s
            for order, s in z['free_blocks'].items())


def laws_of_kernel_trace(k):
    if k['mode'] != 'pages':
        return
    f = k['frees']
    yield 'every traced allocation was served, or failed here', k['failed_in_model'] == \
        sum(o['allocs_traced'] - o['allocs_replayed'] for o in k['orders'])
    yield 'allocations by type are those by order', \
        sum(t['allocs_traced'] for t in k['migratetypes']) == sum(o['allocs_traced'] for o in k['orders'])
    yield 'allocated pages are those of the orders', \
        k['alloc_pages'] == sum(o['allocs_traced'] << o['order'] for o in k['orders'])
    yield 'freed pages are those of the orders', \
        f['pages'] == sum(o['frees_traced'] << o['order'] for o in k['orders'])
    yield 'each page freed was matched or is implied', f['pages'] == f['matched_pages'] + f['implied_alloc']['pages']
    yield 'implied pages are those of their reasons', f['implied_alloc']['pages'] == \
        sum(f['implied_alloc'][x] for x in ('before_trace', 'bulk', 'unknown'))


def laws_of_kernel(r):
    v, m, k = r['vmstat'], r['model'], r['kernel']
    if not m['fault_error']:
        yield 'faults enter the kernel, but for those that it takes itself', \
            k['entries']['fault'] == v['pgfault'] - m['fault_gup'] + m['fault_segv']
    yield 'every kernel stack is in nr_kernel_stack', \
        k['stacks']['in_use'] * k['stacks']['stack_bytes'] == v['nr_kernel_stack'] * 1024
    vm = k['vmalloc']
    yield 'areas are those made and not freed', vm['areas'] == vm['allocations'] - vm['frees']
    yield 'areas hold their pages and guard pages', (vm['used_pages'] + vm['areas']) * 4096 <= vm['area_bytes']
    yield 'purged and lazy areas were freed', vm['purged_areas'] <= vm['frees']
    for d in r['dma']['devices']:
        yield f'device {d["device"]} bounced no more than it moved', d['bounced_bytes'] <= d['bytes']
        yield f'device {d["device"]} wrote no more than it moved', d['bytes_to_memory'] <= d['bytes']
        yield f'bounces of device {d["device"]} are mappings', d['bounced_mappings'] <= d['mappings']
    yield 'bounces are those of the devices', \
        r['dma']['swiotlb']['mappings'] == sum(d['bounced_mappings'] for d in r['dma']['devices'])


def laws_of_slab(r):
    v, slab = r['vmstat'], r['slab']
    for c in slab['caches']:
        name = c['name']
        yield f'objects of {name} are those allocated and not freed', c['active_objects'] == c['allocs'] - c['frees']
        yield f'slabs of {name} are those made and not freed', c['slabs'] == c['slabs_created'] - c['slabs_destroyed']
        yield f'bytes of {name} are its pages', c['pages'] * r['memory']['page_bytes'] == \
            sum(c[key + '_bytes'] for key in ('requested', 'rounding', 'tail', 'free'))
        yield f'CPU lists of {name} hold free objects', c['active_objects'] + c['cpu_objects'] <= c['total_objects']
    for key in ('active_objects', 'slabs', 'pages', 'allocs', 'frees', 'cpu_allocs', 'free_bytes'):
        yield f'{key} of slab are those of the caches', slab['totals'][key] == sum(c[key] for c in slab['caches'])
    yield 'slab pages are in nr_slab_reclaimable and nr_slab_unreclaimable', \
        slab['totals']['pages'] + slab['large']['pages'] == v['nr_slab_reclaimable'] + v['nr_slab_unreclaimable']


def laws_of_start(r, frag):
    start, s = frag['initial'], r['config']['settings']
    if s['fragmentation.initial'] == 'aged':
        yield 'each node starts within 20 of the degree', \
            all(abs(n - s['fragmentation.initial.degree']) <= 20 for n in start['unusable_free_permille_by_node'])
    used = start['unmovable_pages'] + start['movable_pages'] + start['reclaimable_pages']
    yield 'what is in use from the start and what is free are not more than managed', \
        used + r['vmstat']['nr_free_pages'] <= sum(z['managed_pages'] for z in frag['zones'])


def laws_of_moves(v, m):
    """Pages that move between nodes are counted by cause, and all together by migration."""
    demoted = v['pgdemote_kswapd'] + v['pgdemote_direct']
    yield 'demoted pages were migrated', demoted <= v['pgmigrate_success']
    yield 'huge pages that migrated are migrated pages', v['thp_migration_success'] <= v['pgmigrate_success']
    yield 'huge hints are hints', v['numa_huge_pte_updates'] <= v['numa_pte_updates']
    if v['numa_hint_faults'] is None:
        return
    yield 'local hint faults are hint faults', v['numa_hint_faults_local'] <= v['numa_hint_faults'] <= m['fault_numa']
    yield 'pages moved by hints and demotion were migrated', \
        v['numa_pages_migrated'] + demoted <= v['pgmigrate_success']
    yield 'promoted pages were moved by hints', v['pgpromote_success'] <= v['numa_pages_migrated']


def laws_of_access(r):
    kinds, tlb = r['numa']['accesses'], r['tlb']
    for i, row in enumerate(r['numa']['access_matrix']):
        yield f'accesses from node {i} are those to data and instructions', \
            row == [d + n for d, n in zip(kinds['data'][i], kinds['instruction'][i])]
    yield 'entries read by walks are those of all levels', sum(map(sum, kinds['page_walk'])) == \
        sum(sum(tlb[s]['walk_references'].values()) for s in ('data', 'instruction'))
    cost = r['cost']['memory']
    if cost is None:
        return
    yield 'cycles are those of the kinds', \
        cost['cycles'] == cost['data_cycles'] + cost['instruction_cycles'] + cost['page_walk_cycles']
    total = sum(map(sum, r['numa']['access_matrix'])) + sum(map(sum, kinds['page_walk']))
    yield 'without remote accesses each costs what local memory does', \
        cost['cycles'] - cost['remote_cycles'] == total * cost['local_cycles']


def laws(r):
    yield from laws_of_kernel(r)
    yield from laws_of_slab(r)
    v, m = r['vmstat'], r['model']
    yield 'pgfault is the sum of its leaves', v['pgfault'] == sum(m['fault_' + x] for x in LEAVES)
    yield 'major faults are faults', v['pgmajfault'] <= v['pgfault']
    counted = sum(t['min_flt'] + t['maj_flt'] for t in r['tasks'])
    yield 'faults of the processes and failed ones are pgfault', counted + m['fault_error'] == v['pgfault']
    for z in r['fragmentation']['zones']:
        free = sum(n << order for order, n in enumerate(z['free_blocks']))
        yield f'free blocks of zone {z["zone"]} are its free pages', free == z['free_pages']
        yield f'zone {z["zone"]} has no more free than managed', z['free_pages'] <= z['managed_pages']
        types = z['types'].values()
        yield f'free blocks of zone {z["zone"]} are those of its types', \
            [sum(nr) for nr in zip(*(t['free_blocks'] for t in types))] == z['free_blocks']
        yield f'mixed pageblocks of zone {z["zone"]} are pageblocks', \
            all(t['mixed_pageblocks'] <= t['pageblocks'] for t in types)
    frag = r['fragmentation']
    for n in frag['nodes']:
        of_node = [z['free_blocks'] for z in frag['zones'] if z['node'] == n['node']]
        yield f'free blocks of node {n["node"]} are those of its zones', \
            [sum(nr) for nr in zip(*of_node)] == n['free_blocks']
    for key in ('allocations', 'failures'):
        yield f'{key} by type are those by order', \
            [sum(nr) for nr in zip(*frag[key + '_by_type'].values())] == frag[key + '_by_order']
    if 'initial' in frag:
        yield from laws_of_start(r, frag)
    yield 'free pages of CMA are those of its type', v['nr_free_cma'] == \
        sum(n << o for z in frag['zones'] for o, n in enumerate(z['types'].get('cma', {}).get('free_blocks', [])))
    yield 'failures are alloc_fail', sum(frag['failures_by_order']) == m['alloc_fail']
    yield 'runs and pages of mappings are those by order', \
        sum(frag['mappings']['runs_by_order']) == frag['mappings']['runs'] and \
        sum(frag['mappings']['pages_by_order']) == frag['mappings']['pages']
    yield 'mappings are those of the processes', \
        frag['mappings']['runs'] == sum(t['contiguous_runs'] for t in r['tasks'])
    if 'timeline' in r:
        yield from laws_of_timeline(r, r['timeline'])
    if 'kernel_trace' in r:
        yield from laws_of_kernel_trace(r['kernel_trace'])
    for node in r['memory']['nodes']:
        yield f'zones of node {node["node"]} are its memory', all(
            sum(z[key] for z in node['zones']) == node[key] for key in ('present_pages', 'managed_pages'))
        for z in node['zones']:
            boot = z['boot_firmware_pages'] + z['boot_kernel_pages'] + z['boot_mem_map_pages']
            yield f'zone {z["zone"]} has what is present but for what boot took', \
                z['present_pages'] == z['managed_pages'] + boot and z['spanned_pages'] >= z['present_pages']
    yield 'managed pages are those of the nodes', \
        r['memory']['managed_pages'] == sum(n['managed_pages'] for n in r['memory']['nodes'])
    nodes = r['numa']['nodes']
    for key in ('numa_hit', 'numa_miss', 'numa_foreign', 'numa_interleave', 'numa_local', 'numa_other'):
        yield f'{key} is the sum of its nodes', v[key] == sum(n[key] for n in nodes)
    yield 'what one node misses another one lacks', v['numa_miss'] == v['numa_foreign']
    yield 'every allocation is a hit or a miss', \
        v['numa_hit'] + v['numa_miss'] == sum(r['fragmentation']['allocations_by_order'])
    yield 'hits and misses are local and other', \
        v['numa_hit'] + v['numa_miss'] == v['numa_local'] + v['numa_other']
    yield 'interleaved allocations are hits', all(n['numa_interleave'] <= n['numa_hit'] for n in nodes)
    for p in r['numa']['processes']:
        sums = [sum(column) for column in zip(*(a['pages'] for a in p['areas']))]
        yield f'pages of process {p["pid"]} are those of its areas', p['pages'] == (sums or [0] * len(nodes))
    yield from laws_of_moves(v, m)
    yield 'nulls have a reason', all(reason for reason in r['unavailable'].values())
    if all(t['exited'] for t in r['tasks']):
        yield 'no anonymous page outlives the processes', v['nr_anon_pages'] == 0
        kernel = r['kernel']['page_table_bytes'] - r['kernel']['boot_page_table_bytes']
        yield "no page table but the kernel's outlives the processes", v['nr_page_table_pages'] * 4096 == kernel
    if r['tlb'] is None:
        return
    for stream in ('data', 'instruction'):
        s = r['tlb'][stream]
        l1 = s['l1']['total']
        yield f'{stream}: touches are hits and misses', l1['accesses'] == l1['hits'] + l1['misses']
        last = s.get('l2', s['l1'])['total']
        yield f'{stream}: second level sees the misses of the first', \
            'l2' not in s or s['l2']['total']['accesses'] == l1['misses']
        yield f'{stream}: misses are walks, or failed', last['misses'] >= sum(s['walks'].values())
        for level in ('l1', 'l2'):
            for size, c in s.get(level, {}).items():
                yield f'{stream} {level} {size}', c['accesses'] == c['hits'] + c['misses']
    yield from laws_of_access(r)
    touches = sum(map(sum, r['numa']['access_matrix']))
    yield 'accesses to nodes are no more than touches', touches <= r['tlb']['reads'] + r['tlb']['writes']


def main():
    with open(sys.argv[1]) as f:
        result = json.load(f)
    broken = [name for name, holds in laws(result) if not holds]
    for name in broken:
        print(f'{sys.argv[1]}: broken: {name}')
    sys.exit(1 if broken else 0)


main()
