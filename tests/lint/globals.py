#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
"""No layer below cli/ has a variable that lives outside its structs: two systems live in one process.

usage: globals.py OBJDUMP LIBRARY...

Looks at what the compiler made: an object in .data or .bss is a global or a static variable, however it was
written. Constants are in .rodata and .data.rel.ro.
"""

import re
import subprocess
import sys

import tree

SYMBOL = re.compile(r'^[0-9a-f]+ (.{7}) (\.t?(?:data|bss)[\w.]*|\*COM\*)\s+([0-9a-f]+)\s+(?:\.hidden )?(\S+)$')
SANITIZER = re.compile(r'^(\.L|__asan|__ubsan|\.str|__odr_asan|asan\.|___asan)')


def main():
    objdump, *libraries = sys.argv[1:]
    problems = []
    for library in libraries:
        out = subprocess.run([objdump, '-t', library], text=True, check=True, capture_output=True).stdout
        member = library
        for line in out.split('\n'):
            if line.endswith('file format elf64-x86-64') or ':     file format' in line:
                member = line.split(':')[0]
            m = SYMBOL.match(line)
            if not m or m.group(2).startswith('.data.rel.ro') or m.group(1)[6] != 'O':
                continue
            if int(m.group(3), 16) and not SANITIZER.match(m.group(4)):
                problems.append(f'{library}({member}): {m.group(4)} in {m.group(2)}')
    tree.verdict(problems)


main()
