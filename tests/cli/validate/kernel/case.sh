# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
# Page events of the whole machine: allocations, frees and the free lists are judged.
"$MKTRACE" "$G/kernel/trace.txt" t.mmt
"$M" validate -q t.mmt
