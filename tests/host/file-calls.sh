#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
#
# Every file system call becomes its event, with the offset, length and flags that the program gave: each method.
#
# usage: file-calls.sh MMREPLAY FILE_CALLS
set -u
mmreplay=$1 program=$2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
bad=0

dd if=/dev/urandom of="$dir/in" bs=1M count=1 2>/dev/null

# kind file offset length flags of the events on the program's two files (in: i, new: n); open files as letters.
events() {
	"$mmreplay" dump "$1" | python3 -c '
import re, sys
ids, opens = {}, {}
for line in sys.stdin:
    f = dict(re.findall(r"(\w+)=(\"[^\"]*\"|\S+)", line))
    kind = line.split()[3]
    if kind == "file" and f.get("data", "").strip("\"") == sys.argv[1] + "/in":
        ids[f["file"]] = "in"
    if kind == "file" and f.get("data", "").strip("\"") == sys.argv[1] + "/new":
        ids[f["file"]] = "new"
    if kind not in ("open", "close", "read", "write", "fsync", "fadvise", "truncate") or f["file"] not in ids:
        continue
    if "open" in f:
        f["open"] = opens.setdefault(f["open"], chr(97 + len(opens)))
    print(kind, ids[f["file"]], *(k + "=" + f[k] for k in
          ("offset", "len", "size", "hole", "mode", "advice", "flags", "open") if k in f))
' "$dir"
}

cat >"$dir/want" <<'END'
open in flags=0x0 open=a
fadvise in offset=0 len=0 advice=1 open=a
read in offset=0 len=5000 flags=0x0 open=a
read in offset=65536 len=4096 flags=0x0 open=a
read in offset=5000 len=4100 flags=0x0 open=a
read in offset=131072 len=4100 flags=0x0 open=a
read in offset=196608 len=4100 flags=0x0 open=a
read in offset=524288 len=10 flags=0x0 open=a
read in offset=524298 len=10 flags=0x0 open=a
fadvise in offset=0 len=32768 advice=100 open=a
close in open=a
open new flags=0x242 open=b
truncate new size=0 hole=0 mode=0
open in flags=0x0 open=c
write new offset=0 len=6000 flags=0x0 open=b
write new offset=16384 len=4096 flags=0x0 open=b
write new offset=6000 len=4100 flags=0x0 open=b
write new offset=32768 len=4100 flags=0x4 open=b
open new flags=0x401 open=d
write new offset=36868 len=50 flags=0x0 open=d
write new offset=36918 len=50 flags=0x0 open=d
read in offset=8192 len=3000 flags=0x2 open=c
write new offset=10100 len=3000 flags=0x2 open=b
read in offset=11192 len=5000 flags=0x2 open=c
write new offset=65536 len=5000 flags=0x2 open=b
fsync new offset=0 len=8192 flags=0x210
fsync new offset=0 len=0 flags=0x1
truncate new size=12288 hole=8192 mode=4
truncate new size=20000 hole=0 mode=0
truncate new size=10000 hole=0 mode=0
fsync new offset=0 len=0 flags=0x0
END

capture() {	# capture METHOD
	rm -f "$dir/new"
	"$mmreplay" capture -q --method "$1" -o "$dir/$1.mmt" -- "$program" "$dir/in" "$dir/new" 2>"$dir/err"
}

compare() {	# compare METHOD WANT
	events "$dir/$1.mmt" >"$dir/$1"
	diff "$2" "$dir/$1" || { echo "FAIL: method $1"; bad=1; }
}

"$mmreplay" doctor >"$dir/doctor" 2>&1
done=0
if grep -q '^ok  *valgrind' "$dir/doctor"; then
	capture valgrind || { cat "$dir/err"; bad=1; }
	compare valgrind "$dir/want"
	done=1
fi
if grep -q '^ok  *file calls' "$dir/doctor"; then
	capture perf || { cat "$dir/err"; bad=1; }
	# Descriptors are what it looks at: truncate(2) has none.
	grep -v 'truncate new size=10000' "$dir/want" >"$dir/want-perf"
	compare perf "$dir/want-perf"
	# What the kernel read in for it, and what truncating threw away
	for kind in filled dropped; do
		"$mmreplay" dump -k $kind "$dir/perf.mmt" | grep -q "$kind" || { echo "FAIL: no event $kind"; bad=1; }
	done
	done=1
fi
[ $done = 1 ] || { echo "not permitted here: neither valgrind nor the file calls of the perf method"; exit 77; }
exit $bad
