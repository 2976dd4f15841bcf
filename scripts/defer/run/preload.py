"""All that a process may ever load, loaded now.

A process that runs for long outlives the files it was started from: somebody moves or updates the checkout, and
what is imported later is missing, or of another version than the running code. A loop calls this when it
begins, a single wake once it has waited for a while.
"""

from __future__ import annotations

import time
from contextlib import suppress
from importlib import import_module

_LIBRARIES = ("cronsim", "dateutil.relativedelta", "dateutil.rrule", "filelock", "jsonschema", "psutil")
_MORE_LIBRARIES = ("ruamel.yaml", "tzdata", "tzlocal")
_LONG_SECONDS = 2.0


def everything() -> None:
    """Load every module of this package, every library it uses, and the schema that task files are held to.

    What cannot be loaded (a library that is not installed, a module that is just being written) is skipped:
    only what needs it fails.
    """
    import pkgutil

    import defer

    for module in pkgutil.walk_packages(defer.__path__, "defer."):
        if not module.name.endswith("__main__"):
            _load(module.name)
    for name in (*_LIBRARIES, *_MORE_LIBRARIES):
        _load(name)
    with suppress(Exception):
        from defer.taskfiles.read import load_schema

        load_schema()


def _load(name: str) -> None:
    with suppress(Exception):
        import_module(name)


class AfterAWhile:
    """Loads everything once a wake has lasted so long that it may outlive the files it was started from."""

    def __init__(self) -> None:
        self._at: float | None = time.monotonic() + _LONG_SECONDS

    def at(self) -> float | None:
        """The monotonic time at which to load; loads when that has come. None once it is done."""
        if self._at is not None and time.monotonic() >= self._at:
            self._at = None
            everything()
        return self._at
