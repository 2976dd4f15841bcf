"""What lines about whole expressions mean, if that is more than a moment by itself.

``dayactions`` has those of days, ``clockactions`` numbers and clock times, ``recuractions`` what recurs.
"""

from datetime import UTC, datetime, time, timedelta, timezone
from typing import Any

from . import calendardays, clockactions, dayactions, isotime, moments
from .clocktimes import Clock
from .dayactions import Date
from .engine import REFUSED
from .moments import Day, Delay, Present, When
from .reading import Reading, TimeExpressionError, Undecided

OFFICE_CLOSES = calendardays.OFFICE_CLOSES
LATE: Clock = ("exact", 23, 0, 0)


def value(found: object) -> object:
    """A number or a word as it stands, or what a piece came to."""
    return found


def pair(first: object, second: object = None) -> tuple[object, object]:
    """Two values that a line above takes together; None if the second is missing."""
    return first, second


def next_span(size: int) -> When:
    """The start of the next minute (60) or hour (3600) on the wall."""

    def resolve(present: Present) -> Reading:
        wall = present.wall.minute * 60 % size + present.wall.second
        return present.answer(present.utc + timedelta(seconds=size - wall))

    return resolve


def next_length(delay: Delay) -> Any:
    """`next 2 weeks`; `the next few days` is a stretch, and has no end to be sure of."""
    return REFUSED if delay.note else moments.wait(delay)


def at_same_time(day: Day) -> When:
    """A day at the present time of day, also where it has a clock of its own; the same moment of a week or longer."""

    def resolve(present: Present) -> Reading:
        pick = day(present)
        if pick.ahead:
            found = moments.wait(pick.ahead)(present)
            return Reading(found.instant, (*found.notes, moments.named_day(found.instant.astimezone(present.tz))))
        return moments.on_day(day, ("exact", present.wall.hour, present.wall.minute, present.wall.second))(present)

    return resolve


def late_year(found: Date, year: int, weekday: "int | None", clock: Clock, offset: "int | None") -> Any:
    """A date whose year stands behind its clock; an offset from UTC makes it an instant in every zone."""
    month, day, named = found
    if named is not None:
        return REFUSED
    dated_day = calendardays.on_date(month, day, year, weekday)
    if offset is None:
        return moments.on_day(dated_day, clock)
    return with_offset(dated_day, clock[1:], offset) if clock[0] in ("exact", "colon") else REFUSED


def with_offset(day: Day, clock: tuple[int, int, int], offset: int) -> Any:
    """A full date and a clock so many minutes east of UTC."""
    if clockactions.clock(clock) is REFUSED:
        return REFUSED

    def resolve(present: Present) -> Reading:
        found = day(present)
        if not found.full:
            looks = f'a full date looks like "{found.date}"'
            raise TimeExpressionError(f"an offset from UTC stands only behind a full date ({looks})")
        walls = datetime.combine(found.date, time(*clock), timezone(timedelta(minutes=offset)))
        return present.answer(walls.astimezone(UTC), found.note, grace=True)

    return resolve


def date_and_clock(day: Day, clock: tuple[int, int, int]) -> Any:
    """A date and the digits of a clock."""
    found = clockactions.clock(clock)
    return found if found is REFUSED else moments.on_day(day, found)


def date_at(parts: tuple[str, ...], weekday: int, clock: Clock) -> Any:
    """A clock between a weekday and its date in digits."""
    day: Any = isotime.dashes(parts, weekday)
    return day if day is REFUSED else moments.on_day(day, clock)


def wait_at(delay: Delay, clock: Clock) -> When:
    """A clock time on the day a delay ends."""
    return moments.on_day(moments.day_after_delay(delay), clock)


def from_day(delay: Delay, day: Day) -> When:
    """A delay after a day at its own clock or the present time of day."""
    return moments.from_anchor(delay, moments.on_day(day))


def weekday_and_date(weekday: int, clock: Clock, found: "Date | None", day: "int | None" = None) -> When:
    """`saturday 9am 24 october`, `saturday 9am the 24th`: a clock between a weekday and its date."""
    named = dayactions.dated(found, weekday) if found else calendardays.day_of_month(day or 0, weekday)
    return moments.on_day(named, clock)


