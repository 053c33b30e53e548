#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
"""
The kernel as the oracle: small programs, captured without a limit, replayed under limits, and run natively under
the same limits. Prints kernel | model | difference for each counter.

usage: oracle.py [-n REPEATS] [-d DIR] [-m MMREPLAY] [-j] [-r] [-k] [CASE...]
       -n  native runs of each case, for the kernel's own spread (3)
       -d  folder for the files, traces and native results (kept; default: a temporary one)
       -k  use native results and traces that lie in the folder
       -r  only replay and compare; -j: one JSON object instead of tables
       -l  list the cases
       -g  gate: exit status 1 when a counter that is exact in the kernel differs, or another is beyond its band; the
           cases without pressure are left to workloads.sh
       -p  policies: classic lists against generations, beside a guest's figures; exit status 1 when they differ

Needs root, the memory cgroup, ptrace, tracepoints, valgrind, a C compiler: exit status 77 where something is missing.
While it runs with swap, a swap file of 512 MiB is on.
"""
import argparse
import ctypes
import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
MIB = 1 << 20
SWAP_BYTES = 512 * MIB

# name: (limit in MiB, swap, counters that are exact in the kernel, what for)
# A counter is `maj`, `min` (faults of the processes), or a name of /proc/vmstat: from the group where it counts it,
# else from the whole machine.
THP = ('thp_fault_alloc', 'thp_fault_fallback', 'thp_split_pmd', 'thp_collapse_alloc', 'thp_deferred_split_page')
SCAN = ('pgscan', 'pgsteal', 'refault', 'pswpin', 'pswpout', 'pgactivate', 'pgdeactivate', 'pgrefill')
CASES = {
    'touch': (0, False, ('min', 'maj'), ()),
    'populate': (0, False, ('min', 'maj'), ()),
    'zero_then_write': (0, False, ('min', 'maj'), ()),
    'fork_cow': (0, False, ('min', 'maj'), ('pgreuse',)),
    'private_file': (0, False, ('min', 'maj'), ()),
    'hot_file': (0, False, ('maj',), ('min',)),
    'shmem': (0, False, ('min', 'maj'), ()),
    'mprotect_split': (0, False, ('min', 'maj'), ()),
    'mremap_brk': (0, False, ('min', 'maj'), ()),
    'dontneed': (0, False, ('min', 'maj'), ()),
    'hugetlb': (0, False, ('min', 'maj'), ()),
    'anon_loop': (32, True, (), ('min', 'maj') + SCAN),
    'anon_reread': (24, True, (), ('min', 'maj') + SCAN),
    'anon_random': (24, True, (), ('min', 'maj') + SCAN),
    'file_loop': (24, False, (), ('min', 'maj') + SCAN),
    'file_read_loop': (24, False, (), ('min', 'maj') + SCAN),
    'file_random': (24, False, (), ('min', 'maj') + SCAN),
    'shmem_loop': (24, True, (), ('min', 'maj') + SCAN),
    'mixed': (24, True, (), ('min', 'maj') + SCAN),
    'scan_resist': (24, False, (), ('min', 'maj') + SCAN),
    'scan_long': (24, False, (), ('min', 'maj') + SCAN),
    'scan_twice': (24, False, (), ('min', 'maj') + SCAN),
    'scan_map': (24, False, (), ('min', 'maj') + SCAN),
    'scan_map_long': (24, False, (), ('min', 'maj') + SCAN),
    'file_write': (24, False, (), ('min', 'maj') + SCAN),
    'fork_swapped': (24, True, (), ('min', 'maj') + SCAN),
    'pageout': (0, True, (), ('min', 'maj') + SCAN),
    'pageout_random': (0, True, (), ('min', 'maj') + SCAN),
    'lazyfree': (24, True, (), ('min', 'maj', 'pglazyfree', 'pglazyfreed') + SCAN),
    'cold': (24, True, (), ('min', 'maj') + SCAN),
    'locked': (24, True, (), ('min', 'maj') + SCAN),
    'oom': (32, False, ('oom_kill',), ('min', 'maj')),
    'oom_locked': (32, True, ('oom_kill',), ('min', 'maj')),
    'thp': (0, False, ('min',) + THP, ()),
    'thp_zero': (0, False, ('min',) + THP, ('thp_zero_page_alloc',)),
    'thp_munmap': (0, False, ('min',) + THP, ('thp_split_page',)),
    'thp_mprotect': (0, False, ('min',) + THP, ('thp_split_page',)),
    'thp_dontneed': (0, False, ('min',) + THP, ('thp_split_page',)),
    'thp_mremap': (0, False, ('min',) + THP, ('thp_split_page',)),
    'thp_fork': (0, False, ('min',) + THP, ('thp_split_page',)),
    'thp_collapse': (0, False, ('min',) + THP, ()),
    'thp_collapse_sparse': (0, False, ('min',) + THP, ()),
    'thp_fallback': (8, False, ('min', 'thp_fault_fallback_charge') + THP, ()),
    'thp_deferred': (20, True, THP, ('min', 'maj', 'thp_split_page', 'thp_swpout') + SCAN),
    'thp_swap': (24, True, (), ('min', 'maj', 'thp_split_page', 'thp_swpout', 'thp_swpout_fallback') + THP + SCAN),
}


