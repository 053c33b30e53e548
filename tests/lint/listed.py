#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
"""A test that exists runs: every file of tests/ that is a test is named in a meson.build, and so is every
source file and man page.

usage: listed.py SOURCE_ROOT

A file is named when the meson.build of its folder, or of one above, holds its name, its name without suffix
or prefix (test-, model-, fuzz-), or the name of its folder (a case of tests/cli or tests/golden).
"""

import os
import re
import sys

import tree

NOT_TESTS = ('tests/support/', 'tests/lint/tree.py')


def words_above(root, folder):
    """Every quoted word in the meson.build files from `folder` up to the root."""
    words = set()
    while True:
        build = os.path.join(root, folder, 'meson.build')
        if os.path.exists(build):
            words |= set(re.findall(r"'([^']*)'", re.sub(r'#.*', '', open(build).read())))
        if not folder:
            return words
        folder = os.path.dirname(folder)


def names_of(path):
    base = os.path.basename(path)
    stem = os.path.splitext(base)[0]
    folder = os.path.dirname(path)
    yield base
    yield stem
    yield re.sub(r'^(test|model|fuzz)-', '', stem)
    if base in ('case.sh', 'config.json'):
        yield os.path.basename(folder)
        yield '/'.join(folder.split('/')[-2:])


def main():
    root = sys.argv[1]
    candidates = tree.files(root, ['tests'], ('.c', '.sh', '.py'))
    candidates += tree.files(root, ['src'], ('.c',))
    candidates += tree.files(root, ['man'], tuple(f'.{n}' for n in range(1, 9)))
    problems = []
    for path in candidates:
        if path.startswith(NOT_TESTS):
            continue
        if not set(names_of(path)) & words_above(root, os.path.dirname(path)):
            problems.append(f'{path}: in no meson.build')
    print(f'{len(candidates)} files')
    tree.verdict(problems)


main()
