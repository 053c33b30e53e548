# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
$M run -q --table $T/runs.mmt -o r.json
test -s r.json
