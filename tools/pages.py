#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The pages of doc/causes: read strictly, handed on as C (for `inuse explain`) and as mdoc (for inuse-causes(7)).

usage: pages.py c OUT PAGE.md...
       pages.py man OUT TEMPLATE PAGE.md...
       pages.py self-test

A page is a small part of Markdown, so that it reads well as it is, on a web page, on a terminal and in the manual:

    # One line: the summary
                                        blank lines part the blocks
    * Part: bind                        what the page is about; the keys are KEYS, in that order
    * Systems: Linux

    ## What you see                     the sections are SECTIONS, in that order; the last may be left out
    A paragraph, `as typed`, [words](https://there) or [words](other-page.md).
    * an item of a list; a line that goes on is indented by two blanks
    ```
    lines as they are
    ```

There is no other mark: what would mean something in Markdown and is not listed here is an error with its line.
"""
import pathlib
import re
import sys
import typing

SECTIONS = ['What you see', 'Why', 'How to be sure', 'What to do', 'What not to do', 'Sources', 'The experiment to run']
PARTS = {'idea': 'Ideas', 'bind': 'When bind() or listen() fails', 'address': 'When the address is refused',
         'connect': 'When connect() fails',
         'accept': 'When a connection arrives', 'free': 'When the call would succeed', 'around': 'Around Linux',
         'elsewhere': 'Other systems', 'advice': 'Advice that is wrong'}
# key: may be missing
KEYS = {'Part': False, 'Errors': True, 'States': True, 'Also': True, 'Systems': False, 'Evidence': False, 'See': True}
MODELS = ('windows', 'freebsd', 'macos')  # inuse lab --os
EVIDENCE = ('measured on Linux 6.18', 'documented, not measured')
SUMMARY_WIDTH, CODE_WIDTH, LINE_WIDTH = 45, 76, 120
LINK = re.compile(r'\[([^\]]+)\]\((https://[^\s()<>"]+(?:\([^\s()<>"]*\)[^\s()<>"]*)*|[a-z0-9-]+\.md)\)')


class Wrong(Exception):
    """A page that is not as it should be."""


class Block(typing.NamedTuple):
    kind: str  # heading, text, item, code
    text: str
    line: int


class Page(typing.NamedTuple):
    id: str
    title: str
    facts: dict
    blocks: list
    experiments: list


def inline(text):
    """Pieces of a line of text: (kind, text, target); kind is plain, code, link (https) or page."""
    at, pieces = 0, []
    pattern = re.compile(r'`([^`]+)`|' + LINK.pattern)
    for match in pattern.finditer(text):
        pieces.append(('plain', text[at:match.start()], None))
        if match.group(1) is not None:
            pieces.append(('code', match.group(1), None))
        elif not match.group(3).startswith('https:'):
            pieces.append(('page', match.group(2), match.group(3)[:-3]))
        else:
            pieces.append(('link', match.group(2), match.group(3)))
        at = match.end()
    pieces.append(('plain', text[at:], None))
    for kind, piece, _ in pieces:
        if kind == 'plain' and re.search(r'[*`\[\]<>\\|~]|(?<!\w)_|_(?!\w)|&\w+;|https?:', piece):
            raise Wrong(f'a mark that pages do not have: {piece.strip()!r}')
        if kind != 'code' and re.search(r'--', piece):
            raise Wrong(f'put options and dashes between backquotes: {piece.strip()!r}')
    return [piece for piece in pieces if piece[1]]


def plain(text):
    """A line of text as a terminal shows it."""
    words = ''
    for kind, piece, target in inline(text):
        if kind == 'page':
            words += f'inuse explain {target}' if piece == target else f'{piece} (inuse explain {target})'
        elif kind == 'link':
            words += f'{piece} <{target}>'
        else:
            words += piece
    return words


def split_blocks(lines):
    """(kind, text, line number) of a page's lines; kind is also title."""
    blocks, code, paragraph_open = [], None, False
    for number, line in enumerate(lines, 1):
        if code is not None:
            if line == '```':
                blocks.append(Block('code', '\n'.join(code), number))
                code = None
            elif len(line) > CODE_WIDTH:
                raise Wrong(f'line {number}: a line of code is longer than {CODE_WIDTH} columns')
            else:
                code.append(line)
            continue
        if line != line.rstrip() or '\t' in line or len(line) > LINE_WIDTH and '](https://' not in line:
            raise Wrong(f'line {number}: blanks at the end, a tab, or longer than {LINE_WIDTH} columns')
        if line == '':
            paragraph_open = False
        elif line == '```':
            code, paragraph_open = [], False
        elif line.startswith('## '):
            blocks.append(Block('heading', line[3:], number))
            paragraph_open = False
        elif line.startswith('# '):
            blocks.append(Block('title', line[2:], number))
            paragraph_open = False
        elif line.startswith('* '):
            blocks.append(Block('item', line[2:], number))
            paragraph_open = True
        elif line.startswith('  ') and paragraph_open and blocks[-1].kind == 'item' and line[2] != ' ':
            blocks[-1] = blocks[-1]._replace(text=blocks[-1].text + ' ' + line[2:])
        elif re.match(r'[#\s>|+=-]|```|\d+[.)] ', line):
            raise Wrong(f'line {number}: a mark that pages do not have: {line!r}')
        elif paragraph_open and blocks[-1].kind == 'text':
            blocks[-1] = blocks[-1]._replace(text=blocks[-1].text + ' ' + line)
        elif paragraph_open:
            raise Wrong(f'line {number}: indent what belongs to an item by two blanks, or leave a line empty')
        else:
            blocks.append(Block('text', line, number))
            paragraph_open = True
    if code is not None:
        raise Wrong('the last ``` is missing')
    return blocks


def read_facts(blocks):
    """The list under the title: {'Errors': ['EADDRINUSE'], ...}."""
    facts, keys = {}, list(KEYS)
    for block in blocks:
        key, colon, value = block.text.partition(': ')
        if block.kind != 'item' or not colon or key not in keys:
            raise Wrong(f'line {block.line}: here stands a list of {", ".join(KEYS)}, in this order')
        for left_out in keys[:keys.index(key)]:
            if not KEYS[left_out]:
                raise Wrong(f'line {block.line}: {left_out} is missing before {key}')
        keys = keys[keys.index(key) + 1:]
        if key == 'See':
            links = re.fullmatch(r'(\[([a-z0-9-]+)\]\(\2\.md\)(, |$))+', value)
            if not links or value.endswith(', '):
                raise Wrong(f'line {block.line}: See is [a](a.md), [b](b.md)')
            facts[key] = re.findall(r'\[([a-z0-9-]+)\]', value)
        else:
            facts[key] = value.split(', ') if key in ('Errors', 'States', 'Also') else [value]
    for key in keys:
        if not KEYS[key]:
            raise Wrong(f'{key} is missing in the list under the title')
    if facts['Part'][0] not in PARTS:
        raise Wrong(f'Part is one of {", ".join(PARTS)}')
    if not facts['Evidence'][0].startswith(EVIDENCE):
        raise Wrong(f'Evidence begins with {" or ".join(EVIDENCE)}')
    return facts


def take_experiments(blocks):
    """`Experiment: topic/name` lines become the commands that play them."""
    experiments, rest = [], []
    for block in blocks:
        match = re.fullmatch(r'Experiment: ([a-z0-9-]+/[a-z0-9-]+)', block.text)
        if match:
            experiments.append(match.group(1))
            system = match.group(1).split('/')[0]  # what is about another system alone plays on its model
            command = f'inuse lab {f"--os {system} " if system in MODELS else ""}{match.group(1)}'
            if rest and rest[-1].kind == 'code':
                rest[-1] = rest[-1]._replace(text=rest[-1].text + '\n' + command)
            else:
                rest.append(Block('code', command, block.line))
        elif block.kind != 'code' and 'Experiment:' in block.text:
            raise Wrong(f'line {block.line}: an experiment is "Experiment: topic/name", with an empty line before the next')
        else:
            rest.append(block)
    return experiments, rest


def parse(name, text):
    """A Page, or Wrong."""
    if not text.endswith('\n') or '\r' in text:
        raise Wrong('a line end is missing, or there are carriage returns')
    bad = re.search(r'[^\n\x20-\x7e]', text)
    if bad:
        raise Wrong(f'only plain ASCII: {bad.group(0)!r}')
    blocks = split_blocks(text[:-1].split('\n'))
    if not blocks or blocks[0].kind != 'title' or any(b.kind == 'title' for b in blocks[1:]):
        raise Wrong('a page begins with "# its summary", and has one')
    title = blocks[0].text
    if len(title) > SUMMARY_WIDTH or title[0].islower() or title.endswith('.'):
        raise Wrong(f'the summary: at most {SUMMARY_WIDTH} columns, no small letter first, no full stop')
    first = next((i for i, b in enumerate(blocks) if b.kind == 'heading'), len(blocks))
    facts = read_facts(blocks[1:first])
    headings = [b.text for b in blocks if b.kind == 'heading']
    if headings not in (SECTIONS, SECTIONS[:-1]):
        raise Wrong(f'the sections are {", ".join(SECTIONS)}; these are {", ".join(headings)}')
    for block, following in zip(blocks[first:], blocks[first + 1:] + [Block('heading', '', 0)]):
        if block.kind == 'heading' and following.kind == 'heading':
            raise Wrong(f'line {block.line}: nothing under {block.text}')
        if block.kind in ('text', 'item'):
            try:
                inline(block.text)
            except Wrong as e:
                raise Wrong(f'line {block.line}: {e}') from None
    experiments, rest = take_experiments(blocks[first:])
    return Page(name, title, facts, rest, experiments)


def read(paths):
    """The pages of these files, in the order of their parts, then as given. Links between them are looked at."""
    pages, complaints = [], []
    for path in map(pathlib.Path, paths):
        try:
            pages.append(parse(path.stem, path.read_text(encoding='utf-8')))
        except (Wrong, UnicodeDecodeError) as e:
            complaints.append(f'{path}: {e}')
    known = {pathlib.Path(path).stem for path in paths}
    for page in pages:
        wanted = set(page.facts.get('See', []))
        for block in page.blocks:
            if block.kind in ('text', 'item'):
                wanted.update(target for kind, _, target in inline(block.text) if kind == 'page')
        for target in sorted(wanted - known) + [page.id] * (page.id in wanted):
            complaints.append(f'{page.id}.md: no other page is named {target}')
    if complaints:
        raise Wrong('\n'.join(complaints))
    order = list(PARTS)
    return sorted(pages, key=lambda page: order.index(page.facts['Part'][0]))


# ---------------------------------------------------------------------------------------------------- C


def c_string(text):
    return '"' + text.replace('\\', '\\\\').replace('"', '\\"').replace('\n', '\\n').replace('??', '?\\?') + '"'


def c_names(words):
    return '(const char *const[]){' + ''.join(c_string(word) + ', ' for word in words) + 'NULL}'


def to_c(pages):
    yield '/* Made by tools/pages.py from doc/causes. */\n#include "say/page.h"\n\n#include <stddef.h>\n'
    yield 'const struct iu_page_part iu_page_parts[] = {'
    for name, title in PARTS.items():
        yield f'\t{{{c_string(name)}, {c_string(title)}}},'
    yield '\t{NULL, NULL},\n};\n'
    for number, page in enumerate(pages):
        yield f'static const struct iu_page_block blocks_{number}[] = {{'
        for block in page.blocks:
            text = block.text if block.kind in ('code', 'heading') else plain(block.text)
            yield f'\t{{IU_PAGE_{block.kind.upper()}, {c_string(text)}}},'
        yield '\t{IU_PAGE_END, NULL},\n};'
    yield '\nconst struct iu_page iu_pages[] = {'
    for number, page in enumerate(pages):
        facts = page.facts
        names = ', '.join(c_names(words) for words in (facts.get('Errors', []), facts.get('States', []), facts.get('Also', []),
                                                       facts.get('See', []), page.experiments))
        singles = ', '.join(c_string(facts[key][0]) for key in ('Part', 'Systems', 'Evidence'))
        yield f'\t{{{c_string(page.id)}, {c_string(page.title)}, {singles},\n\t {names},\n\t blocks_{number}}},'
    yield '\t{NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL},\n};'


# ---------------------------------------------------------------------------------------------------- mdoc


def mdoc_text(text):
    """Text that mdoc takes as text. A sentence ends its line, as mdoc wants it."""
    text = text.replace('\\', '\\e').replace('-', '\\-')
    return re.sub(r"(^|\n)([.'])", r'\1\\&\2', text)


def mdoc_line(text):
    words = ''
    for kind, piece, target in inline(text):
        if kind == 'page' and piece != target:
            piece += f' (see {target})'
        elif kind == 'link':
            piece += f' <{target}>'
        words += piece
    return mdoc_text(re.sub(r'([.?!]["\')]?) (?=["A-Z])', r'\1\n', words.strip()))


def to_mdoc(pages, template):
    head, mark, tail = template.partition('@PAGES@\n')
    if not mark:
        raise Wrong('the template has no line @PAGES@')
    yield head.rstrip('\n')
    part, in_list = None, False
    for page in pages:
        if page.facts['Part'][0] != part:
            part = page.facts['Part'][0]
            yield f'.Sh {mdoc_text(PARTS[part]).upper()}'
        yield f'.Ss {mdoc_text(page.id)}'
        yield mdoc_text(page.title) + '.'
        yield mdoc_text(f'({"; ".join([page.facts["Systems"][0], page.facts["Evidence"][0]] + page.facts.get("Errors", []))}.)')
        for block in page.blocks + [Block('end', '', 0)]:
            if in_list and block.kind != 'item':
                yield '.El'
                in_list = False
            if block.kind == 'heading':
                yield f'.Pp\n.Em {mdoc_text(block.text)}'
            elif block.kind == 'text':
                yield '.Pp\n' + mdoc_line(block.text)
            elif block.kind == 'item':
                if not in_list:
                    yield '.Pp\n.Bl -bullet -compact'
                    in_list = True
                yield '.It\n' + mdoc_line(block.text)
            elif block.kind == 'code':
                yield '.Bd -literal -offset indent\n' + mdoc_text(block.text) + '\n.Ed'
        if page.facts.get('See'):
            yield '.Pp\nSee also ' + mdoc_text(', '.join(page.facts['See'])) + '.'
    yield tail.rstrip('\n')


# ---------------------------------------------------------------------------------------------------- itself


GOOD = '''# A summary

* Part: bind
* Errors: EADDRINUSE, EACCES
* Systems: Linux
* Evidence: measured on Linux 6.18

## What you see

Text with `*:80` and [a link](https://example.org/a_(b)).
It goes on.

* an item
  of two lines
* another

```
inuse 80
```

## Why

x

## How to be sure

x

## What to do

x

## What not to do

x

## Sources

x
'''


def self_test():
    breaks = [('# A summary', 'A summary'), ('# A summary', '# a summary'), ('# A summary', '# A ' + 'x' * 50),
              ('* Part: bind\n', ''), ('Part: bind', 'Part: nowhere'), ('Errors:', 'Faults:'), ('measured on', 'guessed on'),
              ('## Why', '## Because'), ('## Why', '### Why'), ('## Why\n\nx', '## Why'), ('`*:80`', '*:80'), ('`*:80`', '`*:80'),
              ('https://example', 'http://example'), ('[a link]', '[a link'), ('  of two', 'of two'), ('  of two', '   of two'),
              ('It goes', 'It  <b>goes'), ('It goes', '1. It goes'), ('```\n\n## Why', '\n## Why'), ('It goes on.', 'It goes on.  '),
              ('inuse 80', 'inuse ' + '8' * 80), ('another', 'an\u00f6ther'), ('another', 'and --json'), ('another', 'a\tb'),
              ('It goes on.', 'Experiment: a'), ('## Sources\n\nx', '## Sources\n\nx\n\n## More\n\nx')]
    page = parse('good', GOOD)
    if [b.kind for b in page.blocks[:6]] != ['heading', 'text', 'item', 'item', 'code', 'heading']:
        yield f'self-test: {page.blocks}'
    if plain(page.blocks[1].text) != 'Text with *:80 and a link <https://example.org/a_(b)>. It goes on.':
        yield f'self-test: {plain(page.blocks[1].text)}'
    with_experiments = parse('good', GOOD + '\n## The experiment to run\n\nExperiment: a/b\n\nExperiment: a/c\n')
    if with_experiments.experiments != ['a/b', 'a/c'] or with_experiments.blocks[-1].text != 'inuse lab a/b\ninuse lab a/c':
        yield f'self-test: {with_experiments.blocks[-1]}'
    of_windows = parse('good', GOOD + '\n## The experiment to run\n\nExperiment: windows/b\n')
    if of_windows.blocks[-1].text != 'inuse lab --os windows windows/b':
        yield f'self-test: {of_windows.blocks[-1]}'
    for old, new in breaks:
        if old not in GOOD:
            yield f'self-test: {old!r} is not in the example'
        try:
            parse('broken', GOOD.replace(old, new))
            yield f'self-test: not noticed: {old!r} -> {new!r}'
        except Wrong:
            pass


def main():
    what, arguments = sys.argv[1], sys.argv[2:]
    if what == 'self-test':
        found = list(self_test())
        print('\n'.join(found))
        return 1 if found else 0
    try:
        if what == 'c':
            lines = to_c(read(arguments[1:]))
        else:
            lines = to_mdoc(read(arguments[2:]), pathlib.Path(arguments[1]).read_text())
        pathlib.Path(arguments[0]).write_text('\n'.join(lines) + '\n')
    except Wrong as e:
        print(e, file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
