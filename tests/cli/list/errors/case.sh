# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
$M list; echo $?
$M list machine; echo $?
$M list keys events; echo $?
for l in keys counters events; do $M list $l | wc -l | grep -vx 0 >/dev/null || echo "no $l"; done
