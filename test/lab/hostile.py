#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Hostile experiments: the program says which line is wrong, at once, and takes no more memory for it than for a good one.

usage: hostile.py INUSE
"""
import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

SECONDS, MEGABYTES = 5, 64  # beyond what a good experiment takes


def case(n, step):
    return 'shows A.\ncases covers | $a\n' + f'  - | {"b" * 900}\n' * 200 + step * n


def hostile(folder):
    """name, what the answer has to contain."""
    def put(name, text):
        (folder / name).write_bytes(text.encode() if isinstance(text, str) else text)
        return name
    yield put('line.exp', 'shows A.\n' + 'x' * (10 << 20)), 'line.exp:1: an experiment has at most 262144 bytes'
    yield put('line2.exp', 'shows A.\n' + 'x' * 200000), 'line2.exp:2: the line is longer than 1000 characters'
    yield put('sockets.exp', 'shows A.\n' + ''.join(f'socket s{i} ipv4\n' for i in range(100000))), 'sockets.exp:1: '
    yield put('sockets2.exp', 'shows A.\n' + ''.join(f'socket s{i} ipv4\n' for i in range(3000))), \
        'sockets2.exp:66: there are more than 64 names of sockets'
    yield put('lines.exp', 'shows A.\n' + 'socket a\n' * 20000), 'lines.exp:4001: there are more than 4000 lines'
    yield put('words.exp', 'shows A.\n' + 'fork p with' + ' a' * 400), 'words.exp:2: there are more than 64 words in the line'
    yield put('rows.exp', 'shows A.\ncases covers | $a\n' + '  - | b\n' * 3000), 'rows.exp:2: a table has 1 to 200 rows'
    yield put('grows.exp', case(90, 'bind x ' + '$a' * 300 + '\n')), 'grows.exp:203: with the words of the case the line becomes too long'
    yield put('steps.exp', case(3000, 'socket a ipv4\n')), 'steps.exp:203: all cases together have more than 20000 steps'
    yield put('zero.exp', b'shows A.\n' + bytes(900)), 'zero.exp:2: column 1 is not text'
    yield put('bytes.exp', os.urandom(200000)), 'bytes.exp:1: '
    yield put('nothing.exp', ''), 'nothing.exp:1: an experiment begins with: shows SENTENCE.'
    os.symlink('/dev/zero', folder / 'endless.exp')
    yield 'endless.exp', 'endless.exp cannot be read'
    os.mkfifo(folder / 'waits.exp')
    yield 'waits.exp', 'waits.exp cannot be read'
    (folder / 'folder.exp').mkdir()
    yield 'folder.exp', 'folder.exp cannot be read: Is a directory'
    yield 'missing.exp', 'missing.exp cannot be read: No such file or directory'
    # the contradictory ones: two things that cannot both be
    yield put('twice.exp', 'shows A.\nsocket a ipv4\nbind a 127.0.0.1:1\n  linux OK live\n  linux EACCES live\n'), \
        'twice.exp:5: linux is spoken of twice'
    yield put('both.exp', 'shows A.\nruns ipv4\nsocket a ipv4\n'), 'both.exp:3: a file that says runs leaves the family to the run'
    yield put('gone.exp', 'shows A.\nsocket a ipv4\nclose a\nlisten a\n'), 'gone.exp:4: "a" is closed already'


def run(program, folder, *words):
    """status, stderr, seconds of processor time, megabytes."""
    with tempfile.TemporaryFile() as err:
        began = time.monotonic()
        child = subprocess.Popen([program, 'lab', *words], cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                 stderr=err, env={**os.environ, 'LC_ALL': 'C.UTF-8'},
                                 preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (60, 60)))
        while (found := os.wait4(child.pid, os.WNOHANG))[0] == 0:
            if time.monotonic() - began > 60:
                child.kill()
                found = os.wait4(child.pid, 0)
                break
            time.sleep(0.001)
        child.returncode = os.waitstatus_to_exitcode(found[1])
        err.seek(0)
        return child.returncode, err.read().decode(), found[2].ru_utime + found[2].ru_stime, found[2].ru_maxrss / 1024


def main():
    program = str(pathlib.Path(sys.argv[1]).resolve())
    wrong = 0
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        _, _, _, base = run(program, folder, '--os', 'linux', 'bind/free')
        for file, text in hostile(folder):
            status, said, seconds, megabytes = run(program, folder, file)
            if status != 2 or text not in said or said.count('\n') != 1 or seconds > SECONDS or megabytes > base + MEGABYTES:
                print(f'{file}: exit status {status}, {seconds:.2f} s, {megabytes:.0f} MB beside {base:.0f}\n{said}wanted: {text}')
                wrong = 1
    return wrong


if __name__ == '__main__':
    sys.exit(main())
