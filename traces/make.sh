#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
#
# Makes the shipped traces anew: traces/make.sh MMREPLAY [NAME...]
#
# MMREPLAY is the executable. Without names all are made. Needs Debian's gcc, git, python3, redis-server,
# redis-tools, sqlite3, valgrind, xz-utils, zstd; root, so that frames and folio sizes are in the traces.
# Every command runs twice before it is captured, so that its files are in the page cache.
set -eu

mmreplay=$(realpath "$1")
shift
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export LC_ALL=C HOME="$work" GIT_CONFIG_NOSYSTEM=1
unset PYTHONPATH PYTHONHOME || true

# Input that is the same everywhere.
awk 'BEGIN {
	print "#include <stdio.h>"
	for (i = 0; i < 120; i++)
		printf "int f%d(int x)\n{\n\tint s = 0;\n\tfor (int i = 0; i < x; i++)\n\t\ts += i * %d ^ (s >> %d);\n\treturn s;\n}\n", i, i + 3, i % 7 + 1
	print "int main(void)\n{\n\tint s = 0;"
	for (i = 0; i < 120; i++)
		printf "\ts += f%d(%d);\n", i, i
	print "\tprintf(\"%d\\n\", s);\n\treturn 0;\n}"
}' > prog.c
printf 'int main(void)\n{\n\treturn 0;\n}\n' > tiny.c
awk 'BEGIN { x = 1; for (i = 0; i < 60000; i++) { x = (x * 16807) % 2147483647; print i, x % 997, x % 31 } }' > data.txt
head -c 60000 data.txt > small.txt
cat > sort.py <<'PY'
import random
r = random.Random(1)
a = [r.random() for _ in range(200000)]
a.sort()
print(a[0])
PY
cat > load.sql <<'SQL'
drop table if exists t;
create table t(a integer primary key, b text, c integer);
with recursive n(x) as (select 1 union all select x + 1 from n where x < 40000)
insert into t select x, hex(x * 7919), x % 101 from n;
create index i on t(b);
select count(*) from t where b > '5';
select c, count(*) from t group by c order by 2 desc limit 3;
delete from t where a % 3 = 0;
SQL
head -4 load.sql | sed 's/40000/400/' > small.sql
(git init -q repo && cd repo && git config user.email a@b && git config user.name a &&
	for i in 1 2 3 4 5 6 7 8 9 10; do
		cp ../prog.c "f$i.c" && git add . && git commit -q -m "$i"
	done)

# What follows the name: the method, then the command.
capture() {
	name=$1 method=$2
	shift 2
	case " $wanted " in
	*" $name "* | "  ") ;;
	*) return 0 ;;
	esac
	"$@" > /dev/null
	"$@" > /dev/null
	"$mmreplay" capture --method "$method" -o "$here/$name.mmt" -- "$@" > /dev/null
}

# Page events of the whole machine during a build, on an otherwise idle machine.
build() {
	case " $wanted " in
	*" kernel-build "* | "  ") ;;
	*) return 0 ;;
	esac
	mkdir -p build
	for i in 1 2 3 4 5 6; do cp prog.c "build/f$i.c"; done
	printf 'CFLAGS = -O2\nall: f1.o f2.o f3.o f4.o f5.o f6.o\n' > build/Makefile
	make -s -C build
	make -s -C build
	rm build/*.o
	"$mmreplay" capture -q -a --kernel-only --no-slab --time-unit 1us --level 19 -o "$here/kernel-build.mmt" \
		-- make -s -j2 -C build
}

redis() {
	case " $wanted " in
	*" redis "* | "  ") ;;
	*) return 0 ;;
	esac
	"$mmreplay" capture -o "$here/redis.mmt" -- redis-server --port 7379 --save '' --daemonize no > /dev/null &
	until redis-cli -p 7379 ping > /dev/null 2>&1; do sleep 0.1; done
	redis-benchmark -p 7379 -q -n 150000 -r 150000 -P 16 -t set,lpush,hset > /dev/null
	redis-cli -p 7379 shutdown nosave > /dev/null 2>&1 || true
	wait
}

wanted="$*"
capture sqlite perf /usr/bin/sqlite3 load.db '.read load.sql' '.exit'
rm -f load.db
capture gcc perf gcc -O2 -c prog.c -o prog.o
capture python-sort perf /usr/bin/python3 -E -S sort.py
capture xz perf xz -9 -k -f data.txt
capture git perf git -C repo log --stat -p
redis
build
capture sqlite-exact valgrind /usr/bin/sqlite3 :memory: '.read small.sql'
capture cc1-exact valgrind "$(gcc -print-prog-name=cc1)" -quiet -O2 tiny.c -o tiny.s
capture xz-exact valgrind xz -1 -c small.txt
capture python-exact valgrind /usr/bin/python3 -E -S -s -c 'print(sorted(range(3000), key=lambda x: -x % 97)[0])'
capture git-exact valgrind git -C repo log --stat -p -3
