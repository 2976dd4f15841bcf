"""What an agent's program tells its hook on standard input."""

from __future__ import annotations

import json
import sys
from typing import Any

_MOST_BYTES = 1 << 20


def read() -> dict[str, Any] | None:
    """The JSON object on standard input; None where there is none."""
    try:
        found: Any = json.loads(sys.stdin.buffer.read(_MOST_BYTES))
    except (ValueError, RecursionError):
        found = None
    return found if isinstance(found, dict) else None
