"""A recurring phrase as it was read, before the present and a zone are known (``settled`` has what it comes to)."""

from typing import Any

from defer import say

UNIT_NAMES = {"DAILY": "day", "WEEKLY": "week", "MONTHLY": "month", "YEARLY": "year"}


class Rule:
    """A frequency and RFC 5545's BY parts; without those it goes in steps from its start."""

    __slots__ = ("by", "every", "frequency", "note", "part", "words")

    def __init__(
        self, frequency: str, every: int, by: dict[str, Any], words: str, note: str = "", part: "str | None" = None
    ) -> None:
        self.frequency = frequency
        self.every = every
        self.by = by
        self.words = words
        self.note = note
        self.part = part

    def describe(self) -> str:
        """`weekday`, `2 weeks on monday`, `month on day 15`."""
        if self.frequency == "SECONDLY":
            return say.whole(self.every)
        unit = UNIT_NAMES[self.frequency]
        if self.frequency == "WEEKLY" and self.every == 1 and self.by:
            return self.words
        counted = f"{self.every} {unit}s" if self.every > 1 else unit
        return f"{counted} on {self.words}" if self.words else counted


def listing(words: list[str]) -> str:
    """`a, b and c`."""
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else words[0]


class Draft:
    """A rule with its clock times and bounds; or cron fields, which have neither."""

    __slots__ = ("bounds", "clocks", "fields", "rule")

    def __init__(
        self,
        rule: "Rule | None" = None,
        clocks: "list[tuple[Any, str | None]] | None" = None,
        bounds: "dict[str, Any] | None" = None,
        given: int = 0,
        fields: str = "",
    ) -> None:
        self.rule = rule
        self.clocks = clocks or []
        self.bounds = bounds or {}
        self.fields = fields
        if len({kind.partition("_")[0] for kind in self.bounds}) < given:
            self.bounds = {"twice": None}
