#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
"""Every header compiles alone, and twice in a row: private ones with the include root of their layer,
public ones with nothing but the public folder, as strict C11 and, where there is a C++ compiler, as C++.

usage: headers.py SOURCE_ROOT BUILD_ROOT CC...
"""

import concurrent.futures
import os
import shutil
import subprocess
import sys

import tree


def compile_alone(command, include):
    code = f'#include {include}\n#include {include}\nextern int unused;\n'
    run = subprocess.run(command + ['-fsyntax-only', '-'], input=code, text=True, capture_output=True)
    return [] if run.returncode == 0 else [f'{include}: {" ".join(command)}', run.stderr]


def jobs(root, build, cc):
    public = ['-I', os.path.join(root, 'include'), '-I', os.path.join(build, 'include')]
    strict = ['-Wall', '-Wextra', '-Werror']
    for path in tree.files(root, ['src'], ('.h',)):
        layer, name = path.split(os.sep)[1], os.path.relpath(path, 'src')
        yield (cc + ['-std=gnu17', '-D_GNU_SOURCE', '-DMM_DEBUG=0', *strict, '-Wno-unused-function',
                     '-I', os.path.join(build, 'roots', layer), *public, '-xc'], f'"{name}"')
    headers = [os.path.relpath(p, 'include') for p in tree.files(root, ['include'], ('.h',))]
    cxx = shutil.which('c++') or shutil.which('clang++')
    for name in sorted(headers + ['mmreplay/version.h']):
        yield cc + ['-std=c11', '-Wpedantic', *strict, *public, '-xc'], f'<{name}>'
        if cxx:
            yield [cxx, '-std=c++17', *strict, *public, '-xc++'], f'<{name}>'


def main():
    root, build, *cc = sys.argv[1:]
    work = list(jobs(root, build, cc))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(lambda job: compile_alone(*job), work)
        problems = [line for lines in results for line in lines]
    print(f'{len(work)} compilations')
    tree.verdict(problems)


main()
