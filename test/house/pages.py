#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The pages of doc/causes against the program: none is missing or left over, and what they show is what it says and takes.

usage: pages.py check INUSE SOURCE-ROOT TOPIC...
       pages.py self-test

That a page has its sections in order, no mark that cannot be shown and only links that are whole is tools/pages.py's business,
which stops the build; its self-test breaks each rule once.
"""
import fcntl
import os
import pathlib
import pty
import re
import shlex
import struct
import subprocess
import sys
import termios

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / 'tools'))
import pages as tool  # noqa: E402


def run(*words):
    return subprocess.run(words, capture_output=True, text=True, stdin=subprocess.DEVNULL)


def words_of_causes(source):
    """id: (headline or None, more or None) of the table of causes in words.c."""
    table = re.search(r'iu_words causes\[\] = \{\n(.*?)^\};', source, re.M | re.S).group(1)
    string = r'(NULL|N_\(((?:\s*"(?:[^"\\]|\\.)*")+)\))'
    found = {}
    for match in re.finditer(r'\{"([^"]+)",\s*' + string + r',\s*' + string + r'\}', table):
        texts = [''.join(re.findall(r'"((?:[^"\\]|\\.)*)"', text)) if text else None for text in match.group(3, 5)]
        found[match.group(1)] = tuple(texts)
    return found


def says(page, template):
    """The page shows this sentence, with something in place of its {names}."""
    shown = ' '.join(' '.join(block.text.split()) for block in page.blocks)
    pattern = '.+?'.join(re.escape(piece) for piece in re.split(r'\{\w+\}', template))
    return re.search(pattern, shown) is not None


def check_words(pages, words):
    for name, (headline, more) in words.items():
        page = pages.get(name)
        if page is None:
            yield f'src/say/words.c knows the cause {name}, doc/causes has no page of it'
        elif not says(page, headline or more):
            yield f'{name}.md does not show what inuse says: {headline or more}'


def commands(page):
    """Every command that begins with inuse: lines of code, and what stands between backquotes."""
    for block in page.blocks:
        lines = block.text.split('\n') if block.kind == 'code' else [p[1] for p in tool.inline(block.text) if p[0] == 'code']
        for line in lines:
            match = re.match(r'(?:\$ )?(?:until )?(?:sudo )?inuse ([^;|]*)', line)
            if match and not re.fullmatch(r'[A-Z]\S*(?: .*)?', match.group(1)):
                yield line, shlex.split(match.group(1).rstrip(' &'))


def takes_value(option, text):
    """--from ADDR: the option takes the next word."""
    return re.search(rf'^ +(?:-., )?{re.escape(option)} [A-Z]', text, re.M) is not None


def check_command(line, words, helps):
    """helps: verb ('' for none) to its --help."""
    verb = words[0] if words and words[0] in helps else ''
    operands, skip = [], False
    for word in words[1:] if verb else words:
        if skip:
            skip = False
        elif word.startswith('--'):
            name, equals, _ = word.partition('=')
            skip = not equals and takes_value(name, helps[verb])
            if not re.search(rf'{re.escape(name)}(?![a-z-])', helps[verb]):
                yield f'"{line}": inuse {verb} knows no {name}'
        elif re.match(r'-[a-z]', word):
            for letter in word[1:]:
                if not re.search(rf'^ +-{letter}, ', helps[verb], re.M):
                    yield f'"{line}": inuse {verb} knows no -{letter}'
        else:
            operands.append(word)
    if not verb and (len(operands) > 1 or any(word in helps for word in operands)):
        yield f'"{line}": without a verb inuse takes one address'
    if verb == 'why' and (len(operands) != 2 or operands[0] not in ('bind', 'listen', 'connect', 'accept')):
        yield f'"{line}": inuse why takes a call and an address'


def check_shown(inuse, page):
    shown = run(inuse, 'explain', page.id)
    if shown.returncode != 0 or not shown.stdout.startswith(page.title + '\n'):
        yield f'inuse explain {page.id} does not show the page: {shown.stderr}'
    for line in shown.stdout.splitlines():
        if len(line) > 80 and ' ' in line.strip():
            yield f'inuse explain {page.id}: wider than 80 columns: {line}'


def on_terminal(columns, words, **environment):
    """What a command prints on a terminal of so many columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack('HHHH', 24, columns, 0, 0))
    kept = {name: value for name, value in os.environ.items() if name != 'NO_COLOR'}
    child = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=theirs, env={**kept, 'TERM': 'xterm', **environment})
    os.close(theirs)
    shown = b''
    try:
        while piece := os.read(ours, 4096):
            shown += piece
    except OSError:  # the other end is closed: that is how a terminal says it
        pass
    os.close(ours)
    child.wait(30)
    return shown.decode().replace('\r\n', '\n')


