# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
# what a trace of faults cannot answer is refused without --force, and forced it says so
$M run -s machine.memory=512M $T/anon.mmt; echo $?
$M run -s thp.enabled=never $T/anon.mmt; echo $?
$M run -s vm.fault_around_bytes=4K $T/anon.mmt; echo $?
$M run -s thp.enabled=never --force $T/anon.mmt | grep -E '"forced|forced:'
$M run -s machine.memory=64M $T/runs.mmt | grep -c '"schema"'
