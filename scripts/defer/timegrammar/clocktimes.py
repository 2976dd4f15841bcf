"""What a clock time may mean: the halves of a day, the part of it, either end of it; which was taken is a note.

A *clock* is ``(kind, hour, minute, second)``.
"""

from datetime import date, time

from .reading import A_TIME, Undecided
from .refusals.offers import HALVES
from .words import DAY_NAMES, ONES, PARTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .reading import Way

#: (kind, hour, minute, second). Kinds: `exact` (24-hour or with am/pm), `colon` (24-hour, but a
#: part of the day beside it may move it), `short` (the same, without a leading 0), `face` (said in words), `bare` (an
#: hour alone), `to` (so long before an hour), `half` (half nine), `midnight`, `early` (ten past it).
Clock = tuple[str, int, int, int]


def _meridian(hour: int, minute: int, second: int) -> list[tuple[int, time]]:
    """An hour without am or pm on a named day: as written, then the other half of the day."""
    if hour == 0 or hour > 12:
        return [(0, time(hour, minute, second))]
    if hour < 7:
        raise Undecided(f"{hour} in the morning or afternoon?", HALVES, f'an hour looks like "{hour}am" or "{hour}pm"')
    other = (0, time(hour + 12, minute, second)) if hour < 12 else (1, time(0, minute, second))
    return [(0, time(hour, minute, second)), other]


def spoken(named: int, hour: int, minute: int) -> Clock:
    """A clock said in words: ``named`` is the hour spoken, which `quarter to` puts one ahead."""
    return ("face" if named == hour else "to", hour, minute, 0)


def half_of(hour: int) -> Undecided:
    """Why `half nine` is refused: half past eight in some countries, half past nine in others."""
    earlier = (hour - 2) % 12 + 1
    said = [[str(earlier), str(hour)], [ONES[earlier], ONES[hour]]]
    ways = [(f"half {pair[1]}", f"half past {each}") for pair in said for each in pair]
    return Undecided(f"{earlier}:30 or {hour}:30?", ways)


def options(clock: Clock) -> list[tuple[int, time]]:
    """The times a clock may mean on a named day, the likelier first, as (days later, time)."""
    kind, hour, minute, second = clock
    if kind == "half":
        raise half_of(hour)
    if kind == "to":
        earlier = _meridian(hour % 12 + 1, minute, second)
        return [(0, _hour_before(moment)) for _, moment in earlier]
    if kind in ("face", "bare"):
        return _meridian(hour, minute, second)
    return [(0, time(hour, minute, second))]


def as_written(clock: Clock) -> time:
    """The time of day of a clock in a rule, where no day is nearer than another."""
    return options(clock)[0][1]


def _hour_before(moment: time) -> time:
    return moment.replace(hour=(moment.hour - 1) % 24)


# `evening`                  (0, exact 19:00), its usual hour
# `3 in the afternoon`       (0, exact 15:00): of 3 and 15 the one that lies in it
# `9:30 at night`            (0, exact 21:30)
# `1am at night`, `midnight at night`  (1, …): on the morning after
# `5 tonight`                (0, exact 17:00), not in the night of any other day
# `9 in the afternoon`, `12:30 in the morning`  refused: neither half of the day lies in it
def in_part(part: str, clock: "Clock | None") -> tuple[int, Clock]:
    """A clock beside a part of the day, as (days later, exact clock); an error where they differ."""
    night = part in ("night", "tonight")
    usual, first, last = PARTS["night" if night else part]
    if clock is None:
        return 0, ("exact", usual, 0, 0)
    kind, hour, minute, second = clock
    if kind == "half":
        raise half_of(hour)
    if kind == "midnight" and night:
        return 1, ("exact", 0, 0, 0)
    halves = [hour]
    if kind in ("colon", "short", "bare", "face", "to") and hour <= 12 and part != "morning":
        halves = [hour % 12, hour % 12 + 12]
    if night:
        halves = [each + 24 if each < 4 else each for each in halves]
    first = max(first, kind == "midnight")
    fitting = [each for each in halves if first <= each < last or (each == 17 and part == "tonight")]
    if len(fitting) != 1:
        raise Undecided(f"{hour}:{minute:02} is not in the {'night' if night else part}", _other_parts(part))
    return fitting[0] // 24, ("exact", fitting[0] % 24, minute, second)


