#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
"""Every file says its licence in its first lines; every C file then says what it is for.

usage: heads.py SOURCE_ROOT
"""

import re
import sys

import tree

# What is linked with Valgrind's core, and nothing else, is under its licence.
GPL = ('src/capture/valgrind/mmreplay_main.c',)
C_HEAD = re.compile(r'/\* SPDX-License-Identifier: MIT \*/\n/\* Copyright the mmreplay authors \*/\n')
PURPOSE = re.compile(r'/\*')
OTHER_HEAD = re.compile(r'(#!.*\n)?# SPDX-License-Identifier: MIT\n# Copyright the mmreplay authors\n')


def main():
    root = sys.argv[1]
    problems = []
    for path in tree.files(root, ['src', 'include', 'tests', 'bench'], ('.c', '.h', '.h.in')):
        text = tree.read(root, path)
        if path in GPL:
            text = text.replace('GPL-2.0-or-later', 'MIT', 1)
        m = C_HEAD.match(text)
        if not m:
            problems.append(f'{path}: no SPDX head of two lines')
        elif not PURPOSE.match(text, m.end()) and not path.endswith('.h.in'):
            problems.append(f'{path}: no comment under the head that says what the file is for')
    for path in tree.files(root, ['src', 'tests', 'bench', 'traces'], ('.sh', '.py')):
        if not OTHER_HEAD.match(tree.read(root, path)):
            problems.append(f'{path}: no SPDX head')
    tree.verdict(problems)


main()
