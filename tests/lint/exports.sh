#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
#
# libmmreplay shows the outside what the public headers declare (mmr_...), and nothing else.
#
# usage: exports.sh NM LIBRARY SOURCE_ROOT
set -eu
exports=$("$1" -D --defined-only "$2" | awk '{ print $NF }' | sed 's/@.*//' | sort -u)

fail=0
for s in $exports; do
	case $s in
	mmr_*)
		grep -qrw "$s" "$3/include/mmreplay" || { echo "exported, but in no header: $s"; fail=1; } ;;
	__asan* | __odr_asan* | __ubsan* | __sanitizer* | _init | _fini) ;;
	*) echo "exported: $s"; fail=1 ;;
	esac
done
echo "$exports" | grep -qx mmr_version || { echo "not exported: mmr_version"; fail=1; }
[ $fail = 0 ] && echo ok
exit $fail
