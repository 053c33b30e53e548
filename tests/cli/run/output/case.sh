# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
# -o writes the file whole or not at all
$M run -q $T/anon.mmt >stdout.json
$M run -q $T/anon.mmt -o file.json
cmp stdout.json file.json
$M run -q $T/anon.mmt -o nowhere/file.json; echo $?
$M run -q $T/anon.mmt -o /dev/full; echo $?
$M run -q nothing.mmt -o none.json; echo $?
ls
