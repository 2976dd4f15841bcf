"""What an attempt finds around it that is not its task's: the caller's umask and environment.

Not all of the caller's environment is meant for the executor. A wake may be called from within an
attempt, or from the shell of a coding agent, and both mark their environment with variables that hold
for them alone.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence

from defer.executors import marks
from defer.record.variables import OF_ATTEMPT
from defer.wakers import searchpath

callers_umask = -1
"""The umask of whoever called this process, for executors: ours is 077. -1 is the process's own."""


def passed_on(environment: Mapping[str, str]) -> dict[str, str]:
    """The caller's environment, with the settings file's, as far as it is meant for an executor.

    PATH keeps its full paths only: what an executor starts must not depend on the repository that it works in.
    """
    passed = {
        name: value for name, value in environment.items() if name not in OF_ATTEMPT and name not in marks.OF_SESSIONS
    }
    if "PATH" in passed:
        passed["PATH"] = searchpath.anchored(passed["PATH"])
    return passed


def of_attempt(environment: Mapping[str, str], tasks_own: Mapping[str, str]) -> dict[str, str]:
    """The same under the variables of a task's file: a mark that its user writes there is meant."""
    return {**passed_on(environment), **{name: value for name, value in tasks_own.items() if name not in OF_ATTEMPT}}


def too_large(argv: Sequence[str], environment: Mapping[str, str], origin: Callable[[str], str]) -> str:
    """Why the system refuses to start this (E2BIG): the total, and the largest part by name, never its value."""
    sizes = {name: len(os.fsencode(f"{name}={value}")) for name, value in environment.items()}
    total = sum(sizes.values()) + sum(len(os.fsencode(word)) for word in argv)
    name = max(sizes, key=sizes.__getitem__)
    part, size = f"{name} from {origin(name)}", sizes[name]
    word = max(len(os.fsencode(word)) for word in argv)
    if word > size:
        part, size = "the command", word
    what = f"too much for the system to start a program: {total} bytes of environment and command"
    return f"{what}, the largest part is {part}: {size} bytes (put it into a file and name that)"
