#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
#
# The same trace gives the same bytes of JSON whatever built the program: gcc and clang, -O0 and -O3 (all without
# a warning), each trace of traces/, on every machine that its addresses fit; and with everything switched on at once.
#
# usage: compilers.sh SOURCE_ROOT WORK_FOLDER MKTRACE
set -eu
src=$1 work=$2 mktrace=$3
everything="-s machine.nodes=4 -s machine.cpus=8 -s machine.memory=2G -s numa.policy=weighted-interleave:0-3
	-s numa.weights=3,1,2 -s numa.placement=tasks -s numa.balancing=on -s thp.enabled=always -s slab.policy=slab
	-s kernel.quicklists=on -s kernel.touches=on -s fragmentation.initial=aged -s fragmentation.pressure.rate=1000
	-s memory.cma=64M -s memory.movablecore=512M --timeline=1ms --force"
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
		for topic in zones slab; do
			"$mktrace" "$src/tests/golden/$topic/trace.txt" "$work/$topic.mmt"
			while read -r run options; do
				# shellcheck disable=SC2086
				"$mmreplay" run -q $options "$work/$topic.mmt" >"$out/$topic.$run.json"
			done <"$src/tests/golden/$topic/runs"
		done
		for trace in "$src"/traces/*.mmt; do
			base=$(basename "$trace" .mmt)
			# shellcheck disable=SC2086
			"$mmreplay" run -q $everything "$trace" >"$out/$base.everything.json" || {
				echo "$name: $base with everything: exit status $?"
				fail=1
			}
			for machine in $("$mmreplay" list machines -q | awk '$1 !~ /^x86-32/ { print $1 }'); do
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
