#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The experiments against the measured cases: every id that an experiment covers exists, and which cases none covers.

usage: lab.py covers LAB-FOLDER MEASURED-IDS LIVE-FOLDER
       lab.py self-test
Cases are calls, which an experiment covers. Those that begin with O are about looking, and each has a live test in C in
LIVE-FOLDER: its id stands in brackets in the comment above it.
"""
import pathlib
import re
import sys


def read_measured(text):
    """id -> setup and call."""
    found = {}
    for line in text.splitlines():
        if line and not line.startswith('#'):
            ident, setup, call, _ = line.split('\t')
            found[ident] = f'{setup}; {call}'
    return found


def covered_by(text):
    """The ids in the covers lines and in the first column of the table of cases."""
    ids, in_table = [], False
    for line in text.splitlines():
        if line[:1] not in ' \t#' and line:
            in_table = line.startswith('cases')
            if line.startswith('covers'):
                ids += line.split()[1:]
        elif in_table and line.strip() and not line.strip().startswith('#'):
            ids += [word for word in line.split('|')[0].split() if word != '-']
    return ids


def tested_by(text):
    """The ids above the tests of a C file."""
    return re.findall(r'^/\* \[(O\d+)\] \*/\nstatic void test_', text, re.M)


def compare(measured, experiments, tests):
    """experiments, tests: name -> text. Complaints, and the cases that are not covered."""
    complaints, covered = [], set()
    for name, text in sorted(experiments.items()):
        for ident in covered_by(text):
            if ident not in measured:
                complaints.append(f'{name} covers {ident}, which was never measured')
            covered.add(ident)
    tested = [ident for text in tests.values() for ident in tested_by(text)]
    complaints += [f'{ident} is above a live test, and was never measured' for ident in tested if ident not in measured]
    complaints += [f'{ident} is above two live tests' for ident in sorted(set(tested)) if tested.count(ident) > 1]
    missing = [ident for ident in measured if ident not in (tested if ident.startswith('O') else covered)]
    complaints += [f'no {"live test" if ident.startswith("O") else "experiment"} is for {ident}: {measured[ident]}' for ident in missing]
    return complaints, missing


def self_test():
    measured = read_measured('# x\nB01\ta\tb\tOK\nB02\tc\td\tOK\nO01\te\tf\tOK\n')
    good = {'a': 'shows A.\ncovers B01\ncases covers | $x\n      B02 | y\n'}
    tests = {'t': '/* [O01] */\nstatic void test_x(void)\n'}
    if compare(measured, good, tests) != ([], []):
        yield 'what is covered is complained about'
    for experiments, live, what in (({'a': 'shows A.\ncovers B01 B02 B09\n'}, tests, 'an unknown id'),
                                    ({'a': 'shows A.\ncovers B01\n'}, tests, 'a missing case'),
                                    ({'a': good['a'] + '# O01\n'}, {}, 'a missing live test'),
                                    (good, {'t': '/* see [O01] */\n'}, 'an id that is above no test'),
                                    (good, {'t': tests['t'] * 2}, 'two tests of one case'),
                                    (good, {'t': tests['t'] + tests['t'].replace('01', '02')}, 'an unknown live test')):
        if not compare(measured, experiments, live)[0]:
            yield f'{what} is not noticed'


def main():
    if sys.argv[1] == 'self-test':
        found = list(self_test())
    else:
        folder, ids = pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
        experiments = {str(path.relative_to(folder)): path.read_text() for path in folder.glob('*/*.exp')}
        measured = read_measured(ids.read_text())
        tests = {path.name: path.read_text() for path in pathlib.Path(sys.argv[4]).glob('*.c')}
        found, missing = compare(measured, experiments, tests)
        if not experiments:
            found.append(f'there are no experiments in {folder}')
        print(f'{len(measured) - len(missing)} of {len(measured)} measured cases are covered')
    print('\n'.join(found))
    return 1 if found else 0


if __name__ == '__main__':
    sys.exit(main())
