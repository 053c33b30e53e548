# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
# every kind of bad input ends with 3 and names the file
$M info nothing.mmt; echo $?
printf 'not a trace at all, but long enough to look like one' >text
$M info text; echo $?
: >empty
$M info empty; echo $?
$M info $T/anon.mmt $T/runs.mmt; echo $?
$M info; echo $?
$M info --jsn $T/anon.mmt; echo $?
$M info -o; echo $?
$M info --json=yes $T/anon.mmt
