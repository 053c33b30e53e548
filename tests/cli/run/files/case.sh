# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
# read, write, fsync and the like: what is copied, mapped, read ahead and written back
show() {
	name=$1
	shift
	$M run -q "$@" -o r.json || exit
	python3 - "$name" <<'END'
import json, sys
r = json.load(open('r.json'))
print('==', sys.argv[1])
print(json.dumps(r['files']))
print({k: r['vmstat'][k] for k in ('nr_file_pages', 'nr_dirtied', 'nr_written', 'pgmajfault')},
      {k: v['times'] for k, v in r['reclaim']['stalls']['io'].items() if v['times']})
END
}
cat >io.txt <<'TRACE'
@EXACT
# a file of 1 MiB is read in order in pieces of 16K, a second is written in one piece, mapped and written through the mapping
0 0 1 task tid=100 pid=100 ppid=1 mm=1
0 0 1 file file=1 dev=1 ino=2 size=0x100000 type=0 data="/in"
0 0 1 file file=2 dev=1 ino=3 size=0x1000 type=0 data="/out"
0 0 1 open file=1 flags=0 open=1
0 0 1 open file=2 flags=0x242 open=2
repeat 16 0
1 0 1 read file=1 offset=0 len=0x10000 open=1
1 0 1 write file=2 offset=0 len=0x80000 open=2
1 0 1 fsync file=2
1 0 1 mmap addr=0x7f0000000000 len=0x80000 prot=3 flags=0x1 file=2
1 0 1 fault addr=0x7f0000003000 flags=0x25
1 0 1 msync addr=0x7f0000000000 len=0x80000 flags=4
1 0 1 fault addr=0x7f0000003000 flags=0x2d
1 0 1 read file=2 offset=0x10000 len=0x4000 flags=2 open=2
1 0 1 read file=2 offset=0x20000 len=0x4000 flags=1 open=2
1 0 1 fadvise file=1 offset=0 len=0 advice=4 open=1
1 0 1 truncate file=2 size=0x2000
1 0 1 close file=1 open=1
1 0 1 exit code=0
TRACE
sed -i "s|@EXACT|@exact.json|" io.txt
cp "$G/exact.json" .
$MKTRACE io.txt io.mmt
show 'as it is' io.mmt
show 'no large folios, a device that takes no time' -s io.large_folios=off -s io.write_bandwidth=0 -s io.write_latency_ns=0 \
	-s io.read_bandwidth=0 -s io.read_latency_ns=0 io.mmt
cat >seq.txt <<'TRACE'
@EXACT
0 0 1 task tid=100 pid=100 ppid=1 mm=1
0 0 1 file file=1 dev=1 ino=2 size=0x1000000 type=0 data="/in"
0 0 1 open file=1 flags=0 open=1
1 0 1 read file=1 offset=0 len=4096 open=1
1 0 1 read file=1 offset=4096 len=4096 open=1
1 0 1 read file=1 offset=0x4000 len=4096 open=1
TRACE
sed -i "s|@EXACT|@exact.json|" seq.txt
$MKTRACE seq.txt seq.mmt
for kb in 0 16 128 1024; do
	show "read ahead $kb" -s vm.read_ahead_kb=$kb -s io.large_folios=off seq.mmt | sed -n 's/.*"device_read_bytes": \([0-9]*\).*/\1/p'
done
echo '== a trace without file calls'
$M run -q $T/anon.mmt | grep -E '"files|"(vmstat.)?nr_dirty"|"(vmstat.)?pgpgin"'
echo '== bad values'
$M run -s vm.dirty_ratio=101 io.mmt; echo $?
$M run -s io.write_bandwith=1M io.mmt; echo $?
