"""The errors a user can cause, each with the exit code the contract gives it.

An error's text is the one line printed on stderr after ``defer: ``. It says what is
wrong, names the value, and ends with how to mend it in parentheses. Codes above 63
are those of ``sysexits.h`` (4.3BSD).
"""

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


class NeedsNewer(Refused):
    """The record needs what this version does not know: only a newer one may work on it."""


class BadInput(DeferError):
    """The words, the JSON or the setting given cannot be read."""

    exit_code = EXIT_BAD_INPUT


class StorageError(DeferError):
    """The disk did not do what was asked; the store holds the old state or the new."""

    exit_code = EXIT_IO


class StoreBusy(DeferError):
    """The store's lock was not to be had within ``DEFER_LOCK_TIMEOUT_SECONDS``."""

    exit_code = EXIT_BUSY
