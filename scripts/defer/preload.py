"""All that a process may ever import, imported now.

A process that runs for long outlives the files it was started from: the checkout is moved, or brought up to
date, and what is imported later is missing, or of another version than what is at work. A loop calls this when it
begins, a single wake once it has been waiting for a while.
"""

from __future__ import annotations

import pkgutil
from contextlib import suppress
from importlib import import_module

_LIBRARIES = ("cronsim", "dateutil.relativedelta", "dateutil.rrule", "filelock", "jsonschema", "psutil")
_MORE_LIBRARIES = ("ruamel.yaml", "tzdata", "tzlocal")


def everything() -> None:
    """Import every module of this package and every library it uses; what is not installed is not needed here."""
    import defer

    for module in pkgutil.walk_packages(defer.__path__, "defer."):
        if not module.name.endswith("__main__"):
            import_module(module.name)
    for name in (*_LIBRARIES, *_MORE_LIBRARIES):
        with suppress(ImportError):
            import_module(name)
