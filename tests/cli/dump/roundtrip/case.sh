# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
# what dump prints can be made into the same trace again: the identity says so
{ $M dump --metadata $T/runs.mmt | tr -d '\n'; echo; $M dump --runs $T/runs.mmt; } >text
$MKTRACE text again.mmt
$M info --json $T/runs.mmt | grep identity >1
$M info --json again.mmt | grep identity >2
cmp 1 2
