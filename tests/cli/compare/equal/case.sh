# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
$M compare $G/anon/captured.json $G/anon/captured.json