def _other_parts(part: str) -> "list[Way]":
    """What may have been meant where a clock does not lie in ``part``: another part, or the other half of the day."""
    others: list[Way] = [
        (part, other) for other in ("morning", "afternoon", "evening") if part not in (other, "tonight")
    ]
    return [*others, ("tonight", "today"), ("tonight", "tomorrow"), ("am", "pm"), ("pm", "am")]


def _said(moment: time) -> str:
    """`noon`, `8 in the evening`, `12:30 at night`: a wall time on a 12-hour face."""
    if moment.minute == 0 and moment.hour % 12 == 0:
        return "noon" if moment.hour else "midnight"
    minutes = f":{moment.minute:02}" if moment.minute else ""
    parts = ((1, "at night"), (12, "in the morning"), (18, "in the afternoon"), (24, "in the evening"))
    return f"{moment.hour % 12 or 12}{minutes} {next(words for last, words in parts if moment.hour < last)}"


def halves_note(taken: time, first: bool) -> str:
    """Which half of the day a clock without am or pm was taken for: the ``first`` to come, or that of a named day."""
    other = taken.replace(hour=(taken.hour + 12) % 24)
    return f"{taken:%H:%M}: {_said(taken)}{' comes before ' if first else ', not '}{_said(other)}"


def as_written_note(clock: Clock, evening_ahead: bool = False) -> str:
    """That `5:30` is in the morning; of `9:30` that is told where 21:30 comes sooner, and else nobody doubts it."""
    kind, hour, minute, _ = clock
    told = kind == "short" and (0 < hour < 7 or (evening_ahead and hour < 12))
    return f"{time(hour, minute):%H:%M} in the morning, as written" if told else ""


def which_midnight(day: date, today: date) -> Undecided:
    """Why midnight on a named day is refused: its start is one day's end, its end the start of the next."""
    names = _names(day, today)
    ways: list[Way] = [
        (said.format(name), f"{each} 00:00")
        for name, following in names
        for said in _MIDNIGHTS
        for each in (name, following)
    ]
    shown = f"{DAY_NAMES[day.weekday()].capitalize()} {day}"
    return Undecided(_WHICH.format(shown), ways, A_TIME) if ways else either_midnight(shown)


def either_midnight(day: str) -> Undecided:
    """The same where no other name is known for the day after: a minute before it is."""
    ways: list[Way] = [
        (said, clock) for said in ("12 midnight", "twelve midnight", "midnight") for clock in ("00:00", "23:59")
    ]
    return Undecided(_WHICH.format(day), ways, A_TIME)


_WHICH = "midnight at the start or at the end of {}?"


#: How midnight stands beside a day.
_MIDNIGHTS = tuple(
    said.replace("midnight", midnight)
    for midnight in ("twelve midnight", "12 midnight", "midnight")
    for said in (
        *("{} at midnight", "{} midnight", "at midnight {}", "at midnight on {}", "midnight {}", "midnight this {}"),
        *("midnight on {}", "midnight on this {}"),
    )
)


def _names(day: date, today: date) -> list[tuple[str, str]]:
    """Names of a near day, each with one of the day after."""
    tomorrow = [("tomorrow", "the day after tomorrow")] if (day - today).days == 1 else []
    if not 0 < (day - today).days < 7:
        return []
    name, following = DAY_NAMES[day.weekday()], DAY_NAMES[(day.weekday() + 1) % 7]
    return [*tomorrow, *((short, following) for short in (name, name[:3]))]
