#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Puts experiments into a program: a table of their names and texts, in C. usage: experiments.py OUTPUT.c DEPFILE FOLDER"""
import pathlib
import sys


def literal(text):
    """One string of C a line, so that no compiler finds one too long."""
    lines = text.replace('\\', '\\\\').replace('"', '\\"').split('\n')
    return '\n'.join(f'\t "{line}\\n"' for line in lines[:-1])


def main():
    output, depfile, folder = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
    files = sorted(folder.glob('*/*.exp'))
    rows = [f'\t{{"{file.relative_to(folder).with_suffix("").as_posix()}",\n{literal(file.read_text())}}},'
            for file in files]
    pathlib.Path(output).write_text('/* Made by tools/experiments.py. */\n#include "lab/builtin.h"\n\n'
                                    'static const struct iu_lab_builtin all[] = {\n' + '\n'.join(rows) + '\n};\n\n'
                                    'const struct iu_lab_builtin *iu_lab_builtin(size_t i)\n{\n'
                                    '\treturn i < sizeof(all) / sizeof(all[0]) ? &all[i] : NULL;\n}\n')
    # the folders, too: a new file changes them
    seen = [folder, *sorted({file.parent for file in files}), *files]
    pathlib.Path(depfile).write_text(output + ': ' + ' '.join(str(path).replace(' ', '\\ ') for path in seen) + '\n')


if __name__ == '__main__':
    main()
