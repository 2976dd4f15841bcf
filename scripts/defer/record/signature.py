"""What two errors have in common when they are the same error: the text without what differs each time.

``connection to 10.0.0.7:5432 refused`` and ``connection to 10.0.0.9:5432 refused`` are one error, and so are two
missing files in two temporary directories. Numbers, paths, addresses of pages, and ids become ``#``.
"""

from __future__ import annotations

import re
from functools import cache

LONGEST = 160
"""So many characters of a signature are kept."""
_LOOKED_AT = 1000

# In this order: a page's address holds a path, and an id holds digits. A path begins where a word does and has a
# slash within, so that `read/write` stays a word. Each part matches in one way only, so that no text takes long.
_VARYING = (
    r"\b[A-Za-z][A-Za-z0-9+.-]{0,30}://\S+"
    r"|(?<![\w/])(?:~|\.{1,2})?/[^\s'\"`,;:()]+"
    r"|\btask_\w+"
    r"|\b[0-9A-Fa-f]+(?:-[0-9A-Fa-f]+){2,}\b"
    r"|\b(?=[A-Fa-f]*[0-9])[0-9A-Fa-f]{6,}\b"
    r"|[0-9]+(?:[.,:][0-9]+)*"
)
# Compiled when first asked for: a wake in which nothing has failed does not need it.
_pattern = cache(re.compile)


def of(error: object) -> str:
    """The signature of an error's text: one line, at most ``LONGEST`` characters; empty where there is no text."""
    text = " ".join(str(error)[:_LOOKED_AT].split()) if error is not None else ""
    return str(_pattern(_VARYING).sub("#", text)).lower()[:LONGEST]
