# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
$M compare $G/thp/captured.json $G/thp/always.json --fail 'vmstat.pgfault>+2%'; echo $?
$M compare $G/thp/always.json $G/thp/captured.json --fail 'vmstat.pgfault>+2%' --fail 'tasks.*.min_flt>+10' >out
echo $?; grep FAIL out
