#!/usr/bin/env python3
"""Give way to a program in the Git worktree of its task's occurrence, made first if it is not there.

Usage: worktree_start.py GIT PLACE PROGRAM [ARGUMENT]…

PLACE is what ``context/worktree.Place`` holds, as JSON. A runner starts this for an attempt of a task with
`--worktree`: making one may take long, and the attempt's limit holds for it, as a stop does. It exits with 78 where
none can be made, and with 75 where that may work another time.
"""

import sys

if __name__ == "__main__" and not sys.flags.isolated:
    # Before any other import: an empty part of PYTHONPATH is the working directory, whose json.py would run as ours.
    import posix

    if any(name.startswith(b"PYTHON") for name in posix.environ):
        if not sys.executable:
            sys.exit("defer: this Python cannot tell where it lies (start it by its full path)")
        posix.execv(sys.executable, [sys.executable, "-I", *sys.argv])

import json
import os

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
if __name__ == "__main__":
    _callers_umask = os.umask(0o077)
    os.umask(_callers_umask | 0o002)  # whoever can write to our byte code can make us run theirs
    sys.dont_write_bytecode = True
    import setupplace

    setupplace.settle()

from defer import exits, visible
from defer.context import worktree
from defer.errors import EXIT_BAD_INPUT

_MISCONFIGURED, _NOT_NOW = 78, 75
_NO_PROGRAM = 127


def _tell(text: str) -> None:
    print(f"defer: {visible.line(text)}", file=sys.stderr, flush=True)


def _start(program: str, place: worktree.Place, argv: list[str], umask: int) -> int:
    os.umask(umask)  # what git checks out is for the program
    there = worktree.directory(place)
    try:
        worktree.make(worktree.Git(program, place.workspace, os.environ), place)
        os.chdir(there)
    except worktree.Trouble as error:
        _tell(str(error))
        return _NOT_NOW if isinstance(error, worktree.Hindered) else _MISCONFIGURED
    except OSError as error:
        is_lacking = isinstance(error, FileNotFoundError | NotADirectoryError)
        mend = " (commit what its workspace holds, so that a worktree has it)" if is_lacking else ""
        _tell(f"its worktree cannot be worked in: {there}: {error.strerror}{mend}")
        return _MISCONFIGURED
    try:
        os.execve(argv[0], argv, {**os.environ, "PWD": there})
    except OSError as error:
        _tell(f"{argv[0]} cannot be started: {error.strerror}")
        return _NO_PROGRAM


def main(argv: list[str], umask: int) -> int:
    match argv:
        case [git, place, *words] if words:
            return _start(git, worktree.Place(*json.loads(place)), words, umask)
    print("usage: worktree_start.py GIT PLACE PROGRAM [ARGUMENT]…", file=sys.stderr)
    return EXIT_BAD_INPUT


if __name__ == "__main__":
    exits.open_missing_streams()
    sys.exit(exits.status_of(lambda: main(sys.argv[1:], _callers_umask), _tell))
