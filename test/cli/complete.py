#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Completes in the shells themselves: types a line and a tab, and reads what the shell makes of it.

usage: complete.py bash|zsh|fish INUSE COMPLETIONS-FOLDER
"""
import os
import pathlib
import pty
import select
import shutil
import subprocess
import sys
import tempfile
import time

# What is typed, and what the shell makes of it (one candidate), or a few words that it lists (several).
ALONE = [
    ('inuse rele', 'inuse release '),
    ('inuse help wa', 'inuse help wait '),
    ('inuse wait --liste', 'inuse wait --listening '),
    ('inuse kill --dry', 'inuse kill --dry-run '),
    ('inuse wait conn', 'inuse wait connect '),
    ('inuse serve --close aft', 'inuse serve --close after-peer '),
    ('inuse serve --close=res', 'inuse serve --close=reset '),
    ('inuse --without bucket,it', 'inuse --without bucket,iter '),
    ('inuse ls state time-w', 'inuse ls state time-wait '),
    ('inuse ls --snapshot only-one-f', 'inuse ls --snapshot only-one-file '),
    ('inuse explain time-wait-of-c', 'inuse explain time-wait-of-client '),
]


def listed(inuse):
    """What the program offers for an empty word, and the options of a verb: every shell has to show them all."""
    verbs = [line.split()[0] for line in
             subprocess.run([inuse, '--help'], capture_output=True, text=True).stdout.split('Verbs:\n')[1].splitlines()
             if line.startswith('  ')]
    options = [word.rstrip(',') for line in
               subprocess.run([inuse, 'pick', '--help'], capture_output=True, text=True).stdout.splitlines()
               for word in line.split()[:2] if line.startswith('  -') and word.startswith('--')]
    return [('inuse ', verbs), ('inuse pick --', options)]


class Terminal:
    """A shell on a terminal, to type into."""

    def __init__(self, words, folder):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.environ.update(TERM='dumb', LC_ALL='C.UTF-8', PS1='@@ ', HOME=folder, COLUMNS='200', LINES='100')
            os.execvp(words[0], words)

    def type(self, text):
        os.write(self.fd, text.encode())

    def read_until(self, text, seconds=20):
        """Everything that comes until that text does; all that came when it does not."""
        seen, end = '', time.monotonic() + seconds
        while text not in seen and time.monotonic() < end:
            if select.select([self.fd], [], [], max(0, end - time.monotonic()))[0]:
                try:
                    seen += os.read(self.fd, 4096).decode(errors='replace')
                except OSError:
                    break
        return seen

    def end(self):
        os.close(self.fd)
        os.waitpid(self.pid, 0)


def run_bash(folder, script, line):
    """bash, as readline calls the function: the words are split at : and = as it does."""
    ask = r'''
source "$1"; COMP_LINE=$2; COMP_POINT=${#COMP_LINE}; compopt() { :; }
_inuse; printf '%s\n' "${COMPREPLY[@]}"
'''
    shown = subprocess.run(['bash', '--norc', '-c', ask, 'bash', script, line], capture_output=True, text=True, cwd=folder)
    return shown.stdout.split('\n')[:-1]


def check_bash(folder, completions, inuse):
    script = str(completions / 'inuse.bash')
    for line, wanted in ALONE:
        head = line[:len(line) - len(line.split(' ')[-1].split('=')[-1])]
        got = run_bash(folder, script, line)
        if [head + word + ' ' for word in got] != [wanted]:
            yield f'bash: "{line}" gives {got}, not "{wanted}"'
    for line, words in listed(inuse):
        got = run_bash(folder, script, line)
        for word in words:
            if word not in got:
                yield f'bash: "{line}" does not list {word}'
    # and once with a terminal and a tab
    shell = Terminal(['bash', '--norc', '--noprofile', '-i'], folder)
    shell.type(f"PS1='@'@' '; bind 'set enable-bracketed-paste off'; source {script}\n")
    shell.read_until('@@ ')
    shell.type('inuse rele\t--dr\t')
    seen = shell.read_until('--dry-run ')
    if 'inuse release --dry-run ' not in seen:
        yield f'bash: typing "inuse rele<tab>--dr<tab>" shows {seen!r}'
    shell.type('\x03exit\n')
    shell.end()


def check_zsh(folder, completions, inuse):
    shell = Terminal(['zsh', '-f', '-i'], folder)
    shell.type(f"PS1='@'@' '; unsetopt zle_bracketed_paste; LISTMAX=1000; fpath=({completions} $fpath); autoload -U compinit;"
               " compinit -u -D; unsetopt beep list_beep; print read''y\n")
    shell.read_until('ready\r\n')
    for line, wanted in ALONE:
        shell.type(line + '\t')
        seen = shell.read_until(wanted.split(' ')[-2] + ' ')
        # the line that zsh holds now, printed by itself
        shell.type('\x01print -r -- "<\x05>"\n')
        seen = shell.read_until('>\r\n')
        # (the blank behind a completed word goes again when something else is typed)
        if f'<{wanted.rstrip()}>' not in seen:
            yield f'zsh: "{line}" does not become "{wanted}": {seen!r}'
    for line, words in listed(inuse):
        shell.type(line + '\t')
        seen = shell.read_until(words[-1])
        for word in words:
            if word not in seen:
                yield f'zsh: "{line}" does not list {word}: {seen!r}'
        shell.type('\x15\n')
        shell.read_until('@@ ')
    shell.type('exit\n')
    shell.end()


def check_fish(folder, completions, inuse):
    def ask(line):
        script = f'source {completions}/inuse.fish; complete -C "{line}"'
        shown = subprocess.run(['fish', '--no-config', '-c', script], capture_output=True, text=True, cwd=folder)
        return [row.split('\t')[0] for row in shown.stdout.splitlines()]

    for line, wanted in ALONE:
        got = ask(line)
        if got != [wanted.split(' ')[-2]]:
            yield f'fish: "{line}" gives {got}, not "{wanted}"'
    for line, words in listed(inuse):
        got = ask(line)
        for word in words:
            if word not in got:
                yield f'fish: "{line}" does not list {word}'


def main():
    shell, inuse, completions = sys.argv[1], str(pathlib.Path(sys.argv[2]).resolve()), pathlib.Path(sys.argv[3]).resolve()
    if shutil.which(shell) is None:
        print(f'SKIP: {shell} is not installed')
        return 77
    checks = {'bash': check_bash, 'zsh': check_zsh, 'fish': check_fish}
    with tempfile.TemporaryDirectory() as folder:
        os.symlink(inuse, os.path.join(folder, 'inuse'))
        pathlib.Path(folder, 'only-one-file').touch()
        os.environ.update(PATH=folder + ':' + os.environ['PATH'], LC_ALL='C.UTF-8', HOME=folder)
        complaints = list(checks[shell](folder, completions, inuse))
    print('\n'.join(complaints))
    return 1 if complaints else 0


if __name__ == '__main__':
    sys.exit(main())
