"""What leaves the machine of a notice, and how it reads."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from defer import visible

from .events import PAUSED

_FIELDS = (
    "key",
    "event",
    "id",
    "copy_of",
    "summary",
    "outcome",
    "reason",
    "occurrence",
    "at",
    "attempts",
    "failures",
    "error",
    "branch",
    "worktree",
    "reminder",
    "fix",
)
_LONGEST_KEY = 200
_MOST = {"summary": 500, "error": 300, "output": 2000, "worktree": 4096}
_SAID = {
    "failed": "failed",
    "missed": "was missed",
    "lost": "was lost",
    "expired": "has expired",
    "skipped": "was skipped",
    "paused": "was paused",
    "recovered": "works again",
    "completed": "is done",
    "bounded": "came to a bound",
    "attention": "needs attention",
    "well": "is well",
}
GOOD = frozenset({"completed", "recovered", "well"})
"""Events that are good news."""

Mask = Callable[[str], str]


def of(notice: Mapping[str, Any], masked: Mask, *, with_output: bool) -> dict[str, Any]:
    """The fields of a notice that are told to others; each text masked again, by the secrets of today."""
    fields = (*_FIELDS, "output") if with_output else _FIELDS
    told = {**notice, "fix": _fix(notice)}
    return {name: _told(name, told[name], masked) for name in fields if told.get(name) is not None}


def _fix(notice: Mapping[str, Any]) -> str | None:
    """The command that ends a pause: who hears of it far away sees no inbox that says it."""
    paused = notice.get("event") == PAUSED and isinstance(notice.get("id"), str)
    return f"defer resume {shlex.quote(visible.line(notice['id']))}" if paused else None


def _told(name: str, value: object, masked: Mask) -> object:
    if isinstance(value, bool | int | float):
        return value
    text = masked(value if isinstance(value, str) else json.dumps(value, default=str))
    most = _MOST.get(name, _LONGEST_KEY)
    return text if len(text) <= most else text[: most - 1] + "…"


def title(told: Mapping[str, Any]) -> str:
    """One line: which task, and what became of it."""
    if told.get("reminder"):
        return "Reminder"
    by_hand = " (run by hand)" if told.get("copy_of") else ""
    name = told.get("copy_of") or told.get("id")
    return visible.line(f"{name} {_SAID.get(str(told.get('event')), told.get('event'))}{by_hand}")


def body(told: Mapping[str, Any]) -> str:
    """Some lines: what it is, and why it came to this."""
    said = [visible.sentence(one) for one in (told.get("summary"), told.get("error") or told.get("reason")) if one]
    if told.get("output"):
        said.append(visible.lines(told["output"]))
    said += filter(None, [kept(told)])
    if told.get("fix"):
        said.append(f"Resume it: {visible.sentence(told['fix'])}")
    return "\n".join(said) or title(told)


def kept(told: Mapping[str, Any]) -> str | None:
    """Where what has changed lies, and on which branch; None where nothing stays."""
    if not told.get("branch"):
        return None
    where = f", in {told['worktree']}" if told.get("worktree") else ""
    return visible.line(f"Kept: branch {told['branch']}{where}")


def as_json(told: Mapping[str, Any]) -> bytes:
    """The same for programs."""
    return json.dumps(told, ensure_ascii=False).encode(errors="replace")


def header_key(told: Mapping[str, Any]) -> str:
    """The key as a header may carry it: two notices have the same only if they tell the same event."""
    key = quote(str(told.get("key")), safe=" :._-+/", errors="replace")
    if len(key) <= _LONGEST_KEY:
        return key
    return f"{key[:150]}-{hashlib.sha256(key.encode()).hexdigest()[:24]}"
