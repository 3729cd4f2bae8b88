#!/bin/sh
# SPDX-License-Identifier: MIT
# What an ordinary user, and a machine without namespaces, can play of the proof: the rest is named, and nothing is wrong.
# usage: users.sh PROGRAM
program=$1
export LC_ALL=C.UTF-8
failed=0

expect() # STATUS TEXT... of the output in $out, with exit status $status
{
	wanted=$1
	shift
	for text; do
		case $out in
		*"$text"*) ;;
		*)
			printf 'lacks "%s":\n%s\n' "$text" "$out"
			failed=1
			;;
		esac
	done
	if [ "$status" != "$wanted" ]; then
		printf 'exit status %s instead of %s:\n%s\n' "$status" "$wanted" "$out"
		failed=1
	fi
}

as_user=
if [ "$(id -u)" = 0 ]; then
	as_user="setpriv --reuid 65534 --regid 65534 --clear-groups"
fi
# shellcheck disable=SC2086
if ! $as_user "$program" --version >/dev/null 2>&1 || ! $as_user unshare --user --net true 2>/dev/null; then
	echo "SKIP: an ordinary user cannot run $program, or may make no namespace"
	exit 77
fi

# shellcheck disable=SC2086
out=$($as_user "$program" lab bind/free restart/server-cannot-restart bind/other-user 2>&1)
status=$?
expect 3 'bind/free  ipv6: kernel and model agree' 'restart/server-cannot-restart  mapped: kernel and model agree' \
	'6 agree, 0 differ, 3 not played on the kernel' '     3 not played: it needs a second user, so only root can play it'

# shellcheck disable=SC2086
out=$($as_user "$program" lab restart/who-closes-first-keeps-time-wait 2>&1)
status=$?
expect 0 'FIN,ACK seq 1 ack 1' 'sockets   TIME-WAIT 127.0.0.1:5001 > 127.0.0.1:5000'

# what is wrong in the file is wrong on the kernel, too
file=$(mktemp --suffix=.exp)
trap 'rm -f "$file"' EXIT
printf 'shows A.\nsocket a ipv4\nbind a 127.0.0.1:5000\n  linux EADDRINUSE live\n' >"$file"
chmod 644 "$file"
# shellcheck disable=SC2086
out=$($as_user "$program" lab "$file" 2>&1)
status=$?
expect 1 '! bind a 127.0.0.1:5000  EADDRINUSE' 'DIFFERS'

# shellcheck disable=SC2086
out=$($as_user "$program" lab --fuzz 2000 --seed 1 2>&1)
status=$?
expect 0 'The buckets could not be read: ' 'Seed 1: 2000 calls' ': 0 disagreements.'
# shellcheck disable=SC2086
out=$($as_user "$program" lab bind/free 2>&1)
status=$?
expect 0 "     3 played without a look into the kernel's buckets before each call: "

# nobody may make a namespace here
none() # ARGUMENT...
{
	unshare --user --map-root-user sh -c 'echo 0 >/proc/sys/user/max_net_namespaces && exec "$@"' - "$program" "$@" 2>&1
}
out=$(none lab bind/free errors/sandbox syn/half-open)
status=$?
expect 3 '     9 not played: no network namespace can be made here' ' 0 agree, 0 differ, 9 not played on the kernel'
out=$(none lab --fuzz 2000)
status=$?
expect 3 'inuse: no network namespace can be made here'
out=$(none lab --os linux bind/free)
status=$?
expect 0 'the model agrees'
exit $failed
