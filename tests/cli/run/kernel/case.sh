# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
# Which side of the machine is replayed; the same memory page by page, or another machine.
"$MKTRACE" "$G/kernel/trace.txt" t.mmt
section() {
	"$M" run -q "$@" t.mmt | python3 -c 'import json, sys
k = json.load(sys.stdin).get("kernel_trace")
print(k and {x: k[x] for x in ("mode", "start", "start_reason") if x in k})'
}
section
section -s replay.kernel=off
section -s replay.kernel=slab
section -s replay.kernel=pages -s machine.memory=256M
section -s fragmentation.initial=aged
"$M" run -q -s replay.kernel=all t.mmt || echo "status $?"
# Not of the whole machine: pages of its events would come on top of those of its faults.
sed 's/"system_wide": true/"system_wide": false/' "$G/kernel-trace.json" >kernel-trace.json
sed 's#@../#@#' "$G/kernel/trace.txt" >t.txt
"$MKTRACE" t.txt t.mmt
section
