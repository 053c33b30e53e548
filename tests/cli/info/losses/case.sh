# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
# losses are said, and -q keeps quiet about them
$M info --json $T/tasks.mmt >1.json
$M info -q --json $T/tasks.mmt -o 2.json
cmp 1.json 2.json && grep -A2 '"losses"' 1.json
