#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
"""No function of the hot path or of the fault tree needs a second screen, and none anywhere is endless.

usage: sizes.py SOURCE_ROOT

Prints the longest functions and files; a problem is what passes the limits below. They are the point where the
house style's "think again" (60 lines, 700 lines) has had its answer.
"""

import sys

import tree

SCREEN = 60
SCREEN_FILES = ('src/mm/mmu', 'src/mm/fault', 'src/mm/huge_memory', 'src/machine/tlb')
FUNCTION_MAX, FILE_MAX = 100, 900


def functions(text):
    """(first line, length) of each function: a brace in column 0 opens, one closes."""
    start, lines = None, text.split('\n')
    for number, line in enumerate(lines, 1):
        if line.startswith('{'):
            start = number
            while start > 1 and lines[start - 2].startswith('\t'):
                start -= 1
            start -= 1
        elif line == '}' and start:
            yield start, number - start + 1
            start = None


def main():
    root = sys.argv[1]
    problems, longest = [], []
    for path in tree.files(root, ['src'], ('.c', '.h')):
        text = tree.read(root, path)
        if text.count('\n') > FILE_MAX:
            problems.append(f'{path}: {text.count(chr(10))} lines')
        limit = SCREEN if path.startswith(SCREEN_FILES) else FUNCTION_MAX
        for line, length in functions(tree.bare_c(text)):
            longest.append((length, f'{path}:{line}'))
            if length > limit:
                problems.append(f'{path}:{line}: function of {length} lines, at most {limit} here')
    lengths = sorted(n for n, _ in longest)
    print(f'{len(lengths)} functions, half up to {lengths[len(lengths) // 2]} lines, '
          f'nine in ten up to {lengths[len(lengths) * 9 // 10]}; the longest:')
    for length, place in sorted(longest, reverse=True)[:10]:
        print(f'  {length:4} {place}')
    tree.verdict(problems)


main()
