"""The errors a user can cause, each with the exit code the contract gives it.

An error's text is the one line printed on stderr after ``defer: ``. It says what is
wrong, names the value, and ends with how to mend it in parentheses. Codes above 63
are those of ``sysexits.h`` (4.3BSD).
"""

from __future__ import annotations

import errno

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import TypeAlias

    Called: TypeAlias = Callable[[str], str]
    Text: TypeAlias = str | Callable[[Called], str]

EXIT_OK = 0
EXIT_REFUSED = 1
EXIT_BAD_INPUT = 2
EXIT_IO = 74
EXIT_BUSY = 75


class DeferError(Exception):
    """Base of everything raised on purpose; ``exit_code`` is the process's status."""

    exit_code = EXIT_REFUSED


class Refused(DeferError):
    """Understood, but not possible: no such task, not cancellable, id taken."""


class NoSuchTask(Refused):
    """No task of that id is in the store."""

    def __init__(self, task_id: str) -> None:
        super().__init__(f"no such task: {task_id} (see `defer list --all`)")


class BeyondBound(Refused):
    """The attempts of one chain, that of the task ``root``, have scheduled as much as they may."""

    def __init__(self, text: str, root: str) -> None:
        super().__init__(text)
        self.root = root


class Unreadable(Refused):
    """A line of the store names the id, and is not a record that can be worked on."""


class NeedsNewer(Refused):
    """The record needs what this version does not know: only a newer one may work on it."""


class BadInput(DeferError):
    """The words, the JSON or the setting given cannot be read.

    ``field`` is what it is about: a field of a request, such as ``expires``, or the name of a variable; None if it
    is about neither, or about several. A text that names fields itself may be a function of how they are called.
    """

    exit_code = EXIT_BAD_INPUT

    def __init__(self, text: Text, *, field: str | None = None) -> None:
        self._text = text
        super().__init__(self.worded(as_flag))
        self.field = field

    def worded(self, called: Called) -> str:
        """The text for somebody who did not write flags: ``called`` turns a field into the name that it has there."""
        return self._text if isinstance(self._text, str) else self._text(called)


_FLAGS = {"times": "--count", "condition": "--if", "prompt_template": "--prompt", "max_retries": "--retries"}
"""The flags that are called otherwise than what they say."""


def as_flag(field: str) -> str:
    """A field of a request as the flag that says it."""
    return _FLAGS.get(field) or f"--{field.replace('_', '-')}"


class About:
    """``with About("until"):`` gives an error that is raised inside its field, if it does not have one yet."""

    def __init__(self, field: str) -> None:
        self._field = field

    def __enter__(self) -> None:
        """Nothing has been refused yet."""

    def __exit__(self, kind: object, error: BaseException | None, where: TracebackType | None) -> None:
        if isinstance(error, BadInput) and error.field is None:
            error.field = self._field


class NoHome(BadInput):
    """Something is in the home directory, and nothing says where that is."""

    exit_code = EXIT_IO

    def __init__(self, written: str) -> None:
        mend = "set HOME to the full path of your home directory; for the store alone DEFER_RUNTIME_DIR will do"
        what = f"not a full path: {written}" if written else "not set, and no account names a home directory"
        super().__init__(f"HOME is {what} ({mend})")


class StorageError(DeferError):
    """The disk failed to do something; the store holds the old state or the new one."""

    exit_code = EXIT_IO


class NotStorable(StorageError):
    """A record that could not be read again was not written."""


class StoreBusy(DeferError):
    """Others held the store's lock for ``DEFER_LOCK_TIMEOUT_SECONDS``."""

    exit_code = EXIT_BUSY


class NotYet(DeferError):
    """What is waited for has not come about in the time that was given."""

    exit_code = EXIT_BUSY


def storage_error(error: OSError, path: object) -> StorageError:
    """The error for a disk that failed; ``path`` is what it is about where the system does not say."""
    remedy = getattr(error, "remedy", None) or _REMEDIES.get(error.errno or 0, "see the system's message")
    return StorageError(f"{error.strerror or error}: {error.filename or path} ({remedy})")


_REMEDIES = {
    errno.ENOSPC: "free some space; nothing was changed",
    errno.EDQUOT: "free some of your quota; nothing was changed",
    errno.EFBIG: "raise the file size limit; nothing was changed",
    errno.EACCES: "check the owner and mode of it and of its directory",
    errno.EPERM: "check the owner and mode of it and of its directory",
    errno.EROFS: "the file system is read-only: set DEFER_RUNTIME_DIR to a writable place",
    errno.ENOTDIR: "a part of the path is a file: set DEFER_RUNTIME_DIR to a directory",
    errno.EEXIST: "a file stands where a directory belongs: set DEFER_RUNTIME_DIR to a directory",
    errno.EISDIR: "a directory stands where a file belongs",
    errno.ELOOP: "a symbolic link stands where a file belongs: remove it",
    errno.EIO: "the disk failed: see the system's log",
}


def is_full(error: BaseException | None) -> bool:
    """Whether the disk, or somebody's share of it, has no room left."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
