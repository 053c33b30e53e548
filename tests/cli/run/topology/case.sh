# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
# nodes of a machine: with and without CPUs and memory, at places of their own, and impossible ones
cat >machine.py <<'END'
import json, sys
m = {"name": "box", "description": "made up", "source": "no real machine", "geometry": "x86-64",
     "topology": {"source": "no real machine", "nodes": json.loads(sys.argv[1])},
     "tlb": {"l1_data": [{"pages": ["4K", "2M", "1G"], "entries": 64, "ways": 4, "source": "none"}],
             "l1_instruction": [{"pages": ["4K", "2M", "1G"], "entries": 64, "ways": 4, "source": "none"}]},
     "walk_caches": [], "asids": {"kind": "pcid", "number": 6, "source": "none"},
     "cycles": {"l2_tlb_hit": {"value": 7, "source": "none"}, "walk_reference": {"value": 14, "source": "none"}}}
if len(sys.argv) > 2:
    m["topology"]["distances"] = json.loads(sys.argv[2])
json.dump(m, open('box.json', 'w'))
END
cat >nodes.py <<'END'
import json, sys
r = json.load(sys.stdin)
print(r['config']['topology_source'], [n['cpus'] for n in r['config']['topology']['nodes']])
for n in r['memory']['nodes']:
    print('node', n['node'], 'cpus' if n['has_cpus'] else 'no cpus', n['fallback_nodes'],
          *(f"{z['zone']} {z['start_pfn']}+{z['present_pages']}" for z in n['zones']))
v = r['vmstat']
print('miss', v['numa_miss'], 'all local' if v['numa_local'] == v['numa_hit'] else 'all other' if v['numa_other'] == v['numa_hit'] else 'mixed')
END
run() {
	python3 machine.py "$@"
	$M run -q --check -m ./box.json -s machine.topology=profile "$T/runs.mmt" >r.json && python3 nodes.py <r.json
	echo "= $?"
}
# one; two, of which one has no CPUs; four, of which one has no memory
run '[{"memory": "1G", "cpus": 2}]'
run '[{"memory": "1G", "cpus": 2}, {"memory": "4G", "cpus": 0}]'
run '[{"memory": "0", "cpus": 2}, {"memory": "1G", "cpus": 1}, {"memory": "1G", "cpus": 0}, {"memory": "0", "cpus": 1}]' \
	'[[10, 30, 20, 20], [30, 10, 20, 20], [20, 20, 10, 20], [20, 20, 20, 10]]'
run '[{"memory": "1G", "start": "8G", "cpus": 1}, {"memory": "1G", "start": "0", "cpus": 1}]'
# eight, evenly
$M run -q --check -s machine.nodes=8 -s machine.cpus=8 -s machine.memory=1G "$T/runs.mmt" | python3 nodes.py
# impossible
run '[]'
run '[{"memory": "1G", "cpus": 0}]'
run '[{"memory": "0", "cpus": 1}]'
run '[{"memory": "1G", "start": "0", "cpus": 1}, {"memory": "1G", "start": "512M", "cpus": 1}]'
run '[{"memory": "1G", "start": "3584M", "cpus": 1}]'
run '[{"memory": "1G", "start": "1M", "cpus": 1}]'
run '[{"memory": "1M", "cpus": 1}, {"memory": "1G", "cpus": 1}]'
run '[{"memory": "1G", "cpus": 1}, {"memory": "1G", "cpus": 1}]' '[[10, 20]]'
run '[{"memory": "1G", "cpus": 1}, {"memory": "1G", "cpus": 1}]' '[[10, 300], [20, 10]]'
run '[{"memory": "1G", "cpus": 1}, {"memory": "1G", "cpus": 1}]' '[[11, 20], [20, 10]]'
# larger base pages than the trace's
sed -i -e 's/"x86-64"/"arm64-64k"/' -e 's/"4K", "2M", "1G"/"64K", "512M"/' box.json
$M run -q -m ./box.json -s machine.memory=2G "$T/runs.mmt"; echo $?
