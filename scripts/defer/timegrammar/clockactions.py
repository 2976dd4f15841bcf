"""What the lines about numbers, lengths of time and clock times come to.

A function takes what the row names and answers a value for the line above, or ``REFUSED`` where the shape fits and
the values cannot. A quantity is a fraction, ``(top, bottom)``; half a day is 0 before noon and 12 after it.
"""

from itertools import pairwise
from typing import Any

from .clocktimes import Clock, spoken
from .engine import REFUSED
from .moments import Delay, Present, When
from .reading import Reading, TimeExpressionError

DAY_MINUTES = 1440
#: What people divide a unit by; `12/24 hours` is a date gone astray.
_BOTTOMS = (2, 3, 4, 5, 6, 8, 10)
#: A unit of time and how many of it, as ``words.UNITS`` has them.
Unit = tuple[str, int]
#: Hour, minute and second as they are written.
Digits = tuple[int, int, int]


def whole(count: int) -> tuple[int, int]:
    """A whole number as a quantity."""
    return count, 1


def and_part(count: int, part: tuple[int, int]) -> tuple[int, int]:
    """`one and a half`."""
    top, bottom = part
    return count * bottom + top, bottom


def many_times(count: int, size: int) -> Any:
    """`two hundred`."""
    return count * size if count else REFUSED


def added(*counts: "int | None") -> Any:
    """`one hundred and twenty`: a smaller number behind a larger one; a zero behind it is not said."""
    said = [count for count in counts if count is not None]
    falls = all(smaller < larger for larger, smaller in pairwise(said))
    return sum(said) if falls and said[-1] else REFUSED


def fraction(parts: tuple[str, ...]) -> Any:
    """`3/4`; a date of three parts is not one, nor is a part that nobody counts in."""
    top, bottom = int(parts[0]), int(parts[1])
    return (top, bottom) if len(parts) == 2 and 0 < top < bottom and bottom in _BOTTOMS else REFUSED


def mixed(number: int, parts: tuple[str, ...]) -> Any:
    """`1 1/2`."""
    part = fraction(parts)
    return REFUSED if part is REFUSED else (number * part[1] + part[0], part[1])


