"""How a call ends: what is said on stderr, and an exit status, whatever state the streams are in.

For the command line, and for the scripts that a bare ``python3`` starts, which load little else.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable

from . import visible
from .errors import EXIT_IO, EXIT_OK, DeferError

_EXIT_INTERRUPTED = 130  # a shell's status for SIGINT


def status_of(work: Callable[[], int], tell: Callable[[str], None]) -> int:
    """The exit status of ``work``, once its output is written; ``tell`` gets the line for what went wrong."""
    try:
        status = work()
        sys.stdout.flush()
    except DeferError as error:
        tell(str(error))
        _flush_or_drop()
        return error.exit_code
    except BrokenPipeError:
        # The reader of our output has closed it.
        drop_output()
        return EXIT_OK
    except KeyboardInterrupt:
        return _EXIT_INTERRUPTED
    except OSError as error:
        mend = getattr(error, "remedy", "see the system's message")
        tell(f"{error.strerror or error}: {error.filename or 'standard output'} ({mend})")
        drop_output()
        return EXIT_IO
    return status


_closed: set[str] = set()


def is_output_closed() -> bool:
    """Whether the caller closed stdout, so that nobody can see what is printed there."""
    return "stdout" in _closed


def open_missing_streams() -> None:
    """Replace standard streams that the caller closed, so that no file of ours gets their numbers.

    Where stderr is closed, bash has the script that it reads open under that number: that must not be written to.
    """
    for fd, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        try:
            os.write(fd, b"") if fd else os.fstat(fd)
        except OSError as error:
            if error.errno == errno.EBADF:
                _put_null_at(fd)
                _closed.add(name)
        if getattr(sys, name) is None:
            setattr(sys, name, open(fd, mode, encoding="utf-8", closefd=False))  # noqa: SIM115


def _put_null_at(fd: int) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    if null != fd:
        os.dup2(null, fd)
        os.close(null)


def _flush_or_drop() -> None:
    try:
        sys.stdout.flush()
    except OSError:
        drop_output()


def drop_output() -> None:
    """Keep Python from trying again, at exit at the latest, and failing again, to write what could not be written."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class _Warnings:
    """Warnings beside the answer. Held ones wait to become a field of a JSON object on stdout."""

    held: list[str] | None = None


def hold_warnings() -> None:
    """Keep warnings until it is known whether stdout has an object for them: a program reads both streams as one."""
    _Warnings.held = []


def taken_warnings() -> list[str]:
    """The warnings held so far, for the object that takes them up. From now on whatever comes is said on stderr."""
    waiting, _Warnings.held = _Warnings.held or [], None
    return waiting


def release_warnings() -> None:
    """Print on stderr the warnings that no object has taken up, and from now on each new one."""
    for text in taken_warnings():
        tell(text)


def warn(text: str) -> None:
    """Warn of something that is not an error: a line on stderr, or held for the object on stdout."""
    if _Warnings.held is None:
        tell(text)
    else:
        _Warnings.held.append(visible.sentence(text))


def tell(text: str) -> None:
    """Print one line on stderr. If that is gone (a terminal was closed), there is nobody to tell."""
    try:
        print(f"defer: {visible.sentence(text)}", file=sys.stderr, flush=True)
    except OSError:
        # Kept open as long as the process lasts: buffered text would fail once more at its end.
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
