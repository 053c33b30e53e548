# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
# no name is left, the addresses have moved, and the replay is the same
figures() { $M run -q "$1" | jq -S 'del(.config, .trace.identity, .trace.events, .memcg) | walk(if type == "object" then del(.name) else . end)'; }
$M anonymize --salt=7 $T/anon.mmt -o a.mmt
figures $T/anon.mmt >was
figures a.mmt >is
cmp was is && echo same
$M dump a.mmt | head -8
$M anonymize -q --salt=7 $T/anon.mmt | cmp - a.mmt && echo "one salt, one trace"
$M anonymize -q $T/anon.mmt | cmp -s - a.mmt || echo "another salt, another trace"
$M anonymize -q --salt=1 "$G/../../traces/git-exact.mmt" | strings -n 6 | grep -ciE 'git|usr|root|debian'
