# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
# accesses as text, from a file, packed, and through a pipe, are one trace; it replays
cat >t.csv <<'END'
op,addr,size,tid,prot
map,0x10000,65536,1,rw
w,0x10000,8,1,
r,0x11000,8,2,
x,0x400000,4,1,
w,0x12ffc,8,1,
END
$M import t.csv -o a.mmt
zstd -q t.csv -o t.csv.zst && $M import -q t.csv.zst -o b.mmt
$M import -q --from=text - <t.csv >c.mmt
cmp a.mmt b.mmt && cmp a.mmt c.mmt && echo same
$M run -q a.mmt | jq -c '.trace.accesses, .vmstat.pgfault, [.tasks[].pid]'
$M dump a.mmt
