# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
# what depends on the version of zstd is left out
$M info $T/anon.mmt | sed '/^size:/,/^$/d'
