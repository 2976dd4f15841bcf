"""`defer --version`: which version this is, where it runs from, and how it came there."""

from __future__ import annotations

import os
import platform
import sys

from defer import paths
from defer.errors import EXIT_OK

from . import output

_CAME = {
    paths.CLONE: "a git clone",
    paths.COPY: "a copy that git did not bring",
    paths.WHEEL: "installed as a package",
}


def show() -> int:
    """Print three lines, of which scripts may rely on the first."""
    import tomllib

    project = tomllib.loads(paths.PROJECT.read_text(encoding="utf-8"))["project"]
    output.say(f"{project['name']} {project['version']}")
    output.say(f"code: {paths.SCRIPTS if paths.kind() != paths.WHEEL else paths.CODE.parent} ({_CAME[paths.kind()]})")
    output.say(f"Python: {os.path.abspath(sys.executable)} ({platform.python_version()})")
    return EXIT_OK