def check_terminal(inuse):
    """Headings are bold on a terminal alone, and lines are as long as it is wide."""
    for columns, widest in ((40, 40), (79, 79), (200, 80)):
        shown = on_terminal(columns, [inuse, 'explain', 'syn-rfc1337'])
        plain = re.sub(r'\033\[\d*m', '', shown)
        if '\n\033[1mWhy\033[0m\n' not in shown or '\033' in plain:
            yield f'{columns} columns: headings are not bold'
        text = [line for line in plain.splitlines() if not line.startswith('    ')]
        if max(map(len, text)) > widest or max(map(len, text)) < widest - 12:
            yield f'{columns} columns: the longest line has {max(map(len, text))}'
    for environment in ({'NO_COLOR': '1'}, {'TERM': 'dumb'}):
        if '\033' in on_terminal(80, [inuse, 'explain', 'syn-rfc1337'], **environment):
            yield f'bold although {environment}'
    if '\033' in run(inuse, 'explain', 'syn-rfc1337').stdout:
        yield 'bold where there is no terminal'


def check_files(root, topics):
    folder = root / 'doc/causes'
    for path in sorted(folder.glob('*.md')):
        if path.stem not in topics:
            yield f'{path.name}: no row of causes.def and none in doc/causes/meson.build has this name'


def check_experiments(pages, experiments):
    """Each page has something to try, the experiments that it names are there, and each experiment is on a page."""
    named = {experiment for page in pages for experiment in page.experiments}
    for page in pages:
        if not any(block.text == 'The experiment to run' for block in page.blocks):
            yield f'{page.id}.md: the section "The experiment to run" is missing'
        for experiment in page.experiments:
            if experiment not in experiments:
                yield f'{page.id}.md: there is no experiment lab/{experiment}.exp'
    for experiment in sorted(experiments - named):
        yield f'lab/{experiment}.exp is on no page of doc/causes: "Experiment: {experiment}" where it belongs'


def check_plays(pages, texts):
    """The command that plays an experiment plays it on Linux, or on the model of a system that it speaks of. texts: name to text."""
    for page in pages:
        for line, words in commands(page):
            if words[0] != 'lab' or words[-1] not in texts:
                continue
            system = words[words.index('--os') + 1] if '--os' in words else 'linux'
            if not re.search(rf'^\s+{system}\s', texts[words[-1]], re.M):
                yield f'{page.id}.md: "{line}": the experiment says nothing of {system}'


def check_reported(pages, table):
    """What people have reported is explained, on a page that speaks of that system."""
    for line in table.splitlines():
        if line.startswith('#'):
            continue
        number, systems, what, names = line.split('\t')
        for name in names.split():
            if name not in pages:
                yield f'reported cause {number}, {what}: there is no page {name}'
            elif not any(system in ' '.join(pages[name].facts['Systems']) for system in systems.split(', ')):
                yield f'reported cause {number}, {what}: {name}.md does not speak of {systems}'


