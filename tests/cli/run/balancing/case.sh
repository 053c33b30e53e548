# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
# NUMA balancing and tiers: what a trace of faults cannot answer, bad values, and what is null when forced
try() {
	$M run -q -o r.json "$@"
	echo $?
}
try -s numa.balancing=on $T/anon.mmt
try -s numa.demotion=on $T/anon.mmt
try -s numa.balancing=3 $T/runs.mmt
try -s numa.scan_period_min_ms=0 $T/runs.mmt
try -s numa.scan_size=4 $T/runs.mmt
try --force -s numa.balancing=on $T/anon.mmt
grep -E '^  *"(vmstat.numa_hint_faults|vmstat.pgpromote_success|numa.accesses|cost)": "' r.json
# two nodes: where each access went, by kind; the sum is the matrix of both
$MKTRACE "$G/balancing/trace.txt" moves.mmt
try -s machine.nodes=2 -s clock.ns_per_access=1000000 -s numa.balancing=on moves.mmt
python3 - <<'END'
import json
r = json.load(open('r.json'))
print(r['numa']['accesses']['data'], r['numa']['access_matrix'] == r['numa']['accesses']['data'])
print(r['vmstat']['pgmigrate_success'], r['numa']['processes'][0]['pages'])
# page tables stay where they are: walks from node 1 go on reading node 0; remote is twice as far
remote = r['numa']['access_matrix'][1][0] + r['numa']['accesses']['page_walk'][1][0]
print(r['cost']['memory']['remote_cycles'] == remote * r['cost']['memory']['local_cycles'])
END
