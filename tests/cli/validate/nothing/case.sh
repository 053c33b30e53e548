# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
# a trace without the kernel's counters proves nothing
$M validate -q --json $T/anon.mmt | tail -9
$M validate -q $T/anon.mmt >/dev/null
