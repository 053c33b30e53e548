#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
"""Every golden result is what the schema says; a result that is spoilt in any one place is not.

usage: schema.py SCHEMA.json GOLDEN_FOLDER
"""

import copy
import glob
import json
import sys

try:
    import jsonschema
except ImportError:
    print('python3-jsonschema is not installed')
    sys.exit(77)


def spoilt(result):
    """Copies with one thing wrong."""
    for key in result:
        r = copy.deepcopy(result)
        del r[key]
        yield f'without {key}', r
    for path, value in ((('schema',), 'mmreplay-result/2'), (('vmstat', 'pgfault'), -1), (('extra',), 0),
                        (('trace', 'basis'), 'guessed'), (('tasks',), {}), (('model', 'zone_lock'), 1.5),
                        (('unavailable', 'tlb'), ''), (('config', 'forced'), 'no')):
        r = copy.deepcopy(result)
        at = r
        for key in path[:-1]:
            at = at[key]
        at[path[-1]] = value
        yield f'with {".".join(path)} = {value!r}', r


def main():
    validator = jsonschema.Draft7Validator(json.load(open(sys.argv[1])))
    validator.check_schema(validator.schema)
    # machine.json beside a trace.txt is that trace's metadata
    files = sorted(p for p in glob.glob(sys.argv[2] + '/*/*.json') if not p.endswith('/machine.json'))
    problems = []
    for path in files:
        for e in validator.iter_errors(json.load(open(path))):
            problems.append(f'{path}: {list(e.absolute_path)}: {e.message[:200]}')
    for what, result in spoilt(json.load(open(files[0]))):
        if validator.is_valid(result):
            problems.append(f'the schema takes a result {what}')
    for p in problems:
        print(p)
    print(f'{len(files)} results, {len(problems)} problems')
    sys.exit(1 if problems or not files else 0)


main()
