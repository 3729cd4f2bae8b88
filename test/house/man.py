#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The manual against the program: a page for every verb, every option of its --help there and no other, the same synopsis.

usage: man.py pages INUSE MAN-FOLDER VERB...
       man.py lint MAN-FOLDER INUSE-CAUSES.7
       man.py self-test
"""
import pathlib
import re
import shutil
import subprocess
import sys


def run(*words):
    return subprocess.run(words, capture_output=True, text=True, stdin=subprocess.DEVNULL)


def render(page):
    return re.sub('.\b', '', run('mandoc', '-Tascii', str(page)).stdout)


def section(text, name):
    """A section of a rendered page, without its heading."""
    match = re.search(rf'^{name}\n(.*?)(?=^\S|\Z)', text, re.M | re.S)
    return match.group(1) if match else ''


def options_of_help(text):
    """The options that --help lists, one or two a line: {'--json', '-v'}."""
    found = set()
    for line in re.findall(r'^  (-.*)$', text, re.M):
        found.update(re.findall(r'(?:^|, )(--?[a-z0-9][a-z0-9-]*)', line.split('  ')[0]))
    return found


def options_of_page(source):
    """The options that a page describes: the tags of its lists."""
    found = set()
    for line in re.findall(r'^\.It (Fl .*)$', source, re.M):
        found.update('-' + name for name in re.findall(r'Fl (-?[A-Za-z0-9][A-Za-z0-9-]*)', line))
    return found


def synopsis_words(text):
    """What a synopsis names: options, and operands in capitals."""
    return set(re.findall(r'--?[a-z][a-z0-9-]*|\b[A-Z][A-Z0-9]+\b', text))


def compare_options(name, text, source):
    """The options in a --help text, and those in its page as written."""
    helped, paged = options_of_help(text), options_of_page(source)
    for option in sorted(helped - paged - {'--help', '-h'}):
        yield f'{name}.1 does not describe {option}'
    for option in sorted(paged - helped):
        yield f'{name}.1 describes {option}, which {name.replace("-", " ")} --help does not know'


def wide_lines(verb, text):
    """Of a --help text, what does not fit on a terminal of 80 columns."""
    for line in text.splitlines():
        if len(line) > 80:
            yield f'inuse {verb} --help has a line of {len(line)} columns: {line}'


def compare(verb, text, source, rendered):
    """The --help text of a verb, and its page as written and as rendered."""
    yield from wide_lines(verb, text)
    yield from compare_options(f'inuse-{verb}', text, source)
    usage = text.split('\n\n')[0]
    synopsis = section(rendered, 'SYNOPSIS')
    for word in sorted(synopsis_words(usage) ^ synopsis_words(synopsis)):
        yield f'inuse-{verb}.1: SYNOPSIS and --help differ in {word}'
    for heading in ('NAME', 'DESCRIPTION', 'EXIT STATUS', 'EXAMPLES', 'SEE ALSO'):
        if not section(rendered, heading):
            yield f'inuse-{verb}.1 has no section {heading}'


def check_pages(inuse, folder, verbs):
    overview = (folder / 'inuse.1').read_text()
    text = run(inuse, '--help').stdout
    yield from compare_options('inuse', text, overview)
    yield from wide_lines('', text)
    for verb in verbs:
        page = folder / f'inuse-{verb}.1'
        shown = run(inuse, verb, '--help')
        if shown.returncode != 0:
            yield f'inuse {verb} --help ends with status {shown.returncode}'
        if f'.Xr inuse-{verb} 1' not in overview:
            yield f'inuse.1 does not mention inuse-{verb}(1)'
        if page.exists():
            yield from compare(verb, shown.stdout, page.read_text(), render(page))
        else:
            yield f'{page.name} is missing'


def check_lint(folder, made):
    """The pages of the folder, and those that the build made."""
    known = {f'{path.stem} {path.suffix[1:]}' for path in [*folder.glob('*.[1-8]'), *made]}
    for page in [*sorted(folder.glob('*.[1-8]')), *made]:
        yield from run('mandoc', '-Tlint', '-Wwarning', str(page)).stdout.splitlines()
        for name in re.findall(r'^\.Xr (inuse\S* \d)', page.read_text(), re.M):
            if name not in known:
                yield f'{page.name} refers to {name.replace(" ", "(")}), which is not there'


def self_test():
    text = 'usage: inuse x [--on] [-v] ADDR\n\nDoes.\n\n  --on                    switch\n  -v, --verbose           more\n' \
           '  -h, --help              show this help\n'
    source = '.It Fl -on\n.It Fl v , Fl -verbose\n'
    page = 'NAME\n     x\nSYNOPSIS\n     inuse x [--on] [-v] ADDR\nDESCRIPTION\n     x\nEXIT STATUS\n     x\nEXAMPLES\n     x\n' \
           'SEE ALSO\n     x\n'
    cases = [(text, source, page, False), (text, source.replace('.It Fl -on\n', ''), page, True),
             (text, source + '.It Fl -off\n', page, True), (text, source, page.replace('ADDR', 'PORT'), True),
             (text, source, page.replace('[-v]', ''), True), (text, source, page.replace('EXAMPLES', 'EXAMPLE'), True),
             (text.replace('Does.', 'Does.' * 20), source, page, True)]
    for number, (a, b, c, wanted) in enumerate(cases):
        found = list(compare('x', a, b, c))
        if bool(found) != wanted:
            yield f'self-test {number}: {found}'


def main():
    what, arguments = sys.argv[1], sys.argv[2:]
    if what != 'self-test' and shutil.which('mandoc') is None:
        print('SKIP: mandoc is not installed')
        return 77
    if what == 'pages':
        complaints = check_pages(arguments[0], pathlib.Path(arguments[1]), arguments[2:])
    elif what == 'lint':
        complaints = check_lint(pathlib.Path(arguments[0]), [pathlib.Path(page) for page in arguments[1:]])
    else:
        complaints = self_test()
    found = list(complaints)
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == '__main__':
    sys.exit(main())
