# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
$M compare --format markdown $G/numa/one-node.json $G/numa/two-nodes.json --fail 'numa.remote_ratio>0.5'
$M compare --format json $G/thp/captured.json $G/thp/always.json --fail 'model.fault_anon_huge!=' -o out.json; echo $?
grep -B1 -A8 fault_anon_huge out.json
