#!/bin/sh
# SPDX-License-Identifier: MIT
# The example of the README: listens where it can, tells why where it cannot. usage: example.sh EXAMPLE
set -u
"$1" 127.0.0.1:0 || exit 1
said=$("$1" 127.0.0.1:99999 2>&1) && { echo "port 99999 was accepted"; exit 1; }
echo "$said"
case $said in *"out of range"*) exit 0 ;; *) exit 1 ;; esac
