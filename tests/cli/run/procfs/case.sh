# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
# the files say what the result says
$M run -q --procfs=tree -s machine.nodes=2 $T/anon.mmt -o r.json
(cd tree && find . -type f | sort)
echo "-- free blocks"
awk '/^Node/ {out = ""; for (i = 5; i <= NF; i++) out = out (i > 5 ? "," : "") $i; print "[" out "]"}' tree/proc/buddyinfo > a
jq -c '.fragmentation.zones[].free_blocks' r.json > b
cmp a b && echo same
echo "-- by type: pageblocks, and blocks of order 0"
awk '/^Page/ {on = 0} /^Number/ {on = 1; next} on && /^Node/ {print $5, $6, $7, $8, $9}' tree/proc/pagetypeinfo > a
jq -r '.fragmentation.zones[].types | [.unmovable, .movable, .reclaimable, .highatomic, .isolate] | map(.pageblocks // 0) | join(" ")' r.json > b
cmp a b && echo same
awk '/, type/ && $6 == "Movable" {print $7}' tree/proc/pagetypeinfo > a
jq -r '.fragmentation.zones[].types.movable.free_blocks[0] // 0' r.json > b
cmp a b && echo same
echo "-- counters that the result has, too"
jq -r '.vmstat | to_entries[] | select(.value != null) | "\(.key) \(.value)"' r.json | sort > b
sort tree/proc/vmstat | join - b | awk '$2 != $3 {print} END {print (NR > 20 ? "many" : NR) " compared"}'
echo "-- nodes"
cat tree/sys/devices/system/node/online tree/sys/devices/system/node/node1/distance tree/sys/devices/system/node/node1/cpulist
jq -r '.numa.nodes[] | "numa_hit \(.numa_hit)"' r.json > a
grep -h numa_hit tree/sys/devices/system/node/node?/numastat > b
cmp a b && echo same
echo "-- processes: none is alive at the end; one was when it exited"
ls tree/proc | grep '^[0-9]'
$M run -q --procfs exit --procfs-at=exit $T/anon.mmt -o r.json
cat exit/proc/100/maps exit/proc/100/statm exit/proc/100/comm
grep -h -e Rss -e Pss: -e Private_Dirty -e Anonymous -e Referenced exit/proc/100/smaps_rollup
awk '/^Rss:/ {sum += $2} END {print sum}' exit/proc/100/smaps
jq -r '.tasks[0] | .rss_anon_pages * 4, .nr_vmas' r.json
wc -l < exit/proc/100/maps
cat exit/proc/100/numa_maps
jq -c '[.at, .clock_ns, .processes_clock_ns, .unavailable["proc/meminfo"].Buffers]' exit/mmreplay-unavailable.json
echo "-- a moment of the model's clock"
$M run -q --procfs then --procfs-at=2500ns $T/anon.mmt -o r.json
grep -e VmRSS -e VmPTE then/proc/100/status
jq -c '[.at, .clock_ns, .processes_clock_ns]' then/mmreplay-unavailable.json
$M run --procfs late --procfs-at=1s -q $T/anon.mmt -o r.json
jq -c '[.at, .clock_ns]' late/mmreplay-unavailable.json
echo "-- memory policies"
$M run -q --procfs policy --procfs-at=exit -s machine.nodes=2 -s numa.policy=interleave $T/anon.mmt -o r.json
cat policy/proc/100/numa_maps
