"""What is expected of each case, and where an agent's program leaves no more than something else to expect."""

from __future__ import annotations

import re
from typing import NamedTuple

from cases import Seen


class Expected(NamedTuple):
    """Fields of ``cases.Seen``; ``says`` is searched in the error. None: whatever it is."""

    status: str
    exit_code: int | None = None
    error_type: str | None = None
    back: str = ""
    has_session: bool | None = None
    has_usage: bool | None = None
    says: str = ""

    def differs(self, seen: Seen) -> list[str]:
        """How what was seen is not that, a line each."""
        found = list(seen.troubles)
        for name in ("status", "exit_code", "error_type", "back", "has_session", "has_usage"):
            wanted, is_there = getattr(self, name), getattr(seen, name)
            is_free = wanted is None and name not in ("error_type",)
            if not is_free and wanted != is_there:
                found.append(f"{name} is {is_there!r}, not {wanted!r}")
        if not re.search(self.says, seen.error):
            found.append(f"the error does not say {self.says!r}: {seen.error!r}")
        return found


DONE = Expected("completed", 0, has_session=True, has_usage=True)
LATER = Expected("scheduled", 75, "ExecutorFailed", "backoff")
NEVER = Expected("failed", 78, "ConfigError")
EXPECTED = {
    "answer": DONE,
    "tool": DONE,
    "denied": Expected("failed", 0, "PermissionBlocked", has_session=True, says="[Bb]ash|shell"),
    "limit": LATER._replace(says="limit|quota|429"),
    "limit-untimed": LATER._replace(says="limit|quota|429"),
    "overload": LATER._replace(says="[Oo]verload|high demand|503"),
    "auth": NEVER._replace(says="401|API key|key|[Ll]ogin"),
    "forbidden": NEVER._replace(says="403|may not use this"),
    "no-model": NEVER._replace(says="model"),
    "no-login": NEVER._replace(says="[Ll]ogin|[Mm]issing|auth|[Pp]rovider|key"),
    "too-long": NEVER._replace(says="too long|context"),
    "untrusted": NEVER._replace(says="trust"),
    "silent": Expected("failed", None, "TimeoutError"),
    "stuck": Expected("failed", None, "TimeoutError", has_session=True),
    "resumed": DONE,
    "elsewhere": DONE,
    "gone": DONE,
    "worktree": DONE,
    "worktree-unused": DONE,
    "stopped": Expected("scheduled", None, "RunnerStopped", "backoff", has_session=True),
}
TIMED = ("claude", "codex", "gemini")
"""Whose limit has a time that the program tells."""
NOT_OFFERED = DONE
"""Where a tool that may not be used is not even offered to the model, it answers without."""


def expected(agent: str, case: str) -> Expected:
    """What is expected of an agent in a case."""
    found = EXPECTED[case]
    if case == "limit" and agent in TIMED:
        found = found._replace(back="at")
    match agent, case:
        case "codex", "worktree":
            # It counts a conversation from its beginning, and was stopped before it could tell how far that was.
            found = found._replace(has_usage=None)
        case "codex", "denied":
            found = DONE  # it does not tell its caller: the model says so in words
        case (("gemini" | "qwen"), "denied"):
            found = NOT_OFFERED
    if agent == "copilot" and found.has_usage:  # it counts no tokens
        found = found._replace(has_usage=None)
    return found
