"""The day's budget: what the settings allow agents to cost, and when its day begins and ends."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from .config import Config


class Day(NamedTuple):
    """A day in DEFER_TIMEZONE: its first moment, and that of the next."""

    begin: datetime
    end: datetime


def day(config: Config, now: datetime) -> Day:
    """The day of ``now``. Raises BadInput."""
    zone = config.timezone()
    # Where midnight comes twice, the day begins with the first.
    begin = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    # By the calendar, not by 24 hours: the day on which the clocks change has 23 or 25.
    return Day(begin, (begin.replace(tzinfo=None) + timedelta(days=1)).replace(tzinfo=zone))


def is_set(config: Config) -> bool:
    """Whether there is one. Raises BadInput."""
    return config.budget_usd_per_day is not None or config.budget_tokens_per_day is not None


def used_up(cost_usd: float, tokens: float, config: Config, share: float = 1.0) -> str | None:
    """Which bound was reached, or such a share of one, in words; None if none was."""
    money, most = config.budget_usd_per_day, config.budget_tokens_per_day
    if money is not None and cost_usd >= money * share:
        return f"{cost_usd:.2f} of {money:g} USD"
    if most is not None and tokens >= most * share:
        return f"{tokens:,.0f} of {most:,.0f} tokens"
    return None
