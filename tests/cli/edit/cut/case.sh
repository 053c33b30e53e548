# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
# a part by accesses, by process, without a kind: what stays replays without a contradiction, cold
E=$G/../../traces/python-exact.mmt
count() { $M run -q "$1" | jq -c '[.trace.accesses, .vmstat.pgfault, .divergence.touches_segv]'; }
$M cut --from=1M --to=2M "$E" -o part.mmt
count part.mmt

$M cut -q "$E" -o whole.mmt
count whole.mmt
count "$E"
$M info --json part.mmt | jq -c .metadata.cut
cat >two.ini <<'END'
[region r]
size = 1M
[job a]
region = r
as = process
rw = write
[job b]
region = r
as = process
rw = write
END
$M gen two.ini -o two.mmt
$M cut --pid=1002 two.mmt -o one.mmt
count two.mmt
count one.mmt
$M cut -q --without=runs two.mmt | $M dump - | grep -c runs
