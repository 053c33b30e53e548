# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
# Where pages lie, to the page: the golden tests' traces of policies. Interleaving is exact; BIND beyond a node's capacity
# fails, all other policies fall back.
show() {
	name=$1 trace=$2
	shift 2
	$M run -q -s machine.nodes=4 -s machine.cpus=4 "$@" $trace.mmt -o r.json || exit
	python3 - "$name" <<'END'
import json, sys
r = json.load(open('r.json'))
print(sys.argv[1], '- killed:', r['vmstat']['oom_kill'],
      '- misses are foreign:', r['vmstat']['numa_miss'] == r['vmstat']['numa_foreign'])
for p in r['numa']['processes']:
    for a in p['areas']:
        print(' ', p['pid'], a['policy'], a['pages'])
END
}
$MKTRACE $G/policy/trace.txt policy.mmt
$MKTRACE $G/policy-full/trace.txt full.mmt
show weights policy -s numa.weights=3,1,2
show cpuset policy -s numa.cpuset_mems=1,3
for policy in interleave weighted-interleave:0,3 interleave:1-2; do
	show $policy full -s machine.memory=512M -s numa.policy=$policy -s numa.weights=4
done
# a node of 32 MiB holds less than the 10000 pages: how many go by is the allocator's business, whether any fail is not
for policy in local bind:1 bind:1-2 preferred:1 preferred-many:1; do
	show $policy full -s machine.memory=128M -s numa.policy=$policy | sed -n 1p
done
