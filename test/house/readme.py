#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the README shows is there: its example is the one that is tested, its verbs are all verbs, its links lead somewhere.

usage: readme.py SOURCE-ROOT VERB...
"""
import pathlib
import re
import sys


def check(root, verbs):
    for page in ('README.md', 'CONTRIBUTING.md', 'NEWS.md'):
        for link in re.findall(r'\]\((?!https?:)([^)#]+)', (root / page).read_text()):
            if not (root / link).exists():
                yield f'{page}: there is no {link}'
    text = (root / 'README.md').read_text()
    shown = re.search(r'^```c\n(.*?)^```', text, re.M | re.S)
    if shown is None or shown.group(1) != (root / 'examples/listen.c').read_text():
        yield 'README.md: the example is not examples/listen.c'
    listed = re.findall(r'^\| `inuse ([a-z]+)', text, re.M)
    if sorted(listed) != sorted(verbs):
        yield f'README.md lists {listed}, and there are {verbs}'


def main():
    complaints = list(check(pathlib.Path(sys.argv[1]), sys.argv[2:]))
    print('\n'.join(complaints))
    return 1 if complaints else 0


if __name__ == '__main__':
    sys.exit(main())