def part_of_date(part: str, weekday: int, found: "Date | None", day: "int | None" = None) -> tuple[object, object]:
    """`saturday morning 24 october`, `saturday morning the 24th`."""
    named = dayactions.dated(found, weekday) if found else calendardays.day_of_month(day or 0, weekday)
    return pair(part, named)


def weekday_clock(weekday: int, weeks_ahead: int, clock: Clock) -> When:
    """`friday 3pm next week`."""
    return moments.on_day(calendardays.weekday_in_week(weekday, weeks_ahead), clock)


def weekday_later(weekday: int, delay: Delay, clock: Clock) -> Any:
    """`monday 9am in 2 weeks`: that day of the week in which whole weeks end."""
    day = dayactions.in_weeks_on(delay, weekday)
    return REFUSED if day is REFUSED else moments.on_day(day, clock)


def part_later(part: str, weekday: int, delay: Delay) -> Any:
    """`monday morning in 2 weeks`."""
    day = dayactions.in_weeks_on(delay, weekday)
    return REFUSED if day is REFUSED else pair(part, day)


def part_of_week(part: str, weekday: int, weeks_ahead: int) -> tuple[object, object]:
    """`friday morning next week`."""
    return pair(part, calendardays.weekday_in_week(weekday, weeks_ahead))


def part_after(part: str, delay: Delay) -> tuple[object, object]:
    """A part of the day on which a delay ends."""
    return pair(part, moments.day_after_delay(delay))


def in_part_after(delay: Delay, part: str, clock: Clock) -> When:
    """A clock in a part of the day on which a delay ends."""
    return moments.on_part(moments.day_after_delay(delay), part, clock)


def part_today(part: str) -> tuple[object, object]:
    """A part of today."""
    return pair(part, calendardays.today())


def lone_part(part: str, clock: "Clock | None" = None) -> Any:
    """The coming morning, afternoon or evening; a night alone may be the one that goes on."""
    return REFUSED if part == "night" else moments.next_part(part, clock)


def some_day() -> When:
    """`one day`, `another day`: more often some day than a day from now."""

    def resolve(_present: Present) -> Reading:
        ways = [("one day", "in one day"), ("another day", "in another day")]
        raise Undecided("a day from now, or some day?", ways)

    return resolve


def today_or_two_days() -> When:
    """`2day`: two days, and in chat today."""

    def resolve(_present: Present) -> Reading:
        raise Undecided("today, or two days?", [("2 day", "today"), ("2 day", "2 days")])

    return resolve


def late_night(day: Day, clock: "Clock | None" = None) -> When:
    """Late in the night of a day: 23:00 where no clock is named."""

    def resolve(present: Present) -> Reading:
        if clock is None:
            present.notes.append("late at night is taken as 23:00")
        return moments.on_part(day, "night", clock or LATE)(present)

    return resolve


def in_day_part(found: "tuple[str, Day | None]", clock: "Clock | None" = None) -> When:
    """A part of a day, or the coming one where no day is named."""
    part, day = found
    return moments.on_part(day, part, clock) if day else moments.next_part(part, clock)


def latest_on(day: Day, clock: Clock) -> When:
    """`tomorrow by 9am`."""
    return moments.latest(moments.on_day(day, clock))


def latest_in(found: "tuple[str, Day | None]", clock: Clock) -> When:
    """`tonight by 8`."""
    return moments.latest(in_day_part(found, clock))


def latest_part(day: Day, part: str, clock: Clock) -> When:
    """`tomorrow by 9 in the morning`."""
    return moments.latest(moments.on_part(day, part, clock))


def latest_end(day: Day) -> When:
    """`tomorrow by eod`."""
    return moments.latest(end_of_day(day))


def end_of_day(named: "Day | None" = None) -> When:
    """When offices close; today, where that is past, at the end of the day."""
    day = named or calendardays.today()

    def resolve(present: Present) -> Reading:
        pick = day(present)
        if pick.last:
            reason = f"at the end of which day? It has {pick.date} to {pick.last}"
            raise TimeExpressionError(f'{reason} (such a day looks like "{pick.last} 17:00")')
        closing = datetime.combine(present.today, datetime.min.time()).replace(hour=17)
        late = pick.coming and present.on_wall(closing)[0] < present.utc
        said: Clock = ("exact", 23, 59, 0) if late else OFFICE_CLOSES
        present.notes.append("17:00 is past: the end of the day" if late else "the end of the day is taken as 17:00")
        return moments.on_day(day, said)(present)

    return resolve
