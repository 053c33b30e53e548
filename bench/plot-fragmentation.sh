#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
#
# Huge pages on fragmented memory: what share of a heap they get, and what compaction does for it, as functions of how
# fragmented the machine was to begin with. Prints the figures, draws bench/fragmentation.svg (gnuplot) and, with -t, prints
# the picture as text.
#
# usage: plot-fragmentation.sh [-t] [-o FILE.svg] MMREPLAY
#
# One run for each point, as
#
#	mmreplay gen bench/fragmentation.ini -o heap.mmt
#	mmreplay run heap.mmt -s machine.memory=1G -s thp.enabled=always -s thp.defrag=always \
#		-s fragmentation.initial=aged -s fragmentation.initial.used=45 -s fragmentation.initial.degree=600
#
# The same figures on every machine: everything random comes from fragmentation.initial.seed.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
svg=$here/fragmentation.svg
text=
while getopts to: opt; do
	case $opt in
	t) text=1 ;;
	o) svg=$OPTARG ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
mmreplay=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export LC_ALL=C

"$mmreplay" gen "$here/fragmentation.ini" -o "$work/heap.mmt"

# point DEFRAG DEGREE: degree, percent of huge pages got, thousands of pages migrated, of pages scanned, direct tries
point() {
	"$mmreplay" run -q "$work/heap.mmt" -o "$work/r.json" -s machine.memory=1G -s thp.enabled=always \
		-s thp.defrag="$1" -s fragmentation.initial=aged -s fragmentation.initial.used=45 \
		-s fragmentation.initial.degree="$2"
	jq -r --argjson d "$2" '.vmstat | [$d / 1000, .thp_fault_alloc * 100 / (.thp_fault_alloc + .thp_fault_fallback),
		.pgmigrate_success / 1000, (.compact_migrate_scanned + .compact_free_scanned) / 1000,
		.compact_stall, .compact_success] | @tsv' "$work/r.json"
}

for defrag in never defer always; do
	echo "# thp.defrag=$defrag: degree, huge pages got in %, thousands of pages migrated, scanned, stalls, successes"
	for degree in 0 100 200 300 400 500 600 700 800 900; do
		point $defrag $degree
	done > "$work/$defrag.tsv"
	cat "$work/$defrag.tsv"
done

# draw TERMINAL: both pictures, one above the other
draw() {
	cat <<EOF
set terminal $1
set style data linespoints
set xrange [0:0.9]
set xtics 0.1
set grid
set multiplot layout 2,1
set title "Huge pages of a 384 MiB heap, 1 GiB machine, 45 % in use"
set ylabel "served with huge pages, %"
set yrange [0:105]
set key bottom left
plot "$work/never.tsv" using 1:2 title "thp.defrag=never" pt 4 lw 2, \
	"$work/defer.tsv" using 1:2 title "defer: kcompactd" pt 6 lw 2, \
	"$work/always.tsv" using 1:2 title "always: direct compaction" pt 8 lw 2
set title "Work of compaction"
set xlabel "free memory unusable for a huge page at the start (degree of fragmentation)"
set ylabel "pages migrated, thousands"
set yrange [0:*]
set key top left
plot "$work/never.tsv" using 1:3 title "never" pt 4 lw 2, "$work/defer.tsv" using 1:3 title "defer" pt 6 lw 2, \
	"$work/always.tsv" using 1:3 title "always" pt 8 lw 2
unset multiplot
EOF
}

draw 'svg size 640,640 background "white" font "sans-serif,12"' | gnuplot > "$svg"
[ -z "$text" ] || draw 'dumb size 90,50' | gnuplot
