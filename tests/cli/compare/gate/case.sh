# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
# nulls cannot be judged, rules that match nothing are errors, other traces are refused
$M compare $G/anon/captured.json $G/anon/captured.json --fail 'tlb>+1%'; echo $?
$M compare $G/anon/captured.json $G/anon/captured.json --fail 'nothing.at.all>+1%'; echo $?
$M compare $G/anon/captured.json $G/thp/captured.json; echo $?
$M compare --force $G/anon/captured.json $G/thp/captured.json >/dev/null; echo $?
$M compare $G/anon/captured.json; echo $?
$M compare --fail 'x' $G/anon/captured.json $G/anon/captured.json; echo $?
$M compare --format html $G/anon/captured.json $G/anon/captured.json; echo $?
echo '{}' >other.json
$M compare other.json $G/anon/captured.json; echo $?
echo '{' >broken.json
$M compare broken.json $G/anon/captured.json; echo $?
$M compare nothing.json $G/anon/captured.json
