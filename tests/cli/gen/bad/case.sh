# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
# what is wrong with a job file is said with its line; usage errors are 2
printf '[region r]\n[job j]\nregion = r\npatern = zipf\n' >typo.ini
$M gen typo.ini; echo $?
printf '[region r]\n[job a]\nregion = r\nafter = b\n[job b]\nregion = r\nafter = a\n' >dead.ini
$M gen -q dead.ini -o dead.mmt; echo $?
$M gen nothing.ini; echo $?
$M gen; echo $?
$M gen a b; echo $?
printf '[kernel k]\n' >k.ini
$M gen k.ini --seed=x; echo $?
$M gen k.ini --level=99; echo $?
$M gen -q k.ini -o /dev/full; echo $?
$M gen -q k.ini -o no/such/folder; echo $?
