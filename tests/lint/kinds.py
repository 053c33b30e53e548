#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
"""The table of kinds in mmreplay-trace(5) is the list in include/mmreplay/trace-events.h.

usage: kinds.py SOURCE_ROOT [--update]
"""

import re
import sys

KIND = re.compile(r'EV\((\d+), \w+, "(\w+)", "([^"]*)",(.*?)(?=\nEV\(|\n/\*|\n\n#endif)', re.S)
FIELD = re.compile(r'F\((\w+), (\w+), "')
MARK = {'ADDR': '*', 'DELTA': '+', 'UINT': ''}
TABLE = re.compile(r'(\.\\" kinds: begin[^\n]*\n)(.*?)(\.\\" kinds: end\n)', re.S)


def main():
    root = sys.argv[1]
    header = open(f'{root}/include/mmreplay/trace-events.h').read()
    page = open(f'{root}/man/mmreplay-trace.5').read()
    rows = []
    for number, name, meaning, fields in KIND.findall(header[header.index('EV(1,'):]):
        named = ', '.join(field + MARK[enc] for field, enc in FIELD.findall(fields))
        meaning = re.sub(r'\s*\\\n\s*', ' ', meaning)
        rows.append(f'.TP\n{number} {name}\n{meaning[0].upper()}{meaning[1:]}:\n{named}\n')
    text = ''.join(rows).replace('-', '\\-')
    if len(rows) != header.count('\nEV('):
        print(f'only {len(rows)} of the kinds understood')
        return 1
    new = TABLE.sub(lambda m: m[1] + text + m[3], page)
    if sys.argv[2:] == ['--update']:
        open(f'{root}/man/mmreplay-trace.5', 'w').write(new)
    elif new != page:
        print('the table of kinds in man/mmreplay-trace.5 is not that of trace-events.h: kinds.py ROOT --update')
        return 1
    print('ok')
    return 0


sys.exit(main())
