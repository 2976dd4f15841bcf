"""The names that people give to tasks."""

from __future__ import annotations

import re

from defer.errors import BadInput

_ID = r"(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9._-]{0,127}"


def checked_id(wanted: str) -> str:
    """An id that may be given to a task. Raises BadInput."""
    if not re.fullmatch(_ID, wanted):
        shown = wanted if wanted.isprintable() else ascii(wanted)
        what = f"not an id: {shown} (at most 128 letters, digits, . _ -, a letter or digit first, no ..)"
        raise BadInput(what, field="id")
    return wanted
