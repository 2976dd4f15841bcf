"""What today's runs have cost beside the day's budget."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from defer import instants
from defer.settings import budget
from defer.store.interface import Spent

from .findings import COSTLY, Finding, command

if TYPE_CHECKING:
    from defer.record.runs import Run
    from defer.settings.config import Config

_SHARE = 0.8
"""From this share of the budget on somebody should know."""


class Spending:
    """The sum of the day's runs, taken in one after the other."""

    def __init__(self, config: Config, now: datetime) -> None:
        self._config, self._begin = config, budget.day(config, now).begin.astimezone(UTC)
        self._spent = Spent()

    def take(self, run: Run) -> None:
        """One ended attempt."""
        if run.ended_at >= self._begin:
            self._spent = self._spent.plus([run.usage])

    def finding(self) -> Finding | None:
        """What is to be said of it once a great part of the budget is used up."""
        said = budget.used_up(*self._spent, self._config, _SHARE)
        if said is None:
            return None
        is_over = budget.used_up(*self._spent, self._config) is not None
        wait = "; tasks of agents wait until the day ends" if is_over else ""
        what = f"of the day has used {said}{wait}"
        cost, tokens = self._spent
        evidence = {"cost_usd": round(cost, 4), "tokens": round(tokens)}
        fix = command("history", "--since", "today")
        return Finding(COSTLY, "budget", instants.to_text(self._begin), what, evidence, fix, cost)
