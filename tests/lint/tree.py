# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
"""What the lints share: the project's files, C without its comments and strings, and the verdict."""

import os
import re
import sys


def files(root, folders, suffixes):
    """Paths relative to `root`, sorted, of the files in `folders` that end in one of `suffixes`."""
    found = []
    for folder in folders:
        for at, dirs, names in os.walk(os.path.join(root, folder)):
            dirs[:] = sorted(d for d in dirs if not d.startswith('.') and d != '__pycache__')
            found += [os.path.relpath(os.path.join(at, n), root) for n in names if n.endswith(suffixes)]
    return sorted(found)


def read(root, path):
    with open(os.path.join(root, path), encoding='utf-8') as f:
        return f.read()


_TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def bare_c(text):
    """C source with comments and the inside of strings blanked; lines keep their numbers."""

    def blank(m):
        s = m.group(0)
        if s[0] in '"\'':
            return s[0] + ' ' * (len(s) - 2) + s[-1]
        return re.sub(r'[^\n]', ' ', s)

    return _TOKEN.sub(blank, text)


def includes(text):
    """(line, path, quoted) of each #include, those in comments left out."""
    bare = bare_c(text).split('\n')
    for number, line in enumerate(text.split('\n'), 1):
        m = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        if m and bare[number - 1].lstrip().startswith('#'):
            yield number, m.group(2), m.group(1) == '"'


def verdict(problems):
    """Prints what is wrong and ends the lint."""
    for p in problems:
        print(p)
    print(f'{len(problems)} problems' if problems else 'ok')
    sys.exit(1 if problems else 0)
