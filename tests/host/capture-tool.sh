#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
#
# capture-tool.sh MMREPLAY STATIC_PROGRAM PROGRAM
#
# The Valgrind tool of our own and lackey see the same: all events and page runs of a static program (signals,
# accesses that straddle pages, rep movs), and of a program of the system, are equal. And the tool follows threads and exec.
set -u
mmreplay=$(realpath "$1") program=$(realpath "$2") threads=$(realpath "$3")
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

# Ids of the kernel, sizes of files that we write ourselves, and how runs lie in batches may differ.
text()
{
	"$mmreplay" dump --runs "$1" | grep -v -e ' runs nr=' -e ' file_cache ' -e ' file file=' -e ' switch ' |
		sed 's/tid=[0-9]*//; s/pid=[0-9]*//g'
}

compare()
{
	"$mmreplay" capture -q --method valgrind -o own.mmt -- "$@" >out.own </dev/null 2>err.own
	"$mmreplay" capture -q --method valgrind --lackey -o lackey.mmt -- "$@" >out.lackey </dev/null 2>err.lackey
	cmp out.own out.lackey || fail "$1: the program's own output differs"
	"$mmreplay" info --json own.mmt | grep -q '"tool": "mmreplay"' || fail "$1: our tool was not used: $(cat err.own)"
	text own.mmt >own.txt
	text lackey.mmt >lackey.txt
	cmp -s own.txt lackey.txt || { fail "$1: the traces differ"; diff own.txt lackey.txt | head; }
	echo "$1: $(wc -l <own.txt) lines"
}

compare "$program"
compare /bin/true
head -c 4000 /bin/sh >some
compare gzip -c some

# Threads race: here only that everything is followed. (A static program with threads does not run under valgrind.)
"$mmreplay" capture -q --method valgrind -o t.mmt -- "$threads" threads >/dev/null || fail "threads: status $?"
"$mmreplay" run -q t.mmt >t.json || fail "threads: replay"
grep -q '"tasks_unknown": 0' t.json || fail "threads: a task is unknown"
grep -q '"touches_segv": 0' t.json || fail "threads: touches outside of areas"
"$mmreplay" capture -q --method valgrind -o e.mmt -- sh -c '/bin/true; exec /bin/true' || fail "exec: status $?"
[ "$("$mmreplay" dump e.mmt | grep -c ' exec ')" = 3 ] || fail "exec: not all were followed"
exit $bad
