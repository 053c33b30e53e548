#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
#
# Real captures with the perf method: events and the kernel's counters agree to the unit; the command's
# status comes through; what ends a capture early leaves a trace that can be read.
#
# usage: capture.sh MMREPLAY TOUCH CHECK_CAPTURE
set -u
mmreplay=$1 touch=$2 check=$3
dir=$(mktemp -d)
waiting=
trap 'rm -rf "$dir"; [ -z "$waiting" ] || kill "$waiting" 2>/dev/null' EXIT
trap 'exit 1' INT TERM HUP
t=$dir/t.mmt
failed=0

fail() {
	echo "FAIL: $*"
	failed=1
}

status() {	# status WANT COMMAND...
	want=$1
	shift
	"$@" >"$dir/out" 2>&1
	got=$?
	[ $got = "$want" ] || { fail "status $got instead of $want: $*"; cat "$dir/out"; }
}

# Without kernel-mode faults and ptrace the counters cannot agree to the unit.
"$mmreplay" doctor >"$dir/doctor" 2>&1
for row in 'faults *user and kernel mode' 'ptrace' 'tracepoint *raw_syscalls:sys_exit'; do
	grep -q "^ok  *$row\|^limited  *$row, without" "$dir/doctor" ||
		{ echo "not permitted here: $row"; exit 77; }
done

for case in 'touch 1000 1000 0' 'thread 700 700 0' 'fork 500 500 0' 'idle 300 300 0' 'populate 1000 0 1000' 'futex 50 0 50'; do
	# shellcheck disable=SC2086 # one word each
	set -- $case
	status 0 "$mmreplay" capture -q -o "$t" -- "$touch" "$1" "$2"
	"$check" "$t" "$2" "$3" "$4" || fail "capture of '$1 $2'"
done

[ "$("$mmreplay" dump -k ktouch "$t" | wc -l)" -ge 50 ] || fail "touches of futexes are missing"

# What the kernel counted for the group: the program's faults at least. Linux 6.10 on.
if grep -q '^ok  *group events' "$dir/doctor"; then
	status 0 "$mmreplay" capture -q -o "$t" -- "$touch" touch 3000
	faults=$("$mmreplay" dump -k counters "$t" | sed -n 's/.*nevents.pgfault \([0-9]*\).*/\1/p')
	[ "${faults:-0}" -ge 3000 ] || fail "events of the memory cgroup: pgfault '$faults'"
fi

# Status of the command, no shell in between.
status 3 "$mmreplay" capture -q -o "$t" -- sh -c 'exit 3'
status 137 "$mmreplay" capture -q -o "$t" -- sh -c 'kill -9 $$'
status 127 "$mmreplay" capture -q -o "$t" -- "$dir/nosuch"
status 126 "$mmreplay" capture -q -o "$t" -- "$dir"
# shellcheck disable=SC2016 # the command expands it
status 0 "$mmreplay" capture -q -o "$t" -- sh -c 'test "$1" = "a  \$b"' sh 'a  $b'
[ "$("$mmreplay" capture -q -o "$t" -- echo 'a  b' 2>&1)" = 'a  b' ] || fail "output of the command"

# A trace on standard output is nothing but a trace.
"$mmreplay" capture -q -o - -- echo hello >"$t" 2>"$dir/err" || fail "capture -o -"
status 0 "$mmreplay" info "$t"
grep -q hello "$dir/err" || fail "the command's output is lost with -o -"

# Ends: time, signal, a process that was there before.
status 0 "$mmreplay" capture -q -d 300ms -o "$t" -- "$touch" wait
status 0 "$mmreplay" info "$t"
"$touch" wait >"$dir/wait" &
waiting=$!
while ! grep -qs waiting "$dir/wait"; do :; done
status 0 "$mmreplay" capture -q -d 300ms -o "$t" -p $waiting
status 0 "$mmreplay" info "$t"
"$mmreplay" dump "$t" | grep -q ' resident ' || fail "no resident pages with -p"
kill -0 $waiting || fail "the process did not survive -p"

rm "$t"
"$mmreplay" capture -q -o "$t" -p $waiting &
capture=$!
while ! [ -s "$t" ]; do :; done
kill -INT $capture
wait $capture
got=$?
[ $got = 130 ] || fail "status $got after SIGINT"
status 0 "$mmreplay" info "$t"
kill $waiting
wait $waiting 2>"$dir/err"
gone=$waiting waiting=
status 4 "$mmreplay" capture -q -o "$t" -p "$gone"

# The output fails at once, or the capture is killed.
status 4 "$mmreplay" capture -q -o /dev/full -- true
status 4 "$mmreplay" capture -q -o "$dir/no/such/folder.mmt" -- true
rm "$dir/wait"
"$mmreplay" capture -q -o "$t" -- "$touch" wait >"$dir/wait" 2>&1 &
capture=$!
while ! grep -qs waiting "$dir/wait"; do :; done
kill -KILL $capture
wait $capture 2>"$dir/err"
"$mmreplay" info --recover "$t" >"$dir/out" 2>&1
grep -q 'basis' "$dir/out" || { fail "a killed capture cannot be read"; cat "$dir/out"; }
kill "$(sed -n 's/^waiting //p' "$dir/wait")" || fail "the command did not survive its capture"

# Losses are told with their number.
"$mmreplay" capture --ring-size 4K -o "$t" -- "$touch" touch 20000 2>"$dir/err" || fail "small rings"
grep -q 'events were lost' "$dir/err" || fail "losses are not reported"
"$mmreplay" dump "$t" | grep -q ' lost ' || fail "no LOST event"

# Options that mean nothing are refused.
status 2 "$mmreplay" capture
status 2 "$mmreplay" capture -p 1 -- true
status 2 "$mmreplay" capture --method nosuch -- true
status 2 "$mmreplay" capture --ring-size 5000 -- true
status 2 "$mmreplay" capture -e nosuch:event -o "$t" -- true

exit $failed
