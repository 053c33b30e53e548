#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
#
# The same trace gives the same bytes of JSON whatever built the program: gcc and clang, -O0 and -O3 (all without
# a warning), each trace of traces/, on every machine there is.
#
# usage: compilers.sh SOURCE_ROOT WORK_FOLDER
set -eu
src=$1 work=$2
for cc in gcc clang; do
	command -v $cc >/dev/null || { echo "$cc is not installed"; exit 77; }
done
ls "$src"/traces/*.mmt >/dev/null 2>&1 || { echo "no traces"; exit 77; }

rm -rf "$work"
mkdir -p "$work"
fail=0
first=
for cc in gcc clang; do
	for level in 0 3; do
		name=$cc-O$level
		out=$work/$name.out
		{
			CC=$cc CFLAGS='' meson setup "$work/$name" "$src" --buildtype=plain -Doptimization=$level \
				-Dtests=disabled -Dwerror=true && ninja -C "$work/$name" src/cli/mmreplay
		} >"$work/$name.log" 2>&1 || { cat "$work/$name.log"; exit 1; }
		mmreplay=$work/$name/src/cli/mmreplay
		mkdir "$out"
		for trace in "$src"/traces/*.mmt; do
			base=$(basename "$trace" .mmt)
			for machine in $("$mmreplay" list machines -q | awk '{ print $1 }'); do
				"$mmreplay" run -q -m "$machine" "$trace" >"$out/$base.$machine.json" || {
					echo "$name: $base on $machine: exit status $?"
					fail=1
				}
			done
		done
		[ -n "$(ls "$out")" ] || { echo "$name: nothing was run"; exit 1; }
		first=${first:-$out}
		diff -rq "$first" "$out" || fail=1
	done
done
[ $fail = 0 ] && { echo "$(find "$first" -type f | wc -l) results equal"; rm -rf "$work"; }
exit $fail
