#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The experiments against the measured cases: every id that an experiment covers exists, which cases none covers, and whether
what was measured is what the experiment expects of every live Linux.

usage: lab.py covers LAB-FOLDER MEASURED-IDS LIVE-FOLDER
       lab.py answers PROGRAM MEASURED-IDS
       lab.py self-test
Cases are calls, which an experiment covers. Those that begin with O are about looking, and each has a live test in C in
LIVE-FOLDER: its id stands in brackets in the comment above it.
"""
import json
import pathlib
import re
import subprocess
import sys

# What was measured, where it is in other words than an experiment has: the step that shows it, and its outcome.
WORDS = (
    (r'listen OK', 'listen', r'OK'),
    (r'old connection alive', 'read', r'OK'),
    (r'passes local check|OK (self|fast|<0\.1s)', 'connect', r'OK'),
    (r'OK in sysctl range', 'port', r'\d+-\d+'),
    (r'(odd|even) ports .*', 'port', r'{0}'),
    (r'none|gone', 'look', r'(?!.*(WAIT|CLOSING)).*'),
    (r'still there', 'look', r'.*(TIME-WAIT|FIN-WAIT-2)'),
    (r'1', 'look', r'(.*, )?TIME-WAIT'),
    (r'10', 'connect', r'EADDRNOTAVAIL'),  # as many as there are ports: two in the experiment
    (r'rearmed', 'left', r'60 s'),
    (r'nothing-or-ACK', 'send', r'nothing|ACK'),
    (r'SYN-ACK', 'send', r'SYN,ACK'),
    (r'RST', 'send', r'RST,ACK'),
    (r'FIN_WAIT2<=5', 'left', r'5 s'),
    (r'TIME_WAIT 59-60', 'left', r'60 s'),
    (r'FIN_WAIT2 timer 0 inode set', 'left', r'unlimited'),
    (r'FIN_WAIT2.*', 'look', r'FIN-WAIT-2'),
    (r'(TIME|CLOSE)_WAIT', 'look', r'(.*, )?{0}-WAIT'),
    (r'EOPNOTSUPP.*', 'listen', r'EOPNOTSUPP'),
)


def read_measured(text):
    """id -> setup and call, and what came of it."""
    found = {}
    for line in text.splitlines():
        if line and not line.startswith('#'):
            ident, setup, call, answer = line.split('\t')
            found[ident] = (f'{setup}; {call}', answer)
    return found


def parts_of(answer):
    """(step, outcome) of each part of "OK; listen OK": how the step begins, and what its outcome matches."""
    for part in re.split(r' \| |; | -> ', answer):
        for pattern, step, outcome in WORDS:
            match = re.fullmatch(pattern, part)
            if match:
                yield part, step, outcome.format(*match.groups()) if '{0}' in outcome else outcome
                break
        else:
            yield part, '', re.escape(part)


def compare_answers(measured, runs):
    """runs: what "lab --json" printed. Each part of an answer is expected, live, in each family of the experiment that covers it."""
    expected, complaints = {}, []
    for run in runs:
        for ident in run['covers'].split():
            steps = expected.setdefault((ident, run['experiment'], run.get('family', 'as written')), [])
            steps += [(step['step'], step['expected']['outcome']) for step in run['steps']
                      if step.get('expected', {}).get('rank') == 'live']
    for (ident, experiment, family), steps in sorted(expected.items()):
        for part, begins, outcome in parts_of(measured.get(ident, ('', ''))[1]):
            if not any(step.startswith(begins) and re.fullmatch(outcome, seen) for step, seen in steps):
                complaints.append(f'{experiment} ({family}) covers {ident}, where "{part}" was measured, and expects {steps}')
    played = {ident for ident, _, _ in expected}
    complaints += [f'no experiment plays {ident} on the model' for ident in measured if ident[0] != 'O' and ident not in played]
    return complaints


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
    complaints += [f'no {"live test" if ident.startswith("O") else "experiment"} is for {ident}: {measured[ident][0]}' for ident in missing]
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
    yield from self_test_answers()


def self_test_answers():
    measured = read_measured('B01\ta\tb\tOK; listen OK\nP01\tc\td\tRST; gone\nO01\te\tf\tOK\n')
    good = {'B01': [('bind x here:1', 'OK', 'live'), ('listen x', 'OK', 'live')],
            'P01': [('send p SYN', 'RST,ACK', 'live'), ('look 1', 'LISTEN', 'live')]}

    def runs(changed):
        return [{'covers': ident, 'experiment': 'a', 'family': 'ipv4',
                 'steps': [{'step': 'close x'}] + [{'step': step, 'expected': {'outcome': outcome, 'rank': rank}} for step, outcome, rank in steps]}
                for ident, steps in {**good, **changed}.items() if steps]

    if compare_answers(measured, runs({})):
        yield f'what was measured and is expected is complained about: {compare_answers(measured, runs({}))}'
    for changed, what in (({'B01': good['B01'][:1]}, 'an answer that is not played to its end'),
                          ({'B01': [('bind x here:1', 'EINVAL', 'live'), good['B01'][1][:1] + ('EINVAL', 'live')]}, 'another answer'),
                          ({'B01': [good['B01'][0], ('listen x', 'OK', 'reasoned')]}, 'an answer that is not live'),
                          ({'P01': [good['P01'][0], ('look 1', 'LISTEN, TIME-WAIT', 'live')]}, 'what should have gone'),
                          ({'P01': []}, 'a case that is not played')):
        if not compare_answers(measured, runs(changed)):
            yield f'{what} is not noticed'


def main():
    if sys.argv[1] == 'self-test':
        found = list(self_test())
    elif sys.argv[1] == 'answers':
        measured = read_measured(pathlib.Path(sys.argv[3]).read_text())
        played = subprocess.run([sys.argv[2], 'lab', '--all', '--os', 'linux', '--json'], check=True, capture_output=True, text=True)
        found = compare_answers(measured, [run for run in map(json.loads, played.stdout.splitlines()) if run['schema'] == 'inuse-lab'])
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
