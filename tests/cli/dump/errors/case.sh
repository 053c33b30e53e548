# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
$M dump -k faults $T/anon.mmt; echo $?
$M dump -n none $T/anon.mmt; echo $?
$M dump nothing.mmt
