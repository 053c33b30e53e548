#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
#
# What run --procfs writes, read by the programs that read a real /proc and /sys: prometheus-node-exporter, numastat,
# free, slabtop, pmap. What they say must be what the result says. The lines of each file are those of the running
# kernel, when that is a 6.18. Skipped (77) where none of the readers is installed.
#
# usage: procfs.sh MMREPLAY TRACE CHECK.py
set -eu
mmreplay=$1 trace=$2 check=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$mmreplay" run -q --procfs "$work/tree" --procfs-at=exit -s machine.nodes=2 "$trace" -o "$work/result.json"
status=0
python3 "$check" "$work/tree" "$work/result.json" || status=$?
exit $status
