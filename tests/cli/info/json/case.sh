# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
# what depends on the version of zstd is left out
$M info --json $T/runs.mmt | grep -vE 'file_bytes|bytes_per'
