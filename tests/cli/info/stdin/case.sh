# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
$M info --json - <$T/anon.mmt >1
$M info --json $T/anon.mmt >2
cmp 1 2
