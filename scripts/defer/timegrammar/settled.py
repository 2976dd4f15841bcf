"""A recurring phrase fixed to the present in its zone."""

from datetime import UTC, date, datetime, time
from typing import Any

from . import moments
from .clocktimes import Clock, as_written, either_midnight, in_part
from .draft import Draft, Rule, listing
from .moments import Pick, Present
from .reading import A_CRON, TimeExpressionError, Undecided
from .rules import WIDEST_GAP, Calendar, Cron, Dates, Step
from .series import Recurrence
from .walls import DAY, SECOND, wall_to_utc

FASTEST_SECONDS = 60
#: More fires than this are not a bound worth counting to.
MOST_TIMES = 10_000


def settled(draft: Draft, expr: str, present: Present) -> Recurrence:
    """``draft`` scheduled at ``present``, said as ``expr``; an error where it never fires."""
    rule = draft.rule
    if rule is None:
        return _of_cron(draft.fields, expr, present)
    if "twice" in draft.bounds:
        raise TimeExpressionError('it starts or ends twice (each bound once, as in "every day at 9am until friday")')
    start, moment = _start(draft.bounds, present)
    lower = present.utc if start is None else max(present.utc, start - SECOND)
    clocks = _clocks(draft, rule)
    kind = _kind(rule, clocks, moment or present.wall, lower, start, present)
    notes = (rule.note,) if rule.note else ()
    found = Recurrence(expr, present.utc, present.tz, kind, _words(rule, clocks, kind), notes)
    found.bound(lower, _end(draft.bounds, present, start or present.utc), _times(draft.bounds))
    if found.first is None:
        raise TimeExpressionError('its end comes before its first time (an end looks like "until friday")')
    return found


def _of_cron(fields: str, expr: str, present: Present) -> Recurrence:
    """A recurrence of cron fields, which must fire at least once."""
    from cronsim import CronSim, CronSimError

    try:
        words = CronSim(fields, present.utc).explain()
    except (CronSimError, ValueError, AssertionError) as error:
        raise TimeExpressionError(f"{error} ({A_CRON})") from None
    found = Recurrence(expr, present.utc, present.tz, Cron(fields, present.tz), words[:1].lower() + words[1:])
    found.bound(found.anchor, None, 0)
    if found.first is None:
        raise TimeExpressionError(f"those fields never meet ({A_CRON})")
    return found


def _start(bounds: dict[str, Any], present: Present) -> tuple[datetime | None, datetime | None]:
    """The instant before which nothing fires, and the wall time a rule without clocks takes from it."""
    if "start_at" in bounds:
        found = bounds["start_at"](present).instant
        return found, found.astimezone(present.tz).replace(tzinfo=None)
    if "start_on" in bounds:
        day = _date(bounds["start_on"], present)
        if day < present.today:
            raise TimeExpressionError(f'{day:%Y-%m-%d} is past (a start looks like "starting tomorrow")')
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
        raise TimeExpressionError(f'1 to {MOST_TIMES} times can be counted (a count looks like "5 times")')
    return times


def _clocks(draft: Draft, rule: Rule) -> list[time]:
    """The wall times of a day, earliest first; none where the phrase names none."""
    said = draft.clocks or ([(None, rule.part)] if rule.part else [])
    found = {_clock(clock, part or rule.part, rule) for clock, part in said}
    if len(found) < len(said):
        raise TimeExpressionError('the same time of day is named twice (two times look like "at 9am and 5pm")')
    if found and rule.frequency == "SECONDLY":
        otherwise = 'a start looks like "starting at 9am"'
        raise Undecided("hours and minutes count from their start", [("at", "starting at")], otherwise)
    return sorted(found)


def _clock(clock: "Clock | None", part: "str | None", rule: Rule) -> time:
    if part is None:
        assert clock is not None
        if clock[0] == "midnight" and rule.frequency != "DAILY":
            raise either_midnight("the day")
        return as_written(clock)
    later, (_, hour, minute, second) = in_part(part, clock)
    if later and rule.frequency != "DAILY":
        raise TimeExpressionError('that is the morning after, so name that day (as in "every saturday at 1am")')
    return time(hour, minute, second)


# Said on Wednesday 18 November 2026 at 10:30:
#   `every 2h`                  a step counted from now: 12:30, 14:30
#   `every 2h starting at 1pm`  a step that fires at its start too: 13:00, 15:00
#   `every weekday at 9am`      dates as they come, in step with nothing: Thursday 9:00
#   `every 3 days`              in step with today, at the present time of day: Saturday 10:30, Tuesday
#   `every 3 days at 17:00`     in step with its first coming fire: today 17:00, Saturday
#   `every 2 weeks on monday`   the same: 23 November, 7 December
def _kind(
    rule: Rule, clocks: list[time], wall: datetime, lower: datetime, start: "datetime | None", present: Present
) -> "Step | Calendar":
    if rule.frequency == "SECONDLY":
        if rule.every < FASTEST_SECONDS:
            raise TimeExpressionError('that is faster than once a minute (the fastest is "every minute")')
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
