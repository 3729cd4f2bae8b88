#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The fuzzer's figures as Markdown: usage: fuzz.py PROGRAM [CALLS [SEEDS]]. Fails when kernel and model disagree."""
import json
import subprocess
import sys


def play(program, calls, seed):
    run = subprocess.run([program, 'lab', '--fuzz', str(calls), '--seed', str(seed), '--json'], capture_output=True, text=True)
    if not run.stdout:
        sys.exit('fuzz: ' + run.stderr.strip())
    return json.loads(run.stdout)


def total(runs, name):
    return sum(run[name] for run in runs)


def main():
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
    print(f'| disagreements of kernel and model | {total(runs, "disagreements")} |')
    print(f'| differed once and not again | {total(runs, "unsteady")} |')
    print(f'| calls a second of processor time | {made * 1000000000 // max(cpu, 1)} |')
    print(f'| judged by the kernel\'s buckets, too | {100 * sum(run["judged"]["bucket"] for run in runs) / made:.1f} % |')
    print(f'| an ordinary user\'s eyes cannot tell | {100 * total(runs, "user_cannot_tell") / made:.1f} % |')
    print(f'| calls whose blockers were removed one by one | {total(runs, "removal_calls")} |')
    print('\n| rule | decided | agreed | left open | |\n|---|---|---|---|---|')
    for rule, (decided, agreed, left_open, unreached) in rules.items():
        print(f'| {rule} | {decided} | {agreed} | {left_open} | {unreached} |')
    for run in runs:
        for text in run['found']:
            print('\n' + text, file=sys.stderr)
    sys.exit(1 if total(runs, 'disagreements') else 0)


if __name__ == '__main__':
    main()
