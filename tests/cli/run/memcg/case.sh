# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
# memory cgroups: what a limit, protection and the OOM killer do; groups by rule; bad keys; what faults cannot answer
cat >alone.txt <<'TRACE'
@EXACT
# 16 MiB written twice; it forks a child that must not come to be once it is killed
0 0 1 task tid=100 pid=100 ppid=1 mm=1
0 0 1 comm data="worker"
0 0 1 mmap addr=0x10000000 len=0x2000000 prot=3 flags=0x22
repeat 4096 4096
10 0 1 fault addr=0x10000000 flags=0x25
repeat 4096 4096
20 0 1 fault addr=0x10000000 flags=0x25
30 0 1 fork child=2 tid=101 pid=101
40 0 2 fault addr=0x10000000 flags=0x25
50 0 2 exit code=0
60 0 1 exit code=0
TRACE
cat >two.txt <<'TRACE'
@EXACT
# a small one touches 1024 pages; a large one 6144, two times; then the small one looks whether its pages are still there
0 0 1 task tid=100 pid=100 ppid=1 mm=1
0 0 1 comm data="small"
0 0 2 task tid=200 pid=200 ppid=1 mm=2
0 0 2 comm data="large"
0 0 1 mmap addr=0x10000000 len=0x400000 prot=3 flags=0x22
0 0 2 mmap addr=0x20000000 len=0x1800000 prot=3 flags=0x22
repeat 1024 4096
10 0 1 fault addr=0x10000000 flags=0x25
repeat 6144 4096
20 0 2 fault addr=0x20000000 flags=0x25
repeat 6144 4096
30 0 2 fault addr=0x20000000 flags=0x25
repeat 1024 4096
40 0 1 fault addr=0x10000000 flags=0x24
TRACE
cat >locked.txt <<'TRACE'
@EXACT
# 16 MiB locked: nothing of it can be reclaimed, whatever swap there is
0 0 1 task tid=100 pid=100 ppid=1 mm=1
0 0 1 comm data="worker"
0 0 1 mmap addr=0x10000000 len=0x1000000 prot=3 flags=0x22
10 0 1 mlock addr=0x10000000 len=0x1000000 lock=1
20 0 1 exit code=0
TRACE
cp "$G/exact.json" .
sed -i 's|@EXACT|@exact.json|' alone.txt two.txt locked.txt
$MKTRACE locked.txt locked.mmt
$MKTRACE alone.txt alone.mmt
$MKTRACE two.txt two.mmt
figures() {
	python3 -c '
import json, sys
r = json.load(sys.stdin)
for g in (r["memcg"] or {"groups": []})["groups"]:
    e = g["events"]
    print(g["path"], "peak", g["peak_bytes"] >> 12, "oom", e["oom"], "kills", e["oom_kill"], "low", e["low"])
for k in r["reclaim"]["oom"]["kills"]:
    print("killed", k["pid"], k["name"], k["constraint"], k["memcg"])
d = r["divergence"]
print("swapped", r["vmstat"]["pswpout"] > 0, "read back", r["vmstat"]["pgmajfault"] > 0, "oom_kill", r["vmstat"]["oom_kill"],
      "skipped", r["replay"]["killed_events"] > 0, "without memory", d["touches_oom"])'
}
echo '== no groups'
$M run alone.mmt --check | figures
echo '== accounting alone'
$M run -s memcg.enabled=on alone.mmt --check | figures
echo '== a limit without swap ends with a kill; the child never lived'
$M run -s memcg.max=8M alone.mmt --check | figures
echo '== with swap it goes on'
$M run -s memcg.max=8M -s swap.areas=64M alone.mmt --check | figures
echo '== so much swap alone does not do'
$M run -s memcg.max=8M -s memcg.swap_max=4M -s swap.areas=64M alone.mmt --check | figures
echo '== version 1: memory and swap together'
$M run -s memcg.version=v1 -s memcg.max=8M -s memcg.swap_max=12M -s swap.areas=64M alone.mmt --check | figures
echo '== locked memory cannot be swapped'
$M run -s memcg.max=8M -s swap.areas=64M locked.mmt --check | figures
echo '== a limit of nothing ends, too'
$M run -s memcg.max=0 alone.mmt --check | figures
echo '== a group may be held up instead'
$M run -s memcg.high=8M alone.mmt --check | python3 -c '
import json, sys
g = json.load(sys.stdin)["memcg"]["groups"][1]
print(g["path"], "usage above high", g["peak_bytes"] > 8 << 20, "held up", g["high_stall_ns"] > 10**9, "high", g["events"]["high"] > 0)'
echo '== two groups under one limit: the large one takes from the small one, unless that is protected'
for low in 0 8M; do
	$M run -s memcg.max=20M -s swap.areas=64M -s memcg.group.a.processes=small -s memcg.group.b.processes=200 \
		-s memcg.low=8M -s memcg.group.a.low=$low -s memcg.recursive_protection=off two.mmt --check -o r.json
	python3 -c '
import json
r = json.load(open("r.json"))
for g in r["memcg"]["groups"][2:]:
    s = g["stat"]
    print(g["path"], "processes", g["address_spaces"], "lost pages", s["pgsteal"] > 0, "read them back", s["pgmajfault"] > 0)'
done
echo '== the same from a file, nested; config.settings can be given again'
cat >groups.json <<'JSON'
{"memcg": {"max": "20M", "low": "8M", "recursive_protection": false,
           "group": {"a": {"processes": ["small", 4711], "low": "8M"}, "b": {"max": "16M", "c": {"processes": [200]}}}},
 "swap.areas": "64M"}
JSON
$M run -c groups.json two.mmt -o r1.json
python3 -c '
import json
r = json.load(open("r1.json"))
print(*[(g["path"], g["address_spaces"], g["limits"]["max_bytes"]) for g in r["memcg"]["groups"]])
print(*[f"{k}={v}" for k, v in r["config"]["settings"].items() if k.startswith("memcg.group")])
s = r["config"]["settings"]
json.dump(s, open("again.json", "w"))'
$M run -c again.json two.mmt -o r2.json
cmp r1.json r2.json && echo same
echo '== bad keys'
$M run -s memcg.mx=1M alone.mmt; echo $?
$M run -s memcg.group.db=1M alone.mmt; echo $?
$M run -s memcg.group.db.mx=1M alone.mmt; echo $?
$M run -s memcg.group..max=1M alone.mmt; echo $?
$M run -s 'memcg.group.a b.max=1M' alone.mmt; echo $?
$M run -s memcg.group.db.max=lots alone.mmt; echo $?
$M run -s memcg.swappiness=300 alone.mmt; echo $?
$M run -s memcg.max=1M -s kernel.lru_per_zone=on alone.mmt; echo $?
echo '== a trace of faults cannot answer for a limit'
$M run -s memcg.max=1M $T/anon.mmt; echo $?
$M run -s memcg.high=1M $T/anon.mmt; echo $?
$M run -s memcg.group.db.max=1M $T/anon.mmt; echo $?
$M run -s memcg.enabled=on $T/anon.mmt | grep -c '"path": "/trace"'
