#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Every sentence that the program prints for people can be translated.

usage: pot.py INUSE SOURCE-ROOT VERB...

Collects the sentences as `make pot` does. xgettext may complain about nothing, every _() and N_() of the source is there,
and so is every line of --help, where a forgotten N_() in a table of options would show.
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile


def run(*words):
    return subprocess.run(words, capture_output=True, text=True, stdin=subprocess.DEVNULL)


def unescape(text):
    return text.replace('\\n', '\n').replace('\\t', '\t').replace('\\"', '"').replace('\\\\', '\\')


def sentences(pot):
    """The msgids and msgid_plurals of a .pot file."""
    pattern = r'^msgid(?:_plural)? ((?:".*"\n)+)'
    return {unescape(''.join(re.findall(r'"(.*)"\n', block))) for block in re.findall(pattern, pot, re.M)}


def marked(root):
    """(file, first piece) of every marked sentence in the source."""
    for path in sorted(pathlib.Path(root, 'src').glob('*/*')):
        if path.suffix in ('.c', '.def'):
            for piece in re.findall(r'\bN?_\(\s*"((?:[^"\\]|\\.)*)"', path.read_text()):
                yield path.relative_to(root), unescape(piece)


def help_lines(text):
    """The explanations in the table of options that --help prints, which go on in the same column."""
    for line in re.sub(r'\n {26}(?=\S)', ' ', text).splitlines():
        match = re.match(r'  -.*?\s{2,}(\S.*)$', line)
        if match:
            yield match.group(1)


def main():
    inuse, root, verbs = sys.argv[1], sys.argv[2], sys.argv[3:]
    if shutil.which('xgettext') is None:
        print('SKIP: xgettext is not installed')
        return 77
    with tempfile.TemporaryDirectory() as folder:
        made = run(str(pathlib.Path(root, 'tools/pot')), f'{folder}/inuse.pot')
        complaints = made.stderr.splitlines()
        if made.returncode != 0:
            complaints.append('tools/pot failed')
            known = set()
        else:
            known = sentences(pathlib.Path(folder, 'inuse.pot').read_text())
    for path, piece in marked(root):
        if not any(sentence.startswith(piece) for sentence in known):
            complaints.append(f'{path}: not collected: {piece}')
    for words in [['--help']] + [[verb, '--help'] for verb in verbs]:
        for line in help_lines(run(inuse, *words).stdout):
            if line not in known:
                complaints.append(f'inuse {" ".join(words)}: cannot be translated: {line}')
    if not complaints and len(known) < 10:
        complaints.append(f'only {len(known)} sentences were found')
    print('\n'.join(complaints) or f'{len(known)} sentences')
    return 1 if complaints else 0


if __name__ == '__main__':
    sys.exit(main())
