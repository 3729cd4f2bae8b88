#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The page of `inuse lab --html`, in a real browser: what a reader would trip over.

usage: check.py PAGE.html               looks at it, and fails with a sentence for each thing that is wrong
       check.py --self-test PAGE.html   breaks a copy of it in every way that the check is for; each must be noticed
       check.py --pictures FOLDER PAGE.html

Exit status 77: there is no Chromium here.
"""
import json
import pathlib
import re
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import browser  # noqa: E402

# Every look returns a list of sentences; none: all is well.
LOOKS = pathlib.Path(__file__).with_name('looks.js').read_text(encoding='ascii')
SIZES = {'a phone': (360, 740), 'a desktop': (1280, 900)}


def complaints_of_events(events, url):
    for event in events:
        params = event['params']
        if event['method'] == 'Runtime.exceptionThrown':
            yield f'script error: {params["exceptionDetails"].get("text")}'
        elif event['method'] == 'Runtime.consoleAPICalled':
            yield f'console: {" ".join(str(a.get("value")) for a in params["args"])}'
        elif event['method'] == 'Log.entryAdded':
            yield f'browser: {params["entry"]["text"]}'
        elif event['method'] == 'Network.requestWillBeSent':
            asked = params['request']['url']
            if asked.split('#')[0] != url:
                yield f'the page asks for {asked[:80]}'


def look(page, name, *arguments):
    return page.run(f'looks.{name}({", ".join(map(json.dumps, arguments))})')


def follow(page, url, fragment):
    """A link from outside into the page must land there, even when the target is folded away."""
    page.open('about:blank')
    page.open(f'{url}#{fragment}')
    page.run(LOOKS)
    yield from look(page, 'landed', fragment)


def check(page, path):
    url = pathlib.Path(path).resolve().as_uri()
    page.prefer('light')
    page.size(*SIZES['a desktop'])
    page.open(url)
    yield from complaints_of_events(page.events, url)
    page.run(LOOKS)
    for name in ('document', 'links', 'diagrams', 'matrix', 'headings'):
        yield from look(page, name)
    page.run('looks.unfold()')
    for what, (width, height) in SIZES.items():
        page.size(width, height)
        for sentence in look(page, 'overflow') + look(page, 'collisions'):
            yield f'on {what}: {sentence}'
    page.size(720, 1000)  # paper
    page.prefer('light', 'print')
    for sentence in look(page, 'overflow') + look(page, 'contrast'):
        yield f'on paper: {sentence}'
    for scheme in ('light', 'dark'):
        page.prefer(scheme)
        for sentence in look(page, 'scheme', scheme) + look(page, 'contrast'):
            yield f'{scheme}: {sentence}'
    yield from complaints_of_events(page.events, url)
    page.summary = page.run('looks.sum()')
    fragments = look(page, 'samples')
    for fragment in fragments:
        yield from follow(page, url, fragment)


def run(page, path):
    found = list(dict.fromkeys(check(page, path)))
    for sentence in found[:40]:
        print(sentence)
    if len(found) > 40:
        print(f'and {len(found) - 40} more')
    return found


# ----------------------------------------------------------------------------------------------- self-test

# What is broken, and a piece of the sentence that must come of it. A replacement is made once.
BREAKS = [
    (r'id="matrix"', 'id="matrx"', 'leads nowhere'),
    (r'<h2 id="legend">', '<h2 id="matrix">', 'is there twice'),
    (r'<title>[^<]*</title>', '<title></title>', 'no title'),
    (r'<meta http-equiv[^>]*>', '', 'Content-Security-Policy'),
    (r'<meta name="viewport"[^>]*>', '', 'viewport'),
    (r'</main>', '<script>1</script></main>', 'script'),
    (r'</main>', '<p style="color: red">x</p></main>', 'browser: '),
    (r'</main>', '<img src="https://example.org/x.png" alt="x"></main>', 'example.org'),
    (r'(<meta http-equiv[^>]*content=")[^"]*"([^>]*>)', r'''\1default-src 'unsafe-inline'"\2<script>console.log("hello")</script>''',
     'console: hello'),
    (r'(<meta http-equiv[^>]*content=")[^"]*"([^>]*>)', r'''\1default-src 'unsafe-inline'"\2<script>nothing()</script>''',
     'script error'),
    (r'</main>', '<pre>' + 'wide' * 400 + '</pre></main>', 'wider than the window'),
    ('CSS', '.matrix td b { font-size: 2rem; overflow-wrap: anywhere; }', 'is broken'),
    ('CSS', '@media print { article { margin-left: -3rem; } }', 'on paper: '),
    (r'</main>', f'<svg width="900" height="9" role="img"><title>x</title></svg></main>', 'wider than the window'),
    ('CSS', 'p { color: #999; }', 'contrast'),
    ('CSS', '@media (prefers-color-scheme: dark) { h2 { color: #333; } }', 'dark: contrast'),
    ('CSS', '@media (prefers-color-scheme: dark) { svg .t2 { fill: #225; } }', 'dark: contrast'),
    ('CSS', '@media (prefers-color-scheme: dark) { :root { --ground: #fcfbf9; --text: #111; } }', 'dark: the page is bright'),
    (r'<svg role=img([^>]*)><title id=(\w+)>[^<]*</title>', r'<svg role=img\1><title id=\2></title>', 'no title'),
    (r'(<desc id=\w+>)[^<]*</desc>', r'\1</desc>', 'no description'),
    (r'<details class=words>.*?</details>', '', 'in words'),
    (r'(<details class=words>.*?)<li>127[^\n]*\n', r'\1', 'its list in words has 6'),
    (r'(<text[^>]*>)SYN ', r'\1SYX ', 'not in its list'),
    (r'(<text x=)\d+( y=\d+ class=h>)', r'\g<1>2000\2', 'outside its diagram'),
    (r'(<text x=\d+ y=)(\d+)( class=k>[^<]*</text><text x=\d+ y=)\d+( class=k>)', r'\1\2\3\2\4', 'stands on'),
    (r'<td class=yes><a [^>]*><b>[^<]*</b></a>', '<td class=yes>', 'no word'),
    (r'(<td class=no>)<a [^>]*>(.*?)</a>', r'\1\2', 'no link'),
    (r'(<td class=no><a href="#)[^"]*', r'\1legend', 'does not lead to its experiment'),
    ('CSS', '.matrix td.no { background: none; }', 'no colour'),
    (r'<h3 ', '<h5 ', 'heading'),
    (r'<details class=case id="[^"]*"', '<details class=case', 'leads nowhere'),
    (r'tabindex=0', '', 'cannot be reached by the keyboard'),
]


def broken(text, pattern, replacement):
    if pattern == 'CSS':
        # the sheet's own hash no longer fits; that is not what is tried here
        text = re.sub(r"style-src '[^']*'", "style-src 'unsafe-inline'", text, count=1)
        return text.replace('</style>', replacement + '</style>', 1)
    return re.sub(pattern, replacement, text, count=1, flags=re.S)


def self_test(page, path):
    text, missed = pathlib.Path(path).read_text(encoding='utf-8'), []
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder, 'page.html')
        copy.write_text(text, encoding='utf-8')
        good = list(check(page, copy))
        if good:
            missed.append(f'the page as it is: {good[0]}')
        for pattern, replacement, sentence in BREAKS:
            changed = broken(text, pattern, replacement)
            copy.write_text(changed, encoding='utf-8')
            found = list(check(page, copy)) if changed != text else ['nothing was broken']
            noticed = any(sentence in line for line in found)
            print(f'{"noticed" if noticed else "NOT NOTICED"}: {replacement[:50]!r}: {found[0][:110] if found else "nothing"}', flush=True)
            if not noticed:
                missed.append(f'{pattern} -> {replacement[:60]}: wanted "{sentence}", found {found[:3]}')
    print('\n'.join(missed) or f'{len(BREAKS)} ways to break the page, all noticed')
    return missed


def pictures(page, folder, path):
    url = pathlib.Path(path).resolve().as_uri()
    for what, (width, height) in SIZES.items():
        for scheme in ('light', 'dark'):
            page.size(width, height)
            page.prefer(scheme)
            page.open(url)
            page.picture(pathlib.Path(folder, f'{what.split()[1]}-{scheme}.png'), (0, 0, width, 6000))
    return []


def main():
    if browser.find() is None:
        print('SKIP: there is no Chromium here')
        return 77
    words = sys.argv[1:]
    with browser.Browser() as page:
        if words[0] == '--self-test':
            found = self_test(page, words[1])
        elif words[0] == '--pictures':
            found = pictures(page, words[1], words[2])
        else:
            found = run(page, words[0])
            if not found:
                print(page.summary)
    return 1 if found else 0


if __name__ == '__main__':
    sys.exit(main())