def check(inuse, root, topics):
    pages = {page.id: page for page in tool.read([root / f'doc/causes/{topic}.md' for topic in topics])}
    verbs = re.findall(r'^VERB\((\w+),', (root / 'src/cli/verbs.def').read_text(), re.M)
    helps = {verb: run(inuse, *verb.split(), '--help').stdout for verb in [''] + verbs}
    yield from check_files(root, topics)
    yield from check_words(pages, words_of_causes((root / 'src/say/words.c').read_text()))
    yield from check_reported(pages, (root / 'test/house/reported-causes.txt').read_text())
    texts = {f'{path.parent.name}/{path.stem}': path.read_text() for path in (root / 'lab').glob('*/*.exp')}
    yield from check_experiments(pages.values(), set(texts))
    yield from check_plays(pages.values(), texts)
    for page in pages.values():
        for line, words in commands(page):
            for complaint in check_command(line, words, helps):
                yield f'{page.id}.md: {complaint}'
        yield from check_shown(inuse, page)
    yield from check_terminal(inuse)
    listed = re.findall(r'^  (\S+)  ', run(inuse, 'explain').stdout, re.M)
    if sorted(listed) != sorted(topics):
        yield f'inuse explain lists other topics: {sorted(set(listed) ^ set(topics))}'


def self_test():
    yield from tool.self_test()
    source = 'static const struct iu_words causes[] = {\n\t{"a", N_("IN USE by {who}, x"), NULL},\n' \
             '\t{"b", NULL, N_("One "\n\t "two.")},\n};\n'
    words = words_of_causes(source)
    if words != {'a': ('IN USE by {who}, x', None), 'b': (None, 'One two.')}:
        yield f'self-test: {words}'

    def page_of(*texts):
        return tool.Page('a', 'A', {}, [tool.Block('code', text, 1) for text in texts], [])
    helps = {'': '  --plain  x\n  --uid N  x\n  -v, --verbose  x\n', 'why': '  --from ADDR  x\n', 'ls': ''}
    with_one = [tool.Page('a', 'A', {}, [tool.Block('heading', 'The experiment to run', 1)], ['x/y'])]
    with_none = [tool.Page('a', 'A', {}, [], [])]
    of_linux = {'a': tool.Page('a', 'A', {'Systems': ['Linux']}, [], [])}
    cases = [(check_experiments(with_one, {'x/y'}), False), (check_experiments(with_one, {'x/y', 'x/z'}), True),
             (check_experiments(with_one, set()), True), (check_experiments(with_none, set()), True),
             (check_plays([page_of('inuse lab x/y')], {'x/y': 'bind\n  linux  OK\n'}), False),
             (check_plays([page_of('inuse lab x/y')], {'x/y': 'bind\n  windows  OK\n'}), True),
             (check_plays([page_of('inuse lab --os windows x/y')], {'x/y': 'bind\n  windows  OK\n'}), False),
             (check_reported(of_linux, '# x\n1\tLinux\tit\ta'), False), (check_reported(of_linux, '1\tmacOS\tit\ta'), True),
             (check_reported(of_linux, '1\tLinux\tit\ta b'), True),
             (check_words({'a': page_of('80 IN USE by\n  me (pid 1), x')}, {'a': words['a']}), False),
             (check_words({'a': page_of('80 IN USE by me')}, {'a': words['a']}), True),
             (check_words({}, {'a': words['a']}), True)]
    for line, wrong in (('inuse 80', False), ('$ sudo inuse -v --uid 3 80', False), ('inuse --nosuch 80', True), ('inuse -q 80', True),
                        ('inuse -v why bind 80', True), ('inuse 80 81', True), ('inuse why 80', True), ('inuse lab x', True),
                        ('inuse why connect 80 --from :1 &', False), ('inuse why connect 80 --plain', True), ('ss -x', False),
                        ('inuse ls state bound', False), ('until inuse 80; do x -z; done', False)):
        found = [c for shown, words in commands(page_of(line)) for c in check_command(shown, words, helps)]
        cases.append((found, wrong))
    for number, (complaints, wanted) in enumerate(cases):
        found = list(complaints)
        if bool(found) != wanted:
            yield f'self-test {number}: {found}'


def main():
    what, arguments = sys.argv[1], sys.argv[2:]
    found = list(self_test() if what == 'self-test' else check(arguments[0], pathlib.Path(arguments[1]), arguments[2:]))
    print('\n'.join(found))
    return 1 if found else 0


if __name__ == '__main__':
    sys.exit(main())
