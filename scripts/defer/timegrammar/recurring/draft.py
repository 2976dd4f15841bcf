"""A recurring phrase as it was read, before the present and a zone are known (``settled`` has what it comes to)."""

from collections.abc import Callable
from typing import Any

from defer import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from defer.timegrammar.clocktimes import Clock
    from defer.timegrammar.moments import Present
    from defer.timegrammar.reading import TimeExpressionError

#: Why words are refused: from the words as they were typed and the present they are read at.
Why = Callable[[str, "Present"], "TimeExpressionError"]

UNIT_NAMES = {"DAILY": "day", "WEEKLY": "week", "MONTHLY": "month", "YEARLY": "year"}


class Rule:
    """A frequency and RFC 5545's BY parts; without those it goes in steps from its start."""

    __slots__ = ("by", "clock", "every", "frequency", "name", "note", "parts", "why", "words")

    def __init__(
        self,
        frequency: str,
        every: int,
        by: dict[str, Any],
        words: str,
        note: str = "",
        parts: tuple[str, ...] = (),
        name: str = "",
        why: "Why | None" = None,
        clock: "Clock | None" = None,
    ) -> None:
        self.frequency = frequency
        self.every = every
        self.by = by
        self.words = words
        self.note = note
        #: Parts of the day, and the clock that stands in for one that is not named.
        self.parts = parts
        self.clock = clock
        #: What it is a part of, where its frequency does not say so: `quarter`.
        self.name = name
        #: Set where the words have more than one meaning: why they are refused.
        self.why = why

    def describe(self) -> str:
        """`weekday`, `2 weeks on Monday`, `month on the 15th`."""
        if self.frequency == "SECONDLY":
            return say.whole(self.every)
        unit = self.name or UNIT_NAMES[self.frequency]
        if self.frequency == "WEEKLY" and self.every == 1 and self.by:
            return self.words
        counted = f"{self.every} {unit}s" if self.every > 1 else unit
        return f"{counted} on {self.on}" if self.words else counted

    @property
    def on(self) -> str:
        """Its days behind `on`: `weekdays`, `Monday and Friday`, `the 15th`."""
        return "weekdays" if self.words == "weekday" else self.words


def refused(why: Why) -> Rule:
    """A rule of words that have more than one meaning; ``why`` says so and offers them."""
    return Rule("DAILY", 1, {}, "", why=why)


def listing(words: list[str]) -> str:
    """`a, b and c`."""
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else words[0]


class Draft:
    """A rule with its clock times and bounds; or cron fields, which have neither.

    ``words`` say the rule and its times where there are too many to name, ``notes`` what was chosen.
    """

    __slots__ = ("bounds", "clocks", "fields", "notes", "rule", "words")

    def __init__(
        self,
        rule: "Rule | None" = None,
        clocks: "list[tuple[Any, str | None]] | None" = None,
        bounds: "list[tuple[str, Any]] | None" = None,
        fields: str = "",
        words: str = "",
        notes: tuple[str, ...] = (),
    ) -> None:
        self.rule = rule
        self.clocks = clocks or []
        self.bounds = dict(bounds or [])
        self.fields = fields
        self.words = words
        self.notes = notes
        if len({kind.partition("_")[0] for kind in self.bounds}) < len(bounds or []):
            self.bounds = {"twice": None}
