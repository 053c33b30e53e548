#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
"""Functions that must not be called: unsafe ones anywhere, and below src/cli/ what prints, exits, or makes
a result depend on the host (time, random numbers, locale, environment, the order of equal elements).

usage: banned.py SOURCE_ROOT
"""

import re
import sys

import tree

# (functions, folders where the ban holds, files that are excepted, why)
# writer.c looks at the clock to end a block in time, and at standard output as a file to write to.
MODEL = ('base', 'machine', 'mm', 'sim', 'report')
LIBRARIES = MODEL + ('trace', 'capture', 'import', 'gen', 'edit')
RULES = [
    ('strcpy strcat stpcpy sprintf vsprintf gets strtok strncpy alloca atoi atol atoll scanf',
     LIBRARIES + ('cli',), (), 'unsafe'),
    ('sscanf', MODEL + ('trace', 'import', 'cli'), (), 'overflows silently; take units.h'),
    ('rand srand random srandom drand48 lrand48 rand_r getrandom arc4random',
     LIBRARIES, (), 'not the same everywhere; take struct rng'),
    ('time localtime gmtime ctime asctime strftime gettimeofday clock clock_gettime getenv secure_getenv',
     MODEL + ('trace',), ('src/base/progress.c', 'src/trace/writer.c'), 'a fact of the host must not reach a result'),
    ('setlocale', LIBRARIES + ('cli',), (), 'the format of numbers depends on it'),
    ('printf vprintf puts putchar putc perror err errx warn warnx dprintf vdprintf',
     LIBRARIES, (), 'libraries do not print'),
    ('exit quick_exit', LIBRARIES, (), 'libraries do not exit'),
    # hwloc.c ends a child of its own, and takes standard error from it
    ('_exit', LIBRARIES, ('src/base/xalloc.c', 'src/capture/', 'src/machine/hwloc.c'), 'libraries do not exit'),
    ('abort', LIBRARIES, ('src/base/bug.c',), 'BUG_ON() says where'),
    ('assert', LIBRARIES + ('cli',), (), 'BUG_ON() is always on, VM_BUG_ON() by option'),
    ('malloc calloc realloc strdup strndup asprintf vasprintf aligned_alloc posix_memalign',
     LIBRARIES + ('cli',), ('src/base/xalloc.c',), 'xmalloc() and its kin end with a message'),
]
NAMES = [
    ('stdout stderr STDOUT_FILENO STDERR_FILENO', LIBRARIES,
     ('src/base/bug.c', 'src/base/xalloc.c', 'src/base/progress.c', 'src/trace/writer.c', 'src/capture/',
      'src/machine/hwloc.c'),
     'libraries do not print'),
]


def excepted(path, files):
    return any(path == f or (f.endswith('/') and path.startswith(f)) for f in files)


def patterns():
    for words, folders, files, why in RULES:
        yield re.compile(r'(?<![\w.>])(%s)\s*\(' % '|'.join(words.split())), folders, files, why
    for words, folders, files, why in NAMES:
        yield re.compile(r'(?<![\w.>])(%s)\b' % '|'.join(words.split())), folders, files, why


def check_sort(path, lines, bare):
    """qsort() is not stable: the comparison must leave no ties, and a comment must say so."""
    for number, line in enumerate(bare, 1):
        near = '\n'.join(lines[max(0, number - 12):number])
        if re.search(r'\bqsort(_r)?\s*\(', line) and 'no ties' not in near:
            yield f'{path}:{number}: qsort() without a comment "no ties: ..." that says why order is total'


def main():
    root = sys.argv[1]
    problems, rules = [], list(patterns())
    for path in tree.files(root, ['src'], ('.c', '.h')):
        text = tree.read(root, path)
        bare = tree.bare_c(text).split('\n')
        folder = path.split('/')[1]
        if folder in LIBRARIES:
            problems += check_sort(path, text.split('\n'), bare)
        for pattern, folders, files, why in rules:
            if folder not in folders or excepted(path, files):
                continue
            for number, line in enumerate(bare, 1):
                for m in pattern.finditer(line):
                    problems.append(f'{path}:{number}: {m.group(1)}: {why}')
    tree.verdict(problems)


main()
