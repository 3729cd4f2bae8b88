#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Snapshots that somebody wrote in anger: one sentence or an answer, in bounded time and memory, and nothing that a terminal obeys.

usage: hostile.py INUSE [TIMES]     TIMES: how many times the budgets, for builds that are slower by nature
RUN_WITH: an emulator and its options; then only what is small is tried.
"""
import json
import os
import resource
import subprocess
import sys
import tempfile

HEADER = {'type': 'header', 'schema': 'inuse-snapshot', 'version': 1, 'kernel': '6.18', 'hz': 250, 'now_ns': 10**12, 'netns': 1,
          'locals_known': True}
MILLION = 1000000


def write(f, *records, end=None):
    for n, record in enumerate(records):
        f.write(json.dumps(record) + '\n')
    f.write(json.dumps({'type': 'end', 'records': len(records) - 1 if end is None else end}) + '\n')


def repeat(f, text, times):
    """In pieces: a child's peak memory begins with that of this program."""
    for _ in range(times // 1000):
        f.write(text * 1000)


def long_line(f):
    f.write(json.dumps(HEADER) + '\n{"type":"process","pid":1,"uid":0,"comm":"')
    repeat(f, 'x', 10_000_000)
    f.write('"}\n')


def line_without_end(f):
    f.write('{"type":"header","schema":"')
    repeat(f, '\\u001b', 2_000_000)


def deep(f):
    f.write(json.dumps(HEADER)[:-1] + ',"sources":')
    repeat(f, '[', 1_000_000)
    f.write('\n')


def one_inode(f):
    """A million sockets of one inode, all in the hands of one process, half of them said to be connections to themselves."""
    write_head = json.dumps(HEADER) + '\n' + json.dumps({'type': 'process', 'pid': 7, 'uid': 0, 'comm': '\033]0;owned\007'}) + '\n'
    f.write(write_head + json.dumps({'type': 'holder', 'process': 0, 'fd': 3}) + '\n')
    for i in range(MILLION):
        f.write('{"type":"socket","state":"%s","family":4,"proto":"tcp","local":"127.0.0.1","local_port":8080,'
                '"remote":"127.0.0.1","remote_port":8080,"inode":4711,"holders":0,"n_holders":1}\n'
                % ('established' if i % 2 else 'listen'))
    f.write(json.dumps({'type': 'end', 'records': MILLION + 2}) + '\n')


def many_processes(f):
    """Each of 100,000 sockets is held by the same 100 processes."""
    f.write(json.dumps(HEADER) + '\n')
    for i in range(100):
        f.write(json.dumps({'type': 'process', 'pid': i + 1, 'uid': i, 'comm': '\u202eevil\033[2J', 'args': '\n' * 50}) + '\n')
    for i in range(100):
        f.write(json.dumps({'type': 'holder', 'process': i, 'fd': i}) + '\n')
    for i in range(100_000):
        f.write('{"type":"socket","state":"listen","family":4,"proto":"tcp","local":"127.0.0.1","local_port":8080,'
                '"inode":%d,"holders":0,"n_holders":100}\n' % i)
    f.write(json.dumps({'type': 'end', 'records': 100_200}) + '\n')


def contradictions(f):
    """Every state with everything that does not go with it."""
    states = ['bound', 'listen', 'syn-sent', 'syn-recv', 'established', 'fin-wait-1', 'fin-wait-2', 'time-wait', 'close-wait',
              'last-ack', 'closing']
    sockets = []
    for state in states:
        for mini in (False, True):
            for family in (4, 6):
                sockets.append({'type': 'socket', 'state': state, 'family': family, 'proto': 'tcp', 'mini': mini,
                                'local': '0.0.0.0' if family == 4 else '::', 'local_port': 8080,
                                'remote': '0.0.0.0' if family == 4 else '::', 'remote_port': 0, 'free_at_ns': -5, 'count': 2**39,
                                'free_slack_ns': 2**60, 'inode': 1, 'uid': 2**32 - 1, 'holders': 0, 'n_holders': 1,
                                'flags': ['reuseaddr', 'reuseport', 'v6only', 'kernel', 'mptcp', 'repair'],
                                'unknown': ['owner', 'reuseaddr']})
    write(f, HEADER, {'type': 'process', 'pid': 1, 'uid': 0, 'comm': ''}, {'type': 'holder', 'process': 0, 'fd': -1}, *sockets)


def nobody_there(f):
    """A socket that points at a holder that is not there."""
    write(f, HEADER, {'type': 'socket', 'state': 'listen', 'family': 4, 'proto': 'tcp', 'local': '0.0.0.0', 'local_port': 80,
                      'holders': 4294967295, 'n_holders': 4294967295})


def cut_off(f):
    f.write(json.dumps(HEADER) + '\n' + json.dumps({'type': 'end', 'records': 10**18}) + '\n')


def binary(f):
    for _ in range(64):
        f.buffer.write(os.urandom(1 << 14))


# what is written, the words, exit statuses that may come of it, seconds of CPU time and MiB
ROWS = [
    (long_line, ['ls'], {2}, 1, 40),
    (long_line, ['why', 'bind', '8080'], {2}, 1, 40),
    (line_without_end, ['ls'], {2}, 1, 40),
    (deep, ['ls'], {2}, 1, 40),
    (cut_off, ['ls'], {2}, 1, 40),
    (binary, ['ls'], {2}, 1, 40),
    (nobody_there, ['ls'], {2}, 1, 40),
    (contradictions, ['ls', '-v'], {0}, 1, 40),
    (contradictions, ['ls', '--json'], {0}, 1, 40),
    (contradictions, ['ls', '--count'], {0}, 1, 40),
    (contradictions, ['why', '-v', 'bind', '8080'], {0, 1, 3}, 1, 40),
    (contradictions, ['why', '-v', 'listen', '[::]:8080'], {0, 1, 3}, 1, 40),
    (contradictions, ['why', 'connect', '127.0.0.1:8080', '--from', ':8080'], {0, 1, 3}, 1, 40),
    (contradictions, ['why', 'accept', '8080'], {0, 1, 3}, 1, 40),
    (many_processes, ['ls'], {0}, 6, 60),
    (many_processes, ['why', 'bind', '8080'], {1}, 6, 60),
    (one_inode, ['ls'], {0}, 20, 200),
    (one_inode, ['why', 'bind', '8080'], {1}, 20, 200),
]


def run(inuse, path, words):
    """Exit status, what was said, CPU seconds, MiB, and how much that no terminal should see."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as said:
        child = subprocess.Popen(inuse + [words[0], '--snapshot', path] + words[1:], stdin=subprocess.DEVNULL, stdout=out, stderr=said)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        bad = 0
        while piece := out.read(1 << 16):
            bad += sum(piece.count(bytes([byte])) for byte in range(32) if byte != 10) + piece.count(b'\xe2\x80\xae')
        said.seek(0)
        return child.returncode, said.read(), usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, bad


def check(inuse, path, row, times):
    name, words, statuses, seconds, mib = row
    status, said, cpu, peak, bad = run(inuse, path, words)
    if status not in statuses:
        yield f'exit status {status}: {said[:300]}'
    if any(byte < 32 and byte != 10 for byte in said) or bad:
        yield f'control characters: {bad} on stdout; stderr {said[:300]}'
    if status == 2 and (said.count(b'\n') != 1 or len(said) > 500):
        yield f'not one sentence: {said[:600]}'
    if cpu > seconds * times:
        yield f'{cpu:.1f} s of CPU time, {seconds * times} are allowed'
    if peak > mib * times:
        yield f'{peak:.0f} MiB, {mib * times} are allowed'
    print(f'# {name.__name__} {" ".join(words)}: status {status}, {cpu:.2f} s, {peak:.0f} MiB')


def main():
    emulator = os.environ.get('RUN_WITH', '').split()
    inuse, times = emulator + [sys.argv[1]], int(sys.argv[2]) if len(sys.argv) > 2 else 1
    rows = [row for row in ROWS if not emulator or row[3] <= 1]
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    print(f'1..{len(rows)}')
    written, failed = None, 0
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'hostile.snap')
        for number, row in enumerate(rows, 1):
            if row[0] is not written:
                with open(path, 'w', encoding='utf-8') as f:
                    row[0](f)
                written = row[0]
            complaints = list(check(inuse, path, row, times))
            failed += bool(complaints)
            print(f'{"not ok" if complaints else "ok"} {number} - {row[0].__name__} {" ".join(row[1])}')
            for complaint in complaints:
                print(f'# {complaint}')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
