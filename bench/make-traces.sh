#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
#
# Makes big traces of real programs for the benchmarks.
#
# usage: make-traces.sh MMREPLAY [-d DIR] [-s SCALE] [NAME...]
#
#	python-sort	every access of python3 sorting SCALE x 100,000 random numbers
#	cc1		every access of cc1 -O2 compiling SCALE x 10 functions
#	faults		faults and system calls of a program that touches 2 GiB, copies a quarter of it and frees it
#
# The valgrind method records about a million accesses a second, so SCALE 10 (the default; 10^9 accesses and more) takes
# half an hour a trace. Into DIR, bench/out by default, which git ignores.
set -eu

mmreplay=$(realpath "$1")
shift
here=$(cd "$(dirname "$0")" && pwd)
dir=$here/out
scale=10
while getopts d:s: opt; do
	case $opt in
	d) dir=$OPTARG ;;
	s) scale=$OPTARG ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
wanted="$*"
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export LC_ALL=C

is_wanted() {
	case " $wanted " in
	*" $1 "* | "  ") return 0 ;;
	esac
	return 1
}

if is_wanted python-sort; then
	cat > sort.py <<PY
import random
r = random.Random(1)
a = [r.random() for _ in range($scale * 100000)]
a.sort()
print(a[0])
PY
	"$mmreplay" capture --method valgrind -o "$dir/python-sort.mmt" -- /usr/bin/python3 -E -S -s sort.py
fi
if is_wanted cc1; then
	awk -v n=$((scale * 10)) 'BEGIN {
		print "int printf(const char *, ...);"
		for (i = 0; i < n; i++)
			printf "int f%d(int *a, int x)\n{\n\tint s = x;\n\tfor (int i = 0; i < x; i++) {\n\t\ta[i] = s * %d ^ (a[i ^ 1] >> %d);\n\t\tif (a[i] %% %d == 0)\n\t\t\ts += a[s & 63];\n\t\telse\n\t\t\ts ^= f%d;\n\t}\n\treturn s;\n}\n", i, i + 3, i % 7 + 1, i + 2, i
	}' | sed 's/s ^= f[0-9]*;/s ^= i;/' > prog.c
	"$mmreplay" capture --method valgrind -o "$dir/cc1.mmt" -- \
		"$(gcc -print-prog-name=cc1)" -quiet -O2 prog.c -o prog.s
fi
if is_wanted faults; then
	cat > touch.c <<'C'
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
	size_t len = 2ul << 30;
	char *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return 1;
	for (size_t i = 0; i < len; i += 4096)
		p[i] = 1;
	if (fork() == 0) {
		for (size_t i = 0; i < len / 4; i += 4096)
			p[i] = 2;
		_exit(0);
	}
	wait(NULL);
	return munmap(p, len);
}
C
	gcc -O2 -o touch touch.c
	"$mmreplay" capture -o "$dir/faults.mmt" -- ./touch
fi
