# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
# usage errors are 2, bad traces 3, outputs that fail 4
$M cut; echo $?
$M cut --from=x $T/anon.mmt; echo $?
$M cut --without=runz $T/anon.mmt; echo $?
$M cut nothing.mmt; echo $?
$M merge-traces $T/anon.mmt; echo $?
$M merge-traces -q $T/runs.mmt $T/anon.mmt -o x.mmt; echo $?
$M anonymize $T/anon.mmt $T/anon.mmt; echo $?
$M anonymize -q $T/anon.mmt -o /dev/full; echo $?
