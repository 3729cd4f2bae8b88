#!/bin/sh
# SPDX-License-Identifier: MIT
# A run in which a packet crossed again is played again, three times at most, and that is said. usage: resent.sh PROGRAM
program=$1
folder=$(dirname "$0")
out=$(LC_ALL=C.UTF-8 NO_COLOR=1 "$program" lab "$folder/resent.exp" 2>&1)
case $out in
*"the model agrees; not played on the kernel"*)
	echo "SKIP: no experiment can be played on this kernel by this user"
	exit 77
	;;
*"(played 3 times, and each time packets crossed again or too late: the machine may be too busy)"*) ;;
*)
	printf '%s\n' "$out"
	exit 1
	;;
esac
json=$(LC_ALL=C.UTF-8 "$program" lab --json "$folder/resent.exp")
case $json in
*'"sent_again":1,'*'"plays":3'*) exit 0 ;;
esac
printf '%s\n' "$json"
exit 1