def share(top: int, bottom: int, unit: Unit) -> Any:
    """``top / bottom`` of a unit: of a second rounded down, of a month only where nothing is left over."""
    kind, size = unit
    amount, rest = divmod(top * size, bottom)
    if kind == "second":
        return Delay(seconds=amount, unit=unit) if amount or not top else REFUSED
    if kind == "day":
        return Delay(days=amount, seconds=rest * 86400 // bottom, unit=unit)
    return REFUSED if rest else Delay(months=amount, unit=unit)


def length(quantity: tuple[int, int], unit: Unit) -> Any:
    """So many of a unit; `1.000 minutes` may be a thousand and is refused."""
    top, bottom = quantity
    return REFUSED if bottom == 1000 <= top else share(top, bottom, unit)


def length_and(count: int, unit: Unit, part: tuple[int, int]) -> Any:
    """`an hour and a half`: so many of a unit, and a part of one."""
    return share(*and_part(count, part), unit)


def few(unit: Unit) -> Any:
    """`a few minutes`: three, and a note says so."""
    found = share(3, 1, unit)
    found.note = "a few is taken as 3"
    return found


def part_of(part: tuple[int, int], unit: Unit) -> Any:
    """`three quarters of an hour`."""
    return share(*part, unit)


def slashed_of(parts: tuple[str, ...], unit: Unit) -> Any:
    """`1/2 an hour`, `3/4 of an hour`."""
    part = fraction(parts)
    return REFUSED if part is REFUSED else part_of(part, unit)


def elapsed(seconds: int) -> Delay:
    """A length that names no unit of its own."""
    return Delay(seconds=seconds)


def hours_minutes(hours: int, minutes: int, least: int) -> Any:
    """`1h30`, `an hour thirty`."""
    return Delay(seconds=hours * 3600 + minutes * 60) if hours < 24 and least <= minutes < 60 else REFUSED


def falling(lengths: list[Delay]) -> Any:
    """Lengths in a row; `1h30d` and `30m 2h` are slips, or two things, and refused."""
    sizes = [_size(each.unit) for each in lengths]
    return lengths if all(later < earlier for earlier, later in pairwise(sizes)) else REFUSED


def _size(unit: "Unit | None") -> int:
    """How long a unit is, near enough to tell which of two is the longer; without one, minutes were said last."""
    kind, count = unit or ("second", 60)
    return count * {"second": 1, "day": 86400, "month": 2629746}[kind]


def total(runs: list[list[Delay]]) -> Any:
    """Lengths added up; refused where they come to nothing, or name a unit twice."""
    lengths = [each for run in runs for each in run]
    summed = Delay()
    for each in lengths:
        summed = summed + each
    if len(lengths) == 1 and not summed.is_nothing():
        return lengths[0]
    repeated = len({each.unit for each in lengths}) < len(lengths)
    return REFUSED if summed.is_nothing() or repeated else summed


def exact(hour: int, minute: int, second: int = 0, kind: str = "exact") -> Any:
    """A 24-hour clock time."""
    return (kind, hour, minute, second) if hour < 24 and minute < 60 and second < 60 else REFUSED


def _halved(hour: int, minute: int, second: int, half: int) -> Any:
    fits = 1 <= hour <= 12 and minute < 60 and second < 60
    return ("exact", hour % 12 + half, minute, second) if fits else REFUSED


def between(number: int, least: int, most: int) -> Any:
    """A number that lies within its bounds."""
    return number if least <= number <= most else REFUSED


def fives(number: int) -> Any:
    """Minutes that are said without the word: 5, 10, up to 55."""
    return number if 0 < number < 60 and number % 5 == 0 else REFUSED


def late_fives(number: int) -> Any:
    """The same, where the number is not one of an hour."""
    return number if number > 12 and fives(number) is number else REFUSED


def clock(digits: Digits, kind: str = "exact") -> Any:
    """A clock time in digits."""
    return exact(*digits, kind)


def digits_clock(digits: Digits) -> Any:
    """A clock of four digits; digits that look like a year are not one."""
    return REFUSED if digits[0] in (19, 20) else exact(*digits)


def hundred_clock(hour: int, least: int) -> Any:
    """`seventeen hundred`: so many hours of the day; `nine hundred` wants an `oh` before it."""
    return exact(hour, 0) if least <= hour < (24 if least > 9 else 10) else REFUSED


def exact_words(numbers: list[int]) -> Any:
    """`oh nine thirty`."""
    hour, minute = numbers[-2:]
    return exact(hour, minute) if hour < 10 <= minute else REFUSED


def late_words(numbers: list[int]) -> Any:
    """`seventeen thirty`; `twenty twenty-six` is a year."""
    hour, minute = numbers
    return exact(hour, minute) if 12 < hour < 24 and hour != 20 and minute >= 10 else REFUSED


# `09h`                9, and it must be below 10: `17h` is a length of time
# `in 1700 hours`      (17, 0), 1 hour to the count
# `1:30h`              (1, 30), 60 minutes to the hour
# `1.30 hours`         (1, 30), 100 hundredths to the hour
def clock_or_hours(hour: int) -> Any:
    """`09h`: refused when it is settled, with both readings."""
    return _asked((hour, 0, 0), f"{_many(hour, 'hour')}", f"{hour}h") if 0 < hour < 10 else REFUSED


def clock_or_length(digits: Digits, parts: int) -> Any:
    """A clock before `hours`, which may count them: refused when it is settled, with both readings."""
    hour, minute, _ = digits
    if exact(*digits) is REFUSED or not (hour or minute):
        return REFUSED
    if parts == 1:
        days, hours = divmod(hour * 100 + minute, 24)
        return _asked(digits, f"{hour * 100 + minute} hours", f"{days}d {hours}h".removesuffix(" 0h"))
    if parts == 100:
        return _asked(digits, f"{hour}.{minute:02} hours", f"{(hour * 100 + minute) * 36 // 60}m")
    both = [(hour, "hour", "h"), (minute, "minute", "m")]
    words = " and ".join(_many(count, name) for count, name, _ in both if count)
    return _asked(digits, words, " ".join(f"{count}{letter}" for count, _, letter in both if count))


def _many(count: int, name: str) -> str:
    return f"{count} {name}{'s' if count > 1 else ''}"


def _asked(digits: Digits, words: str, short: str) -> When:
    wall = f"{digits[0]:02}:{digits[1]:02}"

    def resolve(_present: Present) -> Reading:
        raise TimeExpressionError(f'{wall}, or {words} from now? (try "{wall}" or "{short}")')

    return resolve


def half_day(found: "int | Digits", half: int) -> Any:
    """An hour, or a clock in digits, with am or pm."""
    return _halved(*(found if isinstance(found, tuple) else (found, 0, 0)), half)


def h_clock(hour: int, minute: int) -> Any:
    """`8h30`."""
    return exact(hour, minute)


def two_h_clock(numbers: list[int]) -> Any:
    """`15h00`."""
    hour, minute = numbers
    return exact(hour, minute)


def face_digits(digits: Digits) -> Any:
    """`1030`: hours of a 12-hour face that need no 0 before them."""
    return exact(*digits, "colon") if 10 <= digits[0] <= 12 else REFUSED


# `half past four`         4, None, 30              face 4:30, whichever half of the day comes sooner
# `quarter to four`        4, None, -15             to 3:45: it is four that was said, and that chooses the half
# `ten to 4pm`             4, 12, 10, -1            exact 15:50
# `five past midnight`     (midnight), None, 5      exact 0:05
# `ten past noon pm`       (noon), 12, 10           refused
def around(name: "int | Clock", half: "int | None", minutes: int, sign: int = 1) -> Any:
    """A clock said by its distance to an hour, which is a number of a 12-hour face, noon or midnight."""
    named = isinstance(name, tuple)
    if named and half is not None:
        return REFUSED
    hour = name[1] if isinstance(name, tuple) else name
    start = hour if named or half is None else hour % 12 + half
    amount = (start * 60 + sign * minutes) % DAY_MINUTES
    if named or half is not None:
        hour, minute = divmod(amount, 60)
        return exact(hour, minute, 0, "early" if named and not hour else "exact")
    return spoken(hour, amount % 720 // 60 or 12, amount % 60)


def to_hour(name: "int | Clock", minutes: int) -> Any:
    """`ten to four`, without am or pm."""
    return around(name, None, minutes, -1)


def early_to(minutes: int, hour: int) -> Any:
    """`10 to 5`; `10 to 12` and `5 to 9` are as likely a stretch, and refused."""
    return to_hour(hour, minutes) if minutes in (5, 10) and hour < minutes else REFUSED


def face_clock(hour: int, half: "int | None" = None) -> Any:
    """An hour said with `o'clock`."""
    return ("face", hour, 0, 0) if half is None else _halved(hour, 0, 0, half)


def late_hour(hour: int) -> Any:
    """`15 o'clock`: an hour of 24."""
    return exact(hour, 0) if hour > 12 else REFUSED


def half_hour(hour: int) -> Clock:
    """`half nine`: a clock that is refused when it is settled."""
    return "half", hour, 0, 0


def two_words(numbers: list[int], half: "int | None", least: int, most: int) -> Any:
    """`ten thirty`: an hour, and minutes within bounds."""
    hour, minute = numbers
    if not (1 <= hour <= 12 and least <= minute <= most):
        return REFUSED
    return ("face", hour, minute, 0) if half is None else _halved(hour, minute, 0, half)


def bare(hour: int, most: int) -> Any:
    """An hour alone."""
    return ("bare", hour, 0, 0) if hour <= most else REFUSED
