#!/bin/sh
# SPDX-License-Identifier: MIT
# What a packager gets: program, library with soname, header, pkg-config file and manual; and a program that is built
# against them as a stranger would. usage: install.sh BUILD-FOLDER PREFIX EXAMPLE.c VERB...
set -eu
build=$1 prefix=$2 example=$3
shift 3
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
wrong()
{
	echo "$*"
	exit 1
}

meson install -C "$build" --no-rebuild --quiet --destdir "$root"
for file in bin/inuse include/inuse.h share/man/man1/inuse.1 share/man/man7/inuse-causes.7; do
	[ -s "$root$prefix/$file" ] || wrong "$file is not installed"
done
for verb in "$@"; do
	[ -s "$root$prefix/share/man/man1/inuse-$verb.1" ] || wrong "inuse-$verb.1 is not installed"
done
for file in bash-completion/completions/inuse zsh/site-functions/_inuse fish/vendor_completions.d/inuse.fish; do
	[ -s "$root$prefix/share/$file" ] || wrong "$file is not installed"
done
pc=$(find "$root" -name libinuse.pc)
[ -n "$pc" ] || wrong "libinuse.pc is not installed"
library=$(find "$root" -name libinuse.so)
soname=$(objdump -p "$library" | awk '$1 == "SONAME" { print $2 }')
case $soname in libinuse.so.[0-9]*) ;; *) wrong "the soname is \"$soname\"" ;; esac
[ -e "${library%/*}/$soname" ] || wrong "$soname is not installed"

# A program that needs no private part of the library, and no library but this one.
flags=$(PKG_CONFIG_PATH=${pc%/*} PKG_CONFIG_SYSROOT_DIR=$root pkg-config --cflags --libs libinuse)
case $flags in *jansson* | *bpf* | *mnl*) wrong "libinuse.pc hands private libraries on: $flags" ;; esac
# shellcheck disable=SC2086 # a list of flags
cc -std=c11 -Wall -Wextra -Werror -o "$root/example" "$example" $flags -Wl,-rpath-link,"${library%/*}" ||
	wrong "the example does not build against what was installed"
said=$(LD_LIBRARY_PATH=${library%/*} "$root/example" 127.0.0.1:99999 2>&1) && wrong "port 99999 was accepted"
case $said in *"out of range"*) ;; *) wrong "the example says \"$said\"" ;; esac

# The header is C99 and C++, too, and what its structs begin from gives no warning.
cat >"$root/use.h" <<'EOF'
#include <inuse.h>
static struct inuse_request request = INUSE_REQUEST_INIT;
static struct inuse_question question = INUSE_QUESTION_INIT;
static struct inuse_socket_options options = INUSE_SOCKET_OPTIONS_INIT;
int all_sized(void);
int all_sized(void)
{
	return request.size != 0 && question.size != 0 && options.size != 0;
}
EOF
strict="-pedantic -Wall -Wextra -Werror -fsyntax-only -I$root$prefix/include"
# shellcheck disable=SC2086 # a list of flags
cc -x c -std=c99 $strict "$root/use.h" || wrong "inuse.h is not C99"
if command -v clang >/dev/null 2>&1; then
	# shellcheck disable=SC2086
	clang -x c++ -std=c++11 $strict "$root/use.h" || wrong "inuse.h is not C++"
fi
