#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
#
# Small programs with known memory behaviour, captured and replayed: minor faults, resident set, page-table
# memory and number of areas are the kernel's, to the unit.
#
# usage: workloads.sh MMREPLAY WORKLOAD
set -u
mmreplay=$1 workload=$2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failed=0

"$mmreplay" doctor >"$dir/doctor" 2>&1
for row in 'faults *user and kernel mode' 'ptrace' 'tracepoint *raw_syscalls:sys_exit' 'kpageflags'; do
	grep -q "^ok  *$row\|^limited  *$row, without" "$dir/doctor" ||
		{ echo "not permitted here: $row"; exit 77; }
done
# The model's behaviour is that of the reference kernel.
case $(uname -r) in
6.18.*) ;;
*) echo "not the reference kernel: $(uname -r)"; exit 77 ;;
esac

dd if=/dev/zero of="$dir/file" bs=1M count=32 2>/dev/null
cat "$dir/file" >/dev/null

# The counters that differ, one a line.
differ() {
	python3 - "$1" <<'PY'
import json, sys
exact = ('min_flt', 'rss_anon_pages', 'rss_file_pages', 'rss_shmem_pages', 'pgtables_bytes', 'nr_vmas')
result = json.load(open(sys.argv[1]))
if not result['processes']:
    print('no process')
for p in result['processes']:
    for key in exact:
        c = p['counters'][key]
        if c['kernel'] is None or c['kernel'] != c['model']:
            print(p['name'], key, 'kernel', c['kernel'], 'model', c['model'])
PY
}

# Left out: hot_file, whose faults vary in the kernel itself with the read-ahead of the moment; huge pages where the
# host does not show its settings.
left_out='^hot_file$'
[ -r /sys/kernel/mm/transparent_hugepage/enabled ] || left_out='^hot_file$|^thp'
for name in $("$workload" 2>&1 | grep -Ev "$left_out"); do
	"$mmreplay" capture -q -o "$dir/t.mmt" -- "$workload" "$name" "$dir/file" >/dev/null || failed=1
	"$mmreplay" validate -q --json -o "$dir/v.json" "$dir/t.mmt"
	differ "$dir/v.json" >"$dir/differ" || failed=1
	[ -s "$dir/differ" ] || continue
	echo "FAIL: $name"
	cat "$dir/differ"
	failed=1
done
exit $failed
