# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
# a flipped bit in the last block: an error, and with --recover the rest
size=$(stat -c %s $T/anon.mmt)
cp $T/anon.mmt cut.mmt
truncate -s $((size - 100)) cut.mmt
$M info -q cut.mmt >/dev/null 2>err; echo $?
grep -c 'byte offset' err
$M info -q --recover --json cut.mmt >out; echo $?
grep -E '"(truncated|complete)"' out
