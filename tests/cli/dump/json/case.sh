# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
$M dump --json -n 6 $T/tasks.mmt
