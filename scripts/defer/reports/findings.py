"""What is wrong with a task: the rule that says so, since when, what stands behind it, and the command that mends it.

``references/health.md`` has a line for each rule.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

STUCK, NEVER_RAN, FAILING, BLOCKED = "stuck", "never-ran", "failing", "blocked"
TIMED_OUT, FAILED, OVERDUE = "timed-out", "failed", "overdue"
EMPTY, COSTLY, LATE, SLOW, UNLOGGED = "empty", "costly", "late", "slow", "unlogged"
RULES = (STUCK, NEVER_RAN, FAILING, BLOCKED, TIMED_OUT, FAILED, OVERDUE, EMPTY, COSTLY, LATE, SLOW, UNLOGGED)
"""The id of every rule, the worst first."""
_WORTH = {rule: number for number, rule in enumerate(RULES)}


class Finding(NamedTuple):
    """One thing that is wrong with one task.

    ``since`` is an instant as text, or None where nobody knows. ``fix`` is a command. Of two findings of one rule the
    one that weighs more is worse.
    """

    id: str
    task: str
    since: str | None
    what: str
    evidence: Mapping[str, Any]
    fix: str
    weight: float = 0

    def as_json(self) -> dict[str, Any]:
        """The finding for programs: facts that are None say nothing."""
        evidence = {name: value for name, value in self.evidence.items() if value is not None}
        return {"id": self.id, "task": self.task, "since": self.since, "what": self.what, "evidence": evidence} | {
            "fix": self.fix
        }


def command(*words: str) -> str:
    """A command of ours as it can be given to a shell."""
    return shlex.join(("defer", *words))


def worst_first(found: Iterable[Finding]) -> list[Finding]:
    """Task by task, the one with the worst finding first; all that is wrong with a task stands together."""
    ordered = sorted(found, key=lambda one: (_WORTH[one.id], -one.weight, one.task))
    places: dict[str, int] = {}
    for one in ordered:
        places.setdefault(one.task, len(places))
    return sorted(ordered, key=lambda one: places[one.task])
