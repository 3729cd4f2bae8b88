#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The programs of the textbooks on this kernel, as their stories tell it. TAP.

usage: in-netns run.py INUSE SOURCE-ROOT HELLO_SERVER PATIENT_SERVER FIXED_PORT_CLIENT    (in a network namespace of its own)
"""
import pathlib
import re
import subprocess
import sys
import time

INUSE, ROOT, HELLO, PATIENT, FIXED = sys.argv[1], pathlib.Path(sys.argv[2]), *sys.argv[3:6]
SECONDS = 60


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, stdin=subprocess.DEVNULL)


class Server:
    """One that has said that it listens, or what it said instead."""

    def __init__(self, *command):
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.said = self.process.stdout.readline()

    def end(self):
        self.said += self.process.communicate(timeout=SECONDS)[0]
        return self.process.returncode

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


def expect(condition, *shown):
    assert condition, ' | '.join(str(one) for one in shown)


def serve_once(port, *words):
    with Server(HELLO, port, *words, '1') as server:
        expect(server.said == 'listening\n', server.said)
        answer = run(INUSE, 'dial', '127.0.0.1:' + port)
        expect(answer.stdout == 'HELLO', answer)
        expect(server.end() == 0, server.said)


def await_time_wait(port):
    """Until both ends have closed: the other one may take its time."""
    end = time.monotonic() + SECONDS
    while not (seen := run(INUSE, 'ls', ':' + port).stdout).startswith('STATE') or 'TIME-WAIT' not in seen:
        expect(time.monotonic() < end, seen)


def test_server_without_reuseaddr__restarted__refused_and_inuse_knows_why():
    serve_once('5000')
    await_time_wait('5000')
    with Server(HELLO, '5000') as again:
        expect(again.said == 'bind failed: Address already in use\n' and again.end() == 1, again.said)
    why = run(INUSE, 'why', 'bind', '5000')
    expect(why.returncode == 1 and 'TIME-WAIT' in why.stdout and re.search(r'IN USE for \d+ s more', why.stdout), why)


def test_server_with_reuseaddr__restarted__listens_at_once():
    serve_once('5001', 'reuseaddr')
    serve_once('5001', 'reuseaddr')


def set_timestamps(value):
    pathlib.Path('/proc/sys/net/ipv4/tcp_timestamps').write_text(value)


def test_fixed_port_with_timestamps__reconnects():
    set_timestamps('1')
    with Server(PATIENT, '5002') as server:
        expect(server.said == 'listening\n', server.said)
        for _ in range(3):
            done = run(FIXED, '5002', '6002', '1')
            expect(done.returncode == 0 and done.stdout == 'connected\n', done)
            await_time_wait('6002')


def test_fixed_port_without_timestamps__fails_in_connect_although_it_sets_reuseaddr():
    set_timestamps('0')
    with Server(PATIENT, '5003') as server:
        expect(server.said == 'listening\n', server.said)
        done = run(FIXED, '5003', '6003', '1')
        expect(done.returncode == 0 and done.stdout == 'connected\n', done)
        await_time_wait('6003')
        done = run(FIXED, '5003', '6003', '3')
        expect(done.returncode == 1 and done.stdout == '', done)
        expect(done.stderr == 'connect failed: Cannot assign requested address\n', done)
        why = run(INUSE, 'why', 'connect', '127.0.0.1:5003', '--from', '127.0.0.1:6003', '--reuseaddr')
        expect(why.returncode == 1 and 'the last connection between these two ports' in ' '.join(why.stdout.split()), why)
    set_timestamps('1')


def test_each_program__points_at_experiments_that_agree():
    for source in sorted((ROOT / 'examples/textbook').glob('*.c')):
        head = source.read_text().split('*/\n')[1]
        names = re.findall(r'\b([a-z0-9-]+/[a-z0-9-]+)\b', head.split('inuse lab', 1)[-1])
        expect('inuse lab' in head and names, source)
        for name in names:
            expect((ROOT / 'lab' / (name + '.exp')).is_file(), source.name, name)
            played = run(INUSE, 'lab', '--os', 'linux', name)
            expect(played.returncode == 0, source.name, name, played.stdout)


def main():
    tests = [(name, function) for name, function in globals().items() if name.startswith('test_')]
    print(f'1..{len(tests)}')
    failed = False
    for number, (name, function) in enumerate(tests, 1):
        try:
            function()
            print(f'ok {number} - {name}')
        except (AssertionError, subprocess.SubprocessError, OSError) as why:
            failed = True
            print(f'not ok {number} - {name}')
            print('# ' + str(why).replace('\n', '\n# '))
        sys.stdout.flush()
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
