# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
# Pools of huge pages: one fault a page, reservations, failures; keys that a machine has not.
cat > huge.ini <<X
[region heap]
kind = hugetlb
size = 16M

[job fill]
region = heap
rw = write
word = 4K
X
$M gen -q huge.ini -o huge.mmt
$M info --json huge.mmt | jq -c '.trace.basis'
P=hugetlb.hugepages-2048kB
# The oracle's row: 16 MiB are 8 faults.
$M run -q --check-every=1 huge.mmt -o r -s $P.nr_hugepages=10
jq -c '[.model.fault_hugetlb, .vmstat.nr_hugetlb, .vmstat.htlb_buddy_alloc_success]' r
jq -c '.hugetlb[] | [.page_bytes, .pages, .wanted_pages, .peak_used_pages, .failed_faults, .refused_mappings]' r
$M run -q huge.mmt --procfs=d -o r -s $P.nr_hugepages=10
grep -hE '^(HugePages_Total|HugePages_Rsvd|Hugepagesize|Hugetlb)' d/proc/meminfo
# Too few: the mapping is refused. Overcommit makes up for it.
$M run -q huge.mmt -o r -s $P.nr_hugepages=4
jq -c '[.model.fault_hugetlb, .divergence.hugetlb, (.hugetlb[0] | .refused_mappings, .peak_used_pages)]' r
$M run -q huge.mmt -o r -s $P.nr_hugepages=4 -s $P.nr_overcommit_hugepages=4
jq -c '[.model.fault_hugetlb, .divergence.hugetlb, .vmstat.htlb_buddy_alloc_success, .hugetlb[0].peak_used_pages]' r
# On two nodes, and from one of them.
$M run -q huge.mmt -o r -s machine.nodes=2 -s $P.nr_hugepages=10
jq -c '.hugetlb[0].pages_by_node' r
$M run -q huge.mmt -o r -s machine.nodes=2 -s $P.nr_hugepages=10 -s $P.nodes=1
jq -c '.hugetlb[0].pages_by_node' r
# One page of 1 GiB holds it all, where the program asks for such a page.
sed 's/^size.*/size = 1G\npage_size = 1G/; s/^word.*/word = 4K\naccesses = 4096/' huge.ini > giga.ini
$M gen -q giga.ini -o giga.mmt
$M run -q giga.mmt -o r -s machine.memory=4G -s hugetlb.hugepages-1048576kB.nr_hugepages=2
jq -c '[.model.fault_hugetlb, .divergence.hugetlb, (.hugetlb[] | [.page_bytes, .pages, .peak_used_pages])]' r
$M run -q huge.mmt -s hugetlb.hugepages-4096kB.nr_hugepages=1 || echo "status $?"
$M run -q huge.mmt -s hugetlb.default_size=4M || echo "status $?"
