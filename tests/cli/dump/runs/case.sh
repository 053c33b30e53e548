# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
$M dump --runs -n 7 $T/runs.mmt
$M dump --runs --json -n 6 $T/runs.mmt | tail -1
