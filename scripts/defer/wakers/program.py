"""The runner that a waker is to start: where it lies, under the name that lasts longest."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from defer import paths
from defer.errors import Refused

LINK = os.path.join("defer", "code", "current")
"""What leads to the stable copy of the code (``stable``): a waker names the link, which an upgrade switches."""


def named(runner: str | os.PathLike[str]) -> str:
    """``runner`` as a waker should call it: without links that lead there, but for that one."""
    path = os.path.abspath(runner)
    return path if f"{os.sep}{LINK}{os.sep}" in path else os.path.realpath(path)


def startable(runner: Path) -> str:
    """The same. Raises Refused where it cannot be started."""
    found = named(runner)
    if not os.access(found, os.X_OK):
        raise Refused(f"there is nothing to wake: {found} (it is missing or not executable)")
    return found


def is_same(one: str | os.PathLike[str], other: str | os.PathLike[str]) -> bool:
    """Whether both are one file by now."""
    return os.path.realpath(one) == os.path.realpath(other)


def is_of_this_code(called: str, runner: str | os.PathLike[str]) -> bool:
    """Whether ``called`` is ``runner``, which wakers are to name for this code, or the runner beside this code."""
    return is_same(called, runner) or is_same(called, paths.runner())


def stays(called: str) -> bool:
    """Whether a line or unit that calls it is another copy's: that one is there, and is not this code."""
    return os.path.exists(called) and not is_same(called, paths.runner())


def refuse_another(called: str, runner: str, where: str) -> None:
    """Raise Refused if ``called``, by what is at ``where`` already, is the runner of another copy, which is there."""
    if is_same(called, runner) or not stays(called):
        return
    front = Path(called).with_name("schedule-task.sh" if called.endswith(".sh") else "defer")
    what = f"{where} wakes another copy of the code, {called}"
    raise Refused(f"{what} ({shlex.quote(str(front))} waker uninstall, then try again)")
