# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
# a result's settings, given back, give the same result; single settings and files count in their order
$M run -s thp.enabled=always -s machine.nodes=2 $T/runs.mmt >1.json
python3 -c 'import json; json.dump(json.load(open("1.json"))["config"]["settings"], open("c.json", "w"))'
$M run -c c.json $T/runs.mmt >2.json
cmp 1.json 2.json
$M run -c c.json -s thp.enabled=never $T/runs.mmt | grep '"thp.enabled"'
echo '{"vm": {"fault_around_bytes": "128K", "max_map_count": 100}, "kernel.pcp": false}' >nested.json
$M run -c nested.json $T/runs.mmt | grep -E '"(vm.fault_around_bytes|vm.max_map_count|kernel.pcp)"'
echo '{"vm": {"fault_around": 1}}' >bad.json
$M run -c bad.json $T/runs.mmt; echo $?
echo '{' >bad.json
$M run -c bad.json $T/runs.mmt; echo $?
$M run -c nothing.json $T/runs.mmt
