#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The demo plays all five acts in time, and leaves nothing: neither at its end nor when it is interrupted.

usage: demo.py tools/demo    BUILD: the build folder
"""
import os
import signal
import subprocess
import sys
import tempfile
import time

TITLES = ['1  A server that cannot be restarted', '2  Setting SO_REUSEADDR on the new server alone', '3  SO_REUSEADDR on both',
          '4  A client with a fixed local port', '5  Why does a server in TIME-WAIT accept?']


def start(demo, folder):
    return subprocess.Popen([demo], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            start_new_session=True, env=dict(os.environ, TMPDIR=folder))


def left_behind(process, folder):
    """What is still there of a demo that ended: processes of its group, files."""
    deadline = time.monotonic() + 25
    while time.monotonic() < deadline:
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            break
        time.sleep(0.01)
    else:
        yield 'a process of the demo is still there'
    for name in os.listdir(folder):
        yield f'the demo left {name}'


def whole(demo, folder):
    started = time.monotonic()
    process = start(demo, folder)
    text, _ = process.communicate(timeout=60)
    took = time.monotonic() - started
    if process.returncode == 77:
        print(text)
        sys.exit(77)
    if process.returncode != 0:
        yield f'{text}\nthe demo ended with status {process.returncode}'
    yield from (f'there is no act "{title}"' for title in TITLES if f'\n{title}\n' not in text)
    if '\033' in text:
        yield 'there is colour where there is no terminal'
    if took > 15:
        yield f'the demo took {took:.1f} s'
    yield from left_behind(process, folder)


def interrupted(demo, folder, after):
    """Ctrl-C as soon as a line contains `after`."""
    process = start(demo, folder)
    for line in process.stdout:
        if after in line:
            break
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=20)
    if process.returncode not in (130, -signal.SIGINT):
        yield f'interrupted after "{after}", the demo ended with status {process.returncode}'
    yield from left_behind(process, folder)


def main():
    demo = sys.argv[1]
    # in the background of a script it is ignored, and would rightly stay so in the demo
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    complaints = []
    with tempfile.TemporaryDirectory() as folder:
        complaints += whole(demo, folder)
        for after in ('listening on', 'HELLO', 'SO_REUSEADDR on both', '2: 127.0.0.1:23456'):
            complaints += interrupted(demo, folder, after)
    print('\n'.join(complaints))
    return 1 if complaints else 0


if __name__ == '__main__':
    sys.exit(main())
