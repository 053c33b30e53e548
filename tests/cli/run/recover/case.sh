# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
# a trace without its end: an error, and with --recover a result that says what it lacks
size=$(stat -c %s $T/anon.mmt)
cp $T/anon.mmt cut.mmt
truncate -s $((size - 40)) cut.mmt
$M run -q cut.mmt -o none.json 2>err; echo $?
test -e none.json && echo "half a result"
$M run -q --recover cut.mmt -o r.json; echo $?
grep -E '"truncated"|"complete"|parts of the trace' r.json
