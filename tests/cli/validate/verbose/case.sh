# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
$M validate -v --json $T/tasks.mmt | grep -A7 '"verdict"'
