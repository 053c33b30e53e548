#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
#
# usage: layer-roots.sh SRC ROOTS LAYER:SEEN,SEEN... ...
#
# Makes one include root per layer: ROOTS/LAYER/ holds a symbolic link for each folder of SRC that the
# layer may include from (itself too). A layer is compiled with its own root only, so an include of
# a higher layer does not compile. Idempotent: an unchanged root is left alone, a stale link goes.
set -eu
src=$1 roots=$2
shift 2

for row in "$@"; do
	layer=${row%%:*}
	seen=$(echo "$layer,${row#*:}" | tr ',' ' ')
	root=$roots/$layer
	mkdir -p "$root"
	for link in "$root"/*; do
		[ -L "$link" ] || continue
		case " $seen " in
		*" ${link##*/} "*) ;;
		*) rm "$link" ;;
		esac
	done
	for s in $seen; do
		[ "$(readlink "$root/$s" || :)" = "$src/$s" ] || ln -sfn "$src/$s" "$root/$s"
	done
done
