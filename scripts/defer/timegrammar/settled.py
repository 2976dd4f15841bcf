"""A recurring phrase fixed to the present in its zone."""

from datetime import date, datetime, time
from typing import Any

from . import bounds, twofold
from .clocktimes import Clock, as_written, as_written_note, either_midnight, halves_note, in_part
from .cronfields import notes_on
from .draft import Draft, Rule, listing
from .moments import Present
from .reading import A_CRON, TimeExpressionError, Undecided
from .rules import WIDEST_GAP, Calendar, Cron, Dates, Step
from .series import Recurrence
from .walls import SECOND, wall_to_utc
from .words import PARTS

FASTEST_SECONDS = 60


def settled(draft: Draft, expr: str, present: Present) -> Recurrence:
    """``draft`` scheduled at ``present``, said as ``expr``; an error where it never fires."""
    rule = draft.rule
    if rule is not None and rule.why:
        raise rule.why(expr, present)
    if "twice" in draft.bounds:
        raise TimeExpressionError('it starts or ends twice (each bound once, as in "every day at 9am until friday")')
    start, moment = bounds.start(draft.bounds, present)
    lower = present.utc if start is None else max(present.utc, start - SECOND)
    if rule is None:
        found = _of_cron(draft.fields, expr, present)
    else:
        clocks = _clocks(draft, rule)
        if clocks and start is None and not rule.by and rule.frequency in ("WEEKLY", "MONTHLY", "YEARLY"):
            raise twofold.which_day(rule, present)
        kind = _kind(rule, clocks, moment or present.wall, lower, start, present)
        words = draft.words or _words(rule, clocks, kind)
        notes = _notes(draft, rule, clocks, start, kind)
        found = Recurrence(expr, present.utc, present.tz, kind, words, notes)
    found.bound(lower, bounds.end(draft.bounds, present, start), bounds.times(draft.bounds))
    if found.first is None and rule is None and not draft.bounds:
        raise TimeExpressionError(f"those fields never meet ({A_CRON})")
    if found.first is None:
        raise TimeExpressionError('its end comes before its first time (an end looks like "until friday")')
    return found


def _notes(
    draft: Draft, rule: Rule, clocks: list[time], start: "datetime | None", kind: "Step | Calendar"
) -> tuple[str, ...]:
    """What was chosen where the words left it open."""
    notes = [rule.note, *draft.notes]
    for clock, part in draft.clocks:
        if clock is None or part or rule.parts:
            continue
        open_half = clock[0] in ("bare", "face", "to") and 0 < clock[1] <= 12
        notes.append(halves_note(as_written(clock), first=False) if open_half else as_written_note(clock))
    parts = [part for clock, part in draft.clocks if clock is None and part] or (() if draft.clocks else rule.parts)
    notes += [f"the {part} is taken as {PARTS[part][0]:02}:00" for part in parts]
    if isinstance(kind, Calendar):
        notes += _chosen(rule, clocks, start, kind)
    return tuple(note for note in notes if note)


def _chosen(rule: Rule, clocks: list[time], start: "datetime | None", kind: Calendar) -> list[str]:
    """The day and the time of day that were taken from the present, and what longer steps are counted from."""
    notes = []
    if start is None and not rule.by and rule.frequency != "DAILY":
        notes.append(f"on {_day_of(rule, kind)}, as today")
    if not clocks:
        notes.append(f"at {kind.clocks[0]:%H:%M}, the present time of day")
    elif rule.clock and not rule.parts and clocks == [time(*rule.clock[1:])]:
        notes.append(f"at {clocks[0]:%H:%M}, as nothing else is said")
    if rule.every > 1:
        notes.append(f"counted from {kind.dates.phase:%A %Y-%m-%d}")
    return notes


def _of_cron(fields: str, expr: str, present: Present) -> Recurrence:
    """A recurrence of cron fields."""
    from cronsim import CronSim, CronSimError

    try:
        words = CronSim(fields, present.utc).explain()
    except (CronSimError, ValueError, AssertionError):
        raise TimeExpressionError(f"those fields never meet ({A_CRON})") from None
    said = words[:1].lower() + words[1:]
    return Recurrence(expr, present.utc, present.tz, Cron(fields, present.tz), said, notes_on(fields))


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


def _day_of(rule: Rule, kind: Calendar) -> str:
    """The day that a step of weeks, months or years keeps to where none is named."""
    day = kind.dates.phase
    named = {"WEEKLY": f"{day:%A}", "MONTHLY": f"the {twofold.nth(day.day)}"}
    return named.get(rule.frequency) or f"{day:%B} {day.day}"


def _words(rule: Rule, clocks: list[time], kind: "Step | Calendar") -> str:
    times = clocks or (kind.clocks if isinstance(kind, Calendar) else [])
    words = f"every {rule.describe()}"
    if isinstance(kind, Calendar) and not rule.by and rule.frequency != "DAILY":
        words += f" on {_day_of(rule, kind)}"
    if times:
        words += " at " + listing([f"{each:%H:%M}" for each in times])
    return words
