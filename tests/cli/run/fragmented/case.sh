# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
# Huge pages on fragmented memory: the more fragmented, the fewer without compaction and the more work with it; and twice
# the same.
cat > heap.ini <<X
[region heap]
size = 96M

[job fill]
region = heap
rw = write
word = 4K
X
$M gen -q heap.ini -o heap.mmt

# run DEFRAG DEGREE FILE
run() {
	$M run -q heap.mmt -o "$3" -s machine.memory=256M -s thp.enabled=always -s thp.defrag="$1" \
		-s fragmentation.initial=aged -s fragmentation.initial.used=45 -s fragmentation.initial.degree="$2"
}
for d in 0 300 600 900; do
	run never $d never.$d
	run always $d always.$d
	run always $d again
	cmp always.$d again
done
never=$(jq -s 'map(.vmstat.thp_fault_alloc)' never.*)
always=$(jq -s 'map(.vmstat.thp_fault_alloc)' always.*)
moved=$(jq -s 'map(.vmstat.pgmigrate_success)' always.*)
jq -n --argjson n "$never" --argjson a "$always" --argjson m "$moved" '{
	"fewer huge pages without compaction": ($n == ($n | sort | reverse) and $n[3] < $n[0] / 2),
	"more with it": ([$n, $a] | transpose | all(.[0] <= .[1])),
	"many more on badly fragmented memory": ($a[3] > 2 * $n[3]),
	"and more work": ($m == ($m | sort) and $m[0] == 0 and $m[3] > 1000)}'
# What the allocations waited for is what they got or did not get.
jq '.vmstat.compact_stall == .vmstat.compact_success + .vmstat.compact_fail and
	(.fragmentation.compaction | (.attempts_by_order | add) == ((.success_by_order + .fail_by_order) | add)) and
	(.fragmentation.compaction.attempts_by_order | add) == .vmstat.compact_stall' always.900
# Compacted before it begins: the huge pages are there.
$M run -q heap.mmt -o r -s machine.memory=256M -s thp.enabled=always -s thp.defrag=never -s fragmentation.initial=aged \
	-s fragmentation.initial.used=45 -s fragmentation.initial.degree=900 -s fragmentation.initial.compact=on
jq --argjson n "$never" '.vmstat.thp_fault_alloc > 2 * $n[3] and .vmstat.compact_migrate_scanned == 0' r
