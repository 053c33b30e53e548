#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
"""Real traces of DynamoRIO import with the counts that a straightforward reader of their records has, and replay.

usage: imports.py MMREPLAY FOLDER

FOLDER has the files; without it the test is skipped (77). A file name stands for each expectation, so a missing file
fails.
"""

import collections
import glob
import gzip
import json
import os
import struct
import subprocess
import sys
import tempfile
import zipfile

NAMES = ['drmemtrace.allasm_x86_64.trace.zip', 'drmemtrace.as_traced.x64.tracedir', 'drmemtrace.simple_app.trace.zip',
         'drmemtrace.small.x64.trace', 'drmemtrace.threadsig-core-sharded.x64.tracedir', 'offline-legacy-trace.gz',
         'threadsig.aarch64']
FETCHES = set(range(10, 17)) | {31, 48, 49}


def unpacked(path):
    with open(path, 'rb') as f:
        data = f.read()
    if data[:2] == b'PK':
        z = zipfile.ZipFile(path)
        return b''.join(z.read(name) for name in sorted(z.namelist()))
    return gzip.decompress(data) if data[:2] == b'\x1f\x8b' else data


def count(path):
    """Fetches, reads and writes by the types of the records."""
    types = collections.Counter()
    files = glob.glob(path + '/*.trace.zip') if os.path.isdir(path) else [path]
    for file in files:
        data = unpacked(file)
        types.update(t for t, _, _ in struct.iter_unpack('<HHQ', data[:len(data) // 12 * 12]))
    return [sum(n for t, n in types.items() if t in FETCHES), types[0], types[1]]


def main():
    mmreplay, folder = sys.argv[1:]
    if not os.path.isdir(folder):
        print('no folder of foreign traces')
        return 77
    bad = 0
    with tempfile.TemporaryDirectory() as work:
        for name in NAMES:
            out = os.path.join(work, 't.mmt')
            subprocess.run([mmreplay, 'import', '-q', os.path.join(folder, name), '-o', out], check=True)
            info = json.loads(subprocess.run([mmreplay, 'info', '--json', out], check=True, capture_output=True).stdout)
            touches = info['touches']
            # an access that straddles two pages is one of the splits, too
            have = touches['insn_touches'] + touches['data_reads'] + touches['data_writes'] - touches['splits']
            want = count(os.path.join(folder, name))
            run = subprocess.run([mmreplay, 'run', '-q', out], capture_output=True, check=True)
            diverged = json.loads(run.stdout)['divergence']
            same = have == sum(want)
            # addresses of Arm programs lie beyond what x86-64 gives to programs
            wrong = {k: v for k, v in diverged.items() if v and 'aarch64' not in name}
            print(f'{name}: {want} records, {have} accesses' + ('' if same else ' DIFFER') + (f' {wrong}' if wrong else ''))
            bad += not same or bool(wrong)
    return bad > 0


sys.exit(main())
