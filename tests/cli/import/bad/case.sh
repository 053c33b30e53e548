# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
# what cannot be read is said with its place; usage errors are 2
printf 'no trace at all\n' >x
$M import x; echo $?
$M import nothing; echo $?
$M import; echo $?
$M import x y; echo $?
$M import --from=champ x; echo $?
$M import - <x; echo $?
$M import --from=drmemtrace x; echo $?
printf 'op,addr\nr,0x1000\nr,zz\n' >bad.csv
$M import bad.csv >/dev/null; echo $?
printf 'op,addr\nr,0x1000\n' >ok.csv
$M import --strict ok.csv >/dev/null; echo $?
$M import -q ok.csv -o /dev/full; echo $?
mkdir folder
$M import folder; echo $?
