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


VERBS = ('why', 'ls', 'wait', 'pick', 'release', 'kill', 'serve', 'dial', 'run', 'explain', 'lab')


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


GIVEN = set()


def free_port():
    """A port that is free, and was not given before."""
    while True:
        with socket.socket() as s:
            s.bind(('127.0.0.1', 0))
            port = s.getsockname()[1]
        if port not in GIVEN:
            GIVEN.add(port)
            return port


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
    expect(status == 0 and all(f'\n  {verb} ' in out for verb in VERBS), status, out, err)


def test_run__says_that_it_is_linuxs():
    status, out, err = run('run', 'node', 'server.js')
    expect(status == 3 and err == 'inuse run works on Linux only\n', status, out, err)


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


def test_echo__utf8__comes_back():
    port = str(free_port())
    with Server('serve', 'echo', '127.0.0.1:' + port, '--count', '1') as server:
        status, out, err = run('dial', '127.0.0.1:' + port, '--send', 'na\u00efve \u6f22', '--close', 'half')
        expect(status == 0 and out == 'na\u00efve \u6f22', status, out, err)
        expect(server.end() == 0, server.said)


def test_wait__free_already__at_once():
    status, out, err = run('wait', f'127.0.0.1:{free_port()}')
    expect(status == 0 and 'FREE' in out, status, out, err)


def test_wait__in_use__gives_up_in_time():
    port = str(free_port())
    with Server('serve', port):
        status, out, err = run('wait', port, '--timeout', '0.3')
        expect(status == 1 and 'IN USE' in out and 'gave up' in err, status, out, err)


