# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
$M validate -q $T/tasks.mmt
