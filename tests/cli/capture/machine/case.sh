# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
# The whole machine, and the kernel's memory: options that do not go together.
"$M" capture -a -p 1 || echo "status $?"
"$M" capture --no-slab -- true || echo "status $?"
"$M" capture --method valgrind -a -- true || echo "status $?"
"$M" capture --method valgrind --kernel -- true || echo "status $?"
"$M" capture --kernel || echo "status $?"
