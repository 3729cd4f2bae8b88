#!/bin/sh
# SPDX-License-Identifier: MIT
# Makes a page and looks at it. usage: run.sh [--self-test] [--as-nobody] PROGRAM CHECK.PY LAB-ARGUMENT...
# What this machine cannot play is no matter: the page says so, and that is looked at, too.
self_test='' user=''
while :; do
	case $1 in
	--self-test) self_test=--self-test ;;
	--as-nobody) user=1 ;;
	*) break ;;
	esac
	shift
done
program=$1 check=$2
shift 2
folder=$(mktemp -d) || exit 99
trap 'rm -rf "$folder"' EXIT
trap 'exit 130' INT TERM
LC_ALL=C.UTF-8
export LC_ALL
if [ -n "$user" ] && [ "$(id -u)" -eq 0 ]; then
	command -v setpriv >/dev/null 2>&1 || { echo 'SKIP: there is no setpriv'; exit 77; }
	# the program may lie where only root can go: it is handed over open
	setpriv --reuid 65534 --regid 65534 --clear-groups sh -c 'exec "$@"' sh "$program" lab --html - "$@" >"$folder/page.html"
else
	"$program" lab --html "$folder/page.html" "$@" >/dev/null
fi
status=$?
case $status in
0 | 1 | 3) ;;
*) echo "inuse lab --html ended with $status"; exit 1 ;;
esac
ls -l "$folder/page.html" | awk '{ print $5 " bytes" }'
python3 "$check" $self_test "$folder/page.html"
