#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
#
# capture-valgrind.sh MMREPLAY NATIVE_FAULTS PROGRAM
#
# A program without a C library, captured under valgrind and replayed, has the faults, the resident set and
# the page tables that the kernel counted for a native run of it, to the unit. And the ways in which a
# capture ends: the program's status, a missing program, a full disk, a time limit.
set -u
mmreplay=$(realpath "$1") native=$(realpath "$2") program=$(realpath "$3")
command -v valgrind >/dev/null || exit 77
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
bad=0
fail()
{
	echo "FAIL: $*"
	bad=1
}

# Everything in the page cache, twice: folios settle.
cat "$program" "$program" >/dev/null
"$native" "$program" >native.txt
status=$?
[ $status = 77 ] && exit 77
[ $status = 0 ] || fail "the native run ended with $status"
cp native.txt first.txt
"$native" "$program" >native.txt
cmp -s first.txt native.txt || { echo "the kernel's own counts vary here"; exit 77; }

"$mmreplay" capture -q --method valgrind -o t.mmt -- "$program" || fail "capture: status $?"
"$mmreplay" run -q t.mmt >r.json || fail "run: status $?"
while read -r key want; do
	got=$(sed -n "s/^ *\"$key\": \([0-9]*\),*$/\1/p" r.json | head -1)
	[ "$got" = "$want" ] || fail "$key: replay $got, kernel $want"
	echo "$key $got $want"
done <native.txt
for key in faults_absent touches_segv touches_sigbus tasks_unknown mmap_overlaps calls_failed; do
	grep -q "\"$key\": 0" r.json || fail "$key is not 0"
done
"$mmreplay" capture -q --method valgrind -o t2.mmt -- "$program" || fail "second capture"
[ "$("$mmreplay" info --json t.mmt | grep '"runs":')" = "$("$mmreplay" info --json t2.mmt | grep '"runs":')" ] ||
	fail "two captures differ in their runs"

"$mmreplay" capture -q --method valgrind -o s.mmt -- sh -c 'kill -USR1 $$'
[ $? = 138 ] || fail "a signal's status is not passed through"
"$mmreplay" capture -q --method valgrind -o s.mmt -- sh -c 'sh -c "exit 3"; exit 5'
[ $? = 5 ] || fail "the status is not passed through"
[ "$("$mmreplay" dump -q -k exit s.mmt | grep -c 'code=768$')" = 1 ] || fail "the child's exit is missing"
[ "$("$mmreplay" dump -q -k exec s.mmt | wc -l)" -ge 2 ] || fail "the child's exec is missing"
"$mmreplay" capture -q --method valgrind -o none.mmt -- ./none 2>/dev/null
[ $? = 127 ] || fail "a missing program does not end with 127"
"$mmreplay" capture -q --method valgrind --switches -o none.mmt -- "$program" 2>/dev/null
[ $? = 2 ] || fail "an option of the other method is not refused"
[ -e none.mmt ] && fail "a missing program leaves a trace"
"$mmreplay" capture -q --method valgrind -o /dev/full -- "$program" 2>/dev/null
[ $? = 4 ] || fail "a full disk does not end with 4"
"$mmreplay" capture -q --method valgrind -d 1s -o d.mmt -- sh -c 'while :; do :; done'
[ $? = 0 ] || fail "a time limit does not end with 0"
"$mmreplay" info -q d.mmt >/dev/null || fail "the trace with a time limit is not whole"
exit $bad
