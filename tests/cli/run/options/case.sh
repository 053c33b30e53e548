# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
# usage errors end with 2, name the nearest word, and print nothing on standard output
$M run; echo $?
$M run -s vm.fault_around_byte=4K $T/anon.mmt; echo $?
$M run -s thp.enabled=sometimes $T/anon.mmt; echo $?
$M run -s vm.max_map_count=0 $T/anon.mmt; echo $?
$M run -s thp $T/anon.mmt; echo $?
$M run -m amd-zen5 $T/anon.mmt; echo $?
$M run -m ./nothing.json $T/anon.mmt; echo $?
$M run --check-every=0 $T/anon.mmt; echo $?
$M run --foce $T/anon.mmt
