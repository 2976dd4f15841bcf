"""ISO 8601: instants, week and ordinal dates, periods; and dates written with dashes, slashes or dots."""

from datetime import UTC, date, datetime, timedelta

from .calendardays import on_date, slashed, whole_month
from .clocktimes import Clock
from .engine import REFUSED
from .moments import TOO_FAR, Day, Delay, Pick, Present, When, check_weekday
from .reading import A_DATE, Reading, TimeExpressionError
from .walls import DAY
from .words import MONTHS

#: The clock of an ISO date that stands alone, as in v1.
MIDNIGHT: Clock = ("exact", 0, 0, 0)


def iso_instant(text: str, weekday: "int | None" = None) -> When:
    """An ISO date and time; without an offset it is in the zone of the present. The date as written has the weekday."""

    def resolve(present: Present) -> Reading:
        head, _, tail = " ".join(text.split()).replace(" +", "+").replace(" -", "-").partition("t")
        day, clock = (head, tail) if tail else (head.partition(" ")[0], head.partition(" ")[2])
        found = _moment(f"{day.upper()}T{clock.upper().replace(',', '.')}")
        check_weekday(found.date(), weekday)
        if found.tzinfo:
            return present.answer(found.astimezone(UTC).replace(microsecond=0), grace=True)
        return present.answer(*present.on_wall(found.replace(microsecond=0)), grace=True)

    return resolve


def _moment(text: str) -> datetime:
    day, _, clock = text.partition("T")
    text, clock = (f"{day}T0{clock}", f"0{clock}") if clock[1:2] == ":" else (text, clock)
    try:
        if "W" not in day and len(day) in (7, 8) and (len(day) == 7 or day[4] == "-"):
            start = _ordinal(day.replace("-", ""))
            return datetime.fromisoformat(f"{start.isoformat()}T{clock}")
        return datetime.fromisoformat(text)
    except (ValueError, OverflowError) as error:
        raise TimeExpressionError(
            f'there is no such date or time: {error} (one looks like "2027-01-31T09:00")'
        ) from None


def _ordinal(digits: str) -> date:
    year, number = int(digits[:4]), int(digits[4:])
    found = date(year, 1, 1) + timedelta(days=number - 1)
    if found.year != year:
        raise ValueError(f"{year} has no day {number}")
    return found


def iso_day(text: str) -> Day:
    """An ISO week date, a week alone (its Monday) or an ordinal date: `2026-w52-4`, `2026-358`."""

    def pick(_present: Present) -> Pick:
        try:
            if "w" in text:
                found = date.fromisoformat(text.upper())
            else:
                found = _ordinal(text.replace("-", ""))
        except ValueError:
            raise TimeExpressionError(f"that year has no such day ({A_DATE})") from None
        friday = found + 4 * DAY if "w" in text and len(text.replace("-", "")) == 7 else None
        return Pick(found, clock=MIDNIGHT, full=True, last=friday)

    return pick


def iso_period(text: str) -> object:
    """An ISO period such as `pt30m` or `p1dt2h` as a delay."""
    calendar, _, clock = text[1:].partition("t")
    amounts = {**_amounts(calendar), **{f"t{unit}": n for unit, n in _amounts(clock).items()}}
    delay = Delay(
        months=int(12 * amounts.get("y", 0) + amounts.get("m", 0)),
        days=int(7 * amounts.get("w", 0) + amounts.get("d", 0)),
        seconds=round(3600 * amounts.get("th", 0) + 60 * amounts.get("tm", 0) + amounts.get("ts", 0)),
    )
    return REFUSED if delay.is_nothing() else delay


def _amounts(text: str) -> dict[str, float]:
    found: dict[str, float] = {}
    digits = ""
    for char in text:
        if char.isalpha():
            found[char] = float(digits)
            digits = ""
        else:
            digits += char
    return found


def dashes(parts: tuple[str, ...], weekday: "int | None" = None) -> object:
    """`2026-12-24`, `24-12-2026`, `24-dec-2026`, `24-dec-26`, `24-dec`; for `2026-12` its month."""
    if len(parts[0]) == 4:
        return _year_first(parts, weekday, MIDNIGHT) if len(parts) == 3 or len(parts[1]) == 2 else REFUSED
    year = parts[2] if len(parts) == 3 else ""
    if len(parts[0]) > 2 or len(year) not in (0, 2, 4):
        return REFUSED
    if parts[1] in MONTHS:
        return on_date(MONTHS[parts[1]], int(parts[0]), full_year(year) if year else None, weekday)
    digits = parts[1].isdigit() and len(year) == 4
    return slashed(int(parts[0]), int(parts[1]), int(year), weekday) if digits else REFUSED


def _year_first(parts: tuple[str, ...], weekday: "int | None", clock: "Clock | None" = None) -> object:
    if max(len(part) for part in parts[1:] if part.isdigit() or len(parts) == 2) > 2:
        return REFUSED
    month = MONTHS.get(parts[1], 0) or (int(parts[1]) if parts[1].isdigit() else 0)
    if not month and not parts[1].isdigit():
        return REFUSED
    if len(parts) == 3:
        return on_date(month, int(parts[2]), int(parts[0]), weekday, clock)
    return whole_month(on_date(month, 1, int(parts[0]))) if weekday is None else REFUSED


def slashes(parts: tuple[str, ...], weekday: "int | None" = None) -> object:
    """`12/24`, `12/24/2026`, `2026/12/24`; for `9/2027` its month."""
    sizes = [len(part) for part in parts]
    if sizes[0] == 4:
        return _year_first(parts, weekday)
    if sizes[0] > 2 or parts == ("24", "7"):
        return REFUSED
    if sizes[1:] == [4] and weekday is None:
        return whole_month(on_date(int(parts[0]), 1, int(parts[1])))
    if sizes[1] > 2 or sizes[2:] not in ([], [2], [4]):
        return REFUSED
    year = full_year(parts[2]) if len(parts) == 3 else None
    return slashed(int(parts[0]), int(parts[1]), year, weekday)


def dots(parts: tuple[str, ...], weekday: "int | None" = None) -> object:
    """`24.12.2026`, `24.12.26`, `24.12.`: the day first; `2026.12.24` the year."""
    if len(parts[0]) == 4:
        return on_date(int(parts[1]), int(parts[2]), int(parts[0]), weekday)
    number, month, year = int(parts[0]), int(parts[1]), parts[2]
    return on_date(month, number, full_year(year) if year else None, weekday)


def full_year(digits: str) -> int:
    """A year of two digits is in this century."""
    return int(digits) if len(digits) == 4 else 2000 + int(digits)


def epoch(seconds: int) -> When:
    """Seconds since 1970."""

    def resolve(present: Present) -> Reading:
        try:
            found = datetime.fromtimestamp(seconds, UTC)
        except (ValueError, OverflowError, OSError):
            raise TimeExpressionError(TOO_FAR) from None
        return present.answer(found, grace=True)

    return resolve
