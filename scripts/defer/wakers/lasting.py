"""Whether the code lies where a waker may count on it, told by the place alone.

A crontab line or a unit names the code by its path and is looked at by nobody for months: whatever somebody clears
away, or keeps a newer version beside, is not to be named.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePath

_OF_PACKAGES = "node_modules"


def why_not(root: PurePath, *, is_copy: bool, passing: Iterable[PurePath], stable: PurePath | None) -> str | None:
    """Why the code at ``root`` may be gone tomorrow; None where it may stay.

    ``is_copy``: it is neither a git clone nor an installed package. ``passing``: directories whose content is cleared
    away. ``stable``: where our own copies lie, which stay until we remove them ourselves. All are full paths without
    links.
    """
    around = (root, *root.parents)
    if stable is not None and stable in around:
        return None
    place = next((one for one in passing if one in around), None)
    if place is not None:
        return f"{place} is cleared away now and then"
    if _OF_PACKAGES in root.parts:
        return f"a package manager keeps {_OF_PACKAGES} as it likes"
    return "it is not a git clone, so that whoever put it there may replace it" if is_copy else None
