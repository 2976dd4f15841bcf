"""A recurring phrase fixed to the present in its zone."""

from datetime import date, datetime, time
from typing import Any

from defer.timegrammar.clocktimes import Clock, as_written, either_midnight, in_part
from defer.timegrammar.moments import Present
from defer.timegrammar.reading import A_CRON, TimeExpressionError, Undecided
from defer.timegrammar.walls import SECOND, wall_to_utc

from . import bounds, chosen, twofold
from .cronfields import notes_on
from .draft import Draft, Rule, listing
from .rules import WIDEST_GAP, Calendar, Cron, Dates, Step
from .series import Recurrence

FASTEST_SECONDS = 60


def settled(draft: Draft, expr: str, present: Present) -> Recurrence:
    """``draft`` scheduled at ``present``, said as ``expr``; an error where it never fires."""
    rule = draft.rule
    if rule is not None and rule.why:
        raise rule.why(expr, present)
    if "twice" in draft.bounds:
        raise TimeExpressionError('it starts or ends twice (each bound once, as in "every day at 9am until friday")')
    bounds.check_stretch(draft.bounds, present)
    start, moment = bounds.start(draft.bounds, present)
    lower = present.utc if start is None else max(present.utc, start - SECOND)
    if rule is None:
        found = _of_cron(draft, expr, present)
    else:
        clocks = _clocks(draft, rule)
        if clocks and start is None and not rule.by and rule.frequency in ("WEEKLY", "MONTHLY", "YEARLY"):
            raise twofold.which_day(rule, present)
        kind = _kind(rule, clocks, moment or present.wall, lower, start, present)
        words = draft.words or _words(rule, clocks, kind)
        notes = chosen.notes(draft, rule, clocks, start, kind)
        found = Recurrence(expr, present.utc, present.tz, kind, words, notes)
    found.bound(lower, bounds.end(draft.bounds, present, start), bounds.times(draft.bounds))
    if found.first is None and rule is None and not draft.bounds:
        raise TimeExpressionError(f"those fields never meet ({A_CRON})")
    if found.first is None:
        raise TimeExpressionError('its end comes before its first time (an end looks like "until friday")')
    found.notes = (*found.notes, *chosen.notes_on_bounds(draft, found, present, start))
    return found


def _of_cron(draft: Draft, expr: str, present: Present) -> Recurrence:
    """A recurrence of cron fields."""
    from cronsim import CronSim, CronSimError

    try:
        words = CronSim(draft.fields, present.utc).explain()
    except (CronSimError, ValueError, AssertionError):
        raise TimeExpressionError(f"those fields never meet ({A_CRON})") from None
    said, kind = words[:1].lower() + words[1:], Cron(draft.fields, present.tz)
    return Recurrence(expr, present.utc, present.tz, kind, said, (*draft.notes, *notes_on(draft.fields)))


def _clocks(draft: Draft, rule: Rule) -> list[time]:
    """The wall times of a day, earliest first; none where the phrase names none."""
    own = [(rule.clock, None)] if rule.clock else [(None, part) for part in rule.parts]
    if draft.clocks and rule.parts[1:]:
        raise TimeExpressionError('name the hour of each part (two times look like "at 9am and 7pm")')
    said = draft.clocks or own
    found = {_clock(clock, part or next(iter(rule.parts), None), rule) for clock, part in said}
    if len(found) < len(said):
        raise TimeExpressionError('the same time of day is named twice (two times look like "at 9am and 5pm")')
    if found and rule.frequency == "SECONDLY":
        otherwise = 'a start looks like "starting at 9am"'
        minutes = [clock[1] for clock, _ in said if clock and clock[0] == "bare"]
        ways = [(digits, f":{minute:02}") for minute in minutes for digits in (str(minute), f"{minute:02}")]
        raise Undecided("hours and minutes count from their start", [("at", "starting at"), *ways], otherwise)
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
    if isinstance(kind, Calendar) and not rule.by and rule.frequency != "DAILY":
        words += f" on {chosen.day_of(rule, kind)}"
    if times:
        words += " at " + listing([f"{each:%H:%M}" for each in times])
    return words
