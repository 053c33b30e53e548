#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
#
# Memory policies of a real program: the trace has each mask as it was when the call was made, attaching finds the policies
# that are there, and a replay has the areas that the kernel had.
#
# usage: policies.sh MMREPLAY POLICY
set -u
mmreplay=$1 policy=$2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failed=0

fail() {
	echo "FAIL: $*"
	failed=1
}

"$mmreplay" doctor >"$dir/doctor" 2>&1
grep -q '^ok *node masks' "$dir/doctor" || { echo "not permitted here: node masks"; exit 77; }
[ "$(cat /sys/devices/system/node/online 2>/dev/null)" = 0 ] || { echo "written for one node"; exit 77; }
"$policy" 2>/dev/null || { echo "no memory policies here"; exit 77; }

# What is in the trace, without times, addresses and the zeroes of the masks.
events() {
	"$mmreplay" dump -k set_mempolicy -k mbind -k migrate_pages "$1" |
		sed -e 's/^[0-9]* [0-9]* [0-9]* //' -e 's/addr=[^ ]* //' -e 's/\\u0000//g' -e 's/\\u00//g'
}

"$mmreplay" capture -q -o "$dir/t.mmt" -- "$policy" || fail "capture"
events "$dir/t.mmt" >"$dir/got"
cat >"$dir/want" <<END
set_mempolicy mode=3 existing=0 data="01"
mbind len=8192 mode=2 flags=0x0 ret=0 home=0 data="03"
mbind len=8192 mode=32773 flags=0x2 ret=0 home=0 data="07"
mbind len=4096 mode=0 flags=0x0 ret=0 home=1
mbind len=4096 mode=1 flags=0x0 ret=0 home=0 data=""
migrate_pages pid=0 ret=0 data="0101"
END
diff "$dir/want" "$dir/got" || fail "events of a command"
"$mmreplay" validate -q "$dir/t.mmt" >"$dir/out" 2>&1 || { fail "validate"; cat "$dir/out"; }

# Attached: the task's policy, and areas that have another.
mkfifo "$dir/in"
"$policy" wait <"$dir/in" >"$dir/ready" &
pid=$!
exec 3>"$dir/in"
while ! grep -q ready "$dir/ready"; do kill -0 $pid || exit 1; done
"$mmreplay" capture -q --duration=100ms -o "$dir/p.mmt" -p $pid 2>"$dir/err" || { fail "attach"; cat "$dir/err"; }
exec 3>&-
wait $pid || fail "the program after it was attached to"
events "$dir/p.mmt" | sort >"$dir/got"
cat >"$dir/want" <<END
mbind len=4096 mode=32773 flags=0x0 ret=0 home=0 data="01"
mbind len=4096 mode=32773 flags=0x0 ret=0 home=0 data="01"
mbind len=4096 mode=4 flags=0x0 ret=0 home=0 data=""
mbind len=8192 mode=2 flags=0x0 ret=0 home=0 data="01"
set_mempolicy mode=3 existing=1 data="01"
END
diff "$dir/want" "$dir/got" || fail "events of an attached process"
exit $failed
