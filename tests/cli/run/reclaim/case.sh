# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
# the section reclaim with both policies: its laws, over time and in the simulated /proc; what faults cannot answer
cat >loop.txt <<'TRACE'
@EXACT
# 12 MiB written three times, in half of that
0 0 1 task tid=100 pid=100 ppid=1 mm=1
0 0 1 comm data="loop"
0 0 1 mmap addr=0x10000000 len=0xc00000 prot=3 flags=0x22
repeat 3072 4096
10 0 1 fault addr=0x10000000 flags=0x25
repeat 3072 4096
20 0 1 fault addr=0x10000000 flags=0x25
repeat 3072 4096
30 0 1 fault addr=0x10000000 flags=0x25
TRACE
cp "$G/exact.json" .
sed '1s/.*/{"basis": "faults"}/' loop.txt >faults.txt
sed -i 's|@EXACT|@exact.json|' loop.txt
$MKTRACE loop.txt loop.mmt
for policy in classic mglru; do
	$M run -q --check-every=500 --timeline=1us -s reclaim.policy=$policy -s memcg.max=6M -s swap.areas=64M:5:ssd \
		-s thp.enabled=never --procfs p-$policy -o r.json loop.mmt || exit
	python3 - p-$policy <<'END'
import json, sys
r = json.load(open('r.json'))
c, v = r['reclaim'], r['vmstat']
kinds = c['kinds'].values()
print('==', c['policy'])
print('reclaimed:', c['stolen_pages'] > 3072, 'no more than was looked at:', c['stolen_pages'] <= c['scanned_pages'])
print('by who and by kind:', sum(x['stolen_pages'] for x in c['by'].values()) == c['stolen_pages'] ==
      sum(x['stolen_pages'] for x in kinds))
print('all of it for the limit:', c['by']['limits']['stolen_pages'] == c['stolen_pages'])
print('what was read back had been evicted:', c['kinds']['anon']['refault_pages'] == c['swap']['in_pages'] == v['pswpin'])
print('writeback is over or under way:', c['swap']['used_bytes'] > 0, c['writeback']['by_reclaim_pages'] == v['pswpout'])
print('nobody was killed:', c['oom']['kills'] == [] and not v['oom_kill'])
waited = c['stalls']['limit_ns'] + c['stalls']['throttle_ns'] + c['stalls']['io']['swapin']['ns']
print('a lone task that waits is full pressure:', waited > 0 and c['pressure']['some'] == c['pressure']['full'])
print('over time:', sum(r['timeline']['deltas']['pswpin']) == v['pswpin'] and
      sum(r['timeline']['deltas']['pressure_some_ns']) == c['pressure']['some']['total_ns'] and
      r['timeline']['states']['swap_used_pages'][-1] * 4096 == c['swap']['used_bytes'])
print('generations:', [sorted(g) for g in c.get('generations', [])])
tree = sys.argv[1]
print(open(tree + '/proc/swaps').read().split('\n')[1].split()[:3])
total = [l.split('total=')[1] for l in open(tree + '/proc/pressure/memory').read().split('\n') if l]
print('proc/pressure:', [int(t) for t in total] == [c['pressure'][k]['total_ns'] // 1000 for k in ('some', 'full')])
stat = dict(l.split() for l in open(tree + '/sys/fs/cgroup/trace/memory.stat').read().split('\n') if l)
print('memory.stat:', int(stat['pgsteal']) == c['stolen_pages'], int(stat['anon']) <= 6 << 20,
      int(stat['workingset_refault_anon']) == v['workingset_refault_anon'])
END
done
$MKTRACE faults.txt faults.mmt && $M run -q -o r.json faults.mmt
python3 -c "
import json
r = json.load(open('r.json'))
print(r['reclaim'], r['vmstat']['pgscan_direct'], r['unavailable']['reclaim'])"
