# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
$M
