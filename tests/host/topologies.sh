#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
#
# topologies.sh MMREPLAY MKTRACE TRACE.txt SOURCE_ROOT
#
# /proc and /sys of real machines, as hwloc's own tests have them (../shared/data/hwloc, not part of the project),
# through lstopo into `run -m`: nodes, CPUs, memory and distances must be those of /sys. 77 without them.
set -eu
mmreplay=$1 mktrace=$2 trace=$3 data=$4/../shared/data/hwloc
command -v lstopo >/dev/null || exit 77
ls "$data"/*.tar.bz2 >/dev/null 2>&1 || exit 77
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$mktrace" "$trace" "$work/t.mmt"
cat >"$work/check.py" <<'END'
import glob, json, os, re, sys

root, result = sys.argv[1:]
nodes = []
for path in sorted(glob.glob(root + '/sys/devices/system/node/node[0-9]*'), key=lambda p: int(p.rsplit('node', 1)[1])):
    memory = re.search(r'MemTotal:\s+(\d+)', open(path + '/meminfo').read())
    nodes.append({'memory': int(memory.group(1)) * 1024 >> 21 << 21,
                  'distance': list(map(int, open(path + '/distance').read().split()))})
config = json.load(open(result))['config']
topology = config['topology']
assert config['topology_source'] == 'hwloc'
assert len(topology['nodes']) == len(nodes), (len(topology['nodes']), len(nodes))
for have, want in zip(topology['nodes'], nodes):
    assert have['memory_bytes'] == want['memory'], (have, want)
assert topology['distances'] == [n['distance'] for n in nodes]
online = open(root + '/sys/devices/system/cpu/online').read().strip() if os.path.exists(
    root + '/sys/devices/system/cpu/online') else None
if online:
    nr = sum(int(r.split('-')[-1]) - int(r.split('-')[0]) + 1 for r in online.split(','))
    assert sum(n['cpus'] for n in topology['nodes']) == nr, nr
END
nr=0
# The smaller ones, for the sake of time; all of them with MMR_ALL=1.
# shellcheck disable=SC2012
for archive in $(ls -Sr "$data"/*.tar.bz2 | head -n $((${MMR_ALL:-0} ? 99 : 2))); do
	mkdir "$work/fs"
	# what cannot be made here (device nodes) is not needed either
	tar xjf "$archive" -C "$work/fs" --wildcards '*/sys/devices/system/*' '*/proc/*' 2>/dev/null || true
	root=$(echo "$work"/fs/*)
	HWLOC_FSROOT=$root HWLOC_COMPONENTS=linux,stop lstopo --of xml >"$work/box.xml"
	status=0
	"$mmreplay" run -q -m "$work/box.xml" "$work/t.mmt" -o "$work/r.json" 2>"$work/err" || status=$?
	if grep -q '"Architecture" value="aarch64"' "$work/box.xml"; then
		[ $status = 2 ] && grep -q "is of an 'aarch64' machine" "$work/err"
	else
		[ $status = 0 ] || { cat "$work/err"; exit 1; }
		python3 "$work/check.py" "$root" "$work/r.json"
	fi
	nr=$((nr + 1))
	rm -rf "$work/fs"
done
echo "$nr machines"
