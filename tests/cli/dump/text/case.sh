# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
$M dump -n 8 $T/anon.mmt
$M dump -k exit -k munmap $T/anon.mmt
