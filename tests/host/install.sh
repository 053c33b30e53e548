#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
#
# What `meson install` lays down is whole: the program runs, a foreign program compiles against library,
# headers and pkg-config file and runs, every man page is there.
#
# usage: install.sh SOURCE_ROOT BUILD_ROOT PROGRAM.c SANITIZERS CC...
set -eu
src=$1 build=$2 foreign=$3 sanitizers=$4
shift 4
dest=$(mktemp -d)
trap 'rm -rf "$dest"' EXIT

DESTDIR=$dest meson install -C "$build" --no-rebuild --quiet >"$dest/log" 2>&1 || { cat "$dest/log"; exit 1; }

pc=$(find "$dest" -name mmreplay.pc)
[ -n "$pc" ] || { echo "no mmreplay.pc"; exit 1; }
export PKG_CONFIG_PATH="${pc%/*}" PKG_CONFIG_SYSROOT_DIR="$dest"
flags=$(pkg-config --cflags --libs mmreplay)
[ "$sanitizers" = none ] || flags="$flags -fsanitize=$sanitizers"
# shellcheck disable=SC2086 # flags are words
"$@" -Wall -Wextra -Werror -o "$dest/use" "$foreign" $flags
lib=$(dirname "$(find "$dest" -name 'libmmreplay.so' -o -name 'libmmreplay.a' | head -n 1)")
version=$(LD_LIBRARY_PATH=$lib "$dest/use")
[ "$version" = "$(pkg-config --modversion mmreplay)" ] || { echo "library says version $version"; exit 1; }

program=$(find "$dest" -path '*/bin/mmreplay')
[ "$("$program" --version)" = "mmreplay $version" ] || { echo "$program --version is not $version"; exit 1; }

for page in "$src"/man/*.[1-8]; do
	[ -e "$page" ] || continue
	[ -n "$(find "$dest" -name "${page##*/}" -o -name "${page##*/}.gz")" ] ||
		{ echo "not installed: ${page##*/}"; exit 1; }
done
echo "version $version"
