#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The layers of the source: who includes whom, and which outside symbols the pure layers use.

usage: layers.py includes SOURCE-ROOT
       layers.py symbols LIBRARY.a
       layers.py exports LIBRARY.so HEADER
       layers.py self-test          breaks each rule once and wants to see it noticed
"""
import pathlib
import re
import subprocess
import sys

# A layer may include those before it, and itself. Those of one row do not know each other.
ORDER = [['base'], ['model'], ['say', 'sim'], ['host'], ['cure'], ['supervise', 'net', 'lab'], ['cli']]
# bpf/record.h is shared with the kernel's side; generated *.skel.h and *.lskel.h are what loads it.
BESIDE = {'compat': set(), 'bpf': set(), 'host': {'bpf'}}
# The only headers from outside that the model knows: none of an operating system.
MODEL_HEADERS = {'assert.h', 'limits.h', 'stdbool.h', 'stddef.h', 'stdint.h', 'string.h'}
# What the objects may want from outside. The model: memory and strings, nothing that allocates, prints or looks.
MODEL_SYMBOLS = {'memchr', 'memcmp', 'memcpy', 'memmove', 'memset', 'strchr', 'strcmp', 'strlen', 'strncmp', 'strrchr', 'strspn'}
BASE_SYMBOLS = MODEL_SYMBOLS | {'malloc', 'calloc', 'realloc', 'free', 'snprintf', 'vsnprintf', 'strcspn', 'strstr', 'strpbrk',
                                'strncpy', 'strrchr', 'strnlen', 'stpcpy', 'strcpy', 'dcgettext', 'dcngettext'}
# Inserted by compilers.
INSERTED = re.compile(r'__(asan|ubsan|sanitizer|sanitize|stack_chk|assert_fail|gcov)|_GLOBAL_OFFSET_TABLE_$|'
                      r'__(memcpy|memmove|memset|snprintf|vsnprintf|strcpy|strncpy|stpcpy)_chk$')


def allowed_layers(layer):
    """The layers whose headers a file of this layer may include."""
    if layer in BESIDE and layer not in sum(ORDER, []):
        return {layer} | BESIDE[layer]
    allowed = {layer, 'compat'} | BESIDE.get(layer, set())
    for row in ORDER:
        if layer in row:
            return allowed
        allowed.update(row)
    return None


def check_includes(files):
    """files: (layer, name, text). Complaints, one a line."""
    for layer, name, text in files:
        allowed = allowed_layers(layer)
        if allowed is None:
            yield f'{name}: src/{layer} is no layer'
            continue
        for quoted, system in re.findall(r'^\s*#\s*include\s+(?:"([^"]+)"|<([^>]+)>)', text, re.M):
            folder = quoted.split('/')[0] if '/' in quoted else None
            if folder is not None and folder not in allowed:
                yield f'{name}: {layer} may not include "{quoted}"'
            if quoted and folder is None and quoted != 'inuse.h' and not quoted.endswith('skel.h'):
                yield f'{name}: "{quoted}" is not written from src/'
            if system and layer == 'model' and system not in MODEL_HEADERS:
                yield f'{name}: the model knows no <{system}>'


def check_systems(files):
    """files: (folder, name, text). Only src/compat asks the compiler which system it compiles for."""
    for folder, name, text in files:
        if folder != 'src/compat' and re.search(r'^\s*#.*\b_?_?(_WIN32|WIN32|_WIN64|__MINGW\w+|__CYGWIN__|__linux__|__APPLE__)\b', text, re.M):
            yield f'{name}: only src/compat may ask which operating system it is compiled for'


def check_symbols(lines):
    """lines of nm -A: FILE: [ADDRESS] TYPE NAME."""
    members = {'model': {'U': set(), 'D': set()}, 'base': {'U': set(), 'D': set()}}
    for line in lines:
        match = re.match(r'.*src_(model|base)_\w+\.c\.o:\s*[0-9a-f]*\s+([A-Za-z]) (\S+)$', line)
        if match:
            layer, kind, name = match.groups()
            members[layer]['U' if kind == 'U' else 'D'].add(name)
    for layer, symbols, known in (('model', MODEL_SYMBOLS, members['base']['D']), ('base', BASE_SYMBOLS, set())):
        if not members[layer]['D']:
            yield f'no object of src/{layer} was found'
        for name in sorted(members[layer]['U'] - members[layer]['D'] - known - symbols):
            if not INSERTED.match(name):
                yield f'src/{layer} uses {name}'


def check_exports(names, header):
    """names: what the library exports; header: the text of the public header."""
    declared = set(re.findall(r'^INUSE_API\s[^;(]*?(\w+)\s*\(', header, re.M))
    for name in sorted(names):
        if not name.startswith('inuse_'):
            yield f'the library exports {name}'
        elif name not in declared:
            yield f'the library exports {name}, which no header declares'
    for name in sorted(declared - names):
        yield f'{name} is declared but not exported'


def nm(*arguments):
    return subprocess.run(['nm', *arguments], check=True, capture_output=True, text=True).stdout.splitlines()


def source_files(root):
    for path in sorted(pathlib.Path(root, 'src').glob('*/*')):
        if path.suffix in ('.c', '.h'):
            yield path.parent.name, path.relative_to(root), path.read_text()


def all_sources(root):
    for top in ('src', 'include', 'examples', 'test', 'bench', 'fuzz', 'tools'):
        for path in sorted(pathlib.Path(root, top).rglob('*.[ch]')):
            name = path.relative_to(root)
            yield str(name.parent), name, path.read_text()


def self_test():
    good = ['lib.a:x/src_model_a.c.o: U strlen', 'lib.a:x/src_model_a.c.o: U iu_b', 'lib.a:x/src_model_a.c.o:0000 T iu_a',
            'lib.a:x/src_base_b.c.o:0000 T iu_b', 'lib.a:x/src_base_b.c.o: U free']
    cases = [
        (check_includes([('model', 'a.c', '#include "base/text.h"\n#include <string.h>\n')]), False),
        (check_includes([('model', 'a.c', '#include "host/host.h"\n')]), True),
        (check_includes([('model', 'a.c', '#include <sys/socket.h>\n')]), True),
        (check_includes([('say', 'a.c', '#include <sys/socket.h>\n#include "inuse.h"\n')]), False),
        (check_includes([('net', 'a.c', '#include "cli/cli.h"\n')]), True),
        (check_includes([('net', 'a.c', '#include "lab/x.h"\n')]), True),
        (check_includes([('host', 'a.c', '#include "bpf/record.h"\n')]), False),
        (check_includes([('odd', 'a.c', '')]), True),
        (check_includes([('say', 'a.c', '#include "names.h"\n')]), True),
        (check_systems([('src/compat', 'a.h', '#ifdef _WIN32\n'), ('src/host', 'a.c', '/* _WIN32 */\n')]), False),
        (check_systems([('src/host', 'a.c', '#ifndef _WIN32\n')]), True),
        (check_systems([('include', 'a.h', '#if defined(__GNUC__) && !defined(_WIN32)\n')]), True),
        (check_symbols(good), False),
        (check_symbols(good + ['lib.a:x/src_model_a.c.o: U malloc']), True),
        (check_symbols(good + ['lib.a:x/src_model_a.c.o: U iu_host_now']), True),
        (check_symbols(good + ['lib.a:x/src_base_b.c.o: U clock_gettime']), True),
        (check_symbols([]), True),
        (check_exports({'inuse_a'}, 'INUSE_API char *inuse_a(int);'), False),
        (check_exports({'iu_a'}, ''), True),
        (check_exports(set(), 'INUSE_API enum x inuse_a(int\n a);'), True),
    ]
    for number, (complaints, wanted) in enumerate(cases):
        found = list(complaints)
        if bool(found) != wanted:
            yield f'self-test {number}: {found}'


def main():
    what, arguments = sys.argv[1], sys.argv[2:]
    if what == 'includes':
        complaints = [*check_includes(source_files(arguments[0])), *check_systems(all_sources(arguments[0]))]
    elif what == 'symbols':
        complaints = check_symbols(nm('-A', arguments[0]))
    elif what == 'exports':
        names = {line.split()[-1].split('@')[0] for line in nm('-D', '--defined-only', arguments[0]) if ' A ' not in line}
        complaints = check_exports(names, pathlib.Path(arguments[1]).read_text())
    else:
        complaints = self_test()
    found = list(complaints)
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == '__main__':
    sys.exit(main())
