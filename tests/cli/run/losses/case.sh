# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
# losses stand in the result and on standard error
$M run $T/tasks.mmt | grep -E 'lost_events|capture lost'