# How far the model may be off, in percent of the kernel's range of the same minute.
BANDS = {
    # pgscan is what varies most in the kernel itself, by 5 % from run to run.
    'anon_loop': (8, ('maj', 'pgscan', 'pgsteal', 'refault')),
    'anon_reread': (8, ('maj', 'pgscan', 'pgsteal', 'refault')),
    'shmem_loop': (8, ('maj', 'pgscan', 'pgsteal', 'refault')),
    'scan_map_long': (5, ('maj', 'pgscan', 'pgsteal', 'refault')),
    'file_read_loop': (5, ('pgscan', 'pgsteal', 'refault')),
    'oom': (1, ('min',)),
}

# Refaults in a guest with Debian's kernel 6.1 (guest.sh; the same on each boot): classic lists, generations.
# Limit 24 MiB, read-ahead of 128 KiB, no large folios in the page cache.
GUEST = {
    'scan_long': (10520, 10520),
    'scan_twice': (0, 2104),
    'scan_map_long': (10400, 0),
}
GUEST_FILE_LOOP = 42790    # its pgscan with classic lists: 42772 to 42815


def skip(why):
    print('not permitted here:', why)
    sys.exit(77)


def drop(path):
    """Takes a file out of the page cache."""
    fd = os.open(path, os.O_RDONLY)
    os.fsync(fd)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(fd)


