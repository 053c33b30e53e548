#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
#
# Runs all benchmarks and prints a Markdown table: bench/run.sh BUILD_DIR [TRACE...]
#
# TRACE: traces with every access, as bench/make-traces.sh makes them; the shipped ones otherwise. Ratios compare
# lines of the same process, one after the other, and so survive a noisy machine; rates do not.
set -eu

build=$(realpath "$1")
shift
here=$(cd "$(dirname "$0")" && pwd)
[ $# -gt 0 ] || set -- "$here"/../traces/cc1-exact.mmt "$here"/../traces/python-exact.mmt
mmreplay=$build/src/cli/mmreplay
out=$(mktemp)
trap 'rm -f "$out" "$out.a" "$out.j"' EXIT

# full TRACE: best of five whole runs of the command by processor time (it has one thread); then wall time, KiB
full() {
	for _ in 1 2 3 4 5; do
		/usr/bin/time -f '%U %S %e %M' "$mmreplay" run -q -o "$out.j" "$1" 2>&1
	done | awk '{ print $1 + $2, $3, $4 }' | sort -n -k1 | head -1
}

echo '| what | figure |'
echo '|---|---|'
for t in "$@"; do
	name=$(basename "$t" .mmt)
	"$mmreplay" info --json "$t" > "$out"
	runs=$(jq .trace.runs "$out")
	accesses=$(jq .trace.accesses "$out")
	bytes=$(jq .size.file_bytes "$out")
	"$build/bench/bench-access" "$t" > "$out.a"
	awk -v n="$name" '
		/^bare two-level loop .*runs\/s/ { bare = $4 }
		/^mmu_access_runs/ { mmu = $2 }
		/^decode alone/ { dec = $3 }
		/^decode \+/ { both = $4 }
		END {
			printf "| %s: bare two-level TLB loop, runs in memory | %s M runs/s |\n", n, bare
			printf "| %s: access path, runs in memory | %s M runs/s, %.2f of the bare loop |\n", n, mmu, mmu / bare
			printf "| %s: decode alone | %s M runs/s |\n", n, dec
			printf "| %s: decode + access path | %s M runs/s, %.2f of the bare loop |\n", n, both, both / bare
		}' "$out.a"
	full "$t" | awk -v n="$name" -v r="$runs" -v a="$accesses" '{
		printf "| %s: `mmreplay run`, whole command | %.0f M accesses/s, %.1f M runs/s (%.2f s of processor time, %.2f s wall), peak %.1f MiB |\n",
			n, a / $1 / 1e6, r / $1 / 1e6, $1, $2, $3 / 1024 }'
	awk -v n="$name" -v b="$bytes" -v a="$accesses" 'BEGIN {
		printf "| %s: size | %.4f bytes an access (%.0f M accesses) |\n", n, b / a, a / 1e6 }'
	rm -f "$out.a"
done
"$build/bench/bench-fault" | awk '
	/^kernel/ { printf "| real kernel: touching fresh anonymous memory | %s M faults/s |\n", $2 }
	/^replay/ { printf "| replay of those faults, decoding and report included | %s M faults/s |\n", $2 }
	/^ratio/ { printf "| … ratio | %s |\n", $2 }'
for t in "$here"/../traces/gcc.mmt "$here"/../traces/python-sort.mmt; do
	"$mmreplay" info --json "$t" | jq -r --arg n "$(basename "$t" .mmt)" \
		'"| \($n): size of a trace of faults, all events | \(.size.file_bytes / .trace.events * 100 | round / 100) bytes an event |"'
done
"$build/bench/bench-alloc" | sed 's/^/    /' >&2
