#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
#
# Whole runs: TOPIC/trace.txt becomes a trace; each line "NAME OPTION..." of TOPIC/runs replays it with the model
# checked all the way, and must give TOPIC/NAME.json to the byte. The laws of laws.py hold for each result.
#
# usage: golden.sh MMREPLAY MKTRACE LAWS.py TOPIC_FOLDER [--update]
set -eu
mmreplay=$1 mktrace=$2 laws=$3 topic=$4 update=${5:-${MMREPLAY_UPDATE:-}}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail=0

"$mktrace" "$topic/trace.txt" "$work/t.mmt"
while read -r name options; do
	# the options are words of ours, without quotes
	# shellcheck disable=SC2086
	"$mmreplay" run -q --check-every=25 $options "$work/t.mmt" -o "$work/$name.json" || { fail=1; continue; }
	python3 "$laws" "$work/$name.json" || fail=1
	if [ -n "$update" ]; then
		cp "$work/$name.json" "$topic/$name.json"
	else
		diff -u "$topic/$name.json" "$work/$name.json" || fail=1
	fi
done <"$topic/runs"
exit $fail
