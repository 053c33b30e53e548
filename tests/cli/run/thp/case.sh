# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
# What huge pages of each size buy and waste, for a program that writes one page in sixteen of 16 MiB.
cat > thp.ini <<X
[region heap]
size = 16M
align = 2M
advise = hugepage

[job fill]
region = heap
rw = write
pattern = stride
stride = 64K
block = 4K
accesses = 131072
X
$M gen -q thp.ini -o thp.mmt
# Faults of the heap, those saved, bytes untouched; both faults together are always the 256 pages that are written.
Q='[.model.fault_anon_huge + .model.fault_anon_alloc, .thp.bought.faults_taken, .thp.bought.faults_saved, .thp.wasted.untouched_bytes,
	.thp.wasted.untouched_ratio, .vmstat.thp_fault_alloc]'
for s in thp.enabled=never thp.enabled=madvise "thp.hugepages-64kB.enabled=always -s thp.hugepages-2048kB.enabled=never" \
	"thp.hugepages-256kB.enabled=madvise -s thp.hugepages-2048kB.enabled=never"; do
	$M run -q --check-every=1 thp.mmt -o r -s $s
	jq -c "$Q" r
done
jq -c '.thp.by_size[] | [.page_bytes, .enabled, .anon_fault_alloc, .nr_anon, .untouched_pages]' r
# Without a look at what is touched, that is not known.
$M run -q thp.mmt -o r -s thp.count_touched=off
jq -c '[.thp.bought.faults_saved, .thp.wasted, .unavailable["thp.wasted"]]' r
# More than the memory cgroup may have: smaller pages, page by page.
$M run -q thp.mmt -o r -s memcg.max=1500K
jq -c '[.vmstat.thp_fault_fallback_charge == .vmstat.thp_fault_fallback, .vmstat.thp_fault_fallback > 0]' r
$M run -q thp.mmt -s thp.hugepages-3kB.enabled=always || echo "status $?"
