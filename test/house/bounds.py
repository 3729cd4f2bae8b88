#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""From which version on something holds is a fact where kernels on either side of it are played, and else it says "source".

usage: bounds.py check SOURCE-ROOT
       bounds.py self-test
Read are the rows of src/model/features.def and the lines "SYSTEM before VERSION" of the experiments. Played are the kernels of
tools/kernels, and the one that the sources of the rules and the measured table are of.
"""
import pathlib
import re
import sys


def version(text):
    return tuple(int(number) for number in text.split('.'))


def read_played(kernels, rules):
    """The versions that are played, in order: rows like 'linux-6.1' and 'user-mode-linux' of 6.1, and the rules' own."""
    found = {version(number) for number in re.findall(r"^    'linux-([0-9.]+)':", kernels, re.M)}
    newest = max((version(number) for number in re.findall(r'linux v(\d+\.\d+) ', rules)), default=())
    return sorted(found | ({newest} if newest else set()))


def is_bracketed(bound, played):
    return any(kernel < bound for kernel in played) and any(kernel >= bound for kernel in played)


def read_features(text):
    """(id, bound, 'LIVE' or 'SOURCE', evidence, member) of each row."""
    pattern = (r'^FEATURE\((\w+), "[^"]+", (\d+), (\d+), (\w+), "([^"]*)",\s*\w+, "[^"]*", "([^"]*)"')
    return [(ident, (int(major), int(minor)), kind, evidence, member)
            for ident, major, minor, kind, evidence, member in re.findall(pattern, text, re.M)]


def read_before(text):
    """(bound, rank, source) of the lines "linux before 6.8  EADDRINUSE  recorded: ..."."""
    return [(version(bound), rank, source or '')
            for bound, rank, source in re.findall(r'^\s+linux before (\d+\.\d+)\s+\S.*?\s\s+(\w+)(?:: (.*))?$', text, re.M)]


def shows(experiment, bound, member):
    """An experiment shows a bound that it names, or that of a setting which it pins."""
    setting = member.removeprefix('sysctl_')
    return any(before[0] == bound for before in read_before(experiment)) or \
        (member.startswith('sysctl_') and re.search(rf'^setting \S+\.{setting} ', experiment, re.M) is not None)


def compare_features(features, experiments, played):
    for ident, bound, kind, evidence, member in features:
        text = '.'.join(map(str, bound))
        if kind != ('LIVE' if is_bracketed(bound, played) else 'SOURCE'):
            yield f'features.def: {ident} says {kind}, and kernels on either side of {text} are ' \
                f'{"" if kind == "SOURCE" else "not "}played'
        elif kind == 'SOURCE' and not re.match(r'linux v\d+\.\d+ \S+\.c \w+\(\)', evidence):
            yield f'features.def: {ident} names no source'
        for name in evidence.split() if kind == 'LIVE' else []:
            if name not in experiments:
                yield f'features.def: {ident} names {name}, which is no experiment'
            elif not shows(experiments[name], bound, member):
                yield f'features.def: {name} does not show what {ident} says of {text}'


def compare_before(experiments, played, known):
    """What is recorded was played before that version, on all the kernels that are named; and a rule has the same bound."""
    for name, text in sorted(experiments.items()):
        for bound, rank, source in read_before(text):
            older = ' and '.join('.'.join(map(str, kernel)) for kernel in played if kernel < bound)
            want = f'make check-kernels, on {older}' if is_bracketed(bound, played) else None
            where = f'{name}: before {".".join(map(str, bound))}'
            if want is None and rank not in ('reasoned', 'documented'):
                yield f'{where} says {rank}, and no such kernel is played'
            elif want is not None and (rank, source) != ('recorded', want):
                yield f'{where} says "{rank}: {source}" instead of "recorded: {want}"'
            if bound not in known:
                yield f'{where} is a bound of no feature'


def compare(features, experiments, played):
    return [*compare_features(features, experiments, played),
            *compare_before(experiments, played, {bound for _, bound, *_ in features})]


def self_test():
    played = read_played("    'user-mode-linux': (1),\n    'linux-6.1': (2),\n    'linux-6.12': (3),\n", '"linux v6.18 net/a.c b()" "linux v6.1 x"')
    if played != [(6, 1), (6, 12), (6, 18)]:
        yield f'the kernels that are played are read as {played}'
    row = 'FEATURE({}, "x", {}, {}, {}, "{}",\n\tMEMBER, "a", "{}", N_("b"))\n'
    live = row.format('A', 6, 8, 'LIVE', 't/e', 'm')
    setting = row.format('B', 6, 14, 'LIVE', 't/s', 'sysctl_some_delay')
    source = row.format('C', 6, 1, 'SOURCE', 'linux v6.1 net/a.c b()', 'm')
    good = {'t/e': 'bind a\n  linux  OK  live\n  linux before 6.8  EADDRINUSE  recorded: make check-kernels, on 6.1\n',
            't/s': 'setting net.ipv4.some_delay 1\n'}
    everything = live + setting + source
    found = compare(read_features(everything), good, played)
    if found or len(read_features(everything)) != 3:
        yield f'what is right is complained about: {found}'
    for features, experiments, what in (
            (everything.replace('C, "x", 6, 1, SOURCE', 'C, "x", 6, 1, LIVE'), good, 'LIVE without an older kernel'),
            (everything.replace('A, "x", 6, 8, LIVE', 'A, "x", 6, 8, SOURCE'), good, 'SOURCE although it is played'),
            (everything.replace('A, "x", 6, 8', 'A, "x", 6, 9'), good, 'an experiment with another bound'),
            (everything.replace('t/e', 't/none'), good, 'an experiment that is not there'),
            (everything.replace('net/a.c', ''), good, 'a row without its source'),
            (everything, {**good, 't/s': 'bind a\n'}, 'an experiment that does not pin the setting'),
            (everything, {**good, 't/e': good['t/e'].replace('on 6.1', 'on 6.1 and 6.12')}, 'a kernel that is not older'),
            (everything, {**good, 't/e': good['t/e'].replace('recorded', 'reasoned')}, 'reasoning where a kernel is played'),
            (everything, {**good, 't/f': '  linux before 5.4  OK  recorded: somewhere\n'}, 'a record of a kernel that is not played'),
            (everything, {**good, 't/f': '  linux before 6.10  OK  recorded: make check-kernels, on 6.1\n'}, 'a bound of no feature')):
        if not compare(read_features(features), experiments, played):
            yield f'{what} is not noticed'


def main():
    if sys.argv[1] == 'self-test':
        found = list(self_test())
    else:
        root = pathlib.Path(sys.argv[2])
        experiments = {str(path.relative_to(root / 'lab').with_suffix('')): path.read_text() for path in (root / 'lab').glob('*/*.exp')}
        features = read_features((root / 'src/model/features.def').read_text())
        played = read_played((root / 'tools/kernels').read_text(), (root / 'src/model/os_linux.c').read_text())
        found = compare(features, experiments, played)
        print(f'{len(features)} features, played on {", ".join(".".join(map(str, kernel)) for kernel in played)}')
        if len(features) != (root / 'src/model/features.def').read_text().count('\nFEATURE('):
            found.append('a row of features.def cannot be read')
    print('\n'.join(found))
    return 1 if found else 0


if __name__ == '__main__':
    sys.exit(main())
