#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The experiments against the measured cases: every id that an experiment covers exists, and which cases none covers.

usage: lab.py covers LAB-FOLDER MEASURED-IDS [complete]
       lab.py self-test
With `complete` a case that no experiment covers is a complaint; without, it is only listed. O cases are live tests in C.
"""
import pathlib
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


def compare(measured, experiments, complete):
    """experiments: name -> text. Complaints, and the cases that are not covered."""
    complaints, covered = [], set()
    for name, text in sorted(experiments.items()):
        for ident in covered_by(text):
            if ident not in measured:
                complaints.append(f'{name} covers {ident}, which was never measured')
            covered.add(ident)
    missing = [ident for ident in measured if ident not in covered and not ident.startswith('O')]
    if complete:
        complaints += [f'no experiment covers {ident}: {measured[ident]}' for ident in missing]
    return complaints, missing


def self_test():
    measured = read_measured('# x\nB01\ta\tb\tOK\nB02\tc\td\tOK\nO01\te\tf\tOK\n')
    good = 'shows A.\ncovers B01\ncases covers | $x\n      B02 | y\n'
    wrong = 'shows A.\ncovers B09\n'
    if compare(measured, {'a': good}, True) != ([], []):
        yield 'what is covered is complained about'
    if not compare(measured, {'a': wrong}, False)[0]:
        yield 'an unknown id is not noticed'
    if compare(measured, {'a': 'shows A.\ncovers B01\n'}, True)[1] != ['B02']:
        yield 'a missing case is not noticed'


def main():
    if sys.argv[1] == 'self-test':
        found = list(self_test())
    else:
        folder, ids = pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
        experiments = {str(path.relative_to(folder)): path.read_text() for path in folder.glob('*/*.exp')}
        measured = read_measured(ids.read_text())
        found, missing = compare(measured, experiments, 'complete' in sys.argv[4:])
        if not experiments:
            found.append(f'there are no experiments in {folder}')
        print(f'{len(missing)} of {len(measured)} cases are not covered yet: {" ".join(missing)}')
    print('\n'.join(found))
    return 1 if found else 0


if __name__ == '__main__':
    sys.exit(main())
