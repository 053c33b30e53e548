# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
# start states of memory: what cannot be is an error with its place; the seed says all; files with the kernel's texts
$MKTRACE "$G/fragmentation/trace.txt" t.mmt
$MKTRACE "$G/thp/trace.txt" thp.mmt
try() {
	$M run -q -o r.json "$@" t.mmt
	echo $?
}
aged="-s fragmentation.initial=aged"
try $aged -s fragmentation.initial.degree=1001
try $aged -s fragmentation.initial.order=11
try $aged -s fragmentation.initial.unmovable=90 -s fragmentation.initial.reclaimable=20
try $aged -s fragmentation.initial.used=99
try -s fragmentation.initial=broken
try -s fragmentation.initial.degre=3
try -s fragmentation.initial=captured -s fragmentation.initial.pagetypeinfo=nothing
echo 'Node 0, zone Normal, type Movable 1 2 many' >bad
try -s fragmentation.initial=captured -s fragmentation.initial.pagetypeinfo=bad
echo 'Node 0, zone DMA 0 0 0' >dma
try -s fragmentation.initial=captured -s fragmentation.initial.buddyinfo=dma
printf 'Node 0, zone DMA 0 0 0\nNode 0, zone DMA32 0 0 0 9999\n' >full
try -s fragmentation.initial=captured -s fragmentation.initial.buddyinfo=full
python3 -c 'print("Number of blocks type Unmovable Movable\nNode 0, zone DMA 4294967295 4294967295\nNode 0, zone DMA32 4294967295 4294967295")' >huge
try -s fragmentation.initial=captured -s fragmentation.initial.pagetypeinfo=huge
try -s fragmentation.initial=captured -s memory.cma=16M
try -s memory.cma=1G
$M run -q -o r.json -s fragmentation.initial=captured $T/anon.mmt
echo $?
$M run -q -o r.json $aged thp.mmt
echo $?
printf 'Node 0, zone DMA 1 1 1\nNode 0, zone DMA32 10 10 10 10 10 10 10 10 10\n' >some
try -s fragmentation.initial=captured -s fragmentation.initial.buddyinfo=some
grep -A4 '"initial": {' r.json
for seed in 5 5 6; do
	$M run -q $aged -s fragmentation.initial.seed=$seed t.mmt >$seed.json
	test ! -e last.json || cmp -s $seed.json last.json || echo "another seed, another state"
	cp $seed.json last.json
done
