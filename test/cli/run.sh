#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs the cases of this folder with the built program and prints TAP. usage: run.sh PROGRAM [--update] [CASE...]
#
# A case is a file NAME.case, a transcript of a shell:
#
#	# what it shows
#	$ inuse ls --snapshot snap/web.snap :80
#	what it prints on stdout
#	2> what it prints on stderr
#	? 2
#
# "? N" is the exit status, left out when it is 0. There may be several commands, with an empty line before each but the
# first. A case may be named with or without its .case. Commands run in this folder with sh, the program is `inuse` in PATH, LC_ALL is C.UTF-8. To add a case write its
# comments and commands, run `run.sh PROGRAM --update NAME.case`, and read what it recorded before you believe it.
# Commands to paste begin with sudo where the asker is not root; here he always is.
[ "$(id -u)" -eq 0 ] || exec unshare --user --map-root-user "$0" "$@"
program=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
shift
update=
[ "$1" = --update ] && update=1 && shift
cd "$(dirname "$0")" || exit 99
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
mkdir "$work/bin"
if [ -n "${RUN_WITH-}" ]; then # a program of another architecture
	printf '#!/bin/sh\nexec %s %s "$@"\n' "$RUN_WITH" "$program" >"$work/bin/inuse"
	chmod +x "$work/bin/inuse"
else
	ln -s "$program" "$work/bin/inuse"
fi
PATH=$work/bin:$PATH LC_ALL=C.UTF-8 NO_COLOR=1 TMP=$work
export PATH LC_ALL NO_COLOR TMP
unset LANGUAGE

# Runs one command, appends it and what came of it to the transcript.
step()
{
	timeout 30 sh -c "$1" >"$work/out" 2>"$work/err" </dev/null
	status=$?
	printf '$ %s\n' "$1"
	cat "$work/out"
	if [ -s "$work/out" ] && [ -n "$(tail -c 1 "$work/out")" ]; then
		echo '(no newline)'
	fi
	sed 's/^/2> /' "$work/err"
	[ "$status" = 0 ] || echo "? $status"
}

# The transcript of a case: its comments and commands, with what they print now.
transcript()
{
	behind=
	while IFS= read -r line; do
		case $line in
		'#'*)
			[ -z "$behind" ] || echo
			behind=
			printf '%s\n' "$line"
			;;
		'$ '*)
			[ -z "$behind" ] || echo
			behind=1
			step "${line#'$ '}"
			;;
		esac
	done <"$1"
}

[ $# -gt 0 ] || set -- *.case
echo "1..$#"
n=0 failed=0
for case in "$@"; do
	case=$(basename "$case" .case).case
	n=$((n + 1))
	transcript "$case" >"$work/now"
	if [ -n "$update" ]; then
		cp "$work/now" "$case"
	fi
	if diff -u "$case" "$work/now" >"$work/diff"; then
		echo "ok $n - ${case%.case}"
	else
		echo "not ok $n - ${case%.case}"
		sed 's/^/# /' "$work/diff"
		failed=1
	fi
done
exit $failed
