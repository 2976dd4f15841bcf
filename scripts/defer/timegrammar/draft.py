"""A recurring phrase as it was read, and how it is fixed to an instant and a zone."""

from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from . import moments
from .moments import DAY, Pick, Present
from .reading import TimeExpressionError
from .recurring import MOST_TIMES, SECOND, Recurrence, from_cron
from .rules import WIDEST_GAP, Calendar, Dates, Step, wall_to_utc

FASTEST = 60
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
            return _elapsed(self.every)
        unit = UNIT_NAMES[self.frequency]
        if self.frequency == "WEEKLY" and self.every == 1 and self.by:
            return self.words
        counted = f"{self.every} {unit}s" if self.every > 1 else unit
        return f"{counted} on {self.words}" if self.words else counted


def _elapsed(seconds: int) -> str:
    for size, unit in ((3600, "hour"), (60, "minute"), (1, "second")):
        if seconds % size == 0:
            count = seconds // size
            return unit if count == 1 else f"{count} {unit}s"
    raise AssertionError(seconds)


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


def settled(draft: Draft, expr: str, anchor: datetime, tz: ZoneInfo) -> Recurrence:
    """``draft`` scheduled at ``anchor`` (UTC) in ``tz``; an error where it never fires."""
    rule = draft.rule
    if rule is None:
        return from_cron(expr, draft.fields, anchor, tz)
    if "twice" in draft.bounds:
        raise TimeExpressionError('it starts or ends twice (try "every day at 9am until friday")')
    present = Present(anchor, tz)
    start, moment = _start(draft.bounds, present)
    lower = present.utc if start is None else max(present.utc, start - SECOND)
    clocks = _clocks(draft, rule)
    kind = _kind(rule, clocks, moment or present.wall, lower, start, present)
    notes = (rule.note,) if rule.note else ()
    found = Recurrence(expr, present.utc, tz, kind, _words(rule, clocks, kind), notes)
    found.bound(lower, _end(draft.bounds, present, start or present.utc), _times(draft.bounds))
    if found.first is None:
        raise TimeExpressionError('its end comes before its first time (try "every day at 9am")')
    return found


def _start(bounds: dict[str, Any], present: Present) -> tuple[datetime | None, datetime | None]:
    """The instant before which nothing fires, and the wall time a rule without clocks takes from it."""
    if "start_at" in bounds:
        found = bounds["start_at"](present).instant
        return found, found.astimezone(present.tz).replace(tzinfo=None)
    if "start_on" in bounds:
        day = _date(bounds["start_on"], present)
        if day < present.today:
            raise TimeExpressionError(f'{day:%Y-%m-%d} is past (try "starting tomorrow")')
        return wall_to_utc(datetime.combine(day, time()), present.tz), datetime.combine(day, present.wall.time())
    return None, None


def _date(day: moments.Day, present: Present) -> date:
    pick: Pick = day(present)
    return pick.roll if pick.roll and pick.date == present.today else pick.date


def _end(bounds: dict[str, Any], present: Present, start: datetime) -> datetime | None:
    if "until_at" in bounds:
        found: datetime = bounds["until_at"](present).instant
        return found
    if "until_on" in bounds:
        return wall_to_utc(datetime.combine(bounds["until_on"](present).date + DAY, time()), present.tz) - SECOND
    if "until_after" in bounds:
        after: datetime = bounds["until_after"].after(present, start)
        return after
    return None


def _times(bounds: dict[str, Any]) -> int:
    times: int = bounds.get("times", 0)
    if "times" in bounds and not 0 < times <= MOST_TIMES:
        raise TimeExpressionError(f'1 to {MOST_TIMES} times can be counted (try "5 times")')
    return times


def _clocks(draft: Draft, rule: Rule) -> list[time]:
    """The wall times of a day, earliest first; none where the phrase names none."""
    said = draft.clocks or ([(None, rule.part)] if rule.part else [])
    found = {_clock(clock, part or rule.part, rule) for clock, part in said}
    if len(found) < len(said):
        raise TimeExpressionError('the same time of day is named twice (try "every day at 9am and 5pm")')
    if found and rule.frequency == "SECONDLY":
        raise TimeExpressionError('hours and minutes count from their start (try "every 2 hours starting at 9am")')
    return sorted(found)


def _clock(clock: "moments.Clock | None", part: "str | None", rule: Rule) -> time:
    if part is None:
        assert clock is not None
        return moments.as_written(clock)
    later, (_, hour, minute, second) = moments.in_part(part, clock)
    if later and rule.frequency != "DAILY":
        raise TimeExpressionError('that is the morning after, so name that day (try "every saturday at 1am")')
    return time(hour, minute, second)


def _kind(
    rule: Rule, clocks: list[time], wall: datetime, lower: datetime, start: "datetime | None", present: Present
) -> "Step | Calendar":
    if rule.frequency == "SECONDLY":
        if rule.every < FASTEST:
            raise TimeExpressionError('that is faster than once a minute (try "every minute")')
        step = 0 if start is None else rule.every
        base = wall_to_utc(wall, present.tz) if start is not None else present.utc
        return Step(base - step * SECOND, rule.every)
    times = clocks or [wall.time()]
    if rule.every == 1 and (rule.by or (clocks and rule.frequency == "DAILY")):
        return Calendar(Dates(rule.frequency, 1, rule.by, _day(lower, present) - WIDEST_GAP), times, present.tz)
    phase = wall.date() if start is not None or not clocks else _day(lower, present)
    if rule.by:
        once = Calendar(Dates(rule.frequency, 1, rule.by, _day(lower, present)), times, present.tz)
    else:
        once = Calendar(Dates("DAILY", 1, {}, phase), times, present.tz)
    if rule.by or clocks:
        phase = next(once.fires(lower)).astimezone(present.tz).date()
    return Calendar(Dates(rule.frequency, rule.every, rule.by or _by(rule, phase), phase), times, present.tz)


def _day(instant: datetime, present: Present) -> date:
    return instant.astimezone(present.tz).date()


def _by(rule: Rule, phase: date) -> dict[str, Any]:
    """What keeps a bare step on the weekday or date it started from."""
    steps: dict[str, dict[str, Any]] = {
        "DAILY": {},
        "WEEKLY": {"byweekday": [(phase.weekday(), 0)]},
        "MONTHLY": {"bymonthday": [phase.day]},
        "YEARLY": {"bymonth": phase.month, "bymonthday": phase.day},
    }
    return steps[rule.frequency]


def _words(rule: Rule, clocks: list[time], kind: "Step | Calendar") -> str:
    times = clocks or (kind.clocks if isinstance(kind, Calendar) else [])
    words = f"every {rule.describe()}"
    if times:
        words += " at " + listing([f"{each:%H:%M}" for each in times])
    if isinstance(kind, Step):
        words += f", counted from {kind.base.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    return words
