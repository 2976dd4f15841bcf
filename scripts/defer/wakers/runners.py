"""The runners at work here, such as `run-deferred.sh --loop`: from which copy of the code, in which environment."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from defer import fsio, paths

PROC = Path("/proc")
_MAINS = ("/scripts/defer/__main__.py", "-packages/defer/__main__.py")
_MOST_BYTES = 1 << 20


class Runner(NamedTuple):
    """A process of ours. ``entry``: what a waker starts of its copy."""

    pid: int
    entry: str
    environment: dict[str, str]
    is_loop: bool = True
    """Whether it goes on by itself."""


def at_work() -> list[Runner]:
    """The runners of this user, as far as `/proc` shows them: where there is none, nobody can tell."""
    try:
        names = fsio.names(PROC)
    except OSError:
        return []
    return [found for name in names if name.isdigit() and (found := _runner(PROC / name)) is not None]


def _runner(process: Path) -> Runner | None:
    words = _words(process / "cmdline")
    main = next((at for at, word in enumerate(words) if word.endswith(_MAINS)), None)
    if main is None or words[main + 1 : main + 2] != ["wake"]:
        return None
    variables = _words(process / "environ")
    if not variables:  # another user's, or gone
        return None
    entry = paths.runner(Path(os.path.realpath(words[main])).parent)
    is_loop = any(word.partition("=")[0] == "--loop" for word in words[main:])
    pairs = (variable.partition("=") for variable in variables)
    return Runner(int(process.name), str(entry), {name: value for name, _, value in pairs}, is_loop)


def _words(path: Path) -> list[str]:
    raw = fsio.read_bounded(path, _MOST_BYTES) or b""
    return [os.fsdecode(word) for word in raw.split(b"\0") if word]
