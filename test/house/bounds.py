#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""From which version on something holds is a fact where kernels on either side of it are played, and else it says "source".

usage: bounds.py check SOURCE-ROOT
       bounds.py self-test
Read are the rows of src/model/features.def and the lines "SYSTEM without FEATURE" of the experiments. Played are the kernels of
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
    """(id, name, bound, 'LIVE' or 'SOURCE', evidence, member) of each row."""
    pattern = (r'^FEATURE\((\w+), "([^"]+)", (\d+), (\d+), (\w+), "([^"]*)",\s*\w+, "[^"]*", "([^"]*)"')
    return [(ident, name, (int(major), int(minor)), kind, evidence, member)
            for ident, name, major, minor, kind, evidence, member in re.findall(pattern, text, re.M)]


def read_without(text):
    """(feature, rank, source) of the lines "linux without owners-by-addr  EADDRINUSE  recorded: ..."."""
    return [(feature, rank, source or '')
            for feature, rank, source in re.findall(r'^\s+linux without (\S+)\s+\S.*?\s\s+(\w+)(?:: (.*))?$', text, re.M)]


def shows(experiment, name, member):
    """An experiment shows a feature that it names, or that of a setting which it pins."""
    setting = member.removeprefix('sysctl_')
    return any(without[0] == name for without in read_without(experiment)) or \
        (member.startswith('sysctl_') and re.search(rf'^setting \S+\.{setting} ', experiment, re.M) is not None)


def compare_features(features, experiments, played):
    for ident, feature, bound, kind, evidence, member in features:
        text = '.'.join(map(str, bound))
        if kind != ('LIVE' if is_bracketed(bound, played) else 'SOURCE'):
            yield f'features.def: {ident} says {kind}, and kernels on either side of {text} are ' \
                f'{"" if kind == "SOURCE" else "not "}played'
        elif kind == 'SOURCE' and not re.match(r'linux v\d+\.\d+ \S+\.c \w+\(\)', evidence):
            yield f'features.def: {ident} names no source'
        for name in evidence.split() if kind == 'LIVE' else []:
            if name not in experiments:
                yield f'features.def: {ident} names {name}, which is no experiment'
            elif not shows(experiments[name], feature, member):
                yield f'features.def: {name} does not show what {ident} says of {text}'


def compare_without(experiments, played, bounds):
    """What is recorded was played on all the kernels that are named: those from before the feature's version."""
    for name, text in sorted(experiments.items()):
        for feature, rank, source in read_without(text):
            where = f'{name}: without {feature}'
            bound = bounds.get(feature)
            if bound is None:
                yield f'{where} is no feature'
                continue
            older = ' and '.join('.'.join(map(str, kernel)) for kernel in played if kernel < bound)
            want = f'make check-kernels, on {older}' if is_bracketed(bound, played) else None
            if want is None and rank not in ('reasoned', 'documented'):
                yield f'{where} says {rank}, and no such kernel is played'
            elif want is not None and (rank, source) != ('recorded', want):
                yield f'{where} says "{rank}: {source}" instead of "recorded: {want}"'


def compare(features, experiments, played):
    return [*compare_features(features, experiments, played),
            *compare_without(experiments, played, {name: bound for _, name, bound, *_ in features})]


def self_test():
    played = read_played("    'user-mode-linux': (1),\n    'linux-6.1': (2),\n    'linux-6.12': (3),\n", '"linux v6.18 net/a.c b()" "linux v6.1 x"')
    if played != [(6, 1), (6, 12), (6, 18)]:
        yield f'the kernels that are played are read as {played}'
    row = 'FEATURE({}, "{}", {}, {}, {}, "{}",\n\tMEMBER, "a", "{}", N_("b"))\n'
    live = row.format('A', 'x-a', 6, 8, 'LIVE', 't/e', 'm')
    setting = row.format('B', 'x-b', 6, 14, 'LIVE', 't/s', 'sysctl_some_delay')
    source = row.format('C', 'x-c', 6, 1, 'SOURCE', 'linux v6.1 net/a.c b()', 'm')
    good = {'t/e': 'bind a\n  linux  OK  live\n  linux without x-a  EADDRINUSE  recorded: make check-kernels, on 6.1\n',
            't/s': 'setting net.ipv4.some_delay 1\n'}
    everything = live + setting + source
    found = compare(read_features(everything), good, played)
    if found or len(read_features(everything)) != 3:
        yield f'what is right is complained about: {found}'
    for features, experiments, what in (
            (everything.replace('6, 1, SOURCE', '6, 1, LIVE'), good, 'LIVE without an older kernel'),
            (everything.replace('6, 8, LIVE', '6, 8, SOURCE'), good, 'SOURCE although it is played'),
            (everything.replace('6, 8, LIVE', '6, 13, LIVE'), good, 'a record of fewer kernels than are played'),
            (everything.replace('t/e', 't/none'), good, 'an experiment that is not there'),
            (everything.replace('net/a.c', ''), good, 'a row without its source'),
            (everything, {**good, 't/s': 'bind a\n'}, 'an experiment that does not pin the setting'),
            (everything, {**good, 't/e': good['t/e'].replace('without x-a', 'without x-b')}, 'an experiment of another feature'),
            (everything, {**good, 't/e': good['t/e'].replace('on 6.1', 'on 6.1 and 6.12')}, 'a kernel that is not older'),
            (everything, {**good, 't/e': good['t/e'].replace('recorded', 'reasoned')}, 'reasoning where a kernel is played'),
            (everything, {**good, 't/f': '  linux without x-c  OK  recorded: somewhere\n'}, 'a record of a kernel that is not played'),
            (everything, {**good, 't/f': '  linux without x-z  OK  recorded: make check-kernels, on 6.1\n'}, 'no feature')):
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
