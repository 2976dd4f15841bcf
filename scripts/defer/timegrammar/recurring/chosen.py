"""What was chosen where recurring words left it open, as the notes beside the answer say it."""

from datetime import datetime, time

from defer.timegrammar.clocktimes import as_written, as_written_note, halves_note, in_part
from defer.timegrammar.moments import Present

from .bounds import WHOLE
from .draft import Draft, Rule
from .rules import Calendar, Step
from .series import Recurrence
from .twofold import nth


def notes(
    draft: Draft, rule: Rule, clocks: list[time], start: "datetime | None", kind: "Step | Calendar"
) -> tuple[str, ...]:
    """What was chosen where the words left it open."""
    found = [rule.note, *draft.notes]
    for clock, part in draft.clocks:
        if clock is None or part or rule.parts:
            continue
        open_half = clock[0] in ("bare", "face", "to") and 0 < clock[1] <= 12
        found.append(halves_note(as_written(clock), first=False) if open_half else as_written_note(clock))
    parts = [part for clock, part in draft.clocks if clock is None and part] or (() if draft.clocks else rule.parts)
    found += [
        f"{'' if part == 'tonight' else 'the '}{part} is taken as {in_part(part, None)[1][1]:02}:00" for part in parts
    ]
    if isinstance(kind, Calendar):
        found += _chosen(rule, clocks or _from_start(draft, kind), start, kind)
    return tuple(note for note in found if note)


def _from_start(draft: Draft, kind: Calendar) -> list[time]:
    """The time of day of a start that is an instant, or that elapses."""
    whole = draft.bounds.get("start", ("", "", ""))[2] == WHOLE
    return kind.clocks if whole or ("start_in" in draft.bounds and draft.bounds["start_in"].seconds) else []


def day_of(rule: Rule, kind: Calendar) -> str:
    """The day that a step of weeks, months or years keeps to where none is named."""
    day = kind.dates.phase
    named = {"WEEKLY": f"{day:%A}", "MONTHLY": f"the {nth(day.day)}"}
    return named.get(rule.frequency) or f"{day:%B} {day.day}"


def _chosen(rule: Rule, clocks: list[time], start: "datetime | None", kind: Calendar) -> list[str]:
    """The day and the time of day that were taken from the present, and what longer steps are counted from."""
    found = []
    phase = kind.dates.phase
    if start is None and not rule.by and rule.frequency != "DAILY":
        found.append(f"on {day_of(rule, kind)}, as today")
    if rule.frequency == "MONTHLY" and not rule.by and phase.day > 28:
        found.append(f"months without day {phase.day} are skipped")
    if not clocks:
        found.append(f"at {kind.clocks[0]:%H:%M}, the present time of day")
    elif rule.clock and not rule.parts and clocks == [time(*rule.clock[1:])]:
        found.append(f"at {clocks[0]:%H:%M}, as nothing else is said")
    if rule.every > 1:
        found.append(f"counted from {phase:%A %Y-%m-%d}")
    return found


def notes_on_bounds(draft: Draft, found: Recurrence, present: Present, start: "datetime | None") -> list[str]:
    """The day of a bound that is a clock alone, where a step begins, and a first fire that a change of clocks moves."""

    def shown(instant: datetime) -> str:
        return f"{instant.astimezone(present.tz):%A %Y-%m-%d %H:%M}"

    notes = []
    if start is not None and draft.bounds.get("start", (True,))[0] is None:
        notes.append(f"from {shown(start)}")
    last = draft.bounds.get("until", (True,))[0]
    # The end of `until november` is its first day, that of `through november` its last.
    if found.until is not None and (last is None or (callable(last) and last(present).say)):
        notes.append(f"until {shown(found.until)}")
    if found.times and draft.rule is not None and draft.rule.frequency == "DAILY":
        notes.append(f"{found.times} times in all")
    assert found.first is not None
    wall = found.first.astimezone(present.tz).replace(tzinfo=None)
    if not found.names(wall):
        notes.append(f"a change of the clock moves the first to {wall:%Y-%m-%d %H:%M}")
    return notes
