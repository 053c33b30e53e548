# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
# one element a sample; the first as built, the last at the end; differences add up to the end's figures
$M run -q --timeline=1us $T/anon.mmt -o one.json
jq -c '.timeline | [.interval_ns, .samples, .time_ns, .states.rss_pages, .deltas.pgfault]' one.json
jq -c '[.timeline.deltas.pgfault, .timeline.deltas.fault_anon_alloc | add] == [.vmstat.pgfault, .model.fault_anon_alloc]' one.json
jq -c '[.timeline | .. | arrays | select(length > 0 and (.[0] | type) == "number") | length] | unique' one.json
# at most six, and the last: every second one is dropped, and what is left is the same as with the longer interval
$M run -q --timeline=1us -s timeline.samples=4 $T/anon.mmt -o few.json
jq -c '.timeline | [.interval_asked_ns, .interval_ns, .thinned, .samples, .time_ns, .states.rss_pages, .deltas.pgfault]' few.json
$M run -q --timeline=4us $T/anon.mmt -o long.json
jq -c '.timeline | [.time_ns, .states.rss_pages, .deltas.pgfault]' long.json
# the clock jumps: a sample for each of the 64 last intervals, and the first
$M run -q --timeline=10ns $T/anon.mmt -s timeline.samples=10000 -o jump.json
jq -c '.timeline.time_ns | [.[0:3], length]' jump.json
# without it there is none, and nothing else changes
$M run -q $T/anon.mmt -o none.json
jq -c 'has("timeline")' none.json
jq 'del(.timeline, .config)' one.json > a; jq 'del(.config)' none.json > b; cmp a b
$M compare none.json one.json
# for people
$M run -q --table --timeline=1us $T/anon.mmt | grep -A12 '^timeline:' | grep -e interval -e first -e rss_pages
$M run -q --timeline=now $T/anon.mmt; echo $?
$M run -q --timeline=1us -s timeline.samples=1 $T/anon.mmt; echo $?
