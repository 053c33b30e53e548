# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
# two runs, a pipe, and noise on standard error: the same bytes
$M run -v $T/tasks.mmt >1.json 2>/dev/null
$M run -q - <$T/tasks.mmt >2.json
cmp 1.json 2.json
