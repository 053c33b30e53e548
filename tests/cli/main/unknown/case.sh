# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
$M vaildate x; echo $?
$M frobnicate
