#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The fuzzer's figures as Markdown, and whether each bound was met: usage: fuzz.py PROGRAM [CALLS [SEEDS]] | fuzz.py self-test.
Fails when kernel and model disagree."""
import json
import subprocess
import sys

CALLS_A_SECOND = 20000
DECIDED = 100  # how often each rule is to decide
DECIDED_IN = 1000000  # in so many calls

def play(program, calls, seed):
    run = subprocess.run([program, 'lab', '--fuzz', str(calls), '--seed', str(seed), '--json'], capture_output=True, text=True)
    if not run.stdout:
        sys.exit('fuzz: ' + run.stderr.strip())
    return json.loads(run.stdout)


def total(runs, name):
    return sum(run[name] for run in runs)


def judged(figure, bound, met):
    return f'{figure}; {bound}: {"met" if met else "MISSED"}'


def least_decided(rules, made):
    """rules: name to [decided, agreed, left open, why it cannot be reached here]."""
    decided, rule = min((row[0], rule) for rule, row in rules.items() if not row[3])
    figure = f'{decided} times: {rule}'
    if made < DECIDED_IN:
        return f'{figure}; not judged: for {DECIDED_IN} calls there was no time'
    return judged(figure, f'at least {DECIDED}', decided >= DECIDED)


def self_test():
    rules = {'a': [150, 150, 0, ''], 'b': [DECIDED, 99, 1, ''], 'c': [0, 0, 0, 'only before Linux 6.8']}
    assert least_decided(rules, DECIDED_IN) == '100 times: b; at least 100: met'
    assert least_decided({**rules, 'd': [99, 99, 0, '']}, DECIDED_IN) == '99 times: d; at least 100: MISSED'
    assert 'not judged' in least_decided(rules, DECIDED_IN - 1)


def main():
    if sys.argv[1] == 'self-test':
        return self_test()
    program, calls, seeds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 100000, int(sys.argv[3]) if len(sys.argv) > 3 else 10
    runs = [play(program, calls // seeds, seed) for seed in range(1, seeds + 1)]
    made, cpu = total(runs, 'calls'), total(runs, 'cpu_ns')
    rules = {}
    for run in runs:
        for row in run['rules']:
            sums = rules.setdefault(row['rule'], [0, 0, 0, row.get('unreached', '')])
            for i, name in enumerate(('decided', 'agreed', 'left_open')):
                sums[i] += row[name]
    print(f'| {made} random calls, {seeds} seeds | |\n|---|---|')
    disagreements, speed = total(runs, 'disagreements'), made * 1000000000 // max(cpu, 1)
    print(f'| disagreements of kernel and model | {judged(disagreements, "none", disagreements == 0)} |')
    print(f'| differed once and not again | {total(runs, "unsteady")} |')
    print(f'| calls a second of processor time | {judged(speed, f"at least {CALLS_A_SECOND}", speed >= CALLS_A_SECOND)} |')
    print(f'| the rule that decided least | {least_decided(rules, made)} |')
    print(f'| judged by the kernel\'s buckets, too | {100 * sum(run["judged"]["bucket"] for run in runs) / made:.1f} % |')
    print(f'| an ordinary user\'s eyes cannot tell | {100 * total(runs, "user_cannot_tell") / made:.1f} % |')
    print(f'| calls whose blockers were removed one by one | {total(runs, "removal_calls")} |')
    print('\n| rule | decided | agreed | left open | |\n|---|---|---|---|---|')
    for rule, (decided, agreed, left_open, unreached) in rules.items():
        print(f'| {rule} | {decided} | {agreed} | {left_open} | {unreached} |')
    for run in runs:
        for text in run['found']:
            print('\n' + text, file=sys.stderr)
    return 1 if disagreements else 0


if __name__ == '__main__':
    sys.exit(main())
