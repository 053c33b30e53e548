# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
# policies, cpusets and placements that the machine cannot have end with 2 and say which node; both keys at once work
try() {
	$M run -q -s machine.nodes=2 -s machine.cpus=2 "$@" -o r.json $T/anon.mmt
	echo $?
}
try -s numa.policy=bind:0-2
try -s numa.policy=bind:0-
try -s numa.policy=bind:1,70
try -s numa.policy=sometimes:1
try -s numa.policy=local -s numa.policy_nodes=1
try -s numa.policy=preferred:0-1
try -s numa.policy=bind:0 -s numa.cpuset_mems=1
try -s numa.cpuset_mems=2
try -s numa.cpu_nodes=5
try -s numa.weights=3,256
try -s numa.placement=everywhere
try -s machine.cpus=1 -s numa.cpu_nodes=1
try -s numa.policy=bind:1 -s numa.weights=3,1,0 -s numa.placement=tasks
grep -E '"numa\.(policy|policy_nodes|cpuset_mems|weights|cpu_nodes|placement)"' r.json
