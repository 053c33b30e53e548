#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
#
# One case: CASE/case.sh runs in an empty folder; what it prints and its exit status must be CASE/stdout,
# CASE/stderr and CASE/status (absent: nothing, nothing, 0). In it are set
#	M	the program		anon, runs ...	traces made of the golden tests' text: $T/anon.mmt
#	T	folder of traces	G		the golden tests' folder, for results
#	MKTRACE	maker of traces from text
# Paths of the work folder are shown as @/, those of the golden folder as G/. MMREPLAY_UPDATE=1, or --update at the end, rewrites what is expected.
#
# usage: cli.sh MMREPLAY MKTRACE GOLDEN_FOLDER CASE_FOLDER [--update]
set -eu
M=$(realpath "$1") mktrace=$(realpath "$2") G=$3 dir=$4 update=${5:-${MMREPLAY_UPDATE:-}}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
T=$work/t
mkdir "$T" "$work/cwd"
for topic in anon runs tasks; do
	"$mktrace" "$G/$topic/trace.txt" "$T/$topic.mmt"
done
MKTRACE=$mktrace
export M T G MKTRACE LC_ALL=C

status=0
(cd "$work/cwd" && sh -u "$dir/case.sh") >"$work/stdout" 2>"$work/stderr" </dev/null || status=$?
echo "$status" >"$work/status"
sed -i -e "s#$work/#@/#g" -e "s#$G/#G/#g" "$work/stdout" "$work/stderr"

fail=0
for out in stdout stderr status; do
	if [ -n "$update" ]; then
		rm -f "$dir/$out"
		if [ -s "$work/$out" ] && [ "$(cat "$work/$out")" != 0 ]; then cp "$work/$out" "$dir/$out"; fi
		continue
	fi
	if [ -e "$dir/$out" ]; then
		expected=$dir/$out
	elif [ $out = status ]; then
		echo 0 >"$work/zero"
		expected=$work/zero
	else
		expected=/dev/null
	fi
	diff -u "$expected" "$work/$out" || fail=1
done
exit $fail
