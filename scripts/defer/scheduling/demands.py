"""What a task asks for that not every task can have: a condition, a check. Refused where it could not be kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from defer.errors import BadInput
from defer.record import task

if TYPE_CHECKING:
    from defer.record.codec import Task
    from defer.settings.config import Config

FIELDS = ("condition", "check")


def check(one: Task, config: Config) -> None:
    """Raise BadInput for a record that asks for what cannot be had."""
    if one.get("condition") and not (task.is_recurring(one) or one.get("expires_at")):
        why = "is asked again and again: say until when with --expires, e.g. --expires 2h"
        raise BadInput(lambda called: f"{called('condition')} of a task that runs once {why}", field="condition")
    if one.get("check") and not (one.get("command") or one.get("executor") or config.executor):
        why = "needs something to check: nothing is executed here (give --executor, or set DEFER_EXECUTOR)"
        raise BadInput(lambda called: f"{called('check')} {why}", field="check")
