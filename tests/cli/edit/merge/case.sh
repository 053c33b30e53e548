# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
# two programs on one machine: accesses and faults add up, tasks and files stay apart
P=$G/../../traces
$M merge-traces "$P/python-exact.mmt" "$P/sqlite-exact.mmt" -o both.mmt
for t in "$P/python-exact.mmt" "$P/sqlite-exact.mmt" both.mmt; do
	$M run -q "$t" | jq -c '[.trace.accesses, .vmstat.pgfault, ([.tasks[].pid] | length), ([.divergence[]] | add)]'
done
$M merge-traces -q $T/anon.mmt $T/anon.mmt | $M dump - | grep ' task '
