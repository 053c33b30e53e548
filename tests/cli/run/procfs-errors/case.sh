# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
# nothing is replayed when the folder cannot be used
mkdir full && touch full/file && touch plain
$M run -q --procfs=full $T/anon.mmt; echo $?
$M run -q --procfs=plain $T/anon.mmt; echo $?
$M run -q --procfs=no/where $T/anon.mmt; echo $?
$M run -q --procfs= $T/anon.mmt; echo $?
ls full
$M run -q --procfs=tree --procfs-at=never $T/anon.mmt; echo $?
$M run -q --procfs=tree --procfs-at=0 $T/anon.mmt; echo $?
$M run -q --procfs-at=exit $T/anon.mmt; echo $?
# an empty one is taken
mkdir empty
$M run -q --procfs=empty $T/anon.mmt -o r.json; echo $?
test -s empty/mmreplay-unavailable.json
# a trace that breaks off: a tree without its manifest is not whole
size=$(wc -c < $T/runs.mmt)
head -c $((size - 100)) $T/runs.mmt > cut.mmt
$M run -q --procfs=broken --procfs-at=exit cut.mmt -o none.json; echo $?
test ! -e broken/mmreplay-unavailable.json
