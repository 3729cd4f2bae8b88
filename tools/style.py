#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A style sheet as C, with the hash by which a Content-Security-Policy allows it and nothing else.

usage: style.py FILE.css OUT.c
"""
import base64
import hashlib
import pathlib
import re
import sys


def small(text):
    """Without comments and the blanks that only people need. No string of ours holds such a blank."""
    text = re.sub(r'/\*.*?\*/', '', text, flags=re.S)
    text = re.sub(r'\s+', ' ', text)
    text = re.sub(r' ?([{};,]) ?', r'\1', text)
    return re.sub(r'(?<=[\w)]): ', ':', text).strip()


def main():
    source, out = map(pathlib.Path, sys.argv[1:])
    text = small(source.read_text(encoding='ascii'))
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    quoted = text.replace('\\', '\\\\').replace('"', '\\"')
    lines = '\n'.join(f'\t"{quoted_line}"' for quoted_line in re.findall(r'(?:[^\\]|\\.){1,100}', quoted))
    out.write_text(f'/* Made by tools/style.py from {source.name}. */\n#include "lab/html_parts.h"\n\n'
                   f'const char iu_html_style[] =\n{lines};\n'
                   f'const char iu_html_style_hash[] = "sha256-{digest}";\n')


if __name__ == '__main__':
    main()
