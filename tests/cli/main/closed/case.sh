# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
# a closed or full output is an error, whichever command writes
$M --version >&-; echo $?
$M list keys >/dev/full; echo $?
$M info $T/anon.mmt >/dev/full; echo $?
$M run -q $T/anon.mmt >/dev/full; echo $?
$M dump $T/anon.mmt >&-
