# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
# every shipped job file makes a trace that replays: accesses, faults, allocations
for job in "$G"/../../traces/jobs/*.ini; do
	name=$(basename "$job" .ini)
	$M gen -q "$job" -o t.mmt || echo "gen $?"
	$M run -q t.mmt -o r.json || echo "run $?"
	jq -r --arg n "$name" '"\($n): \(.trace.accesses) accesses, \(.vmstat.pgfault) faults, \([.tasks[]?] | length) tasks"' r.json
done
