#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The program for Windows as a whole, on Windows or under Wine. TAP.

usage: run.py INUSE.EXE OBJDUMP HELLO_SERVER PATIENT_SERVER FIXED_PORT_CLIENT

INUSE_LINUX names an inuse of this machine, for the tests in which both talk to each other. Wine's sockets are the host's:
what is tried here is that the program starts, serves, connects, lists and prints, never a rule of Windows.
"""
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

INUSE, OBJDUMP, HELLO, PATIENT, FIXED = sys.argv[1:6]
LINUX = os.environ.get('INUSE_LINUX', '')
os.environ.setdefault('WINEDEBUG', '-all')
WINE = [] if os.name == 'nt' else ['wine']
SECONDS = 180 # the first program under a new Wine is slow to start, and the machine may be busy
# What every Windows since 8 has in System32.
SYSTEM_DLLS = {'advapi32.dll', 'dbghelp.dll', 'iphlpapi.dll', 'kernel32.dll', 'msvcrt.dll', 'ole32.dll', 'psapi.dll',
               'shell32.dll', 'user32.dll', 'userenv.dll', 'ws2_32.dll'}


class Skip(Exception):
    """Why a test cannot be run here."""


def run(*arguments, exe=INUSE):
    """Exit status, stdout, stderr of a program that ends by itself."""
    command = [exe, *arguments] if exe == LINUX else [*WINE, exe, *arguments]
    done = subprocess.run(command, capture_output=True, timeout=SECONDS, stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


class Server:
    """A server that has said that it listens; its lines come from `stream`."""

    def __init__(self, *arguments, exe=INUSE):
        command = [exe, *arguments] if exe == LINUX else [*WINE, exe, *arguments]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT)
        self.said = ''
        while 'listening' not in self.said:
            line = self.process.stdout.readline().decode()
            if not line:
                raise AssertionError('the server ended: ' + self.said)
            self.said += line

    def __enter__(self):
        return self

    def end(self):
        """Waits for it; its exit status."""
        out, _ = self.process.communicate(timeout=SECONDS)
        self.said += out.decode()
        return self.process.returncode

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def need_linux():
    if not LINUX:
        raise Skip('INUSE_LINUX names no inuse of this machine')


def expect(condition, *shown):
    assert condition, ' | '.join(str(one) for one in shown)


def test_imports__nothing_but_windows_itself():
    out = subprocess.run([OBJDUMP, '-p', INUSE], check=True, capture_output=True, text=True).stdout
    names = {name.lower() for name in re.findall(r'DLL Name: (\S+)', out)}
    expect(names and names <= SYSTEM_DLLS, names - SYSTEM_DLLS)


def test_version__names_windows_and_its_source():
    status, out, err = run('--version')
    expect(status == 0 and 'Windows ' in out and 'iphelper' in out, status, out, err)


def test_help__every_verb():
    status, out, err = run('--help')
    expect(status == 0 and all(f'\n  {verb} ' in out for verb in ('why', 'ls', 'serve', 'dial', 'explain')), status, out, err)


def test_linux_verb__says_so():
    status, out, err = run('wait', '80')
    expect(status == 3 and 'inuse wait works on Linux only\n' in err, status, out, err)


def test_arguments__utf8_and_spaces__arrive_whole():
    status, out, err = run('h\u00f6st na\u00efve:80')
    expect(status == 2 and 'h\u00f6st na\u00efve' in err, status, out, err)


def test_explain__a_page():
    status, out, err = run('explain', 'time-wait')
    expect(status == 0 and 'TIME-WAIT' in out, status, out[:200], err)


def talk(server_exe, client_exe):
    port = str(free_port())
    with Server('serve', 'hello', '127.0.0.1:' + port, '--count', '2', '-v', exe=server_exe) as server:
        for _ in range(2):
            status, out, err = run('dial', '127.0.0.1:' + port, '-v', exe=client_exe)
            expect(status == 0 and out == 'HELLO' and '5 bytes in' in err, status, out, err)
        expect(server.end() == 0, server.said)
        expect(server.said.count('0 bytes in, 5 out') == 2 and 'broke' not in server.said, server.said)


def test_talk__windows_to_windows():
    talk(INUSE, INUSE)


def test_talk__linux_to_windows():
    need_linux()
    talk(INUSE, LINUX)


def test_talk__windows_to_linux():
    need_linux()
    talk(LINUX, INUSE)


def test_echo__a_long_text__comes_back():
    port, text = str(free_port()), 'x' * 20000
    with Server('serve', 'echo', '127.0.0.1:' + port, '--count', '1') as server:
        status, out, err = run('dial', '127.0.0.1:' + port, '--send', text, '--close', 'half')
        expect(status == 0 and out == text, status, len(out), err)
        expect(server.end() == 0, server.said)


def test_listener__ls_and_why__in_use_for_certain():
    port = str(free_port())
    with Server('serve', port):
        status, out, err = run('ls', ':' + port)
        expect(status == 0 and re.search(rf'^LISTEN .*:{port} ', out, re.M), status, out, err)
        # on the wildcard every cell of Microsoft's table is WSAEADDRINUSE, whatever the other socket has set
        status, out, err = run(port)
        expect(status == 1 and f'{port}/tcp IN USE' in out and 'sudo' not in out and '--try' not in out, status, out, err)
        status, out, err = run('why', 'listen', port, '-v')
        expect(status == 1 and 'WSAEADDRINUSE' in out and 'Microsoft' in out, status, out, err)


def test_second_server__refused_with_winsocks_number():
    port = str(free_port())
    with Server('serve', '127.0.0.1:' + port):
        status, out, err = run('serve', '127.0.0.1:' + port)
        expect(status == 1 and re.search(r'WSAE\w+, 100\d\d', err) and 'IN USE' in err, status, out, err)


def test_reuseaddr__one_line_of_what_it_means():
    port = str(free_port())
    with Server('serve', '127.0.0.1:' + port, '--reuseaddr') as server:
        expect('any program may take this port' in server.said, server.said)
    with Server('serve', '127.0.0.1:' + port) as server:
        expect('any program' not in server.said, server.said)


def test_time_wait__ls_shows_it_with_its_bound():
    port = str(free_port())
    with Server('serve', '127.0.0.1:' + port, '--count', '1') as server:
        expect(run('dial', '127.0.0.1:' + port)[0] == 0)
        expect(server.end() == 0, server.said)
    status, out, err = run('ls', ':' + port)
    expect(status == 0 and re.search(rf'^TIME-WAIT .*:{port} .* to \d+ s', out, re.M), status, out, err)


def test_snapshot__path_with_spaces__judged_the_same_on_linux():
    port = str(free_port())
    with tempfile.TemporaryDirectory(prefix='inuse t\u00e4st ') as folder, Server('serve', port):
        path = str(pathlib.Path(folder) / 'a b.snap')
        windows_path = path if os.name == 'nt' else 'Z:' + path.replace('/', '\\')
        status, out, err = run('ls', '--save', windows_path, ':' + port)
        expect(status == 0, status, out, err)
        here = run('why', 'listen', port, '--snapshot', windows_path)
        expect(here[0] == 1 and 'IN USE' in here[1], here)
        if LINUX:
            there = run('why', 'listen', port, '--snapshot', path, exe=LINUX)
            expect(there[:2] == here[:2], here, there)


def test_ctrl_c__ends_cleanly():
    port = str(free_port())
    with Server('serve', '127.0.0.1:' + port) as server:
        server.process.send_signal(signal.SIGINT if os.name != 'nt' else signal.CTRL_C_EVENT)
        expect(server.end() == 0, server.process.returncode, server.said)


def test_refused__winsocks_number():
    status, out, err = run('dial', f'127.0.0.1:{free_port()}', '--timeout', '20')
    expect(status == 1 and 'WSAECONNREFUSED, 10061' in err, status, out, err)


def test_textbook__server_and_client__say_hello():
    port = str(free_port())
    with Server(port, 'reuseaddr', '2', exe=HELLO) as server:
        for _ in range(2):
            status, out, err = run('dial', '127.0.0.1:' + port)
            expect(status == 0 and out == 'HELLO', status, out, err)
        expect(server.end() == 0, server.said)
    with Server(port, 'reuseaddr', '1', exe=HELLO) as server: # at once again
        expect(run('dial', '127.0.0.1:' + port)[1] == 'HELLO')
        expect(server.end() == 0, server.said)


def test_textbook__fixed_port__connects_and_then_fails_or_not():
    port, own = str(free_port()), str(free_port())
    with Server(port, exe=PATIENT):
        status, out, err = run(port, own, '5', exe=FIXED)
        # Windows: connect fails with 10048 in round 2. Wine: whatever the host's rules make of it.
        expect(out.startswith('connected') and (status == 0 or re.search(r'(connect|bind) failed: 100\d\d', err)), status, out, err)


def main():
    tests = [(name, function) for name, function in globals().items() if name.startswith('test_')]
    print(f'1..{len(tests)}')
    failed = False
    for number, (name, function) in enumerate(tests, 1):
        began = time.monotonic()
        try:
            function()
        except Skip as why:
            print(f'ok {number} - {name} # SKIP {why}')
        except (AssertionError, subprocess.SubprocessError, OSError) as why:
            failed = True
            print(f'not ok {number} - {name}')
            print('# ' + str(why).replace('\n', '\n# '))
        else:
            print(f'ok {number} - {name}')
        print(f'# {time.monotonic() - began:.1f} s')
        sys.stdout.flush()
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
