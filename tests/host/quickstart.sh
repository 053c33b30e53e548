#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright the mmreplay authors
#
# ./quickstart on a machine where packages are missing and the user is nobody special: it names exactly these,
# installs nothing, exit status 4. The machine is real except for what dpkg-query and id say. Then, with the
# packages as they really are and a build that exists, the replay.
#
# usage: quickstart.sh SOURCE_ROOT BUILD_ROOT
set -eu
bin=$(mktemp -d)
trap 'rm -rf "$bin"' EXIT

cat >"$bin/dpkg-query" <<'END'
#!/bin/sh
for p; do :; done
case $p in
libzstd-dev) exit 1 ;;
meson) echo config-files ;;
*) echo installed ;;
esac
END
printf '#!/bin/sh\necho 1000\n' >"$bin/id"
printf '#!/bin/sh\necho called: apt-get "$@" >&2\nexit 1\n' >"$bin/apt-get"
chmod +x "$bin"/*

fail=0
for mode in '' test; do
	status=0
	# shellcheck disable=SC2086 # no argument where $mode is empty
	said=$(PATH=$bin:$PATH "$1/quickstart" $mode 2>&1) || status=$?
	[ $status = 4 ] || { echo "quickstart $mode: exit status $status, not 4"; fail=1; }
	case $said in
	*'apt-get install --no-install-recommends meson libzstd-dev ') ;;
	*) echo "quickstart $mode said: $said"; fail=1 ;;
	esac
done
status=0
said=$("$1/quickstart" tset 2>&1) || status=$?
[ $status = 2 ] || { echo "unknown argument: exit status $status, not 2"; fail=1; }

# A user's machine may lack packages, which is no failure of ours.
status=0
said=$(MMR_BUILD=$2 "$1/quickstart" 2>&1) || status=$?
case $status:$said in
0:'replayed traces/'*'page faults'*"JSON: $2/quickstart.json")
	python3 -m json.tool "$2/quickstart.json" >/dev/null || fail=1
	;;
4:*'packages are missing'*) echo "replay not tried: $said" ;;
*)
	echo "quickstart: exit status $status, said: $said"
	fail=1
	;;
esac
[ $fail = 0 ] && echo ok
exit $fail
