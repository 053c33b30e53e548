#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
"""What the program says of itself is what the man pages say: commands, options, counters, settings, events,
sections of the result.

usage: pages.py SOURCE_ROOT MMREPLAY
"""

import json
import os
import re
import subprocess
import sys

root, mmreplay = sys.argv[1:]
problems = []


def output(*args):
    return subprocess.run([mmreplay, *args], check=True, capture_output=True, text=True).stdout


def page(name):
    path = os.path.join(root, 'man', name)
    if not os.path.exists(path):
        problems.append(f'{name}: there is no such page')
        return ''
    return re.sub(r'(?m)^[.\']\\".*$', '', open(path).read()).replace('\\-', '-')


def names(lines):
    return [line.split()[0] for line in lines.splitlines() if line.strip()]


def same(what, where, program, manual):
    """Both ways, and in the same order."""
    for x in program:
        if x not in manual:
            problems.append(f'{where}: {what} {x} is missing')
    for x in manual:
        if x not in program:
            problems.append(f'{where}: the program knows no {what} {x}')
    if not problems and program != manual:
        problems.append(f'{where}: the order of the {what}s differs from the program')


commands = re.findall(r'(?m)^  ([\w-]+)', output('--help'))
same('command', 'mmreplay.1', sorted(commands), sorted(re.findall(r'(?m)^\.BR mmreplay-([\w-]+) \(1\)$',
     page('mmreplay.1').split('.SH SEE ALSO')[0])))
for command in commands:
    text = page(f'mmreplay-{command}.1')
    options = set(re.findall(r'--[a-z][a-z-]*', output(command, '--help')))
    section = re.search(r'(?ms)^\.SH OPTIONS\n(.*?)(?=^\.SH |\Z)', text)
    described = set()
    # what a list of options describes is the line after .TP
    for head in re.findall(r'(?m)^\.TP[^\n]*\n([^\n]*)', section.group(1) if section else ''):
        described |= set(re.findall(r'--[a-z][a-z-]*', head))
    same('option', f'mmreplay-{command}.1', sorted(options), sorted(described))
    letters = set(re.findall(r'(?m)^  -(\w),', output(command, '--help'))) - {'q', 'v', 'h'}
    for letter in sorted(letters):
        if not re.search(rf'(?m)^\.[BI]+ "?-{letter}\b', section.group(1) if section else ''):
            problems.append(f'mmreplay-{command}.1: option -{letter} is missing')

entries = r'(?m)^\.TP\n\.BR? (\S+) "? ?\('
same('counter', 'mmreplay-counters.7', names(output('list', 'counters')),
     re.findall(entries, page('mmreplay-counters.7')))
same('key', 'mmreplay-config.5', names(output('list', 'keys')), re.findall(entries, page('mmreplay-config.5')))
source = open(os.path.join(root, 'src/sim/replay.h')).read()
divergence = re.search(r'(?ms)^\.SH DIVERGENCE\n(.*?)(?=^\.SH )', page('mmreplay-model.7'))
same('divergence', 'mmreplay-model.7', re.findall(r'\bX\([A-Z_]+, "(\w+)"', source),
     re.findall(r'(?m)^\.TP\n\.B (\S+)', divergence.group(1) if divergence else ''))
schema = json.load(open(os.path.join(root, 'schema/mmreplay-result.schema.json')))
sections = re.search(r'(?ms)^\.SH RESULT\n(.*?)(?=^\.SH )', page('mmreplay-run.1'))
same('section', 'mmreplay-run.1', sorted(schema['properties']),
     sorted(re.findall(r'(?m)^\.TP\n\.B (\S+)', sections.group(1) if sections else '')))
trace = page('mmreplay-trace.5')
for event in names(output('list', 'events')):
    if not re.search(rf'\b{event}\b', trace):
        problems.append(f'mmreplay-trace.5: event {event} is missing')

for p in problems:
    print(p)
print(f'{len(problems)} problems' if problems else 'ok')
sys.exit(1 if problems else 0)
