#!/bin/sh
# SPDX-License-Identifier: MIT
# Plays experiments, and fails when something differs. What this user or this machine cannot play is said and is no failure;
# where nothing at all can be played on the kernel the test is skipped. usage: run.sh PROGRAM ARGUMENT...
program=$1
shift
out=$(LC_ALL=C.UTF-8 "$program" lab "$@" 2>&1)
status=$?
printf '%s\n' "$out"
[ $status = 3 ] || exit $status
case $out in
*" 0 agree, 0 differ"*)
	echo "SKIP: no experiment can be played on this kernel by this user"
	exit 77
	;;
esac
exit 0