def test_wait__the_listener_ends__comes_back():
    port = str(free_port())
    with Server('serve', '127.0.0.1:' + port) as server:
        waiter = subprocess.Popen([*WINE, INUSE, 'wait', 'listen', '127.0.0.1:' + port, '--json'], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        server.process.send_signal(signal.SIGINT if os.name != 'nt' else signal.CTRL_C_EVENT)
        out = waiter.communicate(timeout=SECONDS)[0].decode()
        expect(waiter.returncode == 0 and '"ended":"free"' in out, waiter.returncode, out)


def test_wait__listening__comes_back_when_somebody_does():
    port = str(free_port())
    waiter = subprocess.Popen([*WINE, INUSE, 'wait', '--listening', port, '--timeout', str(SECONDS)], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    with Server('serve', '127.0.0.1:' + port):
        out = waiter.communicate(timeout=SECONDS)[0].decode()
        expect(waiter.returncode == 0 and out.startswith('Somebody listens on 127.0.0.1:' + port), waiter.returncode, out)


def test_pick__the_port_is_taken__another_one():
    port = str(free_port())
    with Server('serve', port):
        status, out, err = run('pick', port)
        expect(status == 0 and out.strip().isdigit() and int(out) > int(port), status, out, err)
    status, out, err = run('pick', '--count', '3')
    expect(status == 0 and len(set(out.split())) == 3 and all(49152 <= int(one) for one in out.split()), status, out, err)


def test_try__the_systems_own_word():
    port = str(free_port())
    with Server('serve', '127.0.0.1:' + port):
        status, out, err = run('why', 'bind', '127.0.0.1:' + port, '--try')
        expect(status == 1 and re.search(r'^Tried .*: WSAE\w+ \(100\d\d\)$', out, re.M), status, out, err)
    status, out, err = run('why', 'listen', f'127.0.0.1:{free_port()}', '--try')
    expect(status == 0 and 'the kernel says yes' in out, status, out, err)
    status, out, err = run('why', 'connect', f'127.0.0.1:{free_port()}', '--try')
    expect(status == 1 and 'WSAECONNREFUSED (10061)' in out, status, out, err)


def test_kill__shows_its_plan_and_ends_whom_windows_names():
    port = str(free_port())
    with Server('serve', '127.0.0.1:' + port) as server:
        status, out, err = run('kill', '127.0.0.1:' + port)
        expect(status in (1, 2), status, out, err) # nothing is done unasked
        status, out, err = run('kill', '127.0.0.1:' + port, '--yes')
        if os.name == 'nt':
            expect(status in (0, 3) and 'end inuse.exe' in out and server.process.wait(SECONDS) is not None, status, out, err)
        else: # Wine names nobody
            expect(status == 1 and 'whose process Windows does not tell: 1' in out, status, out, err)
            expect(server.process.poll() is None)


def leave_time_wait(port):
    with Server('serve', '127.0.0.1:' + port, '--count', '1') as server:
        expect(run('dial', '127.0.0.1:' + port)[0] == 0)
        expect(server.end() == 0, server.said)


def test_release__time_wait__nobody_removes_it():
    port = str(free_port())
    leave_time_wait(port)
    status, out, err = run('release', '127.0.0.1:' + port, '--yes')
    expect(status == 3 and 'Windows removes no connection, and no TIME-WAIT' in out, status, out, err)
    status, out, err = run('ls', ':' + port)
    expect('TIME-WAIT' in out, out, err)


def test_time_wait__fixed_port__10048_at_connect():
    port, own = str(free_port()), str(free_port())
    with Server('serve', 'drain', '127.0.0.1:' + port, '--count', '1') as server:
        expect(run('dial', '127.0.0.1:' + port, '--from', '127.0.0.1:' + own, '--close', 'first')[0] == 0)
        expect(server.end() == 0, server.said)
    status, out, err = run('why', 'connect', '127.0.0.1:' + port, '--from', '127.0.0.1:' + own, '--reuseaddr')
    expect(status == 1 and 'connect() says WSAEADDRINUSE (10048)' in out and 'TIME-WAIT' in out, status, out, err)


def test_lab__microsofts_tables__every_cell_on_the_model_of_windows():
    for table in ('windows/same-user', 'windows/other-user'):
        status, out, err = run('lab', table)
        expect(status == 0 and ': 72 agree, 0 differ' in out, status, out[-300:], err)
        expect('documented: Microsoft, Using SO_REUSEADDR and SO_EXCLUSIVEADDRUSE' in out, out)


def test_lab__all__agrees():
    status, out, err = run('lab', '--all')
    expect(status == 0 and re.search(r'[1-9]\d* agree, 0 differ', out), status, out[-300:], err)


def test_lab__another_system_and_a_folder():
    status, out, err = run('lab', '--os', 'linux', 'bind/free')
    expect(status == 0 and '0 differ' in out and 'windows' not in out.split('\n')[0], status, out, err)
    with tempfile.TemporaryDirectory(prefix='inuse l\u00e4b ') as folder:
        topic = pathlib.Path(folder) / 'one'
        topic.mkdir()
        (topic / 'mine.exp').write_text('shows A socket.\nruns ipv4\n\nsocket a\nbind a here:5000\n  windows  OK  reasoned: a test\n')
        os.environ['INUSE_LAB'] = folder if os.name == 'nt' else 'Z:' + folder.replace('/', '\\')
        try:
            status, out, err = run('lab', 'mine')
        finally:
            del os.environ['INUSE_LAB']
        expect(status == 0 and 'the model agrees' in out, status, out, err)


def test_lab__a_page_in_a_path_with_spaces__whole_and_replaced():
    with tempfile.TemporaryDirectory(prefix='inuse p\u00e4ge ') as folder:
        page = pathlib.Path(folder) / 'all of it.html'
        page.write_text('old')
        status, out, err = run('lab', '--html', str(page) if os.name == 'nt' else 'Z:' + str(page).replace('/', '\\'), 'windows/same-user')
        text = page.read_text(encoding='utf-8')
        expect(status == 0 and text.lower().startswith('<!doctype html>') and text.rstrip().endswith('</html>'), status, out[-200:], err, text[:50])
        expect('same-user' in text and list(pathlib.Path(folder).iterdir()) == [page])


def test_ctrl_c__while_it_waits__130():
    port = str(free_port())
    with Server('serve', '127.0.0.1:' + port):
        waiter = subprocess.Popen([*WINE, INUSE, 'wait', '127.0.0.1:' + port], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT)
        # it is told once it has begun to wait; before, Ctrl-C simply ends it
        for _ in range(SECONDS):
            waiter.send_signal(signal.SIGINT if os.name != 'nt' else signal.CTRL_C_EVENT)
            try:
                waiter.communicate(timeout=1)
                break
            except subprocess.TimeoutExpired:
                pass
        expect(waiter.returncode is not None and waiter.returncode != 0, waiter.returncode)


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


def warm_up():
    """Wine's services begin with the first program and keep what it writes to open: nobody is to wait for the end of that."""
    if WINE:
        subprocess.run([*WINE, 'cmd', '/c', 'exit'], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       timeout=SECONDS, check=False)


def main():
    # in the background of a script it is ignored, and would be in the programs that are to be interrupted here
    signal.signal(signal.SIGINT, signal.default_int_handler)
    warm_up()
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
