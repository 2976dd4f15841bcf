"""How a call ends: what went wrong as one line on stderr and an exit status, in whatever state the streams are.

For the command line, and for the scripts that a bare ``python3`` starts, which load little else.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable

from .errors import EXIT_IO, EXIT_OK, DeferError

_EXIT_INTERRUPTED = 130  # what a shell makes of SIGINT


def status_of(work: Callable[[], int], tell: Callable[[str], None]) -> int:
    """The exit status of ``work``, whose output is written by then; ``tell`` gets the line of what went wrong."""
    try:
        status = work()
        sys.stdout.flush()
    except DeferError as error:
        tell(str(error))
        _flush_or_drop()
        return error.exit_code
    except BrokenPipeError:
        # The reader of our output has had enough.
        _drop_output()
        return EXIT_OK
    except KeyboardInterrupt:
        return _EXIT_INTERRUPTED
    except OSError as error:
        mend = getattr(error, "remedy", "see the system's message")
        tell(f"{error.strerror or error}: {error.filename or 'standard output'} ({mend})")
        _drop_output()
        return EXIT_IO
    return status


def open_missing_streams() -> None:
    """Stand-ins for standard streams that the caller closed: no file of ours may get their numbers.

    Where stderr is closed, bash leaves the script it reads open as such: not to be written to, either.
    """
    for fd, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        try:
            os.write(fd, b"") if fd else os.fstat(fd)
        except OSError as error:
            if error.errno == errno.EBADF:
                _put_null_at(fd)
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
        _drop_output()


def _drop_output() -> None:
    """What could not be written is not to be tried again, and complained about, at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