class Swap:
    """A swap file that is on inside `with`."""

    def __init__(self, path, wanted):
        self.path, self.wanted = path, wanted

    def __enter__(self):
        if not self.wanted:
            return
        if not os.path.exists(self.path):
            with open(self.path, 'wb') as f:
                os.chmod(self.path, 0o600)
                block = bytes(MIB)
                for _ in range(SWAP_BYTES // MIB):
                    f.write(block)
            subprocess.run(['mkswap', self.path], check=True, stdout=subprocess.DEVNULL)
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.swapon(self.path.encode(), 0) and ctypes.get_errno() != 16:
            skip('swapon: ' + os.strerror(ctypes.get_errno()))

    def __exit__(self, *_):
        if self.wanted:
            ctypes.CDLL(None).swapoff(self.path.encode())


class Hugetlb:
    """A pool of huge pages that is there inside `with`."""
    PATH, PAGES = '/proc/sys/vm/nr_hugepages', 8

    def __init__(self, wanted):
        self.wanted = wanted

    def set(self, nr):
        with open(self.PATH, 'w') as f:
            f.write(str(nr))

    def __enter__(self):
        if self.wanted:
            self.set(self.PAGES)

    def __exit__(self, *_):
        if self.wanted:
            self.set(0)


class Oracle:
    def __init__(self, directory, mmreplay):
        self.dir, self.mmreplay = directory, mmreplay
        self.programs = self.path('programs')
        self.files = [self.path('file'), self.path('stream')]
        self.swap = self.path('swap')

    def path(self, name):
        return os.path.join(self.dir, name)

    def build(self):
        cc = os.environ.get('CC', 'cc').split()
        subprocess.run(cc + ['-O1', '-static', '-nostdlib', '-fno-stack-protector', '-fno-builtin', '-fno-pie', '-no-pie',
                             '-o', self.programs, os.path.join(HERE, 'programs.c')], check=True)
        subprocess.run(cc + ['-O1', '-o', self.path('native-run'), os.path.join(HERE, 'native-run.c')], check=True)
        for name, mib in zip(self.files, (32, 192)):
            if not os.path.exists(name):
                block = bytes(range(1, 256)) * 4112
                with open(name, 'wb') as f:
                    for _ in range(mib):
                        f.write(block[:MIB])

    def command(self, case):
        # What file_write makes must not grow the stream.
        stream = self.path('written') if case == 'file_write' else self.files[1]
        return [self.programs, case, self.files[0], stream]

    def prepare(self, case):
        if case == 'file_write' and os.path.exists(self.path('written')):
            os.remove(self.path('written'))
        for name in self.files:
            drop(name)
        # What is mapped and read without a limit is there before: the oracle's table was measured so.
        if case in ('private_file', 'hot_file'):
            with open(self.files[0], 'rb') as f:
                while f.read(MIB):
                    pass

    def native(self, case):
        limit, swap, _, _ = CASES[case]
        self.prepare(case)
        command = [self.path('native-run'), '-c', '1']
        if limit:
            command += ['-l', str(limit * MIB)]
        with Swap(self.swap, swap), Hugetlb(case == 'hugetlb'):
            r = subprocess.run(command + self.command(case), stdout=subprocess.PIPE, text=True, check=False)
        if r.returncode == 77:
            skip('native-run')
        got = {}
        for line in r.stdout.splitlines():
            name, value = line.split()
            got[name] = int(value)
        return got

    def capture(self, case):
        self.prepare(case)
        trace = self.path(case + '.mmt')
        with Hugetlb(case == 'hugetlb'):
            r = subprocess.run([self.mmreplay, 'capture', '-q', '--method', 'valgrind', '-o', trace, '--'] +
                               self.command(case), check=False)
        if r.returncode == 4:
            skip('capture --method valgrind')
        return trace

    def in_guest(self, case, policy, counter):
        """On a machine like the guest's."""
        settings = ('memcg.version=v2', 'machine.memory=512M', 'reclaim.policy=' + policy, 'io.large_folios=off',
                    'vm.read_ahead_kb=128')
        return model_value(self.replay(case, settings), counter)

    def policies(self):
        print(f'{"refaults":16} {"guest":>8} {"model":>8} (classic) {"guest":>8} {"model":>8} (mglru)')
        bad = 0
        for case, guest in GUEST.items():
            model = [self.in_guest(case, policy, 'refault') for policy in ('classic', 'mglru')]
            print(f'{case:16} {guest[0]:8} {model[0]:8} {guest[1]:18} {model[1]:8}')
            bad += any(not within(m, [g], 5) for m, g in zip(model, guest))
        scanned = self.in_guest('file_loop', 'classic', 'pgscan')
        print(f'file_loop, pgscan: guest {GUEST_FILE_LOOP}, model {scanned}')
        return bad + (not within(scanned, [GUEST_FILE_LOOP], 10))

    def replay(self, case, extra=()):
        limit, swap, _, _ = CASES[case]
        # Natively a page that is touched for the first time takes half a microsecond, for some five accesses.
        command = [self.mmreplay, 'run', '-q', self.path(case + '.mmt'), '-s', 'machine.cpus=1', '-s', 'clock.ns_per_access=100']
        if limit:
            command += ['-s', f'memcg.max={limit}M']
        if swap:
            # A virtual disk does not seek, whatever it says of itself.
            command += ['-s', 'swap.disk_seek=0', '-s', 'swap.disk_page=1us', '-s', f'swap.areas={SWAP_BYTES // MIB}M:0:diskfile']
        for e in extra:
            command += ['-s', e]
        r = subprocess.run(command, stdout=subprocess.PIPE, check=False)
        if r.returncode:
            print('replay of', case, 'ended with', r.returncode)
            return None
        return json.loads(r.stdout)


def kernel_value(got, name):
    """One counter of a native run."""
    if name in ('min', 'maj'):
        return got[name + '_flt']
    if name in ('pgscan', 'pgsteal'):
        return sum(v for k, v in got.items() if k in (f'memcg.{name}_kswapd', f'memcg.{name}_direct',
                                                      f'memcg.{name}_khugepaged'))
    if name == 'refault':
        return got.get('stat.workingset_refault_anon', 0) + got.get('stat.workingset_refault_file', 0)
    if 'memcg.' + name in got:
        return got['memcg.' + name]
    if name.startswith(('pgscan', 'pgsteal', 'pgactivate', 'pgdeactivate', 'pgrefill', 'pglazy')):
        return 0    # counted by group, and none there
    return got.get('vmstat.' + name, 0)


def group_stat(result):
    """memory.stat of the group of the trace, {} without groups."""
    for group in (result.get('memcg') or {}).get('groups', []):
        if group['path'] == '/trace':
            return group['stat']
    return {}


def model_value(result, name):
    """The same of a replay: None where the model says that it cannot tell."""
    vmstat, group = result['vmstat'], group_stat(result)

    def get(key):
        # As in the kernel: what a limit makes it scan is counted by group only.
        grouped = key.startswith(('pgscan', 'pgsteal', 'pgactivate', 'pgdeactivate', 'pgrefill', 'pglazy', 'workingset_refault'))
        v = group.get(key) if grouped and key in group else vmstat.get(key)
        return v if isinstance(v, int) else None

    def total(*keys):
        known = [get(k) for k in keys if get(k) is not None]
        return sum(known) if known else None

    if name == 'maj':
        return get('pgmajfault')
    if name == 'min':
        fault, major = get('pgfault'), get('pgmajfault')
        return None if fault is None else fault - (major or 0)
    if name in ('pgscan', 'pgsteal'):
        return total(name + '_kswapd', name + '_direct', name + '_khugepaged')
    if name == 'refault':
        return total('workingset_refault_anon', 'workingset_refault_file')
    return get(name)


def within(model, kernel, percent):
    return model is not None and min(kernel) * (100 - percent) <= 100 * model <= max(kernel) * (100 + percent)


def row(name, kernel, model, exact):
    low, high = min(kernel), max(kernel)
    shown = str(low) if low == high else f'{low}-{high}'
    if model is None:
        return f'  {name:26} {shown:>16} {"-":>10}'
    off = 0 if low <= model <= high else model - high if model > high else model - low
    base = (low + high) / 2
    share = '' if off == 0 else f'{100 * off / base:+9.1f} %' if base else '  (kernel 0)'
    mark = '' if off == 0 else ' *** exact row' if exact else ''
    return f'  {name:26} {shown:>16} {model:>10} {off:>+9}{share}{mark}'


def judge(case, natives, result):
    """Rows of one case, and how many are not as they should be."""
    exact, others = CASES[case][2:]
    band, banded = BANDS.get(case, (0, ()))
    rows, wrong = {}, 0
    for name in exact + others:
        kernel = [kernel_value(n, name) for n in natives]
        model = model_value(result, name) if result else None
        rows[name] = {'kernel': kernel, 'model': model, 'exact': name in exact}
        wrong += name in exact and model not in kernel
        wrong += name in banded and not within(model, kernel, band)
    return rows, wrong


def main():
    p = argparse.ArgumentParser(usage=__doc__)
    p.add_argument('-n', type=int, default=3)
    p.add_argument('-d')
    p.add_argument('-m', default=os.environ.get('MMREPLAY', 'mmreplay'))
    p.add_argument('-s', action='append', default=[])
    for flag in 'jrklgp':
        p.add_argument('-' + flag, action='store_true')
    p.add_argument('cases', nargs='*')
    a = p.parse_args()
    names = a.cases or list(CASES)
    if a.l:
        print('\n'.join(CASES))
        return 0
    if a.g and not a.cases:
        names = [n for n in CASES if n.startswith('thp') and CASES[n][2] or n in BANDS or n == 'fork_cow']
    if os.geteuid() and not a.r:
        skip('not root')
    if a.g and not os.uname().release.startswith('6.18.'):
        skip('not the reference kernel: ' + os.uname().release)
    if not shutil.which('valgrind') and not a.r:
        skip('no valgrind')
    directory = a.d or tempfile.mkdtemp(prefix='mmreplay-oracle-')
    os.makedirs(directory, exist_ok=True)
    o = Oracle(directory, a.m)
    lock = open(o.path('lock'), 'w')
    if not a.r:
        fcntl.flock(lock, fcntl.LOCK_EX)
        o.build()
    bad, out = 0, {}
    if a.p:
        for case in [*GUEST, 'file_loop']:
            if not os.path.exists(o.path(case + '.mmt')) or not (a.k or a.r):
                o.capture(case)
        return 1 if o.policies() else 0
    for case in names:
        native_path = o.path(case + '.native.json')
        if not os.path.exists(o.path(case + '.mmt')) or not (a.k or a.r):
            o.capture(case)
        if os.path.exists(native_path) and (a.k or a.r):
            natives = json.load(open(native_path))
        else:
            natives = [o.native(case) for _ in range(a.n)]
            json.dump(natives, open(native_path, 'w'), indent=0)
        result = o.replay(case, a.s)
        rows, wrong = judge(case, natives, result)
        # Some counters are those of the whole machine: somebody else may have moved them.
        for _ in range(3 if a.g and not a.r else 0):
            if not wrong:
                break
            natives.append(o.native(case))
            rows, wrong = judge(case, natives, result)
        bad += wrong
        out[case] = rows
        if not a.j:
            limit, swap, _, _ = CASES[case]
            print(f'{case}: limit {limit or "none"} MiB, {"swap" if swap else "no swap"}\n'
                  f'  {"":26} {"kernel":>16} {"model":>10} {"off by":>9}')
            for name, r in rows.items():
                print(row(name, r['kernel'], r['model'], r['exact']))
            sys.stdout.flush()
    if a.j:
        json.dump(out, sys.stdout, indent=1)
    if not a.d:
        shutil.rmtree(directory)
    return 1 if a.g and bad else 0


if __name__ == '__main__':
    sys.exit(main())
