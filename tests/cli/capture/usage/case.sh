# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
$M capture; echo $?
$M capture --outptu x -- true; echo $?
$M capture --method strace -o x.mmt -- true; echo $?
$M capture -o nowhere/x.mmt -- true; echo $?
ls
