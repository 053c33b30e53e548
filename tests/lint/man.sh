#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
#
# Man pages have no errors that mandoc(1) can see, and name their own file.
#
# usage: man.sh SOURCE_ROOT
set -eu
command -v mandoc >/dev/null || { echo "mandoc is not installed"; exit 77; }

fail=0
for page in "$1"/man/*.[1-8]; do
	[ -e "$page" ] || continue
	mandoc -T lint -W error "$page" || fail=1
	file=${page##*/}
	want=$(echo "${file%.*}" | tr '[:lower:]' '[:upper:]')
	grep -Eiq "^\.(TH|Dt) \"?$(echo "$want" | sed 's/-/\\\\?-/g')\"? \"?${file##*.}" "$page" ||
		{ echo "$page: title is not $want ${file##*.}"; fail=1; }
done
[ $fail = 0 ] && echo ok
exit $fail
