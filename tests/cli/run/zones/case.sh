# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
# zones by architecture: 32-bit machines with high memory and its windows, ZONE_MOVABLE, and what cannot be
cat >zones.py <<'END'
import json, sys
r = json.load(sys.stdin)
for node in r['memory']['nodes']:
    print('node', node['node'], 'then', node['fallback_nodes'], *(
        f"{z['zone']} {z['start_pfn']}+{z['present_pages']}" for z in node['zones']))
for key in sys.argv[1:]:
    print(key, r['vmstat'][key] if key in r['vmstat'] else r['model'][key])
END
# 100 pages written by a parent, and again by its child: 100 pages are cleared through a window each, 100 copied through two.
# A device of 8 pages, written: no fault, no page.
cp "$G/exact.json" .
cat >t.txt <<END
@exact.json
0 0 1 task tid=7 pid=7 ppid=1 mm=1
0 0 1 mmap addr=0x10000000 len=0x64000 prot=3 flags=0x22
0 0 1 file file=1 dev=5 ino=1 size=0 type=2 data="/dev/fb0"
0 0 1 mmap addr=0x20000000 len=0x8000 prot=3 flags=0x1 file=1
10 0 1 ktouch addr=0x10000000 len=0x64000 write=1
20 0 1 ktouch addr=0x20000000 len=0x8000 write=1
30 0 1 fork child=2 tid=8 pid=8 flags=0x1200011
40 0 2 ktouch addr=0x10000000 len=0x64000 write=1
50 0 2 exit code=0
60 0 1 exit code=0
END
$MKTRACE t.txt t.mmt
keys='fault_anon_alloc fault_wp_copy fault_special'
windows='kmap kmap_hit kmap_flush kmap_wait kmap_local'
for m in x86-32 x86-32-pae; do
	echo "$m"
	$M run -q --check -m $m -s machine.topology=profile t.mmt >r.json
	# shellcheck disable=SC2086
	python3 zones.py $keys $windows <r.json
done
echo pkmap
$M run -q -m x86-32 -s machine.topology=profile -s kernel.highmem_map=pkmap t.mmt | python3 zones.py $windows
# tables are looked at by 200 faults, the device's mapping, fork (2 tables, twice each) and two exits (2 tables each)
echo highpte
$M run -q --check -m x86-32 -s machine.topology=profile -s kernel.highpte=on t.mmt |
	python3 zones.py kmap_local
echo movable
$M run -q --check -s machine.memory=8G -s machine.nodes=2 -s memory.movablecore=2G t.mmt | python3 zones.py
$M run -q --check -s machine.memory=8G -s machine.nodes=2 -s memory.movable_nodes=1 t.mmt | python3 zones.py
$M run -q -s machine.nodes=2 -s memory.movable_nodes=0 t.mmt; echo $?
$M run -q -s machine.nodes=2 -s memory.movable_nodes=5 t.mmt; echo $?
$M run -q -s memory.movable_nodes=0-64 t.mmt; echo $?
$M run -q -s vm.lowmem_reserve_ratio=1,2 t.mmt; echo $?
$M run -q -m x86-32 -s machine.memory=4G t.mmt; echo $?
# 64-bit addresses
$M run -q -m x86-32 "$T/tasks.mmt"; echo $?
