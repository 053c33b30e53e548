#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
"""Reads a tree of run --procfs with real readers, and compares what they say with the result.

usage: check-procfs.py TREE RESULT.json

Exit status 0: at least two readers agree with the model, and no file differs from the kernel's in form;
77: fewer than two readers could be run; 1: something is wrong.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request

tree, result = sys.argv[1], json.load(open(sys.argv[2]))
problems, readers = [], []


def expect(what, got, wanted):
    if got != wanted:
        problems.append(f'{what}: {got!r}, the model has {wanted!r}')


def text(path):
    with open(os.path.join(tree, path)) as f:
        return f.read()


# ---- lines against those of the running kernel ----

# Lines that depend on the kernel's configuration or drivers, not on its version.
OPTIONAL = re.compile(r'Cma|nr_free_cma|HardwareCorrupted|[Bb]alloon|[Zz]sw|DirectMap|direct_map|nr_tlb_|[Uu]naccepted|'
                      r'vma_lock|nr_iommu|KSM|ksm|ProtectionKey|Speculation|x86_|untag_mask|_device$|_dma$|kstack_|'
                      r'nr_unstable|page_owner')


def keys(lines):
    """The words that say what a line is; numbers are left out."""
    return [re.sub(r'^Node +\d+[ ,]+', '', re.split(r'[:\t]|  +(?=\d)| (?=\d+$)', line.rstrip(), maxsplit=1)[0]).strip()
            for line in lines]


def same_lines(name, ours, kernels):
    a, b = keys(ours), keys(kernels)
    only = [k for k in a if k not in b] + [k for k in b if k not in a]
    for k in only:
        if not OPTIONAL.search(k):
            problems.append(f'{name}: line {k!r} is only {"ours" if k in a else "the kernel" + chr(39) + "s"}')
    if [k for k in a if k in b] != [k for k in b if k in a]:
        problems.append(f'{name}: lines stand in another order than the kernel\'s')
    theirs = dict(zip(b, kernels))
    for key, line in zip(a, ours):
        same_columns(name, line, theirs.get(key, line))


def same_columns(name, ours, kernels):
    """Where padded kB end; a number may be too long for its column."""
    ends = [[m.end() for m in re.finditer(r'(?<=  )\d{1,7}(?= kB)', line)] for line in (ours, kernels)]
    if ends[0] and ends[1] and ends[0] != ends[1]:
        problems.append(f'{name}: the columns of {ours!r} are not those of {kernels!r}')
    if ours.split()[-1:] == ['kB'] != kernels.split()[-1:]:
        problems.append(f'{name}: the kernel has no unit in {ours!r}')


def same_form(name, ours, kernels):
    """Numbers may differ; what stands around them, and the columns, may not."""
    form = [re.sub(r' *\d+', '#', re.sub(r' +$', '', line)) for line in (ours, kernels)]
    if form[0] != form[1]:
        problems.append(f'{name}: {ours!r} has another form than {kernels!r}')


def host(path):
    with open(path) as f:
        return f.read()


def one_area(smaps):
    """The lines of the first area, without its head."""
    return re.split(r'(?m)^[0-9a-f]+-[0-9a-f]+ .*\n', smaps)[1].splitlines()


def compare_with_kernel(pid):
    node = 'sys/devices/system/node/node0'
    for name in ('meminfo', 'vmstat'):
        ours, kernels = text(f'proc/{name}').splitlines(), host(f'/proc/{name}').splitlines()
        same_lines(name, ours, kernels)
        same_form(name, ours[0], kernels[0])
    for name in ('meminfo', 'vmstat', 'numastat'):
        if os.path.exists(f'/{node}/{name}'):
            same_lines(f'node {name}', text(f'{node}/{name}').splitlines(), host(f'/{node}/{name}').splitlines())
    first = re.compile(r'(?ms)^Node 0, zone +(\w+)\n  per-node.*?start_pfn: +\d+\n')
    one_cpu = re.compile(r'(?ms)^    cpu: [1-9].*?(?=^  node_unreclaimable)')
    same_lines('zoneinfo', one_cpu.sub('', first.search(text('proc/zoneinfo')).group(0)).splitlines()[1:],
               one_cpu.sub('', first.search(host('/proc/zoneinfo')).group(0)).splitlines()[1:])
    same_lines('smaps', one_area(text(f'proc/{pid}/smaps')), one_area(host('/proc/self/smaps')))
    same_lines('smaps_rollup', text(f'proc/{pid}/smaps_rollup').splitlines()[1:],
               host('/proc/self/smaps_rollup').splitlines()[1:])
    same_form('smaps', one_area(text(f'proc/{pid}/smaps'))[0], one_area(host('/proc/self/smaps'))[0])
    same_lines('status', text(f'proc/{pid}/status').splitlines(), host('/proc/self/status').splitlines())
    expect('fields of stat', len(text(f'proc/{pid}/stat').rsplit(')')[1].split()),
           len(host('/proc/self/stat').rsplit(')')[1].split()))
    expect('fields of statm', len(text(f'proc/{pid}/statm').split()), len(host('/proc/self/statm').split()))
    at = [line.index('/') for line in (text(f'proc/{pid}/maps') + host('/proc/self/maps')).splitlines()
          if re.search(r' /\S', line)]
    expect('column of names in maps', set(at), {at[0]})
    for name in ('buddyinfo', 'slabinfo', 'pagetypeinfo'):
        if os.access(f'/proc/{name}', os.R_OK):
            same_form(name, text(f'proc/{name}').splitlines()[0], host(f'/proc/{name}').splitlines()[0])


# ---- files against each other, and against the result ----

def sums(pid):
    task = [t for t in result['tasks'] if t['pid'] == int(pid)][-1]
    pages = task['rss_anon_pages'] + task['rss_file_pages'] + task['rss_shmem_pages']
    smaps = text(f'proc/{pid}/smaps')
    for key, of_all in (('Rss', 4 * pages), ('Anonymous', 4 * task['rss_anon_pages'])):
        expect(f'{pid}: sum of {key}', sum(map(int, re.findall(rf'(?m)^{key}: +(\d+) kB', smaps))), of_all)
        expect(f'{pid}: {key} of smaps_rollup', kb(f'proc/{pid}/smaps_rollup', key), of_all)
    parts = sum(kb(f'proc/{pid}/smaps_rollup', key)
                for key in ('Shared_Clean', 'Shared_Dirty', 'Private_Clean', 'Private_Dirty'))
    expect(f'{pid}: shared and private', parts, 4 * pages)
    expect(f'{pid}: pages of numa_maps', sum(map(int, re.findall(r' N\d+=(\d+)', text(f'proc/{pid}/numa_maps')))), pages)
    expect(f'{pid}: statm', [int(x) for x in text(f'proc/{pid}/statm').split()][:3],
           [task['vm_pages'], pages, task['rss_file_pages'] + task['rss_shmem_pages']])
    status = dict(re.findall(r'(?m)^(\w+):\s+(.*)$', text(f'proc/{pid}/status')))
    for key, value in (('VmRSS', pages), ('VmSize', task['vm_pages']), ('VmHWM', task['rss_peak_pages'])):
        expect(f'{pid}: {key}', status[key], f'{4 * value} kB')
    expect(f'{pid}: areas', len(text(f'proc/{pid}/maps').splitlines()), task['nr_vmas'])
    size = sum(int(b, 16) - int(a, 16) for a, b in re.findall(r'(?m)^(\w+)-(\w+) ', text(f'proc/{pid}/maps')))
    expect(f'{pid}: bytes of all areas', size, 4096 * task['vm_pages'])
    expect(f'{pid}: faults of stat', [int(text(f'proc/{pid}/stat').rsplit(')')[1].split()[i]) for i in (7, 9)],
           [task['min_flt'], task['maj_flt']])


# ---- readers ----

def zones():
    return result['fragmentation']['zones']


def kb(path, key):
    return int(re.search(rf'(?m){re.escape(key)}: +(\d+) kB', text(path)).group(1))


def node_exporter():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        port = s.getsockname()[1]
    names = 'meminfo meminfo_numa vmstat buddyinfo zoneinfo slabinfo'.split()
    exporter = subprocess.Popen(
        ['prometheus-node-exporter', f'--path.procfs={tree}/proc', f'--path.sysfs={tree}/sys',
         '--collector.disable-defaults', f'--web.listen-address=127.0.0.1:{port}'] +
        [f'--collector.{name}' for name in names], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            try:
                page = urllib.request.urlopen(f'http://127.0.0.1:{port}/metrics', timeout=10).read().decode()
                break
            except OSError:
                if exporter.poll() is not None:
                    return
                time.sleep(0.05)
        else:
            return
    finally:
        exporter.terminate()
        exporter.wait()
    value = {}
    for m in re.finditer(r'(?m)^(node_\w+(?:\{[^}]*\})?) (\S+)$', page):
        value[m.group(1)] = int(float(m.group(2)))
    readers.append('prometheus-node-exporter')
    for name in names:
        expect(f'node_exporter, collector {name}', value.get(f'node_scrape_collector_success{{collector="{name}"}}'), 1)
    expect('node_exporter, pgfault', value.get('node_vmstat_pgfault'), result['vmstat']['pgfault'])
    for line in text('proc/meminfo').splitlines():
        key, number, *unit = re.sub(r'[():]', ' ', line).replace(' anon ', '_anon ').replace(' file ', '_file ').split()
        expect(f'node_exporter, {key}', value.get(f'node_memory_{key}' + ('_bytes' if unit else '')),
               int(number) * (1024 if unit else 1))
    for z in zones():
        for order, nr in enumerate(z['free_blocks']):
            expect(f'node_exporter, blocks of {z["zone"]} of order {order}', value.get(
                f'node_buddyinfo_blocks{{node="{z["node"]}",size="{order}",zone="{z["zone"]}"}}'), nr)
        expect(f'node_exporter, managed pages of {z["zone"]}', value.get(
            f'node_zoneinfo_managed_pages{{node="{z["node"]}",zone="{z["zone"]}"}}'), z['managed_pages'])
        expect(f'node_exporter, free pages of {z["zone"]}', value.get(
            f'node_zoneinfo_nr_free_pages{{node="{z["node"]}",zone="{z["zone"]}"}}'), z['free_pages'])
    for n in result['numa']['nodes']:
        expect('node_exporter, numa_hit', value.get(f'node_memory_numa_numa_hit_total{{node="{n["node"]}"}}'),
               n['numa_hit'])


def over(path):
    """Shell words that put a file or folder of the tree over the real one."""
    return f'mount --bind {tree}/{path} /{path}'


def in_tree(mounts, command):
    """Output of a command that sees parts of the tree; None when that is not permitted."""
    script = ' && '.join([over(m) for m in mounts] + ['exec ' + command])
    run = subprocess.run(['unshare', '-m', 'sh', '-c', script], capture_output=True, text=True)
    return run.stdout if run.returncode == 0 else None


def numastat():
    out = in_tree(['sys/devices/system/node', 'proc/meminfo'], 'numastat')
    if not out:
        return
    readers.append('numastat')
    got = {line.split()[0]: [int(x) for x in line.split()[1:]] for line in out.splitlines()[1:]}
    for key in ('numa_hit', 'numa_miss', 'numa_foreign'):
        expect(f'numastat, {key}', got.get(key), [n[key] for n in result['numa']['nodes']])


def numastat_of(pid):
    out = in_tree(['sys/devices/system/node', 'proc'], f'numastat -p {pid}')
    if not out:
        return
    readers.append('numastat -p')
    total = [float(x) for x in re.search(r'(?m)^Total +(.*)', out).group(1).split()]
    process = [p for p in result['numa']['processes'] if p['pid'] == int(pid)][-1]
    # it prints two digits of MiB
    for mib, pages in zip(total, [*process['pages'], sum(process['pages'])]):
        if abs(mib - pages / 256) > 0.01:
            problems.append(f'numastat, process {pid}: {mib} MiB, the model has {pages} pages')


def free():
    out = in_tree(['proc/meminfo'], 'free -k')
    if not out:
        return
    readers.append('free')
    total, _, unused = out.splitlines()[1].split()[1:4]
    expect('free, total', int(total), kb('proc/meminfo', 'MemTotal'))
    expect('free, free', int(unused) // 4, sum(z['free_pages'] for z in zones()))


def slabtop():
    out = in_tree(['proc/slabinfo'], 'slabtop -o -s c')
    if not out:
        return
    readers.append('slabtop')
    caches = [line.split() for line in text('proc/slabinfo').splitlines()[2:]]
    m = re.search(r'Active / Total Objects .*: (\d+) / (\d+)', out)
    expect('slabtop, objects', (int(m.group(1)), int(m.group(2))),
           (sum(int(c[1]) for c in caches), sum(int(c[2]) for c in caches)))


def pmap(pid):
    out = in_tree(['proc'], f'pmap -X {pid}')
    if not out:
        return
    readers.append('pmap')
    head, total = out.splitlines()[1].split(), out.splitlines()[-1].split()
    # the sums stand under the numbers, which begin behind the five columns of the area
    expect('pmap, Rss', int(total[head.index('Rss') - 5]), kb(f'proc/{pid}/smaps_rollup', 'Rss'))
    task = [t for t in result['tasks'] if t['pid'] == int(pid)][-1]
    expect('pmap, Rss and the task', int(total[head.index('Rss') - 5]),
           4 * (task['rss_anon_pages'] + task['rss_file_pages'] + task['rss_shmem_pages']))


def main():
    pids = sorted((p for p in os.listdir(f'{tree}/proc') if p.isdigit()), key=int)
    if not pids:
        problems.append('there is no process')
    manifest = json.loads(text('mmreplay-unavailable.json'))
    expect('processes of the manifest', sorted(manifest['processes_clock_ns'], key=int), pids)
    for pid in pids:
        sums(pid)
    release = os.uname().release
    if release.startswith('6.18.') and os.uname().machine == 'x86_64':
        compare_with_kernel(pids[-1])
        print(f'lines compared with those of Linux {release}')
    if shutil.which('prometheus-node-exporter'):
        node_exporter()
    if shutil.which('unshare'):
        for reader in (numastat, free, slabtop):
            if shutil.which(reader.__name__):
                reader()
        if shutil.which('pmap'):
            pmap(pids[-1])
        if shutil.which('numastat'):
            numastat_of(pids[-1])
    for p in problems:
        print(p)
    print(f'{len(readers)} readers: {", ".join(readers)}; {len(problems)} problems')
    sys.exit(1 if problems else 0 if len(readers) >= 2 else 77)


main()
